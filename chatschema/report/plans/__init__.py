"""Generic plans of the queries in pg_stat_statements, and indexes that would help; no query is run."""
