"""A protection that is turned, in a transaction that is rolled back, and the cells of the matrix that it can change."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

import psycopg

from tests.support.access import acting, page
from tests.support.access.acting import Cell
from tests.support.access.actions import Action
from tests.support.access.page import Row
from tests.support.access.reach import Touched, touched
from tests.support.access.structure import statements
from tests.support.access.world import LOGINS, World

LOGIN_OF = {group: login for login, group in LOGINS.items()}


@dataclass(frozen=True)
class Mutation:
    """Statements that weaken or break a protection: which one, None for any, and the group that it is about, "" for all."""

    name: str
    statements: tuple[str, ...]
    on: Touched | None = None
    group: str = ""

    @property
    def is_of_grants(self) -> bool:
        """Return whether it may allow what a missing grant refuses."""
        return self.on is None or self.statements[0].startswith(("grant", "revoke"))


@dataclass(frozen=True)
class Try:
    """A cell, all that it touches, and whether a missing grant refuses it before anything of that is asked."""

    cell: Cell
    touches: frozenset[Touched]
    is_without_grant: bool


def tries(world: World, connection: acting.Connection, rows: list[Row]) -> list[Try]:
    """Return the cells of the three tests of the matrix: rows, columns that are read, and the structure; each must end as the page says.

    What is refused and what is allowed take turns, since either may be the first to show a mutation.
    """
    found: tuple[list[Try], list[Try]] = ([], [])
    with connection.transaction(force_rollback=True):
        for cell in (*acting.cells(world, rows), *_columns(world), *_structure(world)):
            text = " ".join((cell.action.relation, cell.action.where, *cell.statements)).replace(
                world.month, f"{world.month} public.messages"
            )
            did, error = _outcome(connection, cell)
            assert acting.judged(cell, did, error) == [], cell.words
            said = error.diag.message_primary or "" if error and error.diag.context is None else ""
            is_without_grant = said.startswith(("permission denied", "must be owner"))
            found[did].append(Try(cell, touched(world, text), is_without_grant))
    return [one for pair in zip_longest(*found) for one in pair if one]


def _columns(world: World) -> Iterator[Cell]:
    for (table, group), (is_read, hidden) in page.columns().items():
        for column in acting.columns_of(world, f"public.{table}", is_written=False):
            # Without a column of a row that is not seen: whether it is allowed to be read.
            statement = f"select count({column}) + 1 from (select {column} from public.{table} limit 1) as t"
            yield Cell(
                LOGIN_OF[group], "", f"{group}: {table}: reads {column}", Action(f"public.{table}", "true"), "with where",
                (statement,), is_read and column not in hidden,
            )  # fmt: skip


def _structure(world: World) -> Iterator[Cell]:
    for login in LOGINS:
        for statement in statements(world):
            # The superuser who began the transaction may take any name again.
            if not re.search("session.authorization", statement):
                yield Cell(
                    login, "", f"{login}: {statement}", Action("public.users", "true"), "with where", (statement, "select 1"), False
                )


def reached(every: Iterable[Try], mutation: Mutation) -> list[Cell]:
    """Return the cells whose outcome a mutation can change."""
    login = LOGIN_OF.get(mutation.group, "")
    return [
        one.cell
        for one in every
        if (mutation.on is None or mutation.on in one.touches)
        and login in ("", one.cell.login)
        and (mutation.is_of_grants or not one.is_without_grant)
    ]


def _outcome(connection: acting.Connection, cell: Cell) -> tuple[bool, psycopg.Error | None]:
    """Try a cell as its login in the transaction of a superuser."""
    start = f"savepoint cell; set local session authorization {cell.login}"
    return acting.attempt(connection, cell, start, "rollback to savepoint cell; release savepoint cell")


def changed(connection: acting.Connection, mutation: Mutation, every: Iterable[Cell]) -> list[Cell]:
    """Turn the mutation in a transaction of a superuser, and return all cells that then end otherwise than the page says."""
    with connection.transaction(force_rollback=True):
        for statement in mutation.statements:
            connection.execute(statement.encode())
        return [cell for cell in every if acting.judged(cell, *_outcome(connection, cell))]


def noticed(connection: acting.Connection, mutation: Mutation, some: Iterable[Cell]) -> str:
    """Turn the mutation in a transaction of a superuser, and return the first of the cells that shows it, "" for none."""
    with connection.transaction(force_rollback=True):
        for statement in mutation.statements:
            connection.execute(statement.encode())
        for cell in some:
            if wrong := acting.judged(cell, *_outcome(connection, cell)):
                return wrong[0]
    return ""
