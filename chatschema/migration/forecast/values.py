"""The forecast of a file: for each statement its locks, the tables that it rewrites or reads, and an estimate of its time."""

from dataclasses import dataclass, field
from typing import Literal

# Where the locks of a statement come from: it was run on the copy; it was not, and its text was read; or nothing is known.
Source = Literal["copy", "text", "unknown"]


@dataclass(frozen=True, slots=True)
class TableLock:
    """A lock on a table: its qualified name, the mode as in pg_locks, and how many of its partitions are locked.

    `is_parent`: whether the table itself is locked, and not only partitions of it.
    """

    relation: str
    mode: str
    partitions: int
    is_parent: bool


@dataclass(frozen=True, slots=True)
class Check:
    """The query that looks for the rows of `table` in another one, for a new foreign key; `known`: that they have values."""

    table: str
    query: str
    known: str


@dataclass(frozen=True, slots=True)
class Work:
    """What a statement does with the rows of a table or partition: rewrites or reads them, builds indexes, and checks keys.

    `checks`: new foreign keys of it, and of others that look for rows in it; the planner decides how it is read, `is_scan` is as on
    the copy.
    """

    table: str
    is_rewrite: bool = False
    is_scan: bool = False
    builds: int = 0
    keys: int = 0
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A statement, and what it will do.

    `locks` are those that it adds to the locks of the statements before it in its transaction. `rewrites` and `scans` are
    qualified names, a partition as its parent; None if they are not known. `why` tells why the statement was not run on the copy;
    `is_refused`: the copy's server refused it. `is_about_rows`: the planner decides which tables it reads whole, by their sizes.
    """

    sql: str
    line: int
    start: int
    transactional: bool
    locks: tuple[TableLock, ...] = ()
    rewrites: tuple[str, ...] | None = ()
    scans: tuple[str, ...] | None = ()
    work: tuple[Work, ...] = ()
    source: Source = "copy"
    why: str = ""
    is_about_rows: bool = False
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """The statements of a file. `left_out`: how many statements on rows are not among them, because there are too many."""

    id: str
    checksum: str
    statements: tuple[Foreseen, ...]
    left_out: int = 0
    problems: tuple[str, ...] = field(default=())
