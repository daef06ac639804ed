"""A migration with a place: its text with the statement that moves the table, and the words for what Citus refuses."""

from pathlib import Path

import pytest

from chatschema.cluster.migrate import guarded, placed, wording
from chatschema.errors import UsageError
from chatschema.sqlfile import SqlFile

TEXT = """\
-- polls: a question.
-- Cluster: {0}
create function public.f() returns int language sql as 'select 1';
create table public.polls (
    conversation_id uuid,
    note text default ';'
);
create index on public.polls (note);
"""


def _file(folder: Path, place: str) -> SqlFile:
    path = folder / "m.sql"
    path.write_text(TEXT.format(place))
    return SqlFile(path)


def test_the_table_moves_right_after_its_statement(tmp_path: Path) -> None:
    file = _file(tmp_path, "by conversation_id")
    found = placed.of(file)
    texts = [one.text for one in found.statements]
    assert texts[2] == "select create_distributed_table('public.polls', 'conversation_id', colocate_with => 'public.conversations')"
    assert texts[:2] + texts[3:] == [one.text for one in file.statements]
    # Errors name the line in the file, and the ledger has the file itself.
    assert [one.line for one in found.statements] == [3, 4, 7, 8]
    assert (found.checksum, found.source, len(found.shown)) == (file.checksum, file.source, len(found.content))


def test_places(tmp_path: Path) -> None:
    assert "select create_reference_table('public.polls')" in placed.of(_file(tmp_path, "reference")).text
    assert placed.of(_file(tmp_path, "local")).text == TEXT.format("local")
    with pytest.raises(UsageError):
        placed.of(_file(tmp_path, "somewhere"))


def test_what_rests_is_named() -> None:
    before = {"function chatschema.f()": "1", "table public.messages": "p", "key public.messages.messages_pkey": "k"}
    after = {"function chatschema.f()": "2", "table public.messages": "p", "foreign key public.t.t_c_fkey": "none"}
    assert [(one.code, one.object) for one in guarded.changes(before, after)] == [
        ("cluster.foreign-key", "foreign key public.t.t_c_fkey"),
        ("cluster.rests-on", "function chatschema.f()"),
        ("cluster.rests-on", "key public.messages.messages_pkey"),
    ]
    known = {"messages_pkey": "key public.messages.messages_pkey", "old_policy": "policy public.messages.old_policy"}
    text = "-- old_policy\ndrop policy if exists old_policy on public.messages; alter table public.messages drop constraint messages_pkey"
    (found,) = guarded.mentions("m.sql", text, known, before)
    assert (found.object, "old_policy" in found.reason) == ("m.sql", True)
    assert guarded.mentions("m.sql", "-- old_policy\nselect 1", known, before) == []


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        ("creating unique indexes on non-partition columns is currently unsupported", "in front"),
        ("triggers are not supported on distributed tables", "citus.enable_unsafe_triggers"),
        ("functions used in UPDATE queries on distributed tables must not be VOLATILE", "now()"),
        ("column x does not exist", "correct the file"),
    ],
)  # fmt: skip
def test_what_to_type_instead(words: str, instead: str) -> None:
    assert instead in wording.instead(words)
