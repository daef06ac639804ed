"""chatschema batch: one file a command; importing the package loads nothing else."""
