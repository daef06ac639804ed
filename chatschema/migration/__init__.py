"""Migrations: the files, the ledger of applied ones, and the engine. The only package that imports yoyo."""
