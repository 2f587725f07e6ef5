"""Requests of many sessions over one pool of sockets."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.datagram import Arrived
from seventh.net.udp_pool import UdpPool
from seventh.protocols.snmp import SnmpOptions
from seventh.protocols.snmp.client.exchange import Exchange, Judge
from seventh.protocols.snmp.wire.message import Community, Message, Pdu, Secured, decode

T = TypeVar("T")


class Waiting:
    """A request that waits for its reply, by the ids of its attempts."""

    __slots__ = ("address", "future", "judge")

    def __init__(self, address: Address, judge: Callable[[bytes, Message, int], Any]) -> None:
        self.address = address
        self.judge = judge
        self.future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()


class Switchboard:
    """Gives each request ids that no other has, and each reply to its request."""

    def __init__(self) -> None:
        self.pool = UdpPool(self._take)
        self.stray = 0
        """Datagrams that nothing waits for: late, forged, or from another address."""
        self._waiting: dict[int, Waiting] = {}

    def begin(self, waiting: Waiting) -> int:
        """Return an id for an attempt of ``waiting``."""
        while (number := secrets.randbelow(2**31 - 1) + 1) in self._waiting:
            pass
        self._waiting[number] = waiting
        return number

    def end(self, numbers: list[int]) -> None:
        """Forget the attempts of a request."""
        for number in numbers:
            del self._waiting[number]

    def _take(self, arrived: Arrived) -> None:
        try:
            message = decode(arrived.data)
        except ProtocolViolation:
            self.stray += 1
            return
        number = _id_of(message)
        waiting = self._waiting.get(number)
        if waiting is None or (arrived.ip, arrived.port) != (
            waiting.address.ip, waiting.address.port,
        ):  # fmt: skip
            self.stray += 1
            return
        if waiting.future.done():
            return
        try:
            found = waiting.judge(arrived.data, message, number)
        except Failed as failed:
            waiting.future.set_exception(failed)
            return
        if found is None:
            self.stray += 1
        else:
            waiting.future.set_result(found)


def _id_of(message: Message) -> int:
    if isinstance(message, Secured):
        return message.message_id
    assert isinstance(message, Community)  # noqa: S101 - there is no other kind
    return message.pdu.request_id if isinstance(message.pdu, Pdu) else 0


class PooledExchange(Exchange):
    """The exchange of one agent over the pool; its options are given, not a context's."""

    __slots__ = ("_board", "_own")

    def __init__(self, board: Switchboard, address: Address, own: SnmpOptions) -> None:
        self._board, self._own = board, own
        self.address = address
        self.requests = self.replies = self.stray = self.malformed = 0
        self.rtt_seconds = self.gain = None
        self.octets = 0
        self.foreign = {}
        self.deviations = set()

    async def ask(
        self, make: Callable[[int], bytes], ids: Callable[[Message], int], judge: Judge[T],
        attempts: int | None = None, *, forgeable: bool = True,
    ) -> T:  # fmt: skip
        """Send a request, and again until ``judge`` accepts a reply. Raises Failed."""
        del ids, forgeable  # the switchboard reads ids of every message; no gain is measured
        waiting = Waiting(self.address, judge)
        numbers: list[int] = []
        count = attempts or self._own.retries + 1
        try:
            for _ in range(count):
                number = self._board.begin(waiting)
                numbers.append(number)
                self.requests += 1
                self._board.pool.send(make(number), self.address)
                done, _ = await asyncio.wait((waiting.future,), timeout=self._own.reply_seconds)
                if done:
                    self.replies += 1
                    found: T = waiting.future.result()
                    return found
        finally:
            self._board.end(numbers)
        raise Failed(
            Reason.NO_REPLY,
            f"{self.address.ip} port {self.address.port}: 0 of {count} requests answered",
        )
