"""Follow the events of chatschema: python follow.py URL CURSOR_FILE. Needs psycopg 3; the login is in chat_worker."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

START_OVER = ("OBX02", "OBX03")  # another server, or away for longer than events are kept


def handle(event: dict[str, Any]) -> None:
    """Invalidate what is cached of these rows. After a crash the last page comes again, so this must bear a repetition."""
    print(json.dumps(event, default=str), flush=True)


def forget_everything() -> None:
    """Empty the cache: what changed is not known."""
    print(json.dumps({"kind": "cache.cleared"}), flush=True)


def store(place: Path, cursor: str) -> None:
    """Keep the cursor: the old one or the new one, whenever the process is killed."""
    new = place.with_suffix(".new")
    new.write_text(cursor)
    new.replace(place)


def follow(url: str, place: Path) -> None:
    """Handle events for ever; raises OperationalError when the connection is lost."""
    with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
        connection.execute("listen chatschema_events")
        while True:
            if not place.exists():
                now = connection.execute("select chatschema.events_now() as cursor").fetchall()[0]["cursor"]
                forget_everything()  # before it is stored: a crash between the two begins here again
                store(place, now)
            try:
                page = connection.execute("select * from chatschema.events_after(%s, 500)", (place.read_text(),)).fetchall()
            except psycopg.DatabaseError as error:
                if error.sqlstate not in START_OVER:
                    raise
                place.unlink()
                time.sleep(1)
                continue
            for event in page:
                handle(event)
            if page:
                store(place, page[-1]["cursor"])
            else:
                list(connection.notifies(timeout=1, stop_after=1))  # a hint; without one, once a second


if __name__ == "__main__":
    while True:
        try:
            follow(sys.argv[1], Path(sys.argv[2]))
        except psycopg.OperationalError as error:
            print(f"again in a second: {error}", file=sys.stderr)
            time.sleep(1)
