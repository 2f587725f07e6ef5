"""Requests over one socket, sent again as the user set it, and the replies that match them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TypeVar

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.datagram import Arrived, Datagram
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp import SnmpOptions
from seventh.protocols.snmp.wire.message import Message, decode

MAX_STRAY = 256
"""More datagrams than this that match no request are a flood, which ends the check."""
_MAX_FOREIGN = 8
T = TypeVar("T")
Judge = Callable[[bytes, Message, int], T | None]
"""Returns what a reply says, or None for one that does not match; the number is its attempt's."""


class Exchange:
    """One socket to one agent, and what came through it."""

    __slots__ = (
        "_datagram", "_last_violation", "address", "ctx", "deviations", "foreign", "gain",
        "malformed", "octets", "replies", "requests", "rtt_seconds", "stray",
    )  # fmt: skip

    def __init__(self, ctx: ProbeContext, address: Address) -> None:
        self.ctx = ctx
        self.address = address
        self.requests = self.replies = self.stray = self.malformed = 0
        self.rtt_seconds: float | None = None
        self.octets = 0
        """The size of the last reply."""
        self.gain: float | None = None
        """The largest ratio of a reply to its request, of those that anyone can forge."""
        self.foreign: dict[str, None] = {}
        self.deviations: set[str] = set()
        self._last_violation: ProtocolViolation | None = None
        self._datagram: Datagram | None = None

    async def ask(
        self, make: Callable[[int], bytes], ids: Callable[[Message], int], judge: Judge[T],
        attempts: int | None = None, *, forgeable: bool = True,
    ) -> T:  # fmt: skip
        """Send what ``make`` returns for a new id, and again until ``judge`` accepts a reply.

        Every attempt has an id of its own, so that a late reply is one to its own attempt. Raises
        Failed: ICMP's, no-reply, protocol-violation for replies that are not SNMP,
        unexpected-answer for replies from elsewhere.
        """
        own = self.ctx.options.of(SnmpOptions)
        if self._datagram is None:
            self._datagram = self.ctx.datagram(self.address)
        sent: dict[int, int] = {}
        foreign, stray, count = len(self.foreign), self.stray, attempts or own.retries + 1
        self._last_violation = None
        for _ in range(count):
            number = secrets.randbelow(2**31 - 1) + 1
            self.requests += 1
            request = make(number)
            sent[number] = self._datagram.send(request).ns
            until = self.ctx.budget.within(own.reply_seconds)
            while (arrived := await self._datagram.receive(until)) is not None:
                matched = self._match(arrived, ids, sent)
                if matched is None:
                    continue
                message, attempt = matched
                found = judge(arrived.data, message, attempt)
                if found is None:
                    self._count_stray()
                    continue
                self.replies += 1
                rtt = arrived.at.since(sent[attempt])
                self.rtt_seconds = min(self.rtt_seconds or rtt, rtt)
                self.octets = len(arrived.data)
                if forgeable:
                    self.gain = max(self.gain or 0.0, self.octets / len(request))
                return found
            if now_ns() >= self.ctx.budget.deadline_ns:
                break
        raise self._unanswered(len(sent), len(self.foreign) > foreign, self.stray - stray)

    def _match(
        self, arrived: Arrived, ids: Callable[[Message], int], sent: dict[int, int]
    ) -> tuple[Message, int] | None:
        """Return a message and its attempt; count what matches none. Raises Failed."""
        if (arrived.ip, arrived.port) != (self.address.ip, self.address.port):
            if len(self.foreign) < _MAX_FOREIGN:
                self.foreign[f"{arrived.ip}:{arrived.port}"] = None
            self._count_stray()
            return None
        try:
            message = decode(arrived.data)
        except ProtocolViolation as violation:
            self.malformed += 1
            self._last_violation = violation
            self.ctx.note(f"{self.address.ip}: {violation.detail}")
            self._count_stray()
            return None
        self.deviations.update(message.deviations)
        number = ids(message)
        if number not in sent:
            self._count_stray()
            return None
        return message, number

    def _count_stray(self) -> None:
        self.stray += 1
        if self.stray > MAX_STRAY:
            raise Failed(
                Reason.BUDGET_EXCEEDED, f"more than {MAX_STRAY} datagrams that match no request"
            )

    def _unanswered(self, attempts: int, foreign: bool, stray: int) -> Failed:
        where = f"{self.address.ip} port {self.address.port}"
        if self._last_violation is not None:
            return Failed(Reason.PROTOCOL_VIOLATION, f"{where}: {self._last_violation.detail}")
        if foreign:
            return Failed(
                Reason.UNEXPECTED_ANSWER,
                f"{where} answers from {', '.join(self.foreign)}: managers drop these replies. "
                "Have the agent listen on the address that is polled, or look for a NAT",
            )
        if stray:
            return Failed(
                Reason.UNEXPECTED_ANSWER,
                f"{where}: {stray} replies with another request ID than the {attempts} requests",
            )
        return Failed(Reason.NO_REPLY, f"{where}: 0 of {attempts} requests answered")
