"""The command line: one file a command group, one place where an error becomes an exit code."""

import importlib
import io
import os
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from chatschema import __version__
from chatschema.cli import coercion, console, listing, signals
from chatschema.errors import ChatschemaError, ExitCode, UsageError
from chatschema.redact import redact, redact_places

EXIT_CODES = """
Exit codes: 0 done, or nothing to do; 1 failed; 2 wrong usage; 3 completed, but the check failed;
4 cannot connect or log in; 5 busy, safe to retry; 130 interrupted; 143 terminated (SIGTERM).
`chatschema explain CODE` explains an error or a finding.
"""

coercion.install()
listing.install()

# The sections of --help. For each command: its file under cli/, and its name there. Only the command that runs is loaded.
SECTIONS = {
    "Change the schema": {
        "migrate": ("migrate", "migrate"),
        "undo": ("undo", "undo"),
        "status": ("status", "status"),
        "verify": ("verify", "verify"),
        "history": ("history", "history"),
        "repair": ("repair", "repair"),
        "baseline": ("baseline", "baseline"),
        "squash": ("squash", "squash"),
        "new": ("new", "app"),
        "schema": ("schema", "app"),
        "lint": ("lint", "lint"),
    },
    "Develop and test": {
        "seed": ("seed", "seed"),
        "reset": ("reset", "reset"),
        "server": ("server", "app"),
        "models": ("models", "models"),
        "ci": ("ci.app", "app"),
    },
    "Run in production": {
        "maintain": ("partition.maintain", "maintain"),
        "batch": ("batch.app", "app"),
        "partition": ("partition.app", "app"),
        "hold": ("hold", "app"),
        "retention": ("retention.app", "app"),
        "roles": ("roles.app", "app"),
        "privacy": ("privacy.app", "app"),
        "audit": ("audit.app", "app"),
        "attachments": ("attachments", "app"),
        "events": ("events.app", "app"),
        "cluster": ("cluster.app", "app"),
        "protect": ("protect", "protect"),
        "unprotect": ("protect", "unprotect"),
    },
    "Find problems": {
        "report": ("report", "app"),
        "explain": ("explain", "explain"),
    },
}
COMMANDS = {name: place for section in SECTIONS.values() for name, place in section.items()}


class Root(TyperGroup):
    """The group that loads commands, prints errors and turns them into exit codes."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # Typer passes it
        """Return the names of the commands, in the order of --help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # Typer passes it
        """Return the command, its file imported now. Raises UsageError for an unknown one."""
        if cmd_name not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(cmd_name, COMMANDS, n=1)
            hint = f"did you mean: chatschema {near[0]}" if near else "list the commands: chatschema --help"
            raise UsageError(f"there is no command {redact_places(cmd_name)}", hint, code="usage.command")
        file, name = COMMANDS[cmd_name]
        found = getattr(importlib.import_module(f"chatschema.cli.{file}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        single = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)
        single.command(name=cmd_name)(found)
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands by their tasks."""
        listing.write(self, ctx, formatter, {title: list(commands) for title, commands in SECTIONS.items()})

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Parse the options before the command; an interrupt ends it as one of the command itself does."""
        try:
            return super().make_context(*arguments, **options)
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(_interrupted(interrupt)) from None

    def invoke(self, ctx: Any) -> Any:
        """Run a command; only Typer's own exceptions are passed on."""
        verbose = bool(ctx.params.get("verbose")) or bool(os.environ.get("CHATSCHEMA_VERBOSE"))
        try:
            return super().invoke(ctx)
        except ChatschemaError as error:
            if verbose:
                console.note(_traceback(error))
            console.error(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt as interrupt:
            raise typer.Exit(_interrupted(interrupt)) from None
        except OSError as error:
            console.error(ChatschemaError(f"{error.filename or 'the system'}: {error.strerror or error}", code="file.system"))
            raise typer.Exit(ExitCode.FAILED) from None
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if type(error).__module__.startswith("typer."):
                # Typer quotes the unexpected argument, which may be a URL with a password.
                error.message = redact_places(getattr(error, "message", ""))  # type: ignore[attr-defined]
                raise
            # It loads the driver, which --help does without.
            from chatschema.postgres import refusal

            refusal.hush(error)
            if verbose:
                console.note(_traceback(error))
            unforeseen = redact(f"{type(error).__name__}: {error}")
            hint = "please report it, with the traceback: chatschema --verbose ..."
            console.error(ChatschemaError(f"this is a bug in chatschema: {unforeseen}", hint, code="bug"))
            raise typer.Exit(ExitCode.FAILED) from None


app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=EXIT_CODES,
)


def _interrupted(interrupt: KeyboardInterrupt) -> ExitCode:
    """Report how the run ended, and return its exit code."""
    code = signals.exit_code(interrupt)
    why = "terminated by SIGTERM" if code == ExitCode.TERMINATED else "interrupted"
    console.note(f"{why}; committed changes are kept, the rest was rolled back")
    return code


def _traceback(error: Exception) -> str:
    """Return where the error came from, without passwords and rows. Imported late, as most runs have none."""
    import traceback

    from chatschema.postgres import refusal

    refusal.hush(error)
    return redact("".join(traceback.format_exception(error)))


def _print_version(wanted: bool) -> None:
    if wanted:
        console.answer(f"chatschema {__version__}")
        raise typer.Exit


@app.callback()
def root(
    verbose: Annotated[bool, typer.Option("--verbose", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """Manage the PostgreSQL schema of a chat application: nine tables, monthly partitions, demo data and health reports."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        # A character that the encoding of the terminal lacks is shown as ?, instead of an error.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        signals.handle()
        app(prog_name="chatschema")
    except KeyboardInterrupt as interrupt:
        sys.exit(_interrupted(interrupt))
    finally:
        # Here rather than when the interpreter ends, which would complain about a closed pipe.
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            console.silence()
