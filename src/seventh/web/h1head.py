"""The head of an HTTP/1.1 request, as h11 writes it (RFC 9112 §3)."""

from __future__ import annotations

import functools
from typing import NamedTuple

import h11

from seventh.web.message import Fields, Request, unsendable

_LENGTHENED = frozenset({"POST", "PUT", "PATCH"})


class Head(NamedTuple):
    """A request's head, and its effect on the connection."""

    event: h11.Request
    data: bytes
    """The bytes with their blank line; empty for a tunnel or upgrade, which h11 writes."""
    closes: bool
    """Whether it has ``Connection: close``."""
    stays: bool
    """Whether it offers neither another protocol nor a tunnel."""


def head_of(request: Request) -> Head:
    """Return the head of ``request``, with Host, Content-Length and Upgrade added.

    Raises Failed (options-unusable) for what a request cannot contain.
    """
    length = len(request.body) if request.body or request.method in _LENGTHENED else None
    # A handshake's key is new each time, so caching it is useless.
    make = _cached_head if request.protocol is None else new_head
    return make(
        request.method, request.authority, request.path, request.headers, length, request.protocol
    )


def new_head(
    method: str,
    authority: str,
    path: str,
    headers: Fields,
    length: int | None,
    protocol: str | None,
) -> Head:
    """Return a head from the parts of a request; raises as :func:`head_of`."""
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
        raise unsendable(error) from None
    data = b"" if offers else h11.Connection(h11.CLIENT).send(event) or b""
    return Head(event, data, closing, not offers)


_cached_head = functools.lru_cache(maxsize=256)(new_head)
"""A monitor repeats its requests, and h11 checks each of them at some cost."""
