"""A database with a query that is worth an index, and its place in the report on queries."""

from tests.support.cli import Cli, Result
from tests.support.database import Database

BY_OWNER = "select * from notes where owner = $1 order by at desc limit $2"
NOTES = """
create table notes (id bigserial primary key, owner int, kind text, body text, at timestamptz default now());
insert into notes (owner, kind, body) select g % 4000, 'k' || g % 3, md5(g::text) from generate_series(1, 40000) as g;
vacuum analyze notes;
create extension pg_stat_statements;
create view statements as select * from pg_stat_statements where dbid = (select oid from pg_database where datname = current_database());
select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)"""


def keep_busy(database: Database) -> None:
    """Let the database's statistics have one query that reads 40,000 rows to find ten."""
    for statement in NOTES.split(";"):
        database.run(statement)
    ask(database, "select * from notes where owner = %s order by at desc limit %s", 7, 10)


def ask(database: Database, query: str, *params: object) -> None:
    """Run a query until it has taken the 60 ms from which on it is worth an index."""
    key = query.partition("%s")[0] + "%"
    with database.connect() as connection:
        for _ in range(1000):
            for _ in range(10):
                connection.execute(query.encode(), params)
            row = connection.execute("select sum(total_exec_time) from statements where query like %s", (key,)).fetchone()
            if row and row[0] and row[0] > 60:
                return
    raise AssertionError("the query is too fast to be advised on")


def number(cli: Cli, database: Database, beginning: str) -> str:
    """Return the place of a query in the report."""
    rows = cli("report", "queries", "--json", "--url", database.url).json()["reports"][0]["rows"]
    return str(next(row["n"] for row in rows if row["query"].startswith(beginning)))


def explain(cli: Cli, database: Database, beginning: str, *options: str) -> Result:
    """Explain a query by how it begins; among the short ones it may have another place a moment later."""
    for _ in range(10):
        result = cli("report", "queries", "--explain", number(cli, database, beginning), *options, "--url", database.url)
        if beginning in (result.out + result.err).replace('\\"', '"'):
            break
    return result
