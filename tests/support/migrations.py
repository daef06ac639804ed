"""The migrations there are, and writing more into a copy of them."""

from pathlib import Path

from tests.support import ROOT
from tests.support.database import Database

IDS = sorted(path.stem for path in (ROOT / "sql" / "migrations").glob("*.sql") if not path.stem.endswith(".rollback"))
NEXT = "20990101000000_add_note"


def write(sql_dir: Path, name: str, text: str, rollback: str | None = None) -> None:
    (sql_dir / "migrations" / f"{name}.sql").write_text(text)
    if rollback is not None:
        (sql_dir / "migrations" / f"{name}.rollback.sql").write_text(rollback)


def applied(database: Database) -> list[str]:
    return [row[0] for row in database.all("select migration_id from chatschema._yoyo_migration order by applied_at_utc")]
