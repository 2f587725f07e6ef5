"""A dialogue in clear up to the go-ahead for TLS: bytes in, events out.

Each protocol is a *script*, a generator that reads what the server sends, in order, and gives way
whenever it needs more bytes. It ends with the go-ahead; what a server may answer instead it raises
as Failed, which is the last event then.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.starttls import StarttlsName
from seventh.wire.identify import identify
from seventh.wire.text import printable, quoted

MAX_LINE = 8192
MAX_BYTES = 65536
"""The most that a server may send up to its go-ahead."""
_SHOWN = 200

T = TypeVar("T")
Reading = Generator[None, None, T]
"""Reads a value of the server's; gives way when more bytes are needed."""
Script = Generator[None, None, None]


class Greeting(msgspec.Struct, frozen=True):
    """The server's greeting is complete."""

    text: str


class Send(msgspec.Struct, frozen=True):
    """Bytes to send now."""

    data: bytes


class Go(msgspec.Struct, frozen=True):
    """The server now expects a ClientHello."""


Event = Greeting | Send | Go | Failed
"""A Failed is why there will be no go-ahead."""


class Starttls(msgspec.Struct, frozen=True, kw_only=True):
    """A protocol that starts TLS within a connection in clear."""

    name: StarttlsName
    title: str
    script: Callable[[Dialogue], Script]
    ports: tuple[int, ...]
    enable: str
    """Where a common server enables it, and how."""
    greets: bool = True
    """Whether the server sends first."""


class Dialogue:
    """One dialogue; :meth:`begin`, then :meth:`receive` with each piece that comes."""

    def __init__(self, protocol: Starttls, *, us: str, server_name: str, port: int) -> None:
        self.protocol = protocol
        self.us = us
        """This machine's name, for SMTP."""
        self.server_name = server_name
        self.port = port
        self._buffer = bytearray()
        self._taken = 0
        self._first = b""
        """The first bytes of the server, by which another protocol is recognised."""
        self._events: list[Event] = []
        self._script = protocol.script(self)
        self.done = False

    @property
    def heard(self) -> bool:
        """Whether the server has sent anything."""
        return bool(self._first)

    @property
    def rest(self) -> bytes:
        """What came after the go-ahead, in clear."""
        return bytes(self._buffer) if self.done else b""

    def begin(self) -> list[Event]:
        """Return the events before the first byte of the server."""
        return self._advance()

    def receive(self, data: bytes) -> list[Event]:
        """Return the events that ``data`` completes."""
        self._first += data[: _SHOWN - len(self._first)]
        self._buffer += data
        return [] if self.done else self._advance()

    def _advance(self) -> list[Event]:
        try:
            next(self._script)
        except StopIteration:
            self.done = True
            self._events.append(Go())
        except Failed as failed:
            self._events.append(failed)
        events, self._events = self._events, []
        return events

    # -- for scripts: what is sent and noted -------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send a command."""
        self._events.append(Send(data))

    def greeted(self, text: bytes) -> None:
        """Note the greeting."""
        self._events.append(Greeting(printable(text, _SHOWN)))

    # -- for scripts: what is read -----------------------------------------------------------------

    def exactly(self, count: int) -> Reading[bytes]:
        """Return the next ``count`` bytes."""
        if self._taken + count > MAX_BYTES:
            raise ProtocolViolation(f"more than {MAX_BYTES} bytes before TLS could start")
        while len(self._buffer) < count:
            yield
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._taken += count
        return taken

    def until(self, end: bytes, most: int = MAX_LINE) -> Reading[bytes]:
        """Return the bytes up to and with ``end``, at most ``most``."""
        while (found := self._buffer.find(end, 0, most)) < 0:
            if len(self._buffer) >= most:
                raise ProtocolViolation(f"more than {most} bytes without the end of a line")
            yield
        return (yield from self.exactly(found + len(end)))

    def line(self) -> Reading[bytes]:
        """Return the next line without its end, which may be a bare LF."""
        line = yield from self.until(b"\n")
        return line[:-1].removesuffix(b"\r")

    # -- for scripts: why it ended -----------------------------------------------------------------

    def not_offered(self, why: str) -> Failed:
        """Return the failure of a server that does not support STARTTLS, or has it switched off."""
        return Failed(
            Reason.STARTTLS_NOT_OFFERED,
            f"{self.protocol.title} without TLS: {why}. To enable it {self.protocol.enable}",
        )

    def refused(self, what: str, answer: bytes | str) -> Failed:
        """Return the failure of a server that answered ``what`` with an error."""
        return Failed(
            Reason.STARTTLS_REFUSED,
            f"the server refused {what}: {quoted(answer, _SHOWN)}; its log has the cause",
        )

    def other(self) -> Failed:
        """Return the failure of a server whose first bytes are not this protocol's."""
        served = identify(self._first) or ""
        what = (
            f"the port serves {served}, not {self.protocol.title}"
            if served
            else f"the first bytes are not {self.protocol.title}: {quoted(self._first, 60)}"
        )
        return Failed(Reason.PROTOCOL_MISMATCH, what, served=served)

    def is_other(self, *names: str) -> bool:
        """Return whether the first bytes are those of one of the protocols ``names``."""
        return identify(self._first) in names
