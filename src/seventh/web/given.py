"""Options that describe a request (``--header``, ``--expect-status`` …), for protocols on HTTP.

A field may take its value from a file or the environment: ``Name: file:PATH``, ``Name: env:NAME``.
Every function raises UsageError, which never quotes a value.
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
"""The name of a field or method (RFC 9110 §5.6.2)."""
FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})
"""Fields of the connection, which Seventh sets."""


def header_field(text: str, written_here: frozenset[str]) -> tuple[str, str]:
    """Return the name and value of ``Name: value``; ``written_here`` are refused, in lower case."""
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not TOKEN.fullmatch(name):
        # Not quoted: without a colon in its place, any part may be the secret.
        wrong = "the text before its colon is not a field name" if colon else "it has no colon"
        raise UsageError(f"--header of {len(text)} characters: {wrong}; write 'Name: value'")
    if name.lower() in written_here:
        raise UsageError(f"--header {name}: Seventh sets this field itself; leave it out")
    if value.startswith("file:"):
        value = first_line(value.removeprefix("file:"))
    elif value.startswith("env:"):
        variable = value.removeprefix("env:")
        if variable not in os.environ:
            raise UsageError(f"--header {name}: the environment variable {variable} is not set")
        value = os.environ[variable].strip()
        if not value:
            raise UsageError(f"--header {name}: the environment variable {variable} is empty")
    return name, checked_value(value, f"--header {name}")


def checked_value(value: str, what: str) -> str:
    """Return ``value`` if a field may contain it; ``what`` names it in the error."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(
            f"{what}: the value has characters beyond Latin-1; encode it first"
        ) from None
    if len(value) > MAX_VALUE or any((ord(c) < 0x20 and c != "\t") or c == "\x7f" for c in value):
        raise UsageError(f"{what}: the value has control characters or more than {MAX_VALUE} bytes")
    return value


def first_line(name: str) -> str:
    """Return the first line of a file, as a field's value."""
    try:
        with Path(name).expanduser().open("rb") as file:
            line = file.readline(MAX_VALUE + 2)
        text = line.decode("utf-8-sig").strip()
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise UsageError(f"{name} cannot be read: {why}") from None
    if not text:
        raise UsageError(f"{name}: its first line is empty")
    return checked_value(text, name)


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


def method_named(given: str) -> str:
    """Return a method, a standard one in upper case."""
    method = given.upper() if given.upper() in _METHODS else given
    if not TOKEN.fullmatch(method):
        raise UsageError(
            f"--method {printable(given, 40)!r} is not a method: write GET, HEAD, POST …"
        )
    if method.upper() in {"CONNECT", "TRACE"}:
        raise UsageError(f"--method {method} is not supported: write GET, HEAD, POST …")
    return method


class Statuses(msgspec.Struct, frozen=True):
    """The statuses of --expect-status."""

    ranges: tuple[tuple[int, int], ...]
    """Inclusive ranges."""

    def __contains__(self, status: int) -> bool:
        return any(first <= status <= last for first, last in self.ranges)

    @property
    def written(self) -> int | str:
        """A number for a single status, otherwise text."""
        (first, last), *others = self.ranges
        return first if first == last and not others else str(self)

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in self.ranges)


def statuses(given: int | str) -> Statuses:
    """Read ``200``, ``2xx``, ``200-299``, or several with commas."""
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
    """Its source text."""

    def search(self, value: Any) -> Any:
        """Return its result for a JSON value. Raises jmespath.exceptions.JMESPathError."""


@functools.lru_cache(maxsize=64)
def compiled(expression: str) -> Expression:
    """Return a compiled JMESPath expression.

    A response matches if the result is not null, false, 0 or empty.
    """
    import jmespath  # type: ignore[import-untyped]
    import jmespath.exceptions  # type: ignore[import-untyped]

    try:
        found: Expression = jmespath.compile(expression)
        return found
    except (jmespath.exceptions.JMESPathError, RecursionError) as error:
        why = (str(error).splitlines() or ["not a JMESPath expression"])[0]
        raise UsageError(f"--expect-json {expression!r}: {printable(why, 160)}") from None
