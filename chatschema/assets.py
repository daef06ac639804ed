"""The folders sql/ and seeds/: those of the checkout if run from one, otherwise the copies in the wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def sql_dir() -> Path:
    """Return the folder with migrations/ and partitions/."""
    return _find("sql")


def seeds_dir() -> Path:
    """Return the folder with the seeders."""
    return _find("seeds")


def is_packaged(folder: Path) -> bool:
    """Return whether the folder belongs to the installed package; the next installation replaces it."""
    return folder.resolve().is_relative_to(_PACKAGE)


def _find(name: str) -> Path:
    # An editable install also leaves a copy under _data; the checkout's own files are the ones being edited.
    if (_CHECKOUT / "pyproject.toml").is_file() and (_CHECKOUT / name).is_dir():
        return _CHECKOUT / name
    return _PACKAGE / "_data" / name
