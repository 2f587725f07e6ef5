"""Records as lines of a zone file, ready to paste."""

from __future__ import annotations

STRING_BYTES = 255
"""The most that one string of a TXT record has (RFC 1035 §3.3)."""


def txt(name: str, text: str) -> str:
    """Return a TXT record; a long text is split into strings, which readers join."""
    data = text.encode("ascii", "backslashreplace")
    parts = [data[at : at + STRING_BYTES] for at in range(0, len(data), STRING_BYTES)]
    return f"{name}. IN TXT " + " ".join(map(_quoted, parts or [b""]))


def _quoted(part: bytes) -> str:
    return '"' + part.decode("ascii").replace("\\", "\\\\").replace('"', '\\"') + '"'
