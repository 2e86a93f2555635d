"""What every application needs and none owns: contexts, routing, the cache, money, errors."""
