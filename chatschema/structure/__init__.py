"""The structure that migrations leave: recorded in the database, and compared with its catalog."""
