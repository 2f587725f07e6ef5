"""Text from peers, made safe to show."""

from __future__ import annotations

# Characters that reorder or hide what a person reads: bidirectional controls and marks.
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(data: bytes | str, limit: int = 512) -> str:
    r"""Return text safe for a terminal, a page or a log.

    Undecodable bytes, C0 and C1 controls (so every escape sequence) and bidirectional controls
    become ``\xNN`` or ``\uNNNN``; at most ``limit`` characters are kept, and a cut is marked.
    """
    text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else data
    cut = len(text) > limit
    text = text[:limit]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else _escape(c) for c in text)
    return text + "…" if cut else text


def quoted(data: bytes | str, limit: int = 512) -> str:
    """Return :func:`printable` text in quotes, escaped once."""
    return f"'{printable(data, limit)}'"


def _escape(c: str) -> str:
    """Return the unprintable ``c`` as an escape; blanks and unassigned characters stay."""
    if not c.isascii() and c not in _BIDI:
        import unicodedata  # a megabyte, and hardly any peer says such a thing

        if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}:
            return c
    code = ord(c)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
