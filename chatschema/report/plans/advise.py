"""Indexes that would help the queries with the highest total time, tried with HypoPG, and indexes that could be dropped."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from psycopg import sql

from chatschema.errors import ChatschemaError, ExitCode
from chatschema.postgres import Connection
from chatschema.report.plans import generic, hypopg, reading
from chatschema.report.plans.reading import Table
from chatschema.report.plans.rights import Statement
from chatschema.report.result import Finding

MIN_TOTAL_MS = 50
MIN_COST = 100
# The share of its cost that a query must save; each further column of an index must save it again.
MIN_SAVED = 0.5
# A query needs a hidden index if its cost rises by more than this; less is noise of the estimates.
MISSED = 1.1
_DROPPABLE = ("unused", "rare", "duplicate", "redundant")
_MAX_EQUAL, _MAX_TAIL = 4, 3
# Each query is planned many times: only those with the highest total time are.
_MOST = 50
NOTE = "these are estimates by the planner, for generic plans: try an index on a copy of the database before you create it"


@dataclass(frozen=True, slots=True)
class Effect:
    """A query's cost with and without an index, in the planner's units; `saved_ms`: of its total since the statistics began."""

    n: int
    queryid: str
    query: str
    calls: int
    total_ms: float
    cost_before: float
    cost_after: float
    saved_ms: float


@dataclass(frozen=True, slots=True)
class Advice:
    """An index to create.

    `size_bytes` is HypoPG's estimate, which is high where values repeat; `writes` are the table's since its statistics began.
    """

    table: str
    columns: tuple[str, ...]
    create: str
    undo: str
    size_bytes: int
    writes: int
    saved_ms: float
    queries: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Hidden:
    """An index that a report calls unused or repeated, and the queries whose plans would be worse without it."""

    index: str
    check: str
    queries: tuple[Effect, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A query that was planned: its row of the report, its plan, and the tables that it reads."""

    row: Mapping[str, Any]
    statement: Statement
    plan: generic.Plan
    tables: list[Table]

    def effect(self, after: float) -> Effect:
        """Return the effect of another cost on it."""
        row, before = self.row, self.plan.cost
        saved = round(row["total_ms"] * (1 - after / before), 1) if before else 0.0
        return Effect(row["n"], row["queryid"], row["query"], row["calls"], row["total_ms"], before, after, saved)


@dataclass
class Planned:
    """The queries that were planned, and why others were not, by their place."""

    queries: list[Query] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


