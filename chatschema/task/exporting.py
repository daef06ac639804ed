"""Exporting one person's data: the tables, detached months and archives in one snapshot, into a new folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from psycopg import sql

from chatschema import __version__, audit, postgres
from chatschema.errors import ChatschemaError
from chatschema.migration import ledger
from chatschema.partition import catalog, retired_months
from chatschema.partition.archive import content, manifest
from chatschema.partition.archive.manifest import ArchiveRefused, Manifest
from chatschema.partition.grid import SCHEMA
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection, Say, door
from chatschema.privacy import subject, tags
from chatschema.privacy.export import folder, page, parts, rows
from chatschema.privacy.export import manifest as described
from chatschema.privacy.export.manifest import File, Omission
from chatschema.privacy.export.parts import Part, Plan, Scope
from chatschema.privacy.export.people import People

_ALWAYS = (
    Omission("messages of other people", "they are the personal data of those who wrote them (Art. 15(4) GDPR)"),
    Omission("names and addresses of other people", "each person has a pseudonym that is used in this export alone"),
    Omission("legal holds", "telling about them could defeat their purpose (Art. 23 GDPR)"),
    Omission("backups, replicas and server logs", "they are copies, and expire by the rules of their own"),
)
_ABOUT = """
    select u.username, now(), current_setting('server_version') from public.users as u where u.id = %s
"""


@dataclass
class _Work:
    """What the parts of one export share."""

    connection: Connection
    subject: UUID
    people: People
    plan: Plan
    columns: list[tags.Column]
    say: Say
    left_out: list[Omission] = field(default_factory=list)
    archives: list[tuple[Path, Manifest]] = field(default_factory=list)


def export(connection: Connection, user: str, scope: Scope, out: Path | None, *, say: Say) -> tuple[Path, described.Manifest]:
    """Write the data of a user, given by name or id, to a new folder; return it and what it contains.

    All rows are of one snapshot; memory does not grow with their number. Leaves a row in the audit trail. Raises ChatschemaError
    when there is no such user or files cannot be written, UsageError when the folder exists.
    """
    door.refuse(connection, "privacy export")
    person = subject.find(connection, user)
    target = (out or Path(f"privacy-export-{person}")).absolute()
    with folder.new(target, say) as partial:
        with postgres.transaction(connection):
            postgres.execute(connection, "set transaction isolation level repeatable read")
            content.pin(connection)
            # The first query takes the snapshot.
            name, snapshot_at, version = postgres.fetch_one(connection, _ABOUT, (person,))
            work = _Work(connection, person, People(str(person)), parts.plan(connection, scope), tags.columns(connection), say)
            work.archives = list(_archives(work))
            files = tuple(_file(work, part, partial) for part in work.plan.parts)
            applied = [entry.id for entry in ledger.entries(connection) if not entry.is_running]
        done = described.Manifest(
            person, name, scope, snapshot_at, connection.info.dbname, version, max(applied, default="none"),
            f"chatschema {__version__}", files, (*_texts(work), *work.left_out, *_ALWAYS),
        )  # fmt: skip
        done = replace(done, files=(*files, _page(done, partial)))
        _, _, sha256 = folder.write(partial / described.NAME, [described.text(done).encode()])
        _record(connection, done, sha256)
    return target, done


def _record(connection: Connection, done: described.Manifest, sha256: str) -> None:
    counts = {file.name: file.rows for file in done.files if file.rows is not None}
    audit.record(connection, "privacy.export", "user", str(done.subject), scope=done.scope, rows=counts, manifest_sha256=sha256)


def _page(done: described.Manifest, partial: Path) -> File:
    _, size, sha256 = folder.write(partial / page.NAME, page.html(done, partial))
    return File(page.NAME, "the beginning of each file, to read", None, size, sha256)


def _file(work: _Work, part: Part, partial: Path) -> File:
    work.say(f"{part.file}: {part.what}")
    chosen = rows.choose(part, work.columns)
    for names, why in ((chosen.secret, "secret"), (chosen.untagged, "nothing says whether they are personal data")):
        if names:
            work.left_out.append(Omission(f"columns of {part.table}: {', '.join(names)}", why))
    pieces = (
        line
        for table, where in _sources(work, part)
        for line in rows.read(
            work.connection, replace(part, where=where), table, chosen, str(work.subject), work.people, work.plan.people
        )
    )
    name = f"{part.file}.jsonl"
    count, size, sha256 = folder.write(partial / name, pieces)
    return File(name, part.what, count, size, sha256)


def _sources(work: _Work, part: Part) -> Iterator[tuple[sql.Identifier, str]]:
    """Yield the tables with rows of a part, and the condition of those that are the person's."""
    yield sql.Identifier("public", part.table), part.where
    if not part.months:
        return
    away = [month for month in catalog.away(work.connection) if month.parent == part.table]
    for month in away:
        yield sql.Identifier(SCHEMA, month.name), part.where
    for path, archive in work.archives:
        described_table = archive.table(part.table)
        if described_table is None:
            continue
        # The rows that a hold kept of this month have been read already, as they are now.
        kept = [month.name for month in away if month.lower == archive.lower]
        newer = "".join(
            f" and not exists (select from {SCHEMA}.{name} as k where k.{part.order} = t.{part.order})" for name in kept
        )
        pieces = manifest.pieces(path / described_table.file.name)
        table = content.load_apart(work.connection, "exported_archive", described_table.columns, pieces)
        yield table, part.where + newer
        # Its space is free at once, and not only at the end of the transaction.
        postgres.execute(work.connection, sql.SQL("truncate {}").format(table))
        postgres.execute(work.connection, sql.SQL("drop table {}").format(table))


def _archives(work: _Work) -> Iterator[tuple[Path, Manifest]]:
    """Yield the archives of dropped months that can be read; the others are left out by name."""
    for record in retired_months.read(work.connection).values():
        if record.state != "dropped":
            continue
        try:
            yield _archive(record)
        except ChatschemaError as error:
            work.left_out.append(Omission(f"messages of {record.month:%Y-%m}", f"the month was dropped; {error.message}"))


def _archive(record: RetiredMonth) -> tuple[Path, Manifest]:
    if record.archive is None:
        raise ArchiveRefused("it was not archived, so nothing is left of it", "", code="archive.refused")
    path = Path(record.archive)
    found = manifest.read(path, record.archive_sha256)
    manifest.verify(found, path)
    return path, found


def _texts(work: _Work) -> Iterator[Omission]:
    if work.people.left_out:
        yield Omission(
            f"{work.people.left_out} texts in details of the audit trail and settings",
            "they may name other people; ask for them to be reviewed",
        )
