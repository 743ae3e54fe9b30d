"""Load: frames into PostgreSQL. Knows nothing of B3."""
