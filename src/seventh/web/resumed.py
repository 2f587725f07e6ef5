"""What an upgrade left over: a stream some of whose bytes have been read already."""

from __future__ import annotations

from seventh.model.phase import Mark
from seventh.net.budget import Budget
from seventh.net.kernel import TcpInfo
from seventh.net.stream import Stream


class Resumed(Stream):
    """A stream some of whose bytes have been read already, and are given again first."""

    __slots__ = ("_at", "_below", "_rest", "address", "opened")

    def __init__(self, below: Stream, rest: bytes, at: Mark) -> None:
        self._below = below
        self._rest = rest
        self._at = at
        self.address = below.address
        self.opened = below.opened

    @property
    def budget(self) -> Budget:
        """What the peer may cost."""
        return self._below.budget

    def tcp_info(self) -> TcpInfo | None:
        """Return the kernel's view of the path below."""
        return self._below.tcp_info()

    def expect_silence(self) -> None:
        """Ask no minimum rate any more."""
        self._below.expect_silence()

    async def send(self, data: bytes) -> Mark:
        """Hand ``data`` over."""
        return await self._below.send(data)

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return what was left over, then what comes."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest, self._at
        return await self._below.receive(deadline_ns)

    def close(self) -> None:
        """Let go at once."""
        self._below.close()
