"""docs/images/month.svg: the life of a month, from its creation to its return from the archive."""

from tools import svg

_WIDTH, _HEIGHT, _TOP = 152, 54, 92
# State, what it means, the step that leads to the next one.
_STATES: tuple[tuple[str, list[str], list[str]], ...] = (
    ("created", ["a table of its own,", "not yet visible"], ["attach"]),
    ("attached", ["part of messages,", "read and written"], ["detach", "older than keep"]),
    ("detached", ["not visible,", "7 days of grace"], ["archive"]),
    ("detached, archived", ["files read back", "and compared"], ["drop", "compared once more"]),
    ("dropped (archived)", ["only the archive", "and the record remain"], []),
)
_STEP = 216


def draw() -> str:
    """Return the picture."""
    body = [
        svg.text(24, 28, "The life of a month", style="title"),
        svg.text(
            24, 46, "chatschema maintain takes each step that the policy makes due; every step is recorded", style="soft small"
        ),
    ]
    for number, (state, meaning, step) in enumerate(_STATES):
        x = 24 + number * _STEP
        body += [
            f'<g data-state="{state}">',
            svg.box(x, _TOP, _WIDTH, _HEIGHT, style="head" if state == "attached" else "card", radius=8),
            svg.text(x + _WIDTH / 2, _TOP + 19, state, style="title", anchor="middle"),
            *(
                svg.text(x + _WIDTH / 2, _TOP + 33 + 13 * i, words, style="soft small", anchor="middle")
                for i, words in enumerate(meaning)
            ),
            "</g>",
        ]
        if step:
            y, start, end = _TOP + _HEIGHT / 2, x + _WIDTH, x + _STEP
            body += [svg.line([(start, y), (end - 6, y)], "blue"), svg.arrow(end, y, "blue")]
            body.append(svg.text((start + end) / 2, y - 7, step[0], style="small blue", anchor="middle"))
    body += _notes()
    for source, depth, words in (
        (2, 44, "restore: attached again"),
        (3, 78, "restore: attached again, nothing is read"),
        (4, 112, "restore: loaded from the archive, compared, erasures applied again"),
    ):
        body += _back(source, depth, words)
    width = 24 * 2 + (len(_STATES) - 1) * _STEP + _WIDTH
    return svg.page(width, _TOP + _HEIGHT + 124, "The life of a month", body)


def _notes() -> list[str]:
    """Return the conditions that stand above the steps."""
    return [
        svg.text(24 + number * _STEP + _WIDTH + (_STEP - _WIDTH) / 2, _TOP - 10, step[1], style="small soft", anchor="middle")
        for number, (_, _, step) in enumerate(_STATES)
        if len(step) > 1
    ]


def _back(source: int, depth: int, words: str) -> list[str]:
    """Return a way back to "attached", below the boxes."""
    bottom = _TOP + _HEIGHT
    start = 24 + source * _STEP + _WIDTH / 2
    end = 24 + _STEP + _WIDTH / 2 + (3 - source) * 24
    y = bottom + depth - 8
    return [
        svg.line([(start, bottom), (start, y), (end, y), (end, bottom + 6)], "green"),
        svg.arrow(end, bottom, "green", towards="up"),
        svg.text(end + 10, y - 6, words, style="small green"),
    ]
