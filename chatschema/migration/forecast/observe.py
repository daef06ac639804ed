"""Looking at a transaction from outside: its locks; and from inside: which tables it has rewritten, read and indexed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from chatschema import postgres
from chatschema.migration.forecast.values import Check, TableLock, Work
from chatschema.postgres import Connection

# The modes that each mode conflicts with, by their numbers in lockdefs.h: the manual, section 13.3.
_CONFLICTS = {
    "AccessShareLock": {8}, "RowShareLock": {7, 8}, "RowExclusiveLock": {5, 6, 7, 8}, "ShareUpdateExclusiveLock": {4, 5, 6, 7, 8},
    "ShareLock": {3, 4, 6, 7, 8}, "ShareRowExclusiveLock": {3, 4, 5, 6, 7, 8}, "ExclusiveLock": {2, 3, 4, 5, 6, 7, 8},
    "AccessExclusiveLock": {1, 2, 3, 4, 5, 6, 7, 8},
}  # fmt: skip
# The objects of a database are numbered from here.
_FIRST_OID = 16384

# All relations that exist before a file, and their files. Those that it creates are nobody else's.
_RELATIONS = """
    select c.oid, format('%I.%I', n.nspname, c.relname), c.relkind, c.relfilenode,
        coalesce(root.name, format('%I.%I', n.nspname, c.relname)), coalesce(root.oid = c.oid, true)
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join lateral (
        select r.oid, format('%I.%I', rn.nspname, r.relname) as name from pg_catalog.pg_class as r
        join pg_catalog.pg_namespace as rn on rn.oid = r.relnamespace
        where r.oid = pg_partition_root(c.oid)
    ) as root on c.relispartition and c.relkind in ('r', 'p', 'f')
    where c.oid >= 16384 and c.relkind in ('r', 'p', 'm', 'v', 'f', 'i') and c.relpersistence <> 't'
        and n.nspname !~ '^pg_(toast|catalog)'
"""
# Roles, databases, tablespaces, their settings and their members belong to the whole server, and not to the copy.
_LOCKS = """
    select l.relation, l.mode, l.database = 0 and l.mode = 'RowExclusiveLock' and l.relation in (
        'pg_authid'::regclass, 'pg_auth_members'::regclass, 'pg_database'::regclass, 'pg_tablespace'::regclass,
        'pg_db_role_setting'::regclass, 'pg_shdescription'::regclass, 'pg_shseclabel'::regclass, 'pg_subscription'::regclass,
        'pg_replication_origin'::regclass,
        coalesce(to_regclass('pg_catalog.pg_parameter_acl')::oid, 0)
    )
    from pg_catalog.pg_locks as l where l.pid = %s and l.locktype = 'relation' and l.granted
"""
_SCANS = """
    select c.oid, pg_stat_get_xact_numscans(c.oid) from pg_catalog.pg_class as c
    where c.oid >= 16384 and c.relkind in ('r', 'm', 'i') and pg_stat_get_xact_numscans(c.oid) > 0
"""
_STATE = """
    select c.oid, c.relfilenode, coalesce(pg_stat_get_xact_numscans(c.oid), 0), i.indrelid
    from pg_catalog.pg_class as c left join pg_catalog.pg_index as i on i.indexrelid = c.oid
    where c.oid = any (%s) and c.relkind in ('r', 'm', 'i')
"""
# The foreign keys that are enforced for all rows, of the tables in a list, with the query by which the server checks them.
_KEYS = """
    select k.oid, k.conrelid, k.confrelid, format(
        'select %%s from only %%I.%%I as f left join %%s%%I.%%I as p on %%s where p.%%I is null and %%s',
        c.columns, fn.nspname, f.relname, case when p.relkind = 'p' then '' else 'only ' end, pn.nspname, p.relname, c.pairs,
        c.first, c.known
    ), c.known
    from pg_catalog.pg_constraint as k
    join pg_catalog.pg_class as f on f.oid = k.conrelid join pg_catalog.pg_namespace as fn on fn.oid = f.relnamespace
    join pg_catalog.pg_class as p on p.oid = k.confrelid join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
    cross join lateral (
        select string_agg(format('f.%%I', a.attname), ', ') as columns, min(b.attname) as first,
            string_agg(format('f.%%I = p.%%I', a.attname, b.attname), ' and ') as pairs,
            string_agg(format('f.%%I is not null', a.attname), ' and ') as known
        from unnest(k.conkey, k.confkey) as n (own, other)
        join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = n.own
        join pg_catalog.pg_attribute as b on b.attrelid = k.confrelid and b.attnum = n.other
    ) as c
    where k.contype = 'f' and k.convalidated and k.conrelid = any (%s)
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation before a file: its qualified name, kind and file, and the table that it is a partition of, or itself."""

    name: str
    kind: str
    file: int
    root: str
    is_root: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A moment of a transaction: its locks (relation, mode); the files and scans of relations; indexes; and foreign keys.

    `is_global`: whether it has changed more than this database.
    """

    locks: frozenset[tuple[int, str]]
    files: dict[int, int]
    scans: dict[int, int]
    indexes: dict[int, int]
    keys: dict[int, tuple[int, int, str, str]]
    is_global: bool


