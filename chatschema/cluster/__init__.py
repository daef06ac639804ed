"""From one server to replicas to a cluster of Citus: which step is due, and what stands in its way."""
