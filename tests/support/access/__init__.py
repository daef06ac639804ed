"""A small world in which everybody of docs/reference/access.md acts, and what each of its rows means in SQL."""
