"""Retention of what no other part removes: rows of small tables, entries of the audit trail, files on disk."""
