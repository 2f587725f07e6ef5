"""The request that a person describes (``--header``, ``--expect-status`` …), for rooms on HTTP.

A secret stands in a file or the environment, and the field says where: ``Name: file:PATH`` or
``Name: env:NAME``. Every function raises UsageError, which never quotes a value.
"""

from __future__ import annotations

import functools
import os
import re
from pathlib import Path
from typing import Any, Protocol

import msgspec

from seventh.model.failure import UsageError
from seventh.wire.text import printable

MAX_VALUE = 8192
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}")
"""A field's or method's name (RFC 9110 §5.6.2), of a sensible length."""
FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})
"""Fields that belong to the connection: Seventh writes them itself."""


def header_field(text: str, written_here: frozenset[str]) -> tuple[str, str]:
    """Name and value of ``Name: value``; refused when its lower-case name is ``written_here``."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not TOKEN.fullmatch(name):
        # Not quoted: without the colon in its place nobody knows where the secret begins.
        wrong = "before its colon stands no field's name" if colon else "it has no colon"
        raise UsageError(f"--header of {len(text)} characters: {wrong}; write 'Name: value'")
    if name.lower() in written_here:
        raise UsageError(f"--header {name}: Seventh writes this field itself")
    if value.startswith("file:"):
        value = first_line(value.removeprefix("file:"))
    elif value.startswith("env:"):
        variable = value.removeprefix("env:")
        if variable not in os.environ:
            raise UsageError(f"--header {name}: the environment has no {variable}")
        value = os.environ[variable].strip()
        if not value:
            raise UsageError(f"--header {name}: the environment's {variable} is empty")
    return name, checked_value(value, f"--header {name}")


def checked_value(value: str, what: str) -> str:
    """Return ``value`` if it can stand in a field; ``what`` names it in the error."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(f"{what}: a field's value has no letters beyond Latin-1") from None
    if len(value) > MAX_VALUE or any((ord(c) < 0x20 and c != "\t") or c == "\x7f" for c in value):
        raise UsageError(f"{what}: the value is too long or has control characters")
    return value


def first_line(name: str) -> str:
    """Return the first line of a file, as a field's value."""
    try:
        with Path(name).expanduser().open("rb") as file:
            line = file.readline(MAX_VALUE + 2)
        text = line.decode("utf-8-sig").strip()
    except (OSError, ValueError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{name} cannot be read: {said}") from None
    if not text:
        raise UsageError(f"{name}: its first line is empty")
    return checked_value(text, name)


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def method_named(given: str) -> str:
    """Return a method; one that is known, in whatever case, as the standard writes it."""
    method = given.upper() if given.upper() in _METHODS else given
    if not TOKEN.fullmatch(method):
        raise UsageError(f"--method {printable(given, 40)!r} is no method: write GET, HEAD, POST …")
    if method.upper() in {"CONNECT", "TRACE"}:
        raise UsageError(f"--method {method} is not sent: it opens or echoes, no more")
    return method


class Statuses(msgspec.Struct, frozen=True):
    """The statuses that the person expects."""

    ranges: tuple[tuple[int, int], ...]
    """Each from its first to its last."""

    def __contains__(self, status: int) -> bool:
        return any(first <= status <= last for first, last in self.ranges)

    @property
    def written(self) -> int | str:
        """One status as a number, else all as text."""
        (first, last), *others = self.ranges
        return first if first == last and not others else str(self)

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges)


def statuses(given: int | str) -> Statuses:
    """Read ``200``, ``2xx``, ``200-299``, or several with commas; UsageError for all else."""
    found: list[tuple[int, int]] = []
    for part in str(given).split(","):
        matched = _STATUS.fullmatch(part.strip())
        if matched is None:
            raise _no_status(given)
        if matched["whole"]:
            first = int(matched["whole"]) * 100
            found.append((first, first + 99))
        else:
            first = int(matched["first"])
            found.append((first, int(matched["last"] or first)))
    if len(found) > _MAX_STATUSES or not all(200 <= a <= b <= 599 for a, b in found):
        raise _no_status(given)
    return Statuses(tuple(found))


def _no_status(given: int | str) -> UsageError:
    return UsageError(
        f"--expect-status {printable(str(given), 60)!r}: write statuses from 200 to 599, such as "
        "200, 2xx, 200-204 or 200,404"
    )


_STATUS = re.compile(r"(?P<whole>[2-5])[xX]{2}|(?P<first>[0-9]{3})(?:-(?P<last>[0-9]{3}))?")
_MAX_STATUSES = 32


class Expression(Protocol):
    """A compiled JMESPath expression."""

    expression: str
    """As it was written."""

    def search(self, value: Any) -> Any:
        """Return what it finds in a JSON value. Raises jmespath.exceptions.JMESPathError."""


@functools.lru_cache(maxsize=64)
def compiled(expression: str) -> Expression:
    """Return a JMESPath expression, ready to search; UsageError where it is none.

    It holds of an answer where it gives anything but null, false, 0 and what is empty.
    """
    import jmespath  # type: ignore[import-untyped]
    import jmespath.exceptions  # type: ignore[import-untyped]

    try:
        found: Expression = jmespath.compile(expression)
        return found
    except (jmespath.exceptions.JMESPathError, RecursionError) as error:
        said = (str(error).splitlines() or ["not understood"])[0]
        raise UsageError(f"--expect-json {expression!r}: {printable(said, 160)}") from None
