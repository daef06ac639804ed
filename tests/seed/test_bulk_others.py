"""Which rows a bulk seed did not create is asked without reading the millions that it did, and with the same answer."""

from contextlib import closing

from psycopg import sql

from chatschema import postgres
from chatschema.database import contents
from chatschema.postgres import seeded
from chatschema.values import TABLES
from tests.support.cli import Cli
from tests.support.database import Database

SEED = ("seed", "--messages", "1500", "--months", "2", "--until", "2026-04-11")
# A conversation of others, and their messages and statuses: in it and in a seeded one, before and after the end of the seed.
OTHERS = """
    insert into users (username) values ('carol');
    insert into conversations (title) values ('mine');
    create temp table chosen as
        select m.id, m.conversation_id as seeded, m.sender_id as writer, c.id as mine, u.id as carol
        from messages as m, conversations as c, users as u
        where c.title = 'mine' and u.username = 'carol' and m.sender_id is not null order by m.id limit 1;
    insert into conversation_participants (conversation_id, user_id)
        select t.conversation, t.reader from chosen, lateral (values (mine, carol), (mine, writer), (seeded, carol)) as t (conversation, reader);
    insert into messages (id, conversation_id, sender_id, content_encrypted, created_at)
        select chatschema.uuid7(t.at), t.conversation, t.sender, 'x', t.at
        from chosen, lateral (values
            (mine, carol, timestamptz '2026-03-03'), (mine, writer, timestamptz '2026-03-04'), (mine, carol, timestamptz '2026-04-20'),
            (seeded, writer, timestamptz '2026-04-21'), (seeded, carol, timestamptz '2026-03-05')
        ) as t (conversation, sender, at);
    insert into message_statuses (message_id, user_id, conversation_id)
        select m.id, u.id, m.conversation_id from messages as m, chosen, lateral (values (carol), (writer)) as u (id)
        where m.content_encrypted = 'x' or m.id = chosen.id
        on conflict do nothing;
"""


def test_the_rows_of_others_are_those_that_are_not_seeded(cli: Cli, migrated: Database) -> None:
    assert cli("partition", "ensure", "--from", "2026-03", "--url", migrated.url).code == 0
    done = cli(*SEED, "--url", migrated.url)
    assert done.code == 0, done.err
    with closing(postgres.connect(migrated.url)) as connection:
        assert contents.has_others(connection) is None
        assert contents.others(connection) == []
        connection.execute(OTHERS.encode())
        for table in TABLES:
            rows = "select coalesce(array_agg(t::text order by t::text), '{{}}') from {} as t"
            slow = sql.SQL(rows + " where not {}").format(sql.Identifier("public", table), seeded.is_own(table))
            fast = sql.SQL(rows).format(seeded.others(connection, table))
            expected = postgres.fetch_one(connection, slow)[0]
            assert postgres.fetch_one(connection, fast)[0] == expected, table
            assert len(expected) == {"users": 1, "conversations": 1, "messages": 4, "message_statuses": 10}.get(
                table, len(expected)
            )
        assert contents.has_others(connection) == "users"
        assert "4 rows in messages" in contents.others(connection)


def test_the_question_reads_no_month_of_the_seed(cli: Cli, migrated: Database) -> None:
    assert cli(*SEED, "--url", migrated.url).code == 0
    with closing(postgres.connect(migrated.url)) as connection:
        for table in ("messages", "message_statuses"):
            query = sql.SQL("explain select exists (select from {} as t)").format(seeded.others(connection, table))
            plan = "\n".join(row[0] for row in postgres.fetch_all(connection, query))
            assert f"Seq Scan on {table}_y2026m03" not in plan, plan
