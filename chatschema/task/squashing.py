"""Squashing: one file for all migrations up to one, from a dump of what they make, and proved equal by replay."""

import difflib
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from chatschema import postgres, schema
from chatschema.database import scratch
from chatschema.errors import ChatschemaError, MigrationFailed, ServerError
from chatschema.migration import files as migration_files
from chatschema.migration import ledger
from chatschema.migration.files import MigrationFile
from chatschema.migration.repeatable.files import Stored
from chatschema.migration.squash import files as squashed
from chatschema.migration.squash import text as squash_text
from chatschema.migration.squash.files import Squash
from chatschema.postgres import Say, locks
from chatschema.server import embedded
from chatschema.structure import drift, recording, rows, snapshot
from chatschema.structure.names import quoted
from chatschema.structure.rows import TableRows
from chatschema.structure.snapshot import Snapshot
from chatschema.task import scratching
from chatschema.values import Settings

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Squashed:
    """A squash that was written: its file, the migrations that it stands for, and the rows that it carries, by table.

    `majors` are the versions of PostgreSQL on which it was proved; `unproved` tells why not on others.
    """

    path: Path
    replaced: tuple[str, ...]
    rows: dict[str, int]
    majors: tuple[int, ...]
    unproved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """What a database has: its structure, its rows, and everything as text."""

    structure: Snapshot
    rows: dict[str, TableRows]
    text: str
    major: int


class _Differs(ChatschemaError):
    """The squash makes another database than the migrations."""


def squash(settings: Settings, files: Sequence[MigrationFile], id: str, *, places: Sequence[str | None], say: Say) -> Squashed:
    """Write the squash of the migrations up to `id` beside them, once it is proved in the scratch databases of `places`.

    The first place is where the dump is made; on the others the proof may fail, which is said. See scratching.place().
    Raises ChatschemaError if the migrations do something that it cannot stand for, or if it makes another database.
    """
    originals = [file for file in files if file.id <= id]
    squash_text.refuse_unfit(originals)
    migration_files.check(originals)
    with ExitStack() as stack:
        servers = [_server(stack, settings, place, say) for place in places]
        made = _made(servers[0], settings, originals)
        body = made.text
        say(f"{len(originals)} migrations ran in a scratch database; the squash is compared with them")
        _prove(servers[0], settings, id, originals, made, body)
        majors, unproved = {made.major}, []
        for server in servers[1:]:
            other = _made(server, settings, originals)
            try:
                _prove(server, settings, id, originals, other, body)
                majors.add(other.major)
            except _Differs as error:
                unproved.append(f"PostgreSQL {other.major}: {error.message}")
    header = squashed.header(id, originals, sorted(majors), body)
    path = squashed.write(originals[0].apply.path.parent, id, header + body)
    carried = {table: one.count for table, one in made.rows.items()}
    return Squashed(path, tuple(one.id for one in originals), carried, tuple(sorted(majors)), tuple(unproved))


def _server(stack: ExitStack, settings: Settings, place: str | None, say: Say) -> Settings:
    try:
        return stack.enter_context(scratching.place(settings, place, say=say)).server
    except scratching.NoScratch as reason:
        raise ChatschemaError(
            f"a squash is proved in scratch databases, and there is no server for them: {reason}",
            "name one: --scratch URL; or install one: pip install 'chatschema[embedded]'",
            code="squash.scratch",
        ) from None


def _made(server: Settings, settings: Settings, files: Sequence[MigrationFile]) -> _Made:
    """Return what these files make. Raises MigrationFailed."""
    # It takes a while to load.
    from chatschema.migration import runner

    with scratch.empty(server) as place, closing(postgres.connect(place)) as copy, locks.migration_lock(copy, wait_s=0):
        ledger.ensure(copy)
        unrecorded = recording.Run(lambda _: None, is_recorded=False)
        for _ in runner.migrate(copy, files, unrecorded, batching=settings.batching, say=lambda _: None):
            pass
        major = copy.info.server_version // 10000
        dump = schema.everything(place.conninfo, major, programs=embedded.bin_folder())
        return _Made(snapshot.read(copy), rows.read(copy), squash_text.of_dump(dump, quoted(copy.info.user)), major)


def _prove(server: Settings, settings: Settings, id: str, originals: Sequence[MigrationFile], made: _Made, body: str) -> None:
    """Raise _Differs, with what differs, unless the squash makes what the migrations have made on this server."""
    name = squashed.name(id)
    file = Squash(name, Stored(name, body), None, tuple(originals))
    try:
        found = _made(server, settings, [file])
    except (MigrationFailed, ServerError) as error:
        raise _Differs(f"the squash does not run: {error.message}", _HINT, code="squash.differs") from None
    lines = [f"{one.kind} {one.object}" for one in drift.compare(made.structure, found.structure)]
    lines += rows.differences(made.rows, found.rows)
    # On another server than that of the dump the rows are compared by their digests alone, without times and random ids.
    texts = (made.text, found.text) if made.text == body else map(squash_text.without_rows, (made.text, found.text))
    was, now = (text.splitlines() for text in texts)
    lines += list(difflib.unified_diff(was, now, "migrations", "squash", lineterm="", n=0))
    if lines:
        more = [f"  and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
        shown = "\n".join([*(f"  {line}" for line in lines[:_SHOWN]), *more])
        raise _Differs(
            f"the squash makes another database than the migrations; nothing was written\n{shown}", _HINT, code="squash.differs"
        )


_HINT = "squash up to an earlier migration: --to ID; and please report the difference"
