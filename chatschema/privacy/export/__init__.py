"""The export of one person's data to files."""
