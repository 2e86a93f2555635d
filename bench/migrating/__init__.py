"""What bench/migration.py is made of: an old database with known flaws, its import with kills, and the raw COPY."""
