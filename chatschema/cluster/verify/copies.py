"""Tables that are copied to every node: counted and summed on each, and where they differ, row by row while nobody writes."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from chatschema import postgres
from chatschema.cluster import nodes
from chatschema.cluster.nodes import Place
from chatschema.cluster.verify.finding import OWN, SHARDS, Finding
from chatschema.postgres import Connection, locks

_TABLES = """
    select n.nspname, c.relname, pg_catalog.shard_name(s.logicalrelid, s.shardid),
        array(
            select a.attname::text from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attname
        ),
        array(
            select a.attname::text from pg_catalog.pg_index as i
            join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
            where i.indrelid = c.oid and i.indisprimary order by a.attnum
        ),
        array(
            select quote_ident(a.attname) from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' order by a.attnum
        )
    from pg_catalog.pg_dist_partition as p
    join pg_catalog.pg_dist_shard as s using (logicalrelid)
    join pg_catalog.pg_class as c on c.oid = p.logicalrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where p.partmethod = 'n' and p.repmodel = 't' order by 1, 2
"""
# Rows are compared in so many groups by the hash of their key, and those of so many groups one by one.
_GROUPS, _OPENED, _SHOWN = 1024, 8, 3


@dataclass(frozen=True, slots=True)
class Copy:
    """A copied table, the name of its copies on the nodes, its columns, its primary key, and, quoted, the columns not generated."""

    schema: str
    table: str
    shard: str
    columns: Sequence[str]
    keys: Sequence[str]
    given: Sequence[str]

    @property
    def name(self) -> sql.Identifier:
        """The table, quoted."""
        return sql.Identifier(self.schema, self.table)

    @property
    def copy(self) -> sql.Composable:
        """The copy of a node, quoted."""
        schema, _, name = self.shard.rpartition(".")
        # Citus quoted it.
        return sql.SQL(self.shard if schema else f"public.{name}")

    @property
    def hash(self) -> sql.Composable:
        """The hash of a row."""
        return _hash(self.columns)


def tables(connection: Connection) -> list[Copy]:
    """Return the copied tables."""
    return [Copy(*row) for row in postgres.fetch_all(connection, _TABLES)]


def findings(connection: Connection, copied: Sequence[Copy]) -> Iterator[Finding]:
    """Yield the tables whose copies differ, with the keys of rows. Writers wait only for a comparison of rows that differ.

    Raises Busy where writers do not let go of a table that differs.
    """
    sums = nodes.documents(connection, _one(connection, {_name(connection, one): _sum(one) for one in copied}))
    expected = next(found for place, found in sums.items() if place.group == 0)
    for one in copied:
        name = _name(connection, one)
        if any(found[name] != expected[name] for found in sums.values()):
            # Two nodes are never read in the same moment; now nobody writes.
            yield from locks.in_transaction(connection, functools.partial(_locked, connection, one), locks.DDL)


def _locked(connection: Connection, one: Copy) -> list[Finding]:
    postgres.execute(connection, "set local citus.enable_ddl_propagation = off")
    postgres.execute(connection, sql.SQL("lock table {} in share mode").format(one.name))
    group = sql.SQL("({} & {})").format(_hash(one.keys), _GROUPS - 1)
    whole = nodes.documents(connection, _text(connection, _grouped(one, group, one.hash, sql.SQL("true"))))
    coordinator = next(place for place in whole if place.group == 0)
    found = []
    for place, sums in whole.items():
        differing = [key for key in {*sums, *whole[coordinator]} if sums.get(key) != whole[coordinator].get(key)]
        if differing:
            opened = sql.SQL("{} = any ({})").format(group, sql.Literal([int(key) for key in differing[:_OPENED]]))
            key = sql.SQL("jsonb_build_array({})").format(sql.SQL(", ").join(map(sql.Identifier, one.keys)))
            rows = nodes.documents(connection, _text(connection, _grouped(one, key, one.hash, opened)), [coordinator, place])
            found.append(_finding(connection, one, coordinator, place, rows, is_all=len(differing) <= _OPENED))
    return found


def _finding(
    connection: Connection, one: Copy, coordinator: Place, place: Place, rows: Mapping[Place, Any], *, is_all: bool
) -> Finding:
    ours, theirs = rows[coordinator], rows[place]
    other = sorted(key for key in ours if theirs.get(key) != ours[key])
    extra = sorted(theirs.keys() - ours.keys())
    parts = [
        f"{len([key for key in other if key in theirs])} rows are others",
        f"{len([key for key in other if key not in theirs])} are missing",
        f"{len(extra)} are extra",
    ]
    shown = ", ".join((other + extra)[:_SHOWN])
    reason = f"{', '.join(parts)}{'' if is_all else ', and more in groups that were not opened'}: {shown}"
    name = _name(connection, one)
    if extra:
        do = (
            OWN,
            SHARDS,
            "set session_replication_role = replica",
            _text(connection, sql.SQL("delete from {} where {}").format(one.copy, _is_one_of(one, extra))),
        )
        more = "; then run verify again for the others" if other else ""
        return Finding("cluster.copy-differs", place.name, name, reason + more, place.name, do)
    return Finding("cluster.copy-differs", place.name, name, reason, coordinator.name, (_copied(connection, one, other),))


def _copied(connection: Connection, one: Copy, keyed: Sequence[str]) -> str:
    """Return the statement that writes rows of the coordinator over those of the nodes that differ; it shows no value of them."""
    columns = ", ".join(one.given)
    keys = ", ".join(sql.Identifier(key).as_string(connection) for key in one.keys)
    excluded = ", ".join(f"excluded.{column}" for column in one.given)
    inner = (
        "with s as materialized (select set_config('session_replication_role', 'replica', true))"
        f" insert into %%1$s as o ({columns}) overriding system value"
        f" select {columns} from s, jsonb_populate_record(null::%%1$s, %L) as v on conflict ({keys})"
        f" do update set ({columns}) = row({excluded}) where row(o.*) is distinct from row(excluded.*)"
    )
    name = _name(connection, one)
    where = _text(connection, _is_one_of(one, keyed, "t"))
    return (
        f"select r.nodename, r.nodeport, r.success, r.result from {name} as t"
        f" cross join lateral run_command_on_placements({_literal(connection, name)},"
        f" format({_literal(connection, inner)}, replace(to_jsonb(t)::text, '%', '%%'))) as r where {where}"
    )


def _is_one_of(one: Copy, keys: Sequence[str], alias: str | None = None) -> sql.Composable:
    columns = [sql.Identifier(alias, key) if alias else sql.Identifier(key) for key in one.keys]
    return sql.SQL("jsonb_build_array({})::text in ({})").format(
        sql.SQL(", ").join(columns), sql.SQL(", ").join(map(sql.Literal, keys))
    )


def _grouped(one: Copy, group: sql.Composable, value: sql.Composable, where: sql.Composable) -> sql.Composable:
    return sql.SQL(
        "select coalesce(jsonb_object_agg(g.name, g.sum), '{{}}')::text from (select {}::text as name, sum({})::text as sum"
        " from {} where {} group by 1) as g"
    ).format(group, value, one.copy, where)


def _sum(one: Copy) -> sql.Composable:
    return sql.SQL("(select jsonb_build_array(count(*), coalesce(sum({}), 0)::text) from {})").format(one.hash, one.copy)


def _one(connection: Connection, values: Mapping[str, sql.Composable]) -> str:
    """Return the query of one document with these values by name."""
    pairs = sql.SQL(", ").join(sql.SQL("{}, {}").format(sql.Literal(name), value) for name, value in values.items())
    return _text(connection, sql.SQL("select jsonb_build_object({})::text").format(pairs))


def _hash(columns: Sequence[str]) -> sql.Composable:
    return sql.SQL("hash_record_extended(row({}), 0)").format(sql.SQL(", ").join(map(sql.Identifier, columns)))


def _name(connection: Connection, one: Copy) -> str:
    schema, table = (sql.Identifier(part).as_string(connection) for part in (one.schema, one.table))
    plain = f"{one.schema}.{one.table}"
    return plain if plain.replace(".", "").isidentifier() and plain == plain.lower() else f"{schema}.{table}"


def _literal(connection: Connection, value: str) -> str:
    return sql.Literal(value).as_string(connection).strip()


def _text(connection: Connection, query: sql.Composable) -> str:
    return query.as_string(connection)
