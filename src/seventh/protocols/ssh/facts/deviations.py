"""Violations of the standard that clients tolerate."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DeviationKind(StrEnum):
    """The kind of a violation."""

    EMPTY_NAME = "empty-name"
    """A name-list with an empty name, such as one that ends with a comma (RFC 4251 §5)."""
    REPEATED_NAME = "repeated-name"
    LONG_NAME = "long-name"
    """More than 64 bytes (RFC 4251 §6)."""
    UNPRINTABLE_NAME = "unprintable-name"
    """A name with bytes that are not printable US-ASCII (RFC 4251 §6)."""
    EXTRA_BYTES = "extra-bytes"
    """Bytes after the last field of a message."""
    CUT_SHORT = "cut-short"
    """A message whose last fields are missing."""
    PADDED_NUMBER = "padded-number"
    """An mpint with unnecessary leading zeros (RFC 4251 §5)."""
    LINE_END = "line-end"
    """The identification string does not end with CR LF (RFC 4253 §4.2)."""
    OUT_OF_PLACE = "out-of-place"
    """A message that is not allowed at this point."""
    EMPTY_PACKET = "empty-packet"
    """A packet without a message."""
    LARGE_PACKET = "large-packet"
    """More than 35000 bytes before a login (RFC 4253 §6.1)."""
    SIGNATURE_LENGTH = "signature-length"
    """An RSA signature that is not as long as the modulus (RFC 8017 §8.2.1)."""
    UNASKED_ANSWER = "unasked-answer"
    """An answer to a request that wanted none or was never sent (RFC 4254 §4, §5.4)."""
    AFTER_EOF = "after-eof"
    """Data on a channel after its EOF (RFC 4254 §5.3)."""
    WINDOW = "window"
    """More data than the window or the maximum packet size allows (RFC 4254 §5.2)."""
    GROUP_SIZE = "group-size"
    """Group exchange gives a group outside the requested sizes (RFC 4419 §3)."""


class Deviation(msgspec.Struct, frozen=True):
    """One violation of the standard."""

    kind: DeviationKind
    where: str
    """The message or the field, as the standard names it."""
