"""SFTP over a channel: the codec driven, one request or many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.ssh.client.mux import ChannelStream
from seventh.protocols.ssh.wire import sftp
from seventh.wire.text import printable

FIRST_PIPELINE, MAX_PIPELINE = 4, 32
"""Requests kept under way in a transfer: few at first, one more with each answer, so that a slow
path is not filled for longer than anybody wants to wait, and a fast one is filled."""
BLOCK_BYTES = 32768
"""Read or written at once: what every server must take (section 3)."""


class SftpError(Exception):
    """The server answered with a status that is not OK."""

    def __init__(self, status: sftp.Status) -> None:
        words = printable(status.message, 120).strip()
        said = f" ({words})" if words and words.lower() != status.name else ""
        super().__init__(status.name + said)
        self.status = status


class SftpClient:
    """A client on an open channel whose subsystem request was granted.

    Raises SftpError for what the server refuses, Failed for a broken conversation.
    """

    def __init__(self, stream: ChannelStream, deadline_ns: int) -> None:
        self._stream = stream
        self.until = deadline_ns
        """When an answer must be there."""
        self._sftp = sftp.Sftp()

    async def init(self) -> sftp.Version:
        """Agree on the version."""
        await self._stream.send(self._sftp.init())
        async for reply in self._replies():
            assert isinstance(reply, sftp.Version)  # noqa: S101 - the codec lets nothing else by
            return reply
        raise self._closed()

    async def ask(self, request: sftp.Request) -> tuple[sftp.Answer, Mark]:
        """Return one request; its answer and when it came."""
        async for _, answer, at in self.ask_all([request]):
            if isinstance(answer, sftp.Status) and answer.code != sftp.OK:
                raise SftpError(answer)
            return answer, at
        raise self._closed()

    async def ask_all(
        self, requests: Iterable[sftp.Request]
    ) -> AsyncIterator[tuple[int, sftp.Answer, Mark]]:
        """Many requests, several under way: (which, answer, when), as they are ready."""
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
                # Answers of a transfer that was given up still come.
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
        said = f" (exit status {status})" if status is not None else ""
        return Failed(Reason.PEER_CLOSED, f"the SFTP server closed its channel{said}")

    # -- what the probe does ---------------------------------------------------------------------

    async def realpath(self, path: str) -> bytes:
        """Return the absolute form of ``path``."""
        answer, _ = await self.ask(sftp.realpath(path))
        assert isinstance(answer, sftp.Names)  # noqa: S101 - the codec lets nothing else by
        return answer.names[0][0] if answer.names else b""

    async def stat(self, path: str | bytes) -> tuple[sftp.Attributes, Mark]:
        """Return the attributes of what ``path`` leads to."""
        answer, at = await self.ask(sftp.stat(path))
        assert isinstance(answer, sftp.Attributes)  # noqa: S101
        return answer, at

    async def open(
        self, path: str, flags: int = sftp.FOR_READING, mode: int | None = None
    ) -> bytes:
        """Return a handle on a file."""
        answer, _ = await self.ask(sftp.open_file(path, flags, mode))
        assert isinstance(answer, sftp.Handle)  # noqa: S101
        return answer.handle

    async def read(self, handle: bytes, most: int, seconds: float) -> tuple[int, Mark | None]:
        """Read the file's first ``most`` bytes, or as many as can be asked for in ``seconds``.

        How many came, and when the last of them did.
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
        """Write ``data`` from the file's beginning, or as much as can be sent in ``seconds``.

        How much was acknowledged, and when the last of it was.
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
