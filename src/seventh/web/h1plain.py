"""The fast path of HTTP/1.1: the requests and responses that most pulses consist of, without h11.

Measured with ``python -m bench pulse``: an HTTP pulse costs 105 µs of CPU with it and 150 µs
without it. Everything that is not plain is None here and left to h11; property tests require that
both read the same.
"""

from __future__ import annotations

import base64
import functools
import os
import re

import h11

from seventh.model.phase import Mark
from seventh.web import limits
from seventh.web.h1head import new_head
from seventh.web.message import Fields, Request, Response, is_endless

MAX_PLAIN_HEAD = 8192
"""The longest plain head, which is what a response keeps as evidence."""
_HEAD = re.compile(
    rb"HTTP/1\.1 (101|[2-5][0-9][0-9]) ([\x21-\x7e][\x20-\x7e]*)?\r\n"
    rb"((?:[!#-'*+\-.0-9A-Z^-z|~]+:[\x20-\x7e\t]*\r\n)*)\r\n"
)
_FIELD = re.compile(r"([^:]+):[ \t]*([^\r]*)\r\n")
_KEY = "sec-websocket-key"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9+/]{22}==")
_PLACEHOLDER = base64.b64encode(os.urandom(16)).decode("ascii")
"""A random key, which the real ones replace."""


def plain_response(
    data: bytes, sent: Mark, at: Mark, body_cap: int, *, switching: bool = False
) -> tuple[Response, bytes] | None:
    """Return ``data`` as a response, and the bytes that follow a 101; None if it is not plain.

    Plain is a whole head in ASCII without folded lines or interim responses, and either a 101
    where ``switching`` was asked for, or one Content-Length that the rest of ``data`` has exactly.
    """
    found = _HEAD.match(data, 0, MAX_PLAIN_HEAD)
    if found is None or (found[1] == b"101") is not switching or found[1] in {b"204", b"304"}:
        return None
    lines = _FIELD.findall(found[3].decode("ascii"))
    fields: Fields = tuple([(name.lower(), value.rstrip(" \t")) for name, value in lines])
    reason = found[2] or b""
    if len(fields) > limits.MAX_FIELDS or len(reason) > limits.MAX_REASON or is_endless(fields):
        return None
    framing = [(n, v) for n, v in fields if n in {"content-length", "transfer-encoding"}]
    head, rest = data[: found.end()], data[found.end() :]
    if switching:
        body = b""
        if framing:
            return None
    else:
        body, rest = rest, b""
        if len(framing) != 1 or framing[0][0] != "content-length":
            return None
        length = framing[0][1]
        if not (length.isdigit() and len(length) < 10 and int(length) == len(body) <= body_cap):
            return None
    response = Response(
        status=int(found[1]),
        version="1.1",
        headers=fields,
        body=body,
        body_bytes=len(body),
        reason=reason.decode("ascii"),
        sent=sent,
        first=at,
        last=at,
        head_bytes=len(head),
        raw_head=head,
    )
    return response, rest


def plain_handshake(request: Request) -> bytes | None:
    """Return the head of a WebSocket handshake, made once for all keys; None for other requests.

    Raises Failed (options-unusable) for what a request cannot contain.
    """
    key = request.get(_KEY)
    if request.protocol is None or request.method != "GET" or request.body or key is None:
        return None
    if not _PLAIN_KEY.fullmatch(key):
        return None
    headers = tuple([(n, _PLACEHOLDER if n.lower() == _KEY else v) for n, v in request.headers])
    head = _handshake(request.authority, request.path, headers, request.protocol)
    return head.replace(_PLACEHOLDER.encode("ascii"), key.encode("ascii"))


@functools.lru_cache(maxsize=64)
def _handshake(authority: str, path: str, headers: Fields, protocol: str) -> bytes:
    event = new_head("GET", authority, path, headers, None, protocol).event
    return h11.Connection(h11.CLIENT).send(event) or b""
