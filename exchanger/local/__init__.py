"""A real PostgreSQL and a real Redis-compatible server for one checkout, from Python wheels, without root or Docker."""
