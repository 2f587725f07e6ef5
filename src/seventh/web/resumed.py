"""A stream some of whose bytes have been read already, as after an upgrade."""

from __future__ import annotations

from seventh.model.phase import Mark
from seventh.net.budget import Budget
from seventh.net.kernel import TcpInfo
from seventh.net.stream import Stream


class Resumed(Stream):
    """A stream that first returns bytes that have been read already."""

    __slots__ = ("_at", "_below", "_rest", "address", "opened")

    def __init__(self, below: Stream, rest: bytes, at: Mark) -> None:
        self._below = below
        self._rest = rest
        self._at = at
        self.address = below.address
        self.opened = below.opened

    @property
    def budget(self) -> Budget:
        """The budget of the stream below."""
        return self._below.budget

    def tcp_info(self) -> TcpInfo | None:
        """Return the kernel's TCP_INFO of the stream below."""
        return self._below.tcp_info()

    def expect_silence(self) -> None:
        """Stop requiring a minimum rate."""
        self._below.expect_silence()

    def expect_answers(self) -> None:
        """Enforce the minimum rate again."""
        self._below.expect_answers()

    async def send(self, data: bytes) -> Mark:
        """Send ``data``."""
        return await self._below.send(data)

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        """Return the bytes read already, then those that arrive."""
        if self._rest:
            rest, self._rest = self._rest, b""
            return rest, self._at
        return await self._below.receive(deadline_ns)

    async def aclose(self) -> None:
        """Close, after TLS's closing message where there is TLS."""
        await self._below.aclose()

    def close(self) -> None:
        """Close without waiting."""
        self._below.close()
