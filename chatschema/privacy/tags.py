"""What personal data a column holds: the last line of its comment, `pii=...; purpose=...; basis=...; keep=...`."""

import re
from dataclasses import dataclass

from chatschema import postgres
from chatschema.errors import ChatschemaError, ServerError
from chatschema.postgres import Connection

# What a column holds. The server can read all of it but content, which the clients encrypt.
KINDS = {
    "none": "no personal data",
    "identity": "ids and names that stand for a person",
    "contact": "ways to reach the person",
    "profile": "what the person shows to others",
    "content": "what people write and send, most of it encrypted by the clients",
    "activity": "what the person did, and when",
    "device": "devices, addresses and client software",
    "secret": "hashes and key material",
}
PURPOSES = {
    "account": "Keeping accounts",
    "chat": "Conversations between users",
    "delivery": "Delivering messages and reporting it",
    "encryption": "Encryption between the clients",
    "files": "Attached files",
    "security": "Sign-in and the security of accounts",
    "audit": "The audit trail",
    "legal hold": "Legal holds",
    "erasure": "Carrying out erasures, and proving them",
}
# Article 6(1) of the GDPR.
BASES = {
    "consent": "consent, Art. 6(1)(a)",
    "contract": "contract with the user, Art. 6(1)(b)",
    "legal obligation": "legal obligation, Art. 6(1)(c)",
    "legitimate interest": "legitimate interest, Art. 6(1)(f)",
}
KEEPS = ("account", "audit", "conversation", "erasure", "event", "file", "hold", "key", "message", "session")
_LINE = re.compile(r"^[ \t]*pii\s*=[^\n]*\Z", re.MULTILINE)
_KEYS = ("pii", "purpose", "basis", "keep")
# Only of tables that a migration created: those of other programs, and the ledger, are not described here.
_COLUMNS = """
    select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), col_description(c.oid, a.attnum), array(
            select pg_get_userbyid(x.grantee) from (
                select (aclexplode(c.relacl)).* union all select (aclexplode(a.attacl)).*
            ) as x
            where x.privilege_type = 'SELECT' and x.grantee <> c.relowner and x.grantee <> 0
            group by 1 order by 1
        ), exists (
            select from chatschema.schema_records as r
            where r.kind = 'column' and r.object = format('%I.%I.%I', n.nspname, c.relname, a.attname)
        )
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where n.nspname in ('public', 'chatschema') and c.relkind in ('r', 'p') and not c.relispartition
        and format('%I.%I', n.nspname, c.relname) in (select r.object from chatschema.schema_records as r where r.kind = 'table')
    order by n.nspname desc, c.relname, a.attnum
"""


@dataclass(frozen=True, slots=True)
class Tag:
    """What a column holds (`pii`, a key of KINDS), what for, on which basis, and until when; all empty but `pii` for none."""

    pii: str
    purpose: str = ""
    basis: str = ""
    keep: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, its description without the tag, the tag, and why it has none.

    `is_recorded`: a migration created it. `readers` are the roles that may read it, the owner aside.
    """

    table: str
    name: str
    type: str
    description: str
    tag: Tag | None
    problem: str
    is_recorded: bool = True
    readers: tuple[str, ...] = ()


def without(comment: str | None) -> str:
    """Return a comment without its tag, for people and for models."""
    return _LINE.sub("", comment or "").rstrip()


def parse(comment: str | None) -> tuple[Tag | None, str]:
    """Return the tag of a comment, and an empty text; or None, and what is wrong with it."""
    found = _LINE.search(comment or "")
    if found is None:
        return None, "has no tag"
    pairs = (one.partition("=") for one in found[0].split(";"))
    parts = {key.strip(): value.strip() for key, _, value in pairs}
    if unknown := [key for key in parts if key not in _KEYS]:
        return None, f"has an unknown key in its tag: {unknown[0]}"
    tag = Tag(**parts)
    wrong = _wrong(tag)
    return (None, wrong) if wrong else (tag, "")


def _wrong(tag: Tag) -> str:
    allowed = {"pii": KINDS, "purpose": PURPOSES, "basis": BASES, "keep": KEEPS}
    needed = _KEYS[:1] if tag.pii == "none" else _KEYS
    for key in _KEYS:
        value = getattr(tag, key)
        if not value and key in needed:
            return f"has a tag without {key}"
        if value and value not in allowed[key]:
            return f"has a tag with {key}={value}, which is none of: {', '.join(allowed[key])}"
    return ""


def columns(connection: Connection) -> list[Column]:
    """Return all columns of the tables in public and chatschema that migrations created; reads only.

    Raises ChatschemaError where no migration is recorded.
    """
    if not postgres.has_table(connection, "chatschema.schema_records"):
        text = "this database has no record of its tables yet"
        raise ChatschemaError(text, "first: chatschema migrate", code="privacy.not-migrated")
    return _read(connection)


def _read(connection: Connection) -> list[Column]:
    rows = postgres.fetch_all(connection, _COLUMNS)
    found = []
    for schema, table, name, kind, comment, readers, is_recorded in rows:
        tag, problem = parse(comment)
        found.append(Column(f"{schema}.{table}", name, kind, without(comment), tag, problem, is_recorded, tuple(readers)))
    return found


def findings(connection: Connection) -> list[str]:
    """Return, in words, the columns of migrations whose tag is missing or wrong; none where no column has one.

    That is another project's schema. A column that was added by hand is a finding of its own.
    """
    try:
        found = _read(connection)
    except ServerError as error:
        # Nothing is recorded yet, or this role may not read the record.
        if error.sqlstate not in ("42P01", "42501"):
            raise
        return []
    if not any(column.tag for column in found):
        return []
    return [
        f"{column.table}.{column.name} {column.problem}; end its comment with a line such as"
        " pii=content; purpose=chat; basis=contract; keep=message"
        for column in found
        if column.problem and column.is_recorded
    ]
