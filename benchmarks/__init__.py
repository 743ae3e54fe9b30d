"""What PyB3 takes, beside what it could take at best and what others take."""
