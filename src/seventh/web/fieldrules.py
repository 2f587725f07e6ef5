"""Validation of header fields and content in HTTP/2 and HTTP/3 (RFC 9113 §8.2, RFC 9114 §4.2).

The libraries check the same, but do not name the field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from seventh.model.failure import ProtocolViolation
from seventh.web.message import Fields
from seventh.wire.text import printable, quoted

CONNECTION_SPECIFIC = frozenset(
    [b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"]
)
BODILESS = frozenset({204, 304})
_NAME = re.compile(rb"[\x21-\x39\x3b-\x40\x5b-\x7e]+")
_CONTROLS = re.compile(rb"[\0\r\n]")
_MAX_LENGTH_DIGITS = 19
_CONNECTION = {"2": "RFC 9113 §8.2.2", "3": "RFC 9114 §4.2"}
_SECTION = {"2": "RFC 9113 §8.2", "3": "RFC 9114 §4.2"}


class FieldViolation(ProtocolViolation):
    """A field that its version of HTTP forbids, so that clients refuse the response."""

    def __init__(self, detail: str, field: str) -> None:
        super().__init__(detail)
        self.http_field = field


def check_fields(
    raw: Iterable[tuple[bytes, bytes]], version: str, *, trailers: bool = False
) -> None:
    """Raise ProtocolViolation for malformed fields of a response or its trailers."""
    section = _SECTION[version]
    pseudo = regular = 0
    for name, value in raw:
        if name.startswith(b":"):
            pseudo += 1
            if name != b":status" or trailers or regular or pseudo > 1:
                raise ProtocolViolation(
                    f"the pseudo-header field {quoted(name, 40)} is not allowed there ({section})"
                )
            continue
        regular += 1
        shown = printable(name, 60)
        if name in CONNECTION_SPECIFIC:
            raise FieldViolation(
                f"the response has the header field {shown}, which belongs to HTTP/1.1 "
                f"connections and makes it malformed in HTTP/{version} ({_CONNECTION[version]})",
                shown,
            )
        if not _NAME.fullmatch(name):
            raise FieldViolation(
                f"the field name {quoted(name, 60)} is not allowed in HTTP/{version}: upper-case "
                f"letters, spaces and control characters are forbidden ({section})",
                shown,
            )
        if _CONTROLS.search(value):
            raise FieldViolation(
                f"the value of the field {shown} contains CR, LF or NUL ({section})", shown
            )
        if value.strip(b" \t") != value:
            raise FieldViolation(
                f"the value of the field {shown} begins or ends with white space ({section})", shown
            )
    if not trailers and not pseudo:
        raise ProtocolViolation(f"the response has no :status field ({section})")


def content_length(fields: Fields) -> int | None:
    """Return Content-Length; None if it is absent. Raises ProtocolViolation."""
    named: set[int] = set()
    for name, value in fields:
        if name == "content-length":
            if not (value.isascii() and value.isdecimal()) or len(value) > _MAX_LENGTH_DIGITS:
                raise ProtocolViolation(f"content-length is not a number: {quoted(value, 40)}")
            named.add(int(value))
    if len(named) > 1:
        raise ProtocolViolation("two different content-length fields")
    return named.pop() if named else None


def check_content(
    method: str, status: int, length: int | None, body_bytes: int, *, ended: bool
) -> None:
    """Raise ProtocolViolation if the content does not match its head."""
    if method == "HEAD" or status in BODILESS:
        if body_bytes:
            what = "the response to HEAD" if method == "HEAD" else f"the {status} response"
            raise ProtocolViolation(f"{what} has {body_bytes} bytes of content; none are allowed")
        return
    if length is not None and (body_bytes > length or (ended and body_bytes != length)):
        raise ProtocolViolation(f"content-length is {length}, but {body_bytes} bytes were received")
