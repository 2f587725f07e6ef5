"""Requests and responses, the same for all versions of HTTP (RFC 9110)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.wire.text import printable

Version = Literal["1.0", "1.1", "2", "3"]
Fields = tuple[tuple[str, str], ...]
"""Header or trailer fields in their order, repeats kept; names in lower case, values as Latin-1."""

OnBody = Callable[[bytes, Mark], bool | None]
"""Called with each piece of a body and its arrival; ``False`` ends the exchange."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. The connection adds what its version requires (Host, pseudo-header fields)."""

    method: str = "GET"
    scheme: str = "https"
    authority: str
    """Host and port as in the URI, without the scheme's default port."""
    path: str = "/"
    """The path with its query; ``*`` for the OPTIONS of a whole server."""
    headers: Fields = ()
    """Header fields. Host, Content-Length and Transfer-Encoding are added unless they are here;
    Connection and Upgrade are only for HTTP/1.1."""
    body: bytes = b""
    protocol: str | None = None
    """The protocol to switch to (``websocket``) in :meth:`HttpConnection.tunnel`: the Upgrade of
    HTTP/1.1, the ``:protocol`` of RFC 8441 and RFC 9220."""

    def get(self, name: str) -> str | None:
        """Return the first header field of that name, given in lower case."""
        return next((value for known, value in self.headers if known.lower() == name), None)


class Informational(msgspec.Struct, frozen=True, kw_only=True):
    """A 1xx response before the final one (RFC 9110 §15.2)."""

    status: int
    headers: Fields = ()
    at: Mark


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A final response with its times.

    Its text is the peer's: ``wire.text.printable`` must clean it before it becomes a fact.
    """

    status: int
    version: Version
    headers: Fields = ()
    body: bytes = b""
    """The content as received, with its content codings, up to the cap."""
    undone: bytes | ProtocolViolation | None = None
    """The decoded content, or why decoding failed; None if it was not tried."""
    body_bytes: int = 0
    """The number of body bytes received, those beyond the cap included."""
    truncated: bool = False
    """Whether the body was not read to its end: at the cap, or because of ``on_body``."""
    trailers: Fields = ()
    informational: tuple[Informational, ...] = ()
    reason: str = ""
    """The reason phrase of HTTP/1; empty in other versions."""
    early: bool = False
    """Whether the request was sent as early data and the server accepted it."""
    sent: Mark
    """Just before the request was sent."""
    first: Mark
    """The arrival of the final head's first byte."""
    last: Mark
    """The arrival of the end, or of a truncated body's last piece."""
    head_bytes: int = 0
    """The final head's size; compressed in HTTP/2 and HTTP/3."""
    raw_head: bytes = b""
    """The first kilobytes of HTTP/1's final head, as evidence; empty in other versions."""

    def get(self, name: str) -> str | None:
        """Return the first header field of that name, given in lower case."""
        return _first(self.headers, name)

    def every(self, name: str) -> tuple[str, ...]:
        """Return the values of all header fields of that name, in order."""
        return tuple(value for known, value in self.headers if known == name)

    def listed(self, name: str) -> tuple[str, ...]:
        """Return the members of a comma-separated list field, in lower case (RFC 9110 §5.6.1).

        For lists of tokens: quoted strings with commas are split.
        """
        members = (m.strip().lower() for value in self.every(name) for m in value.split(","))
        return tuple(m for m in members if m)


class Unfinished(Failed):
    """A failure after a response's head, with the partial response.

    Raised instead of Failed, so that the head is not lost.
    """

    def __init__(self, failed: Failed, response: Response) -> None:
        super().__init__(
            failed.reason, failed.detail, blame=failed.blame, phase=failed.phase,
            alert=failed.alert, http_error=failed.http_error, served=failed.served,
        )  # fmt: skip
        self.http_field = failed.http_field
        self.response = response


def unsendable(error: Exception) -> Failed:
    """Return the failure for a request that a library refuses to write.

    The library's text is cut before its first quotation, which may hold a secret.
    """
    if isinstance(error, UnicodeError):
        why = "characters beyond ASCII"
    else:
        why = printable(_QUOTED.split(str(error), maxsplit=1)[0].rstrip(" :"), 200)
    return Failed(Reason.OPTIONS_UNUSABLE, f"the request cannot be sent: {why}")


_QUOTED = re.compile(r"(?:bytearray\()?b?['\"]")


def is_endless(fields: Fields) -> bool:
    """Return whether a response is an event stream, which has no end.

    Without ``on_body`` its exchange ends at the head.
    """
    return (_first(fields, "content-type") or "").strip()[:17].lower() == "text/event-stream"


def _first(fields: Fields, name: str) -> str | None:
    for known, value in fields:
        if known == name:
            return value
    return None
