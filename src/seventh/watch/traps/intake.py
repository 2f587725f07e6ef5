"""What a datagram leads to: a line, an acknowledgement, a count. Times are passed in.

In a storm the same notification of a sender again is counted, and its count is written with the
next batch: what is acknowledged is stored. What is refused is written once a minute for each kind.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from seventh.net.udp_listener import Origin
from seventh.protocols.snmp.receive.receiver import Receiver
from seventh.protocols.snmp.receive.verdict import Judged, Verdict
from seventh.watch.traps import records
from seventh.watch.traps.records import Clock, Event, Record, timestamp
from seventh.watch.traps.senders import Sender, Senders

MAX_PENDING_BYTES = 64 * 1024 * 1024
MAX_PART_BYTES = 256 * 1024
_MAX_SAME = 1000
"""Notifications of one sender that are told apart in a storm."""
_MAX_REFUSED = 10_000
_REFUSED_NS = 60 * 10**9
_REFUSED_PER_SECOND = 100.0
_ENCODER = msgspec.json.Encoder()


class Again(msgspec.Struct, kw_only=True):
    """What came again, and how often since it was last written."""

    judged: Judged
    origin: Origin
    written_ns: int
    wall_ns: int
    count: int = 0


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be stored together, and to be acknowledged then."""

    parts: tuple[tuple[int, bytes], ...]
    """The number of records, and their lines."""
    answers: tuple[tuple[bytes, Origin], ...]

    @property
    def records(self) -> int:
        """The number of records."""
        return sum(count for count, _ in self.parts)

    @property
    def bytes(self) -> int:
        """The bytes of all lines."""
        return sum(len(data) for _, data in self.parts)


