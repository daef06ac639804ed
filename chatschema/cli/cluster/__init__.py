"""chatschema cluster: one file a verb."""
