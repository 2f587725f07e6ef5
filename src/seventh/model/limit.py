"""Limits that the user sets on metrics and phases with ``--max`` and ``--min``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from seventh.model.failure import UsageError


class Kind(StrEnum):
    """What a metric measures: it decides the units of its limits."""

    TIME = "time"
    SIZE = "size"
    RATE = "rate"
    SHARE = "share"
    NUMBER = "number"


UNITS: Mapping[Kind, Mapping[str, float]] = {
    Kind.TIME: {
        "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1, "min": 60, "h": 3600, "days": 86_400,
    },
    Kind.SIZE: {
        "bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30,
    },
    Kind.RATE: {
        "B/s": 1, "kB/s": 1e3, "MB/s": 1e6, "KiB/s": 2**10, "MiB/s": 2**20, "Mbit/s": 125e3,
        "Gbit/s": 125e6,
    },
    Kind.SHARE: {"%": 0.01, "": 1},
    Kind.NUMBER: {"": 1},
}  # fmt: skip
"""By kind, the units and how much of the metric's own unit each is."""
_ALSO = {
    "µs": "us", "μs": "us", "sec": "s", "second": "s", "seconds": "s", "minutes": "min",
    "hours": "h", "d": "days", "day": "days", "B": "bytes", "byte": "bytes",
}  # fmt: skip
_NAMED = {
    "seconds": "s", "days": "days", "bytes": "bytes", "bytes_per_second": "B/s", "ratio": "",
}  # fmt: skip
"""The unit of a plain number, by the part of a metric's name that says it."""
_PLAIN = {Kind.SIZE: "bytes", Kind.RATE: "B/s", Kind.NUMBER: ""}
"""The unit of a plain number of any metric of that kind. For a time or a share there is none: 200
could be seconds or milliseconds, and 1 the whole or a hundredth."""
_SUFFIXES = {
    "_timestamp_seconds": Kind.TIME, "_seconds": Kind.TIME, "_bytes_per_second": Kind.RATE,
    "_bytes": Kind.SIZE, "_ratio": Kind.SHARE, "_total": Kind.NUMBER,
}  # fmt: skip
_NUMBER = re.compile(r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?) ?([^\s0-9.,]\S*)?")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One value of what is limited, in the limit's base unit."""

    value: float
    labels: Mapping[str, str] = {}
    """The sample's labels, or the address of a phase."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one metric or phase, with what was measured.

    Numbers are in the metric's own unit. Of a timestamp, the time left until it is limited.
    """

    name: str
    """As the user calls it: ``http.ttfb``."""
    metric: str
    """As the report calls it: ``seventh_ttfb_seconds``, ``seventh_phase_seconds{phase="tls"}``."""
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    """The unit in which it was given and is shown."""
    measured: tuple[Measured, ...] = ()
    """Every value; none if it could not be measured."""

    @property
    def missed(self) -> tuple[Measured, ...]:
        """The values beyond the limits, the worst first."""
        beyond = [each for each in self.measured if self._excess(each.value) > 0]
        return tuple(sorted(beyond, key=lambda each: -self._excess(each.value)))

    @property
    def worst(self) -> Measured | None:
        """The value that is the furthest beyond the limits or the closest to them."""
        return max(self.measured, key=lambda each: self._excess(each.value), default=None)

    def _excess(self, value: float) -> float:
        """Return how far ``value`` is beyond a limit; negative within the limits."""
        above = value - self.maximum if self.maximum is not None else -math.inf
        below = self.minimum - value if self.minimum is not None else -math.inf
        return max(above, below)

    @property
    def bounds(self) -> str:
        """The limits as text: ``max 200 ms``, ``min 21 days``, ``-50 to 50 ms``."""
        low, high = self._text(self.minimum), self._text(self.maximum)
        if low and high:
            return f"{low} to {high}{_after(self.unit)}"
        return f"max {high}{_after(self.unit)}" if high else f"min {low}{_after(self.unit)}"

    def text(self, measured: Measured) -> str:
        """Return a value with its unit, the limit's where it suits the value.

        It has enough digits to differ from the limits.
        """
        unit = self._unit(measured.value)
        limits = {self._text(self.minimum), self._text(self.maximum)} if unit == self.unit else ()
        texts = (self._text(measured.value, digits, unit) for digits in range(4, 10))
        text = next((each for each in texts if each not in limits), self._text(measured.value))
        where = "".join(
            f" at {value}" if label == "address" else f" of {label} {value}"
            for label, value in measured.labels.items()
        )
        return f"{text}{_after(unit)}{where}"

    def _unit(self, value: float) -> str:
        """Return the limit's unit; for a value with many digits in it, the largest that fits."""
        units = UNITS[kind_of(self.metric)]
        size = abs(value)
        if not size or 0.01 <= size / units[self.unit] < 100_000:
            return self.unit
        return max((u for u in units if units[u] <= size), key=units.__getitem__, default=self.unit)

    def _text(self, value: float | None, digits: int = 6, unit: str | None = None) -> str:
        if value is None:
            return ""
        each = UNITS[kind_of(self.metric)][self.unit if unit is None else unit]
        return _short(value / each, digits)


