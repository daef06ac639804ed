"""Building the index of each partition concurrently, before the file runs: newest first, continued by the next run after a kill."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from psycopg import sql

from chatschema import postgres
from chatschema.errors import LOCK_SQLSTATES, ChatschemaError, ServerError
from chatschema.migration import ledger
from chatschema.migration.backend import StatementFailed
from chatschema.migration.files import MigrationFile
from chatschema.migration.online import progress, state
from chatschema.migration.online.state import Index, Partition, Table
from chatschema.migration.online.statement import CreateIndex
from chatschema.postgres import Connection, Say, watch
from chatschema.sqlfile import SqlFile

# A table or an index that another session has dropped.
_IS_MISSING = frozenset({"42P01", "42704"})
_DUPLICATE = "23505"
_ATTEMPTS = 5
_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Build:
    """The index that a file defines, and the table that it is built for.

    `name`: the index's own name, as SQL writes it. Only on a table that is not partitioned it is known before the file runs.
    """

    file: SqlFile
    create: CreateIndex
    table: Table
    wanted: Index
    name: str

    def missing(self, connection: Connection) -> list[Partition]:
        """Return the partitions with rows that lack the index, or whose index is invalid, newest first.

        Raises ChatschemaError if PostgreSQL would attach an index of another definition.
        """
        partitions = state.with_rows(connection, self.table)
        found = state.unattached(connection, partitions)
        if self.table.partition_key:
            for index in (one for indexes in found.values() for one in indexes):
                if index.is_like(self.wanted) and not index.is_same(self.wanted):
                    raise self._other(index)
        return [one for one in partitions if not any(index.is_valid for index in self.own(found[one.oid]))]

    def own(self, indexes: Sequence[Index]) -> list[Index]:
        """Return those of `indexes` that the file defines: by definition, and on a table that is not partitioned also by name."""
        same = [one for one in indexes if one.is_same(self.wanted)]
        return same if self.table.partition_key else [one for one in same if one.name == self.name]

    def _other(self, index: Index) -> ChatschemaError:
        return ChatschemaError(
            f"{self.file.path.name}: PostgreSQL would take the existing index {index.name} as a part of {self.name}, but it"
            f" differs: {index.definition} instead of {self.wanted.definition}",
            f"drop it, or write its definition into the file: drop index concurrently {index.name}",
            code="online.differs",
        )


def look(connection: Connection, id: str, file: SqlFile, create: CreateIndex) -> Build | None:
    """Return the index to prepare; None if the table is missing or has no rows, or `if not exists` finds the index.

    Raises StatementFailed if PostgreSQL would refuse the statement, ChatschemaError if another index is in its way.
    """
    table = state.table(connection, create.table)
    if table is None or not state.with_rows(connection, table):
        return None
    wanted = state.defined(connection, file, create, table)
    name = postgres.fetch_one(connection, "select (parse_ident(%s))[1]", (create.name,))[0]
    full = postgres.fetch_one(connection, "select format('%%s.%%I', %s::text, %s::text)", (table.schema, name))[0]
    build = Build(file, create, table, wanted, full)
    there = state.index(connection, full)
    if there is None:
        if postgres.has_table(connection, full):
            raise _taken(build, f"{full} exists, and is not an index", f"rename the index in {file.path.name}")
        return build
    is_this = there.table == table.oid and there.is_same(wanted)
    if is_this and not table.partition_key and ledger.has_begun(connection, id):
        return build
    if is_this and there.is_valid and create.is_lenient:
        return None
    differs = f"; it is {there.definition} instead of {wanted.definition}" if not is_this else ""
    state_now = "exists" if there.is_valid else "exists, and is invalid"
    raise _taken(
        build, f"index {full} {state_now}{differs}", f"drop it: drop index {full}; or rename it: alter index {full} rename to ..."
    )


def _taken(build: Build, message: str, hint: str) -> ChatschemaError:
    return ChatschemaError(f"{build.file.path.name}: {message}; nothing was changed", hint, code="online.exists")


def warn_of_edit(connection: Connection, file: MigrationFile, build: Build, say: Say) -> None:
    """Name the indexes that an earlier text of an interrupted file may have built: chatschema knows them only by the text."""
    started = ledger.begun_with(connection, file.id)
    if started in (None, file.apply.checksum) or not build.table.partition_key:
        return
    found = state.unattached(connection, state.with_rows(connection, build.table))
    others = [one.name for indexes in found.values() for one in indexes if one not in build.own(indexes)]
    if others:
        say(f"warning: {file.id} was changed after it was interrupted; its earlier text may have built {', '.join(others)}; if so,")
        say("warning: drop each of them: drop index concurrently NAME")


def build_all(connection: Connection, id: str, build: Build, *, before: Callable[[], None], say: Say) -> None:
    """Build what is missing, one partition after the other. No lock is waited for in front of others, however long it takes.

    `before` is called before each partition, and may raise: what is built stays.

    The caller holds locks.change_lock(): the server process of a killed run has ended, so nobody is at work on what it left.
    Raises StatementFailed, ChatschemaError and ServerError; finished partitions stay, and the next run continues.
    """

    def tell(text: str) -> None:
        say(f"{id}: {text}")

    failures: Counter[int] = Counter()
    noun = "partition" if build.table.partition_key else "table"
    with progress.told(connection, build.name, noun, tell) as step:
        while missing := build.missing(connection):
            before()
            step(missing)
            own = build.own(state.unattached(connection, missing[:1])[missing[0].oid])
            if _waited_for_others(connection, missing[0], tell, also_hidden=bool(own)):
                continue
            _drop_invalid(connection, build, missing[0], tell)
            try:
                _create(connection, build, missing[0], tell)
            except ServerError as error:
                failures[missing[0].oid] += 1
                is_passing = error.sqlstate in LOCK_SQLSTATES | _IS_MISSING
                if connection.closed or not is_passing or failures[missing[0].oid] == _ATTEMPTS:
                    if not connection.closed:
                        _drop_invalid(connection, build, missing[0], tell)
                    raise StatementFailed(build.file, build.create.statement, _of(missing[0], error)) from None
                time.sleep(_PAUSE_S if error.sqlstate in LOCK_SQLSTATES else 0)


def drop_all(connection: Connection, id: str, build: Build, *, say: Say) -> None:
    """Drop the indexes that build_all() has built, concurrently. Raises ServerError."""
    found = state.unattached(connection, state.with_rows(connection, build.table))
    for index in (one for indexes in found.values() for one in build.own(indexes)):
        say(f"{id}: dropping {index.name}")
        _drop(connection, index, lambda _: None)


def _create(connection: Connection, build: Build, partition: Partition, say: Say) -> None:
    # On a partition without a name: the server chooses the one that it would choose for the whole table.
    name = "" if build.table.partition_key else build.create.name
    with watch.named(connection, after_s=1, say=say):
        postgres.execute_text(connection, build.create.on(partition.name, concurrently=True, name=name))
    if build.table.partition_key and partition.oid not in [one.oid for one in state.with_rows(connection, build.table)]:
        # The month was retired while its index was built.
        for index in build.own(state.unattached(connection, [partition])[partition.oid]):
            _drop(connection, index, say)


def _of(partition: Partition, error: ServerError) -> ServerError:
    """Return the error with the partition's name, without a position, which would be in another text."""
    hint = error.hint
    if error.sqlstate == _DUPLICATE:
        hint = f"delete the duplicate rows of {partition.name}, then run the same command again: finished partitions are kept"
    return ServerError(f"{partition.name}: {error.message}", hint, error.sqlstate, code=error.code)


