"""How much a rule matters on the live database: by the size of the table, and by how much it is used."""

from collections.abc import Iterable
from dataclasses import dataclass

from chatschema import postgres, units
from chatschema.lint.values import Level, Name, Rule
from chatschema.postgres import Connection

# Bytes a second, as measured on two cores with fsync on: a scan reads 0.6 to 1 GB, and a rewrite with six indexes takes about
# 30 times as long. Servers differ; the levels below are a factor of 100 apart.
_RATES = {"read": 600e6, "write": 20e6}
_NOTICED_S, _LONG_S = 0.1, 10.0
_BUSY = 1.0
# A table that somebody is changing is not measured: its size would wait for the lock.
_LOOK = """
    select n.nspname, c.relname,
        sum(case when leaf.oid in (
            select l.relation from pg_catalog.pg_locks as l where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
                and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
        ) then null else pg_relation_size(leaf.oid) end)::bigint,
        sum(coalesce(s.n_tup_ins + s.n_tup_upd + s.n_tup_del + s.seq_scan + coalesce(s.idx_scan, 0), 0))::float
            / greatest(1, extract(epoch from now() - coalesce(
                (select stats_reset from pg_catalog.pg_stat_database where datname = current_database()), pg_postmaster_start_time()
            )))::float
    from unnest(%s::text[], %s::text[]) as w (schema, name)
    join pg_catalog.pg_namespace as n on n.nspname = w.schema
    join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.name and c.relkind in ('r', 'p', 'm')
    cross join lateral (
        with recursive tree (oid) as (
            select c.oid
            union all
            select i.inhrelid from tree join pg_catalog.pg_inherits as i on i.inhparent = tree.oid
            join pg_catalog.pg_class as p on p.oid = i.inhparent and p.relkind in ('p', 'I') where not i.inhdetachpending
        )
        select oid from tree
    ) as tree (oid)
    join pg_catalog.pg_class as leaf on leaf.oid = tree.oid and leaf.relkind in ('r', 'm')
    left join pg_catalog.pg_stat_all_tables as s on s.relid = leaf.oid
    group by n.nspname, c.relname
"""


@dataclass(frozen=True, slots=True)
class Weight:
    """A live table: its bytes without indexes, None where they are not known, and how often it is used a second."""

    bytes: int | None
    uses: float

    def __str__(self) -> str:
        """Return both in words."""
        return f"{units.size(self.bytes) if self.bytes is not None else 'size unknown'}, {self.uses:.3g} uses a second"

    @property
    def is_busy(self) -> bool:
        """Whether somebody would notice that the table is locked."""
        return self.uses >= _BUSY


def read(connection: Connection, tables: Iterable[Name]) -> dict[Name, Weight]:
    """Return the weights of the tables that exist. Raises ServerError."""
    names = sorted(set(tables))
    rows = postgres.fetch_all(connection, _LOOK, ([schema for schema, _ in names], [name for _, name in names])) if names else []
    return {(schema, name): Weight(bytes, uses) for schema, name, bytes, uses in rows}


def level(rule: Rule, weight: Weight | None) -> Level:
    """Return the level of a rule for a table; the rule's own where the size does not matter or is not known."""
    if not rule.cost or weight is None or weight.bytes is None:
        return rule.level
    seconds = weight.bytes / _RATES[rule.cost]
    if seconds >= _LONG_S or (seconds >= _NOTICED_S and weight.is_busy):
        return "error"
    if rule.level == "error":
        return rule.level
    return "warning" if seconds >= _NOTICED_S or (weight.bytes and weight.is_busy) else "info"
