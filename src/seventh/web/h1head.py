"""The head of an HTTP/1.1 request: what h11 is told to write (RFC 9112 §3)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import h11

from seventh.model.failure import Failed, Reason
from seventh.web.message import Fields, Request
from seventh.wire.text import printable

_LENGTHENED = frozenset({"POST", "PUT", "PATCH"})


class Head(NamedTuple):
    """A request's head, and what it means for the connection."""

    event: h11.Request
    data: bytes
    """As it goes, with its blank line."""
    closes: bool
    """Whether it asks for the connection's end."""
    stays: bool
    """Whether it offers no other protocol, nor a tunnel."""


def head_of(request: Request) -> Head:
    """``request`` in h11's words, with Host, Content-Length and Upgrade as they should be.

    Raises Failed (options-unusable) for what cannot stand in a request.
    """
    length = len(request.body) if request.body or request.method in _LENGTHENED else None
    return _head(
        request.method, request.authority, request.path, request.headers, length, request.protocol
    )


# What a monitor sends is mostly what it sent before, and h11 checks each request at some cost.
@functools.lru_cache(maxsize=256)
def _head(
    method: str,
    authority: str,
    path: str,
    headers: Fields,
    length: int | None,
    protocol: str | None,
) -> Head:
    given = {name.lower() for name, _ in headers}
    fields = [] if "host" in given else [("Host", authority)]
    fields += headers
    if protocol is not None and "upgrade" not in given:
        fields += [("Connection", "Upgrade"), ("Upgrade", protocol)]
    if length is not None and not given & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(length)))
    target = authority if method == "CONNECT" and protocol is None else path
    closing = any(n.lower() == "connection" and "close" in v.lower() for n, v in fields)
    offers = method == "CONNECT" or any(name.lower() == "upgrade" for name, _ in fields)
    try:
        event = h11.Request(
            method=method.encode("ascii"),
            target=target.encode("ascii"),
            headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in fields],
        )
    except (h11.LocalProtocolError, UnicodeEncodeError) as error:
        said = printable(str(error), 200)
        raise Failed(Reason.OPTIONS_UNUSABLE, f"no such request can be sent: {said}") from None
    data = h11.Connection(h11.CLIENT).send(event) or b""
    return Head(event, data, closing, not offers)
