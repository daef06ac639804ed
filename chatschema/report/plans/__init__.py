"""The plans of the queries that the server keeps, read without running one, and the indexes that would help them."""
