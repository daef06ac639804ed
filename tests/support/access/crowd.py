"""A user in 10 conversations and one in all of many: what pages, lists and sends cost a login of the application."""

from dataclasses import dataclass
from pathlib import Path

from tests.support import PASSWORD, released
from tests.support.cli import run_cli
from tests.support.database import Database

_COLUMNS = "id, conversation_id, sender_id, content_encrypted, created_at"
NEWEST = f"select {_COLUMNS} from public.messages where conversation_id = %s order by id desc limit 50"
KEYSET = f"select {_COLUMNS} from public.messages where conversation_id = %s and id < %s order by id desc limit 50"
# Triggers and keys are off while it is filled: they would take minutes, and the rows are as they would leave them.
_FILL = """
    set session_replication_role = replica;
    insert into public.users (username) values ('few'), ('many'), ('peer');
    insert into public.conversations (title) select 'crowd-' || i from generate_series(0, {ordinary}) as i;
    create table public.crowd as
        select i as n, c.id, case when i = 0 then {large} else 200 end as messages
        from generate_series(0, {ordinary}) as i join public.conversations as c on c.title = 'crowd-' || i;
    alter table public.crowd add primary key (n);
    insert into public.conversation_participants (conversation_id, user_id, joined_at, created_at)
        select b.id, u.id, '2020-01-01 00:00+00', '2020-01-01 00:00+00' from public.crowd as b
        join public.users as u on u.username in ('many', 'peer') or u.username = 'few' and b.n < 10;
    insert into public.messages (id, conversation_id, sender_id, content_encrypted, created_at)
        select chatschema.uuid7(at), b.id, peer.id, decode(repeat('5a', 120), 'hex'), date_trunc('milliseconds', at)
        from public.users as peer, public.crowd as b
        cross join lateral generate_series(1, b.messages) as i
        cross join lateral (select timestamptz '{since}' + (timestamptz '{until}' - timestamptz '{since}')
            * ((i - random()) / b.messages) as at) as t
        where peer.username = 'peer';
"""


@dataclass(frozen=True)
class Size:
    """Months back; messages of the large conversation; ordinary conversations, each of 200 messages."""

    months: int
    large: int
    ordinary: int


def prepare(database: Database, size: Size, prefix: str, folder: Path) -> None:
    """Migrate, apply the roles, make a login of the application, and fill the months."""
    for command in (["migrate"], ["roles", "apply", "--prefix", prefix]):
        done = run_cli(*command, "--url", database.url, cwd=folder)
        assert done.code == 0, done.err
    database.run(f"create role {prefix}_api login password '{PASSWORD}'; grant {prefix}_app to {prefix}_api")
    made = released.make_months(database, size.months)
    database.run(_FILL.format(large=size.large, ordinary=size.ordinary, since=made[0], until=made[-1]))
    database.run("vacuum analyze")


def url_of(database: Database, prefix: str) -> str:
    """Return the URL of the application's login."""
    return database.server.url(database.name, user=f"{prefix}_api", password=PASSWORD)


def people(database: Database) -> dict[str, str]:
    """Return the ids of "few", who takes part in 10 conversations, and of "many", who takes part in all."""
    return dict(database.all("select username, id::text from public.users where username in ('few', 'many')"))


def conversation(database: Database, n: int) -> str:
    """Return the id of the large conversation, 0, or of an ordinary one."""
    return str(database.one(f"select id from public.crowd where n = {n}"))
