"""Applying the roles: under the migration lock, recorded in the database, so that migrate, undo and reset restore them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from chatschema import audit, postgres
from chatschema.database.kept import Kept
from chatschema.errors import ChatschemaError, ServerError
from chatschema.migration import template
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Connection, Say, locks
from chatschema.roles import apply, catalog, check
from chatschema.roles import files as role_files
from chatschema.roles.apply import REFUSED, UNDEFINED, Outcome
from chatschema.roles.values import Finding, Grant
from chatschema.structure import recording
from chatschema.task.waits import LOCK_WAIT_S
from chatschema.values import Settings

DEFAULT = "chat"
_TABLE = "chatschema.applied_roles"
_RECORD = """
    insert into chatschema.applied_roles as r (prefix) values (%s)
    on conflict (is_only_row) do update set prefix = excluded.prefix, applied_at = clock_timestamp(), applied_by = session_user
    where r.prefix <> excluded.prefix
"""


def prefix_of(connection: Connection, given: str | None = None) -> str:
    """Return the prefix of the roles: the given one, the one that was applied, or chat."""
    return given or catalog.applied_prefix(connection) or DEFAULT


def applied_app(connection: Connection) -> str | None:
    """Return the application's role where the roles were applied; None elsewhere."""
    prefix = catalog.applied_prefix(connection)
    return role_files.names(prefix)["app"] if prefix else None


@dataclass(frozen=True, slots=True)
class Shown:
    """A group: its role, what it is for, whether the role exists, and the logins that have it, directly or not."""

    group: str
    name: str
    title: str
    exists: bool
    logins: tuple[str, ...]


def shown(connection: Connection, prefix: str | None = None) -> list[Shown]:
    """Return the groups in the order of their creation; reads only. Raises UsageError."""
    names = role_files.names(prefix_of(connection, prefix))
    found = catalog.read(connection)
    groups = []
    for group in role_files.groups():
        name = names[group.name]
        members = found.all_members(name)
        logins = tuple(sorted(one for one in members if found.roles[one].can_login))
        groups.append(Shown(group.name, name, group.title, name in found.roles, logins))
    return groups


def look(connection: Connection, files: Sequence[MigrationFile], prefix: str | None = None) -> list[Finding]:
    """Return the findings of `roles check`; reads only. Raises UsageError, and ChatschemaError before the migrations."""
    _require(connection)
    return check.findings(connection, prefix_of(connection, prefix), declared(files))


def grant(
    settings: Settings,
    connection: Connection,
    files: Sequence[MigrationFile],
    prefix: str | None = None,
    *,
    lock_wait_s: float = LOCK_WAIT_S,
    say: Say,
) -> Outcome:
    """Apply the roles and record the prefix. Raises UsageError, Busy, and ChatschemaError before the migrations."""
    _require(connection)
    wanted = prefix_of(connection, prefix)
    with locks.change_lock(connection, wait_s=lock_wait_s, say=say):
        # First: if the run is killed, the next migrate goes on.
        postgres.execute(connection, _RECORD, (wanted,))
        outcome = _apply(settings, connection, files, wanted, say)
        left = check.findings(connection, wanted, declared(files))
    return Outcome(outcome.done, outcome.refused, tuple(one for one in left if one.scope == "dba"))


def restore(settings: Settings, connection: Connection, files: Sequence[MigrationFile], *, say: Say) -> None:
    """Apply the roles again where they were applied; what the server refuses is a note. The caller holds the migration lock."""
    prefix = catalog.applied_prefix(connection)
    if prefix is None:
        return
    if postgres.has_table(connection, _TABLE):
        postgres.execute(connection, _RECORD, (prefix,))
    outcome = _apply(settings, connection, files, prefix, say)
    if outcome.done:
        say(f"restored {len(outcome.done)} grants and policies of the roles {prefix}_*")
    if outcome.refused:
        say(f"warning: {len(outcome.refused)} grants of the roles {prefix}_* are missing; see chatschema roles check")


@contextmanager
def tried(copy: Connection, files: Sequence[MigrationFile], prefix: str | None, *, say: Say) -> Iterator[None]:
    """Give a scratch database the grants and policies of the roles, with roles that this server lacks, and roll all of it back."""
    with postgres.translated(), copy.transaction(force_rollback=True):
        for finding in check.undone(copy, prefix, declared(files)) if prefix else ():
            try:
                with postgres.transaction(copy):
                    for statement in finding.statements:
                        postgres.execute_text(copy, statement)
            except ServerError as error:
                # The role could not be created, so that the grants to it fail as well.
                if error.sqlstate not in (REFUSED, UNDEFINED):
                    raise
                if finding.code == "roles.missing-role":
                    say(f"warning: the grants of {finding.object} are not compared, because this role does not exist")
        yield


def kept(connection: Connection) -> list[Kept]:
    """Return the statement that records the prefix in the successor of a database, so that its roles are applied there."""
    prefix = catalog.applied_prefix(connection)
    if prefix is None:
        return []
    statement = sql.SQL("insert into chatschema.applied_roles (prefix) values ({}) on conflict do nothing").format(
        sql.Literal(prefix)
    )
    return [Kept("the record of applied roles", "", "relation", _TABLE, statement.as_string(connection))]


def _apply(settings: Settings, connection: Connection, files: Sequence[MigrationFile], prefix: str, say: Say) -> Outcome:
    """Apply, and record the structure in the same transaction: policies of the roles are no changes by hand."""
    wanted = declared(files)
    if not apply.is_needed(check.findings(connection, prefix, wanted)):
        return Outcome((), (), ())
    with recording.recorded(connection, [], [], was_cut_off=False, say=lambda _: None) as run:
        # Privileges are declared: what a reset carried over, or somebody revoked from PUBLIC before, is recorded with them.
        run.kept = [difference for difference in run.kept if difference.kind != "privilege"]

        def record(done: Sequence[Finding]) -> None:
            recording.write(connection, run, None)
            _audit(connection, prefix, done)

        outcome = apply.apply(connection, prefix, wanted, record, patience=settings.locks, say=say)
    # Those of the cluster ran one by one, as the login itself, which need not be able to write the trail.
    _audit(connection, prefix, [one for one in outcome.done if one.scope == "cluster"])
    return outcome


def _audit(connection: Connection, prefix: str, done: Sequence[Finding]) -> None:
    """Add a row to the trail for what one transaction, or all those about the cluster, changed."""
    if done:
        # An object once for each kind of change: a table may get a hundred grants.
        changed = sorted({f"{one.code.removeprefix('roles.')} {one.object}" for one in done})
        audit.record(connection, "roles.apply", "role", prefix, changes=len(done), changed=changed)


def declared(files: Sequence[MigrationFile]) -> list[Grant]:
    """Return the grants that the headers of migrations declare for their tables and functions."""
    grants: list[Grant] = []
    for file in files:
        if text := template.declared(file.apply.text).get("Access"):
            grants += role_files.declared(template.table_of(file.id), text)
    return grants


def _require(connection: Connection) -> None:
    if not postgres.has_table(connection, _TABLE):
        text = "the tables of this database have no row policies yet"
        raise ChatschemaError(text, "first: chatschema migrate", code="roles.not-migrated")
