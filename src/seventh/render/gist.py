"""The gist of facts: what a person wants to see of a record, chosen by its shape alone.

No room is known here. A field is said when it was learnt (it differs from its default) and when
nothing before it said the same; units leave the name and join the value; long lists say how long
they are.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import msgspec
from msgspec.structs import FieldInfo, fields

from seventh.wire.text import printable

_SHOWN = 3
_NESTED = 3
_TEXT_LIMIT = 96
# What names a record among its like, the best first.
_NAMES = (
    "name", "subject", "id", "algorithm", "address", "host", "trait", "kind", "type", "version",
)  # fmt: skip
# The header of a report says these already.
_HEADED = frozenset(["host", "port"])
_COUNTED = 1 << 16
"""So many bytes and more are told in KiB and MiB."""
_UNITS = {"bytes": "B", "bits": "bit", "days": "days", "hertz": "Hz", "ppm": "ppm"}


def gist(
    facts: msgspec.Struct, *, said: Iterable[str] = (), timed: Container[float] = ()
) -> list[tuple[str, str]]:
    """(label, value) for every fact worth a line, in the order of declaration, safe to show.

    What ``said`` or an earlier fact contains word for word is not said again, nor is a length of
    time among ``timed``, the seconds that the phases show.
    """
    return _pairs(
        (
            (name, value)
            for name, value in _learnt(facts)
            if not (name in _HEADED or (isinstance(value, float) and round(value, 9) in timed))
        ),
        said,
    )


def _pairs(fields: Iterable[tuple[str, Any]], said: Iterable[str]) -> list[tuple[str, str]]:
    before = list(said)
    pairs: list[tuple[str, str]] = []
    for name, value in fields:
        label, text = say(name, value)
        names = isinstance(value, str | list | tuple) and len(text) > 3
        if not text or (names and any(text in earlier for earlier in before)):
            continue
        pairs.append((label, text))
        if names:
            before.append(text)
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


def _size(count: int) -> str:
    """Many bytes, in a fitting unit."""
    unit, each = ("MiB", 1 << 20) if count >= 1 << 20 else ("KiB", 1 << 10)
    return f"{count // each} {unit}" if not count % each else f"{_three(count / each)} {unit}"


def instant(timestamp: float) -> str:
    """A Unix time as RFC 3339 writes it, in UTC to the second; ``-`` where no calendar has it."""
    try:
        moment = datetime.fromtimestamp(timestamp, UTC)
    except (OverflowError, OSError, ValueError):
        return "-"
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _three(value: float) -> str:
    whole = len(f"{abs(value):.0f}")
    return f"{value:.{max(0, 3 - whole)}f}"


_fields = functools.cache(fields)


def _learnt(record: msgspec.Struct) -> Iterable[tuple[str, Any]]:
    for field in _fields(type(record)):
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


def say(name: str, value: Any) -> tuple[str, str]:
    """One fact: its label, and its value with the unit that its name ends in, safe to show."""
    label, _, unit = name.rpartition("_")
    if name.endswith("_timestamp_seconds") and isinstance(value, int | float):
        return _label(name.removesuffix("_timestamp_seconds")), instant(value)
    if unit == "seconds" and isinstance(value, int | float) and not isinstance(value, bool):
        return _label(label or "took"), duration(value)
    if unit == "seconds" and isinstance(value, tuple) and all(isinstance(v, float) for v in value):
        return _label(label), _list([duration(v) for v in value], ", ")
    if unit == "bytes" and isinstance(value, int) and value >= _COUNTED:
        return _label(label or name), _size(value)
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
        if all(isinstance(item, msgspec.Struct) and _name_of(item) is None for item in value):
            return str(len(value))
        return _list([_atom(item) for item in value], " ← " if "chain" in name else ", ")
    if isinstance(value, msgspec.Struct):
        return _record(value)
    return _atom(value)


def _record(record: msgspec.Struct) -> str:
    """A record in a record: what it names or, where it names nothing, how much it lists.

    A record may say which of its fields and properties are worth it, in its ``SHOWN``.
    """
    shown = _shown(record)
    if shown is not None:
        return ", ".join(f"{label} {text}" for label, text in shown)
    known = list(_learnt(record))
    lists = [(name, value) for name, value in known if isinstance(value, _COLLECTIONS)]
    plain = _pairs([each for each in known if each not in lists], ())
    if plain:
        return ", ".join(f"{label} {text}" for label, text in plain[:_NESTED])
    return ", ".join(f"{len(value)} {_label(name)}" for name, value in lists[:_NESTED])


def _shown(record: msgspec.Struct) -> list[tuple[str, str]] | None:
    names = getattr(type(record), "SHOWN", None)
    if names is None:
        return None
    known = ((name, getattr(record, name)) for name in names)
    return _pairs([(name, value) for name, value in known if value not in _NOTHING], ())


_NOTHING = (None, "", ())


def _list(items: list[str], between: str) -> str:
    items = list(dict.fromkeys(items))
    shown = between.join(items[:_SHOWN])
    rest = len(items) - _SHOWN
    return f"{shown} (+{rest})" if rest > 0 else shown


def _name_of(record: msgspec.Struct) -> Any:
    known = dict(_learnt(record))
    return next((known[name] for name in _NAMES if name in known), None)


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
        shown = _shown(value)
        if shown is not None:
            return " ".join(text for _, text in shown)
        return _atom(_name_of(value) or "1 item")
    if isinstance(value, list | tuple | set | frozenset):
        return _atom(next(iter(value))) if len(value) == 1 else f"{len(value)} items"
    return printable(str(value), _TEXT_LIMIT)
