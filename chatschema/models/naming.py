"""Names: of a table as a class, and of the two sides of a reference. docs/how-to/models.md has the rules."""

import re
from collections.abc import Collection, Iterable

from chatschema.errors import UsageError

_WORDS = re.compile(r"[^\W_]+")
# The first that fits; the rest of a word that ends with s loses it.
_PLURALS = (("ies", "y"), ("sses", "ss"), ("uses", "us"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"))
_SINGULAR = ("ss", "us", "is")


def singular(word: str) -> str:
    """Return the singular of an English word; a word that does not look like a plural as it is."""
    for end, one in _PLURALS:
        if word.lower().endswith(end) and len(word) > len(end) + 1:
            return word[: -len(end)] + one
    return word[:-1] if word.lower().endswith("s") and not word.lower().endswith(_SINGULAR) and len(word) > 2 else word


def words(name: str) -> list[str]:
    """Return the words of a name: runs of letters and digits."""
    return _WORDS.findall(name)


def class_name(table: str) -> str:
    """Return the name of a table as a class: message_statuses is MessageStatus. It never begins with a digit."""
    *first, last = words(table) or ["table"]
    name = _capital([*first, singular(last)])
    return name if name[0].isalpha() else f"T{name}"


def camel(name: str) -> str:
    """Return a name in camelCase: message_statuses is messageStatuses. It never begins with a digit."""
    text = _capital(words(name) or ["column"])
    text = text[0].lower() + text[1:]
    return text if text[0].isalpha() else f"t{text}"


def belongs(columns: tuple[str, ...]) -> str:
    """Return the name of the row that columns refer to: sender_id is sender."""
    return camel(_plain(columns))


def children(table: str, columns: tuple[str, ...], parent: str, *, is_one: bool) -> str:
    """Return the name of the rows of `table` that refer to a row of `parent`.

    user_public_keys of a user are publicKeys: the parent's name is left out. messages of a user by sender_id are messagesBySender:
    the column is added where it is not named like the parent.
    """
    one = _singular_table(parent)
    name = table.removeprefix(f"{one}_") or table
    text = camel(_singular_table(name) if is_one else name)
    plain = _plain(columns)
    is_named_like = one == plain or one.endswith(f"_{plain}")
    return text if is_named_like else f"{text}By{_capital(words(plain))}"


def refuse_twice(kind: str, names: Iterable[tuple[str, str, str]]) -> None:
    """Raise UsageError if two objects have one name; each of `names` is a name, its object, and what to leave out without it."""
    seen: dict[str, str] = {}
    for name, of, without in names:
        if seen.setdefault(name, of) != of:
            text = f"{seen[name]} and {of} would both have the {kind} {name}"
            raise UsageError(text, f"leave one of them out: --without {without}; or rename it", code="models.name")


def free(name: str, taken: Collection[str], suffix: str) -> str:
    """Return a name that the target does not use itself: with a suffix where it does."""
    return name + suffix if name in taken else name


def _plain(columns: tuple[str, ...]) -> str:
    return "_and_".join(column.removesuffix("_id") or column for column in columns)


def _singular_table(table: str) -> str:
    """Return a table's name with its last word in the singular: user_public_keys is user_public_key."""
    head, mark, last = table.rpartition("_")
    return f"{head}{mark}{singular(last)}"


def _capital(parts: list[str]) -> str:
    return "".join(part[0].upper() + part[1:] for part in parts)
