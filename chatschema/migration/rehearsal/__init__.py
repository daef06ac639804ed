"""Rehearsals: the load of a chat beside a migration on a copy, and what its clients meet."""
