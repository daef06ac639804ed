"""Groups of findings: the finding of a cause comes first, and those that it explains come under it."""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from chatschema.report.result import STATUSES, Finding, Result, Severity


@dataclass(frozen=True, slots=True)
class Group:
    """A finding, and those that it explains. `severity` is the worst of them, as the cause is to blame for all."""

    finding: Finding
    explained: tuple[Finding, ...]
    is_acute: bool

    @property
    def severity(self) -> Severity:
        """The worst severity of the group."""
        return min((self.finding, *self.explained), key=lambda one: STATUSES.index(one.severity)).severity


def of_this_moment(results: Iterable[Result]) -> set[str]:
    """Return the names of the reports that look at this moment."""
    return {result.report for result in results if result.is_acute}


def groups(found: Sequence[Finding], acute: Container[str] = ()) -> list[Group]:
    """Return the findings as groups: worst first, among equals those of the `acute` reports first."""
    causes = _causes(found)
    explained: dict[int, list[Finding]] = defaultdict(list)
    for one in found:
        if root := causes.get(id(one)):
            explained[id(root)].append(one)
    made = [Group(one, tuple(explained[id(one)]), one.report in acute) for one in found if id(one) not in causes]
    return sorted(made, key=lambda group: (STATUSES.index(group.severity), not group.is_acute))


def _causes(found: Sequence[Finding]) -> Mapping[int, Finding]:
    """Return the finding that explains each explained one in the end, by id(): a cause may have a cause."""
    named = {cause: [one for one in found if _is_named(cause, one)] for cause in {one.cause for one in found if one.cause}}
    # The last of several: none is more of a cause than the others.
    nearest = {
        id(one): others[-1] for one in found if one.cause and (others := [other for other in named[one.cause] if other is not one])
    }
    causes: dict[int, Finding] = {}
    for one in found:
        last, seen = one, {id(one)}
        while (above := nearest.get(id(last))) and id(above) not in seen:
            last = above
            seen.add(id(above))
        if last is not one and id(last) not in nearest:
            causes[id(one)] = last
    return causes


def _is_named(cause: str, finding: Finding) -> bool:
    return finding.id == cause or finding.id.startswith((f"{cause}.", f"{cause}:"))
