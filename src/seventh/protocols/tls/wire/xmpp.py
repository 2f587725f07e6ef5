"""XMPP: the stream's features (RFC 6120 §5), read tag by tag and without an XML parser.

Only names and nesting matter here. A tag, the nesting and the whole are limited; entities are not
expanded, and comments and declarations, which XMPP forbids (RFC 6120 §11.1), end the check.
"""

from __future__ import annotations

import re

from seventh.model.failure import Failed, ProtocolViolation
from seventh.protocols.tls.wire.dialogue import Dialogue, Reading, Script

_SERVER_PORT = 5269
_MAX_TAG = 4096
_MAX_DEPTH = 16
_NAMESPACE = "urn:ietf:params:xml:ns:xmpp-tls"
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", "'": "&apos;"})
_NAME = re.compile(rb"</?(?:[\w.-]+:)?([\w.-]+)")
_QUOTED = re.compile(rb"\"[^\"]*\"|'[^']*'")


def xmpp(talk: Dialogue) -> Script:
    """Run XMPP's dialogue (RFC 6120 §5.4): a client's, and on port 5269 a server's."""
    kind = "server" if talk.port == _SERVER_PORT else "client"
    talk.send(
        f"<?xml version='1.0'?><stream:stream to='{talk.server_name.translate(_ESCAPES)}' "
        f"xmlns='jabber:{kind}' xmlns:stream='http://etherx.jabber.org/streams' "
        "version='1.0'>".encode("utf-8", "replace")
    )
    elements, offered = _Elements(talk), False
    while True:
        path, complete = yield from elements.next()
        if path[1:2] == ("error",) and len(path) == 3:
            raise _stream_error(talk, path[2])
        offered = offered or path[1:] == ("features", "starttls")
        if complete and path[1:] == ("features",):
            break
    if not offered:
        raise talk.not_offered("the stream's features do not list starttls")
    talk.send(f"<starttls xmlns='{_NAMESPACE}'/>".encode())
    while True:
        path, complete = yield from elements.next()
        if path[1:] == ("failure",):
            raise talk.refused("starttls", "failure")
        if path[1:2] == ("error",) and len(path) == 3:
            raise _stream_error(talk, path[2])
        if complete and path[1:] == ("proceed",):
            return


def _stream_error(talk: Dialogue, condition: str) -> Failed:
    failed = talk.refused(f"the stream to {talk.server_name}", condition)
    if condition in {"host-unknown", "improper-addressing", "host-gone"}:
        failed.detail += "; --server-name sets the domain"
    return failed


class _Elements:
    """The elements of a stream, in order."""

    def __init__(self, talk: Dialogue) -> None:
        self._talk = talk
        self._open: list[str] = []

    def next(self) -> Reading[tuple[tuple[str, ...], bool]]:
        """Return the names from the root to the element of the next tag, and whether it ends it."""
        while (tag := (yield from self._tag())).startswith(b"<?"):
            pass
        match = _NAME.match(tag)
        if match is None:
            raise ProtocolViolation("XMPP permits no comment and no declaration in its XML")
        name = match[1].decode("ascii", "replace")
        if not self._open and name != "stream":
            raise self._talk.other()
        if tag.startswith(b"</"):
            path = tuple(self._open)
            if not path or self._open.pop() != name:
                raise ProtocolViolation(f"the XML ends {name}, which is not open")
            if not self._open:
                raise self._talk.refused("to go on", "end of the stream")
            return path, True
        path = (*self._open, name)
        if len(path) > _MAX_DEPTH:
            raise ProtocolViolation(f"the XML is nested deeper than {_MAX_DEPTH}")
        if tag.endswith(b"/>"):
            return path, True
        self._open.append(name)
        return path, False

    def _tag(self) -> Reading[bytes]:
        """Return the next tag; text before it is passed over, blanks only before the first one."""
        if self._open:
            yield from self._talk.until(b"<")
        else:
            while (first := (yield from self._talk.exactly(1))).isspace():
                pass
            if first != b"<":
                raise self._talk.other()
        tag = b"<"
        while True:
            tag += yield from self._talk.until(b">", _MAX_TAG)
            if len(tag) > _MAX_TAG:
                raise ProtocolViolation(f"an XML tag is longer than {_MAX_TAG} bytes")
            if not set(b"\"'") & set(_QUOTED.sub(b"", tag)):
                return tag
