"""The head of an HTTP/1.1 request: what h11 is told to write (RFC 9112 §3)."""

from __future__ import annotations

import base64
import functools
import os
import re
from typing import NamedTuple

import h11

from seventh.web.message import Fields, Request, unsendable

_LENGTHENED = frozenset({"POST", "PUT", "PATCH"})


class Head(NamedTuple):
    """A request's head, and what it means for the connection."""

    event: h11.Request
    data: bytes
    """As it goes, with its blank line; empty where it leaves HTTP: h11 writes those itself."""
    closes: bool
    """Whether it asks for the connection's end."""
    stays: bool
    """Whether it offers no other protocol, nor a tunnel."""


def head_of(request: Request) -> Head:
    """Return ``request`` in h11's words, with Host, Content-Length and Upgrade as they should be.

    Raises Failed (options-unusable) for what cannot stand in a request.
    """
    length = len(request.body) if request.body or request.method in _LENGTHENED else None
    # A handshake's key is new each time: a cache would only fill up with it.
    make = _head if request.protocol is None else _head.__wrapped__
    return make(
        request.method, request.authority, request.path, request.headers, length, request.protocol
    )


def upgrade_of(request: Request) -> bytes | None:
    """Return the head of a WebSocket handshake as it goes, where only its key is new; else None.

    Raises Failed (options-unusable) as :func:`head_of` does.
    """
    key = request.get(_KEY)
    if request.protocol is None or request.method != "GET" or request.body or key is None:
        return None
    if not _PLAIN_KEY.fullmatch(key):
        return None
    headers = tuple([(n, _STAND_IN if n.lower() == _KEY else v) for n, v in request.headers])
    head = _upgrade(request.authority, request.path, headers, request.protocol)
    return head.replace(_STAND_IN.encode("ascii"), key.encode("ascii"))


@functools.lru_cache(maxsize=64)
def _upgrade(authority: str, path: str, headers: Fields, protocol: str) -> bytes:
    event = _head.__wrapped__("GET", authority, path, headers, None, protocol).event
    return h11.Connection(h11.CLIENT).send(event) or b""


_KEY = "sec-websocket-key"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_STAND_IN = base64.b64encode(os.urandom(16)).decode("ascii")
"""A key that nobody else has, in whose place the real ones go."""


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
        raise unsendable(error) from None
    data = b"" if offers else h11.Connection(h11.CLIENT).send(event) or b""
    return Head(event, data, closing, not offers)
