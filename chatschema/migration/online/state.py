"""Reading the catalog: the table of an index, its partitions, their indexes, and whether an index is the one that a file defines.

PostgreSQL attaches an index of a partition to that of its table when both have the same keys. It does not look at the direction
of a key, at storage parameters, or at whether the index is valid, so each of these is compared here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.migration.backend import StatementFailed
from chatschema.migration.online.statement import CreateIndex
from chatschema.postgres import Connection, door, locks, relation
from chatschema.sqlfile import SqlFile

_COPY = "chatschema_online"
# `shape`: all that PostgreSQL compares before it attaches an index. `definition`: the text after USING, with direction and
# storage parameters. The text before it has the names, which differ.
_INDEX = """
    select i.indexrelid, i.indrelid, format('%%I.%%I', n.nspname, c.relname), i.indisunique,
        i.indisvalid and i.indisready and i.indislive,
        jsonb_build_array(am.amname, i.indisunique, i.indnullsnotdistinct, i.indnkeyatts,
            (select jsonb_agg(jsonb_build_array(a.attname, o.opcfamily, k.coll) order by k.place)
            from unnest(i.indkey::smallint[], i.indclass::oid[], i.indcollation::oid[])
                with ordinality as k (attnum, opclass, coll, place)
            left join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            left join pg_catalog.pg_opclass as o on o.oid = k.opclass),
            pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid))::text,
        substr(pg_get_indexdef(i.indexrelid), 1 + length(format('CREATE %%sINDEX %%I ON %%s%%I.%%I ',
            case when i.indisunique then 'UNIQUE ' else '' end, c.relname, case c.relkind when 'I' then 'ONLY ' else '' end,
            case tn.oid when pg_my_temp_schema() then 'pg_temp' else tn.nspname end, t.relname)))
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_am as am on am.oid = c.relam
    join pg_catalog.pg_class as t on t.oid = i.indrelid
    join pg_catalog.pg_namespace as tn on tn.oid = t.relnamespace
"""
# Newest first, as far as the bounds can be sorted as text: those of months can.
_PARTITIONS = f"""
    select c.oid, format('%%I.%%I', n.nspname, c.relname), {relation.SIZE}
    from ({relation.LEAVES.format(oid="%s")}) as t
    join pg_catalog.pg_class as c on c.oid = t.oid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    order by pg_get_expr(c.relpartbound, 0) desc
