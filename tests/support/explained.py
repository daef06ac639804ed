"""How many statements a command sends, counted by the server."""

from collections.abc import Callable

from tests.support.database import Database


def statements(database: Database, work: Callable[[], object]) -> int:
    """Return how many statements the database executed for others while `work` ran."""
    database.run("create extension if not exists pg_stat_statements")
    of_database = "(select oid from pg_database where datname = current_database())"
    database.run(f"select pg_stat_statements_reset(0, {of_database}, 0)")
    work()
    count: int = database.one(
        f"select sum(calls)::bigint from pg_stat_statements where dbid = {of_database} and query not like '%pg_stat_statements%'"
    )
    return count
