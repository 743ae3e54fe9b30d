"""Fuzzing guided by coverage: what no example thought of, looked for by the million."""
