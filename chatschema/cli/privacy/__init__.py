"""chatschema privacy: one file a command."""
