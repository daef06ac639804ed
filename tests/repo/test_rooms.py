"""The layout: few imports between the rooms of report/, no circle of imports, and no file that is too long."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

MOST = 20
LONGEST = 250
ROOMS = ("forms", "compare", "plans")
# Written by programs.
GENERATED = {"sql/schema.sql"}
# One file, so that an auditor can read and copy it alone.
ALONE = {"examples/verify_audit.py"}


def modules() -> dict[str, Path]:
    """Return the modules of the package, by dotted name."""
    found = {}
    for path in sorted((ROOT / "chatschema").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """Yield the modules of the package that a module imports anywhere in its text, also inside functions and for types."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{name}: a relative import is not counted"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in known or node.module in known:
                    yield inner if inner in known else str(node.module)


def graph() -> dict[str, set[str]]:
    """Return the imports of each module."""
    known = modules()
    return {name: set(imports(name, path, known)) - {name} for name, path in known.items()}


def room(module: str) -> str | None:
    """Return the room of report/ that the module is in."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["chatschema", "report"] and len(parts) > 2 and parts[2] in ROOMS else None


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Return the modules of one circle of imports, the first one again at the end; nothing without a circle."""
    done: set[str] = set()

    def visit(module: str, above: list[str]) -> list[str]:
        if module in above:
            return [*above[above.index(module) :], module]
        if module in done:
            return []
        found = next((one for inner in sorted(edges[module]) if (one := visit(inner, [*above, module]))), [])
        done.add(module)
        return found

    return next((found for module in edges if (found := visit(module, []))), [])


def test_few_imports_go_between_the_rooms_of_report() -> None:
    edges = graph()
    assert {room(module) for module in edges} - {None} == set(ROOMS), "a room without a module"
    between = sorted(
        (one, other) for one in edges for other in edges[one] if room(one) and room(other) and room(one) != room(other)
    )
    print(f"imports between the rooms of report/: {len(between)}")
    assert len(between) < MOST, between


def test_no_import_goes_in_a_circle() -> None:
    assert circle(graph()) == []


@pytest.mark.parametrize(
    ("edges", "found"),
    [({"a": {"b"}, "b": {"c"}, "c": {"b"}}, ["b", "c", "b"]), ({"a": {"b", "c"}, "b": {"c"}, "c": set()}, [])],
)
def test_a_circle_is_found(edges: dict[str, set[str]], found: list[str]) -> None:
    assert circle(edges) == found


def test_no_file_is_too_long() -> None:
    folders = ("chatschema", "sql", "seeds", "tests", "bench", "examples")
    files = [path for folder in folders for end in ("py", "sql") for path in (ROOT / folder).rglob(f"*.{end}")]
    # Dumps of released databases are not written by hand either.
    written = [path for path in files if not {"upgrades", "node_modules"} & set(path.parts)]
    assert len(written) > 100
    names = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in written}
    assert {name: count for name, count in names.items() if count > LONGEST and name not in GENERATED | ALONE} == {}
