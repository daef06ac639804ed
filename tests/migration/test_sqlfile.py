"""The statement splitter, on what others get wrong."""

from pathlib import Path

import pytest

from chatschema import sqlfile
from chatschema.errors import ChatschemaError
from chatschema.statements import Statements


def texts(sql: str) -> list[str]:
    return [statement.text for statement in Statements(sql.encode())]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select 1; select 2", ["select 1", "select 2"]),
        ("select 1;", ["select 1"]),
        ("", []),
        (" \n ;; \n", []),
        ("-- only a comment\n/* and another; */", []),
        (r"select 'a\'; select 2;", [r"select 'a\'", "select 2"]),
        (r"select E'a\'; select 2'; select 3", [r"select E'a\'; select 2'", "select 3"]),
        ("select 'it''s; one'; select 2", ["select 'it''s; one'", "select 2"]),
        ('select "a;b" from "c""d;"; select 2', ['select "a;b" from "c""d;"', "select 2"]),
        ("create table t (begin int, declare int, atomic int); select 2", ["create table t (begin int, declare int, atomic int)", "select 2"]),
        ("/* a /* b; */ c; */ select 1; select 2", ["select 1", "select 2"]),
        ("select $$a; b$$; select $x$ $$;$$ $x$; select 3", ["select $$a; b$$", "select $x$ $$;$$ $x$", "select 3"]),
        ("select a$b$c; select 2", ["select a$b$c", "select 2"]),
        ("select $1; select 2", ["select $1", "select 2"]),
        ("create rule r as on insert to t do (insert into u values (1); select 2); select 3",
         ["create rule r as on insert to t do (insert into u values (1); select 2)", "select 3"]),
        ("create function f() returns int begin atomic select 1; select case when true then 1 end; end; select 2",
         ["create function f() returns int begin atomic select 1; select case when true then 1 end; end", "select 2"]),
        ("select 'ünï;cödé'; select größe from \"tä;ble\"", ["select 'ünï;cödé'", 'select größe from "tä;ble"']),
        ("select 1 -- a; comment\n, 2; select 3", ["select 1 -- a; comment\n, 2", "select 3"]),
        ("123; select 1", ["123", "select 1"]),
        ("select 1;\n-- the end", ["select 1"]),
    ],
)  # fmt: skip
def test_split(sql: str, expected: list[str]) -> None:
    assert texts(sql) == expected


def test_every_statement_knows_its_line() -> None:
    sql = "-- head\n\nselect 1;\n\n  select\n2;\nselect $$\n;\n$$;select 4"
    assert [statement.line for statement in Statements(sql.encode())] == [3, 5, 7, 9]


def test_ten_thousand_statements_take_no_second() -> None:
    assert len(texts("insert into t values (1, 'a;b');\n" * 10_000)) == 10_000


def test_bom_crlf_and_trailing_blanks_do_not_change_the_checksum(tmp_path: Path) -> None:
    plain, odd = tmp_path / "a.sql", tmp_path / "b.sql"
    plain.write_bytes(b"-- t: a table.\nselect 1;\nselect 2;\n")
    odd.write_bytes(b"\xef\xbb\xbf-- t: a table.  \r\nselect 1;\r\nselect 2;\r\n\r\n")
    assert sqlfile.read(plain).checksum == sqlfile.read(odd).checksum
    assert sqlfile.read(odd).title == "t: a table."
    assert [s.text for s in sqlfile.read(odd).statements] == ["select 1", "select 2"]


@pytest.mark.parametrize(
    ("header", "transactional"),
    [
        ("-- x: y.\n", True),
        ("-- transactional: false\n", False),
        ("/* a licence\n   of two lines */\n-- Transactional: FALSE  \n", False),
        ("select 0;\n-- transactional: false\n", True),
    ],
)
def test_the_header_decides_about_the_transaction(tmp_path: Path, header: str, transactional: bool) -> None:
    path = tmp_path / "m.sql"
    path.write_text(header + "select 1;")
    assert sqlfile.read(path).is_transactional is transactional


@pytest.mark.parametrize("line", ["-- transactional: no", "-- transactional: false -- why", "-- depends: other"])
def test_a_directive_that_is_not_understood_is_an_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "m.sql"
    path.write_text(f"{line}\nselect 1;")
    with pytest.raises(ChatschemaError):
        sqlfile.read(path)


def test_a_file_that_is_not_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.sql"
    path.write_bytes(b"select '\xff\xfe';")
    with pytest.raises(ChatschemaError, match="not UTF-8"):
        sqlfile.read(path)
