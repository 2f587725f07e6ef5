"""Where the lines of a fix belong in a Caddyfile: a site's block, or the global options.

A fix's blocks are merged into those that are there: ``tls { protocols … }`` adds to a site's
``tls`` and keeps its certificate.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence

import msgspec

from seventh.lint.caddy.tokens import Token, UnreadableError, new_line, tokens
from seventh.lintkit.files import Text
from seventh.lintkit.patch import Edit, Fix, NotPlaced, Why

_OPTIONS = "# in the global options"
_INDENT = "\t"
_COMMENT = re.compile(r"\s+#[^\"'`]*$")
"""Behind a line; what has a quote in it may be a part of a word."""


class _Span(msgspec.Struct):
    """A directive or a block with its lines, from 1."""

    words: tuple[str, ...]
    file: str
    first: int
    last: int
    children: list[_Span] | None = None
    """None without a block."""

    @property
    def key(self) -> tuple[str, ...]:
        """The name; of ``header`` also the field, for every request."""
        if self.words[:1] == ("header",):
            return (self.words[0], self.words[1].lstrip("+-?>").lower() if self.words[1:] else "")
        return self.words[:1]


def place(fix: Fix) -> Sequence[Edit]:
    """Set each directive of the fix in the view's site or in the global options."""
    changes = _Changes(fix)
    where: _Span | None = None
    text: list[str] = []
    for line in [*fix.lines, _OPTIONS]:
        if line.startswith(_OPTIONS):
            for piece in _spans("", text):
                changes.set(where or changes.site(), piece, text)
            where, text = changes.options(), []
        else:
            text.append(line)
    return changes.edits


def _spans(file: str, lines: Sequence[str]) -> list[_Span]:
    """Return the directives and blocks of the outermost level."""
    try:
        found = tokens(Text(file, tuple(lines)))
    except UnreadableError:
        raise NotPlaced(Why.NO_PLACE) from None
    top: list[_Span] = []
    stack: list[_Span] = []
    before: Token | None = None
    for token in found:
        into = top if not stack else stack[-1].children
        assert into is not None  # noqa: S101 - only blocks are put on the stack
        begins = before is None or new_line(before, token)
        if token.closes and begins and stack:
            stack.pop().last = token.line
        elif token.opens and (begins or before is not None):
            if begins or not into:
                into.append(_Span((), file, token.line, token.line))
            into[-1].children = []
            stack.append(into[-1])
        elif begins:
            into.append(_Span((token.text,), file, token.line, token.line))
        elif into:
            into[-1].words = (*into[-1].words, token.text)
            into[-1].last = token.line
        before = token
    return top


def _dedented(lines: Sequence[str]) -> list[str]:
    return textwrap.dedent("\n".join(lines)).split("\n")


class _Changes:
    """The edits of one fix."""

    def __init__(self, fix: Fix) -> None:
        self.edits: list[Edit] = []
        self._fix = fix
        self._tops: Mapping[str, list[_Span]] = {
            name: _spans(name, lines) for name, lines in fix.texts.items()
        }

    def site(self) -> _Span:
        """Return the block of the view's site; one without braces has the rest of the file."""
        at = self._fix.view.block
        for span in self._tops.get(at.file, ()) if at is not None else ():
            if at is not None and span.first <= (at.line or 0) <= span.last:
                if span.children is not None:
                    return span
                rest = [one for one in self._tops[at.file] if one.first > span.last]
                return _Span(span.words, at.file, span.first, rest[-1].last if rest else span.last,
                             rest)  # fmt: skip
        raise NotPlaced(Why.NO_PLACE)

    def options(self) -> _Span:
        """Return the block of the global options, an empty one before the file if there is none."""
        main = self._fix.main
        first = next(iter(self._tops[main]), None)
        return first if first is not None and not first.words else _Span((), main, 1, 0, [])

    def set(self, block: _Span, piece: _Span, text: Sequence[str]) -> None:
        """Set a directive in a block: replace it, merge its block, or insert it."""
        lines = self._fix.texts[block.file]
        there = next((one for one in block.children or () if one.key == piece.key), None)
        new = _dedented(text[piece.first - 1 : piece.last])
        if there is None:
            self._insert(block, new)
        elif piece.children is None:
            comment = _COMMENT.search(lines[there.last - 1])
            new[-1] += comment[0] if comment else ""
            self._replace(there, [self._indent(there) + line for line in new])
        elif there.children is not None:
            for child in piece.children:
                self.set(there, child, text)
        else:
            opened = [f"{line} {{" for line in lines[there.last - 1 : there.last]]
            before = list(lines[there.first - 1 : there.last - 1])
            inside = [self._indent(there) + line for line in new[1:]]
            self._replace(there, [*before, *opened, *inside])

    def _replace(self, span: _Span, new: Sequence[str]) -> None:
        self.edits.append(Edit(span.file, span.first, span.last - span.first + 1, tuple(new)))

    def _insert(self, block: _Span, new: Sequence[str]) -> None:
        """Insert behind the last directive of a block."""
        if block.last < block.first:  # there are no global options yet
            inside = (_INDENT + line for line in new)
            self.edits.append(Edit(block.file, 1, 0, ("{", *inside, "}", "")))
            return
        children = block.children or []
        indent = self._indent(children[0]) if children else self._indent(block) + _INDENT
        at = (children[-1].last if children else block.first) + 1
        self.edits.append(Edit(block.file, at, 0, tuple(indent + line for line in new)))

    def _indent(self, span: _Span) -> str:
        line = self._fix.texts[span.file][span.first - 1]
        return line[: len(line) - len(line.lstrip())]
