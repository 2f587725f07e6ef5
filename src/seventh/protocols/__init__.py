"""One folder a protocol, found by looking: nothing here is edited to add one.

A folder is a room when its ``__init__`` has ``SPEC``. Rooms kept elsewhere are found through the
environment variable SEVENTH_ROOMS, a list of directories searched like the one of this file.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from seventh.model.checklist import CheckLine
from seventh.model.facts import Facts
from seventh.model.failure import UsageError
from seventh.model.spec import Spec
from seventh.model.target import Scheme
from seventh.model.watched import Watched
from seventh.rules.collect import rules_of
from seventh.rules.rule import AnyRule

if TYPE_CHECKING:
    from seventh.localkit.area import Area

__path__.extend(p for p in os.environ.get("SEVENTH_ROOMS", "").split(os.pathsep) if p)


@functools.cache
def rooms() -> dict[str, Spec]:
    """Return every room's spec by its name."""
    found: dict[str, Spec] = {}
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        if info.ispkg:
            module = importlib.import_module(f"{__name__}.{info.name}")
            spec = getattr(module, "SPEC", None)
            if isinstance(spec, Spec):
                found[info.name] = spec
    return found


@functools.cache
def schemes() -> dict[str, Scheme]:
    """Return every scheme that some room answers to."""
    return {scheme.name: scheme for spec in rooms().values() for scheme in spec.schemes}


@functools.cache
def _rooms_by_scheme() -> dict[str, Spec]:
    return {scheme.name: spec for spec in rooms().values() for scheme in spec.schemes}


def room_of(scheme: str) -> Spec:
    """Return the room that answers to ``scheme``; UsageError when none does."""
    spec = _rooms_by_scheme().get(scheme)
    if spec is None:
        raise UsageError(f"unknown scheme {scheme}://")
    return spec


def part(room: str, name: str) -> ModuleType:
    """Import a room's module, such as ``probe`` or ``rules``, with its heavy libraries."""
    full = f"{__name__}.{room}.{name}"
    return sys.modules.get(full) or importlib.import_module(full)


def has_part(room: str, name: str) -> bool:
    """Return whether the room's folder has that module."""
    return importlib.util.find_spec(f"{__name__}.{room}.{name}") is not None


@functools.cache
def rules(room: str) -> tuple[AnyRule, ...]:
    """Return every rule of the room; none where it has no folder ``rules``."""
    return rules_of(part(room, "rules")) if has_part(room, "rules") else ()


@functools.cache
def _facts() -> dict[str, tuple[str, type[Facts]]]:
    """Return, by key of a report, the room that owns those facts, and their type."""
    return {
        kind.ROOM: (room, kind)
        for room in rooms()
        for kind in vars(part(room, "facts")).values()
        if isinstance(kind, type) and issubclass(kind, Facts) and room == (kind.OWNER or kind.ROOM)
    }


@functools.cache
def owner(key: str) -> str:
    """Return the room whose rules judge the facts under ``key`` of a report."""
    return key if key in rooms() else _facts()[key][0]


def facts_type(key: str) -> type[Facts] | None:
    """Return the type of the facts under ``key`` of a report; None if no room has them."""
    if key in rooms():
        kinds = vars(part(key, "facts")).values()
        return next(k for k in kinds if isinstance(k, type) and getattr(k, "ROOM", "") == key)
    found = _facts().get(key)
    return found[1] if found is not None else None


@functools.cache
def checklist(room: str) -> tuple[CheckLine, ...]:
    """Return the room's debugging checklist; none where it has no module ``checklist``."""
    if not has_part(room, "checklist"):
        return ()
    lines: tuple[CheckLine, ...] = part(room, "checklist").LINES
    return lines


@functools.cache
def watched(room: str) -> tuple[Watched, ...]:
    """Return the metrics that a monitoring plugin draws; none without a module ``watched``."""
    if room not in rooms() or not has_part(room, "watched"):
        return ()
    values: tuple[Watched, ...] = part(room, "watched").WATCHED
    return values


@functools.cache
def areas() -> dict[str, tuple[str, Area]]:
    """Return every area of ``seventh local`` by name, with its room: those of modules ``local``."""
    found: dict[str, tuple[str, Area]] = {}
    for room in rooms():
        for area in part(room, "local").AREAS if has_part(room, "local") else ():
            found[area.name] = (room, area)
    return found


def folder(room: str) -> Path:
    """Return where the room's files are."""
    module = importlib.import_module(f"{__name__}.{room}")
    return Path(module.__path__[0])
