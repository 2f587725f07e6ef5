"""MQTT over WebSocket, the server's side."""

from __future__ import annotations

from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, SERVER, Protocol

from seventh.labkit.web.handler import Answer, Handler, Pipe
from seventh.protocols.mqtt.lab.broker import Broker
from seventh.web.message import Request
from seventh.wire.websocket_key import accept_of, is_valid_key

_DATA = {Opcode.BINARY, Opcode.CONT}


class WebSocketPeer:
    """A client inside an open WebSocket, whose frames have no meaning of their own."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._protocol = Protocol(SERVER, state=OPEN, max_size=1 << 20)

    async def receive(self) -> bytes:
        """Return the next bytes of binary messages; ``b""`` at the end."""
        while data := await self._pipe.receive():
            self._protocol.receive_data(data)
            frames = [e for e in self._protocol.events_received() if isinstance(e, Frame)]
            await self._flush()
            if found := b"".join(bytes(each.data) for each in frames if each.opcode in _DATA):
                return found
            if any(each.opcode is Opcode.CLOSE for each in frames):
                break
        return b""

    async def send(self, data: bytes) -> None:
        """Send bytes as one binary message."""
        self._protocol.send_binary(data)
        await self._flush()

    async def _flush(self) -> None:
        if out := b"".join(self._protocol.data_to_send()):
            await self._pipe.send(out)


def answering(broker: Broker) -> Handler:
    """Return the handler of a web server that has the broker behind a WebSocket."""

    async def serve(pipe: Pipe) -> None:
        await broker.serve(WebSocketPeer(pipe))

    async def handle(request: Request) -> Answer:
        fields = {name.lower(): value for name, value in request.headers}
        key = fields.get("sec-websocket-key", "")
        offered = [each.strip() for each in fields.get("sec-websocket-protocol", "").split(",")]
        if not is_valid_key(key) or "mqtt" not in offered:
            return Answer(status=400, body=b"this is MQTT over WebSocket\n")
        chosen = (("Sec-WebSocket-Protocol", "mqtt"),) if broker.setup.subprotocol else ()
        head = (("Sec-WebSocket-Accept", accept_of(key)), *chosen)
        return Answer(status=200, headers=head, tunnel=serve)

    return handle
