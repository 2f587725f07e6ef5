"""The gist of facts: what a person wants to see of a record, chosen by its shape alone.

No room is known here. A field is said when it was learnt (it differs from its default); units leave
the name and join the value; long lists say how long they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, fields

from seventh.wire.text import printable

_SHOWN = 3
_NESTED = 4
_TEXT_LIMIT = 96
# What names a record among its like, the best first.
_NAMES = ("name", "subject", "id", "algorithm", "address", "host", "kind", "type", "version")
# The header of a report says these already.
_HEADED = frozenset(["host", "port"])
_UNITS = {"bytes": "B", "bits": "bit", "days": "days", "hertz": "Hz", "ppm": "ppm"}


def gist(facts: msgspec.Struct) -> list[tuple[str, str]]:
    """(label, value) for every fact that was learnt, in the order of declaration, safe to show."""
    pairs: list[tuple[str, str]] = []
    for name, value in _learnt(facts):
        if name not in _HEADED:
            label, said = _say(name, value)
            if said:
                pairs.append((label, said))
    return pairs


def duration(seconds: float) -> str:
    """A length of time with three significant digits and a fitting unit, as in ``41.2 ms``."""
    if not math.isfinite(seconds):
        return "-"
    size = abs(seconds)
    if size < 1e-6:
        return f"{seconds * 1e9:.0f} ns" if seconds else "0 s"
    if size < 0.999_5e-3:
        return f"{_three(seconds * 1e6)} µs"
    if size < 0.999_5:
        return f"{_three(seconds * 1e3)} ms"
    if size < 120:
        return f"{_three(seconds)} s"
    for unit, length in (("days", 86_400), ("h", 3600)):
        if size >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds / 60:.1f} min"


def _three(value: float) -> str:
    whole = len(f"{abs(value):.0f}")
    return f"{value:.{max(0, 3 - whole)}f}"


def _learnt(record: msgspec.Struct) -> Iterable[tuple[str, Any]]:
    for field in fields(record):
        value = getattr(record, field.name)
        if value is None or value == "" or (isinstance(value, _COLLECTIONS) and not value):
            continue
        if not unlearnt(field, value):
            yield field.name, value


def unlearnt(field: FieldInfo, value: Any) -> bool:
    """Whether ``value`` is the field's default, which means that nothing was learnt."""
    if field.default is not msgspec.NODEFAULT:
        return bool(value == field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return False


_COLLECTIONS = (list, tuple, set, frozenset, Mapping)


def _say(name: str, value: Any) -> tuple[str, str]:
    label, _, unit = name.rpartition("_")
    if unit == "seconds" and isinstance(value, int | float) and not isinstance(value, bool):
        return _label(label or name), duration(value)
    if unit in _UNITS and isinstance(value, int | float):
        return _label(label or name), f"{_atom(value)} {_UNITS[unit]}"
    return _label(name), _value(name, value)


def _label(name: str) -> str:
    return name.replace("_", " ")


def _value(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        items = [f"{_atom(key)} {_atom(item)}" for key, item in sorted(value.items(), key=str)]
        return _list(items, ", ")
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        return _list([_atom(item) for item in value], " ← " if "chain" in name else ", ")
    if isinstance(value, msgspec.Struct):
        return "; ".join(f"{label} {said}" for label, said in gist(value)[:_NESTED])
    return _atom(value)


def _list(items: list[str], between: str) -> str:
    items = list(dict.fromkeys(items))
    shown = between.join(items[:_SHOWN])
    rest = len(items) - _SHOWN
    return f"{shown} (+{rest})" if rest > 0 else shown


def _atom(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "-"
    if isinstance(value, bytes):
        return f"{len(value)} B"
    if isinstance(value, msgspec.Struct):
        known = dict(_learnt(value))
        name = next((known[name] for name in _NAMES if name in known), None)
        if name is None:
            first = next(iter(known.items()), None)
            return f"{_label(first[0])} {_atom(first[1])}" if first else "-"
        return _atom(name)
    if isinstance(value, list | tuple | set | frozenset):
        return f"{len(value)} of them"
    return printable(str(value), _TEXT_LIMIT)
