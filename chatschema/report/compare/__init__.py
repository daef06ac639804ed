"""The comparison of two snapshots of a database's statistics."""
