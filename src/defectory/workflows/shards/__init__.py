"""A collection scored in shards, by any processes on any machines, and merged."""
