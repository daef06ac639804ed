"""Changes between two snapshots: queries that cost more than before, and changes of the indexes that they use."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from chatschema.errors import UsageError
from chatschema.report.compare import disuse, identity, queries, relations, transactions
from chatschema.report.compare.counters import ZERO, Counters
from chatschema.report.compare.queries import QueryChange
from chatschema.report.compare.relations import IndexChange, TableChange
from chatschema.report.compare.snapshot import Origin, Snapshot, Statement
from chatschema.report.result import Gap

Key = tuple[str, bool]


@dataclass(frozen=True, slots=True)
class Diff:
    """The changes; `queries` is None if a snapshot has none. `warnings` name the limits of the numbers."""

    earlier: Origin
    later: Origin
    statements_since: datetime
    relations_since: datetime
    queries: list[QueryChange] | None
    indexes: list[IndexChange]
    tables: list[TableChange]
    gaps: list[Gap]
    warnings: list[str]

    @property
    def regressed(self) -> list[QueryChange]:
        """Return the queries that cost more, worst first."""
        return [query for query in self.queries or () if query.state == "regressed"]


def compare(earlier: Snapshot, later: Snapshot, *, force: bool = False) -> Diff:
    """Return the changes from `earlier` to `later`.

    Raises UsageError for snapshots that cannot be compared: of different servers or databases, or in the wrong order.
    With `force`, snapshots of different servers are shown side by side, each with its totals.
    """
    a, b = earlier.origin, later.origin
    is_same = _is_same(a, b, force=force)
    statements_reset = _statements_reset(a, b) if is_same else b.statements_reset or b.since
    relations_reset = _relations_reset(a, b) if is_same else b.since
    indexes = relations.indexes(earlier, later, relations_reset)
    compared = None
    if earlier.statements is not None and later.statements is not None:
        changes = _changes(earlier.statements, later.statements, statements_reset)
        changes = identity.joined(changes, identity.recreated(earlier, later))
        has_reset = bool(statements_reset or relations_reset)
        counted = transactions.counted(earlier, later, goes_on=is_same, has_reset=has_reset)
        compared = queries.judged(changes, indexes, counted)
        indexes = relations.ordered(disuse.confirmed(indexes, compared))
    return Diff(
        earlier=a,
        later=b,
        statements_since=statements_reset or a.at,
        relations_since=relations_reset or a.at,
        queries=compared,
        indexes=indexes,
        tables=relations.tables(earlier, later, relations_reset, indexes),
        gaps=[*later.gaps, *(_former(gap) for gap in earlier.gaps if gap not in later.gaps)],
        warnings=_warnings(a, b, statements_reset, relations_reset) if is_same else _side_by_side(a, b),
    )


def _former(gap: Gap) -> Gap:
    return Gap(f"when A was taken: {gap.what}", "take a new one to compare with: chatschema report snapshot FILE")


def _is_same(a: Origin, b: Origin, *, force: bool) -> bool:
    """Return whether B continues the counts of A; raise UsageError if it does not, unless `force` is given."""
    systems = {a.system_identifier, b.system_identifier} - {None}
    differs = [
        what
        for what, is_other in (
            ("servers", len(systems) > 1 or a.is_standby != b.is_standby),
            ("databases", a.database_oid != b.database_oid),
        )
        if is_other
    ]
    if differs and not force:
        raise UsageError(
            f"the snapshots come from different {' and '.join(differs)} and cannot be compared:"
            f" A is of {_named(a)}, B is of {_named(b)}",
            "show them side by side, each with its totals: --force",
            code="snapshot.other-database",
        )
    if not differs and b.at == a.at:
        raise UsageError(
            "A and B are the same snapshot", "take a second one later: chatschema report snapshot FILE", code="snapshot.order"
        )
    if not differs and b.at < a.at:
        raise UsageError(
            f"B is older than A: {b.at:%Y-%m-%d %H:%M:%S} and {a.at:%Y-%m-%d %H:%M:%S} UTC",
            "swap them: the earlier snapshot comes first",
            code="snapshot.order",
        )
    return not differs


def _named(origin: Origin) -> str:
    kind = "standby" if origin.is_standby else "server"
    return f"database {origin.database} (oid {origin.database_oid}) on {kind} {origin.system_identifier or 'unknown'}"


def _statements_reset(a: Origin, b: Origin) -> datetime | None:
    """Return when pg_stat_statements was reset after A; a crash empties it as well."""
    if b.statements_reset and b.statements_reset != a.statements_reset and b.statements_reset > a.at:
        return b.statements_reset
    return b.cluster_reset if b.statements_reset is None and b.cluster_reset and b.cluster_reset > a.at else None


def _relations_reset(a: Origin, b: Origin) -> datetime | None:
    """Return when the counters of tables and indexes were reset after A."""
    return max((at for at in (b.database_reset, b.cluster_reset) if at and at > a.at), default=None)


def _warnings(a: Origin, b: Origin, statements_reset: datetime | None, relations_reset: datetime | None) -> list[str]:
    said = []
    if statements_reset:
        said.append(
            f"pg_stat_statements was emptied at {statements_reset:%Y-%m-%d %H:%M:%S} UTC: calls between A and then are missing"
        )
    if relations_reset:
        said.append(
            f"the statistics of tables and indexes were reset at {relations_reset:%Y-%m-%d %H:%M:%S} UTC:"
            " the counts since A start there"
        )
    evicted = (b.evictions or 0) - (0 if statements_reset else a.evictions or 0)
    if evicted > 0:
        said.append(f"totals are incomplete: pg_stat_statements removed entries {evicted} times; raise pg_stat_statements.max")
    if b.hidden or a.hidden:
        said.append(f"{max(a.hidden, b.hidden)} entries of other roles are hidden and left out")
    return said


def _side_by_side(a: Origin, b: Origin) -> list[str]:
    totals = f"the values before are A's totals, the others are B's totals since {b.since:%Y-%m-%d %H:%M:%S} UTC"
    return [f"A is of {_named(a)}, B of {_named(b)}: {totals}"]


def _changes(earlier: list[Statement], later: list[Statement], reset: datetime | None) -> list[QueryChange]:
    """Return each query with its counters up to A and after it, without a verdict."""
    former = {(one.userid, one.queryid, one.is_toplevel): one for one in earlier}
    before: dict[Key, Counters] = defaultdict(lambda: ZERO)
    between: dict[Key, Counters] = defaultdict(lambda: ZERO)
    texts: dict[Key, str | None] = {}
    restarted: dict[Key, datetime | None] = {}
    began: dict[Key, datetime] = {}
    for one in earlier:
        key = (one.queryid, one.is_toplevel)
        before[key] += one.counters
        texts[key] = texts.get(key) or one.query
        if one.stats_since:
            began[key] = min(began.get(key, one.stats_since), one.stats_since)
    for one in later:
        key = (one.queryid, one.is_toplevel)
        old = former.get((one.userid, *key))
        has_restarted = old is not None and (reset is not None or _has_restarted(old, one))
        between[key] += one.counters if old is None or has_restarted else one.counters.since(old.counters)
        if has_restarted:
            restarted[key] = one.stats_since or reset
        texts[key] = texts.get(key) or one.query
    return [
        QueryChange("same", *key, text, before[key], between[key], began_at=began.get(key), restarted_at=restarted.get(key))
        for key, text in texts.items()
    ]


def _has_restarted(old: Statement, new: Statement) -> bool:
    # Since version 17 each entry has its start time; before, a counter that fell shows a restart.
    is_told = old.stats_since is not None and new.stats_since is not None
    return (is_told and old.stats_since != new.stats_since) or new.counters.has_restarted(old.counters)