def _drop_invalid(connection: Connection, build: Build, partition: Partition, say: Say) -> None:
    for index in build.own(state.unattached(connection, [partition])[partition.oid]):
        if not index.is_valid:
            _drop(connection, index, say)


def _drop(connection: Connection, index: Index, say: Say) -> None:
    if not index.is_valid:
        say(f"dropping the invalid index {index.name}")
    try:
        # The server wrote the name, quoted where it must be.
        postgres.execute(connection, sql.SQL("drop index concurrently {}").format(sql.SQL(index.name)))
    except ServerError as error:
        if error.sqlstate not in _IS_MISSING:
            raise


def _waited_for_others(connection: Connection, partition: Partition, say: Say, *, also_hidden: bool) -> bool:
    """Wait while another session builds an index on the partition, and return whether one did.

    It may be the index that is wanted, and is invalid until it is built. `also_hidden`: wait for builds of other roles, whose table
    this role may not see.
    """
    query = """
        select pid from pg_catalog.pg_stat_progress_create_index
        where datname = current_database() and (relid = %s or relid is null and %s) and pid <> pg_backend_pid()
    """
    is_said = False
    while rows := postgres.fetch_all(connection, query, (partition.oid, also_hidden)):
        if not is_said:
            say(f"waiting for pid {rows[0][0]}, which builds an index on {partition.name}")
            is_said = True
        time.sleep(_PAUSE_S)
    return is_said
