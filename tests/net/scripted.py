"""A stream whose peer follows a script: exact bytes, no sockets, no waiting."""

from __future__ import annotations

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.kernel import TcpInfo
from seventh.net.stopwatch import now_ns
from seventh.net.stream import Stream

Step = bytes | Failed
"""What a read gives; ``b""`` is the end of the stream."""


def silent() -> Failed:
    return Failed(Reason.PEER_SILENT, "no data")


def reset() -> Failed:
    return Failed(Reason.PEER_RESET, "reset")


class Scripted(Stream):
    """The peer says ``script`` in turn, then is silent; ``done`` has what we did to the stream."""

    def __init__(self, *script: Step, refuses: Failed | None = None) -> None:
        self.script = list(script)
        self.address = Address(ip="192.0.2.1", port=80)
        self.opened = Mark(1, "kernel")
        self.sent: list[bytes] = []
        self.until: list[int | None] = []
        """The deadline of each read."""
        self.done: list[str] = []
        self.info: TcpInfo | None = None
        self._refuses = refuses
        self._budget = Budget(10)

    @property
    def budget(self) -> Budget:
        return self._budget

    async def send(self, data: bytes) -> Mark:
        self.sent.append(data)
        if self._refuses is not None:
            raise self._refuses
        return Mark(now_ns(), "user")

    async def receive(self, deadline_ns: int | None = None) -> tuple[bytes, Mark]:
        self.until.append(deadline_ns)
        step = self.script.pop(0) if self.script else silent()
        if isinstance(step, Failed):
            raise step
        return step, Mark(now_ns(), "kernel")

    def tcp_info(self) -> TcpInfo | None:
        return self.info

    def expect_silence(self) -> None:
        self.done.append("expect_silence")

    def expect_answers(self) -> None:
        self.done.append("expect_answers")

    async def aclose(self) -> None:
        self.done.append("aclose")

    def close(self) -> None:
        self.done.append("close")