class Watcher:
    """One transaction of `worker`, seen by it and by `observer`, which knows the relations as they were before it."""

    def __init__(self, worker: Connection, observer: Connection) -> None:
        self._worker, self._observer = worker, observer
        self.relations = {oid: Relation(*rest) for oid, *rest in postgres.fetch_all(observer, _RELATIONS)}
        scans: dict[int, int] = dict(postgres.fetch_all(worker, _SCANS))
        files = {oid: one.file for oid, one in self.relations.items()}
        tables = [oid for oid, one in self.relations.items() if one.kind in "rp"]
        self._keys = self._read_keys(tables)
        self._last = Seen(frozenset(), files, scans, {}, self._keys, is_global=False)

    def look(self, *, only_locks: bool = False) -> Seen:
        """Return the transaction as it is now; with `only_locks` the rest as it was before."""
        rows = postgres.fetch_all(self._observer, _LOCKS, (self._worker.info.backend_pid,))
        locks = frozenset((oid, mode) for oid, mode, _ in rows if oid >= _FIRST_OID)
        is_global = any(row[2] for row in rows)
        if only_locks:
            return replace(self._last, locks=locks, is_global=is_global)
        locked = sorted({oid for oid, _ in locks})
        files, scans, indexes = dict(self._last.files), dict(self._last.scans), dict(self._last.indexes)
        for oid, file, count, table in postgres.fetch_all(self._worker, _STATE, (locked,)):
            files[oid], scans[oid] = file, count
            if table is not None:
                indexes[oid] = table
        keys = {**self._last.keys, **self._read_keys(locked)}
        return Seen(locks, files, scans, indexes, keys, is_global)

    def _read_keys(self, tables: list[int]) -> dict[int, tuple[int, int, str, str]]:
        return {oid: (*rest,) for oid, *rest in postgres.fetch_all(self._worker, _KEYS, (tables,))}

    def since(self, now: Seen) -> tuple[tuple[TableLock, ...], tuple[Work, ...]]:
        """Return the locks and the work since the last call of keep()."""
        return self.named(now.locks - self._last.locks, held=self._last.locks), self._work(now)

    def keep(self, now: Seen) -> None:
        """Take this moment as the one before the next statement."""
        self._last = now

    def named(self, locks: Iterable[tuple[int, str]], *, held: Iterable[tuple[int, str]] = ()) -> tuple[TableLock, ...]:
        """Return the locks on tables and views that existed before, by the name of the parent.

        Those are left out that others imply, also the ones that are `held` already.
        """
        before: dict[int, set[str]] = {}
        for oid, mode in held:
            before.setdefault(oid, set()).add(mode)
        modes: dict[int, set[str]] = {}
        for oid, mode in locks:
            if oid in self.relations and self.relations[oid].kind in "rpmvf":
                modes.setdefault(oid, set()).add(mode)
        found: dict[tuple[str, str], list[int]] = {}
        for oid, some in modes.items():
            for mode in strongest(some | before.get(oid, set())):
                if mode in before.get(oid, set()):
                    continue
                found.setdefault((self.relations[oid].root, mode), []).append(oid)
        return tuple(
            TableLock(
                root,
                mode,
                sum(not self.relations[oid].is_root for oid in oids),
                any(self.relations[oid].is_root for oid in oids),
            )
            for (root, mode), oids in sorted(found.items())
        )

    def roots(self, work: Iterable[Work]) -> dict[str, str]:
        """Return the names of the tables of some work, each with the name of its parent."""
        wanted = {one.table for one in work}
        return {one.name: one.root for one in self.relations.values() if one.name in wanted}

    def _work(self, now: Seen) -> tuple[Work, ...]:
        last = self._last
        builds: dict[int, int] = {}
        for index, table in now.indexes.items():
            is_new = index not in last.files or last.files[index] != now.files[index]
            if is_new and table in self.relations:
                builds[table] = builds.get(table, 0) + 1
        checks: dict[int, list[Check]] = {}
        keys: dict[int, list[Check]] = {}
        for key in sorted(now.keys.keys() - last.keys.keys()):
            table, target, query, known = now.keys[key]
            if table in self.relations:
                check = Check(self.relations[table].name, query, known)
                keys.setdefault(table, []).append(check)
                checks.setdefault(target, []).append(check)
        found = []
        for oid, one in self.relations.items():
            if one.kind not in "rm":
                continue
            is_rewrite = now.files.get(oid) != last.files.get(oid)
            scans = now.scans.get(oid, 0) - last.scans.get(oid, 0)
            own, others = keys.get(oid, []), checks.get(oid, [])
            # The planner decides how the query of a new key reads both tables, and the copy has no rows.
            is_certain = scans > len(own) + len(others)
            asked = () if is_certain else (*(own if scans else ()), *others)
            if is_rewrite or scans or asked or builds.get(oid):
                built = 0 if is_rewrite else builds.get(oid, 0)
                found.append(Work(one.name, is_rewrite, scans > 0, built, len(own), asked))
        return tuple(found)


def strongest(modes: Iterable[str]) -> list[str]:
    """Return the modes that no other one of them implies."""
    some = sorted(modes)
    return [mode for mode in some if not any(_CONFLICTS[mode] < _CONFLICTS[other] for other in some)]
