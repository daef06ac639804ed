"""SVG as text: a page that follows the reader's light or dark setting, and the few shapes that the diagrams need."""

from html import escape

# Light, then dark. The background is drawn, so that a page of the other kind does not make the text unreadable.
_COLOURS = {
    "page": ("#ffffff", "#16181d"),
    "card": ("#f6f7f9", "#21252c"),
    "head": ("#e3e7ee", "#2d3440"),
    "text": ("#1c2128", "#e4e8ee"),
    "soft": ("#5a6472", "#a0aab8"),
    "line": ("#b8c0cc", "#4a5361"),
    "blue": ("#1f5fbf", "#7db3ff"),
    "green": ("#1d7a3a", "#6fd08c"),
    "violet": ("#7a3db8", "#c79bf2"),
    "orange": ("#a85a00", "#f0ac5c"),
    "red": ("#b3261e", "#ff9d94"),
}
_STYLE = """
text {{ font: 12px ui-sans-serif, system-ui, "DejaVu Sans", sans-serif; fill: var(--text); }}
.title {{ font-weight: 700; font-size: 13px; }}
.soft {{ fill: var(--soft); }}
.small {{ font-size: 11px; }}
.page {{ fill: var(--page); }}
.card {{ fill: var(--card); stroke: var(--line); }}
.head {{ fill: var(--head); stroke: var(--line); }}
path {{ fill: none; stroke-width: 1.6; stroke-linejoin: round; }}
.dashed {{ stroke-dasharray: 5 4; }}
{colours}"""


def page(width: int, height: int, title: str, body: list[str]) -> str:
    """Return the file."""
    light = "".join(f" --{name}: {value[0]};" for name, value in _COLOURS.items())
    dark = "".join(f" --{name}: {value[1]};" for name, value in _COLOURS.items())
    classes = "\n".join(
        f"path.{name} {{ stroke: var(--{name}); }} text.{name}, .fill-{name} {{ fill: var(--{name}); }}"
        for name in ("blue", "green", "violet", "orange", "red", "soft")
    )
    style = _STYLE.format(colours=classes)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title>",
            f"<style>\nsvg {{{light} }}\n@media (prefers-color-scheme: dark) {{ svg {{{dark} }} }}{style}\n</style>",
            f'<rect class="page" width="{width}" height="{height}"/>',
            *body,
            "</svg>\n",
        ]
    )


def text(x: float, y: float, words: str, *, style: str = "", anchor: str = "start") -> str:
    """Return a line of text; `y` is its baseline."""
    return f'<text x="{x:g}" y="{y:g}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, *, style: str = "card", radius: float = 4) -> str:
    """Return a rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius:g}" class="{style}"/>'


def line(points: list[tuple[float, float]], colour: str, *, is_dashed: bool = False, data: str = "") -> str:
    """Return a line through the points; `data` is an attribute that says what it stands for."""
    drawn = "M" + "L".join(f"{x:g} {y:g}" for x, y in points)
    return f'<path class="{colour}{" dashed" if is_dashed else ""}"{data} d="{drawn}"/>'


def arrow(x: float, y: float, colour: str, *, towards: str = "right") -> str:
    """Return the head of an arrow whose tip is at the point."""
    size = 7
    dx, dy = {"right": (-size, 4), "left": (size, 4), "down": (4, -size), "up": (4, size)}[towards]
    corners = (
        [(x, y), (x + dx, y + dy), (x + dx, y - dy)]
        if towards in ("right", "left")
        else [(x, y), (x + dx, y + dy), (x - dx, y + dy)]
    )
    return f'<polygon class="fill-{colour}" points="{" ".join(f"{a:g},{b:g}" for a, b in corners)}"/>'
