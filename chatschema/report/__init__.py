"""Reports on the health of a database: SQL files that say what they find, and what is made of their answers."""
