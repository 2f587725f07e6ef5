"""What a file of another monitor has, and how it is written as ``seventh.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from seventh.model.failure import UsageError
from seventh.watch.config import read
from seventh.wire.text import printable

_DURATION = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d|w|y)")
_UNITS = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0,
    "d": 86_400.0, "w": 604_800.0, "y": 31_536_000.0,
}  # fmt: skip
_VARIABLE = re.compile(r"\$(\{|[A-Za-z_])")
_SECRET_FIELDS = frozenset({"authorization", "cookie", "proxy-authorization", "x-api-key"})
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_MOST_PULSES = 64
_FILES = ("ca", "cert", "key", "token-file")
"""Options whose files are read when the file is."""


class Lost(msgspec.Struct, frozen=True):
    """What could not be carried over, where it is in the source, and why."""

    line: int
    why: str
    file: str = ""
    """Of several files that are read together."""


class Item(msgspec.Struct, kw_only=True):
    """One monitor of the source, and the table that it becomes."""

    line: int
    name: str
    kind: Literal["target", "heartbeat"] = "target"
    keys: dict[str, Any] = {}
    """Without name and labels."""
    labels: dict[str, str] = {}
    failures: int | None = None
    """Failures in a row before an alert."""
    passes: int | None = None
    max_seconds: float | None = None
    lost: list[Lost] = []
    refused: str = ""
    """Why it becomes no table; empty if it becomes one."""

    def lose(self, line: int, why: str) -> None:
        """Note what could not be carried over."""
        self.lost = [*self.lost, Lost(line, why)]

    def add(self, key: str, *values: str) -> None:
        """Add to an option that may be given several times."""
        self.keys[key] = [*self.keys.get(key, []), *values]


class Found(msgspec.Struct, kw_only=True):
    """All of a source."""

    file: str
    """Where the items are."""
    items: list[Item]
    lost: list[Lost] = []
    """What belongs to no single monitor."""

    @property
    def written(self) -> list[Item]:
        """Those that become tables."""
        return [each for each in self.items if not each.refused]


def seconds(text: str) -> float | None:
    """Return a duration such as 1m30s in seconds; None if it is none."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def interval(item: Item, line: int, wanted: float) -> None:
    """Set the time between two pulses, within its bounds."""
    every = min(max(wanted, 1.0), 86_400.0)
    if every != wanted:
        item.lose(line, f"interval of {wanted:g} s: {every:g} s is the nearest that is possible")
    item.keys["every"] = every


def field(item: Item, line: int, name: str, value: str) -> None:
    """Carry over a field of the request; a credential is not written to the file."""
    variable = re.fullmatch(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?", value.strip())
    if variable:
        item.add("header", f"{name}: env:{variable[1]}")
    elif name.lower() in _SECRET_FIELDS or _VARIABLE.search(value):
        item.lose(
            line, f"header {name}: a credential: write its value to a file, and add "
            f"header = [\"{name}: file:PATH\"]",
        )  # fmt: skip
    elif name.lower() == "host":
        item.lose(line, "header Host: it is the target's: add server-name = …")
    elif name.lower() == "content-length" or "\n" in value or "\r" in value:
        item.lose(line, f"header {name}: cannot be sent")
    else:
        item.add("header", f"{name}: {value}")


def varies(text: str) -> bool:
    """Return whether a text has variables that only its own program fills in."""
    return bool(_VARIABLE.search(text))


def document(found: Found) -> str:
    """Return ``seventh.toml``; what cannot become a valid table becomes a comment."""
    names: dict[str, int] = {}
    for item in found.items:
        if not item.refused:
            _check(item)
        if not item.refused:
            _distinguish(item, names)
    parts = [f"# From {printable(found.file, 200)} by `seventh import`."]
    parts += [f"# {_place(each)}: {printable(each.why, 400)}" for each in found.lost]
    parts = ["\n".join(parts), *map(_table, found.items), *_alerts(found.written)]
    text = "\n\n".join(parts) + "\n"
    if found.written:
        read(f"{found.file}, as seventh.toml", text, {})
    return text


def _check(item: Item) -> None:
    """Refuse a table that ``--check-config`` would refuse."""
    for key in _FILES:
        name = item.keys.get(key)
        if name is not None and not Path(name).is_file():
            del item.keys[key]
            item.lose(item.line, f"{key}: {name} is not on this machine: add {key} = …")
    try:
        read("", _table(item), {})
    except UsageError as error:
        item.refused = re.sub(r"^:\d+: ", "", str(error))


def _distinguish(item: Item, names: dict[str, int]) -> None:
    """Give a name that is taken a number."""
    name = item.name
    while item.name in names:
        names[name] += 1
        item.name = f"{name[:190]} ({names[name]})"
    names[item.name] = 1


def _table(item: Item) -> str:
    if item.refused:
        name, why = printable(item.name, 200), printable(item.refused, 400)
        return f"# {_at(item.line)}: not carried over: {name}: {why}"
    comments = [f"# {_place(each)}: {printable(each.why, 400)}" for each in item.lost]
    labels = {**item.labels, **_conditions(item)}
    keys: dict[str, Any] = {"name": item.name[:200]}
    keys |= {key: item.keys[key] for key in ("url", "every", "timeout") if key in item.keys}
    if labels:
        keys["labels"] = labels
    keys |= {key: value for key, value in item.keys.items() if key not in keys}
    lines = [f"{key} = {_value(value)}" for key, value in keys.items()]
    return "\n".join([*comments, f"[[{item.kind}]]", *lines])


def _conditions(item: Item) -> dict[str, str]:
    """Return the labels by which an ``[[alert]]`` finds it."""
    if item.kind != "target":
        return {}
    found = {}
    if item.failures is not None or item.passes is not None:
        found["alert-after"] = f"{item.failures or 3}/{item.passes or 3}"
    if item.max_seconds is not None:
        found["alert-above"] = f"{item.max_seconds:g}"
    return found


def _alerts(items: Iterable[Item]) -> list[str]:
    """Return an ``[[alert]]`` for each threshold that some have."""
    made: dict[str, str] = {}
    for item in items:
        for label, value in _conditions(item).items():
            head = f"[[alert]]\nmatch = {{ {label} = {_value(value)} }}\n"
            if label == "alert-above":
                made[head] = f"max = {_value(item.max_seconds)}\n"
                continue
            bad, good = (min(int(each), _MOST_PULSES) for each in value.split("/"))
            made[head] = f"failures = {bad}\nof = {bad}\npasses = {good}\n"
    return [(head + rest).rstrip() for head, rest in made.items()]


def _place(lost: Lost) -> str:
    return f"{printable(lost.file, 100)}:{lost.line}" if lost.file else _at(lost.line)


def _at(line: int) -> str:
    return f"line {line}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}" if value != int(value) else str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        inside = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in value.items())
        return f"{{ {inside} }}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    return _quoted(str(value))


def _key(text: str) -> str:
    return text if _BARE.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    """Return a basic string (TOML 1.0)."""
    safe = text.encode("utf-8", "replace").decode()  # a lone surrogate is not UTF-8
    return '"' + "".join(
        _ESCAPES.get(char, char) if char in _ESCAPES or (char >= " " and char != "\x7f")
        else f"\\u{ord(char):04x}"
        for char in safe
    ) + '"'  # fmt: skip
