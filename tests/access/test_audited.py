"""Each action of docs/reference/access.md that changes something leaves the rows of docs/reference/audit.md, with the right user."""

import re
import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.support import ROOT
from tests.support.access import acting, page
from tests.support.access.actions import SUBJECTS, Action, Self, X
from tests.support.access.files import ACTIONS
from tests.support.access.page import Row
from tests.support.access.world import World, created, user
from tests.support.servers import PgServer

PAGE = ROOT / "docs" / "reference" / "audit.md"
# Another value for a column, and what must change with it.
VALUES: dict[str, str | dict[str, str]] = {
    "status": {"users": "status = 'busy'", "user_public_keys": "status = 'superseded', superseded_at = now()", "message_statuses": "status = 'read'"},
    "content_encrypted": "content_encrypted = '\\x99'", "content_nonce": "content_nonce = '\\x0000000000000000'", "content_algorithm": "content_algorithm = 'other'",
    "key_version": "key_version = 7", "sender_key_id": "sender_key_id = gen_random_uuid()", "edited_at": "edited_at = now(), edit_count = 1",
    "edit_count": "edited_at = now(), edit_count = 1", "edit_history": "edit_history = '[\"b\"]'", "is_deleted": "is_deleted = true, deleted_at = now()",
    "deleted_at": "is_deleted = true, deleted_at = now()", "deleted_by": "deleted_by = '{me}'", "settings": "settings = '{{\"a\": 1}}'",
    "is_archived": "is_archived = true", "retention_days": "retention_days = 9", "role": "role = 'moderator'", "left_at": "left_at = now()",
    "notification_level": "notification_level = 'none'", "is_pinned": "is_pinned = true", "state": "state = 'deleted'",
    "last_read_message_id": "last_read_message_id = gen_random_uuid()", "last_delivered_message_id": "last_delivered_message_id = gen_random_uuid()",
    "reactions": "reactions = '{{new}}'", "error_code": "error_code = 'x'", "title": "title = 'x'", "display_name": "display_name = 'x'",
    "avatar_url": "avatar_url = 'x'", "message_id": "message_id = message_id", "user_id": "user_id = user_id",
    "conversation_id": "conversation_id = conversation_id",
}  # fmt: skip
ROWS = """
    create function watching.logged() returns table (action text, user_id uuid, ip_address inet, request_id text)
        language sql volatile security definer set search_path = pg_catalog, public
    as $$ select action, user_id, ip_address, request_id from audit_logs where txid = pg_current_xact_id_if_assigned() order by id $$
"""


