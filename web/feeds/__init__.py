"""Providers of rates: what they publish, fetched and read with suspicion."""
