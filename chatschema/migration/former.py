"""The text of a file as it was applied, found in git by its checksum."""

import difflib
import subprocess
import tempfile
from pathlib import Path

from chatschema.sqlfile import SqlFile

# Of one file; a repository has few versions of a migration.
_MOST = 200


def difference(file: SqlFile, checksum: str) -> list[str] | None:
    """Return the lines of a unified diff from the applied text to the file; None if git has no text with this checksum."""
    was = _text(file.path, checksum)
    if was is None:
        return None
    return list(difflib.unified_diff(was.splitlines(), file.text.splitlines(), "as applied", file.path.name, n=1, lineterm=""))


def _text(path: Path, checksum: str) -> str | None:
    commits = _git(path, "log", f"--max-count={_MOST}", "--format=%H", "--", path.name)
    with tempfile.TemporaryDirectory() as folder:
        for commit in (commits or "").split():
            content = _git(path, "show", f"{commit}:./{path.name}")
            if content is None:
                continue
            copy = Path(folder) / path.name
            copy.write_text(content, "utf-8")
            if SqlFile(copy).checksum == checksum:
                return content
    return None


def _git(path: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=path.parent, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return None if done.returncode else done.stdout
