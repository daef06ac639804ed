"""chatschema cluster check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from chatschema.cli import console, options, session
from chatschema.errors import ExitCode

if TYPE_CHECKING:
    from chatschema.cluster.check import Checked
    from chatschema.cluster.obstacles import Obstacle


def check(json: options.Json = False, url: options.Url = None) -> None:
    """List what stands in the way of Citus: objects of the database and statements of the application. Reads only.

    What chatschema cluster distribute changes by itself is left out. Statements come from pg_stat_statements, and need
    chatschema[lint]. Exits with 3 if there is a finding.
    """
    from chatschema.cluster import check as checking

    with session.connected(session.settings(url), writes=False) as (_, connection):
        found = checking.check(connection)
    if json:
        console.as_json(found)
    else:
        _print(found)
    if found.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def _print(found: Checked) -> None:
    for one in found.findings:
        console.paragraph(f"{one.code}: {_shown(one)}")
        console.paragraph(one.reason, indent=2)
        console.paragraph(f"do: {one.do}", indent=2)
    read = console.count(found.statements, "statement")
    if found.findings:
        console.answer()
        console.answer(f"{console.count(len(found.findings), 'finding')}; {read} on the tables were read")
    else:
        found_nothing = "nothing in the way was seen" if found.unseen else "nothing stands in the way"
        console.answer(f"{found_nothing}; {read} on the tables were read")
    for missing in found.unseen:
        console.note(f"not seen: {missing.what}: {missing.why}" + (f"\nhint:  {missing.hint}" if missing.hint else ""))


def _shown(one: Obstacle) -> str:
    if one.calls is None:
        return one.object
    from chatschema import units

    return f"{one.object} ({console.count(one.calls, 'call')}, {units.duration(one.total_ms or 0)})"
