"""Data migrations in batches: a file with `-- batch: TABLE by KEY` changes a large table while the application works."""
