"""Other tools, set up to run the same migrations."""

import shutil
import subprocess
from pathlib import Path


def dbmate_command(folder: Path) -> str | None:
    """Install dbmate from npm into `folder` and return its program, or None if npm or the package is missing."""
    if not shutil.which("npm"):
        return None
    command = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel=error", "dbmate"]
    subprocess.run(command, capture_output=True, check=False)
    program = folder / "node_modules" / ".bin" / "dbmate"
    return str(program) if program.exists() else None


def write_dbmate_folder(migrations: Path, folder: Path) -> Path:
    """Write the migrations as dbmate has them, up and down in one file; return the folder."""
    folder.mkdir()
    for path in migrations.glob("*.sql"):
        if not path.name.endswith(".rollback.sql"):
            down = path.with_suffix(".rollback.sql").read_text()
            (folder / path.name).write_text(f"-- migrate:up\n{path.read_text()}\n-- migrate:down\n{down}")
    return folder
