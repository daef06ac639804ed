"""The reference application on one machine: a primary, a standby, PgBouncer, Redis, two API processes and a worker.

`python -m examples.pern.stack up` starts all of it, and Ctrl-C stops it.
`with Stack(Options(...)) as stack:` does the same in a test.
"""

from .stack import Options, Stack

__all__ = ["Options", "Stack"]
