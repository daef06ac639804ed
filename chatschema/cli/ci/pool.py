"""chatschema ci pool: databases for tests, made ahead and handed out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chatschema.cli import console, options
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from chatschema.task.pool_socket import Address

_SERVER = "auto (CHATSCHEMA_TEST_URL, else a container, else embedded), container, embedded, or a URL."


def start(
    server: Annotated[str, typer.Option("--server", metavar="PLACE", help=f"Server for tests: {_SERVER}")] = "auto",
    seeds: Annotated[
        list[str] | None, typer.Option("--seed", metavar="NAME", help='Seeder to run in each database, or "all"; repeatable.')
    ] = None,
    warm: Annotated[int, typer.Option("--warm", metavar="N", min=1, help="Databases to make ahead.")] = 8,
    foreground: Annotated[bool, typer.Option("--foreground", help="Run until interrupted, instead of in the background.")] = False,
    json: options.Json = False,
) -> None:
    """Start a pool of databases for the tests of this folder, and print its socket.

    Each database is a copy of a migrated template, without rows unless --seed adds demo data. DATABASE_URL is not used.
    """
    from chatschema.task import pool_running

    if foreground:
        pool_running.run(
            Path.cwd(), server, os.environ, seeds or [], warm, ready=lambda address: _show(address, json), say=console.note
        )
        return
    arguments = [f"--warm={warm}", *(f"--seed={name}" for name in seeds or [])]
    environ = dict(os.environ)
    if "://" in server or "=" in server:
        # A password on the command line of a background process would be visible to everybody on the machine.
        environ["CHATSCHEMA_TEST_URL"] = server
    else:
        arguments.append(f"--server={server}")
    _show(pool_running.start(Path.cwd(), arguments, environ), json)
    console.note("to take a database: chatschema ci pool take; to stop: chatschema ci pool stop")


def take(json: options.Json = False) -> None:
    """Take a database and print its URL. It is yours until `give`, or until the pool stops."""
    taken = _ask("take keep")
    if json:
        console.as_json(taken)
    else:
        console.answer(taken["url"])


def give(database: Annotated[str, typer.Argument(metavar="DATABASE", help="Name or URL of the database.")]) -> None:
    """Give a database back. It is dropped with everything in it."""
    console.answer(f"gave back {_ask(f'give {database}')['database']}")


def status(json: options.Json = False) -> None:
    """Show how many databases are ready and taken; exit 3 if no pool is running."""
    from chatschema.config import STATE_DIR
    from chatschema.task import pool_socket

    address = pool_socket.find(Path.cwd() / STATE_DIR)
    counts = pool_socket.ask(address, "status") if address else {"ready": 0, "taken": 0}
    if json:
        console.as_json({"socket": address.socket if address else None, "server": address.server if address else None, **counts})
    elif address:
        console.answer(f"running on {address.server}, pid {address.pid}: {counts['ready']} ready, {counts['taken']} taken")
    else:
        console.answer("not running")
    if address is None:
        raise typer.Exit(ExitCode.FINDINGS)


def stop() -> None:
    """Stop the pool of this folder and drop its databases, those of failed tests included.

    The embedded server for tests is removed, unless a run of tests is using it.
    """
    from chatschema.task import pool_running

    stopped = pool_running.stop(Path.cwd(), os.environ)
    if stopped.dropped:
        console.note(f"dropped {console.count(len(stopped.dropped), 'database')} on the server of CHATSCHEMA_TEST_URL")
    if not stopped.is_removed:
        console.note("a run of tests is using the embedded server for tests; it was left running")
    console.answer("stopped" if stopped.was_running else "nothing to stop: no pool was running")


def _show(address: Address, is_json: bool) -> None:
    if is_json:
        console.as_json({"socket": address.socket, "pid": address.pid, "server": address.server})
    else:
        console.answer(address.socket)


def _ask(request: str) -> dict[str, str]:
    from chatschema.task import pool_running, pool_socket

    return pool_socket.ask(pool_running.running(Path.cwd()), request)
