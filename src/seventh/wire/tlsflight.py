"""The server's first flight in plain text, record by record. Sans-IO: bytes in, events out."""

from __future__ import annotations

from seventh.model.failure import ProtocolViolation
from seventh.wire import tlsnames as n
from seventh.wire.tlshello import (
    Alert,
    Certificates,
    Ciphertext,
    Event,
    HelloDone,
    parse_key_exchange,
    parse_server_hello,
)

MAX_RECORD = 16384 + 2048
"""The longest record payload of any version (RFC 5246 §6.2.3)."""
MAX_FLIGHT = 128 * 1024
"""The most handshake bytes that one conversation may bring."""
MAX_EMPTY_RECORDS = 16
MAX_ALERTS = 8


class NotTlsError(ProtocolViolation):
    """Bytes that are no TLS record."""


class FlightReader:
    """A reader of the server's first flight, as far as it is in plain text.

    Feed :meth:`receive` what arrives; it raises ProtocolViolation for what is no TLS or breaks
    its limits, and then wants no more.
    """

    __slots__ = ("_alerts", "_empty", "_messages", "_pending", "_seen", "_suite", "_version")

    def __init__(self) -> None:
        self._pending = bytearray()
        self._messages = bytearray()
        self._seen = 0
        self._empty = 0
        self._alerts = 0
        self._suite = 0
        self._version = 0

    def receive(self, data: bytes) -> list[Event]:
        """Process the next bytes, and return the events that they complete."""
        self._seen += len(data)
        if self._seen > MAX_FLIGHT:
            raise ProtocolViolation(f"the handshake is longer than {MAX_FLIGHT} bytes")
        self._pending += data
        events: list[Event] = []
        while (taken := self._take_record()) is not None:
            events += self._in_record(*taken)
        return events

    def _take_record(self) -> tuple[int, bytes] | None:
        pending = self._pending
        # Judge each header byte as it comes: bytes that are no TLS must not be waited for.
        if pending and pending[0] not in range(n.CHANGE_CIPHER_SPEC, 25):
            raise NotTlsError(f"content type {pending[0]} does not exist in TLS")
        if len(pending) > 1 and pending[1] != 3:
            raise NotTlsError(f"record version {pending[1]}.x does not exist in TLS")
        if len(pending) < 5:
            return None
        length = int.from_bytes(pending[3:5], "big")
        if length > MAX_RECORD:
            raise ProtocolViolation(f"record of {length} bytes; the limit is {MAX_RECORD}")
        if len(pending) < 5 + length:
            return None
        kind, payload = pending[0], bytes(pending[5 : 5 + length])
        del pending[: 5 + length]
        return kind, payload

    def _in_record(self, kind: int, payload: bytes) -> list[Event]:
        if not payload:
            self._empty += 1
            if self._empty > MAX_EMPTY_RECORDS:
                raise ProtocolViolation(f"more than {MAX_EMPTY_RECORDS} empty records")
            return []
        if kind == n.ALERT:
            return [self._alert(payload)]
        if kind == n.APPLICATION_DATA:
            return [Ciphertext(len(payload))]
        if kind != n.HANDSHAKE:
            return []
        self._messages += payload
        return self._take_messages()

    def _alert(self, payload: bytes) -> Alert:
        self._alerts += 1
        if self._alerts > MAX_ALERTS:
            raise ProtocolViolation(f"more than {MAX_ALERTS} alerts")
        if len(payload) != 2:
            raise ProtocolViolation(f"an alert of {len(payload)} bytes")
        return Alert(payload[0], payload[1])

    def _take_messages(self) -> list[Event]:
        events: list[Event] = []
        while len(self._messages) >= 4:
            length = int.from_bytes(self._messages[1:4], "big")
            if length > MAX_FLIGHT:
                raise ProtocolViolation(f"handshake message of {length} declared bytes")
            if len(self._messages) < 4 + length:
                break
            kind, body = self._messages[0], bytes(self._messages[4 : 4 + length])
            del self._messages[: 4 + length]
            event = self._message(kind, body)
            if event is not None:
                events.append(event)
        return events

    def _message(self, kind: int, body: bytes) -> Event | None:
        if kind == n.SERVER_HELLO:
            hello = parse_server_hello(body)
            self._suite, self._version = hello.suite, hello.negotiated
            return hello
        if not self._version:
            raise ProtocolViolation(f"handshake message {kind} before the ServerHello")
        if kind == n.CERTIFICATE:
            return Certificates(body)
        if kind == n.SERVER_KEY_EXCHANGE:
            return parse_key_exchange(body, self._suite)
        return HelloDone() if kind == n.SERVER_HELLO_DONE else None
