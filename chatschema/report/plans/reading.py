"""The tables that a plan reads, the columns it compares, and remarks on it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chatschema import postgres
from chatschema.postgres import Connection
from chatschema.report.plans import generic

LARGE_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table, or all of a partitioned one.

    `members` are its partitions, or itself: their rows, as last estimated, by (schema, name). `columns` are the quoted
    names, by name, of those that a B-tree takes; `texts` those of type varchar; `key` those it is partitioned by; `indexed`
    those of each index that is of all rows.
    """

    name: str
    schema: str
    relation: str
    is_partitioned: bool
    members: dict[tuple[str, str], int]
    key: tuple[str, ...]
    columns: dict[str, str]
    indexed: tuple[tuple[str, ...], ...]
    texts: tuple[str, ...]
    writes: int


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that stands out, such as "sequential scan" or "all partitions", and its table."""

    kind: str
    table: str
    message: str


_TABLES = """
with recursive asked as (
    select distinct coalesce(pg_catalog.pg_partition_root(c.oid)::oid, c.oid) as root
    from unnest(%s::text[], %s::text[]) as a (schema, name)
    join pg_catalog.pg_namespace as n on n.nspname = a.schema
    join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = a.name
),
tree as (
    select a.root, a.root as member from asked as a
    union all
    select t.root, i.inhrelid from tree as t join pg_catalog.pg_inherits as i on i.inhparent = t.member
)
select
    format('%%I.%%I', n.nspname, c.relname) as name, n.nspname::text as schema, c.relname::text as relation,
    c.relkind = 'p' as is_partitioned,
    m.members, m.writes,
    array(
        select a.attname::text
        from pg_catalog.pg_partitioned_table as p
        join pg_catalog.pg_attribute as a on a.attrelid = p.partrelid and a.attnum = any (p.partattrs::smallint[])
        where p.partrelid = c.oid
    ) as key,
    array(
        select a.attname::text from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.atttypid = 'varchar'::regtype
    ) as texts,
    (
        select coalesce(jsonb_object_agg(a.attname, quote_ident(a.attname)), '{}')
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as y on y.oid = a.atttypid
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and y.typname <> 'jsonb' and (
            y.typname = 'varchar' or y.typtype = 'e' or exists (
                select from pg_catalog.pg_opclass as o
                join pg_catalog.pg_am as am on am.oid = o.opcmethod and am.amname = 'btree'
                where o.opcintype = coalesce(nullif(y.typbasetype, 0), y.oid) and o.opcdefault
            )
        )
    ) as columns,
    (
        select coalesce(jsonb_agg((
            select jsonb_agg(a.attname order by k.place)
            from unnest(x.indkey::smallint[]) with ordinality as k (attnum, place)
            join pg_catalog.pg_attribute as a on a.attrelid = x.indrelid and a.attnum = k.attnum
            where k.place <= x.indnkeyatts
        )), '[]')
        from pg_catalog.pg_index as x
        where x.indrelid = c.oid and x.indisvalid and x.indpred is null and x.indexprs is null
    ) as indexed
from asked as a
join pg_catalog.pg_class as c on c.oid = a.root and c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't'
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace and n.nspname not in ('pg_catalog', 'information_schema')
cross join lateral (
    select
        jsonb_agg(jsonb_build_array(mn.nspname, mc.relname, greatest(mc.reltuples, 0)::bigint)) as members,
        sum(
            pg_stat_get_tuples_inserted(mc.oid) + pg_stat_get_tuples_updated(mc.oid) + pg_stat_get_tuples_deleted(mc.oid)
        )::bigint as writes
    from tree as t
    join pg_catalog.pg_class as mc on mc.oid = t.member and mc.relkind <> 'p'
    join pg_catalog.pg_namespace as mn on mn.oid = mc.relnamespace
    where t.root = a.root
) as m
where m.members is not null
order by name
/* chatschema report */"""


def scans(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes that read a table."""
    return [node for node in generic.nodes(tree) if "Relation Name" in node and node["Node Type"] != "ModifyTable"]


