"""An SFTP client on a channel, with one request or several at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.ssh.client.mux import ChannelStream
from seventh.protocols.ssh.wire import sftp
from seventh.wire.text import printable

FIRST_PIPELINE, MAX_PIPELINE = 4, 32
"""Requests in flight in a transfer: few at first, one more with each answer, so that a slow path is
not filled for long and a fast one is filled."""
BLOCK_BYTES = 32768
"""Bytes of one read or write, which every server must support (section 3)."""


class SftpError(Exception):
    """A status other than OK."""

    def __init__(self, status: sftp.Status) -> None:
        message = printable(status.message, 120).strip()
        more = f" ({message})" if message and message.lower() != status.name else ""
        super().__init__(status.name + more)
        self.status = status


class SftpClient:
    """A client on an open channel whose subsystem request was granted.

    Raises SftpError when the server refuses a request, Failed when the channel fails.
    """

    def __init__(self, stream: ChannelStream, deadline_ns: int) -> None:
        self._stream = stream
        self.until = deadline_ns
        """The deadline of every answer."""
        self._sftp = sftp.Sftp()

    async def init(self) -> sftp.Version:
        """Agree on the version."""
        await self._stream.send(self._sftp.init())
        async for reply in self._replies():
            assert isinstance(reply, sftp.Version)  # noqa: S101 - the codec gives nothing else first
            return reply
        raise self._closed()

    async def ask(self, request: sftp.Request) -> tuple[sftp.Answer, Mark]:
        """Send one request; return its answer and when that arrived."""
        async for _, answer, at in self.ask_all([request]):
            if isinstance(answer, sftp.Status) and answer.code != sftp.OK:
                raise SftpError(answer)
            return answer, at
        raise self._closed()

    async def ask_all(
        self, requests: Iterable[sftp.Request]
    ) -> AsyncIterator[tuple[int, sftp.Answer, Mark]]:
        """Send requests, several at once; yield each answer with its request's index and time."""
        waiting = enumerate(requests)
        index_of: dict[int, int] = {}
        most = FIRST_PIPELINE

        async def feed() -> None:
            while len(index_of) < most and (job := next(waiting, None)) is not None:
                number, packet = self._sftp.request(job[1])
                index_of[number] = job[0]
                await self._stream.send(packet)

        await feed()
        while index_of:
            data, at = await self._stream.receive(self.until)
            if not data:
                raise self._closed()
            for reply in self._sftp.receive(data, at):
                assert isinstance(reply, sftp.Reply)  # noqa: S101 - VERSION comes once
                # Answers of an abandoned transfer may still arrive.
                if reply.number in index_of:
                    most = min(most + 1, MAX_PIPELINE)
                    yield index_of.pop(reply.number), reply.answer, reply.at
            await feed()

    async def _replies(self) -> AsyncIterator[sftp.Version | sftp.Reply]:
        while True:
            data, at = await self._stream.receive(self.until)
            if not data:
                return
            for reply in self._sftp.receive(data, at):
                yield reply

    def _closed(self) -> Failed:
        status = self._stream.channel.exit_status
        more = f" (exit status {status})" if status is not None else ""
        return Failed(Reason.PEER_CLOSED, f"the SFTP server closed its channel{more}")

    # -- single operations -----------------------------------------------------------------------

    async def realpath(self, path: str) -> bytes:
        """Return the absolute form of ``path``."""
        answer, _ = await self.ask(sftp.realpath(path))
        assert isinstance(answer, sftp.Names)  # noqa: S101 - the codec checks the type
        return answer.names[0][0] if answer.names else b""

    async def stat(self, path: str | bytes) -> tuple[sftp.Attributes, Mark]:
        """Return the attributes of ``path``, with links followed, and when they arrived."""
        answer, at = await self.ask(sftp.stat(path))
        assert isinstance(answer, sftp.Attributes)  # noqa: S101
        return answer, at

    async def open(
        self, path: str, flags: int = sftp.FOR_READING, mode: int | None = None
    ) -> bytes:
        """Open a file; return its handle."""
        answer, _ = await self.ask(sftp.open_file(path, flags, mode))
        assert isinstance(answer, sftp.Handle)  # noqa: S101
        return answer.handle

    async def read(self, handle: bytes, most: int, seconds: float) -> tuple[int, Mark | None]:
        """Read the file's first ``most`` bytes, or as many as can be requested in ``seconds``.

        Returns how many arrived, and when the last of them did.
        """
        stop = now_ns() + int(seconds * 1e9)
        reads = (
            sftp.read(handle, offset, min(BLOCK_BYTES, most - offset))
            for offset in range(0, most, BLOCK_BYTES)
            if now_ns() < stop
        )
        count, last = 0, None
        async for _, answer, at in self.ask_all(reads):
            if isinstance(answer, sftp.Data):
                count, last = count + len(answer.data), at
            elif isinstance(answer, sftp.Status) and answer.code != sftp.EOF:
                raise SftpError(answer)
        return count, last

    async def write(self, handle: bytes, data: bytes, seconds: float) -> tuple[int, Mark | None]:
        """Write ``data`` to the file's beginning, or as much as can be sent in ``seconds``.

        Returns how many bytes were acknowledged, and when the last of them were.
        """
        stop = now_ns() + int(seconds * 1e9)
        blocks = [
            data[offset : offset + BLOCK_BYTES] for offset in range(0, len(data), BLOCK_BYTES)
        ]
        writes = (
            sftp.write(handle, index * BLOCK_BYTES, block)
            for index, block in enumerate(blocks)
            if now_ns() < stop
        )
        count, last = 0, None
        async for index, answer, at in self.ask_all(writes):
            if isinstance(answer, sftp.Status) and answer.code != sftp.OK:
                raise SftpError(answer)
            count, last = count + len(blocks[index]), at
        return count, last
