"""Errors that an application can handle: each has an SQLSTATE and a stable name, and is in docs/reference/errors.md."""

import os
import re

import pytest

from chatschema import raised
from chatschema.raised import catalog
from tests.support.cli import Cli
from tests.support.database import Database

ERRORS = raised.packaged()


def test_the_file_is_what_the_catalog_has(migrated: Database) -> None:
    with migrated.connect() as connection:
        found = raised.text(catalog.read(connection))
    if os.environ.get("CHATSCHEMA_WRITE_GOLDEN"):
        raised.path().write_text(found)
    assert raised.path().read_text() == found, "run: make schema, then make docs-cli"


def test_every_raise_of_a_function_has_a_known_sqlstate_and_a_name(migrated: Database) -> None:
    """A function without them is named; a raise in another form would not be found by the pattern."""
    with migrated.connect() as connection:
        bodies = migrated.all(
            "select prosrc from pg_proc where pronamespace = 'chatschema'::regnamespace and prosrc ~* '\\mraise\\M'"
        )
        raises = [line for (body,) in bodies for line in body.splitlines() if re.match(r"\s*raise\b", line)]
        assert len(raises) > 60
        assert all(line.strip().startswith("raise exception '") for line in raises)
        connection.execute(
            "create function chatschema.unnamed() returns void language plpgsql as $$ begin\n"
            "raise exception 'no' using errcode = 'check_violation';\nend $$"
        )
        with pytest.raises(catalog.Unnamed, match=r"unnamed\(\): the error 'no'"):
            catalog.read(connection)


def test_every_error_has_a_cause_and_an_action() -> None:
    for error in ERRORS:
        assert error.cause, error
        assert error.action.endswith((".", ")", "`")), error
    known = {error.name for error in ERRORS} | {error.sqlstate for error in ERRORS} | {"restrict"}
    for section in raised._actions().values():
        assert section.keys() <= known


def test_the_command_explains_a_constraint_also_of_a_month_and_an_sqlstate(cli: Cli) -> None:
    plain = cli("explain", "users_username_key")
    assert plain.code == 0
    assert plain.out.startswith(
        'users_username_key: 23505 on public.users: duplicate key value violates unique constraint "users_username_key".'
    )
    assert "Answer that the name is taken." in plain.out
    assert "the request is a retry" in cli("explain", "messages_y2026m11_pkey").out
    assert "messages_require_sender" in cli("explain", "23503").out
    assert cli("explain", "40001", "--json").json()["fix"] == "Roll back and repeat the whole transaction."
    assert cli("explain", "no_such_check").code == 2
