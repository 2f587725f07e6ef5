"""What holds at one place of nginx.conf: blocks from the outside in, as nginx merges them.

A directive of an inner block replaces the outer ones of its name, all of them: so ``add_header`` in
a location takes away every header that the server added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import values
from seventh.lint.nginx.conf import Directive
from seventh.lint.nginx.directives import Version
from seventh.lintkit.linted import Setting
from seventh.model.source import Line
from seventh.wire.text import printable

_NEVER_INHERITED = frozenset(
    {"proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass",
     "return", "rewrite", "if", "try_files", "alias", "internal", "stub_status", "empty_gif",
     "listen", "server_name", "limit_except", "location"}
)  # fmt: skip
MAX_SETTINGS = 100
"""Lines of one directive that are kept as evidence; a finding shows fewer."""
_MERGED = {"add_header": "add_header_inherit", "add_trailer": "add_trailer_inherit"}


class Level:
    """One block, its directives by name."""

    def __init__(self, directives: list[Directive]) -> None:
        self.by_name: dict[str, list[Directive]] = {}
        for directive in directives:
            self.by_name.setdefault(directive.name, []).append(directive)


class Scope:
    """A place, with the blocks around it."""

    def __init__(self, levels: tuple[Level, ...], version: Version, block: Line) -> None:
        self.levels = levels
        self.version = version
        self.block = block
        """The line that opens the innermost block."""

    def inside(self, level: Level, block: Line) -> Scope:
        """Return the place inside a further block."""
        return Scope((*self.levels, level), self.version, block)

    def own(self, name: str) -> list[Directive]:
        """Return the directives of the innermost block itself."""
        return self.levels[-1].by_name.get(name, [])

    def all(self, name: str) -> list[Directive]:
        """Return the directives in force, in their order."""
        if name in _NEVER_INHERITED:
            return self.own(name)
        merged = _MERGED.get(name)
        if merged is not None and self.version >= nginx_directives.since(merged):
            return self._merged(name, merged)
        for level in reversed(self.levels):
            if name in level.by_name:
                return level.by_name[name]
        return []

    def _merged(self, name: str, how: str) -> list[Directive]:
        """Return ``add_header_inherit``'s value: on (the default), off or merge."""
        found: list[Directive] = []
        mode = "on"
        for level in self.levels:
            for directive in level.by_name.get(how, ()):
                mode = directive.words[0] if directive.words else mode
            own = level.by_name.get(name, [])
            if mode == "merge":
                found = [*found, *own]
            elif own or mode == "off":
                found = own
        return found

    def lost_headers(self) -> list[Directive]:
        """Return the outer ``add_header`` lines whose fields no line in force sets.

        ``add_header_inherit off`` says that this is meant.
        """
        outer: dict[str, list[Directive]] = {}
        mode = "on"
        for level in self.levels:
            for directive in level.by_name.get("add_header_inherit", ()):
                mode = directive.words[0] if directive.words else mode
            own: dict[str, list[Directive]] = {}
            for directive in level.by_name.get("add_header", ()):
                own.setdefault(field_of(directive), []).append(directive)
            outer = own if mode == "off" else outer | own
        kept = set(map(field_of, self.all("add_header")))
        return [d for field, lines in outer.items() if field not in kept for d in lines]

    def words(self, name: str) -> tuple[str, ...]:
        """Return the words of the directive in force or of its default; empty without both."""
        found = self.all(name)
        if found:
            return found[-1].words
        return tuple((nginx_directives.default(name, self.version) or "").split())

    def value(self, name: str) -> str:
        """Return the first of those words."""
        words = self.words(name)
        return words[0] if words else ""

    def is_on(self, name: str) -> bool:
        """Return whether a directive that is on or off is on."""
        return self.value(name).lower() == "on"

    def seconds(self, name: str, word: int = 0) -> float | None:
        """Return a time in seconds; None where there is none or it is a variable."""
        words = self.words(name)
        return seconds(words[word]) if word < len(words) else None

    def number(self, name: str) -> int | None:
        """Return a plain number; None where there is none."""
        value = self.value(name)
        return int(value) if re.fullmatch(r"[0-9]{1,12}", value) else None

    def headers(self, name: str, field: str) -> list[Directive]:
        """Return the directives in force that set this field, such as those of ``add_header``."""
        return [d for d in self.all(name) if d.words and field_of(d) == field.lower()]

    def settings(self, names: Mapping[str, str]) -> dict[str, tuple[Setting, ...]]:
        """Return the lines in force by directive; a default is shown with the version it is of.

        ``names`` says, for a directive without a default, what its absence is called.
        """
        found: dict[str, tuple[Setting, ...]] = {}
        for name, absence in names.items():
            lines = self.all(name)
            if lines:
                found[name] = tuple(
                    Setting(value=" ".join(d.words), at=d.at) for d in lines[:MAX_SETTINGS]
                )
            elif (
                value := nginx_directives.default(name, self.version)
            ) is not None and not absence:
                version = nginx_directives.text_of(self.version)
                text = f"{name} {value}".rstrip() + f" (default of nginx {version})"
                at = Line(file=self.block.file, line=None, text=text)
                found[name] = (Setting(value=value, at=at),)
            else:
                text = printable(f"{self.block.text} … }}: {absence or f'no {name} line'}", 300)
                at = Line(file=self.block.file, line=self.block.line, text=text)
                found[name] = (Setting(value="", at=at),)
        return found


def field_of(directive: Directive) -> str:
    """Return the field that a line of ``add_header`` sets; empty where it is incomplete."""
    return directive.words[0].lower() if directive.words else ""


def seconds(text: str) -> float | None:
    """Read a time as nginx writes it (``1h30m``, ``65``, ``500ms``); None for anything else."""
    whole = values.seconds(text)
    if whole is not None:
        return float(whole)
    parts = values.milliseconds(text)
    return None if parts is None else parts / 1000
