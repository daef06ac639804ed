"""Reports on the health of a database: SQL files that return findings, and the code that runs and compares them."""
