"""`make bench-audit`: the price of the audit trail.

Two databases on one server: in one the triggers write the trail, in the other there are none, and an application writes the same
row by hand: one INSERT after each change, with the same details. Both sides take turns; a turn is a transaction of many changes,
each of another row, and what is printed is the median of the CPU time that its server process took for one change, and the
ratio: other work on the machine changes that less than the time on the clock. Needs Linux. With --small the sizes are those of a
test, and the ratios mean nothing.
"""

import argparse
import statistics
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support.cli import run_cli
from tests.support.database import Database, create
from tests.support.servers import private, programs

SETTINGS = "shared_buffers = '512MB'\nmax_wal_size = '4GB'\nautovacuum = off"
CONTEXT = {
    "app.user_id": "019b76da-a800-7000-8000-000000000000",
    "app.session_id": "019b76da-a800-7000-8000-000000000001",
    "app.request_id": "0f6c1a1e-req-1",
    "app.ip": "192.0.2.7",
    "app.user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
}
VALUES = ", ".join(f"'{CONTEXT[name]}'" for name in ("app.ip", "app.user_agent", "app.session_id", "app.request_id"))
BY_HAND = f"""
    insert into public.audit_logs (
        user_id, action, resource_type, resource_id, details, ip_address, user_agent, session_id, request_id
    )
    select '{CONTEXT["app.user_id"]}', '{{action}}', '{{kind}}', {{id}}, {{details}}, {VALUES} {{source}}
"""
FILL = """
    insert into public.users (username, email) select 'user-' || i, i || '@example.org' from generate_series(1, {rows}) as i;
    insert into public.conversations (title) values ('one');
    insert into public.conversation_participants (conversation_id, user_id)
        select c.id, u.id from public.conversations as c, public.users as u;
    insert into public.messages (conversation_id, sender_id, content_encrypted)
        select c.id, u.id, convert_to(repeat(md5(random()::text), 32), 'UTF8') from public.conversations as c, public.users as u;
    create table public.numbered as
        select row_number() over (order by u.id) as n, u.id as user_id, m.id as message_id, m.conversation_id
        from public.users as u join public.messages as m on m.sender_id = u.id;
    alter table public.numbered add primary key (n);
"""
# The triggers that write the trail, and nothing else.
DROP = """
    do $$
    declare
        logged record;
    begin
        for logged in
            select t.tgname, t.tgrelid::regclass as name from pg_trigger as t join pg_proc as p on p.oid = t.tgfoid
            where p.proname ~ '^audit_' and t.tgparentid = 0
        loop
            execute format('drop trigger %I on %s', logged.tgname, logged.name);
        end loop;
    end
    $$
"""
LOOP = """
    do $$
    declare
        one record;
    begin
        for one in select * from public.numbered where n > {start} and n <= {start} + {size} order by n loop
            {change};
            {by_hand}
        end loop;
    end
    $$
"""
CONTENT = "convert_to(repeat(md5(random()::text), 32), 'UTF8')"
EDIT = f"update public.messages as m set content_encrypted = {CONTENT}, edit_count = m.edit_count + 1, edited_at = now()"
EDITED = (
    "jsonb_build_object('content', 'changed', 'conversation_id', m.conversation_id, 'sender_id', m.sender_id,"
    " 'edit_count', jsonb_build_object('old', m.edit_count - 1, 'new', m.edit_count))"
)


ALL = f"{EDIT} where m.id = any ({{ids}})"


@dataclass(frozen=True)
class Case:
    """A change, the INSERT by hand that goes with it, if it is logged, and the aim; `is_whole` is one statement for all rows."""

    title: str
    change: str
    by_hand: str = ""
    aim: float = 1.1
    is_whole: bool = False


def by_hand(action: str, kind: str, id: str, details: str, source: str = "") -> str:
    """Return the INSERT that an application would send after a change."""
    return BY_HAND.format(action=action, kind=kind, id=id, details=details, source=source) + ";"


