"""nginx's values: sizes, times and numbers as ``nginx -t`` reads them, and what it says if not.

The readers follow ``ngx_parse_size``, ``ngx_parse_offset``, ``ngx_parse_time`` and ``ngx_atoi``,
with their limits: a value that does not fit into 64 bits is refused, as nginx refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from seventh.lint.nginx.directives import Known

MOST = 2**63 - 1
_NUMBER = re.compile(r"[0-9]+")
_SIZE = re.compile(r"([0-9]+)([kKmM]?)")
_OFFSET = re.compile(r"([0-9]+)([kKmMgG]?)")
_SHIFT = {"": 0, "k": 10, "m": 20, "g": 30}
_POOL_LEAST, _POOL_STEP = 112, 16
_STEPS = {"y": (1, 31536000), "M": (2, 2592000), "w": (3, 604800), "d": (4, 86400), "h": (5, 3600),
          "m": (6, 60), "s": (7, 1), "ms": (8, 0), " ": (9, 1)}  # fmt: skip
"""A time's units from the largest on: each may follow larger ones alone. Then its seconds."""
_TIME = re.compile(r"([0-9]*)(ms|[yMwdhms ]|$) *")


def number(text: str) -> int | None:
    """Return a number of digits alone; None for anything else."""
    return _bounded(int(text)) if _NUMBER.fullmatch(text) else None


def size(text: str) -> int | None:
    """Return a size in bytes, with ``k`` or ``m``; None for anything else."""
    return _scaled(_SIZE.fullmatch(text))


def offset(text: str) -> int | None:
    """Return a size in bytes, with ``k``, ``m`` or ``g``; None for anything else."""
    return _scaled(_OFFSET.fullmatch(text))


def milliseconds(text: str) -> int | None:
    """Return a time of up to weeks (``1h30m``, ``65``, ``500ms``); None for anything else."""
    return _time(text, in_seconds=False)


def seconds(text: str) -> int | None:
    """Return a time of up to years, without milliseconds; None for anything else."""
    return _time(text, in_seconds=True)


def _bounded(value: int) -> int | None:
    return value if value <= MOST else None


def _scaled(match: re.Match[str] | None) -> int | None:
    return None if match is None else _bounded(int(match[1]) << _SHIFT[match[2].lower()])


def _time(text: str, *, in_seconds: bool) -> int | None:
    step = 0 if in_seconds else 2
    total, position, has_digits = 0, 0, False
    while position < len(text):
        match = _TIME.match(text, position)
        if match is None or not match[0]:
            return None
        digits, unit = match[1], match[2]
        has_digits = has_digits or bool(digits)
        if unit:
            order, scale = _STEPS[unit]
            late = step if unit != " " else step + 2  # behind seconds no further number stands
            if order <= late or (unit == "ms" and in_seconds):
                return None
            step = order
        else:
            scale = 1
        value = int(digits or 0)
        total += value if unit == "ms" else value * scale * (1 if in_seconds else 1000)
        if total > MOST:
            return None
        position = match.end()
    return total if has_digits else None


# -- the table's kinds -----------------------------------------------------------------------------

_READERS: dict[str, tuple[Callable[[str], int | None], str]] = {
    "time": (milliseconds, "directive invalid value"),
    "seconds": (seconds, "directive invalid value"),
    "size": (size, "directive invalid value"),
    "offset": (offset, "directive invalid value"),
    "number": (number, "directive invalid number"),
}


def unfit(name: str, known: Known, words: tuple[str, ...]) -> str | None:
    """Return why nginx refuses a directive's words, by the table; None if it does not.

    A variable is left alone where the directive may take one.
    """
    kind, _, rest = known.value.partition(":")
    kind, *others = kind.split("|")
    if not kind or not words or words[0] in others or (known.vars and "$" in words[0]):
        return None
    if kind in {"one", "each"}:
        allowed = {word.lower() for word in known.allowed}
        checked = words if kind == "each" else words[:1]
        bad = next((word for word in checked if word.lower() not in allowed), None)
        return None if bad is None else f'invalid value "{bad}" in "{name}" directive'
    if kind == "buffers":
        good = number(words[0]) and (len(words) < 2 or size(words[1]))
        return None if good else f'"{name}" directive invalid value'
    if kind == "pool":
        return _pool(name, words[0])
    reader, complaint = _READERS[kind]
    value = reader(words[0])
    if value is None:
        return f'"{name}" {"directive invalid value" if others else complaint}'
    return _limits(name, kind, value, rest)


def _limits(name: str, kind: str, value: int, limits: str) -> str | None:
    if "|" in limits:
        if value in {size(one) for one in limits.split("|")}:
            return None
        *others, last = limits.split("|")
        return f'"{name}" directive must be {", ".join(others)}, or {last}'
    least, _, most = limits.partition("-")
    reader = _READERS[kind][0]
    low, high = reader(least) or 0, reader(most) if most else None
    if value < low or (high is not None and value > high):
        asked = f"between {least} and {most}" if most else f"equal to or greater than {least}"
        return f'"{name}" directive: value must be {asked}'
    return None


def _pool(name: str, word: str) -> str | None:
    value = size(word)
    if value is None:
        return f'"{name}" directive invalid value'
    if value < _POOL_LEAST:
        return f"the pool size must be no less than {_POOL_LEAST}"
    return f"the pool size must be a multiple of {_POOL_STEP}" if value % _POOL_STEP else None
