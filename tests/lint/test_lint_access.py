"""The rules about a new table of the application: row level security, and the line that declares who gets what."""

from pathlib import Path

import pytest

from tests.support.cli import Cli
from tests.support.migrations import NEXT, write

NOTES = f"{NEXT[:14]}_create_notes_table"
TABLE = """\
-- notes: what a user wrote for later.
-- Why: users ask for it.
-- Risk: a new table only.
{access}-- Demo: no, a test.
create table public.notes (id uuid not null, owner_id uuid not null, constraint notes_pkey primary key (id));
comment on table public.notes is 'A note.';
comment on column public.notes.id is 'UUIDv7.';
comment on column public.notes.owner_id is 'Who wrote it.';
"""
PROTECTED = """\
create policy notes_owner_select on public.notes for select using (owner_id = (select chatschema.actor()));
alter table public.notes enable row level security;
"""


def linted(cli: Cli, sql_dir: Path, text: str) -> list[tuple[str, str]]:
    write(sql_dir, NOTES, text, "drop table public.notes;")
    found = cli("lint", str(sql_dir / "migrations" / f"{NOTES}.sql"), "--sql-dir", str(sql_dir), "--offline", "--json").json()
    return [(one["code"].removeprefix("lint."), one["message"]) for one in found["findings"]]


def test_a_table_with_policies_and_declared_grants_has_no_finding(cli: Cli, sql_dir: Path) -> None:
    access = "-- Access: app: select, insert (id, owner_id)\n-- Access: readonly, auditor: select (id)\n"
    assert linted(cli, sql_dir, TABLE.format(access=access) + PROTECTED) == []


def test_a_table_without_row_level_security_and_declared_grants(cli: Cli, sql_dir: Path) -> None:
    assert linted(cli, sql_dir, TABLE.format(access="")) == [
        ("header", "the header has no line -- Access:"),
        ("no-row-security", "public.notes has no row level security: who has a right on it sees all rows"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "app select",
        "app:",
        "everybody: select",
        "app: execute public",
        "app: select; nobody: insert",
        "app: execute find_login(text)",
    ],
)
def test_a_declaration_that_cannot_be_read_is_a_finding_and_refused_before_anything_is_applied(
    cli: Cli, sql_dir: Path, text: str
) -> None:
    assert [rule for rule, _ in linted(cli, sql_dir, TABLE.format(access=f"-- Access: {text}\n") + PROTECTED)] == ["header"]
    done = cli("migrate", "--dry-run", "--sql-dir", str(sql_dir), "--url", "embedded")
    assert (done.code, "error[roles.declaration]" in done.err) == (2, True)
