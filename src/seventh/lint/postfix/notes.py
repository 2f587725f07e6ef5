"""What Postfix says nothing of, or only in its log: lines without effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from seventh.lint.postfix import parameters
from seventh.lint.postfix.conf import Entry, Main, Service
from seventh.lint.postfix.parameters import Version
from seventh.lint.postfix.scope import references, split
from seventh.lintkit.files import Files

_MOST_SUGGESTED = 20
"""Unknown names for which a similar one is looked for; it takes milliseconds."""
_TABLE = re.compile(r"(?:ldap|mysql|pgsql|sqlite|memcache):([A-Za-z0-9_]+)")


def note_overridden(main: Main, files: Files) -> None:
    """Note entries that a later one with another value replaces."""
    for entry, winner in main.overridden:
        files.note(
            entry.at.file, entry.at.line,
            f"{entry.name} has no effect here: line {winner.at.line} sets it again",
        )  # fmt: skip


def note_unknown(
    main: Main, services: tuple[Service, ...] | None, version: Version | None, files: Files
) -> None:
    """Note parameters that Postfix ignores: not its own, and not referred to.

    ``services`` None is: master.cf was not read. ``version`` None: any supported one.
    """
    used = _Used(main, services)
    suggested = 0
    for entry in _entries(main, services or ()):
        if entry.name in used:
            continue
        why = _not_in(entry.name, version)
        if why is None:
            continue
        if not why:
            suggested += 1
            near = parameters.suggestion(entry.name) if suggested <= _MOST_SUGGESTED else ""
            why = "unknown parameter" + (f" (did you mean {near}?)" if near else "")
        files.note(entry.at.file, entry.at.line, f"{entry.name}: {why}: Postfix ignores it")


def _entries(main: Main, services: Iterable[Service]) -> Iterator[Entry]:
    yield from main.entries.values()
    for service in services:
        yield from service.overrides.values()


def _not_in(name: str, version: Version | None) -> str | None:
    """Return why a version does not have a parameter, empty for an unknown one; None if it has."""
    parameter = parameters.table().get(name)
    if parameter is None:
        return ""
    if version is None:
        return None
    if version[:2] < parameter.since:
        return f"requires Postfix {'.'.join(map(str, parameter.since))}"
    if parameter.until is not None and version[:2] >= parameter.until:
        return f"removed in Postfix {'.'.join(map(str, parameter.until))}"
    return None


class _Used:
    """The names of a user's own that something refers to."""

    def __init__(self, main: Main, services: tuple[Service, ...] | None) -> None:
        self._names: set[str] = set()
        self._tables: set[str] = set()
        self._services = None if services is None else {service.name for service in services}
        for entry in _entries(main, services or ()):
            self._names.update(references(entry.value))
            self._tables.update(_TABLE.findall(entry.value))
            if entry.name == "smtpd_restriction_classes":
                self._names.update(split(entry.value))

    def __contains__(self, name: str) -> bool:
        if name in self._names or any(name.startswith(f"{table}_") for table in self._tables):
            return True
        if self._services is None:
            return parameters.ends_as_of_service(name)
        return parameters.is_of_service(name, self._services)
