"""docs/reference/cli.md: every command with its arguments, options and defaults, as --help prints them."""

from collections.abc import Iterator, Sequence
from typing import Any

import typer

from chatschema import assets
from chatschema.cli import SECTIONS, app
from chatschema.report import definition

HEAD = """\
# Command line

Generated from the help of each command. `chatschema COMMAND --help` prints the same.

stdout is the answer; stderr is the story: progress, notes, warnings and errors. With `--json`, stdout is
[one JSON document](json.md). Options come after the command: `chatschema migrate --url URL`. `--url`, `--sql-dir`, `--json`,
`--wait`, `--lock-wait` and `--yes` mean the same for every command that takes them. [Configuration](configuration.md) says which
server a command uses. The result of a run is its [exit code](exit-codes.md).
"""
ONE_REPORT = """\

## `chatschema report NAME`

Each report is a command. [Reports](reports.md) describes what each checks. They share these options:

"""


def text() -> str:
    """Return the page."""
    root = typer.main.get_command(app)
    found = list(_commands(root, ()))
    reports = [(path, command) for path, command in found if path[:1] == ("report",) and path[1:2] and _is_report(path[1])]
    names = {path for path, _ in reports}
    others = [(path, command) for path, command in found if path not in names]
    parts = [HEAD]
    for section, inside in SECTIONS.items():
        rows = [(_linked(path), _summary(command)) for path, command in others if path and path[0] in inside]
        parts.append(f"\n**{section}**\n\n{_table(('command', 'purpose'), rows)}")
    parts += [_section(path, command) for path, command in others]
    return "".join([*parts, _reports(reports)])


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each command with the words that call it; a group that does nothing by itself has its commands only."""
    if not hasattr(command, "list_commands"):
        if not command.hidden:
            yield path, command
        return
    if not path or command.invoke_without_command:
        yield path, command
    for name in command.list_commands(None):
        yield from _commands(command.get_command(None, name), (*path, name))


def _is_report(name: str) -> bool:
    return name in definition.names(assets.sql_dir())


def _linked(path: tuple[str, ...]) -> str:
    name = " ".join(("chatschema", *path))
    return f"[`{name}`](#{name.replace(' ', '-')})"


def _summary(command: Any) -> str:
    return _cell((command.help or "").split("\n\n")[0])


def _section(path: tuple[str, ...], command: Any) -> str:
    text = _paragraphs(command.help or "")
    epilog = f"\n{_paragraphs(command.epilog).rstrip()}\n" if command.epilog else ""
    usage = " ".join(("chatschema", *path, *_usage(command)))
    return f"\n## `{' '.join(('chatschema', *path))}`\n\n{text}```text\n{usage}\n```\n\n{_options(command.params)}{epilog}"


def _usage(command: Any) -> Iterator[str]:
    """Yield what follows the name of a command on its line of usage."""
    if any(param.param_type_name == "option" for param in command.params):
        yield "[OPTIONS]"
    for param in command.params:
        if param.param_type_name == "argument":
            name = param.metavar or param.name.upper()
            yield name if param.required or name.startswith("[") else f"[{name}]"
    if hasattr(command, "list_commands"):
        yield "COMMAND" if command.no_args_is_help else "[COMMAND]"


def _reports(reports: list[tuple[tuple[str, ...], Any]]) -> str:
    """Return one section for all reports: the options that they share, and those of single reports."""
    options = {path[1]: {param.opts[0]: param for param in command.params} for path, command in reports}
    shared = set.intersection(*(set(of) for of in options.values()))
    first = next(iter(options.values()))
    rows = [(f"`chatschema report {path[1]}`", _summary(command)) for path, command in reports]
    own = [(name, [param for key, param in of.items() if key not in shared]) for name, of in options.items()]
    parts = [ONE_REPORT, _options([param for key, param in first.items() if key in shared])]
    for name, params in own:
        if params:
            parts += [f"\n`chatschema report {name}` has these as well:\n\n", _options(params)]
    return "".join([*parts, "\n", _table(("report", "purpose"), rows)])


def _options(params: list[Any]) -> str:
    rows = [
        (_name(param), _cell(param.help or "Show this message and exit."), _default(param)) for param in params if not param.hidden
    ]
    return _table(("option", "meaning", "default"), rows) if rows else "It has no options.\n"


def _name(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_cell(param.metavar or param.name.upper())}`"
    value = "" if param.is_flag else f" {param.metavar or _kind(param)}"
    names = ", ".join(f"`{option}{value}`" for option in param.opts)
    return _cell(" / ".join([names, *(f"`{option}`" for option in param.secondary_opts)]))


def _kind(param: Any) -> str:
    return str(param.type_descriptor.annotation.__name__).upper()


def _default(param: Any) -> str:
    if param.required:
        return "required"
    if param.is_flag if param.param_type_name == "option" else False:
        return ""
    value = param.default
    if value is None or value == [] or callable(value):
        return ""
    return f"`{int(value)}`" if isinstance(value, float) and value.is_integer() else f"`{value}`"


def _paragraphs(text: str) -> str:
    """Return a help text with one line a paragraph."""
    return "".join(f"{' '.join(part.split())}\n\n" for part in text.strip().split("\n\n")) if text.strip() else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}", *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"
