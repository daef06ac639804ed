"""The state of the months as metrics, for alerting."""

from collections import Counter
from collections.abc import Iterable, Sequence

from chatschema import exposition
from chatschema.exposition import Family
from chatschema.partition.values import Partition, Runway
from chatschema.values import Month

_STATES = ("attached", "detach pending", "detached", "archived", "dropped")


def text(survey: Sequence[Partition], runways: Iterable[Runway], gaps: Sequence[Month], database: str) -> str:
    """Return one exposition, its end marker included; pure."""
    tables = list(dict.fromkeys(p.parent for p in survey))
    states = Counter[tuple[str, str]]((p.parent, p.state) for p in survey)
    missing = Counter(gap.parent for gap in gaps)
    sizes = Counter[str]()
    for p in survey:
        sizes[p.parent] += p.bytes or 0
    families = [
        Family(
            "chatschema_partition_runway_seconds", "Time until the months created ahead run out, in whole days.",
            [({"table": runway.parent}, runway.days * 86400) for runway in runways],
        ),
        Family(
            "chatschema_partitions", "Month tables by state; archived and dropped tables no longer exist.",
            [({"table": table, "state": state}, states[table, state]) for table in tables for state in _STATES],
        ),
        Family(
            "chatschema_partition_gaps", "Periods between months in which a table has no partition.",
            [({"table": table}, missing[table]) for table in tables],
        ),
        Family(
            "chatschema_partition_held", "Months with messages under a hold.", [({}, len({p.lower for p in survey if p.is_held}))]
        ),
        Family(
            "chatschema_partition_bytes", "Size of the month tables with their indexes, without locked tables.",
            [({"table": table}, size) for table, size in sizes.items()],
        ),
    ]  # fmt: skip
    return exposition.text(families, database)
