"""The splitter against PostgreSQL's own lexer and parser (libpg_query), on SQL that nobody has thought of."""

import os
import re
from collections.abc import Iterator

import postgast
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatschema import statements
from chatschema.statements import Statements

EXAMPLES = 5000 if os.environ.get("CHATSCHEMA_TEST_FULL") else 150
COMMENTS = st.sampled_from([" ", "\n", " -- a; 'b\n", " /* a; ' */ ", " /* a /* b; $$ */ c; */ ", "\t", "--;\r", "\f"])
LITERALS = st.sampled_from(
    ["1", "-1", "2-1", "3/2", "2 *-1", "1.5e3", "'a;b'", "'a''b;'", r"'a\'", r"E'a\';b'", r"e'\\'", "E'a'\n'b;'", "E'a'\n'\\';b'", "'a'\n'b;'",
     "$$a;b$$", "$x$ $$;$$ $x$", "$x$ $y$;$x$", "U&'d;a'", "B'1'", "X'1f'", '"a;b"', '"a""b;"', "a$b$c", "größe", '"gr;öße"', "case when true then 1 end",
     "(select 1)", "(select (2))", "coalesce(1, ';')", "x.case", "x.end", 'x."end"', "interval '1;'", "array[1, 2]", "'a'::text", "N'a;'", "1 /*;*/ + 2"]
)  # fmt: skip
ALIASES = st.sampled_from(['1 as "begin;"', "2 as end", "3 AS case", "4 as atomic"])
SELECT = st.builds(
    lambda gap, values: f"select{gap}{', '.join(values)}", COMMENTS, st.lists(st.one_of(LITERALS, ALIASES), min_size=1, max_size=4)
)
INSERT = st.builds(lambda values: f"insert into t values ({'), ('.join(values)})", st.lists(LITERALS, min_size=1, max_size=4))
BODY = st.lists(
    st.one_of(SELECT, INSERT, st.just("update t set a = case when b then 1 else 2 end where case when c then d end")), max_size=3
)
ROUTINE = st.builds(
    lambda head, gap, body: f"{head}{gap}begin atomic {''.join(s + '; ' for s in body)}end",
    st.sampled_from(["create function f() returns int", "create or replace procedure p(begin int)", "CREATE/**/FUNCTION f(a int default 1) RETURNS table (atomic int)"]),
    COMMENTS, BODY,
)  # fmt: skip
OTHER = st.sampled_from(
    ['create table t (begin int, atomic int, "end" int)', "create view v as select begin atomic from t", "do $$ begin perform 1; end $$",
     "create rule r as on insert to t do (insert into u values (1); select 2)", "create function f() returns int language sql as $f$ select 1; $f$",
     "create function f() returns int language plpgsql as 'begin return 1; end'", "create function f() returns int return 1", "commit", "set a to b",
     "create trigger r after insert on t execute function f()", "comment on table t is E'it\\'s; a'", "prepare p as select $1", "create schema s create table t (a int)"]
)  # fmt: skip
STATEMENT = st.one_of(SELECT, INSERT, ROUTINE, OTHER)
BETWEEN = st.builds(lambda *parts: "".join(parts), COMMENTS, st.sampled_from([";", ";;", "; ;"]), COMMENTS)
SCRIPTS = st.lists(st.tuples(STATEMENT, BETWEEN), max_size=6).map(lambda parts: "".join(a + b for a, b in parts))


def ours(sql: str) -> list[str]:
    return [statement.text for statement in Statements(sql.encode())]


@pytest.fixture(scope="module", autouse=True, params=[True, False], ids=["possessive groups", "plain groups"])
def patterns(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both forms of the patterns, where this Python has both: 3.11.0 to 3.11.4 have only the second."""
    before = statements._HAS_POSSESSIVE_GROUPS
    if request.param and not before:
        pytest.skip("possessive groups match wrongly before Python 3.11.5")
    statements._HAS_POSSESSIVE_GROUPS = request.param
    statements._compiled.cache_clear()
    yield
    statements._HAS_POSSESSIVE_GROUPS = before
    statements._compiled.cache_clear()


@settings(max_examples=EXAMPLES, deadline=None)
@given(SCRIPTS)
def test_scripts_are_split_as_the_parser_splits_them(sql: str) -> None:
    # The oracle's texts begin with the comments before them, which belong to none of ours.
    theirs = [ours(text) for text in postgast.split(sql)]
    assert [len(found) for found in theirs] == [1] * len(theirs)
    assert ours(sql) == [found[0] for found in theirs]


@settings(max_examples=3 * EXAMPLES, deadline=None)
@given(st.text(alphabet="'\"$;-/*\\eEa1_ \n.ü+", max_size=40))
def test_any_text_is_split_where_the_lexer_sees_a_semicolon(sql: str) -> None:
    # The server continues E'...' after a comment; libpg_query, whose lexer makes tokens of comments, does not.
    assume(not re.search(r"[eE]'.*--", sql, re.DOTALL))
    content = sql.encode()
    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError:
        assume(False)
    starts: list[int] = []
    ends: list[int] = []
    for token in tokens:
        kind = postgast.pg_query_pb2.Token.Name(token.token)
        if kind == "ASCII_59":
            ends += [token.start] * (len(starts) > len(ends))
        elif not kind.endswith("COMMENT") and len(starts) == len(ends):
            starts.append(token.start)
    ends += [len(content)] * (len(starts) > len(ends))
    expected = [content[start:end].decode().rstrip(" \t\n\r\f\v") for start, end in zip(starts, ends, strict=True)]
    assert ours(sql) == expected
