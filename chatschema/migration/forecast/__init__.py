"""What a migration will do, found by running it on a copy of the structure of the database."""
