"""A database with the roles applied, and the command that makes models of it."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support import PASSWORD
from tests.support.access.world import dropped
from tests.support.cli import Result, run_cli
from tests.support.database import Database

# The name of each file, as the programs that use it expect it.
FILES = {
    "typescript": "typescript.ts",
    "kysely": "kysely.ts",
    "drizzle": "drizzle.ts",
    "sequelize": "app.js",
    "prisma": "schema.prisma",
    "python": "rows.py",
}


@dataclass(frozen=True)
class Applied:
    """A database whose roles begin with the prefix."""

    database: Database
    prefix: str
    folder: Path

    def models(self, target: str, *arguments: str) -> Result:
        """Run the command on the database."""
        return run_cli("models", "--for", target, *arguments, "--url", self.database.url, cwd=self.folder)

    def login(self, group: str) -> str:
        """Return the URL of a new login of a group."""
        name = f"{self.prefix}_login_{group}"
        self.database.run(f"create role {name} login password '{PASSWORD}'; grant {self.prefix}_{group} to {name}")
        return self.database.server.url(self.database.name, user=name, password=PASSWORD)


@contextmanager
def applied(database: Database, folder: Path) -> Iterator[Applied]:
    """Apply the roles with a prefix of their own: they are of the cluster."""
    prefix = f"t{uuid.uuid4().hex[:8]}"
    with dropped(database.server, prefix):
        done = run_cli("roles", "apply", "--prefix", prefix, "--url", database.url, cwd=folder)
        assert done.code == 0, done.err
        yield Applied(database, prefix, folder)
