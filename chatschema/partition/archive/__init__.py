"""The archive of a month: its files, their manifest, and the check that they are unchanged."""
