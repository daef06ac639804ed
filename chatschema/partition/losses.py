"""Finding lost parts of months: a table that was dropped by hand, an archive that was removed. Reads only."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chatschema.errors import ChatschemaError
from chatschema.partition import catalog, grid, retired_months
from chatschema.partition.archive import manifest
from chatschema.partition.create import statement
from chatschema.partition.grid import SCHEMA
from chatschema.partition.values import RetiredMonth
from chatschema.postgres import Connection
from chatschema.values import Month

_DETACHED = ("detaching", "detached")


@dataclass(frozen=True, slots=True)
class Archives:
    """Recorded archives: findings about those that this host should have, and the folders that it cannot reach."""

    findings: list[str]
    unseen: list[str]


def tables(there: Collection[Month], parents: Sequence[str], records: Mapping[datetime, RetiredMonth]) -> list[str]:
    """Return findings about months that were detached and have lost a table, or both; pure."""
    present = {(month.parent, month.lower) for month in there}
    found = []
    for month, record in records.items():
        if record.state not in _DETACHED:
            continue
        missing = [grid.month(parent, month) for parent in parents if (parent, month) not in present]
        if missing:
            names = "its tables" if len(missing) == len(parents) else ", ".join(one.name for one in missing)
            verb = "are" if len(missing) > 1 else "is"
            found.append(f"{month:%Y-%m} was detached, but {names} {verb} missing from schema {SCHEMA}; {_way_back(record)}")
    return found


def _way_back(record: RetiredMonth) -> str:
    if record.archive:
        return f"load its archive: chatschema partition restore {record.month:%Y-%m}"
    return "restore it from a backup: no archive is recorded"


def refuse_half(connection: Connection, lower: datetime, there: Sequence[Month], record: RetiredMonth | None) -> None:
    """Raise ChatschemaError where a detached month lacks a table: an archive or a drop would not be of the whole month."""
    if record is None or record.state not in _DETACHED:
        return
    found = {month.parent for month in there}
    missing = [grid.month(parent, lower) for parent in catalog.parents(connection) if parent not in found]
    if there and missing:
        names = ", ".join(month.name for month in missing)
        raise ChatschemaError(
            f"{lower:%Y-%m} was detached, but {names} is missing from schema {SCHEMA}; {lower:%Y-%m} was not changed",
            _how_to_complete(connection, lower, there, missing, record),
            code="partition.table-missing",
        )


def _how_to_complete(
    connection: Connection,
    lower: datetime,
    there: Sequence[Month],
    missing: Sequence[Month],
    record: RetiredMonth,
) -> str:
    if record.archive and (Path(record.archive) / manifest.NAME).exists():
        moved = "; ".join(f"alter table {SCHEMA}.{month.name} set schema public" for month in there)
        return f"to load the archive, move the other table away: {moved}; then: chatschema partition restore {lower:%Y-%m} --force"
    files = ("create_table.sql", "add_bounds_check.sql")
    texts = [statement(file, month).as_string(connection) for month in missing for file in files]
    lines = [" ".join(line for line in text.splitlines() if not line.startswith("--")) for text in texts]
    return f"restore it from a backup; if its rows are lost, continue with an empty table: {'; '.join(lines)}"


def archives(records: Mapping[datetime, RetiredMonth], own: Path) -> Archives:
    """Return which recorded archives of dropped months are not where they were written; looks for their manifests only.

    `own` is the policy's folder of archives: an archive that is not there is missing. Another folder that does not exist on
    this host belongs to another host.
    """
    result = Archives([], [])
    for record in records.values():
        if record.state != "dropped" or record.archive is None:
            continue
        folder = Path(record.archive)
        if (folder / manifest.NAME).exists():
            continue
        if folder.parent.exists() or folder.parent == own.absolute():
            result.findings.append(
                f"the archive of {record.month:%Y-%m}, which was dropped, is missing: {folder / manifest.NAME} does not exist; "
                f"restore the folder from a backup, then: chatschema partition verify-archives {record.month:%Y-%m}"
            )
        else:
            result.unseen.append(f"{folder}")
    return result


def findings(connection: Connection, own: Path) -> Archives:
    """Return which tables and which archives are missing."""
    records = retired_months.read(connection)
    there = [*catalog.months(connection), *catalog.detached(connection)]
    looked = archives(records, own)
    return Archives([*tables(there, catalog.parents(connection), records), *looked.findings], looked.unseen)
