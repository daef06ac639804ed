"""Finds where the statements of a SQL text begin and end, by PostgreSQL's lexical structure.

Works on UTF-8 bytes: those above ASCII are letters to the server as well. Each byte is read once.
"""

import functools
import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

# The manual, section 4.1. Every repetition is possessive: a literal of megabytes is passed in one step, and nothing is read twice.
# A literal or comment that is never closed reaches to the end of the text, as it does for the server.
_LETTER = rb"A-Za-z0-9_$\x80-\xff"
_SPACE = rb"[ \t\n\r\f\v]"
_LINE_COMMENT = rb"--[^\n\r]*+"
_PLAIN = rb"[^']*+(?:''[^']*+)*+(?:'|\Z)"
_ESCAPED = rb"[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+(?:'|\\?\Z)"
# A literal may be continued after a line break; one that began as E'...' is continued as such.
_CONTINUED = rb"(?:[ \t\f\v]|%b)*+[\n\r](?:%b|%b[\n\r])*+'%b" % (_LINE_COMMENT, _SPACE, _LINE_COMMENT, _ESCAPED)
_STRING = rb"'(?:(?:(?<=[^%b][eE]')|(?<=\A[eE]'))%b(?:%b)*+|%b)" % (_LETTER, _ESCAPED, _CONTINUED, _PLAIN)
_QUOTED_NAME = rb'"[^"]*+(?:""[^"]*+)*+(?:"|\Z)'
_DOLLAR = rb"(?<![%b])\$(?:[A-Za-z_\x80-\xff][A-Za-z0-9_\x80-\xff]*+)?\$" % _LETTER
_OPERATOR = rb"-(?!-)|/(?!\*)|(?!%b)\$" % _DOLLAR
_OPENING = rb"(?P<comment>/\*)|(?P<dollar>%b)|\Z" % _DOLLAR

_PASSED = rb"%b|%b|%b|%b" % (_STRING, _QUOTED_NAME, _LINE_COMMENT, _OPERATOR)
_INSIDE = rb"[^;()'\"$/\-]++|%b" % _PASSED
# Parentheses are read in one step if they are nested no deeper than a row of function calls, otherwise sign by sign.
_CALL = rb"\((?:%b)*+\)" % _INSIDE
_ROW = rb"\((?:%b|%b)*+\)" % (_INSIDE, _CALL)
_SIGN = rb"(?:%b|%b)*+(?:(?P<sign>[;()])|%b)" % (_INSIDE, _ROW, _OPENING)
_WORD_OR_SIGN = rb"(?:[^A-Za-z_\x80-\xff;()'\"$/\-]++|%b)*+(?:(?P<sign>[;()])|(?P<word>[A-Za-z_\x80-\xff][%b]*+)|%b)" % (
    _PASSED,
    _LETTER,
    _OPENING,
)
_LITERAL = rb"(?:[^'\"$/\-]++|%b|%b|%b)*+(?:(?P<string>%b)|%b)" % (_QUOTED_NAME, _LINE_COMMENT, _OPERATOR, _STRING, _OPENING)
_BETWEEN = rb"(?:[ \t\n\r\f\v;]++|%b)*+" % _LINE_COMMENT
_BLOCK_EDGE = re.compile(rb"/\*|\*/")
# In the body of a routine a semicolon may end nothing; words are read only there.
_GAP = rb"(?:%b|%b|/\*.*?\*/)+" % (_SPACE, _LINE_COMMENT)
_ROUTINE = rb"(?i)create%b(?:or%breplace%b)?(?:function|procedure)\b" % (_GAP, _GAP, _GAP)
_NESTING = {b"(": 1, b")": -1, b";": 0}
_HAS_POSSESSIVE_GROUPS = sys.version_info >= (3, 11, 5)
_C, _DOT, _BLANK = b"cC", ord("."), b" \t\n\r\f\v"


@functools.cache
def _compiled(source: bytes) -> re.Pattern[bytes]:
    """Compile a pattern when it is needed: most commands split nothing."""
    return re.compile(source if _HAS_POSSESSIVE_GROUPS else _without_possessive_groups(source), re.DOTALL)