@pytest.fixture(scope="module")
def world(server: PgServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with created(server, f"audited_{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("audited")) as one:
        acting.watch(one)
        one.database.run(ROWS)
        yield one


def listed() -> dict[tuple[str, str, str], list[str]]:
    """Return what the page lists: the rows of the trail by section, action and column ("" where it is no list of columns)."""
    found = {}
    for part in re.split(r"^### ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        title, _, rest = part.partition("\n")
        for line in rest.splitlines():
            if not line.startswith("| ") or line.startswith("| action"):
                continue
            words, trail = (cell.strip() for cell in line.strip("|").split(" | "))
            text, _, columns = words.partition(":")
            actions = [] if trail.startswith("nothing: ") else trail.split(", ")
            for column in columns.split(",") if columns else [""]:
                found[title.strip(), text, column.strip()] = actions
    return found


def changing() -> Iterator[tuple[Row, str]]:
    """Yield the actions that somebody may do and that change something, with each of their columns."""
    for row in page.matrix():
        if not any(row.may.values()):
            continue
        if row.columns is not None:
            yield from ((row, column) for column in row.columns)
        elif not row.text.startswith(("select", "wait")):
            yield row, ""


def test_the_page_lists_every_action_that_changes_something() -> None:
    assert set(listed()) == {(row.section, row.text, column) for row, column in changing()}


def action_of(row: Row, column: str, someone: Self) -> Action:
    if not column:
        return ACTIONS[row.section, row.text](someone)
    relation, where, key = SUBJECTS[row.section, row.text]
    found = VALUES.get(column, f"{column} = now()")
    change = found if isinstance(found, str) else found[row.section]
    # The row of another has to keep what only that user changes; this is what the access page tries too.
    if row.text == "update the row of a member" and column not in ("role", "left_at"):
        change = f"{column} = {column}"
    return Action(relation, where(someone), (f"update {relation} set {change.format(me=someone.me)} where {where(someone)}",), key)


def test_each_action_leaves_its_rows_and_no_other(world: World) -> None:
    expected = listed()
    wrong, tried, logged = [], 0, 0
    for actor, contexts in acting.ACTORS.items():
        for login, letter, context in contexts:
            with world.connect(login) as connection:
                for row, column in changing():
                    # Others than an admin may only write the role that a participant has.
                    if not row.may.get(actor) or (column == "role" and actor != "admin"):
                        continue
                    tried += 1
                    action = action_of(row, column, Self(world, letter))
                    rows = trail(connection, context, action)
                    logged += len(rows)
                    wanted = expected[row.section, row.text, column]
                    who: set[str | None] = {None} if login in ("queue", "officer") else {context}
                    if row.section == "audit_logs":
                        who = {Self(world, letter).me}
                    elif row.section == "functions" and not context:
                        # Whom the function names; a user who registers is known by the row alone.
                        who = {one[1] for one in rows} if "register" in row.text else {X if "another" in row.text else user(letter)}
                    words = f"{actor}: {row.section}: {row.text} {column}"
                    if [one[0] for one in rows] != wanted:
                        wrong.append(f"{words}: {[one[0] for one in rows]} instead of {wanted}")
                    elif rows and {one[1] for one in rows} != who:
                        wrong.append(f"{words}: by {rows} instead of {who}")
                    elif any(one[2:] != ("192.0.2.9", "r-1") for one in rows if row.section != "audit_logs"):
                        wrong.append(f"{words}: from {rows}")
    print(f"{tried} actions, {logged} rows of the trail")
    assert wrong == [], "\n".join(wrong)
    assert tried > 150
    assert logged > 80


def test_a_login_that_acts_as_the_owner_leaves_its_name_or_writes_its_own_row(world: World) -> None:
    """As operators do: a member of the owner, without superuser, and without a user."""
    with world.connect("setup") as connection, connection.transaction(force_rollback=True):
        update = "update public.users set email = %s where id = %s"
        rows = "select action, user_id, recorded_by, session_user::text from public.audit_logs where txid = pg_current_xact_id()"
        connection.execute("select set_config('chatschema.audit_batch', 'on', true)")
        connection.execute(update, ("quiet@example.org", user("m")))
        assert connection.execute(rows).fetchall() == []
        connection.execute("select set_config('chatschema.audit_batch', 'off', true)")
        connection.execute(update, ("loud@example.org", user("m")))
        assert connection.execute(rows).fetchall() == [("user.email", None, "setup", "setup")]


def trail(connection: "psycopg.Connection[tuple[object, ...]]", context: str, action: Action) -> list[tuple[str | None, ...]]:
    """Run an action in a transaction with its context, roll it back, and return the rows of the trail that it wrote."""
    settings = {
        "app.user_id": context,
        "app.ip": "192.0.2.9",
        "app.request_id": "r-1",
        "app.session_id": "garbage",
        "app.user_agent": "x",
    }
    try:
        connection.execute("begin")
        for name, value in settings.items():
            connection.execute("select set_config(%s, %s, true)", (name, value))
        for statement in action.statements:
            connection.execute(statement.encode())
        found = connection.execute("select action, user_id::text, host(ip_address), request_id from watching.logged()").fetchall()
        return [tuple(None if cell is None else str(cell) for cell in one) for one in found]
    except psycopg.Error as error:
        raise AssertionError(f"{action.statements}: {error}") from error
    finally:
        connection.execute("rollback")
