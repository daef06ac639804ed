"""The name of an index that advice creates: free in its schema, short enough, and with room for its parts."""

import pytest

from chatschema.report.plans import hypopg
from chatschema.report.plans.reading import Table
from tests.support.database import Database

LONG = "ü" * 31


def made(database: Database, relation: str, *, is_partitioned: bool = False) -> tuple[str, str]:
    table = Table(
        name=f'public."{relation}"', schema="public", relation=relation, is_partitioned=is_partitioned, members={}, key=(),
        columns={"owner": "owner"}, indexed=(), texts=(), writes=0,
    )  # fmt: skip
    with database.connect() as connection:
        return hypopg.statements(connection, table, ["owner"])


@pytest.mark.parametrize(
    ("taken", "relation", "name"),
    [
        ("", "notes", "idx_notes_owner"),
        ("create index idx_notes_owner on public.notes (id)", "notes", "idx_notes_owner_2"),
        # Names end at 63 bytes, not characters: 50 of them are kept, and a character is not cut in two.
        ("", LONG, f'"idx_{LONG[:23]}"'),
    ],
)
def test_the_name_is_free_and_the_statements_run(empty: Database, taken: str, relation: str, name: str) -> None:
    empty.run(f'create table public."{relation}" (id int, owner int); {taken}')
    create, undo = made(empty, relation)
    assert create == f'create index concurrently {name} on public."{relation}" (owner);'
    empty.run(create)
    empty.run(undo)


def test_the_parts_of_a_partitioned_index_find_their_names_free(empty: Database) -> None:
    empty.run("create table public.events (id int, owner int) partition by range (id)")
    empty.run("create table public.events_0 partition of public.events for values from (0) to (9)")
    # A part would have this name, were the index called idx_events_owner.
    empty.run("create table public.idx_events_owner_7 ()")
    create, undo = made(empty, "events", is_partitioned=True)
    assert create.startswith("create index if not exists idx_events_owner_2 on only public.events (owner);")
    for line in create.splitlines():
        empty.run(line)
    assert empty.one("select indisvalid from pg_index where indexrelid = 'public.idx_events_owner_2'::regclass")
    empty.run(undo)
