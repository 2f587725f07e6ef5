"""The heads of HTTP/2: what h2 is told to send, and what it has read (RFC 9113 §8.3)."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation
from seventh.web import limits
from seventh.web.fieldrules import check_fields
from seventh.web.message import Fields, Request, check_sendable
from seventh.wire.text import quoted

_HOP_BY_HOP = frozenset(
    {"connection", "host", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}
)


def request_fields(request: Request) -> list[tuple[bytes, bytes]]:
    """The request's fields with their pseudo-header fields first (RFC 9113 §8.3.1, RFC 8441 §4).

    Raises ValueError for what cannot stand in a request.
    """
    method = "CONNECT" if request.protocol is not None else request.method
    head = [(":method", method)]
    if request.protocol is not None:
        head.append((":protocol", request.protocol))
    if method != "CONNECT" or request.protocol is not None:
        head += [(":scheme", request.scheme), (":path", request.path)]
    given = dict(request.headers)
    head.append((":authority", given.get("host", given.get("Host", request.authority))))
    for name, value in request.headers:
        lower = name.lower()
        if lower not in _HOP_BY_HOP:
            head.append((lower, value))
    if request.body and request.get("content-length") is None:
        head.append(("content-length", str(len(request.body))))
    fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in head]
    check_sendable(fields)
    return fields


def response_fields(raw: object, *, trailers: bool = False) -> tuple[int, Fields]:
    """Return the status, 0 where there is none, and the fields of h2's list of byte pairs.

    Raises ProtocolViolation for malformed ones, for a status that is none, and for too many fields.
    """
    status = 0
    fields: list[tuple[str, str]] = []
    pairs: list[tuple[bytes, bytes]] = list(raw or ())  # type: ignore[call-overload]
    if len(pairs) > limits.MAX_FIELDS:
        raise ProtocolViolation(f"more than {limits.MAX_FIELDS} header fields")
    check_fields(pairs, "2", trailers=trailers)
    for name, value in pairs:
        if name == b":status":
            if len(value) != 3 or not value.isdigit() or value < b"100":
                raise ProtocolViolation(f"a :status of {quoted(value, 20)}")
            status = int(value)
        else:
            fields.append((name.decode("latin-1"), value.decode("latin-1")))
    return status, tuple(fields)
