"""Files with personal data that anybody on this machine can read: a finding for each folder, for the report on security."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from chatschema.report.result import STATUSES, Finding, Result, status_of


def added(result: Result, folders: Iterable[Path]) -> Result:
    """Return the result with a finding for each of these folders, or files, that lets others read or replace a file."""
    found = [finding for folder in sorted(set(folders)) if (finding := _finding(result.report, folder))]
    findings = sorted([*result.findings, *found], key=lambda one: STATUSES.index(one.severity))
    status = status_of(findings, result.gaps, ran=True) if result.is_evaluated else result.status
    return replace(result, findings=findings, status=status)


def _finding(report: str, folder: Path) -> Finding | None:
    exposed = list(exposed_files(folder))
    if not exposed:
        return None
    count = "1 file" if len(exposed) == 1 else f"{len(exposed)} files"
    message = f"others on this machine can read or replace {count}, for example {exposed[0]}"
    fix = f"-- in a shell: chmod -R o= '{folder}'"
    return Finding(f"{report}.files:{folder}", report, "files", str(folder), "warn", message, float(len(exposed)), None, fix, None)


def exposed_files(folder: Path) -> Iterator[Path]:
    """Yield the files at or below `folder` that others can read, or replace; none that does not exist, or cannot be looked at."""
    # A folder above that others may not enter protects everything in it.
    if any(not _mode(above) & stat.S_IXOTH for above in folder.absolute().parents):
        return
    if not folder.is_dir():
        if _mode(folder) & (stat.S_IROTH | stat.S_IWOTH):
            yield folder
        return
    for place, names, files in os.walk(folder):
        mode = _mode(Path(place))
        if not mode & stat.S_IXOTH:
            names.clear()
            continue
        names.sort()
        for name in sorted(files):
            if mode & stat.S_IWOTH or _mode(Path(place, name)) & (stat.S_IROTH | stat.S_IWOTH):
                yield Path(place, name)


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0
