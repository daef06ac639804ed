"""The heads of statements: which existing tables a statement locks, and in which mode, as far as its text says. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from chatschema import statements
from chatschema.migration.files import COMMENTS
from chatschema.sqlfile import SqlFile

# What a name stands for: `partitioned` (it gets a partition), `truncated`, `dropped` and `member` (a constraint or column of it is
# dropped) lock other tables as well, and so does each kind of object that is dropped with everything that depends on it.
Kind = Literal["table", "partitioned", "truncated", "dropped", "member", "index", "routine", "type", "schema", "sequence"]


class Mode(IntEnum):
    """The modes of table locks that others may feel, the strongest last."""

    SHARE_UPDATE_EXCLUSIVE = 4
    SHARE = 5
    SHARE_ROW_EXCLUSIVE = 6
    EXCLUSIVE = 7
    ACCESS_EXCLUSIVE = 8

    @property
    def words(self) -> str:
        """The mode as SQL writes it."""
        return self.name.replace("_", " ").lower()


_SUE, _SHARE, _SRE, _AE = Mode.SHARE_UPDATE_EXCLUSIVE, Mode.SHARE, Mode.SHARE_ROW_EXCLUSIVE, Mode.ACCESS_EXCLUSIVE


@dataclass(frozen=True, slots=True)
class Need:
    """A lock that a statement takes: on the table `name`, or on the tables that an object of this name belongs to.

    `schema` is None for a name without one; `is_only`: not on the partitions; `member`: the constraint or column.
    """

    kind: Kind
    schema: str | None
    name: str
    mode: Mode = _AE
    is_only: bool = False
    member: str = ""
    is_cascade: bool = False


@dataclass(frozen=True, slots=True)
class Heads:
    """The locks of a file, and its statements that run code: the locks of those cannot be read (line, first word)."""

    needs: tuple[Need, ...]
    unread: tuple[tuple[int, str], ...]


_NAME = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)'
_QUALIFIED = rf"{_NAME}(?:\s*\.\s*{_NAME})?"
_IF = r"(?:if\s+(?:not\s+)?exists\s+)?"
_LIST = rf"(?:only\s+)?{_QUALIFIED}(?:\s*\*)?(?:\s*,\s*(?:only\s+)?{_QUALIFIED}(?:\s*\*)?)*"
_DROPPED: dict[str, Kind] = {
    "table": "dropped", "index": "index", "function": "routine", "procedure": "routine", "routine": "routine",
    "aggregate": "routine", "type": "type", "domain": "type", "schema": "schema", "sequence": "sequence",
}  # fmt: skip


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.replace(" ", r"\s+"), re.IGNORECASE | re.DOTALL)


_ALTER_TABLE = _pattern(rf"alter table {_IF}(?P<only>only )?(?P<table>{_QUALIFIED})\s*\*?(?P<actions>.*)")
_CREATE_TABLE = _pattern(rf"create (?:(?:global|local|temporary|temp|unlogged) )*table {_IF}{_QUALIFIED}")
# Nobody else uses a table that the file itself creates.
_CREATE_NEW = _pattern(rf"create (?:unlogged )?table (?!if )(?P<table>{_QUALIFIED})")
_DROP = _pattern(rf"drop (?P<what>{'|'.join(_DROPPED)}) (?:concurrently )?{_IF}(?P<names>.*)")
_TRUNCATE = _pattern(rf"truncate (?:table )?(?P<names>{_LIST})")
_LOCK = _pattern(rf"lock (?:table )?(?P<names>{_LIST})(?: in (?P<mode>[a-z ]+) mode)?")
_REFERENCES = _pattern(rf"\breferences (?P<table>{_QUALIFIED})")
_PARENT = _pattern(rf"\bpartition of (?P<table>{_QUALIFIED})")
# One table, whose lock no other word of the statement changes.
_ONE_TABLE: tuple[tuple[re.Pattern[str], Mode, bool], ...] = (
    (_pattern(rf"create (?:unique )?index {_IF}(?:{_NAME} )?on (?P<only>only )?(?P<table>{_QUALIFIED})"), _SHARE, False),
    (_pattern(rf"create (?:or replace )?(?:constraint )?trigger {_NAME} .*?\bon (?P<table>{_QUALIFIED})"), _SRE, False),
    (_pattern(rf"(?:drop|alter) trigger {_IF}{_NAME} on (?P<table>{_QUALIFIED})"), _AE, False),
    (_pattern(rf"(?:create|drop|alter) policy {_IF}{_NAME} on (?P<table>{_QUALIFIED})"), _AE, True),
    (_pattern(rf"create (?:or replace )?rule {_NAME} as on \w+ to (?P<table>{_QUALIFIED})"), _AE, True),
    (_pattern(rf"(?:drop|alter) rule {_IF}{_NAME} on (?P<table>{_QUALIFIED})"), _AE, True),
    (_pattern(rf"comment on table (?P<table>{_QUALIFIED}) is\b"), _SUE, True),
    (_pattern(rf"comment on column (?P<table>{_QUALIFIED})\s*\.\s*{_NAME} is\b"), _SUE, True),
    (_pattern(rf"create statistics {_IF}(?:{_QUALIFIED}\b)?.*? from (?P<table>{_QUALIFIED})"), _SUE, True),
    (_pattern(rf"cluster (?:verbose )?(?P<table>{_QUALIFIED})"), _AE, False),
    (_pattern(rf"reindex (?:\(.*?\) )?table (?P<table>{_QUALIFIED})"), _SHARE, False),
)  # fmt: skip
_REINDEX = _pattern(rf"reindex (?:\(.*?\) )?index (?P<names>{_QUALIFIED})")
_OF_PARTITION = _pattern(rf"(?:attach|detach) partition (?P<table>{_QUALIFIED})")
_DROP_MEMBER = _pattern(rf"drop (?:constraint |column )?{_IF}(?P<name>{_NAME})(?P<cascade> cascade)?")
# The lock of an action of ALTER TABLE, by its beginning, and whether it leaves out the partitions. All others take the strongest.
_ACTIONS: tuple[tuple[re.Pattern[str], Mode, bool], ...] = (
    (_pattern(r"(?:set|reset)\s*\[|set without cluster\b|cluster on\b|validate constraint\b"), _SUE, False),
    (_pattern(r"attach partition\b"), _SUE, True),
    (_pattern(rf"alter (?:column )?(?:{_NAME}|\d+) (?:set statistics\b|(?:re)?set\s*\[)"), _SUE, False),
    (_pattern(r"(?:enable|disable) (?:(?:replica|always) )?trigger\b"), _SRE, False),
    (_pattern(rf"add (?:constraint {_NAME} )?foreign key\b"), _SRE, False),
    (_pattern(r"(?:enable|disable|force|no force) row level security\b|detach partition\b|rename to\b"), _AE, True),
)
# Only statements that begin with one of these words are read: a file may have a million inserts.
_WORTH_A_LOOK = re.compile(rb"(?i)(?:alter|create|drop|truncate|lock|comment|cluster|reindex|set|reset|do|call|select|execute)\b")
_RUNS_CODE = frozenset({"do", "call", "select", "execute"})
# The head of anything else that is created may be followed by the body of a function.
_CREATES_ELSE = re.compile(r"(?i)create\s+(?:or\s+replace\s+)?(?:function|procedure|view|schema|sequence|type|domain|extension)\b")
_SEARCH_PATH = re.compile(r"(?i)\bsearch_path\b")


def read(file: SqlFile) -> Heads:
    """Return the locks that the statements of the file take on existing tables, and the statements that cannot be read."""
    needs: dict[Need, None] = {}
    own: set[tuple[str | None, str]] = set()
    unread: list[tuple[int, str]] = []
    has_path = False
    texts = file.statements
    for index, start in enumerate(texts.starts):
        match = _WORTH_A_LOOK.match(texts.content, start)
        if match is None:
            continue
        statement = texts[index]
        word = match.group().decode().lower()
        if word in _RUNS_CODE:
            unread.append((statement.line, word))
            has_path = has_path or bool(_SEARCH_PATH.search(statement.text))
        elif word in ("set", "reset"):
            has_path = has_path or bool(_SEARCH_PATH.search(statement.text))
        else:
            # A name without a schema stands for another table after the file has set the search path.
            found = (need for need in of_statement(statement.text) if need.schema or not has_path)
            needs.update(dict.fromkeys(need for need in found if need.kind != "table" or (need.schema, need.name) not in own))
            if created := _CREATE_NEW.match(statement.text):
                own.add(_parts(created["table"]))
    return Heads(tuple(needs), tuple(unread))


def of_statement(text: str) -> Iterator[Need]:
    """Yield the locks of one statement that is no INSERT, UPDATE or DELETE, as far as its text says; nothing for one without."""
    if _CREATES_ELSE.match(text):
        return
    bare = COMMENTS.sub(" ", statements.without_literals(text.encode()).decode()).strip()
    if match := _ALTER_TABLE.match(bare):
        yield from _altered(match)
    elif _CREATE_TABLE.match(bare):
        yield from (_table(found["table"], _SRE) for found in _REFERENCES.finditer(bare))
        yield from (_need("partitioned", found["table"], _AE, is_only=True) for found in _PARENT.finditer(bare))
    elif match := _DROP.match(bare):
        yield from _gone(match)
    elif match := _TRUNCATE.match(bare):
        is_cascade = _is_cascade(bare)
        yield from (_need("truncated", name, _AE, is_cascade=is_cascade) for name in _names(match["names"]))
    elif match := _LOCK.match(bare):
        name = "_".join((match["mode"] or "access exclusive").upper().split())
        if name in Mode.__members__:
            yield from (_table(found, Mode[name]) for found in _names(match["names"]))
    elif match := _REINDEX.match(bare):
        yield _need("index", match["names"], _SHARE)
    else:
        yield from _of_one_table(bare)


def _of_one_table(bare: str) -> Iterator[Need]:
    for pattern, mode, is_only in _ONE_TABLE:
        if match := pattern.match(bare):
            yield _table(match["table"], mode, is_only=is_only or bool(match.groupdict().get("only")))
            return


def _altered(match: re.Match[str]) -> Iterator[Need]:
    """Yield the locks of ALTER TABLE: of the table, of those that its keys name, and of its partition."""
    table, is_only = match["table"], bool(match["only"])
    for text in _actions(match["actions"]):
        mode, leaves_out = next(((mode, only) for pattern, mode, only in _ACTIONS if pattern.match(text)), (_AE, False))
        yield _table(table, mode, is_only=is_only or leaves_out)
        if dropped := _DROP_MEMBER.match(text):
            yield _need("member", table, _AE, member=_plain(dropped["name"]), is_cascade=bool(dropped["cascade"]))
        if partition := _OF_PARTITION.match(text):
            yield _table(partition["table"], _AE)
            yield _need("partitioned", table, mode, is_only=True)
    yield from (_table(found["table"], _SRE) for found in _REFERENCES.finditer(match["actions"]))


def _actions(text: str) -> list[str]:
    """Return the actions of ALTER TABLE, with [] for each pair of parentheses."""
    before = ""
    while before != text:
        before, text = text, re.sub(r"\([^()]*\)", "[]", text)
    return [action.strip() for action in text.split(",")]


def _gone(match: re.Match[str]) -> Iterator[Need]:
    """Yield the locks of DROP; of an object that is no table or index only those of its dependents."""
    kind, is_cascade = _DROPPED[match["what"].lower()], _is_cascade(match["names"])
    names = re.sub(r"(?i)\b(?:cascade|restrict)\s*$", "", _actions(match["names"])[-1])
    for name in [*_actions(match["names"])[:-1], names]:
        if (found := re.match(_QUALIFIED, name)) and (is_cascade or kind in ("dropped", "index")):
            yield _need(kind, found.group(), _AE, is_cascade=is_cascade)


def _is_cascade(text: str) -> bool:
    return re.search(r"(?i)\bcascade\s*$", text) is not None


def _names(text: str) -> list[str]:
    """Return the names of a list of tables."""
    return re.findall(rf"(?i)(?:\bonly\s+)?({_QUALIFIED})", text)


def _table(name: str, mode: Mode, *, is_only: bool = False) -> Need:
    return _need("table", name, mode, is_only=is_only)


def _need(kind: Kind, name: str, mode: Mode, *, is_only: bool = False, member: str = "", is_cascade: bool = False) -> Need:
    return Need(kind, *_parts(name), mode, is_only, member, is_cascade)


def _parts(name: str) -> tuple[str | None, str]:
    """Return the schema, None if the name has none, and the name."""
    parts = [_plain(part) for part in re.findall(_NAME, name)]
    return parts[0] if len(parts) > 1 else None, parts[-1]


def _plain(name: str) -> str:
    """Return a name as PostgreSQL stores it: quoted as it is, unquoted in lower case."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.lower()
