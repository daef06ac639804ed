"""chatschema cluster advise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chatschema.cli import console, options, session

if TYPE_CHECKING:
    from chatschema.cluster.advice import Advice


def advise(json: options.Json = False, url: options.Url = None) -> None:
    """Show which step of scaling out is due, with the number behind each sentence. Reads only.

    The steps, cheapest first: a lower bound on the id, statuses by batch, retention, memory, a replica, Citus. No table is counted:
    the numbers are those of the catalog and of the statistics.
    """
    from chatschema.cluster import advice, measure

    with session.connected(session.settings(url), writes=False) as (live, connection):
        keep = live.policy.keep
        found = advice.advise(measure.measure(connection, keep.months + keep.days / 30.44 if keep else None))
    if json:
        console.as_json(found)
    else:
        _print(found)


def _print(found: Advice) -> None:
    console.answer(f"due: {', '.join(found.due)}" if found.due else "stay: no step is due")
    console.answer()
    if console.is_narrow():
        for step in found.steps:
            console.answer(f"{step.name}: {step.state}")
            console.paragraph(step.because, indent=2)
    else:
        console.table(("step", "", "because"), [(step.name, step.state, step.because) for step in found.steps])
    if found.due:
        console.answer()
    for step in found.steps:
        if step.state == "due":
            console.paragraph(f"{step.name}: {step.do}")
    for one in found.unseen:
        console.note(f"not seen: {one.what}: {one.why}" + (f"\nhint:  {one.hint}" if one.hint else ""))
