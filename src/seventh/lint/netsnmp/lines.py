"""Directives of net-snmp's files: words, quotes, includes, and lines for other programs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seventh.lintkit.files import Files, Text, is_there
from seventh.lintkit.place import place_of
from seventh.model.source import Line
from seventh.wire.text import printable

SYSTEM = "/etc/snmp"
MAX_DEPTH = 16
MAX_DIRECTIVES = 20_000
_WORD = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s#]\S*)|(\#))""")
_FOR = re.compile(r"\[(\w+)\]\s*(.*)")
_HIDDEN = "***"
_SECRETS = {
    "rocommunity": (0,), "rwcommunity": (0,), "rocommunity6": (0,), "rwcommunity6": (0,),
    "authcommunity": (1,), "com2sec": (-1,), "com2sec6": (-1,), "com2secunix": (-1,),
}  # fmt: skip
"""Where directives have a community."""


class Directive(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    name: str
    """In lower case: net-snmp does not distinguish case."""
    token: str
    """As it is written."""
    words: tuple[str, ...]
    at: Line
    """Its text has no community and no password."""

    @property
    def key(self) -> str:
        """A name for the line, for settings."""
        return f"{self.name} {self.at.file}:{self.at.line}".lower()

    def shown(self, words: tuple[str, ...]) -> str:
        """Return a line of this directive with ``words``, without its secrets."""
        return shown(self.token, words)


def directives(text: Text, files: Files, daemon: str) -> Iterator[Directive]:
    """Yield the directives for ``daemon`` in a file and in what it includes."""
    return _Reader(files, daemon).file(text)


class _Reader:
    def __init__(self, files: Files, daemon: str) -> None:
        self._files = files
        self._daemon = daemon
        self._open: list[str] = []
        self._count = 0

    def file(self, text: Text) -> Iterator[Directive]:
        self._open.append(os.path.realpath(text.name))
        current = self._daemon
        for number, raw in text.numbered():
            line = raw.strip()
            whose = current
            if (match := _FOR.fullmatch(line)) is not None:
                whose, line = match[1].lower(), match[2]
                if not line:  # it holds for the rest of the file
                    current = whose
            name, _, rest = line.partition(" ") if "\t" not in line else _parted(line)
            if not name or name.startswith("#") or whose != self._daemon:
                continue
            self._count += 1
            if self._count > MAX_DIRECTIVES:
                self._files.unreadable(text.name, number, f"more than {MAX_DIRECTIVES} directives")
                break
            found = words_of(rest)
            at = Line(file=text.name, line=number, text=shown(name, found))
            directive = Directive(name=name.lower(), token=name, words=found, at=at)
            if directive.name in {"includefile", "includedir"}:
                yield from self._include(directive)
            else:
                yield directive
        self._open.pop()

    def _include(self, directive: Directive) -> Iterator[Directive]:
        at = directive.at
        if not directive.words:
            return
        if len(self._open) > MAX_DEPTH:
            self._files.unreadable(at.file, at.line, f"includes nest more than {MAX_DEPTH} deep")
            return
        path = place_of(at.file, SYSTEM).path(directive.words[0])
        if directive.name == "includedir":
            paths = self._files.matching(str(path / "*.conf"))
        elif is_there(path):
            paths = [path]
        else:
            self._files.unreadable(at.file, at.line, f"includeFile {path}: no such file")
            return
        for each in paths:
            if os.path.realpath(each) not in self._open:
                yield from self._read(each, at)

    def _read(self, path: Path, at: Line) -> Iterator[Directive]:
        text = self._files.read(path, at=at)
        if text is not None:
            yield from self.file(text)


def _parted(line: str) -> tuple[str, str, str]:
    name, *rest = line.split(None, 1)
    return name, " ", "".join(rest)


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a line; # before a word ends it."""
    words: list[str] = []
    for match in _WORD.finditer(text):
        if match[4] is not None:
            break
        quoted = match[1] if match[1] is not None else match[2]
        words.append(match[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return tuple(words)


def shown(token: str, words: tuple[str, ...]) -> str:
    """Return a directive without its communities, passwords and keys."""
    name, hidden = token.lower(), list(words)
    if name in {"createuser", "usmuser"}:
        hidden = _without_keys(words)
    for at in _SECRETS.get(name, ()):
        if len(words) > (at if at >= 0 else 2):
            hidden[at] = _HIDDEN
    return printable(" ".join((token, *map(_quoted, hidden))), 300)


def _quoted(word: str) -> str:
    return word if word and not word.split()[1:] else f'"{word}"'


def _without_keys(words: tuple[str, ...]) -> list[str]:
    """Keep what is the name or an algorithm, and options that are not keys."""
    return [
        word
        if at == 0 or re.fullmatch(r"(?i)-[eml]|MD5|SHA(-?\d+)?|DES|AES(-?\d+)?(-?C)?|x?", word)
        else _HIDDEN
        for at, word in enumerate(words)
    ]
