"""Charts as inline SVG: coloured by the classes of the page, sharp at any width, with a title for screen readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# A row, its label, and the bar below it, in pixels, so that text does not shrink with the page.
_ROW, _LABEL_AT, _BAR_AT, _BAR = 38, 14, 21, 7
# The characters of a name that fit beside the number, in a window of 375 pixels and in a wide one.
_NARROW, _WIDE = 32, 68


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its name, its length, and its value as text."""

    name: str
    value: float
    words: str


def bars(title: str, items: Sequence[Bar], full: float) -> str:
    """Return horizontal bars; one of the value `full` is as wide as the page."""
    rows = []
    for place, item in enumerate(items):
        top = place * _ROW
        rows.append(
            f"<g><title>{escape(item.name)}: {escape(item.words)}</title>"
            f"{_names(item.name, top + _LABEL_AT)}"
            f'<text class="words" x="100%" y="{top + _LABEL_AT}">{escape(item.words)}</text>'
            f'<rect class="track" x="0" y="{top + _BAR_AT}" width="100%" height="{_BAR}" rx="2"/>'
            f'<rect class="bar" x="0" y="{top + _BAR_AT}" width="{100 * item.value / full:.2f}%" height="{_BAR}" rx="2"/></g>'
        )
    height = len(items) * _ROW - (_ROW - _BAR_AT - _BAR)
    return f'<svg class="bars" role="img" width="100%" height="{height}"><title>{escape(title)}</title>{"".join(rows)}</svg>'


def _names(name: str, y: int) -> str:
    """Return the name for a narrow and for a wide window; the page shows one of them."""
    texts = {"": name} if len(name) <= _NARROW else {" narrow": _shortened(name, _NARROW), " wide": _shortened(name, _WIDE)}
    return "".join(f'<text class="name{width}" x="0" y="{y}">{escape(text)}</text>' for width, text in texts.items())


def _shortened(name: str, length: int) -> str:
    """Return a long name without its middle: names differ at both ends."""
    if len(name) <= length:
        return name
    head = length * 3 // 5
    return f"{name[:head]}…{name[-(length - head - 1) :]}"
