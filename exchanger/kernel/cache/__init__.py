"""The one coherent cache in front of PostgreSQL: namespaces (what), keys (where), leases (how)."""
