"""The fault campaign: PyB3 killed, starved, lied to and crowded, and its tables held against an undisturbed run's."""
