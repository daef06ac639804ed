"""Metrics as text for Prometheus and its collectors: OpenMetrics, and also valid in the older text format by promtool's rules.

https://prometheus.io/docs/specs/om/open_metrics_spec/, https://prometheus.io/docs/instrumenting/exposition_formats/
"""

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

Labels = dict[str, str]


@dataclass(frozen=True, slots=True)
class Family:
    """A metric: its name, its help, and its samples: labels and value. A name ends with its unit; a counter's gets _total."""

    name: str
    help: str
    samples: Sequence[tuple[Labels, float]]
    is_counter: bool = False


def text(families: Iterable[Family], database: str) -> str:
    """Return one exposition, its end marker included: every sample is labelled with the database; pure."""
    return "\n".join([*(line for family in families for line in _lines(family, database)), "# EOF\n"])


def name(words: str) -> str:
    """Return the words as the name of a metric or label."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", words)


def _lines(family: Family, database: str) -> Iterator[str]:
    """Yield the family's lines. A counter has the name of its samples, which is the older format's rule."""
    if not family.samples:
        return
    name = f"{family.name}_total" if family.is_counter else family.name
    unit = next((unit for unit in ("bytes", "seconds", "ratio") if name.endswith(f"_{unit}")), "")
    yield f"# TYPE {name} {'counter' if family.is_counter else 'gauge'}"
    if unit:
        yield f"# UNIT {name} {unit}"
    yield f"# HELP {name} {_escaped(family.help)}"
    for labels, value in family.samples:
        yield _sample(name, value, {"database": database, **labels})


def _sample(name: str, value: float, labels: Labels) -> str:
    joined = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = str(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return f"{name}{{{joined}}} {number}"


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
