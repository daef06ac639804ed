"""chatschema partition: one file a command; importing the package loads nothing else."""
