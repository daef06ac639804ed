"""Taking over a project of sequelize-cli: its migrations run in a scratch database, and their SQL is what is converted.

Three scratch databases: in the first the programs run; in the second what was recorded runs, and the programs undo it; in the
third the converted files run as `migrate` runs them, and the result is compared with the first.
"""

import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

from chatschema.errors import ChatschemaError, MigrationFailed, ServerError, UsageError
from chatschema.migration import files as migration_files
from chatschema.migration import ledger
from chatschema.migration.strangers import convert
from chatschema.migration.strangers.past import KINDS
from chatschema.migration.strangers.sequelize import node, texts
from chatschema.migration.strangers.sequelize.files import Program, programs
from chatschema.migration.strangers.sequelize.node import Recorder
from chatschema.migration.strangers.sequelize.texts import Converted
from chatschema.migration.strangers.values import StrangerFile
from chatschema.postgres import Connection, Say, locks
from chatschema.structure import drift, rows, snapshot
from chatschema.task import converting, scratching
from chatschema.task import converting_rollbacks as rollbacks
from chatschema.values import Settings

SEQUELIZE = "sequelize"
_NO_EXTENSION = re.compile(r"extension .* is not available")


def sequelize(settings: Settings, source: Path, *, where: str | None, accepted: Collection[str] = (), say: Say) -> convert.Project:
    """Return the migrations of a project of sequelize-cli as SQL, once they were proved to make the same database.

    The scratch databases are made in `where`: see scratching.place(). Files that are `accepted`, by name, are converted as they
    run on an empty database, although they read rows. Raises ChatschemaError if a migration cannot be converted, and names it.
    """
    found = programs(source)
    if unknown := set(accepted) - {one.path.name for one in found}:
        raise UsageError(f"{source} has no {min(unknown)}", "name a file of this folder", code="strangers.accept")
    try:
        with scratching.place(settings, where, say=say) as place, node.recorder(source) as recorder:
            return _converted(place.server, recorder, found, accepted, say)
    except scratching.NoScratch as reason:
        raise ChatschemaError(
            f"the migrations of sequelize run in a scratch database, and there is none: {reason}",
            "name a server for it: --scratch URL; or install one: pip install 'chatschema[embedded]'",
            code="strangers.scratch",
        ) from None


def _converted(
    server: Settings, recorder: Recorder, found: Sequence[Program], accepted: Collection[str], say: Say
) -> convert.Project:
    with converting.empty(server) as first:
        recorder.connect(first)
        ups = [_up(first, recorder, one) for one in found]
        _refuse_unconverted(found, ups, accepted)
        say(f"{len(found)} migrations ran in a scratch database; their rollbacks follow")
        downs, notes = rollbacks.of(server, recorder, found, ups)
        project = convert.project(KINDS[SEQUELIZE], _files(found, ups, downs), [*_notes(found, ups), *notes])
        return convert.noted(project, _compare(server, first, project))


def _up(connection: Connection, recorder: Recorder, one: Program) -> Converted:
    if one.up is not None:
        written = Converted(one.up, not texts.is_alone(one.up), None)
        try:
            converting.run(connection, written)
        except ServerError as error:
            path = one.path.with_suffix(".sql")
            raise ChatschemaError(f"{path.name} failed: {error.message}", "correct it", code="strangers.unconverted") from None
        return written
    recording = recorder.run(one.path, "up")
    if recording is None or recording.error:
        why = recording.error if recording and recording.error else "it has no function up"
        hint = (
            "sequelize-cli could not create a new database with it either, or it reaches for other servers, files or"
            f" variables; write what it does to {one.path.stem}.sql beside it"
        )
        if _NO_EXTENSION.search(why):
            hint = "name a server that has the extension: --scratch URL"
        raise ChatschemaError(f"{one.path.name} failed on a scratch database: {why}", hint, code="strangers.unconverted")
    return texts.convert(recording, lambda query: converting.changes(connection, query))


def _refuse_unconverted(found: Sequence[Program], ups: Sequence[Converted], accepted: Collection[str]) -> None:
    refused = [(one, up.depends) for one, up in zip(found, ups, strict=True) if up.depends and one.path.name not in accepted]
    if not refused:
        return
    count = "1 migration does" if len(refused) == 1 else f"{len(refused)} migrations do"
    lines = "\n".join(f"  {one.path.name}: {why}" for one, why in refused)
    raise ChatschemaError(
        f"{count} with JavaScript what SQL has to do; nothing was written\n{lines}",
        f"write what it does as SQL, beside it: {refused[0][0].path.stem}.sql and .down.sql; or, where it matters only for rows"
        f" that a new database does not have: --accept {refused[0][0].path.name}",
        code="strangers.unconverted",
    )


def _files(found: Sequence[Program], ups: Sequence[Converted], downs: Sequence[Converted | None]) -> list[StrangerFile]:
    return [
        StrangerFile(
            one.version,
            one.words,
            up.text,
            down.text if down else None,
            up.is_transactional,
            one.path,
            down_is_transactional=down.is_transactional if down else None,
            recorded_as=one.path.name,
        )
        for one, up, down in zip(found, ups, downs, strict=True)
    ]


def _notes(found: Sequence[Program], ups: Sequence[Converted]) -> list[str]:
    notes = [f"{one.path.name}: {note}" for one, up in zip(found, ups, strict=True) for note in up.notes]
    accepted = [f"{one.path.name} was converted as it runs on an empty database: {up.depends}"
                for one, up in zip(found, ups, strict=True) if up.depends]  # fmt: skip
    return notes + accepted


def _compare(server: Settings, first: Connection, project: convert.Project) -> list[str]:
    """Return the tables whose rows are others after the converted files; raise ChatschemaError if the structure is another."""
    # It takes a while to load.
    from chatschema.migration import replaying

    with tempfile.TemporaryDirectory() as folder, converting.empty(server) as third, locks.migration_lock(third, wait_s=0):
        convert.write(project, Path(folder))
        ledger.ensure(first)
        ledger.ensure(third)
        try:
            replaying.run(third, migration_files.discover(Path(folder) / "migrations"))
        except (MigrationFailed, ServerError) as error:
            raise ChatschemaError(
                f"a converted file does not run: {error.message}",
                "write what the migration does as SQL, beside it: NAME.sql and NAME.down.sql",
                code="strangers.unconverted",
            ) from None
        found = drift.compare(snapshot.read(first), snapshot.read(third))
        if found:
            lines = "\n".join(f"  {one.kind} {one.object}" for one in found)
            raise ChatschemaError(
                f"the converted files make another database than the migrations; nothing was written\n{lines}",
                "write what the migration does as SQL, beside it: NAME.sql and NAME.down.sql",
                code="strangers.differs",
            )
        other = rows.differences(rows.read(first), rows.read(third))
        return [f"after the converted files table {text} as after the migrations" for text in other]
