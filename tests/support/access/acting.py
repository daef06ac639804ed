"""Acting as somebody: each action in its own transaction, its effect looked up as superuser, and rolled back."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import groupby

import psycopg
from psycopg import sql

from tests.support.access.actions import SUBJECTS, Action, Self
from tests.support.access.files import ACTIONS
from tests.support.access.page import Row
from tests.support.access.world import World, user

FULL = bool(os.environ.get("CHATSCHEMA_TEST_FULL"))
Connection = psycopg.Connection[tuple[object, ...]]
# By the page's word: login, letter of the user whose rows are meant, and app.user_id.
ACTORS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "member": (("api", "m", user("m")),),
    "later": (("api", "l", user("l")),),
    "moderator": (("api", "d", user("d")),),
    "admin": (("api", "a", user("a")),),
    "past": (("api", "p", user("p")),),
    "stranger": (("api", "s", user("s")),),
    # Suspended, without a context, with garbage as context.
    "nobody": (("api", "u", user("u")), ("api", "m", ""), ("api", "m", "garbage")),
    "suspended": (("api", "u", user("u")),),
    "no context": (("api", "m", ""),),
    "garbage": (("api", "m", "garbage"),),
    "worker": (("queue", "m", ""),),
    "readonly": (("reader", "m", ""),),
    "auditor": (("auditor", "m", ""),),
    "privacy": (("officer", "m", ""),),
}
FIRST = ("admin", "worker", "readonly", "auditor", "privacy")
# No right; garbage as context. An error of any other kind would hide that the action is allowed.
REFUSALS = {"42501", "22023"}
# The effect is looked up inside the transaction, by a function that runs as the superuser who created it.
_LOOK_UP = """
    create schema watching;
    grant usage on schema watching to public;
    create function watching.rows(relation text, condition text) returns text
        language plpgsql security definer set search_path = pg_catalog, public
    as $$
    declare
        seen text;
    begin
        -- With the transaction that wrote the row: an update to the same values is one that was allowed.
        execute format(
            'select md5(string_agg(%s || to_jsonb(t)::text, '','' order by to_jsonb(t)::text)) from %s as t where %s',
            case when exists (select from pg_class where oid = to_regclass(relation) and relkind in ('r', 'p')) then 'xmin::text' else '''''' end,
            relation, condition
        ) into seen;
        return coalesce(seen, 'nothing');
    end
    $$
"""


def watch(world: World) -> None:
    """Create the function that looks up effects."""
    world.database.run(_LOOK_UP)


@dataclass
class Score:
    """How many actions were tried, and those that ended otherwise than the page says."""

    tried: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """One form of an action of the page, as one of those who act."""

    login: str
    context: str
    words: str
    action: Action
    form: str
    statements: tuple[str, ...]
    is_allowed: bool


def act(world: World, rows: list[Row], score: Score) -> None:
    """Try each row as each actor, in all its forms."""
    for (login, _), some in groupby(cells(world, rows), lambda cell: (cell.login, cell.context)):
        with world.connect(login) as connection:
            for cell in some:
                score.tried += 1
                score.wrong += judged(cell, *attempt(connection, cell))


def cells(world: World, rows: list[Row]) -> Iterator[Cell]:
    """Yield the cells of the page's tables, actor by actor."""
    granted: dict[str, set[str]] = {}
    for row in rows:
        granted.setdefault(row.section, set()).update(row.columns or ())
    for actor, contexts in ACTORS.items():
        for login, letter, context in contexts:
            someone = Self(world, letter)
            for row in rows:
                if actor not in row.may:
                    continue
                for words, action, is_allowed in _tries(row, someone, row.may[actor], FULL or actor in FIRST, granted[row.section]):
                    said = f"{actor} ({context[:9] or 'no context'}): {row.section}: {words}"
                    for form, statements in _forms(action, is_allowed):
                        yield Cell(login, context, said, action, form, statements, is_allowed)


