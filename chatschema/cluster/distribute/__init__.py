"""A database to a cluster of Citus and back: where its tables live, the script, and the proof that no row was lost."""
