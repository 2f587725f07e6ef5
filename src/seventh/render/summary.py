"""Summaries of facts: the fields of a struct that are shown, chosen by type and name only.

A field is shown if it was learnt (it differs from its default) and no earlier text contains it.
Units move from the name to the value; long lists are cut and counted.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Container, Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from seventh.render.fact_words import EVIDENT, HIDDEN, VALUES, label_of
from seventh.wire.text import printable

_SHOWN = 3
_NESTED = 3
_TEXT_LIMIT = 96
# Fields that identify a struct in a list, the best first.
_NAMES = (
    "name", "subject", "id", "algorithm", "address", "host", "trait", "kind", "type", "version",
)  # fmt: skip
_UNSHOWN = HIDDEN | {"host", "port"}  # the header of a report shows these
_LARGE = 1 << 16
"""From this number, bytes are shown in KiB and MiB."""
_UNITS = {"bytes": "B", "bits": "bit", "days": "days", "hertz": "Hz", "ppm": "ppm"}


def summary(
    facts: msgspec.Struct, *, shown: Iterable[str] = (), timed: Container[float] = ()
) -> list[tuple[str, str]]:
    """Return (label, value) of every fact to show, in the order of declaration, printable.

    Left out are texts that ``shown`` or an earlier fact contains, and lengths of time in ``timed``,
    which the phases show.
    """
    return _pairs(
        (
            (name, value)
            for name, value in _unfolded(facts)
            if not (name in _UNSHOWN or (isinstance(value, float) and round(value, 9) in timed))
        ),
        shown,
    )


def _pairs(fields: Iterable[tuple[str, Any]], shown: Iterable[str]) -> list[tuple[str, str]]:
    before = list(shown)
    pairs: list[tuple[str, str]] = []
    for name, value in fields:
        label, text = label_and_text(name, value)
        names = isinstance(value, str | list | tuple) and len(text) > 3
        if not text or (names and any(text in earlier for earlier in before)):
            continue
        pairs.append((label, text))
        if names:
            before.append(text)
    return pairs


def duration(seconds: float) -> str:
    """Format a length of time with three significant digits and a unit, such as ``41.2 ms``."""
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
    """Format a number of bytes in KiB or MiB."""
    unit, each = ("MiB", 1 << 20) if count >= 1 << 20 else ("KiB", 1 << 10)
    return f"{count // each} {unit}" if not count % each else f"{_three(count / each)} {unit}"


def instant(timestamp: float) -> str:
    """Format a Unix time in RFC 3339 format, in UTC, to the second; ``-`` if it is no date."""
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
        if _is_nothing(value) or is_default(field, value):
            continue
        yield field.name, _in_words(field.type, value)


def _unfolded(record: msgspec.Struct) -> Iterable[tuple[str, Any]]:
    """Yield what was learnt; of a struct that is ``UNFOLDED``, its fields in its place."""
    for name, value in _learnt(record):
        if isinstance(value, msgspec.Struct) and getattr(type(value), "UNFOLDED", False):
            yield from _unfolded(value)
        else:
            yield name, value


def _is_nothing(value: Any) -> bool:
    """Return whether a value is None, empty, or zero."""
    if isinstance(value, bool):
        return False
    return value is None or value in ("", 0) or (isinstance(value, _COLLECTIONS) and not value)


def _in_words(type_: Any, value: Any) -> Any:
    """Return a literal without its dashes: ``not requested`` for ``not-requested``."""
    if isinstance(value, str) and not isinstance(value, Enum) and _CLOSED.fullmatch(value):
        return value.replace("-", " ") if _is_closed(type_) else value
    return value


@functools.cache
def _is_closed(type_: Any) -> bool:
    """Return whether a field's type is a Literal, perhaps with None."""
    return get_origin(type_) is Literal or any(_is_closed(part) for part in get_args(type_))


def is_default(field: FieldInfo, value: Any) -> bool:
    """Return whether ``value`` is the field's default, which means "not learnt"."""
    if field.default is not msgspec.NODEFAULT:
        return bool(value == field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return bool(value == field.default_factory())
    return False


_CLOSED = re.compile(r"[a-z]+(?:-[a-z]+)+")
_COLLECTIONS = (list, tuple, set, frozenset, Mapping)


def label_and_text(name: str, value: Any) -> tuple[str, str]:
    """Return a fact's label, and its value with the unit in which its name ends, printable."""
    label, _, unit = name.rpartition("_")
    if name in VALUES:
        return label_of(name, name), printable(VALUES[name](value), 2 * _TEXT_LIMIT)
    if name.endswith("_timestamp_seconds") and isinstance(value, int | float):
        return label_of(name, name.removesuffix("_timestamp_seconds")), instant(value)
    if unit == "seconds" and isinstance(value, int | float) and not isinstance(value, bool):
        return label_of(name, label or "took"), duration(value)
    if unit == "seconds" and isinstance(value, tuple) and all(isinstance(v, float) for v in value):
        return label_of(name, label), _list([duration(v) for v in value], ", ")
    if unit == "bytes" and isinstance(value, int) and value >= _LARGE:
        return label_of(name, label or name), _size(value)
    if unit in _UNITS and isinstance(value, int | float):
        return label_of(name, label or name), f"{_atom(value)} {_UNITS[unit]}"
    return label_of(name, name), _value(name, value)


def _value(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return _mapping(value)
    if isinstance(value, set | frozenset):
        value = sorted(value, key=str)
    if isinstance(value, list | tuple):
        if all(isinstance(item, msgspec.Struct) and _name_of(item) is None for item in value):
            return str(len(value))
        return _list([_atom(item) for item in value], " ← " if "chain" in name else ", ")
    if isinstance(value, msgspec.Struct):
        return _record(value)
    return _atom(value)


def _mapping(value: Mapping[Any, Any]) -> str:
    """Return ``a 1, b 2``, or with sentences as values ``a: why; b: why``."""
    items = [(_atom(key), _atom(item)) for key, item in sorted(value.items(), key=str)]
    if any(" " in item for _, item in items):
        return _list([f"{key}: {item}" for key, item in items], "; ")
    return _list([f"{key} {item}" for key, item in items], ", ")


def _record(record: msgspec.Struct) -> str:
    """Return a nested struct as text: the fields in its ``SHOWN``, or the first that were learnt.

    Where only lists were learnt, it is their lengths.
    """
    shown = _shown(record)
    if shown is not None:
        return ", ".join(_together(label, text) for label, text in shown)
    known = [(name, value) for name, value in _learnt(record) if name not in HIDDEN]
    lists = [(name, value) for name, value in known if isinstance(value, _COLLECTIONS)]
    plain = _pairs([each for each in known if each not in lists], ())
    if plain:
        return ", ".join(_together(label, text) for label, text in plain[:_NESTED])
    return ", ".join(f"{len(value)} {label_of(name, name)}" for name, value in lists[:_NESTED])


def _together(label: str, text: str) -> str:
    """Return a label and its value as one item of a list; only the label for "yes"."""
    if text == "yes" or label in EVIDENT:
        return label if text == "yes" else text
    if text == "no":
        return f"{label}: no"
    return f"{label} ({text})" if ", " in text else f"{label} {text}"


def _shown(record: msgspec.Struct) -> list[tuple[str, str]] | None:
    names = getattr(type(record), "SHOWN", None)
    if names is None:
        return None
    known = ((name, getattr(record, name)) for name in names)
    return _pairs([(name, value) for name, value in known if not _is_nothing(value)], ())


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
