"""Requests and responses, one at a time, over a local socket (AF_UNIX)."""

from __future__ import annotations

import socket

from seventh.model.failure import Failed, Reason
from seventh.net import shortage
from seventh.net.stopwatch import now_ns
from seventh.net.wait import DeadlineError, readable, writable

CHUNK = 65536


class LocalSocket:
    """A connection to a local program; its failures are ``local-resource``."""

    __slots__ = ("_sock", "name")

    def __init__(self, sock: socket.socket, name: str) -> None:
        self._sock = sock
        self.name = name

    @classmethod
    def open(cls, name: str) -> LocalSocket:
        """Connect to the socket at the path ``name``; a local connection never has to wait."""
        try:
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise shortage.short(error) from None
        try:
            sock.connect(name)
        except (OSError, ValueError) as error:
            sock.close()
            raise _failed(name, error) from None
        return cls(sock, name)

    async def send(self, data: bytes, deadline_ns: int) -> None:
        """Send ``data``."""
        view = memoryview(data)
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await self._wait(deadline_ns, to_write=True)
            except OSError as error:
                raise _failed(self.name, error) from None

    async def receive(self, deadline_ns: int) -> bytes:
        """Return the next bytes; ``b""`` at the end."""
        while True:
            try:
                return self._sock.recv(CHUNK)
            except BlockingIOError:
                await self._wait(deadline_ns)
            except OSError as error:
                raise _failed(self.name, error) from None

    async def _wait(self, deadline_ns: int, *, to_write: bool = False) -> None:
        started = now_ns()
        try:
            await (writable if to_write else readable)(self._sock, deadline_ns)
        except DeadlineError:
            waited = (now_ns() - started) / 1e9
            raise Failed(
                Reason.LOCAL_RESOURCE, f"no answer from {self.name} in {waited:.1f} s"
            ) from None

    def close(self) -> None:
        """Close; idempotent."""
        self._sock.close()


def _failed(name: str, error: OSError | ValueError) -> Failed:
    # Without the system's words it is Python's refusal of the name.
    reason = getattr(error, "strerror", None) or "its path is too long for a socket"
    return Failed(Reason.LOCAL_RESOURCE, f"socket {name}: {reason}")
