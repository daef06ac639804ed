"""chatschema partition: one file a command; nothing is loaded by naming the package."""
