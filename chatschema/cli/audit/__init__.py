"""chatschema audit, a file a command."""
