"""The groups of roles, their grants and policies: what sql/roles/ declares, compared with the database and restored in it."""
