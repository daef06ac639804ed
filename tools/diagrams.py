"""python -m tools.diagrams [--check] [URL]: draws docs/images/schema.svg and month.svg, or compares them with the database.

URL is a migrated database; without it the migrations are applied on the embedded server, in a folder of its own.
"""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

from chatschema.server import lifecycle
from tools import month_diagram, schema_diagram

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"


def main() -> None:
    """Write the pictures; with --check, exit 1 when one is stale."""
    arguments = sys.argv[1:]
    is_check = "--check" in arguments
    urls = [argument for argument in arguments if argument != "--check"]
    with migrated(urls[0] if urls else None) as url, psycopg.connect(url) as connection:
        drawn = {"schema.svg": schema_diagram.draw(connection), "month.svg": month_diagram.draw()}
    stale = []
    for name, picture in drawn.items():
        path = IMAGES / name
        if is_check and (not path.exists() or path.read_text("utf-8") != picture):
            stale.append(f"docs/images/{name}")
        elif not is_check:
            path.write_text(picture, "utf-8")
    if stale:
        sys.exit(f"stale: {', '.join(stale)}; draw them again: make docs-cli")


@contextlib.contextmanager
def migrated(url: str | None) -> Iterator[str]:
    """Yield the URL of a migrated database."""
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / ".chatschema"
        with lifecycle.in_use(state, say=lambda _: None) as conninfo:
            command = [sys.executable, "-m", "chatschema", "migrate", "--url", "embedded"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            yield conninfo


if __name__ == "__main__":
    main()
