"""MQTT inside WebSocket (MQTT 5 §6): binary messages as a stream of bytes."""

from __future__ import annotations

from urllib.parse import quote

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net.budget import Budget
from seventh.net.stopwatch import user_mark
from seventh.net.stream import Stream
from seventh.protocols.mqtt.facts import Upgrade
from seventh.web.h1 import H1Connection
from seventh.web.message import Request, Response, Unfinished
from seventh.wire.text import printable
from seventh.wire.websocket_frames import Frames, Message
from seventh.wire.websocket_key import VERSION, accept_of, new_key

SUBPROTOCOL = "mqtt"
DEFAULT_PATH = "/mqtt"
BODY_CAP = 4096
_KEPT = "/?:@!$&'()*+,;=-._~%[]"
_PORTS = {"mqtt+ws": 80, "mqtt+wss": 443}


class Tunnel(Stream):
    """The stream inside an open WebSocket, whose frames have no meaning of their own."""

    def __init__(self, below: Stream, opened: Mark) -> None:
        self._below = below
        self._frames = Frames()
        self._flushing = False
        self.address = below.address
        self.opened = opened
        self.connect_seconds = below.connect_seconds

    async def send(self, data: bytes) -> Mark:
        """See :meth:`Stream.send`."""
        self._frames.binary(data)
        return await self._flush()

    async def _flush(self) -> Mark:
        """Send frames; while one task does, another's wait for it to take them along."""
        mark = user_mark()
        if self._flushing:
            return mark
        self._flushing = True
        try:
            while out := self._frames.out():
                await self._below.send(out)
        finally:
            self._flushing = False
        return mark

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """See :meth:`Stream.receive`; a close frame is the end."""
        mark = self.opened
        while self._frames.closed is None:
            data, mark = await self._below.receive(deadline_ns)
            if not data:
                break
            parts = []
            for event in self._frames.receive(data, mark):
                if isinstance(event, Message):
                    if event.kind == "text":
                        raise ProtocolViolation("MQTT in a text message, not a binary one (§6)")
                    parts.append(event.data)
            await self._flush()
            if any(parts):
                return b"".join(parts), mark
        return b"", mark

    def close(self) -> None:
        """Close the connection below."""
        self._below.close()

    @property
    def budget(self) -> Budget:
        """The limits for this peer."""
        return self._below.budget


def handshake(target: Target, key: str) -> Request:
    """Return the request of the WebSocket handshake."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    usual = target.port == _PORTS.get(target.scheme)
    path = target.path.partition("#")[0] or DEFAULT_PATH
    return Request(
        method="GET",
        scheme="https" if target.scheme == "mqtt+wss" else "http",
        authority=host if usual else f"{host}:{target.port}",
        path=quote(path if path.startswith("/") else f"/{path}", safe=_KEPT),
        headers=(
            ("Sec-WebSocket-Key", key),
            ("Sec-WebSocket-Version", str(VERSION)),
            ("Sec-WebSocket-Protocol", SUBPROTOCOL),
        ),
        protocol="websocket",
    )


async def upgrade(
    below: Stream, target: Target, deadline_ns: int
) -> tuple[Upgrade, Response, Tunnel | None]:
    """Make the handshake on ``below``; without a tunnel it was refused. Raises Failed."""
    http = H1Connection(below)
    key = new_key()
    stream: Stream | None = None
    try:
        response, stream = await http.tunnel(
            handshake(target, key), deadline_ns=deadline_ns, body_cap=BODY_CAP
        )
    except Unfinished as unfinished:
        response = unfinished.response
    if stream is None:
        http.close()
        return Upgrade(outcome="refused", status=response.status), response, None
    right = [value.strip() for value in response.every("sec-websocket-accept")] == [accept_of(key)]
    chosen = response.get("sec-websocket-protocol")
    seen = Upgrade(
        outcome="open" if right else "invalid", status=response.status,
        subprotocol=printable(chosen, 80) if chosen is not None else None,
    )  # fmt: skip
    return seen, response, Tunnel(stream, response.first)


def failure_of(seen: Upgrade) -> Failed | None:
    """Return the failure of a handshake after which there is no MQTT; None if there is."""
    if seen.outcome == "open":
        return None
    if seen.outcome == "invalid":
        return Failed(
            Reason.PROTOCOL_VIOLATION,
            "the 101 to the WebSocket handshake has a wrong or no Sec-WebSocket-Accept",
        )
    text = f"HTTP {seen.status} to the WebSocket handshake"
    if seen.status in {401, 403}:
        return Failed(Reason.AUTH_REQUIRED, f"{text}: the web server requires a login")
    return Failed(Reason.PROTOCOL_MISMATCH, f"{text}: no MQTT over WebSocket at this path")
