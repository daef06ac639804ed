"""Demo data on a distributed database, and on the way there and back. Needs a Citus cluster."""

from tests.support.citus import database, needs_citus
from tests.support.cli import Cli, Result

pytestmark = needs_citus
COUNTS = """
    select (select count(*) from public.users), (select count(*) from public.conversations), (select count(*) from public.messages),
        (select count(*) from public.message_statuses), (select count(*) from public.attachments), (select count(*) from chatschema.outbox)
"""


def _ran(done: Result) -> Result:
    assert done.code == 0, done.err
    return done


def test_demo_data_there_and_back(cli: Cli) -> None:
    with database() as citus:
        _ran(cli("migrate", "--url", citus.url))
        _ran(cli("cluster", "distribute", "--shards", "2", "--yes", "--url", citus.url, timeout=600))
        _ran(cli("seed", "--url", citus.url, timeout=600))
        users, conversations, messages, statuses, files, waiting = citus.rows(COUNTS)[0]
        assert (users, conversations, waiting) == (25, 21, 0)
        assert messages > 2000
        assert statuses > messages
        assert files > 0
        ids = "select bool_and(id = chatschema.direct_id(direct_user_low, direct_user_high)) from public.conversations where type = 'direct'"
        assert citus.one(ids) is True
        assert "already seeded" in _ran(cli("seed", "--url", citus.url, timeout=600)).out
        bulk = cli("seed", "--messages", "1k", "--url", citus.url)
        assert bulk.code == 1
        assert "error[cluster.unsupported]" in bulk.err
        # A row of somebody else that refers to a seeded one keeps all of them.
        conversation, user = citus.rows(
            "select conversation_id::text, user_id::text from public.conversation_participants limit 1"
        )[0]
        other = citus.one(
            "insert into public.messages (conversation_id, sender_id, content_encrypted, content_nonce, content_algorithm, key_version)"
            f" values ('{conversation}', '{user}', '\\x01', '\\x0102030405060708', 'x', 1) returning id::text"
        )
        refused = cli("seed", "--undo", "--url", citus.url, timeout=600)
        assert "error[seed.referenced]: 1 rows of messages" in refused.err, refused.err
        citus.run(f"delete from public.messages where conversation_id = '{conversation}' and id = '{other}'")
        # What was seeded there is removed here, and the other way round.
        _ran(cli("cluster", "undistribute", "--yes", "--url", citus.url, timeout=600))
        _ran(cli("seed", "--undo", "--url", citus.url, timeout=600))
        assert citus.one("select count(*) from public.users") == 0
        _ran(cli("seed", "--url", citus.url, timeout=600))
        _ran(cli("cluster", "distribute", "--shards", "2", "--yes", "--url", citus.url, timeout=600))
        _ran(cli("seed", "--undo", "--url", citus.url, timeout=600))
        assert citus.rows(COUNTS)[0][:5] == (0, 0, 0, 0, 0)