def _after(unit: str) -> str:
    return f" {unit}" if unit else ""


def _short(value: float, digits: int) -> str:
    """Format with that many significant digits, without an exponent."""
    if not value:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def kind_of(metric: str) -> Kind:
    """Return what a metric measures, by the unit in its name."""
    name = metric.partition("{")[0]
    return next((kind for end, kind in _SUFFIXES.items() if name.endswith(end)), Kind.NUMBER)


def without_unit(metric: str) -> str:
    """Return a metric's name without its unit: ``seventh_ttfb``."""
    end = next((end for end in _SUFFIXES if metric.endswith(end)), "")
    return metric.removesuffix(end)


def units(kind: Kind) -> str:
    """Return the units as text: ``ns, us, ms, s, min, h or days``."""
    *first, last = [unit for unit in UNITS[kind] if unit] or ["a number without a unit"]
    return f"{', '.join(first)} or {last}" if first else last


def split(text: str) -> tuple[str, str]:
    """Return the name and the value of ``NAME=VALUE``; raises UsageError."""
    name, equals, value = text.rpartition("=")
    if not (equals and name.strip() and value.strip()):
        raise UsageError("write NAME=VALUE, such as ttfb=200ms")
    return name.strip(), value.strip()


def amount(name: str, value: str, kind: Kind) -> tuple[float, str]:
    """Return ``value`` in the metric's own unit, and the unit that was written or is meant.

    Raises UsageError.
    """
    match = _NUMBER.fullmatch(value)
    if match is None:
        raise UsageError(f"{value[:40]!r} is not a number with a unit")
    number, written = float(match[1]), match[2] or ""
    unit = _ALSO.get(written, written)
    if not written:
        named = next((u for part, u in _NAMED.items() if _says(name, part, u, kind)), None)
        plain = named if named is not None else _PLAIN.get(kind)
        if plain is None:
            raise UsageError(f"write a unit: {units(kind)}, such as {name}={value}{_usual(kind)}")
        unit = plain
    elif unit not in UNITS[kind]:
        raise UsageError(f"{written[:20]!r} is not a unit of a {kind}: write {units(kind)}")
    number *= UNITS[kind][unit]
    if not math.isfinite(number):
        raise UsageError(f"{value[:40]!r} is too large")
    return number, unit


def _says(name: str, part: str, unit: str, kind: Kind) -> bool:
    """Return whether a metric's name says the unit of its numbers."""
    words = f"_{name.lower().replace('.', '_').replace('-', '_')}_"
    return unit in UNITS[kind] and f"_{part}_" in words


def _usual(kind: Kind) -> str:
    return "ms" if kind is Kind.TIME else "%"
