"""Reads main.cf and master.cf as Postfix does, and what it would refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from seventh.lint.postfix.lines import SPACE, Logical, Stray, logical
from seventh.lintkit.files import Files, Text
from seventh.model.source import Line
from seventh.wire.text import printable

MAX_SERVICES = 1000
"""Services of master.cf that are read."""
_SHOWN = 300
_FIELDS = 8
"""Fields of a service up to its command."""
_TYPES = frozenset({"inet", "unix", "fifo", "pass", "unix-dgram"})
_NAME_VALUE = re.compile(r"([^ \t\n\v\f\r=]+)[ \t\n\v\f\r]*=", re.DOTALL)
_BLANKS = " \t\r\n"
"""What separates the fields of master.cf."""
PORTS: Mapping[str, int] = {
    "smtp": 25, "smtps": 465, "submissions": 465, "submission": 587, "qmtp": 209, "lmtp": 24,
}  # fmt: skip
"""Services by their names in services(5)."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter that a file sets."""

    name: str
    value: str
    """As written, on one line."""
    at: Line
    last: int
    """The last of its lines."""


class Main(msgspec.Struct, frozen=True, kw_only=True):
    """A main.cf."""

    entries: Mapping[str, Entry]
    """By name, the entry that applies: the last one."""
    overridden: tuple[tuple[Entry, Entry], ...]
    """Entries that a later one with another value replaces, each with that one."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service of master.cf."""

    name: str
    type: str
    command: str
    """The daemon's name, such as ``smtpd``."""
    overrides: Mapping[str, Entry]
    """What ``-o`` sets; the last one of a name."""
    at: Line
    last: int
    chroot: str = "-"

    @property
    def label(self) -> str:
        """The service as ``postconf -M`` names it, such as ``submission/inet``."""
        return f"{self.name}/{self.type}"

    @property
    def host(self) -> str:
        """The address that it listens on; empty for those of inet_interfaces."""
        return self.name.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int | None:
        """The TCP port; None where the name is not one that is known here."""
        name = self.name.rpartition(":")[2]
        if name.isascii() and name.isdigit():
            return int(name[:6])
        return PORTS.get(name)


class _Reader:
    def __init__(self, text: Text, files: Files) -> None:
        self._text = text
        self._files = files

    def _lines(self) -> Iterator[Logical]:
        for line in logical(self._text):
            if isinstance(line, Stray):
                self._files.note(
                    self._text.name, line.number,
                    "begins with blanks, but continues no line: Postfix skips it",
                )  # fmt: skip
            else:
                yield line

    def _at(self, number: int, text: str) -> Line:
        return Line(file=self._text.name, line=number, text=printable(text, _SHOWN))

    def _refuse(self, line: Logical, why: str) -> None:
        self._files.problem(self._text.name, line.number, f"{why}: Postfix does not start")


class MainReader(_Reader):
    """Reads a main.cf."""

    def read(self) -> Main:
        """Return its entries."""
        entries: dict[str, Entry] = {}
        overridden: list[tuple[Entry, Entry]] = []
        for line in self._lines():
            pair = name_and_value(line.text)
            if pair is None:
                self._refuse(line, 'no "=" after the name of a parameter')
                continue
            name, value = pair
            at = self._at(line.number, f"{name} = {value}")
            entry = Entry(name=name, value=value, at=at, last=line.last)
            before = entries.get(name)
            if before is not None and before.value != value:
                overridden.append((before, entry))
            entries[name] = entry
        return Main(entries=entries, overridden=tuple(overridden))


class MasterReader(_Reader):
    """Reads a master.cf."""

    def read(self) -> tuple[Service, ...]:
        """Return its services."""
        services: list[Service] = []
        for line in self._lines():
            if len(services) >= MAX_SERVICES:
                self._files.unreadable(
                    self._text.name, line.number,
                    f"more than {MAX_SERVICES} services: the rest is skipped",
                )  # fmt: skip
                break
            if (service := self._service(line)) is not None:
                services.append(service)
        return tuple(services)

    def _service(self, line: Logical) -> Service | None:
        words = fields(line.text)
        if why := _fault(words):
            self._refuse(line, why)
            return None
        at = self._at(line.number, " ".join(words[:_FIELDS]))
        overrides: dict[str, Entry] = {}
        for pair in _overrides(words[_FIELDS:]):
            named = name_and_value(pair)
            if named is None:
                self._refuse(line, f'-o {printable(pair, 60)} has no "="')
                continue
            name, value = named
            entry = Entry(
                name=name, value=value, last=line.last,
                at=self._at(self._line_of(line, name), f"-o {name}={value}"),
            )  # fmt: skip
            overrides[name] = entry
        return Service(
            name=words[0], type=words[1], command=words[7].rpartition("/")[2],
            overrides=overrides, at=at, last=line.last, chroot=words[4],
        )  # fmt: skip

    def _line_of(self, line: Logical, name: str) -> int:
        """Return the last line of a service that sets ``name``."""
        wanted = re.compile(rf"-o\s*{{?\s*{re.escape(name)}\s*=|^\s+{{?\s*{re.escape(name)}\s*=")
        numbers = range(line.last, line.number, -1)
        return next(
            (number for number in numbers if wanted.search(self._text.lines[number - 1])),
            line.number,
        )


def name_and_value(text: str) -> tuple[str, str] | None:
    """Split ``name = value``; None for what Postfix refuses."""
    match = _NAME_VALUE.match(text.lstrip(SPACE))
    if match is None:
        return None
    return match[1], text.lstrip(SPACE)[match.end() :].strip(SPACE)


def fields(text: str) -> list[str]:
    """Split a line of master.cf at blanks, except within braces."""
    found: list[str] = []
    level = 0
    word: list[str] = []
    for part in re.findall(r"[{}]|[ \t\r\n]+|[^{} \t\r\n]+", text):
        if part[0] in _BLANKS and not level:
            found += ["".join(word)] * bool(word)
            word = []
            continue
        level = max(0, level + (part == "{") - (part == "}"))
        word.append(part)
    return found + ["".join(word)] * bool(word)


def _fault(words: list[str]) -> str:
    """Return why Postfix refuses the fields of a service; empty if it does not."""
    if len(words) < _FIELDS:
        return f"{len(words)} fields of {_FIELDS}"
    if words[1] not in _TYPES:
        return f"unknown service type {printable(words[1], 40)}"
    for name, word in zip(("private", "unprivileged", "chroot"), words[2:5], strict=True):
        if word not in {"y", "n", "-"}:
            return f"{name} must be y, n or -"
    if not re.fullmatch(r"-\??|[0-9]*\??", words[5]):
        return "the wake-up time must be a number or -"
    return "" if re.fullmatch(r"-|[0-9]*", words[6]) else "maxproc must be a number or -"


def _overrides(words: list[str]) -> Iterator[str]:
    """Yield the values of ``-o``, which may follow other flags, as in ``-vo name=value``."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "--":
            return
        _, found, value = word.partition("o")
        if not found:
            continue
        value = value or next(rest, "")
        yield value[1:-1] if value.startswith("{") and value.endswith("}") else value
