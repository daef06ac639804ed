"""From what a migration sent to the text of a file: which statements it keeps, and why it may not say the same elsewhere."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from chatschema import statements
from chatschema.migration.strangers.sequelize.node import Recording, Sent

# Methods of the query interface that only ask for the structure; all others change something, and what they ask is theirs.
_ASKS = frozenset(
    {
        "describeTable", "showAllTables", "showAllSchemas", "showIndex", "tableExists", "databaseVersion", "pgListEnums",
        "getForeignKeyReferencesForTable", "getForeignKeysForTables",
    }
)  # fmt: skip
_SELECTS = frozenset({"select", "rawSelect"})
_READ = re.compile(r"(?i)[\s(]*(?:select|with|show|values|table|explain)\b")
_SOURCE = re.compile(r"""(?ix) \b (?:from|join|table) \s+ (?:only\s+)? ("?[\w$]+"? (?:\s*\.\s*"?[\w$]+"?)?)""")
_CATALOG = re.compile(r'(?i)"?(?:pg_|information_schema)')
_TRANSACTION = re.compile(r"(?i)(?:begin|commit|end|start\s+transaction)\b[^;]*;?\s*$")
_ROLLBACK = re.compile(r"(?i)(?:rollback|abort)\b")
_CONCURRENTLY = re.compile(r"(?i)\b((?:create\s+(?:unique\s+)?|drop\s+|re)index(?:\s+(?:table|index))?)\s+concurrently\b")
_ENUM = re.compile(r'(?i)\bcreate\s+type\s+((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))?)\s+as\s+enum\b')
_LOCKS = re.compile(r"(?i)\bfor\s+(?:no\s+key\s+)?update\b|\bfor\s+(?:key\s+)?share\b")
_SHOWN = 80


@dataclass(frozen=True, slots=True)
class Converted:
    """One way of a migration as SQL. `depends` tells why it would do something else on other rows; None if it would not."""

    text: str
    is_transactional: bool
    depends: str | None
    notes: tuple[str, ...] = ()


def convert(recording: Recording, changes: Callable[[str], bool]) -> Converted:
    """Return what was sent as the text of a file. `changes` returns whether a query that looks like a read changes something."""
    kept: list[str] = []
    depends: str | None = None
    notes = [f"it went on after an error, as on an empty database: {text}" for text in recording.went_on_after]
    asked = False
    for one in recording.sent:
        is_read = _READ.match(one.sql) is not None
        if is_read and one.call is not None and one.call not in _ASKS | _SELECTS:
            continue
        if is_read and not (one.call is None and changes(one.sql)):
            reason = _reads(one)
            asked = asked or reason is None
            depends = depends or reason
            continue
        # A query for its effect, such as setval(), may read what it likes: the file will do the same.
        depends = depends or _uses(one)
        if is_read:
            notes.append(f"it was kept for its effect: {_short(one.sql)}")
        kept.append(one.sql)
    if asked:
        notes.append("it asks for the structure, and what it did then on an empty database was recorded")
    text, is_transactional, more = _file(kept)
    return Converted(text, is_transactional, depends or more, tuple(notes + _notes(kept, is_transactional)))


def is_alone(text: str) -> bool:
    """Return whether the text is a statement that cannot run in a transaction."""
    found = statements.Statements(text.encode())
    return len(found) == 1 and _CONCURRENTLY.search(found[0].text) is not None


def enums(text: str) -> list[str]:
    """Return the enums that the text creates, as SQL names them."""
    return list(dict.fromkeys(_ENUM.findall(text)))


def with_types(down: Converted, names: list[str]) -> Converted:
    """Return a rollback that drops these types too, which Sequelize leaves behind."""
    return replace(down, text="\n".join([down.text, *(f"drop type {name};" for name in names)]))


def _reads(one: Sent) -> str | None:
    """Return that it reads rows; None if it reads the catalog, or nothing."""
    sources = _SOURCE.findall(statements.without_literals(one.sql.encode()).decode())
    if one.call in _ASKS or all(_CATALOG.match(source) for source in sources):
        return None
    return f"it reads rows: {_short(one.sql)}"


def _uses(one: Sent) -> str | None:
    """Return that the migration may use what a statement with an effect returned."""
    text = statements.without_literals(one.sql.encode()).decode()
    if re.search(r"(?i)\breturning\b|\bnextval\s*\(", text):
        return f"it may use what it wrote: {_short(one.sql)}"
    return f"it reads rows: {_short(one.sql)}" if _LOCKS.search(text) else None


def _file(kept: list[str]) -> tuple[str, bool, str | None]:
    """Return the text of a file, whether it runs in a transaction, and why it cannot be one."""
    found = [one.text.strip() for text in kept for one in statements.Statements(text.encode())[:]]
    if rolled_back := next((text for text in found if _ROLLBACK.match(text)), None):
        return "", True, f"it rolls back in its own SQL: {_short(rolled_back)}"
    # The file has a transaction of its own.
    found = [text for text in found if not _TRANSACTION.match(text)]
    is_transactional = not (len(found) == 1 and _CONCURRENTLY.search(found[0]))
    if is_transactional:
        found = [_CONCURRENTLY.sub(r"\1", text) for text in found]
    lines = [text if text.endswith(";") else f"{text};" for text in found]
    return "\n".join(lines or ["-- It sent no statement.", "select;"]), is_transactional, None


def _notes(kept: list[str], is_transactional: bool) -> list[str]:
    notes = []
    if not kept:
        notes.append("it sends no SQL")
    if is_transactional and any(_CONCURRENTLY.search(text) for text in kept):
        notes.append("its indexes were built concurrently; as one of several statements they block writers")
    return notes


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}..."