EMAIL = by_hand(
    "user.email", "user", "one.user_id::text",
    "jsonb_build_object('email', jsonb_build_object('old', one.n || '@example.org', 'new', 'x' || one.n || '@example.org'))",
)  # fmt: skip
ROLE = by_hand(
    "participant.role", "conversation", "one.conversation_id::text",
    "jsonb_build_object('user_id', one.user_id, 'role', jsonb_build_object('old', 'member', 'new', 'moderator'))",
)  # fmt: skip
ONE_EDITED = by_hand("message.edit", "message", "m.id::text", EDITED, "from public.messages as m where m.id = one.message_id")
ALL_EDITED = by_hand("message.edit", "message", "m.id::text", EDITED, "from public.messages as m where m.id = any ({ids})")
CASES = (
    Case(
        "users: presence, not logged",
        "update public.users set status = 'busy', last_seen_at = clock_timestamp() where id = one.user_id",
    ),
    Case(
        "participants: last read, not logged",
        "update public.conversation_participants set last_read_message_id = one.message_id, updated_at = clock_timestamp()"
        " where conversation_id = one.conversation_id and user_id = one.user_id",
    ),
    Case(
        "users: e-mail, against one INSERT by hand",
        "update public.users set email = md5(random()::text) || '@example.org' where id = one.user_id", EMAIL, 1.2,
    ),
    Case(
        "participants: role, against one INSERT by hand",
        "update public.conversation_participants set role = case role when 'member' then 'moderator' else 'member' end"
        " where conversation_id = one.conversation_id and user_id = one.user_id", ROLE, 1.2,
    ),
    Case("messages: edit of 1 kB, against one INSERT by hand", f"{EDIT} where m.id = one.message_id", ONE_EDITED, 1.2),
    Case("messages: 3,000 edited at once, against one INSERT", ALL, ALL_EDITED, 1.2, is_whole=True),
    Case("messages: 3,000 edited at once, against no trail", ALL, "", 2.0, is_whole=True),
)  # fmt: skip


def main() -> None:
    """Print a table for each of the two servers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="the sizes of a test")
    options = parser.parse_args()
    rows, size, turns = (300, 20, 3) if options.small else (3000, 200, 45)
    for kind in ("embedded",) if options.small else ("system", "embedded"):
        with private(programs(kind), kind, config=SETTINGS) as server, tempfile.TemporaryDirectory() as folder:
            for logged in create(server, "logged"):
                done = run_cli("migrate", "--url", logged.url, cwd=Path(folder))
                if done.code:
                    raise SystemExit(done.err)
                logged.run(f"set chatschema.audit_batch = on; {FILL.format(rows=rows)}")
                for plain in create(server, "plain", "logged"):
                    plain.run(DROP)
                    for database in (logged, plain):
                        database.run("vacuum analyze")
                    measure(logged, plain, size, turns, rows)


def measure(logged: Database, plain: Database, size: int, turns: int, rows: int) -> None:
    """Print a line a case."""
    major, minor = divmod(logged.server.version, 10000)
    print(f"\nPostgreSQL {major}.{minor}; medians of {turns} turns\n")
    print(f"{'':<52}{'plain':>12}{'logged':>12}{'ratio':>8}{'aim':>7}", flush=True)
    insert(logged, turns)
    for case in CASES:
        times: dict[bool, list[float]] = {True: [], False: []}
        with session(logged) as with_trail, session(plain) as without:
            for turn in range(turns + 3):
                for is_logged in (True, False) if turn % 2 else (False, True):
                    one = with_trail if is_logged else without
                    times[is_logged].append(timed(one, statement(one, case, is_logged, turn, size, rows)))
        count = rows if case.is_whole else size
        before, after = (statistics.median(times[is_logged][3:]) * 1e6 / count for is_logged in (False, True))
        print(f"{case.title:<52}{before:9.1f} us{after:9.1f} us{after / before:8.2f}{case.aim:7.1f}", flush=True)


def insert(database: Database, turns: int) -> None:
    """Print the time of one row of the trail, without a change."""
    row = by_hand("x", "user", "one.user_id::text", "jsonb_build_object('email', 'changed')")
    text = LOOP.format(start=0, size=200, change=row.rstrip("; \n"), by_hand="")
    with session(database) as one:
        times = [timed(one, text) for _ in range(turns + 3)]
    print(f"{'an INSERT into audit_logs':<52}{'':>12}{statistics.median(times[3:]) * 1e6 / 200:9.1f} us", flush=True)


def session(database: Database) -> "closing[psycopg.Connection[Any]]":
    """Return a session with the context of a request."""
    connection = psycopg.connect(database.url, autocommit=True)
    for name, value in CONTEXT.items():
        connection.execute("select set_config(%s, %s, false)", (name, value))
    return closing(connection)


def statement(connection: "psycopg.Connection[Any]", case: Case, is_logged: bool, turn: int, size: int, rows: int) -> str:
    """Return the SQL of one turn; on the side without triggers the INSERT by hand follows the change."""
    extra = "" if is_logged else case.by_hand
    if case.is_whole:
        (ids,) = connection.execute("select array_agg(message_id)::text from public.numbered").fetchall()[0]
        return f"begin; {case.change}; {extra} commit".replace("{ids}", f"'{ids}'::uuid[]")
    start = turn * size % (rows - size + 1)
    return LOOP.format(start=start, size=size, change=case.change, by_hand=extra)


def timed(connection: "psycopg.Connection[Any]", text: str) -> float:
    """Return the seconds of CPU that a transaction took on the server."""
    spent = Path(f"/proc/{connection.info.backend_pid}/schedstat")
    began = int(spent.read_text().split()[0])
    connection.execute(text.encode())
    return (int(spent.read_text().split()[0]) - began) / 1e9


if __name__ == "__main__":
    main()