def tables(connection: Connection, tree: dict[str, Any]) -> list[Table]:
    """Return the tables that a plan reads; a partition counts as its partitioned table."""
    read = sorted({(node["Schema"], node["Relation Name"]) for node in scans(tree) if "Schema" in node})
    _, rows = postgres.fetch_named(connection, _TABLES, ([schema for schema, _ in read], [name for _, name in read]))
    return [
        Table(**{
            **row,
            "members": {(schema, name): count for schema, name, count in row["members"]},
            "key": tuple(row["key"]),
            "texts": tuple(row["texts"]),
            "indexed": tuple(tuple(columns or ()) for columns in row["indexed"]),
        })
        for row in rows
    ]  # fmt: skip


def remarks(tree: dict[str, Any], found: Sequence[Table]) -> list[Remark]:
    """Return remarks on a large table that is read completely, and on a partitioned one of which every partition is read."""
    said: list[Remark] = []
    for table in found:
        here = [node for node in scans(tree) if (node.get("Schema"), node["Relation Name"]) in table.members]
        parts = {(node["Schema"], node["Relation Name"]) for node in here}
        of_parts = f" in {len(parts)} of {len(table.members)} partitions" if table.is_partitioned else ""
        whole = [node for node in here if node["Node Type"] == "Seq Scan"]
        rows = sum(table.members[key] for key in {(node["Schema"], node["Relation Name"]) for node in whole})
        if rows > LARGE_ROWS:
            kept = sum(node["Plan Rows"] for node in whole)
            said.append(Remark("sequential scan", table.name, f"reads about {rows:,} rows{of_parts} to return about {kept:,}"))
        if len(parts) > 1 and table.key and not any(_is_on(node, table) for node in here):
            text = (
                f"reads {len(parts)} of {len(table.members)} partitions: no condition on the partition key {', '.join(table.key)}"
            )
            said.append(Remark("all partitions", table.name, text))
    return said


def conditions(node: Mapping[str, Any]) -> str:
    """Return the conditions of a node as text."""
    keys = ("Filter", "Index Cond", "Recheck Cond", "Hash Cond", "Merge Cond", "Join Filter", "TID Cond")
    return " ".join(str(node[key]) for key in keys if key in node)


def _is_on(node: Mapping[str, Any], table: Table) -> bool:
    """Return whether the node compares a column of the partition key, so that partitions are pruned when the query runs."""
    return any(column in table.key for column, _ in compared(conditions(node), str(node.get("Alias", "")), table.texts))


# alias.column, either side of an operator.
_NAME = r'(?:"(?:[^"]|"")+"|\w+)'
_LEFT = re.compile(rf"({_NAME})\.({_NAME})(\)::text)? (=|<=|>=|<|>|IS NULL)(?: |\))")
_RIGHT = re.compile(rf" (=|<=|>=|<|>) \(?({_NAME})\.({_NAME})(\)::text)?(?=\)|\s|$)")


def compared(text: str, alias: str, texts: Sequence[str]) -> list[tuple[str, str]]:
    """Return the columns of `alias` that a condition compares as they are, and "=" or "<" for how.

    A varchar, of which `texts` are the names, is compared as text, which still counts as comparing the column.
    """
    found = [(left, unquoted(column), cast, how) for left, column, cast, how in _LEFT.findall(text)]
    found += [(left, unquoted(column), cast, how) for how, left, column, cast in _RIGHT.findall(text)]
    return [
        (column, "=" if how in ("=", "IS NULL") else "<")
        for left, column, cast, how in found
        if unquoted(left) == alias and (not cast or column in texts)
    ]


_SORTED = re.compile(rf"({_NAME})\.({_NAME})(?: DESC)?(?: NULLS (?:FIRST|LAST))?")


def sorted_by(node: Mapping[str, Any], alias: str) -> list[str]:
    """Return the columns of `alias` by which the node sorts, up to the first key that is not one."""
    found: list[str] = []
    for key in node.get("Sort Key", ()):
        match = _SORTED.fullmatch(key)
        if match is None or unquoted(match[1]) != alias:
            break
        found.append(unquoted(match[2]))
    return found


def unquoted(name: str) -> str:
    """Return a name as the catalog has it."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
