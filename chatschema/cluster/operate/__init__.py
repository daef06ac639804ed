"""A distributed database at work: its state, another worker, shards that move, a shard for one conversation."""
