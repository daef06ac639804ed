"""What became of the numbers between two snapshots of a database."""
