"""Statuses of calls: codes, their texts, and what stands for them where a response has none."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Literal
from urllib.parse import unquote_to_bytes

import msgspec

from seventh.web.message import Fields
from seventh.wire.text import printable

MAX_MESSAGE_TEXT = 300
"""The longest grpc-message that is kept, in characters."""
_NUMBER = re.compile(r"\d{1,9}")


class Code(IntEnum):
    """The status codes of gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


def code_name(code: int) -> str:
    """Return the name of a code, or the number of one that gRPC does not have."""
    try:
        return Code(code).name
    except ValueError:
        return str(code)


Origin = Literal["trailers", "trailers-only", "http", "reset", "client"]
"""Where a status comes from: the trailers; the head of a response without messages; the HTTP
status, because the response has no status of gRPC; an error code of HTTP/2; this client."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one call."""

    code: int
    message: str = ""
    """grpc-message, decoded and printable."""
    origin: Origin = "trailers"
    pushback: str | None = None
    """grpc-retry-pushback-ms as it was sent, printable."""
    details_bytes: int = 0
    """The length of grpc-status-details-bin."""

    @property
    def name(self) -> str:
        """The name of the code."""
        return code_name(self.code)

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.code == Code.OK

    def __str__(self) -> str:
        return f"{self.name}: {self.message}" if self.message else self.name


_OF_HTTP = {
    400: Code.INTERNAL, 401: Code.UNAUTHENTICATED, 403: Code.PERMISSION_DENIED,
    404: Code.UNIMPLEMENTED, 429: Code.UNAVAILABLE, 502: Code.UNAVAILABLE,
    503: Code.UNAVAILABLE, 504: Code.UNAVAILABLE,
}  # fmt: skip
_OF_H2 = {
    "REFUSED_STREAM": Code.UNAVAILABLE, "CANCEL": Code.CANCELLED,
    "ENHANCE_YOUR_CALM": Code.RESOURCE_EXHAUSTED,
    "INADEQUATE_SECURITY": Code.PERMISSION_DENIED,
}  # fmt: skip


def code_of_http(status: int) -> Code:
    """Return the code for a response without one ("HTTP to gRPC Status Code Mapping")."""
    return _OF_HTTP.get(status, Code.UNKNOWN)


def code_of_reset(error: str) -> Code:
    """Return the code for the name of an HTTP/2 error (gRPC over HTTP/2, "Errors")."""
    return _OF_H2.get(error, Code.INTERNAL)


def encode_message(text: str) -> str:
    """Return ``text`` as grpc-message: UTF-8, percent-encoded but for printable ASCII."""
    return "".join(
        chr(byte) if 0x20 <= byte <= 0x7E and byte != 0x25 else f"%{byte:02X}"
        for byte in text.encode()
    )


def decode_message(value: str) -> str:
    """Return the text of a grpc-message; invalid escapes stay, invalid UTF-8 is replaced.

    The text may have control characters: :func:`seventh.wire.text.printable` is for showing it.
    """
    return unquote_to_bytes(value.encode("latin-1", "replace")).decode("utf-8", "replace")


def first(fields: Fields, name: str) -> str | None:
    """Return the first field of that name."""
    return next((value for known, value in fields if known == name), None)


def status_in(fields: Fields, origin: Origin) -> Status | None:
    """Return the status of trailers; None without one. A malformed number is UNKNOWN."""
    number = first(fields, "grpc-status")
    if number is None:
        return None
    pushback = first(fields, "grpc-retry-pushback-ms")
    return Status(
        code=int(number) if _NUMBER.fullmatch(number) else Code.UNKNOWN,
        message=printable(
            decode_message((first(fields, "grpc-message") or "")[: 4 * MAX_MESSAGE_TEXT]),
            MAX_MESSAGE_TEXT,
        ),
        origin=origin,
        pushback=None if pushback is None else printable(pushback, 40),
        details_bytes=len(first(fields, "grpc-status-details-bin") or "") * 3 // 4,
    )


def is_pushback(value: str) -> bool:
    """Return whether ``value`` is a delay in milliseconds that clients wait for (gRFC A6).

    Every other value, a negative number included, forbids the retry.
    """
    return value.isascii() and value.isdecimal() and int(value) <= 0x7FFFFFFF
