"""The protocol's own code, run by a seeded scheduler on stores in memory that lose, delay, repeat and forget."""
