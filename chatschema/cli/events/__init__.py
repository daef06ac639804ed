"""chatschema events: the outbox for the caches of the application, one command a file."""
