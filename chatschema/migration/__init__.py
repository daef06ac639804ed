"""Migrations: the files, the ledger, and running the one against the other. The only package that knows yoyo."""
