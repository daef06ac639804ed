"""Erasing a conversation that is killed, held or written to on the way: the next run finishes it, and nothing is overlooked."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.privacy.test_erase_content import erase, group, is_erased, rest
from tests.privacy.test_export_interrupted import waiting
from tests.support.cli import Cli, clean_environment
from tests.support.database import Database
from tests.support.pace import LONG, long


@pytest.mark.parametrize("ending", ["kill", "hold"] if LONG else ["kill"])
def test_interrupted_it_is_finished_by_the_next_run(cli: Cli, seeded: Database, tmp_path: Path, ending: str) -> None:
    id = group(seeded)
    before = rest(seeded, id)
    command = [sys.executable, "-m", "chatschema", "privacy", "erase-conversation", str(id), "--yes", "--url", seeded.url]
    with psycopg.connect(seeded.url, autocommit=True) as blocker, blocker.transaction():
        # One file is in use: messages, reactions and the trail come before it.
        blocker.execute("select id from public.attachments where conversation_id = %s limit 1 for update", (id,))
        running = subprocess.Popen(command, cwd=tmp_path, env=clean_environment(), stderr=subprocess.PIPE)
        waiting(seeded)
        if ending == "kill":
            running.send_signal(signal.SIGKILL)
        else:
            # It waits for the batch, which is tried again and again.
            assert cli("hold", "add", "--reason", "case", "--conversation", str(id), "--url", seeded.url).code == 0
    _, err = running.communicate(timeout=60)
    # Those that a search looks for are erased last.
    content = "select count(*) from public.messages where conversation_id = %s and content_encrypted is not null"
    assert seeded.one(content, id) == 3
    assert seeded.one("select title from public.conversations where id = %s", id) == "Merger with Initech"
    if ending == "hold":
        assert (running.returncode, b"hold 1 covers" in err) == (3, True), err
        assert cli("hold", "release", "1", "--reason", "closed", "--url", seeded.url).code == 0
    result = erase(cli, seeded, "conversation", id, "--yes", "--json")
    assert result.code == 0, result.out + result.err
    assert result.json()["receipt"]["searched_for"] >= 3
    is_erased(seeded, id)
    assert rest(seeded, id) == before


@long
def test_a_message_that_is_sent_meanwhile_is_reported(cli: Cli, seeded: Database) -> None:
    id = group(seeded)
    seeded.run(f"""
        create function public.send() returns trigger language plpgsql as $$
        begin
            insert into public.messages (conversation_id, sender_id, content_encrypted)
            select '{id}', user_id, 'sent while it ran' from public.conversation_participants where conversation_id = '{id}' limit 1;
            return null;
        end
        $$;
        create trigger send after update on public.attachments for each statement execute function public.send()
    """)
    found = erase(cli, seeded, "conversation", id, "--yes")
    assert (found.code, bool(re.search(r"STILL FOUND: chat_partitions.messages_y\d{4}m\d\d: 1\n", found.out))) == (3, True), (
        found.out
    )
    seeded.run("drop trigger send on public.attachments")
    assert erase(cli, seeded, "conversation", id, "--yes").code == 0
    is_erased(seeded, id)
