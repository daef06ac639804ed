"""chatschema retention: one file a verb."""