def worth_it(rows: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows of the report on queries that are worth an index."""
    worth = [row for row in rows if row["queryid"] and row["total_ms"] >= MIN_TOTAL_MS and generic.is_planned(row["query"])]
    return worth[:_MOST]


def planned(connection: Connection, rows: Iterable[Mapping[str, Any]], statements: Mapping[str, Statement]) -> Planned:
    """Return the plans of the queries. Raises ServerError when the connection is lost."""
    result = Planned()
    for row in rows:
        statement = statements.get(row["queryid"], Statement("", refusal="pg_stat_statements has removed its entry"))
        try:
            found = generic.explain(connection, statement, with_lines=False)
        except ChatschemaError as error:
            if error.exit_code == ExitCode.UNREACHABLE:
                raise
            result.refused[row["n"]] = error.message
        else:
            result.queries.append(Query(row, statement, found, reading.tables(connection, found.tree)))
    return result


def indexes(connection: Connection, queries: Sequence[Query], schema: str) -> list[Advice]:
    """Return the indexes that would help, the most time saved first. HypoPG is in `schema`; its indexes are removed again."""
    wanted: dict[tuple[str, tuple[str, ...]], Table] = {}
    for query in queries:
        if query.plan.cost >= MIN_COST and (best := _best(connection, query, schema)):
            wanted[best[0].name, best[1]] = best[0]
    found = [_advice(connection, queries, table, columns, schema) for (_, columns), table in wanted.items()]
    kept: list[Advice] = []
    helped: set[int] = set()
    # One index per query: of two that help the same queries, the one that saves more.
    for one in sorted(found, key=lambda one: (-one.saved_ms, len(one.columns), one.columns)):
        places = {effect.n for effect in one.queries}
        if not places <= helped:
            kept.append(one)
            helped |= places
    return kept


def _best(connection: Connection, query: Query, schema: str) -> tuple[Table, tuple[str, ...]] | None:
    """Return the index that lowers the query's cost most, if enough; a wider one only where it halves what the narrower leaves."""
    tried = candidates(query)
    limit = query.plan.cost * MIN_SAVED
    # All at once: if even that does not help, as is usual, there is no need to try each.
    if not tried or _cost(connection, query, schema, tried) > limit:
        return None
    best: tuple[Table, tuple[str, ...]] | None = None
    cost = lowest = query.plan.cost
    for width in (1, 2, 3):
        costs = [(_cost(connection, query, schema, [one]), at) for at, one in enumerate(tried) if len(one[1]) == width]
        if costs and min(costs)[0] <= cost * MIN_SAVED:
            lowest, at = min(costs)
            best = tried[at]
        cost = lowest
    return best


def candidates(query: Query) -> list[tuple[Table, tuple[str, ...]]]:
    """Return tables and columns, narrow ones first: those compared for equality, then one of a range or an order."""
    found: list[tuple[Table, tuple[str, ...]]] = []
    for table in query.tables:
        equal, tail = _columns(query.plan.tree, table)
        sets: list[tuple[str, ...]] = [(column,) for column in [*equal, *tail]]
        for count in (2, 3):
            sets += [(*first, last) for first, last in product(combinations(equal, count - 1), tail) if last not in first]
            sets += combinations(equal, count)
        there = {columns[: len(one)] for columns in table.indexed for one in sets}
        found += [(table, one) for one in dict.fromkeys(sets) if one not in there]
    return sorted(found, key=lambda one: len(one[1]))


def _columns(tree: dict[str, Any], table: Table) -> tuple[list[str], list[str]]:
    """Return the table's columns that the plan compares for equality, and those that it compares otherwise or sorts by."""
    aliases = set()
    for node in reading.scans(tree):
        if (node.get("Schema"), node["Relation Name"]) in table.members:
            alias = str(node["Alias"])
            # Nodes above the partitions call them by the alias of the partitioned table.
            aliases |= {alias, alias.rpartition("_")[0]} if table.is_partitioned else {alias}
    equal: list[str] = []
    tail: list[str] = []
    for node in generic.nodes(tree):
        text = reading.conditions(node)
        for column, how in (pair for alias in sorted(aliases) for pair in reading.compared(text, alias, table.texts)):
            (equal if how == "=" else tail).append(column)
        tail += [column for alias in sorted(aliases) for column in reading.sorted_by(node, alias)[:1]]
    usable = [column for column in dict.fromkeys(equal) if column in table.columns][:_MAX_EQUAL]
    return usable, [column for column in dict.fromkeys(tail) if column in table.columns and column not in usable][:_MAX_TAIL]


def _cost(connection: Connection, query: Query, schema: str, tried: Sequence[tuple[Table, tuple[str, ...]]]) -> float:
    """Return the query's cost if the indexes existed."""
    with hypopg.created(connection, schema, [(table.name, _quoted(table, columns)) for table, columns in tried]):
        return _cost_now(connection, query)


def _cost_now(connection: Connection, query: Query) -> float:
    """Return the query's cost; the earlier one if a lock or a timeout prevents planning, so that others continue."""
    try:
        return generic.explain(connection, query.statement, with_lines=False).cost
    except ChatschemaError as error:
        if error.exit_code == ExitCode.UNREACHABLE:
            raise
        return query.plan.cost


def _quoted(table: Table, columns: Iterable[str]) -> list[str]:
    return [table.columns[column] for column in columns]


def _advice(connection: Connection, queries: Sequence[Query], table: Table, columns: tuple[str, ...], schema: str) -> Advice:
    """Return the index with all the queries that it alone helps."""
    effects = []
    for query in queries:
        if query.plan.cost >= MIN_COST and any(table.name == read.name for read in query.tables):
            after = _cost(connection, query, schema, [(table, columns)])
            if after <= query.plan.cost * MIN_SAVED:
                effects.append(query.effect(after))
    keys = _quoted(table, columns)
    parts = [sql.Identifier(*part).as_string(None) for part in table.members]
    # On each partition: HypoPG takes a partitioned table for empty if nobody has analyzed it, and autovacuum never does.
    with hypopg.created(connection, schema, [(part, keys) for part in parts]) as size:
        create, undo = hypopg.statements(connection, table, columns)
    saved = round(sum(effect.saved_ms for effect in effects), 1)
    return Advice(table.name, columns, create, undo, size, table.writes, saved, tuple(effects))


def missed(connection: Connection, queries: Sequence[Query], findings: Iterable[Finding], schema: str) -> list[Hidden]:
    """Return the unused, rare and repeated indexes of the report, each with the queries that cost more while it is hidden."""
    result = []
    for finding in findings:
        if finding.check not in _DROPPABLE or not finding.object or not finding.fix:
            continue
        with hypopg.hidden(connection, schema, finding.object) as is_hidden:
            if is_hidden:
                costs = [_cost_now(connection, query) for query in queries]
                pairs = zip(queries, costs, strict=True)
                worse = tuple(query.effect(cost) for query, cost in pairs if cost > query.plan.cost * MISSED)
                result.append(Hidden(finding.object, finding.check, worse))
    return result
