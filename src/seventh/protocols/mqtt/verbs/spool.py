"""The offline queue on disk: messages survive an outage, a crash and a power failure.

A folder with segments of messages, which are only appended to, and the progress of their delivery.
A message is accepted once it is synced. The progress is one small file with two places that are
written in turn, each with a checksum, so that one is whole after a crash; its space is reserved, so
that a full disk cannot keep an acknowledgement from being recorded.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from seventh.model.failure import Failed, Reason, UsageError, system_error
from seventh.protocols.mqtt.verbs.queue import Message, Progress

SEGMENT_BYTES = 4 << 20
"""A segment is followed by a new one when it is larger, or than an eighth of all that may wait."""
MAX_RECORD_BYTES = 300 << 20
"""More than any message of MQTT has."""
_HEAD = 8
_SLOT_BYTES = 16 << 10
_MARK = b"SQ"


class _State(msgspec.Struct, kw_only=True):
    """What is stored of the progress."""

    generation: int = 0
    id: str = ""
    renew: bool = False
    progress: Progress = msgspec.field(default_factory=Progress)


class _Refused(msgspec.Struct, kw_only=True):
    why: str
    message: Message


class _Segment(msgspec.Struct):
    path: Path
    first: int
    last: int
    size: int


class Found(NamedTuple):
    """What a folder had when it was opened."""

    damaged: int
    """Messages that can no longer be read."""
    torn: int
    """Bytes of messages whose storing a crash has interrupted; they were never accepted."""


def framed(body: bytes) -> bytes:
    """Return a record: its length, its checksum and the body."""
    return len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body


def unframed(data: bytes | bytearray, at: int) -> bytes | None:
    """Return the body of the record at ``at``; None where there is no whole one."""
    head = bytes(data[at : at + _HEAD])
    length = int.from_bytes(head[:4], "big")
    if len(head) < _HEAD or not 0 < length <= MAX_RECORD_BYTES:
        return None
    body = bytes(data[at + _HEAD : at + _HEAD + length])
    right = len(body) == length and zlib.crc32(body) == int.from_bytes(head[4:], "big")
    return body if right else None


class Spool:
    """The folder, which one process at a time has open."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        """Open the folder, made if there is none. Raises UsageError, also while it is in use."""
        self.folder = folder
        self.max_bytes = max_bytes
        self._segments: list[_Segment] = []
        self._file: int | None = None
        self.segment_bytes = max(4096, min(SEGMENT_BYTES, max_bytes // 8))
        self._read: tuple[Path, bytearray] | None = None
        self._position = (0, 0)
        """The last message that was read of it, and where it ends."""
        self._slot = 0
        """The place of the progress that is written: the other one has what was synced last."""
        self.exactly_once = False
        """Whether a message of QoS 2 waits."""
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with contextlib.ExitStack() as stack:
                stack.callback(os.close, self._lock)
                self._take_lock()
                self._state_file = self._open_state()
                self.found = self._scan()
                stack.pop_all()
        except OSError as error:
            raise UsageError(f"--spool {folder}: cannot be used: {system_error(error)}") from None

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"--spool {self.folder}: in use by another process; end it, or use another folder"
            ) from None

    # -- the progress ------------------------------------------------------------------------------

    def _open_state(self) -> int:
        """Read the progress, and reserve the space of its file."""
        path = self.folder / "progress"
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        data = os.pread(file, 2 * _SLOT_BYTES, 0)
        states = []
        for at in (0, _SLOT_BYTES):
            body = unframed(data, at)
            with contextlib.suppress(msgspec.MsgspecError):
                if body is not None:
                    states.append(msgspec.msgpack.decode(body, type=_State))
        self._state = max(states, key=lambda each: each.generation, default=_State())
        if len(data) < 2 * _SLOT_BYTES:
            os.pwrite(file, bytes(2 * _SLOT_BYTES - len(data)), len(data))
        if not self._state.id:
            self._state.id = f"seventh{secrets.token_hex(8)}"
        self._slot = int(
            len(states) > 0 and unframed(data, 0) is not None and self._state is states[0]
        )
        self._write_state(file)
        os.fsync(file)
        self._slot = 1 - self._slot
        _sync_folder(self.folder)
        return file

    @property
    def id(self) -> str:
        """The folder's own name: the client id, and the beginning of each idempotency key."""
        return self._state.id

    @property
    def progress(self) -> Progress:
        """See :class:`Queue`."""
        return self._state.progress

    @property
    def renew(self) -> bool:
        """See :class:`Queue`."""
        return self._state.renew

    @renew.setter
    def renew(self, value: bool) -> None:
        self._state.renew = value

    def _write_state(self, file: int) -> None:
        self._state.generation += 1
        record = framed(msgspec.msgpack.encode(self._state))
        os.pwrite(file, record, _SLOT_BYTES * self._slot)

    def record(self, *, at_once: bool) -> None:
        """See :class:`Queue`. Segments whose messages have all ended are removed."""
        ended = [
            each for each in self._segments
            if each.last <= self.progress.done
            and (each is not self._segments[-1] or each.size >= self.segment_bytes)
        ]  # fmt: skip
        try:
            self._write_state(self._state_file)
            if at_once or ended:
                os.fdatasync(self._state_file)
                self._slot = 1 - self._slot
            self._remove(ended)
        except OSError as error:
            raise self._broken(error) from None

    def _remove(self, ended: list[_Segment]) -> None:
        """Remove segments; the progress is synced, so that no number is ever given twice."""
        for segment in ended:
            if segment is self._segments[-1]:
                self._close_segment()
            segment.path.unlink(missing_ok=True)
            self._segments.remove(segment)

    # -- messages ----------------------------------------------------------------------------------

    @property
    def last(self) -> int:
        """See :class:`Queue`."""
        last = self._segments[-1].last if self._segments else 0
        return max(last, self.progress.done)

    @property
    def waiting(self) -> int:
        """See :class:`Queue`."""
        return self.last - self.progress.done - len(self.progress.ended)

    @property
    def size(self) -> int:
        """The bytes of all segments."""
        return sum(each.size for each in self._segments)

    def add(self, messages: Iterable[Message]) -> None:
        """See :class:`Queue`: they are on the disk when this returns."""
        records, last = [], self.last
        for message in messages:
            records.append(framed(msgspec.msgpack.encode(message)))
            last = message.number
            self.exactly_once = self.exactly_once or message.qos == 2
        if not records:
            return
        file, segment = self._writable()
        data = b"".join(records)
        try:
            _write(file, data)
            os.fdatasync(file)
        except OSError as error:
            self._undo(file, segment)
            raise self._broken(error) from None
        segment.size += len(data)
        segment.last = last

    def _undo(self, file: int, segment: _Segment) -> None:
        """Remove what a failed write has left; where that fails, a new segment follows."""
        try:
            os.ftruncate(file, segment.size)
        except OSError:
            self._close_segment()
            segment.size = max(segment.size, self.segment_bytes)
        if segment.last < segment.first:
            self._close_segment()
            self._segments.remove(segment)

    def _broken(self, error: OSError) -> Failed:
        """Return the failure of a disk that is full or broken."""
        return Failed(
            Reason.LOCAL_RESOURCE,
            f"--spool {self.folder}: {system_error(error)}; {self.waiting} messages are stored in "
            "it, and the next run sends them",
        )

    def _writable(self) -> tuple[int, _Segment]:
        """Return the last segment, or a new one where it is full."""
        last = self._segments[-1] if self._segments else None
        new = last is None or last.size >= self.segment_bytes
        if self._file is not None and last is not None and not new:
            return self._file, last
        self._close_segment()
        if last is None or new:
            number = self.last + 1
            last = _Segment(self.folder / f"{number:020}.messages", number, number - 1, 0)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(last.path, flags | (os.O_TRUNC if new else 0), 0o600)
            if new:
                _sync_folder(self.folder)
                self._segments.append(last)
        except OSError as error:
            raise self._broken(error) from None
        return self._file, last

    def _close_segment(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def after(self, number: int) -> Message | None:
        """See :class:`Queue`."""
        number = max(number, self.progress.done)
        for segment in self._segments:
            if segment.last <= number:
                continue
            for found in self._messages(segment, number):
                if found.number > number and found.number not in self.progress.ended:
                    return found
        return None

    def _messages(self, segment: _Segment, after: int) -> Iterator[Message]:
        """Yield the messages of a segment, from where ``after`` was read before."""
        try:
            data = self._content(segment)
        except OSError as error:
            raise self._broken(error) from None
        start = self._position[1] if self._position[0] == after else 0
        for body, end in _records(data, start):
            message = msgspec.msgpack.decode(body, type=Message)
            self._position = (message.number, end)
            yield message

    def _content(self, segment: _Segment) -> bytearray:
        """Return the bytes of a segment, which are kept until another one is read."""
        if self._read is None or self._read[0] != segment.path:
            self._read, self._position = (segment.path, bytearray()), (0, 0)
        data = self._read[1]
        if len(data) < segment.size:
            with segment.path.open("rb") as file:
                file.seek(len(data))
                data += file.read(segment.size - len(data))
        return data

    def drop_oldest(self, sent: int) -> int:
        """Drop the messages of the oldest segment; return how many that are.

        Those up to ``sent`` are in flight, and left with all others of their segment.
        """
        if not self._segments or self._segments[0].first <= sent:
            return 0
        oldest = self._segments[0]
        oldest.size = max(oldest.size, self.segment_bytes)  # so that it is removed
        before = self.waiting
        self._state.renew = self.exactly_once
        self.progress.skip(oldest.last)
        self.record(at_once=True)
        return before - self.waiting

    def keep_refused(self, message: Message, why: str) -> None:
        """Append a message to the file ``refused``, so that it is not lost."""
        body = msgspec.msgpack.encode(_Refused(why=why, message=message))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        try:
            file = os.open(self.folder / "refused", flags, 0o600)
            try:
                _write(file, framed(body))
                os.fdatasync(file)
            finally:
                os.close(file)
        except OSError as error:
            raise self._broken(error) from None

    # -- opening and closing -----------------------------------------------------------------------

    def _scan(self) -> Found:
        """Read all segments; cut what a crash has left at the end of the last one."""
        damaged = torn = 0
        paths = sorted(self.folder.glob("*.messages"))
        if paths:  # what is missing at the beginning had ended: it was removed
            self.progress.skip(int(paths[0].stem) - 1)
        for path in paths:
            data, last, end = bytearray(path.read_bytes()), int(path.stem) - 1, 0
            for body, end in _records(data, 0):
                message = msgspec.msgpack.decode(body, type=Message)
                damaged += message.number - 1 - max(last, self.last) if self._segments else 0
                last = message.number
                waits = last > self.progress.done and last not in self.progress.ended
                self.exactly_once = self.exactly_once or (waits and message.qos == 2)
                if not self._segments or self._segments[-1].path != path:
                    self._segments.append(_Segment(path, int(path.stem), last, end))
                self._segments[-1].last, self._segments[-1].size = last, end
            if end < len(data) and path == paths[-1]:
                torn = len(data) - end
                os.truncate(path, end)
            if not end:
                path.unlink()
        return Found(damaged, torn)

    def close(self) -> None:
        """Store the progress, and let other processes use the folder."""
        try:
            self.record(at_once=True)
            if not self.waiting:
                self._remove(list(self._segments))
        finally:
            self._close_segment()
            os.close(self._state_file)
            os.close(self._lock)


def _records(data: bytearray, at: int) -> Iterator[tuple[bytes, int]]:
    """Yield each whole record from ``at`` on with its end; a damaged one is left out."""
    while at + _HEAD <= len(data):
        body = unframed(data, at)
        end = at + _HEAD + int.from_bytes(data[at : at + 4], "big")
        if body is not None:
            yield body, end
        elif end == at + _HEAD or end >= len(data):
            return
        at = end


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_folder(folder: Path) -> None:
    """Have the names of the folder's files survive a power failure."""
    file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
