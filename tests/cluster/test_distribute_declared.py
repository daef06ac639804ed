"""A table of one's own moves with its conversation, where the header of its migration says so."""

from pathlib import Path

import pytest

from chatschema.cluster import places
from chatschema.errors import UsageError
from tests.support.citus import database, needs_citus
from tests.support.cli import Cli
from tests.support.migrations import NEXT, write

POLLS = """\
-- polls: a question to the participants of a conversation.
-- Why: a test.
-- Cluster: {0}
create table public.polls (
    conversation_id uuid not null constraint polls_conversation_id_fkey references public.conversations (id),
    id uuid not null default chatschema.uuid7(),
    constraint polls_pkey primary key (conversation_id, id)
);
insert into public.conversations (id) values (chatschema.uuid7());
insert into public.polls (conversation_id) select id from public.conversations;
"""


@needs_citus
def test_a_declared_table_moves_and_comes_back(cli: Cli, sql_dir: Path) -> None:
    write(sql_dir, NEXT, POLLS.format("by conversation_id"), "drop table public.polls;")
    own = ("--sql-dir", str(sql_dir))
    with database() as citus:
        assert cli("migrate", *own, "--url", citus.url).code == 0
        done = cli("cluster", "distribute", "--shards", "2", "--yes", *own, "--url", citus.url)
        assert done.code == 0, done.err
        where = "select partmethod from pg_dist_partition where logicalrelid = 'public.polls'::regclass"
        assert citus.one(where) == "h"
        assert "violates foreign key" in citus.refused("insert into public.polls (conversation_id) values (chatschema.uuid7())")
        assert cli("cluster", "undistribute", "--yes", *own, "--url", citus.url).code == 0
        assert citus.one("select count(*) from public.polls") == 1
        assert cli("verify", *own, "--url", citus.url).code == 0


def test_a_place_that_is_none_is_refused() -> None:
    assert "public.polls" in [one.table for one in places.places({"public.polls": "reference"})]
    assert "public.polls" not in [one.table for one in places.places({"public.polls": "local"})]
    with pytest.raises(UsageError) as caught:
        places.places({"public.polls": "somewhere"})
    assert "-- Cluster: by conversation_id" in str(caught.value.hint)
