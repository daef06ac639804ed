"""Migrating many databases: who is where, and wave after wave until one fails.

What was done is in the databases alone, so a run that was killed is continued by the same command.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from chatschema.config.fleet import Fleet, Target
from chatschema.errors import Busy, CannotConnect, ChatschemaError, ExitCode, HistoryConflict
from chatschema.migration import history, ledger
from chatschema.migration.files import MigrationFile
from chatschema.postgres import Say
from chatschema.structure import fleet as structures
from chatschema.structure.fleet import Drift, Structure
from chatschema.task import migrating, session

_POLL_S = 0.02
Standing = Literal["up to date", "pending", "conflict", "unreachable", "refused"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a database stands: its wave from 0, its last migration and the open ones; `error` if it was not readable."""

    name: str
    wave: int
    state: Standing
    applied: int = 0
    last: str | None = None
    pending: tuple[str, ...] = ()
    months: int = 0
    error: str | None = None
    code: str | None = None
    exit_code: ExitCode = ExitCode.DONE
    structure: Structure = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The run of one database: what was applied, how long it took, and why it failed."""

    name: str
    wave: int
    exit_code: int
    applied: tuple[str, ...]
    duration_ms: float
    error: str | None = None
    hint: str | None = None
    code: str | None = None


def survey(
    fleet: Fleet, files: list[MigrationFile], *, to: str | None = None, only_expand: bool = False, with_structure: bool = False
) -> list[Place]:
    """Return where each database stands, in the order of the waves; reads only, and raises nothing for a database."""
    waves = {target.name: number for number, wave in enumerate(fleet.waves) for target in wave}
    with ThreadPoolExecutor(fleet.parallel) as pool:
        return list(
            pool.map(lambda target: _place(target, waves[target.name], files, to, only_expand, with_structure), fleet.targets)
        )


def _place(target: Target, wave: int, files: list[MigrationFile], to: str | None, only_expand: bool, with_structure: bool) -> Place:
    try:
        with session.connected(target.settings, writes=False, say=lambda _: None) as (live, connection):
            states = history.statuses(files, ledger.entries(connection))
            applied = [one.id for one in states if one.applied_at]
            plan = migrating.planned(live, connection, files, to=to, only_expand=only_expand, scratch="none", say=lambda _: None)
            pending = tuple(file.id for file in plan.pending)
            state: Standing = "pending" if pending or plan.months else "up to date"
            last = max(applied, default=None)
            structure = structures.read(connection) if with_structure else {}
            return Place(target.name, wave, state, len(applied), last, pending, len(plan.months), structure=structure)
    except CannotConnect as error:
        return _unreadable(target, wave, "unreachable", error)
    except HistoryConflict as error:
        return _unreadable(target, wave, "conflict", error)
    except ChatschemaError as error:
        return _unreadable(target, wave, "refused", error)


def _unreadable(target: Target, wave: int, state: Standing, error: ChatschemaError) -> Place:
    return Place(target.name, wave, state, error=error.message, code=error.code, exit_code=error.exit_code)


def drift(places: Sequence[Place]) -> dict[str, list[Drift]]:
    """Return by database the objects that differ from most of the databases with the same migrations."""
    found: dict[str, list[Drift]] = {}
    for last, count in {(one.last, one.applied) for one in places if one.structure}:
        alike = {one.name: one.structure for one in places if one.structure and (one.last, one.applied) == (last, count)}
        found |= structures.drift(alike)
    return found


def refuse(places: Sequence[Place]) -> None:
    """Raise for databases that cannot be migrated, before any of them is: a fleet that stops in the middle is worse."""
    if not (bad := [one for one in places if one.error is not None]):
        return
    lines = "\n".join(f"  {one.name}  {one.state}: {(one.error or '').splitlines()[0]}" for one in bad)
    count = f"{len(bad)} of {len(places)} databases cannot be migrated; nothing was run"
    first = bad[0]
    kind = {ExitCode.UNREACHABLE: CannotConnect, ExitCode.BUSY: Busy}.get(first.exit_code, ChatschemaError)
    raise kind(f"{count}\n{lines}", f"chatschema explain {first.code}", code="fleet.refused")


def run(
    fleet: Fleet, places: Sequence[Place], options: Sequence[str], environ: Mapping[str, str], *, waves: int | None = None, say: Say
) -> Iterator[Outcome]:
    """Migrate the databases that need it, wave after wave, `fleet.parallel` at once; yield each one that has ended.

    After the first failure no other database is begun; those that are being migrated are finished. Each one is migrated by a
    process of its own, with `options` and the environment `environ`.
    """
    open_ = {one.name for one in places if one.state == "pending"}
    running: list[_Run] = []
    try:
        for number, wave in enumerate(fleet.waves[:waves]):
            due = [target for target in wave if target.name in open_]
            if due:
                say(f"{'canary' if number == 0 else f'wave {number}'}: {', '.join(target.name for target in due)}")
            has_failed = False
            while running or (due and not has_failed):
                while due and not has_failed and len(running) < fleet.parallel:
                    running.append(_Run(due.pop(0), number, options, environ, say))
                for one in [one for one in running if one.has_ended()]:
                    running.remove(one)
                    outcome = one.outcome()
                    has_failed = has_failed or outcome.exit_code != ExitCode.DONE
                    yield outcome
                time.sleep(_POLL_S)
            if has_failed:
                return
    finally:
        # After Ctrl-C and SIGTERM: each child rolls its step back.
        for one in running:
            one.end()


class _Run:
    """The process that migrates one database. Its notes are passed on, with the name of the database before them."""

    def __init__(self, target: Target, wave: int, options: Sequence[str], environ: Mapping[str, str], say: Say) -> None:
        self._target, self._wave, self._started = target, wave, time.monotonic()
        self._answer = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed when the run has ended
        # Not on the command line, where every user of the machine can read it.
        env = {**environ, "DATABASE_URL": target.settings.conninfo}
        words = [sys.executable, "-m", "chatschema", "migrate", "--json", *options]
        self._process = subprocess.Popen(words, env=env, stdout=self._answer, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self._notes = threading.Thread(target=self._pass_on, args=(say,), daemon=True)
        self._notes.start()

    def _pass_on(self, say: Say) -> None:
        for line in self._process.stderr or ():
            # The error itself is printed with the outcome.
            if not line.startswith(("error[", "hint:  ")):
                say(f"{self._target.name}: {line.rstrip()}")

    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def end(self) -> None:
        """Interrupt the run, and wait until its step is rolled back."""
        self._process.terminate()
        self._process.wait()
        self._answer.close()

    def outcome(self) -> Outcome:
        self._notes.join()
        duration_ms = (time.monotonic() - self._started) * 1000
        self._answer.seek(0)
        answer = _document(self._answer.read())
        self._answer.close()
        applied = tuple(one["id"] for one in answer.get("applied", ()))
        code = self._process.returncode
        if code == ExitCode.DONE:
            return Outcome(self._target.name, self._wave, code, applied, duration_ms)
        error = answer.get("error", {})
        died = f"its process was ended by signal {-code}" if code < 0 else f"its process ended with exit code {code}"
        return Outcome(
            self._target.name,
            self._wave,
            code,
            applied,
            duration_ms,
            str(error.get("message", died)),
            error.get("hint"),
            error.get("code"),
        )


def _document(text: str) -> dict[str, Any]:
    """Return the document that a run printed; an empty one if it was ended before that."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
