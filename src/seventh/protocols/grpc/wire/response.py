"""A response's head and end: whether it is gRPC, and its status."""

from __future__ import annotations

import re

import msgspec

from seventh.protocols.grpc.wire.status import Status, code_of_http, first, status_in
from seventh.web.message import Fields
from seventh.wire.text import printable

_CONTENT_TYPE = re.compile(r"application/grpc(?:\+[a-z0-9.+-]+)?(?:[; \t].*)?", re.IGNORECASE)
_MAX_SHOWN = 120


class NotGrpc(msgspec.Struct, frozen=True, kw_only=True):
    """A response of something that is not a gRPC server, such as a proxy's error page."""

    http_status: int
    content_type: str = ""
    server: str = ""
    """The Server and Via fields, printable."""
    beginning: str = ""
    """The beginning of its body, printable."""


def is_grpc(fields: Fields) -> bool:
    """Return whether the content type is gRPC's; that of gRPC-Web is another protocol's."""
    return _CONTENT_TYPE.fullmatch(first(fields, "content-type") or "") is not None


def not_grpc(status: int, fields: Fields) -> NotGrpc | None:
    """Return what a response is instead of gRPC; None if it is gRPC.

    Clients accept another status than 200 if the content type and grpc-status are there.
    """
    if is_grpc(fields) and (status == 200 or first(fields, "grpc-status") is not None):
        return None
    named = [first(fields, "server"), first(fields, "via")]
    return NotGrpc(
        http_status=status,
        content_type=printable(first(fields, "content-type") or "", _MAX_SHOWN),
        server=printable(", ".join(filter(None, named)), _MAX_SHOWN),
    )


def end_status(http_status: int, head: Fields, trailers: Fields) -> Status:
    """Return the status of a response that has ended."""
    found = status_in(trailers, "trailers") or status_in(head, "trailers-only")
    if found is not None:
        return found
    if http_status == 200 and is_grpc(head):
        return Status(code=2, message="the response has no grpc-status", origin="http")
    return Status(
        code=code_of_http(http_status), message=f"HTTP {http_status} without grpc-status",
        origin="http",
    )  # fmt: skip
