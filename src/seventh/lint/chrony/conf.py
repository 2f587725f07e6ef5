"""Reads chrony.conf as chronyd does: its lines, its includes, and what it would refuse.

The grammar is a table, ``directives.toml``. chronyd stops at the first invalid line; here each such
line is reported, and the rest is read.
"""

from __future__ import annotations

import functools
import glob
import os
from pathlib import Path

from seventh.lint.clocks.grammar import Grammar, Version
from seventh.lint.clocks.lines import (
    Conf,
    Directive,
    Reading,
    is_missing,
    is_unended,
    shown,
    split,
)
from seventh.lintkit.files import Files, Text
from seventh.model.source import Line
from seventh.wire.table import read_text

NEWEST = (4, 8)
"""The newest supported version of chrony."""
MAX_LINE_CHARS = 2046
"""chronyd's buffer has 2048 bytes, including the line end."""
MAX_DEPTH = 10
"""The limit of chronyd on nested includes, including the main file."""
MAX_FOLDERS = 10
"""The limit of chronyd on folders in one confdir or sourcedir."""
_COMMENTS = "!;#%"
_SOURCES = frozenset({"server", "pool", "peer"})


def read(text: Text, files: Files, version: Version | None = None) -> Conf:
    """Read the configuration that starts with ``text``; ``version`` None: any supported one.

    The directives are in the order of ``chronyd -p``, followed by the sources of ``sourcedir``
    folders, which chronyd adds last.
    """
    reader = _Reader(files, version)
    reader.file(text)
    reader.source_folders()
    return reader.reading.conf()


def read_sources(text: Text, files: Files, version: Version | None = None) -> Conf:
    """Read a file of a sourcedir, which contains sources only."""
    reader = _Reader(files, version)
    reader.sources(text)
    return reader.reading.conf()


class _Reader:
    """The state of :func:`read`."""

    def __init__(self, files: Files, version: Version | None) -> None:
        self.reading = Reading(files)
        self.version = version
        self._folders: list[Directive] = []

    def file(self, text: Text) -> None:
        """Read every line of a file and of those that it includes."""
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
        """Read the files of the sourcedir lines, in the order of the lines."""
        for directive in self._folders:
            for path in self._of_folders(directive, ".sources"):
                if (text := self.reading.read(path, directive.at)) is not None:
                    self.sources(text)

    def sources(self, text: Text) -> None:
        """Read a file of sources; chronyd ignores all other lines, and one without a line end."""
        last = len(text.lines) if is_unended(text.name) else 0
        for number, line in self.reading.lines(text):
            if (directive := self._directive(text.name, number, line)) is None:
                continue
            if directive.name not in _SOURCES:
                self.reading.refuse(
                    directive.at, "only server, pool and peer are allowed: chronyd ignores the line"
                )
            elif number == last:
                self.reading.refuse(
                    directive.at, "the last line has no line end: chronyd ignores it"
                )
            else:
                self.reading.directives.append(directive)

    def _directive(self, name: str, number: int, line: str) -> Directive | None:
        """Return a line's directive; None for a comment, or a line that chronyd refuses."""
        if len(line) > MAX_LINE_CHARS:
            at = Line(file=name, line=number, text="")
            self.reading.refuse(
                at, f"line of {len(line)} characters; the limit of chronyd is {MAX_LINE_CHARS}"
            )
            return None
        words = split(line)
        if not words or words[0][0] in _COMMENTS:
            return None
        word, rest = words[0].lower(), tuple(words[1:])
        if error := grammar().mismatch(word, rest, self.version):
            self.reading.refuse(Line(file=name, line=number, text=""), error)
            return None
        return Directive(word, rest, Line(file=name, line=number, text=shown(words)))

    # -- includes ----------------------------------------------------------------------------------

    def _include(self, directive: Directive) -> None:
        if not self.reading.may_look(directive.at):
            return
        pattern = directive.words[0]
        if glob.has_magic(pattern):
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
                    f"includes form a cycle, or are nested more than {MAX_DEPTH} files deep: "
                    "chronyd does not start",
                )
                return
            if os.path.isdir(path):  # noqa: PTH112 - never raises
                continue  # chronyd reads no line from a folder
            if (text := self.reading.read(path, directive.at)) is not None:
                self.file(text)

    def _of_folders(self, directive: Directive, suffix: str) -> list[Path]:
        """Return the files of the folders by name; with equal names, that of the first folder."""
        if len(directive.words) > MAX_FOLDERS:
            self.reading.refuse(directive.at, f"more than {MAX_FOLDERS} folders in one line")
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
    """Return the grammar of chronyd."""
    return Grammar(read_text(__package__, "directives.toml"), "chronyd")
