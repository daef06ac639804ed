"""What the documents say that a program can check: their blocks of code, the commands in them, and the schemas of --json."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import typer
from referencing import Registry, Resource

from chatschema.cli import app
from tests.support import ROOT
from tests.support import commands as starting
from tests.support.citus import Citus
from tests.support.cli import Cli
from tests.support.database import Database

DOCS = sorted(ROOT.glob("docs/**/*.md"))
SCHEMAS = ROOT / "docs" / "reference" / "json"
_BLOCK = re.compile(r"^( *)```(\w*)([^\n]*)\n(.*?)^\1```", re.MULTILINE | re.DOTALL)
# Asks the process that forks for each command; without that, starting Python is most of what a page of commands takes.
_CLIENT = """\
#!{python} -SE
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({socket!r})
    request = json.dumps({{"arguments": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ)}}).encode()
    fds = array.array("i", [0, 1, 2])
    server.sendmsg([len(request).to_bytes(4, "big")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    server.sendall(request)
    server.recv(4)
    answer = server.recv(4)
sys.exit(int.from_bytes(answer, "big") if answer else 137)
"""
_ENDS = {"&&", "||", "|", ";", ">", "do", "done", "then"}


@dataclass(frozen=True)
class Block:
    """A block of code: its language, what else stands on its first line, and its text."""

    language: str
    title: str
    text: str


def blocks(path: Path) -> list[Block]:
    """Return the blocks of code in a page, in order."""
    found = _BLOCK.findall(path.read_text("utf-8"))
    return [Block(language, title.strip(), re.sub(f"(?m)^{indent}", "", text)) for indent, language, title, text in found]


def commands(path: Path) -> list[list[str]]:
    """Return the words of each call of chatschema in a page: in its blocks for the shell, and in the text."""
    shell = "\n".join(block.text for block in blocks(path) if block.language in ("sh", "bash"))
    text = _BLOCK.sub("", path.read_text("utf-8"))
    inline = [words for words in re.findall(r"`(chatschema [^`]+)`", text) if "..." not in words]
    return [words for line in [*shell.replace("\\\n", " ").splitlines(), *inline] for words in _calls(line)]


def _calls(line: str) -> Iterator[list[str]]:
    line = re.sub(r"\$\(([^)]*)\)", r" ; \1 ; ", line)
    words = shlex.split(line.replace(";", " ; "), comments=True)
    if words[:2] == ["docker", "build"]:
        return
    while "chatschema" in words:
        words = words[words.index("chatschema") + 1 :]
        end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
        yield words[:end]


def wrong(words: list[str]) -> str | None:
    """Return what is wrong with a call of chatschema, None where each command and option exists."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(command, "get_command") and not rest[0].startswith("-"):
        if rest[0].isupper():
            return None  # a placeholder, as in `chatschema report NAME`
        name = rest.pop(0)
        # Under `report` any name is a report's: a user's own are not known here.
        if words[0] != "report" and name not in command.list_commands(None):
            return f"there is no command {name}"
        command = command.get_command(None, name)
    known = {option for param in command.params for option in (*param.opts, *param.secondary_opts)} | {"--help", "-h"}
    for word in rest:
        if re.match(r"--?[a-z]", word) and word.partition("=")[0] not in known and command.name != "psql":
            return f"there is no option {word}"
    return None


def write_command(path: Path) -> None:
    """Write a program that runs the command line of this checkout, for a shell."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(_CLIENT.format(python=sys.executable, socket=starting._server()))
    path.chmod(0o755)


def validator(name: str) -> Any:
    """Return what validates a document strictly: a key that the schema does not name is an error here, though not for clients."""
    loaded = {path.name: _strict(json.loads(path.read_text("utf-8"))) for path in SCHEMAS.glob("*.json")}
    registry: Any = Registry().with_resources([(key, Resource.from_contents(schema)) for key, schema in loaded.items()])
    checker = jsonschema.Draft202012Validator
    checker.check_schema(loaded[f"{name}.schema.json"])
    return checker(loaded[f"{name}.schema.json"], registry=registry, format_checker=checker.FORMAT_CHECKER)


def _strict(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: _strict(value) for key, value in schema.items()}
    if "properties" in schema and isinstance(schema["properties"], dict) and "additionalProperties" not in schema:
        inner["additionalProperties"] = False
    return inner


def valid(name: str, cli: Cli, database: Database | Citus, *arguments: str, code: int = 0) -> Any:
    """Run a command with --json, and return its document once it is what the schema `name` says."""
    result = cli(*arguments, "--json", "--url", database.url)
    assert result.code == code, result.err
    document = result.json()
    check(name, document)
    return document


def check(name: str, document: Any) -> None:
    """Fail unless a document is what the schema `name` says."""
    wrong = [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in validator(name).iter_errors(document)]
    assert wrong == []
