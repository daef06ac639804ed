"""The archive of a month: its files, their manifest, and whether they are still what was written."""
