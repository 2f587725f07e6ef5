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
"""Called with each piece of a body as it arrives; ``False`` ends the exchange there."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. What a version needs around it (Host, pseudo-header fields) it adds itself."""

    method: str = "GET"
    scheme: str = "https"
    authority: str
    """Host and port as they stand in the URI; the port is left out when it is the scheme's own."""
    path: str = "/"
    """The path with its query; ``*`` for the OPTIONS of a whole server."""
    headers: Fields = ()
    """Without Host, Content-Length and Transfer-Encoding: they come from the other fields, unless
    they stand here. Connection and Upgrade belong here for HTTP/1.1 alone."""
    body: bytes = b""
    protocol: str | None = None
    """What to change to (``websocket``), for :meth:`HttpConnection.tunnel`: the Upgrade of
    HTTP/1.1, the ``:protocol`` of RFC 8441 and RFC 9220."""

    def get(self, name: str) -> str | None:
        """The first header field of that name (in lower case; the field's own case is free)."""
        return next((value for known, value in self.headers if known.lower() == name), None)


class Informational(msgspec.Struct, frozen=True, kw_only=True):
    """A 1xx response before the final one (RFC 9110 §15.2)."""

    status: int
    headers: Fields = ()
    at: Mark


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A final response, and when it came.

    Text in it is the peer's: it goes through ``wire.text.printable`` before it reaches a fact.
    """

    status: int
    version: Version
    headers: Fields = ()
    body: bytes = b""
    """As received, content codings not undone; at most the cap."""
    undone: bytes | ProtocolViolation | None = None
    """The content with its codings undone, or why that failed; None where it was not tried."""
    body_bytes: int = 0
    """How many bytes of body came, those beyond the cap included."""
    truncated: bool = False
    """Whether the body was left before its end: at the cap, or because ``on_body`` said so."""
    trailers: Fields = ()
    informational: tuple[Informational, ...] = ()
    reason: str = ""
    """HTTP/1's reason phrase; the other versions have none."""
    early: bool = False
    """Whether the request went as early data, before the handshake was over, and was taken."""
    sent: Mark
    """Just before the first byte of the request went."""
    first: Mark
    """When the first byte of the final response's head came."""
    last: Mark
    """When the end came; of a truncated body, when its last piece did."""
    head_bytes: int = 0
    """The final head's size on the wire; of HTTP/2 and HTTP/3, compressed."""
    raw_head: bytes = b""
    """HTTP/1's final head as it came, as evidence, up to its first kilobytes; else empty."""

    def get(self, name: str) -> str | None:
        """Return the first header field of that name (in lower case)."""
        return _first(self.headers, name)

    def every(self, name: str) -> tuple[str, ...]:
        """Return the values of all header fields of that name, in their order."""
        return tuple(value for known, value in self.headers if known == name)

    def listed(self, name: str) -> tuple[str, ...]:
        """Return the members of a comma-separated list field, in lower case (RFC 9110 §5.6.1).

        For lists of tokens; quoted strings with commas in them are cut apart.
        """
        members = (m.strip().lower() for value in self.every(name) for m in value.split(","))
        return tuple(m for m in members if m)


class Unfinished(Failed):
    """A response that broke off after its head: what there was of it, and why it went no further.

    Raised in the place of a plain Failed, so that what the head said is not lost.
    """

    def __init__(self, failed: Failed, response: Response) -> None:
        super().__init__(
            failed.reason, failed.detail, blame=failed.blame, phase=failed.phase,
            alert=failed.alert, http_error=failed.http_error,
        )  # fmt: skip
        self.http_field = failed.http_field
        self.response = response


def unsendable(error: Exception) -> Failed:
    """Return what a library says of a request that it will not write, without what it quotes of it.

    It may quote a field's value, and that may be a secret.
    """
    if isinstance(error, UnicodeError):
        said = "it has letters beyond ASCII"
    else:
        said = printable(_QUOTED.split(str(error), maxsplit=1)[0].rstrip(" :"), 200)
    return Failed(Reason.OPTIONS_UNUSABLE, f"no such request can be sent: {said}")


def check_sendable(fields: list[tuple[bytes, bytes]]) -> None:
    """Raise ValueError where a field of HTTP/2 or HTTP/3 would be two in HTTP/1.1.

    Their libraries write whatever they are given; the values are Latin-1, as in HTTP/1.1.
    """
    for name, value in fields:
        if not _NAME.fullmatch(name) or _CONTROLS.search(value):
            raise ValueError("illegal field name or value")
        if name in _VISIBLE and not _SEEN.fullmatch(value):
            raise ValueError(f"illegal {name.decode()}")


_NAME = re.compile(rb":?[!#$%&'*+.^_`|~0-9a-z-]+")
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_SEEN = re.compile(rb"[\x21-\x7e]+")
_VISIBLE = frozenset({b":method", b":scheme", b":authority", b":path"})
_QUOTED = re.compile(r"(?:bytearray\()?b?['\"]")


def is_endless(fields: Fields) -> bool:
    """Whether a response of these fields is an event stream, which has no end to be waited for.

    Without an ``on_body`` that listens to it, an exchange ends at its head.
    """
    return (_first(fields, "content-type") or "").strip()[:17].lower() == "text/event-stream"


def _first(fields: Fields, name: str) -> str | None:
    for known, value in fields:
        if known == name:
            return value
    return None
