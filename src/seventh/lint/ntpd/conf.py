"""Reads ntp.conf as ntpd and ntpsec's ntpd do.

Both log an invalid line and continue without it, so that what the line should deny remains allowed.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path

from seventh.lint.clocks.grammar import Grammar, Version
from seventh.lint.clocks.lines import Conf, Directive, Reading, is_missing, shown
from seventh.lintkit.files import Files, Text
from seventh.model.source import Line
from seventh.wire.table import read_text

NEWEST = {"ntpd": (4, 2, 8), "ntpsec": (1, 2, 5)}
"""The newest supported version of each."""
MAX_DEPTH = 5
"""The limit on nested includes; deeper ones are ignored."""
_TOKEN = re.compile(r'"([^"]*)"?|([^\s"#]+)|#')
_HIDDEN = "…"
_PROGRAMS = {"ntpd": "ntpd", "ntpsec": "ntpsec's ntpd"}


def read(text: Text, files: Files, product: str, version: Version | None = None) -> Conf:
    """Read the configuration of ``ntpd`` or ``ntpsec`` that starts with ``text``."""
    reader = _Reader(files, product, version)
    reader.file(text)
    if product == "ntpsec" and os.path.basename(text.name) == "ntp.conf":  # noqa: PTH119
        reader.folder(Path(text.name).with_name("ntp.d"), Line(file=text.name, line=None, text=""))
    return reader.reading.conf()


@functools.cache
def grammar() -> Grammar:
    """Return the grammar of both programs."""
    return Grammar(read_text(__package__, "directives.toml"), "ntpd", strict=True)


def words_of(line: str) -> list[str]:
    """Return the words of a line; blanks in quotation marks belong to a word, # ends the line."""
    words: list[str] = []
    for found in _TOKEN.finditer(line):
        if found.group() == "#":
            break
        quoted = found.group(1)
        words.append(found.group(2) if quoted is None else quoted)
    return words


class _Reader:
    """The state of :func:`read`."""

    def __init__(self, files: Files, product: str, version: Version | None) -> None:
        self.reading = Reading(files)
        self.product = product
        self.version = version
        self._ended = False

    def file(self, text: Text) -> None:
        """Read every line of a file and of those that it includes."""
        self.reading.opened(text.name)
        for number, line in self.reading.lines(text):
            if self._ended:
                break
            if (directive := self._directive(text.name, number, line)) is None:
                continue
            if directive.name == "includefile":
                self._include(directive, text.name)
            elif directive.name == "end":
                self._ended = True
            else:
                self.reading.directives.append(directive)
        self.reading.leave()

    def folder(self, folder: Path, at: Line) -> None:
        """Read every ``*.conf`` of a folder, as ntpsec does."""
        for path in self.reading.listed(folder, ".conf", at):
            self._enter(path, at)

    def _directive(self, name: str, number: int, line: str) -> Directive | None:
        words = words_of(line)
        if not words:
            return None
        word, *rest = words = _without_passwords(words)
        error = grammar().mismatch(word, tuple(rest), self.version, self.product)
        if not error:
            return Directive(word, tuple(rest), Line(file=name, line=number, text=shown(words)))
        if word.lower() != word and word.lower() in grammar().directives:
            error += "; directives must be in lower case"
        at = Line(file=name, line=number, text="")
        self.reading.refuse(at, f"{error}: {_PROGRAMS[self.product]} ignores the line")
        return None

    def _include(self, directive: Directive, including: str) -> None:
        """Read the file of an includefile line; for ntpsec it is relative to the including file."""
        if not self.reading.may_look(directive.at):
            return
        if self.product == "ntpsec" and not directive.words[0].startswith("/"):
            path = Path(including).parent / directive.words[0]
        else:
            path = self.reading.place(directive.words[0])
        if is_missing(path):
            # It may exist on the machine of the configuration; else the program continues.
            self.reading.files.unreadable(
                directive.at.file, directive.at.line, f"{path} not read: no such file on this "
                f"machine; {_PROGRAMS[self.product]} continues without it",
            )  # fmt: skip
        elif os.path.isdir(path):  # noqa: PTH112 - never raises
            if self.product == "ntpsec":
                self.folder(path, directive.at)
            else:
                self.reading.refuse(
                    directive.at, "includefile names a folder: ntpd reads nothing from it"
                )
        else:
            self._enter(path, directive.at)

    def _enter(self, path: Path, at: Line) -> None:
        if self.reading.is_open(path) or self.reading.depth > MAX_DEPTH:
            self.reading.refuse(
                at, f"includes form a cycle, or are nested more than {MAX_DEPTH} files deep"
            )
        elif (text := self.reading.read(path, at)) is not None:
            self.file(text)


def _without_passwords(words: list[str]) -> list[str]:
    """Return the words without the passwords of a crypto line."""
    if words[0] != "crypto":
        return words
    return [
        _HIDDEN if before in {"pw", "pwhash"} else word
        for before, word in zip(["", *words], words, strict=False)
    ]