class Intake:
    """Takes datagrams, and gives what is to be stored."""

    def __init__(self, receiver: Receiver, senders: Senders, max_bytes: int) -> None:
        self.receiver, self.senders = receiver, senders
        self.clock = Clock(synchronised=None)
        self.totals: dict[tuple[str, str], int] = {}
        """Datagrams by version and verdict."""
        self.dropped = 0
        """Datagrams that there was no place for."""
        self.active: dict[str, Sender] = {}
        """The senders of what came since the last look at them."""
        self.stored_bytes = 0
        self._max_bytes = max_bytes
        self._prefix = f"{receiver.engine.id.hex()}-{receiver.engine.boots}-"
        self._number = 0
        self._lines: list[bytes] = []
        self._bytes = 0
        self._answers: list[tuple[bytes, Origin]] = []
        self._same: dict[str, dict[int, Again]] = {}
        """By sender, while it storms: what it has sent in this storm."""
        self._refused: dict[tuple[str, ...], Again] = {}
        self._refusals = _REFUSED_PER_SECOND

    def take(self, data: bytes, origin: Origin, now_ns: int, wall_ns: int) -> bytes | None:
        """Take a datagram; return the report to send at once, if any."""
        sender = self.senders.of(origin.ip, now_ns)
        sender.arrived(now_ns)
        self.active[sender.address] = sender
        if not self.senders.admit(sender, now_ns):
            judged = Judged(verdict=Verdict.LIMITED)
            self._count(sender, judged)
            self._refuse(judged, origin, now_ns, wall_ns)
            return None
        if self._is_full():
            self.dropped += 1
            return None
        judged = self.receiver.judge(data, origin.ip, now_ns)
        self._count(sender, judged)
        if judged.verdict is Verdict.SYNCHRONISING:
            return judged.report
        if not judged.accepted:
            self._refuse(judged, origin, now_ns, wall_ns)
            return judged.report
        if judged.response is not None:
            self._answers.append((judged.response, origin))
        if judged.retransmitted:
            sender.retransmitted += 1
        elif not (sender.storm and self._is_same(sender, judged, origin, now_ns, wall_ns)):
            self._write(judged, "notification", origin, wall_ns)
        return None

    def flush(self) -> Pending | None:
        """Return what is to be stored now, and forget it; None if there is nothing."""
        for same in self._same.values():
            for again in same.values():
                self._write_again(again)
        if not self._lines and not self._answers:
            return None
        pending = Pending(parts=tuple(_parts(self._lines)), answers=tuple(self._answers))
        self._lines, self._answers, self._bytes = [], [], 0
        return pending

    def tick(self, now_ns: int) -> None:
        """Write what was refused again, and forget storms that are over; once a second."""
        self.senders.turn(now_ns)
        self._refusals = min(_REFUSED_PER_SECOND, self._refusals + _REFUSED_PER_SECOND)
        for address in list(self._same):
            sender = self.senders.by_address.get(address)
            if sender is None or not sender.storm:
                for again in self._same.pop(address).values():
                    self._write_again(again)
        for key, again in list(self._refused.items()):
            if now_ns - again.written_ns >= _REFUSED_NS:
                self._write_again(again)
                del self._refused[key]

    def finish(self) -> Pending | None:
        """Return the last of all."""
        for again in self._refused.values():
            self._write_again(again)
        self._refused = {}
        return self.flush()

    def add(self, event: Event, wall_ns: int, **more: str) -> None:
        """Write a record that is about no datagram."""
        self._append(
            Record(
                schema=records.SCHEMA, id=self._next(), at=timestamp(wall_ns), event=event,
                clock=self.clock, **more,  # type: ignore[arg-type]
            )
        )  # fmt: skip

    def _count(self, sender: Sender, judged: Judged) -> None:
        sender.note(judged.verdict)
        key = judged.version, str(judged.verdict)
        self.totals[key] = self.totals.get(key, 0) + 1

    def _is_full(self) -> bool:
        return self._bytes > MAX_PENDING_BYTES or self.stored_bytes + self._bytes > self._max_bytes

    def _is_same(
        self, sender: Sender, judged: Judged, origin: Origin, now_ns: int, wall_ns: int
    ) -> bool:
        """Count a notification that this storm has had before; return whether it has."""
        found = judged.notification
        key = hash((judged.version, judged.user, found.sameness if found is not None else None))
        same = self._same.setdefault(sender.address, {})
        again = same.get(key)
        if again is None:
            if len(same) < _MAX_SAME:
                same[key] = Again(judged=judged, origin=origin, written_ns=now_ns, wall_ns=wall_ns)
            return False
        again.count += 1
        again.wall_ns = wall_ns
        sender.coalesced += 1
        return True

    def _refuse(self, judged: Judged, origin: Origin, now_ns: int, wall_ns: int) -> None:
        """Write what is refused once, and count it from then on."""
        key = (origin.ip, judged.verdict, judged.version, judged.user)
        again = self._refused.get(key)
        if again is not None:
            again.count += 1
            again.wall_ns = wall_ns
            return
        if self._refusals < 1.0 or len(self._refused) >= _MAX_REFUSED or self._is_full():
            return  # it is in the totals
        self._refusals -= 1.0
        self._refused[key] = Again(judged=judged, origin=origin, written_ns=now_ns, wall_ns=wall_ns)
        self._write(judged, "rejected", origin, wall_ns)

    def _write_again(self, again: Again) -> None:
        if again.count:
            self._write(again.judged, "repeated", again.origin, again.wall_ns, again.count)
            again.count = 0

    def _write(
        self, judged: Judged, event: Event, origin: Origin, wall_ns: int, count: int = 1
    ) -> None:
        at = timestamp(wall_ns)
        self._append(
            records.of(judged, event, self._next(), at, self.clock, origin.ip, origin.port, count)
        )

    def _append(self, record: Record) -> None:
        line = _ENCODER.encode(record) + b"\n"
        self._lines.append(line)
        self._bytes += len(line)

    def _next(self) -> str:
        self._number += 1
        return f"{self._prefix}{self._number}"


def _parts(lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield lines together, in parts that a receiver can take at once."""
    start = size = 0
    for index, line in enumerate(lines):
        if size and size + len(line) > MAX_PART_BYTES:
            yield index - start, b"".join(lines[start:index])
            start, size = index, 0
        size += len(line)
    if start < len(lines):
        yield len(lines) - start, b"".join(lines[start:])
