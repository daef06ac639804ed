"""Write LICENSES.md: every package that an installation of chatschema brings along, with its license. `make licenses` runs it."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

FILE = Path(__file__).resolve().parent.parent / "LICENSES.md"
EXTRAS = ("embedded", "parquet", "bulk", "lint")
_HEAD = """\
# Licenses

chatschema itself is under the MIT license ([LICENSE](LICENSE)). An installation brings these packages along, each under its own
license; chatschema's source contains nothing of them. `make licenses` writes this list from the metadata of the installed
packages, and the tests compare the two. pip decides which versions are installed: `pip list` prints them.

| package | license | brought along by |
|---|---|---|
"""
# What packages write in the place of an SPDX expression.
_SPDX = {
    "apache 2.0": "Apache-2.0", "apache license, version 2.0": "Apache-2.0", "apache software license": "Apache-2.0",
    "bsd license": "BSD", "mit license": "MIT", "postgresql license": "PostgreSQL",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only", "isc license (iscl)": "ISC",
    "3-clause bsd license": "BSD-3-Clause",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "python software foundation license": "PSF-2.0",
}  # fmt: skip

# More than one license, as SPDX writes it.
_EXPRESSION = re.compile(r"[\w.-]+( (OR|AND) [\w.-]+)+")


def collect() -> dict[str, tuple[str, str]]:
    """Return package -> (license, what brings it along) of everything that chatschema needs on this Python."""
    found: dict[str, tuple[str, str]] = {}
    for extra in ("", *EXTRAS):
        by = f"chatschema[{extra}]" if extra else "chatschema"
        for name in sorted(_needed("chatschema", extra)):
            if name not in found and name != "chatschema":
                found[name] = (license_of(distribution(name)), by)
    return found


def _needed(name: str, extra: str, seen: set[tuple[str, str]] | None = None) -> Iterator[str]:
    seen = set() if seen is None else seen
    if (name, extra) in seen:
        return
    seen.add((name, extra))
    try:
        requires = distribution(name).requires or []
    except PackageNotFoundError:
        return
    yield name
    for text in requires:
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            for wanted in ("", *sorted(needed.extras)):
                yield from _needed(canonicalize_name(needed.name), wanted, seen)


def license_of(package: Distribution) -> str:
    """Return the license as an SPDX expression where the metadata allows it, else as it is written there."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classified = [value.rpartition(" :: ")[2] for value in metadata.get_all("Classifier", []) if value.startswith("License :: ")]
    written = metadata["License"].strip() if "License" in metadata else ""
    if _EXPRESSION.fullmatch(written):
        return written
    texts = [text for text in classified if text != "OSI Approved"] or [written.splitlines()[0] if written else "unknown"]
    return " AND ".join(_SPDX.get(text.lower(), text) for text in texts)


def read(text: str) -> dict[str, tuple[str, str]]:
    """Return the packages that a list written by render() has."""
    rows = re.findall(r"^\| ([a-z0-9-]+) \| ([^|]+) \| ([^|]+) \|$", text, re.MULTILINE)
    return {name: (license.strip(), by.strip()) for name, license, by in rows if name != "package"}


def render(packages: dict[str, tuple[str, str]]) -> str:
    """Return the list as Markdown."""
    return _HEAD + "".join(f"| {name} | {license} | {by} |\n" for name, (license, by) in sorted(packages.items()))


if __name__ == "__main__":
    FILE.write_text(render(collect()), "utf-8")
