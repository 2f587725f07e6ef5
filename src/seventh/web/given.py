"""Header fields that a person gives (``--header``, ``--token-file``), for every room on HTTP.

A secret stands in a file or the environment, and the field says where: ``Name: file:PATH`` or
``Name: env:NAME``. Every function raises UsageError, which never quotes a value.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from seventh.model.failure import UsageError

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
        raise UsageError(f"--header {name!r}: write 'Name: value'")
    if name.lower() in written_here:
        raise UsageError(f"--header {name}: Seventh writes this field itself")
    if value.startswith("file:"):
        value = first_line(value.removeprefix("file:"))
    elif value.startswith("env:"):
        variable = value.removeprefix("env:")
        if variable not in os.environ:
            raise UsageError(f"--header {name}: the environment has no {variable}")
        value = os.environ[variable]
    return name, checked_value(value, f"--header {name}")


def checked_value(value: str, what: str) -> str:
    """``value`` if it can stand in a field; ``what`` names it in the error."""
    try:
        value.encode("latin-1")
    except UnicodeEncodeError:
        raise UsageError(f"{what}: a field's value has no letters beyond Latin-1") from None
    if len(value) > MAX_VALUE or any((ord(c) < 0x20 and c != "\t") or c == "\x7f" for c in value):
        raise UsageError(f"{what}: the value is too long or has control characters")
    return value


def first_line(name: str) -> str:
    """The first line of a file, as a field's value."""
    try:
        with Path(name).expanduser().open("rb") as file:
            line = file.readline(MAX_VALUE + 2)
        text = line.decode().rstrip("\r\n")
    except (OSError, ValueError, RuntimeError) as error:
        said = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise UsageError(f"{name} cannot be read: {said}") from None
    if not text:
        raise UsageError(f"{name}: its first line is empty")
    return checked_value(text, name)
