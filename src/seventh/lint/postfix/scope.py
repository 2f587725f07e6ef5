"""The parameters as one daemon sees them: ``-o`` of its service, main.cf, the version's default."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from seventh.lint.postfix import parameters
from seventh.lint.postfix.conf import Entry, Main, Service
from seventh.lint.postfix.expand import BadReferenceError, expand
from seventh.lint.postfix.lines import SPACE
from seventh.lint.postfix.parameters import Version
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Setting, Software
from seventh.model.source import Line
from seventh.wire.text import printable

_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TIME = re.compile(r"([0-9]{1,9})([a-zA-Z]?)")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """What all services share."""

    main: Main
    main_name: str
    files: Files
    software: Software
    assumed: bool
    """Whether the version is not known, so that the newest is assumed."""

    @property
    def version(self) -> Version:
        """The version whose defaults apply."""
        return self.software.version

    @property
    def of_version(self) -> str:
        """Whose default it is, as a setting's line says it."""
        return f"default of {self.software}{', assumed' if self.assumed else ''}"


class Scope:
    """The parameters of one service; of main.cf alone where there is none."""

    def __init__(self, base: Base, service: Service | None = None) -> None:
        self.base = base
        self.service = service
        self._values: dict[str, str | None] = {}

    def entry(self, name: str) -> Entry | None:
        """Return the line that sets a parameter here; None for a default."""
        if self.service is not None and (own := self.service.overrides.get(name)) is not None:
            return own
        return self.base.main.entries.get(name)

    def raw(self, name: str) -> str | None:
        """Return a value before expansion; empty for an unknown name, None if it is not known."""
        if self.service is not None and name in {"process_name", "service_name"}:
            return self.service.command if name == "process_name" else self.service.name
        if (entry := self.entry(name)) is not None:
            return entry.value
        if name not in parameters.table():
            return ""
        return parameters.default(name, self.base.version)

    def value(self, name: str) -> str | None:
        """Return a value with its references replaced; None if it is not known."""
        if name not in self._values:
            self._values[name] = self._expanded(name)
        return self._values[name]

    def _expanded(self, name: str) -> str | None:
        raw = self.raw(name)
        if raw is None or "$" not in raw:
            return raw
        try:
            value = expand(raw, self.raw)
        except BadReferenceError as error:
            self._refuse(name, str(error))
            return None
        return None if value is None else value.strip(SPACE)

    def yes(self, name: str) -> bool | None:
        """Return whether a parameter is ``yes``; None if it is not known."""
        value = self.value(name)
        if value is None or value.lower() in {"yes", "no"}:
            return None if value is None else value.lower() == "yes"
        self._refuse(name, "neither yes nor no")
        return None

    def integer(self, name: str) -> int | None:
        """Return a number; None if it is not known."""
        value = self.value(name)
        if value is None or re.fullmatch("[0-9]{1,18}", value):
            return None if value is None else int(value)
        self._refuse(name, "not a number")
        return None

    def seconds(self, name: str, unit: str) -> int | None:
        """Return a time in seconds, whose unit is ``unit`` if it has none."""
        value = self.value(name)
        if value is None:
            return None
        match = _TIME.fullmatch(value)
        scale = _SECONDS.get((match[2] or unit).lower()) if match is not None else None
        if match is None or scale is None:
            self._refuse(name, "not a time such as 300s, 5m, 1h, 5d or 1w")
            return None
        return int(match[1]) * scale

    def words(self, name: str) -> list[str] | None:
        """Return a list's words, separated by commas and blanks; None if it is not known."""
        value = self.value(name)
        return None if value is None else split(value)

    def settings(self, names: Sequence[str]) -> dict[str, tuple[Setting, ...]]:
        """Return the line of each parameter, or its default."""
        return {name: (self._setting(name),) for name in names}

    def _setting(self, name: str) -> Setting:
        entry = self.entry(name)
        if entry is not None:
            value = self.value(name)
            text = entry.at.text
            if value is not None and value != entry.value:
                text = f"{text} (in effect: {value})"
            at = Line(file=entry.at.file, line=entry.at.line, text=printable(text, 600))
            return Setting(value=entry.value, at=at)
        raw = self.raw(name)
        shown = f"{name} = {raw}".rstrip() if raw is not None else f"{name} not set"
        text = printable(f"{shown} ({self.base.of_version})", 600)
        at = Line(file=self.base.main_name, line=None, text=text)
        return Setting(value=raw or "", at=at)

    def _refuse(self, name: str, why: str) -> None:
        entry = self.entry(name)
        if entry is not None:
            problem = Line(
                file=entry.at.file, line=entry.at.line,
                text=printable(f"{name}: {why}: Postfix does not start", 300),
            )  # fmt: skip
            if problem not in self.base.files.problems:
                self.base.files.problem(problem.file, problem.line, problem.text)


def split(value: str) -> list[str]:
    """Split a list at commas and blanks, except within braces."""
    found: list[str] = []
    level = 0
    word: list[str] = []
    for part in re.findall(r"[{}]|[ \t\r\n,]+|[^{} \t\r\n,]+", value):
        if part[0] in " \t\r\n," and not level:
            found += ["".join(word)] * bool(word)
            word = []
            continue
        level = max(0, level + (part == "{") - (part == "}"))
        word.append(part)
    return found + ["".join(word)] * bool(word)


def references(value: str) -> Iterator[str]:
    """Yield the names that a value refers to, also in what is not taken of a conditional."""
    yield from re.findall(r"\$[({]?\s*([A-Za-z0-9_]+)", value)
