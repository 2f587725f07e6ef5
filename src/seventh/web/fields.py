"""The field sections of HTTP/2 and HTTP/3 (RFC 9113 §8.3, RFC 9114 §4.3)."""

from __future__ import annotations

import re

from seventh.model.failure import ProtocolViolation
from seventh.web import limits
from seventh.web.message import Fields, Request
from seventh.wire.text import quoted

RawFields = list[tuple[bytes, bytes]]
_HOP_BY_HOP = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)
_NAME = re.compile(rb":?[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_VISIBLE = re.compile(rb"[\x21-\x7e]+")
_ALL_VISIBLE = frozenset({b":method", b":scheme", b":authority", b":path"})


def request_fields(request: Request) -> RawFields:
    """Return the request's fields, pseudo-header fields first (RFC 8441 §4, RFC 9220 §3).

    Raises ValueError for what a request cannot contain: the libraries do not check it.
    """
    method = "CONNECT" if request.protocol is not None else request.method
    head = [(":method", method)]
    if request.protocol is not None:
        head.append((":protocol", request.protocol))
    if method != "CONNECT" or request.protocol is not None:
        head += [(":scheme", request.scheme), (":path", request.path)]
    head.append((":authority", request.get("host") or request.authority))
    names = [(name.lower(), value) for name, value in request.headers]
    head += [(name, value) for name, value in names if name not in _HOP_BY_HOP]
    if request.body and request.get("content-length") is None:
        head.append(("content-length", str(len(request.body))))
    fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in head]
    for raw_name, raw_value in fields:
        if not _NAME.fullmatch(raw_name) or _CONTROLS.search(raw_value):
            raise ValueError("illegal field name or value")
        if raw_name in _ALL_VISIBLE and not _VISIBLE.fullmatch(raw_value):
            raise ValueError(f"illegal {raw_name.decode()}")
    return fields


def response_fields(raw: RawFields) -> tuple[int, Fields]:
    """Return the status, 0 in trailers, and the other fields.

    Raises ProtocolViolation for an invalid status, and for too many or too long fields.
    """
    size = sum(len(name) + len(value) + 32 for name, value in raw)
    if size > limits.MAX_HEAD_BYTES:
        raise ProtocolViolation(
            f"a header list of {size} bytes; the limit is {limits.MAX_HEAD_BYTES}"
        )
    if len(raw) > limits.MAX_FIELDS:
        raise ProtocolViolation(f"{len(raw)} header fields; the limit is {limits.MAX_FIELDS}")
    status = 0
    fields: list[tuple[str, str]] = []
    for name, value in raw:
        if name != b":status":
            fields.append((name.decode("latin-1"), value.decode("latin-1")))
            continue
        if len(value) != 3 or not value.isdigit() or value < b"100":
            raise ProtocolViolation(f"a :status of {quoted(value, 20)}")
        status = int(value)
    return status, tuple(fields)