def _tries(row: Row, someone: Self, is_allowed: bool, is_all: bool, granted: set[str]) -> Iterator[tuple[str, Action, bool]]:
    """Yield the actions of a row: itself, or an update of each column that the table has.

    A column that nobody may write is refused by the grants of the login, so it is tried by one actor of each.
    """
    if row.columns is None:
        yield row.text, ACTIONS[row.section, row.text](someone), is_allowed
        return
    relation, where, key = SUBJECTS[row.section, row.text]
    for column in columns_of(someone.world, relation):
        if not (is_all or column in granted):
            continue
        statement = f"update {relation} set {column} = {column} where {where(someone)}"
        yield (
            f"{row.text}: {column}",
            Action(relation, where(someone), (statement,), key, is_of_column=True),
            is_allowed and column in row.columns,
        )


@cache
def columns_of(world: World, relation: str, *, is_written: bool = True) -> tuple[str, ...]:
    """Return the columns of a table, without those that are generated if it `is_written`."""
    return tuple(
        str(row[0])
        for row in world.database.all(
            "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped"
            " and (attgenerated = '' and attidentity = '' or not %s) order by attnum",
            relation,
            is_written,
        )
    )


def judged(cell: Cell, did: bool, error: psycopg.Error | None) -> list[str]:
    """Return what is wrong with the outcome of a cell."""
    said = f"{cell.words}, {cell.form}"
    wrong = []
    if did and not cell.is_allowed:
        wrong.append(f"{said}: is refused on the page, and was done")
    if not did and cell.is_allowed and cell.form != "bare":
        wrong.append(f"{said}: is allowed on the page, and was not done: {error}")
    # A bare update of all rows may meet one that it must not have.
    if error and not _is_refusal(error) and cell.form != "bare":
        wrong.append(f"{said}: {error.sqlstate}: {error}")
    return wrong


def _is_refusal(error: psycopg.Error) -> bool:
    """Return whether an error refuses the action; any other would hide that it is allowed."""
    # The same for a message that the actor does not see and for one that does not exist.
    is_unseen = error.sqlstate == "23503" and (error.diag.message_primary or "").startswith("message ")
    # Whoever never took part has no status, whoever stores it.
    is_unseen = is_unseen or error.diag.constraint_name == "message_statuses_require_reader"
    return is_unseen or error.sqlstate in REFUSALS


def _forms(action: Action, is_allowed: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the forms of an action: with and without WHERE, and returning its row.

    A write without WHERE and RETURNING meets no SELECT policy, so it is the one to try where an action must be refused; with both it
    meets all of them, so that is the one to try where it must be allowed. In full each is tried both ways.
    """
    if not action.statements:
        yield "with where", (f"select count(*) from {action.relation} where {action.where}",)
        yield "without where", (f"select count(*) filter (where {action.where}) from {action.relation}",)
        return
    *before, last = action.statements
    is_bare = last.startswith(("update", "delete"))
    if is_bare and (FULL or not is_allowed):
        yield "bare", (*before, last.partition(" where ")[0])
    if FULL or (not is_allowed and not action.is_of_column) or (is_allowed and not action.key):
        yield "plain", action.statements
    if action.key and (FULL or is_allowed):
        yield "returning", (*before, f"{last} returning {action.key}")


def attempt(connection: Connection, cell: Cell, start: str = "begin", end: str = "rollback") -> tuple[bool, psycopg.Error | None]:
    """Run the statements in one round trip, and roll back; return whether they read or changed the rows, and their error."""
    action = cell.action
    look_up = sql.SQL("select watching.rows({}, {})").format(action.relation, action.where).as_string(connection)
    parts = [f"{start}; select set_config('app.user_id', '{cell.context}', true)", *cell.statements]
    if action.statements:
        parts = [parts[0], look_up, *cell.statements, look_up]
    did, error = False, None
    try:
        results = [cursor.fetchone() for cursor in connection.execute("; ".join(parts).encode()).results() if cursor.description]
        last = results[-1]
        did = last != results[1] if action.statements else bool(last and last[0])
    except psycopg.Error as refusal:
        did, error = (True, None) if refusal.sqlstate == action.ran else (False, refusal)
    connection.execute(end.encode())
    return did, error
