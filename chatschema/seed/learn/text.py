"""The text of a learned profile: numbers that follow from the noisy histograms, in the form of seeds/profiles/*.toml. Pure."""

from collections.abc import Mapping, Sequence

from chatschema.seed.bulk import bins
from chatschema.seed.learn.counts import EPSILON, MOST, QUESTIONS, Counts, certain

_ABOUT = f"""\
# Learned from a database by chatschema new profile: histograms with noise. No row, text, name or id is in it.
#
# Method: the discrete Laplace mechanism. One unit is one conversation with all that belongs to it, or one user account without its
# conversations: with and without it, this file comes out with probabilities that differ by a factor of at most e to the power of
# epsilon, which is {EPSILON} in all. A conversation counts once for its members and once for its messages, and for the rest as
# {MOST} messages at most. Parts of epsilon: {{parts}}.
# Left out, because the database has too few for the noise: {{left_out}}.
"""
_LISTS = 16


def text(counts: Counts) -> tuple[str, list[str]]:
    """Return the text of the profile, and the names of the histograms that are left out."""
    tables: dict[str, Mapping[str, int | list[int]]] = {
        "size": {**_size(counts)},
        "conversations": _conversations(counts),
        "rhythm": _rhythm(counts),
        "messages": _messages(counts),
        "statuses": {**_statuses(counts)},
    }
    left_out = [name for name in QUESTIONS if name not in ("conversations", "users") and _histogram(counts, name) is None]
    named = [f"{name} {question.epsilon / 100:.2f}" for name, question in QUESTIONS.items()]
    parts = ",\n# ".join(", ".join(named[place : place + 6]) for place in range(0, len(named), 6))
    about = _ABOUT.format(parts=parts, left_out=", ".join(left_out) or "nothing")
    return about + "".join(_table(name, values) for name, values in tables.items() if values), left_out


def _histogram(counts: Counts, name: str) -> tuple[int, ...] | None:
    above = {"members": certain(name), "sizes": certain(name), "months": certain(name), "replies": 3, "lengths": 3}
    found = counts.of(name, above=above.get(name, 0))
    # Of conversations without messages no seed can be made.
    return None if found and name in ("sizes", "lengths") and not any(found[1:]) else found


def _size(counts: Counts) -> dict[str, int]:
    conversations = min(max(counts.values["conversations"][0], 1), 10_000_000)
    users = min(max(counts.values["users"][0], 8), 10_000_000)
    result = {"users": users, "conversations": conversations}
    if sizes := _histogram(counts, "sizes"):
        drawn = min(conversations, 100_000)
        result = {"messages": max(sum(bins.quantiles(sizes, drawn)) * conversations // drawn, 1), **result}
    if months := _histogram(counts, "months"):
        seen = [place for place, value in enumerate(months) if value]
        result["months"] = seen[-1] - seen[0] + 1
    return result


def _conversations(counts: Counts) -> dict[str, int | list[int]]:
    result: dict[str, int | list[int]] = {}
    if members := _histogram(counts, "members"):
        groups = _short(members[1:])
        result["direct"] = _of(100, members[0], sum(members))
        if any(groups):
            result |= {"largest_group": max(len(groups), 3), "groups": groups}
    if sizes := _histogram(counts, "sizes"):
        result["sizes"] = _short(sizes)
    return result


def _rhythm(counts: Counts) -> dict[str, int | list[int]]:
    found = {name: _histogram(counts, name) for name in ("hours", "days")}
    # A profile has something at each hour.
    return {name: [max(_of(10_000, value, sum(values)), 1) for value in values] for name, values in found.items() if values}


def _messages(counts: Counts) -> dict[str, int | list[int]]:
    result: dict[str, int | list[int]] = {}
    if kinds := _histogram(counts, "kinds"):
        system, deleted, edited, file, plain = (kinds[place] + kinds[place + 5] for place in range(5))
        result = {
            "system": min(_of(1000, system, sum(kinds[5:])), 100),
            "edited": min(_of(1000, edited, sum(kinds)), 400),
            "deleted": min(_of(1000, deleted, sum(kinds)), 400),
            "files": _of(1000, file, file + plain),
        }
    if replies := _histogram(counts, "replies"):
        result["replies"] = _of(1000, sum(replies[1:]), sum(replies))
        if any(replies[1:]):
            result["distances"] = _short(replies[1:])
    if lengths := _histogram(counts, "lengths"):
        result["lengths"] = _short(lengths)
    return result


def _statuses(counts: Counts) -> dict[str, int]:
    statuses = _histogram(counts, "statuses")
    if not statuses:
        return {}
    read = statuses[1] + statuses[2]
    return {"read": _of(1000, read, sum(statuses)), "reactions": _of(1000, statuses[2], read)}


def _of(whole: int, part: int, total: int) -> int:
    """Return how many of `whole` the part is."""
    return round(whole * part / total) if total > 0 else 0


def _short(values: Sequence[int]) -> list[int]:
    """Return weights of at most 100000 in all, without zeros at the end."""
    total = max(sum(values), 1)
    weights = [_of(100_000, value, total) for value in values]
    while weights and not weights[-1]:
        weights.pop()
    return weights


def _table(name: str, values: Mapping[str, int | list[int]]) -> str:
    lines = [f"{key} = {value if isinstance(value, int) else _listed(value)}" for key, value in values.items()]
    return "\n".join(("", f"[{name}]", *lines, ""))


def _listed(values: Sequence[int]) -> str:
    if len(values) <= 24:
        return str(list(values))
    rows = [values[place : place + _LISTS] for place in range(0, len(values), _LISTS)]
    return "\n".join(("[", *(f"    {', '.join(map(str, row))}," for row in rows), "]"))
