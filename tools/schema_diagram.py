"""docs/images/schema.svg: the tables of the schema with their columns and references, from the catalog."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tools import svg

# Where a table stands: columns of the picture, from the top. One that is not named here goes where there is most room.
_PLACES = (
    ("users", "auth_sessions", "user_public_keys"),
    ("conversations", "conversation_participants", "attachments"),
    ("messages", "message_statuses", "audit_logs"),
)
# References that triggers keep: a foreign key to messages would pin whole months.
_BY_TRIGGER = (("messages", "reply_to_id"), ("message_statuses", "message_id"), ("attachments", "message_id"))
_COLOURS = {"users": "blue", "conversations": "green", "messages": "violet", "user_public_keys": "orange", "auth_sessions": "red"}
_WIDTH, _GUTTER, _ROW, _HEAD, _GAP, _LANE = 262, 62, 16, 24, 22, 9
_QUERY_COLUMNS = """
select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull
from pg_catalog.pg_class as c
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
order by c.relname, a.attnum
"""
_QUERY_REFERENCES = """
select k.conname::text, k.conrelid::regclass::text, a.attname::text, k.confrelid::regclass::text
from pg_catalog.pg_constraint as k
join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = k.conkey[1]
where k.contype = 'f' and k.connamespace = 'public'::regnamespace and k.conparentid = 0
order by k.conname
"""
_QUERY_KEYS = """
select k.conrelid::regclass::text, a.attname::text
from pg_catalog.pg_constraint as k
join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
where k.contype = 'p' and k.connamespace = 'public'::regnamespace and k.conparentid = 0
"""
_SHORT = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}


@dataclass(frozen=True)
class Reference:
    """A column that refers to another table; `name` is its foreign key, None where a trigger keeps it."""

    name: str | None
    table: str
    column: str
    target: str


@dataclass
class Card:
    """A table in the picture: its place, and its columns as (name, type, whether it is required)."""

    table: str
    place: int
    top: int
    columns: list[tuple[str, str, bool]] = field(default_factory=list)

    @property
    def left(self) -> int:
        """Return its left edge."""
        return _GUTTER + self.place * (_WIDTH + _GUTTER)

    @property
    def height(self) -> int:
        """Return its height."""
        return _HEAD + _ROW * len(self.columns) + 6

    def y(self, column: str) -> float:
        """Return the middle of the row of a column."""
        names = [name for name, _, _ in self.columns]
        return self.top + _HEAD + _ROW * (names.index(column) + 0.5) + 2


def draw(connection: Any) -> str:
    """Return the picture of the schema that the connection is to."""
    columns: dict[str, list[tuple[str, str, bool]]] = {}
    for table, name, kind, is_required in connection.execute(_QUERY_COLUMNS):
        columns.setdefault(table, []).append((name, _SHORT.get(kind, kind), is_required))
    references = [Reference(*row) for row in connection.execute(_QUERY_REFERENCES)]
    references += [Reference(None, table, column, "messages") for table, column in _BY_TRIGGER]
    keys = {(table, column) for table, column in connection.execute(_QUERY_KEYS)}
    targets = sorted({one.target for one in references}, key=lambda name: list(_COLOURS).index(name) if name in _COLOURS else 99)
    top = 30 + _LANE * len(targets) + 14
    cards = _placed(columns, top)
    body = [line for card in cards.values() for line in _card(card, references, keys)]
    lines = [line for number, target in enumerate(targets) for line in _lines(cards, references, target, number)]
    height = max(card.top + card.height for card in cards.values()) + 34
    legend = (
        "Solid: foreign keys. Dashed: references that triggers keep. Bold: primary key. A dot before the type: null is allowed."
    )
    body += [svg.text(_GUTTER, height - 12, legend, style="soft small")]
    width = _GUTTER + len(_PLACES) * (_WIDTH + _GUTTER) - _GUTTER + 16
    return svg.page(width, height, "The tables of the schema public and their references", [*lines, *body])


def _placed(columns: dict[str, list[tuple[str, str, bool]]], top: int) -> dict[str, Card]:
    ends = [top] * len(_PLACES)
    cards: dict[str, Card] = {}
    named = [(table, place) for place, tables in enumerate(_PLACES) for table in tables if table in columns]
    for table, fixed in [*named, *((table, None) for table in sorted(columns) if table not in dict(named))]:
        place = ends.index(min(ends)) if fixed is None else fixed
        cards[table] = Card(table, place, ends[place], columns[table])
        ends[place] += cards[table].height + _GAP
    return cards


def _card(card: Card, references: Sequence[Reference], keys: set[tuple[str, str]]) -> list[str]:
    parts = [
        f'<g data-table="{card.table}">',
        svg.box(card.left, card.top, _WIDTH, card.height),
        svg.box(card.left, card.top, _WIDTH, _HEAD, style="head"),
        svg.text(card.left + 8, card.top + 16, card.table, style="title"),
    ]
    targets = {one.column: one.target for one in references if one.table == card.table}
    for name, kind, is_required in card.columns:
        y = card.y(name) + 4
        weight = " title" if (card.table, name) in keys else ""
        parts.append(svg.text(card.left + 8, y, name, style=f"small{weight}"))
        target = targets.get(name)
        words = f"→ {target}" if target else kind if is_required else f"· {kind}"
        parts.append(
            svg.text(card.left + _WIDTH - 8, y, words, style=f"small {_colour(target) if target else 'soft'}", anchor="end")
        )
    return [*parts, "</g>"]


def _colour(target: str) -> str:
    return _COLOURS.get(target, "soft")


def _lines(cards: dict[str, Card], references: Sequence[Reference], target: str, number: int) -> list[str]:
    """Return the lines to one table: up from each column to a line on the top of the picture, and down to the key."""
    colour, trunk = _colour(target), 26 + _LANE * number
    goal = cards[target]
    key = goal.y("id") if any(name == "id" for name, _, _ in goal.columns) else goal.top + _HEAD / 2
    drawn, end = [], _lane(goal, number)
    for one in (one for one in references if one.target == target):
        card = cards[one.table]
        x, y = _lane(card, number), card.y(one.column)
        points = [(float(card.left), y), (x, y)]
        points += [(x, key)] if card.place == goal.place else [(x, trunk), (end, trunk), (end, key)]
        data = f' data-fk="{one.name}"' if one.name else f' data-by-trigger="{one.table}.{one.column}"'
        drawn.append(svg.line([*points, (goal.left - 6.0, key)], colour, is_dashed=one.name is None, data=data))
    return [*drawn, svg.arrow(goal.left, key, colour)]


def _lane(card: Card, number: int) -> float:
    """Return where, in the gutter on the left of a card, the line of the target with this number runs."""
    return float(card.left - 12 - _LANE * number)
