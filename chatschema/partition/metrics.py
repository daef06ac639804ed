"""The state of the months as OpenMetrics text (https://prometheus.io/docs/specs/om/open_metrics_spec/), for alerting."""

from collections import Counter
from collections.abc import Iterable, Sequence

from chatschema.models import Month, Partition, Runway


def text(survey: Sequence[Partition], runways: Iterable[Runway], gaps: Sequence[Month]) -> str:
    """Return one exposition, its end marker included; pure."""
    lines = _family("chatschema_partition_runway_days", "Days until the months made ahead run out.")
    lines += [_sample("chatschema_partition_runway_days", runway.days, table=runway.parent) for runway in runways]
    lines += _family("chatschema_partitions", "Month tables by state; those in archived and dropped are gone.")
    states = Counter((p.parent, p.state) for p in survey)
    for table in dict.fromkeys(p.parent for p in survey):
        for state in ("attached", "detach pending", "detached", "archived", "dropped"):
            lines.append(_sample("chatschema_partitions", states[table, state], table=table, state=state))
    lines += _family("chatschema_partition_gaps", "Periods between months in which a table has no partition.")
    missing = Counter(gap.parent for gap in gaps)
    lines += [
        _sample("chatschema_partition_gaps", missing[table], table=table) for table in dict.fromkeys(p.parent for p in survey)
    ]
    lines += _family("chatschema_partition_held", "Months with messages under a hold.")
    lines.append(_sample("chatschema_partition_held", len({p.lower for p in survey if p.is_held})))
    lines += _family(
        "chatschema_partition_bytes", "Size of the month tables, indexes included; locked ones left out.", unit="bytes"
    )
    sizes = Counter[str]()
    for p in survey:
        sizes[p.parent] += p.bytes or 0
    lines += [_sample("chatschema_partition_bytes", size, table=table) for table, size in sizes.items()]
    return "\n".join([*lines, "# EOF"])


def _family(name: str, help: str, unit: str = "") -> list[str]:
    return [f"# TYPE {name} gauge", *([f"# UNIT {name} {unit}"] if unit else []), f"# HELP {name} {help}"]


def _sample(name: str, value: float, **labels: str) -> str:
    joined = ",".join(f'{key}="{text}"' for key, text in labels.items())
    return f"{name}{{{joined}}} {value}" if joined else f"{name} {value}"
