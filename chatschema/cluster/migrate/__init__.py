"""Migrations on a distributed database: where their new tables go, what they may not touch, and what Citus refuses."""
