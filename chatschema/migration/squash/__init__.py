"""Squashed migrations: one file, S_ID.sql, that an empty database runs instead of all migrations up to ID."""
