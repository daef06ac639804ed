"""Lint: what a migration does to others while it runs, and what it leaves behind, read from its text before it runs."""