"""
_SHARDS = """
    select d.logicalrelid::oid, citus_relation_size(d.logicalrelid) from pg_catalog.pg_dist_partition as d
    where d.logicalrelid = any (%s::oid[])
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table that can have the index: its name as SQL writes it, its schema, and the partition key of a partitioned one."""

    oid: int
    name: str
    schema: str
    partition_key: str | None


@dataclass(frozen=True, slots=True)
class Partition:
    """A table that has rows: a partition, or a table that is not partitioned. `size` in bytes, without its indexes."""

    oid: int
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Index:
    """An index, and whether it is valid."""

    oid: int
    table: int
    name: str
    is_unique: bool
    is_valid: bool
    shape: str
    definition: str

    def is_same(self, other: "Index") -> bool:
        """Return whether both have one definition, direction and storage parameters included; valid or not."""
        return self.is_like(other) and self.definition == other.definition

    def is_like(self, other: "Index") -> bool:
        """Return whether PostgreSQL takes one for the other when it attaches an index."""
        return self.shape == other.shape


def table(connection: Connection, name: str) -> Table | None:
    """Return the table of this name, as a file writes it; None if there is none."""
    query = """
        select c.oid, format('%%I.%%I', n.nspname, c.relname), quote_ident(n.nspname), pg_get_partkeydef(c.oid)
        from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where c.oid = to_regclass(%s) and c.relkind in ('r', 'p')
    """
    rows = postgres.fetch_all(connection, query, (name,))
    return Table(*rows[0]) if rows else None


def with_rows(connection: Connection, of: Table) -> list[Partition]:
    """Return the partitions of a table that have rows or had some, newest first; the table itself if it is not partitioned."""
    if of.partition_key is None:
        query = f"select {relation.SIZE} from pg_catalog.pg_class as c where c.oid = %s"
        size = postgres.fetch_one(connection, query, (of.oid,))[0]
        return _with_shards(connection, [Partition(of.oid, of.name, size)])
    return _with_shards(connection, [Partition(*row) for row in postgres.fetch_all(connection, _PARTITIONS, (of.oid,))])


def _with_shards(connection: Connection, found: Sequence[Partition]) -> list[Partition]:
    """Return those that have rows; in a distributed database the rows of its tables are in shards."""
    sizes: dict[int, int] = {}
    if door.is_distributed(connection):
        sizes = dict(postgres.fetch_all(connection, _SHARDS, ([one.oid for one in found],)))
    sized = [replace(one, size=sizes.get(one.oid, one.size)) for one in found]
    return [one for one in sized if one.size]


def unattached(connection: Connection, of: Sequence[Partition]) -> dict[int, list[Index]]:
    """Return the indexes of these tables that belong to no partitioned index, by table."""
    query = _INDEX + " where i.indrelid = any (%s::oid[]) and not c.relispartition order by i.indexrelid"
    found: dict[int, list[Index]] = {one.oid: [] for one in of}
    for row in postgres.fetch_all(connection, query, (list(found),)):
        found[row[1]].append(Index(*row))
    return found


def index(connection: Connection, name: str) -> Index | None:
    """Return the index of this name, as SQL writes it; None if there is none."""
    rows = postgres.fetch_all(connection, _INDEX + " where i.indexrelid = to_regclass(%s)", (name,))
    return Index(*rows[0]) if rows else None


def parts(connection: Connection, of: Index) -> list[Index]:
    """Return the indexes of the partitions that belong to a partitioned index, those on its lowest level."""
    query = """
        with recursive part (oid) as (
            select inhrelid from pg_catalog.pg_inherits where inhparent = %s
            union all select h.inhrelid from part join pg_catalog.pg_inherits as h on h.inhparent = part.oid
        )
    """
    query += _INDEX + " join part on part.oid = c.oid and c.relkind = 'i'"
    return [Index(*row) for row in postgres.fetch_all(connection, query, (of.oid,))]


class _Found(Exception):
    """Ends the transaction of the copy, and carries the index out of it."""

    def __init__(self, index: Index) -> None:
        super().__init__()
        self.index = index


def defined(connection: Connection, file: SqlFile, create: CreateIndex, on: Table) -> Index:
    """Return the index as the file defines it: it is created on an empty copy of the table and rolled back.

    Raises StatementFailed if PostgreSQL refuses the statement, such as a unique index without the partition key.
    """
    by = f" partition by {on.partition_key}" if on.partition_key else ""
    # A role that may create an index may create a table beside it, and not in every database a temporary one.
    place = "select case when has_database_privilege(current_database(), 'temporary') then 'pg_temp' else %s end"
    schema = postgres.fetch_one(connection, place, (on.schema,))[0]
    text = create.on(f"{schema}.{_COPY}", name=f"{_COPY}_index")

    def work() -> Index:
        postgres.execute_text(connection, f"create table {schema}.{_COPY} (like {on.name}){by}")
        try:
            postgres.execute_text(connection, text)
        except ServerError as error:
            moved = _moved(error, create.rest_at - (len(text) - len(create.rest)))
            raise StatementFailed(file, create.statement, moved) from None
        row = postgres.fetch_one(connection, f"{_INDEX} where i.indexrelid = to_regclass(%s)", (f"{schema}.{_COPY}_index",))
        raise _Found(Index(*row))

    try:
        return locks.in_transaction(connection, work, locks.DDL)
    except _Found as found:
        return found.index


def _moved(error: ServerError, by: int) -> ServerError:
    """Return the error with its position in the statement of the file, where it is in the part that both have."""
    position = error.position + by if error.position and error.position + by > 0 else None
    return ServerError(error.message, error.hint, error.sqlstate, position, code=error.code)
