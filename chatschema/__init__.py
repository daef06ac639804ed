"""Own the PostgreSQL schema of a chat application: migrations, monthly partitions, seeds and reports."""

__version__ = "0.2.0"
