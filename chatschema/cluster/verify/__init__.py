"""What is not the same on all nodes of a distributed database, with the statements that repair it."""
