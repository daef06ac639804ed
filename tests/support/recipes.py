"""Writing the files of recipes, running and undoing them, and databases in a form that can be compared."""

import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from chatschema import postgres
from chatschema.migration.recipes import writing
from tests.support import ROOT, load
from tests.support.cli import Result, run_cli
from tests.support.database import Database
from tests.support.dump import dump
from tests.support.migrations import IDS
from tests.support.months import make_months
from tests.support.recipe_cases import Case


@dataclass(frozen=True)
class Written:
    """The files of a recipe in a copy of sql/, which the command line takes with --sql-dir."""

    sql_dir: Path
    ids: list[str]


def prepared(database: Database, messages: int, months: int = 24) -> None:
    """Give the database so many months, the current one included, with so many messages each."""
    make_months(database, months)
    names = database.all(
        "select to_char(date_trunc('month', now()) - i * interval '1 month', 'YYYY-MM') from generate_series(1, %s) as i",
        months - 1,
    )
    load.prepare(database, {name: messages for (name,) in names})


def write(cases: Sequence[Case], database: Database, folder: Path) -> Written:
    """Write the files of recipes, with the command line or, if there are many, without its processes.

    The database is as `before` of each leaves it.
    """
    sql_dir = folder / "sql"
    shutil.rmtree(sql_dir, ignore_errors=True)
    shutil.copytree(ROOT / "sql", sql_dir)
    for case in cases:
        if len(cases) == 1:
            own = ("--url", database.url, "--sql-dir", str(sql_dir))
            result = run_cli("new", "migration", "--recipe", *case.arguments, *own, cwd=folder)
            assert result.code == 0, result.err
        else:
            with closing(postgres.connect(database.url, writes=False)) as connection:
                name, *arguments = case.arguments
                writing.write(connection, sql_dir / "migrations", writing.recipe(name), arguments, datetime.now(UTC))
    ids = sorted({path.name.split(".")[0] for path in (sql_dir / "migrations").glob("*.sql")} - set(IDS))
    assert ids
    return Written(sql_dir, ids)


def migrate(database: Database, written: Written, folder: Path, *more: str) -> Result:
    return run_cli("migrate", *more, "--url", database.url, "--sql-dir", str(written.sql_dir), cwd=folder, timeout=900)


def undo(database: Database, written: Written, folder: Path) -> Result:
    steps = ("undo", "--steps", str(len(written.ids)), "--yes")
    return run_cli(*steps, "--url", database.url, "--sql-dir", str(written.sql_dir), cwd=folder, timeout=900)


def normal(database: Database) -> str:
    """Return the dump of a database: without the order of columns and statements, and the comments that an author has yet to write.

    The server chose the names of the months' indexes, after the names of their columns then; here they have their definitions.
    """
    text = re.sub(r"^COMMENT ON .*'[^']*TODO[^']*(?:''[^']*)*';\n", "", dump(database), flags=re.MULTILINE)
    # On 18 a column's NOT NULL has a name, after the name of the column when it was set.
    text = re.sub(r"CONSTRAINT \w+ (?=NOT NULL)", "", text)
    indexes = {
        name: f"<{table} {definition}>"
        for name, table, definition in re.findall(
            r"^CREATE (?:UNIQUE )?INDEX (\w+) ON chat_partitions\.(\w+) (.*);$", text, re.MULTILINE
        )
    }
    text = re.sub(r"\w+", lambda match: indexes.get(match[0], match[0]), text)
    text = re.sub(
        r"(?<=\(\n)(?:    .*\n)+(?=\))", lambda match: "".join(sorted(re.sub(r",\n", "\n", match[0]).splitlines(True))), text
    )
    # Changing a type with ALTER TABLE on 15 also writes the comment of an index to its parts.
    pieces = (piece.strip() for piece in text.split(";\n") if not piece.strip().startswith("COMMENT ON INDEX chat_partitions."))
    return "\n".join(sorted(pieces))
