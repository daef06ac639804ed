"""chatschema batch list."""

from chatschema import units
from chatschema.cli import console, options, session


def list_batches(json: options.Json = False, url: options.Url = None) -> None:
    """List the data migrations that run in batches, and how far each has come. Reads only."""
    from chatschema.migration.batch import record

    with session.connected(session.settings(url), writes=False) as (_, connection):
        found = record.all_of(connection)
    if json:
        console.as_json({"batches": found})
        return
    if not found:
        console.answer("no migration has run in batches")
        return
    rows = [
        (
            str(one.id), one.migration, one.table, one.state, f"{one.rows_done}",
            f"{one.rows_expected}" if one.rows_expected else "?", f"{one.rate or ''}", units.when(one.changed_at),
        )
        for one in found
    ]  # fmt: skip
    console.table(("id", "migration", "table", "state", "rows", "of about", "rows/s", "changed (UTC)"), rows, right=(0, 4, 5, 6))