def _without_possessive_groups(source: bytes) -> bytes:
    """Return a pattern that matches the same for Pythons whose possessive groups are at fault; needs 50 times the text in memory.

    Python 3.11.0 to 3.11.4 (Debian 12 has 3.11.2) match wrongly or for ever where such a group contains alternatives:
    https://github.com/python/cpython/issues/106052
    """
    return source.replace(b")*+", b")*")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text: its own text without the semicolon, the 1-based line and the 0-based byte it begins at."""

    text: str
    line: int
    start: int


class Statements(Sequence[Statement]):
    """The statements of a text, kept as places in it, so that a file of many megabytes is not copied."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.starts, self.ends = array("q"), array("q")
        for start, end in _places(content):
            self.starts.append(start)
            self.ends.append(end)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.starts)

    def __iter__(self) -> Iterator[Statement]:
        """Yield them in the order of the text; their lines are counted on the way."""
        line, position = 1, 0
        for start, end in zip(self.starts, self.ends, strict=True):
            line += self.content.count(b"\n", position, start)
            position = start
            yield Statement(self.content[start:end].decode(), line, start)

    @overload
    def __getitem__(self, index: int) -> Statement: ...
    @overload
    def __getitem__(self, index: slice) -> list[Statement]: ...
    def __getitem__(self, index: int | slice) -> Statement | list[Statement]:
        """Return one of them; its line is counted from the beginning of the text."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        start = self.starts[index]
        return Statement(self.content[start : self.ends[index]].decode(), self.content.count(b"\n", 0, start) + 1, start)


def first(content: bytes) -> int:
    """Return where the first statement begins; the length of the text if there is none."""
    return _begin(content, 0)


def without_literals(content: bytes) -> bytes:
    """Return SQL with an asterisk for each character of its literals; lines and columns stay where they are."""
    pieces: list[bytes] = []
    copied = position = 0
    while (match := _compiled(_LITERAL).match(content, position)) and (kind := match.lastgroup):
        position = _end_of(content, match)
        if kind != "comment":
            begin = match.start(kind)
            pieces += [content[copied:begin], re.sub(r"[^\n]", "*", content[begin:position].decode()).encode()]
            copied = position
    return b"".join([*pieces, content[copied:]])


def _places(content: bytes) -> Iterator[tuple[int, int]]:
    """Yield the beginning and the end of each statement. Comments between statements belong to none."""
    start = _begin(content, 0)
    while start < len(content):
        end = _end(content, start)
        yield start, start + len(content[start:end].rstrip(_BLANK))
        start = _begin(content, end)


def _begin(content: bytes, position: int) -> int:
    """Return where the next statement begins: after blanks, comments and semicolons."""
    while True:
        match = _compiled(_BETWEEN).match(content, position)
        position = match.end() if match else position
        if not content.startswith(b"/*", position):
            return position
        position = _end_of_comment(content, position + 2)


def _end(content: bytes, start: int) -> int:
    """Return the place of the semicolon that ends the statement, or the end of the text."""
    is_routine = content[start] in _C and _compiled(_ROUTINE).match(content, start)
    pattern = _compiled(_WORD_OR_SIGN if is_routine else _SIGN)
    depth = body = 0
    previous, previous_end, position = b"", start, start
    while (match := pattern.match(content, position)) and (kind := match.lastgroup):
        position = _end_of(content, match)
        if kind == "sign":
            sign = match["sign"]
            if sign == b";" and not depth and not body:
                return position - 1
            depth = max(depth + _NESTING[sign], 0)
        elif kind == "word":
            word, begin = match["word"].lower(), match.start("word")
            if not _compiled(_GAP).fullmatch(content, previous_end, begin):
                previous = b""
            # Behind a dot it is a column, behind "as" a name for one.
            if previous != b"as" and content[begin - 1] != _DOT:
                body += _of_body(body, depth, previous, word)
            previous, previous_end = word, position
    return len(content)


def _of_body(body: int, depth: int, previous: bytes, word: bytes) -> int:
    """Return by how much a word changes the nesting in a body in standard SQL: begin atomic ... end, with case ... end in it."""
    if not body:
        return int(not depth and previous == b"begin" and word == b"atomic")
    return {b"case": 1, b"end": -1}.get(word, 0)


def _end_of(content: bytes, match: re.Match[bytes]) -> int:
    """Return where a token ends that was matched with its opening only."""
    if match.lastgroup == "comment":
        return _end_of_comment(content, match.end())
    if match.lastgroup == "dollar":
        end = content.find(match["dollar"], match.end())
        return len(content) if end < 0 else end + len(match["dollar"])
    return match.end()


def _end_of_comment(content: bytes, position: int) -> int:
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(content, position)):
        depth += 1 if edge.group() == b"/*" else -1
        position = edge.end()
    return position if not depth else len(content)
