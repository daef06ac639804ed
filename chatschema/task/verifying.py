"""Verifying: the catalog compared with the applied migrations, replayed in a scratch database; or with another database."""

from collections.abc import Sequence
from dataclasses import dataclass

from chatschema.errors import Busy, ChatschemaError
from chatschema.migration import history, ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable import files as repeatable
from chatschema.migration.repeatable import record as repeatables
from chatschema.partition import create, grid, retired_months
from chatschema.postgres import Connection, Say, door
from chatschema.structure import drift, ignores, snapshot
from chatschema.structure.drift import Drift
from chatschema.task import months, replay
from chatschema.values import Ignore, Month, Settings


@dataclass(frozen=True, slots=True)
class Ignored:
    """A difference that chatschema.toml accepts, and its reason there."""

    difference: Drift
    reason: str


@dataclass(frozen=True, slots=True)
class Verified:
    """The differences of a database, those that are ignored, and the entries of chatschema.toml that match none.

    `compared_with` names the other side; `objects` and `partitions` are how many were compared.
    """

    compared_with: str
    objects: int
    partitions: int
    differences: tuple[Drift, ...]
    ignored: tuple[Ignored, ...]
    unused: tuple[Ignore, ...]


def verify(
    settings: Settings,
    connection: Connection,
    files: list[MigrationFile],
    *,
    scratch: Settings | None = None,
    accepted: str | None = None,
    say: Say,
) -> Verified:
    """Return the differences of the database from its applied migrations; reads only.

    The file of the migration `accepted` is taken as it is, although it was edited or renamed.
    Raises HistoryConflict if the files are not the applied ones, and ChatschemaError if they cannot be replayed.
    """
    applied = _applied(connection, files, accepted)
    repeated = repeatable.ordered([one.file for one in repeatables.read(connection).values()])
    expected = replay.structure(settings, connection, applied, scratch, repeated=repeated, say=say)
    found = snapshot.read(connection)
    drifts = [*drift.compare(expected, found), *_of_months(connection)]
    if door.is_distributed(connection):
        from chatschema.cluster.distribute import form

        drifts = form.expected(connection, drifts)
    if [file.id for file in applied] != [file.id for file in _applied(connection, files, accepted)]:
        raise Busy("a migration was applied or undone while the structure was read", "run it again", code="verify.changed")
    count = "1 applied migration" if len(applied) == 1 else f"{len(applied)} applied migrations"
    if repeated:
        count += f" and {'1 repeatable file' if len(repeated) == 1 else f'{len(repeated)} repeatable files'}"
    return _verified(f"{count}, replayed in a scratch database", found, drifts, settings.ignored)


def against(settings: Settings, connection: Connection, other: Connection) -> Verified:
    """Return the differences of the database from another one: `other` has what is expected; reads only."""
    expected, found = snapshot.read(other), snapshot.read(connection)
    name = f"database {other.info.dbname}"
    if expected.major != found.major:
        name += f", on PostgreSQL {expected.major} and not {found.major}: some definitions are printed in another way"
    return _verified(name, found, drift.compare(expected, found), settings.ignored)


def _verified(compared_with: str, found: snapshot.Snapshot, drifts: Sequence[Drift], entries: Sequence[Ignore]) -> Verified:
    ignored = [Ignored(one, entry.reason) for one in drifts if (entry := _entry(one, entries))]
    names = {entry.object for one in ignored if (entry := _entry(one.difference, entries))}
    return Verified(
        compared_with,
        len(found.items),
        len(found.months),
        tuple(one for one in drifts if not _entry(one, entries)),
        tuple(ignored),
        tuple(entry for entry in entries if entry.object not in names),
    )


def _entry(one: Drift, entries: Sequence[Ignore]) -> Ignore | None:
    return ignores.entry(one.kind, one.object, entries)


def _applied(connection: Connection, files: list[MigrationFile], accepted: str | None = None) -> list[MigrationFile]:
    """Return the files of the applied migrations, in the order in which they were applied."""
    entries = [entry for entry in ledger.entries(connection) if not entry.is_running]
    if not entries:
        raise ChatschemaError(
            "no migration is applied to this database, so there is nothing to compare it with",
            "apply them: chatschema migrate; to compare with another database: --against URL",
            code="verify.not-migrated",
        )
    # A pending file, wherever its place, is not replayed, so it does not matter.
    statuses = [status for status in history.statuses(files, entries) if status.applied_at is not None]
    statuses = [status for status in statuses if status.id != accepted]
    history.refuse_conflicts(statuses, "nothing was verified")
    by_id = {file.id: file for file in files}
    names = history.renames(files, {entry.id: entry for entry in entries})
    return [by_id[names.get(entry.id, entry.id)] for entry in entries]


def _of_months(connection: Connection) -> list[Drift]:
    """Return the months that were detached or dropped by hand: chatschema records those that it retires."""
    records = retired_months.read(connection)
    survey = months.survey(connection, measured=False)
    attached = {(one.parent, one.lower) for one in survey.partitions if one.state in ("attached", "detach pending")}
    found = []
    for one in months.detached_by_hand(survey, records):
        table, month = f"{grid.SCHEMA}.{one.name}", Month(one.parent, one.name, one.lower, one.upper)
        is_replaced = (one.parent, one.lower) in attached
        sql = () if is_replaced else (_text(connection, "attach.sql", month), _text(connection, "guard.sql", month))
        note = "an attached partition has its period: move its rows there and drop it" if is_replaced else None
        found.append(Drift("partition", table, "differs", f"attached to public.{one.parent}", "detached", sql, note))
    return found + [_gap(connection, gap) for gap in survey.gaps if gap.lower < gap.upper]


def _gap(connection: Connection, gap: Month) -> Drift:
    sql: list[str] = []
    lower = gap.lower
    while grid.month_of(lower) == lower and grid.next_month(lower) <= gap.upper:
        month = grid.month(gap.parent, lower)
        sql += [_text(connection, name, month) for name in create.FILES]
        lower = month.upper
    name = f"public.{gap.parent} from {gap.lower:%Y-%m-%d} to {gap.upper:%Y-%m-%d}"
    return Drift("partition", name, "missing", "a partition", None, tuple(sql), "comes back without its rows")


def _text(connection: Connection, name: str, month: Month) -> str:
    return create.statement(name, month).as_string(connection).strip().removesuffix(";") + ";"
