"""The rows of a part, one JSON object each, with other people replaced, read in constant memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from chatschema import postgres
from chatschema.postgres import Connection, relation
from chatschema.privacy.export.parts import Part
from chatschema.privacy.export.people import People
from chatschema.privacy.tags import Column

_ONE = sql.SQL("select {columns}, {others} as _others from {table} as t where {where} order by {order}")
_COPY = sql.SQL("copy (select row_to_json(x)::text from ({rows}) as x) to stdout (format binary)")
# The users whose id stands somewhere in the JSON of the row, or in its resource_id.
_OTHERS = sql.SQL("""(
    select array_agg(u.id) from public.users as u where u.id in (
        select m.found[1]::uuid from regexp_matches(concat_ws(' ', {texts}),
            '([0-9a-fA-F]{{8}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{4}}-[0-9a-fA-F]{{12}})', 'g') as m (found)
    ) and u.id <> {subject}
)""")


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of a part that leave the database, and those that do not, because they are secret or have no tag."""

    columns: tuple[str, ...]
    secret: tuple[str, ...]
    untagged: tuple[str, ...]


def choose(part: Part, columns: Sequence[Column]) -> Choice:
    """Return which columns of a part are exported: those that its tags allow, and those that the part names."""
    mine = [one for one in columns if one.table == f"public.{part.table}" and one.name not in part.never]
    mine = [one for one in mine if not part.only or one.name in part.only]
    secret = [one.name for one in mine if one.tag and one.tag.pii == "secret" and one.name not in part.also]
    untagged = [one.name for one in mine if one.tag is None]
    left = {*secret, *untagged}
    return Choice(tuple(one.name for one in mine if one.name not in left), tuple(secret), tuple(untagged))


def read(
    connection: Connection, part: Part, table: sql.Identifier, chosen: Choice, subject: str, people: People, ids: frozenset[str]
) -> Iterator[bytes]:
    """Yield the person's rows of one table as JSON Lines. The caller has the snapshot. Raises ServerError."""
    query = _query(connection, part, table, chosen, subject)
    with postgres.translated(), connection.cursor() as cursor, cursor.copy(query) as copy:
        copy.set_types(["text"])
        for (text,) in copy.rows():
            yield _line(json.loads(text), part, subject, people, ids)


def _query(connection: Connection, part: Part, table: sql.Identifier, chosen: Choice, subject: str) -> sql.Composed:
    there = relation.columns(connection, table.as_string(connection))
    types = relation.columns(connection, f"public.{part.table}")
    # A month that is detached may lack a later column.
    columns = relation.listed({name: types[name] for name in chosen.columns}, there)
    person = sql.Literal(subject) + sql.SQL("::uuid")
    texts = [sql.SQL("t.{}::text").format(sql.Identifier(name)) for name in (*part.mixed, "resource_id") if name in there]
    others = _OTHERS.format(texts=sql.SQL(", ").join(texts), subject=person) if part.mixed else sql.SQL("null::uuid[]")
    rows = _ONE.format(
        columns=columns, others=others, table=table,
        where=sql.SQL(part.where).format(subject=person), order=sql.Identifier(part.order),
    )  # fmt: skip
    return _COPY.format(rows=rows)


def _line(row: dict[str, Any], part: Part, subject: str, people: People, ids: frozenset[str]) -> bytes:
    others = frozenset(row.pop("_others") or ())
    is_own = row.get("user_id", row.get("created_by")) == subject
    for name, value in row.items():
        if value is None:
            continue
        if name in part.own and not is_own:
            row[name] = None
        elif name in part.mixed:
            row[name] = people.within(value, others)
        elif name in ids:
            row[name] = people.pseudonym(value)
        elif name == "resource_id":
            row[name] = people.in_text(value, others)
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
