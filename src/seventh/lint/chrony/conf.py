"""Reading chrony.conf as chronyd reads it: its lines, its includes, and what it would refuse.

The grammar is a table, ``directives.toml``. chronyd stops at the first line that it does
not understand. Here each such line is told, and the rest is read.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from seventh.lint.clocks.grammar import Grammar, Version
from seventh.lint.clocks.lines import (
    Conf,
    Directive,
    Reading,
    has_wildcard,
    is_missing,
    is_unended,
    shown,
    split,
)
from seventh.lintkit.files import Files, Text
from seventh.model.source import Line

NEWEST = (4, 8)
"""The newest chrony whose directives and defaults are known here."""
MAX_LINE_CHARS = 2046
"""chronyd's buffer holds 2048 with the line's end."""
MAX_DEPTH = 10
"""How deep chronyd follows includes, the main file counted."""
MAX_FOLDERS = 10
"""How many folders one confdir or sourcedir may name."""
_COMMENTS = "!;#%"
_SOURCES = frozenset({"server", "pool", "peer"})


def read(text: Text, files: Files, version: Version | None = None) -> Conf:
    """The configuration that starts with ``text``; ``version`` None is: whatever is known here.

    The directives come in the order of ``chronyd -p``; the sources of ``sourcedir`` folders, which
    chronyd adds last, are at the end.
    """
    reader = _Reader(files, version)
    reader.file(text)
    reader.source_folders()
    return reader.reading.conf()


def read_sources(text: Text, files: Files, version: Version | None = None) -> Conf:
    """Return a file of a sourcedir by itself: nothing but sources."""
    reader = _Reader(files, version)
    reader.sources(text)
    return reader.reading.conf()


class _Reader:
    """One reading; see :func:`read`."""

    def __init__(self, files: Files, version: Version | None) -> None:
        self.reading = Reading(files)
        self.version = version
        self._folders: list[Directive] = []

    def file(self, text: Text) -> None:
        """Every line of a file, and of those that it includes."""
        self.reading.opened(text.name)
        for number, line in self.reading.lines(text):
            if (directive := self._directive(text.name, number, line)) is None:
                continue
            if directive.name == "include":
                self._include(directive)
            elif directive.name == "confdir":
                self._confdir(directive)
            else:
                self.reading.directives.append(directive)
                if directive.name == "sourcedir":
                    self._folders.append(directive)
        self.reading.leave()

    def source_folders(self) -> None:
        """What the sourcedir lines name, in the order of the lines."""
        for directive in self._folders:
            for path in self._of_folders(directive, ".sources"):
                if (text := self.reading.enter(path, directive.at)) is not None:
                    self.reading.leave()
                    self.sources(text)

    def sources(self, text: Text) -> None:
        """A file of sources: chronyd leaves every other line aside, and one without its end."""
        last = len(text.lines) if is_unended(text.name) else 0
        for number, line in self.reading.lines(text):
            if (directive := self._directive(text.name, number, line)) is None:
                continue
            if directive.name not in _SOURCES:
                self.reading.refuse(
                    directive.at, "only server, pool and peer stand here; chronyd ignores the line"
                )
            elif number == last:
                self.reading.refuse(
                    directive.at, "the last line has no line end; chronyd ignores the line"
                )
            else:
                self.reading.directives.append(directive)

    def _directive(self, name: str, number: int, line: str) -> Directive | None:
        """A line's directive if chronyd would take it; None for a comment, or what it refuses."""
        if len(line) > MAX_LINE_CHARS:
            at = Line(file=name, line=number, text="")
            self.reading.refuse(at, f"a line of {len(line)} characters: chronyd takes 2046")
            return None
        words = split(line)
        if not words or words[0][0] in _COMMENTS:
            return None
        word, rest = words[0].lower(), tuple(words[1:])
        if why := grammar().mismatch(word, rest, self.version):
            self.reading.refuse(Line(file=name, line=number, text=""), why)
            return None
        return Directive(word, rest, Line(file=name, line=number, text=shown(words)))

    # -- includes ----------------------------------------------------------------------------------

    def _include(self, directive: Directive) -> None:
        if not self.reading.may_look(directive.at):
            return
        pattern = directive.words[0]
        if has_wildcard(pattern):
            paths = self.reading.matching(pattern, directive.at)
        else:
            paths = [self.reading.place(pattern)]
            if is_missing(paths[0]):
                self.reading.missing(
                    directive.at, "the included file does not exist: chronyd does not start"
                )
                return
        self._enter_all(directive, paths)

    def _confdir(self, directive: Directive) -> None:
        self._enter_all(directive, self._of_folders(directive, ".conf"))

    def _enter_all(self, directive: Directive, paths: list[Path]) -> None:
        for path in paths:
            if self.reading.is_open(path) or self.reading.depth >= MAX_DEPTH:
                self.reading.refuse(
                    directive.at,
                    f"includes go round in a circle, or deeper than {MAX_DEPTH} files: chronyd "
                    "does not start",
                )
                return
            if os.path.isdir(path):  # noqa: PTH112 - never raises
                continue  # opened like a file, a folder gives chronyd no line
            if (text := self.reading.enter(path, directive.at)) is not None:
                self.reading.leave()
                self.file(text)

    def _of_folders(self, directive: Directive, suffix: str) -> list[Path]:
        """Files of the named folders by name; of two with one name, the first folder's."""
        if len(directive.words) > MAX_FOLDERS:
            self.reading.refuse(directive.at, f"chronyd takes {MAX_FOLDERS} folders in one line")
            return []
        found: dict[str, Path] = {}
        for folder in directive.words:
            if not self.reading.may_look(directive.at):
                break
            for path in self.reading.listed(self.reading.place(folder), suffix, directive.at):
                found.setdefault(path.name, path)
        return [found[name] for name in sorted(found)]


@functools.cache
def grammar() -> Grammar:
    """Return what chronyd takes; read when first asked for."""
    return Grammar(Path(__file__).with_name("directives.toml"), "chronyd")
