"""The text of a squash, from what pg_dump prints of the database that the migrations make."""

import re
from collections.abc import Iterator, Sequence

from chatschema import statements
from chatschema.errors import ChatschemaError
from chatschema.migration.files import COMMENTS, MigrationFile

_META = re.compile(r"^\\(?:un)?restrict .*\n", re.MULTILINE)
# The ledger has made its schema, and a new database has public. An extension brings its comment, which only its owner may set.
_THERE = re.compile(r"(?is)create schema (?:public|chatschema)|comment on (?:schema public|extension \S+) is\b.*")
_SESSION = re.compile(r"(?i)(?:set\s|select pg_catalog\.set_config\()")
_DEFAULTS = re.compile(r'ALTER DEFAULT PRIVILEGES FOR ROLE ("(?:[^"]|"")+"|\S+)')
_GRANT = re.compile(r"(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES) ")
_PLACE = re.compile(r"(?i)set (default_tablespace|default_table_access_method) = (.*)")
# Since 15.20 the server gives every column a number of its own in its options; the next database has other numbers.
_NUMBERED = re.compile(r"(?i)^alter .* set \(pg_attver=\d+\)$|\bpg_attver=\d+, |, pg_attver=\d+")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_CLUSTER = re.compile(
    r"(?i)(?:create|alter|drop)\s+(?:role|user(?!\s+mapping)|group|database|tablespace)\b|alter\s+system\b|"
    r"(?:create|alter|drop)\s+(?:subscription|event\s+trigger)\b"
)


def refuse_unfit(files: Sequence[MigrationFile]) -> None:
    """Raise ChatschemaError if a migration does something that the dump of one database does not show."""
    for file in files:
        if file.apply.header("variables") is not None:
            text = f"{file.id} has variables, whose values differ from database to database; nothing was written"
            raise ChatschemaError(text, f"squash up to the migration before it: --to {_before(files, file)}", code="squash.unfit")
        for one in file.apply.statements:
            bare = COMMENTS.sub(" ", one.text).strip()
            if found := _of_server(bare):
                what = " ".join(found[0].lower().split())
                text = f"{file.id} line {one.line}: {what} is not a part of one database; nothing was written"
                hint = f"squash up to the migration before it: --to {_before(files, file)}"
                raise ChatschemaError(text, hint, code="squash.unfit")


def _of_server(statement: str) -> re.Match[str] | None:
    """Return where a statement, or a block of code, changes something of the whole server."""
    if not re.match(r"(?i)do\b", statement):
        return _CLUSTER.match(statement)
    # In its own words, or in a text that it executes; another text, such as a hint, changes nothing.
    executed = (one for part in re.findall(r"(?is)\bexecute\b[^;]*", statement) if (one := _CLUSTER.search(part)))
    return _CLUSTER.search(_LITERAL.sub("''", statement)) or next(executed, None)


def _before(files: Sequence[MigrationFile], file: MigrationFile) -> str:
    place = files.index(file)
    return files[place - 1].id if place else "an earlier one"


def of_dump(dump: str, role: str) -> str:
    """Return the statements of a dump as a migration has them: without the settings of its session.

    What they say of `role`, as SQL names it, which ran the migrations, they say of whoever runs them.
    """
    found = [one.text.strip() for one in statements.Statements(_META.sub("", dump).encode())[:]]
    return "\n\n".join(["set local check_function_bodies = off;", *(f"{_of_current(text, role)};" for text in _kept(found))]) + "\n"


def without_rows(text: str) -> str:
    """Return the text without the rows, in which times and random ids differ from run to run."""
    found = (one.text for one in statements.Statements(text.encode()))
    return "\n".join(one for one in found if not one.startswith("INSERT INTO "))


def _of_current(statement: str, role: str) -> str:
    if match := _DEFAULTS.match(statement):
        statement = f"ALTER DEFAULT PRIVILEGES{statement[match.end() :]}" if match[1] == role else statement
    if _GRANT.match(statement):
        return re.sub(rf" (TO|FROM) {re.escape(role)}(?= WITH GRANT OPTION$|$)", r" \1 CURRENT_USER", statement)
    return statement


def _kept(found: Sequence[str]) -> Iterator[str]:
    places = [match for text in found if (match := _PLACE.fullmatch(text))]
    has_places = any(match[2] not in ("''", "heap") for match in places)
    for text in found:
        bare = _NUMBERED.sub("", text)
        if has_places and (match := _PLACE.fullmatch(text)):
            yield f"SET LOCAL {match[1]} = {match[2]}"
        elif bare and not _SESSION.match(bare) and not _THERE.fullmatch(bare):
            yield bare
