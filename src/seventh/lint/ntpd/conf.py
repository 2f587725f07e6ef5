"""Reading ntp.conf as ntpd and ntpsec's ntpd read it.

Both log a line that they do not understand and go on without it, so that what such a line was to
forbid stays allowed.
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

NEWEST = {"ntpd": (4, 2, 8), "ntpsec": (1, 2, 5)}
"""The newest version of each whose directives and defaults are known here."""
MAX_DEPTH = 5
"""How deep includefile goes; what lies deeper is left out."""
_TOKEN = re.compile(r'"([^"]*)"?|([^\s"#]+)|#')
_HIDDEN = "…"
_SAID_PRODUCT = {"ntpd": "ntpd", "ntpsec": "ntpsec's ntpd"}


def read(text: Text, files: Files, product: str, version: Version | None = None) -> Conf:
    """Return the configuration that starts with ``text``, of ``ntpd`` or ``ntpsec``."""
    reader = _Reader(files, product, version)
    reader.file(text)
    if product == "ntpsec" and os.path.basename(text.name) == "ntp.conf":  # noqa: PTH119
        reader.folder(Path(text.name).with_name("ntp.d"), Line(file=text.name, line=None, text=""))
    return reader.reading.conf()


@functools.cache
def grammar() -> Grammar:
    """Return what the two take; read when first asked for."""
    return Grammar(Path(__file__).with_name("directives.toml"), "ntpd", strict=True)


def words_of(line: str) -> list[str]:
    """The words of a line: quotation marks hold blanks together, # starts a comment anywhere."""
    words: list[str] = []
    for found in _TOKEN.finditer(line):
        if found.group() == "#":
            break
        quoted = found.group(1)
        words.append(found.group(2) if quoted is None else quoted)
    return words


class _Reader:
    """One reading; see :func:`read`."""

    def __init__(self, files: Files, product: str, version: Version | None) -> None:
        self.reading = Reading(files)
        self.product = product
        self.version = version
        self._ended = False

    def file(self, text: Text) -> None:
        """Every line of a file, and of those that it includes."""
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
        """Every ``*.conf`` of a folder, as ntpsec reads one that is included."""
        for path in self.reading.listed(folder, ".conf", at):
            self._enter(path, at)

    def _directive(self, name: str, number: int, line: str) -> Directive | None:
        words = words_of(line)
        if not words:
            return None
        words = _discreet(words)
        word = words[0]
        rest = tuple(words[1:])
        why = grammar().mismatch(word, rest, self.version, self.product)
        if not why:
            return Directive(word, rest, Line(file=name, line=number, text=shown(words)))
        if word.lower() != word and word.lower() in grammar().directives:
            why += "; directives are written in lower case"
        at = Line(file=name, line=number, text="")
        self.reading.refuse(at, f"{why}: {_SAID_PRODUCT[self.product]} ignores the line")
        return None

    def _include(self, directive: Directive, including: str) -> None:
        """Follow an includefile line; ntpsec looks from the including file's folder."""
        if not self.reading.may_look(directive.at):
            return
        if self.product == "ntpsec" and not directive.words[0].startswith("/"):
            path = Path(including).parent / directive.words[0]
        else:
            path = self.reading.place(directive.words[0])
        if is_missing(path):
            # It may stand on the machine that the file is of; where not, the program goes on.
            self.reading.files.unreadable(
                directive.at.file, directive.at.line, f"{path} was not read: no such file here; "
                f"{_SAID_PRODUCT[self.product]} goes on without it",
            )  # fmt: skip
        elif os.path.isdir(path):  # noqa: PTH112 - never raises
            if self.product == "ntpsec":
                self.folder(path, directive.at)
            else:
                self.reading.refuse(directive.at, "a folder is included: ntpd reads nothing of it")
        else:
            self._enter(path, directive.at)

    def _enter(self, path: Path, at: Line) -> None:
        if self.reading.is_open(path) or self.reading.depth > MAX_DEPTH:
            self.reading.refuse(
                at, f"files include each other in a circle, or deeper than {MAX_DEPTH}"
            )
        elif (text := self.reading.enter(path, at)) is not None:
            self.reading.leave()
            self.file(text)


def _discreet(words: list[str]) -> list[str]:
    """Return the words without the passwords that a crypto line may hold."""
    if words[0] != "crypto":
        return words
    return [
        _HIDDEN if before in {"pw", "pwhash"} else word
        for before, word in zip(["", *words], words, strict=False)
    ]
