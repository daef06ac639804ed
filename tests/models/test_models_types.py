"""A table with every type: what is read is of the type that the models declare, can be written back as it is, and is the same."""

import importlib.util
import types
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range

from tests.support.cli import Result, run_cli
from tests.support.database import Database
from tests.support.every_type import ALL, MADE, REFUSED, differing, without
from tests.support.modelled import FILES

Models = Callable[..., Result]


@pytest.fixture
def models(typed: Database, tmp_path: Path) -> Models:
    return lambda target, *arguments: run_cli("models", "--for", target, *arguments, "--url", typed.url, cwd=tmp_path)


def is_of(kind: Any, value: Any) -> bool:  # noqa: PLR0911 # one line a form of a hint
    """Return whether a value is of a type hint."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return True
    if origin is typing.NotRequired:
        return is_of(arguments[0], value)
    if origin in (typing.Union, types.UnionType):
        return any(is_of(one, value) for one in arguments)
    if origin is typing.Literal:
        return value in arguments
    if origin is list:
        return isinstance(value, list) and all(is_of(arguments[0], one) for one in value)
    if origin is Range:
        return isinstance(value, Range) and all(bound is None or is_of(arguments[0], bound) for bound in (value.lower, value.upper))
    if origin is Multirange:
        return isinstance(value, Multirange) and all(is_of(Range[arguments[0]], one) for one in value)  # type: ignore[valid-type]
    return type(value) is kind


def loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("every_rows", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_psycopg_returns_what_python_declares_and_takes_it_back(typed: Database, models: Models, tmp_path: Path) -> None:
    assert models("python", "--out", "rows.py").code == 0
    module = loaded(tmp_path / "rows.py")
    # A type checker imports these; the file alone needs no package.
    names = {"Range": Range, "Multirange": Multirange, "Json": str, "Jsonb": Jsonb}
    hints, new = (
        typing.get_type_hints(kind, {**vars(module), **names}, include_extras=True)
        for kind in (module.EveryType, module.NewEveryType)
    )
    with psycopg.connect(typed.url, autocommit=True, row_factory=dict_row) as connection:
        row = connection.execute("select * from public.every_types").fetchone()
        assert row
        assert list(row) == list(hints) == [name for name, _, _ in ALL]
        assert {name: (row[name], hint) for name, hint in hints.items() if not is_of(hint, row[name])} == {}
        again = {
            **row,
            "c_json": Jsonb(row["c_json"]),
            "c_jsonb": Jsonb(row["c_jsonb"]),
            "a_jsonb": [Jsonb(one) for one in row["a_jsonb"]],
        }
        assert {name for name in hints if name not in new} == {"id", "doubled"}
        assert {name: again[name] for name, hint in new.items() if not is_of(hint, again[name])} == {}
        written = [name for name in new if name not in MADE]
        insert = sql.SQL("insert into public.every_types ({}) values ({})").format(
            sql.SQL(", ").join(map(sql.Identifier, written)), sql.SQL(", ").join([sql.Placeholder()] * len(written))
        )
        connection.execute(insert, [again[name] for name in written])
    assert differing(typed) == set()


@pytest.mark.parametrize("target", FILES)
def test_a_column_that_a_target_would_get_wrong_is_refused_by_name(models: Models, target: str) -> None:
    left_out: list[str] = []
    for _ in range(4):
        done = models(target, *without(*left_out))
        if done.code == 0:
            break
        assert done.code == 2, done.err
        assert done.err.startswith("error[models.unsupported]: ")
        assert not done.out
        found = [
            name for name in REFUSED[target] if f"every_types.{name}" in done.err.partition("hint")[0] and name not in left_out
        ]
        assert found
        assert all(f"--without every_types.{name}" in done.err.replace("'", "") for name in found)
        left_out += found
    assert sorted(left_out) == sorted(REFUSED.get(target, ()))
    assert done.code == 0
    for line in done.out.splitlines():
        assert line.isprintable() or "\t" in line
    # The text of a comment ends no comment.
    assert "Its second line" in done.out
    assert "A comment with */" not in done.out or target in ("python", "prisma")
    if left_out:
        assert f"Left out: {', '.join(left_out)}." in done.out
    if target == "prisma":
        unread = done.err.partition("note: Prisma's client cannot read these columns of every_types: ")[2]
        assert {"c_char", "c_composite"} <= set(unread.split())
        assert "c_uuid" not in unread
