"""Driving a QUIC connection: the engine's bytes and timers, over our own datagrams.

Nothing runs in the background. Whoever awaits something drives the connection until it is there;
where several tasks await, one of them drives for all. While nobody awaits, nothing is sent, so a
connection that is to be paused open is paused with :meth:`Driver.idle`.
"""

from __future__ import annotations

import abc
import asyncio
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.model.phase import Mark
from seventh.model.quicfacts import CloseCode
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.datagram import Arrived, Datagram
from seventh.net.quic import failures, names
from seventh.net.stopwatch import now_ns

if TYPE_CHECKING:
    from aioquic.quic.events import QuicEvent

    from seventh.net.quic.engine import Engine

_BURST = 64
"""How many datagrams are taken in one go before we answer."""


class Driver(abc.ABC):
    """The input and output of a connection: waiting, sending, receiving, ending."""

    def __init__(
        self, open_datagram: Callable[[], Datagram], engine: Engine, budget: Budget
    ) -> None:
        self._open_datagram = open_datagram
        self._datagram = open_datagram()
        self.address: Address = self._datagram.address
        self.engine = engine
        self._budget = budget
        self._driver: asyncio.Future[None] | None = None
        self._listener: Callable[[QuicEvent, Mark], None] | None = None
        self._undelivered: list[tuple[QuicEvent, Mark]] = []
        self._failed: Failed | None = None
        self._closed = False
        self._paused: list[bytes] | None = None
        """What waits to be sent while we keep silent; None while we do not."""
        self._unreadable: bytes | None = None
        """The first reply that was no QUIC packet, its beginning."""
        self._kinds: Counter[str] = Counter()
        """What came, by the kind of the first packet in each datagram."""
        self.answered_from = ""
        """From where else an answer to our packets came, which is not taken."""
        self._before_validation: tuple[int, int] | None = None
        self.close_code: CloseCode | None = None
        """How the connection ended, when it has."""
        self.first_sent: Mark | None = None
        """Just before the first Initial went."""
        self.first_received: Mark | None = None
        """When the server's first packet came."""
        self.completed: Mark | None = None
        """When the handshake was complete on our side, so that requests could go."""
        self.confirmed: Mark | None = None
        """When the handshake was confirmed (RFC 9001 §4.1.2)."""
        self.last_received = Mark(0, "user")
        self.datagrams_received = 0
        self.bytes_received = 0
        self.bytes_sent = 0

    @property
    def budget(self) -> Budget:
        """The limits for this peer."""
        return self._budget

    @property
    def alive(self) -> bool:
        """Whether it is still usable, as far as is known."""
        return self._failed is None and not self._closed and self.engine.ended is None

    @abc.abstractmethod
    def _on_event(self, event: QuicEvent, at: Mark) -> None:
        """Process an event before the listener does."""

    def listen(self, listener: Callable[[QuicEvent, Mark], None]) -> None:
        """Call ``listener`` with each event of the engine and its arrival.

        What has come before anyone listened is told first: a server may speak in its first flight.
        """
        self._listener = listener
        undelivered, self._undelivered = self._undelivered, []
        for event, at in undelivered:
            self._deliver(event, at)

    def _deliver(self, event: QuicEvent, at: Mark) -> None:
        if self._listener is None:
            self._undelivered.append((event, at))
            return
        try:
            self._listener(event, at)
        except ProtocolViolation as violation:
            self.fail(violation, names.H3_EXCESSIVE_LOAD)

    # -- driving -----------------------------------------------------------------------------------

    async def until(self, ready: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        """Run the connection until ``ready()``; False at the deadline.

        Raises Failed when the connection has ended and ``ready()`` is not there.
        """
        until = self._budget.deadline_ns
        if deadline_ns is not None:
            until = min(until, deadline_ns)
        while not ready():
            self.check()
            if self._driver is not None:
                left = until - now_ns()
                if left <= 0:
                    return False
                # Not awaited itself: a task that is cancelled must not cancel what others share.
                await asyncio.wait((self._driver,), timeout=left / 1e9)
                continue
            driver = self._driver = asyncio.get_running_loop().create_future()
            try:
                if not await self._turn(until):
                    return ready()
            finally:
                self._driver = None
                driver.set_result(None)
        return True

    def check(self) -> None:
        """Raise Failed when the connection has ended."""
        if self._failed is not None:
            raise failures.again(self._failed)
        if self._closed:
            raise Failed(Reason.PEER_CLOSED, "the connection is closed")

    async def idle(self, seconds: float) -> None:
        """Keep the connection open; raises Failed when it ends in that time."""
        await self.until(lambda: False, self._budget.within(seconds))

    async def _turn(self, until: int) -> bool:
        """Send, receive, or run an expired timer; False at the deadline."""
        self.flush()
        if self._failed is not None:
            return True
        timer = self.engine.get_timer()
        wake = until if timer is None else min(until, int(timer * 1e9) + 1)
        if wake <= now_ns():
            await asyncio.sleep(0)  # a timer that is always due must not starve other tasks
        try:
            arrived = await self._datagram.receive(wake)
            for _ in range(_BURST):
                if arrived is None:
                    break
                self._accept(arrived)
                arrived = self._datagram.take()
        except Failed as failed:
            self._fail(self._as_reset(failed))
            return True
        now = now_ns()
        if timer is not None and now >= timer * 1e9:
            self._guarded(lambda: self.engine.handle_timer(now / 1e9))
            self._dispatch(Mark(now, "user"))
        return now < until

    def _as_reset(self, failed: Failed) -> Failed:
        if failed.reason is Reason.CONNECT_REFUSED and self.completed is not None:
            return Failed(Reason.PEER_RESET, "refused: the port is now closed (ICMP)")
        return failed

    def flush(self) -> Mark:
        """Send the engine's output; the mark is the instant before the first datagram.

        Where nothing may go yet (the peer's limits, pacing) it is this instant.
        """
        begun = Mark(now_ns(), "user")
        out: list[tuple[bytes, object]] = []
        if self._closed or self.engine.version is None:
            return begun

        def collect() -> None:
            out.extend(self.engine.datagrams_to_send(now_ns() / 1e9))

        self._guarded(collect)
        if self._paused is not None and self.first_received is not None:
            self._paused += [data for data, _ in out]
            return begun
        mark = self._send([data for data, _ in out])
        self._note_end()
        return mark or begun

    def _send(self, out: list[bytes]) -> Mark | None:
        mark: Mark | None = None
        for data in out:
            if self._before_validation is None and self.first_received is not None:
                self._before_validation = (self.bytes_received, self.bytes_sent)
            try:
                sent = self._datagram.send(data)
            except Failed as failed:
                if failed.reason is not Reason.LOCAL_RESOURCE:
                    self._fail(self._as_reset(failed))
                break  # of a full buffer: as if the packets were lost
            self.bytes_sent += len(data)
            mark = mark or sent
            self.first_sent = self.first_sent or sent
        return mark

    def pause_sending(self) -> None:
        """Send nothing after the server's first packet, until :meth:`resume_sending`.

        So the server cannot see the end of our handshake: whatever it answers it answers before.
        """
        self._paused = []

    def resume_sending(self) -> None:
        """Send what is queued, and continue to send."""
        paused, self._paused = self._paused, None
        if paused and self.alive:
            self._send(paused)

    def _accept(self, arrived: Arrived) -> None:
        """Process a datagram, if it comes from the peer's address."""
        sockaddr = self.address.sockaddr
        if (arrived.ip.partition("%")[0], arrived.port) != (sockaddr[0], sockaddr[1]):
            if not self.answered_from and self.engine.is_for_us(arrived.data):
                self.answered_from = f"{arrived.ip} port {arrived.port}"
            return
        self.datagrams_received += 1
        self.bytes_received += len(arrived.data)
        if self.engine.is_stateless_reset(arrived.data):
            self._fail(
                Failed(Reason.PEER_RESET, "the peer has lost the connection (stateless reset)")
            )
            return
        if self.first_received is None:
            if self.engine.kind_of(arrived.data) in {None, "one_rtt"}:
                self._unreadable = self._unreadable or arrived.data[:64]
                return
            self.first_received = arrived.at
        if not self.engine.taken_up:
            self._kinds[self.engine.kind_of(arrived.data) or "unreadable"] += 1
        self.last_received = arrived.at
        at = arrived.at.ns / 1e9
        self._guarded(lambda: self.engine.receive_datagram(arrived.data, sockaddr[:2], at))
        self._dispatch(arrived.at)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run the engine; its errors are violations by the peer."""
        try:
            step()
        except self.engine.ERRORS:
            self._fail(ProtocolViolation("the peer sent QUIC packets that cannot be processed"))

    def _dispatch(self, at: Mark) -> None:
        """Dispatch the engine's events, and note when it ended."""
        while (event := self.engine.next_event()) is not None:
            self._on_event(event, at)
            self._deliver(event, at)
        if self.engine.complete and self.completed is None:
            self.completed = at
        if self.engine.confirmed and self.confirmed is None:
            self.confirmed = at
        self._note_end()

    # -- the end -----------------------------------------------------------------------------------

    def _note_end(self) -> None:
        """Record the failure of a connection that the engine has ended."""
        ended = self.engine.ended
        if ended is None or self.close_code is not None:
            return
        by_us = self.engine.closed_by_us is not None
        engine = self.engine
        offered = tuple(map(names.version_name, engine.versions_offered))
        self.close_code = failures.close_code(not by_us, ended)
        if self._failed is not None:
            return
        if by_us:
            self._send_close()
            self._fail(failures.closed_by_us(self.close_code, alpn=engine.offered_alpn))
        elif engine.negotiations and not engine.taken_up:
            # The engine says this as a close by the peer, which has closed nothing.
            self.close_code = msgspec.structs.replace(self.close_code, by="us", reason="")
            self._fail(failures.no_common_version(offered))
        elif engine.timed_out:
            self.close_code = msgspec.structs.replace(self.close_code, by="idle")
            self._fail(Failed(Reason.PEER_SILENT, "the connection's idle timeout expired"))
        else:
            self._fail(
                failures.closed_by_peer(
                    self.close_code,
                    confirmed=self.confirmed is not None,
                    asked_for_certificate=engine.asked_for_certificate,
                    alpn=engine.offered_alpn,
                )
            )

    @property
    def reached(self) -> bool:
        """Whether anything came from the peer's address, or in reply to our packets."""
        return bool(self.datagrams_received or self.answered_from)

    def _fail(self, failed: Failed) -> None:
        if self._failed is None:
            self._failed = failed

    def fail(self, failed: Failed, code: int) -> None:
        """End the connection with ``code`` for the peer and a failure for all waiting tasks."""
        if self.alive:
            self.engine.close(code, None, "")
            self._send_close()
        self._fail(failed)

    def _send_close(self) -> None:
        if self._closed or self.engine.version is None:
            return
        try:
            for data, _ in self.engine.datagrams_to_send(now_ns() / 1e9):
                self._datagram.send(data)
        except (Failed, *self.engine.ERRORS):
            return  # it was only a courtesy

    def abandon(self) -> None:
        """Close without sending."""
        self._closed = True
        self._datagram.close()

    def close(self, code: int = names.H3_NO_ERROR) -> None:
        """Send CONNECTION_CLOSE and close; idempotent."""
        if self._closed:
            return
        if self.alive and self.first_sent is not None:
            self.engine.close(code, None, "")
            self._send_close()
        self.abandon()
