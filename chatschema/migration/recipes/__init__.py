"""Recipes: the files of changes that a chat database takes while it is in use: `new migration --recipe`."""
