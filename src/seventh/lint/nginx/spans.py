"""Where each directive and block of one nginx file begins and ends, for changing its text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from seventh.lint.nginx.conf import Source, StopError
from seventh.lintkit.files import Text


class Span(msgspec.Struct):
    """A directive's place in the text."""

    name: str
    words: tuple[str, ...]
    line: int
    start: int
    end: int
    """Behind its semicolon or its closing brace."""
    parent: Span | None
    children: list[Span] | None = None
    """None where it ends with a semicolon."""
    inside: int = 0
    """Behind its opening brace."""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from other directives of its block that may stand beside it."""
        return key_of(self.name, self.words)

    def around(self, name: str) -> Span | None:
        """Return the innermost block of that name that it is or is in."""
        span: Span | None = self
        while span is not None and span.name != name:
            span = span.parent
        return span


_KEYED = frozenset({"add_header", "add_trailer", "proxy_set_header", "proxy_hide_header", "map"})
_SECOND = frozenset({"map"})


def key_of(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a directive's name, with the field of a header or the variable of a map."""
    if name not in _KEYED or not words:
        return (name,)
    return (name, words[-1 if name in _SECOND else 0].lower())


def spans(lines: Sequence[str]) -> list[Span]:
    """Return the directives of the outermost level; those up to a mistake in the file."""
    source = Source(Text("", tuple(lines)))
    top: list[Span] = []
    parent: Span | None = None
    try:
        while True:
            words, start, end = source.words()
            if words:
                span = Span(
                    words[0], words[1:], source.line_of(start), start, source.position, parent
                )
                (top if parent is None or parent.children is None else parent.children).append(span)
                if end == "{":
                    span.children, span.inside = [], source.position
                    if span.name.endswith("_by_lua_block"):
                        source.skip_lua()
                        span.end = source.position
                        continue
                    parent = span
            elif end == "}" and parent is not None:
                parent.end = source.position
                parent = parent.parent
            else:
                return top
    except StopError:
        return top


def all_of(top: Sequence[Span]) -> Iterator[Span]:
    """Yield every directive, outer ones first."""
    waiting = list(reversed(top))
    while waiting:
        span = waiting.pop()
        yield span
        waiting += reversed(span.children or ())
