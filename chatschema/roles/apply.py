"""Restoring what sql/roles/ declares: roles in the cluster, then all grants, then the policies table by table."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from chatschema import postgres
from chatschema.errors import ServerError
from chatschema.postgres import Connection, Say, locks
from chatschema.roles import check
from chatschema.roles.values import Finding, Grant
from chatschema.values import Patience

REFUSED, _EXISTS, UNDEFINED = "42501", "42710", "42704"
# The first pass may create a function again whose grants the second one restores.
_PASSES = 3
_LOCKING = re.compile(
    r"(?:create|alter|drop) (?:policy|trigger) .*? on (\S+)|alter table (?:only )?(\S+)", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, and the findings that remain: refused by the server, or for the DBA to decide."""

    done: tuple[Finding, ...]
    refused: tuple[Finding, ...]
    remaining: tuple[Finding, ...]


def is_needed(findings: Iterable[Finding]) -> bool:
    """Return whether apply() would try anything about these findings."""
    return any(one.scope != "dba" for one in findings)


def apply(
    connection: Connection,
    prefix: str,
    declared: Iterable[Grant],
    record: Callable[[Sequence[Finding]], None],
    *,
    patience: Patience = locks.DDL,
    say: Say | None = None,
) -> Outcome:
    """Correct every finding that this role may correct; `record` is called at the end of each transaction, with what it changed.

    The caller holds the migration lock. Raises Busy and ServerError.
    """
    extra = list(declared)
    done: list[Finding] = []
    refused: dict[tuple[str, ...], Finding] = {}
    for _ in range(_PASSES):
        found = [one for one in check.findings(connection, prefix, extra) if one.statements not in refused]
        of_cluster = [one for one in found if one.scope == "cluster"]
        for finding in of_cluster:
            if _alone(connection, finding):
                done.append(finding)
            else:
                refused[finding.statements] = finding
        # Grants to a role that does not exist would fail all others.
        missing = {one.object for one in refused.values() if one.code == "roles.missing-role"}
        wanted = [one for one in found if one.scope == "database"]
        blocked = [one for one in wanted if any(f" {role}" in " ".join(one.statements) for role in missing)]
        refused |= {one.statements: one for one in blocked}
        wanted = [one for one in wanted if one not in blocked]
        # A table a transaction: one that holds several would wait for clients that wait for it.
        for _, group in groupby(sorted(wanted, key=_table_of), key=_table_of):
            done += _together(connection, [*group], refused, record, patience, say)
        if not of_cluster and not wanted:
            break
    remaining = [one for one in check.findings(connection, prefix, extra) if one.statements not in refused]
    return Outcome(tuple(done), tuple(refused.values()), tuple(remaining))


def _table_of(finding: Finding) -> str:
    """Return the table that the statements of a finding lock against readers, "" for grants and functions, which lock none."""
    found = _LOCKING.match(finding.statements[0])
    return next(filter(None, found.groups())) if found else ""


def _alone(connection: Connection, finding: Finding) -> bool:
    """Run the statements of a finding about the cluster; return whether the server allowed them."""
    try:
        with postgres.transaction(connection):
            # The login may have been set to the owner's group, which creates no roles.
            postgres.execute(connection, "set local role none")
            for statement in finding.statements:
                postgres.execute_text(connection, statement)
    except ServerError as error:
        if error.sqlstate == _EXISTS:
            # Another database of the cluster got it in the same moment.
            return True
        # A membership in a role that the server refused to create.
        if error.sqlstate not in (REFUSED, UNDEFINED):
            raise
        return False
    return True


def _together(
    connection: Connection,
    wanted: list[Finding],
    refused: dict[tuple[str, ...], Finding],
    record: Callable[[Sequence[Finding]], None],
    patience: Patience,
    say: Say | None,
) -> list[Finding]:
    """Run the statements in one transaction; those that the server refuses are left out, and counted as refused."""
    done: list[Finding] = []

    def work() -> None:
        done.clear()
        for finding in wanted:
            try:
                with postgres.transaction(connection):
                    for statement in finding.statements:
                        postgres.execute_text(connection, statement)
            except ServerError as error:
                if error.sqlstate != REFUSED:
                    raise
                refused[finding.statements] = finding
            else:
                done.append(finding)
        record(done)

    locks.in_transaction(connection, work, patience, say=say)
    return done
