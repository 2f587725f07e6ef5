"""Requests to one address of an NTP server over one socket, and the replies."""

from __future__ import annotations

import os

from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import AttemptOutcome
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.clock import clock_error_seconds, wall_and_raw_seconds, wall_minus_monotonic_ns
from seventh.net.connect import OUTCOMES
from seventh.net.datagram import Arrived, Datagram
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns, user_mark
from seventh.protocols.ntp.facts import NtpFacts, OtherAddress
from seventh.protocols.ntp.facts.sources import ClockReading, SourceFacts
from seventh.protocols.ntp.facts.together import source_of
from seventh.protocols.ntp.wire.packet import Packet, foreign_protocol
from seventh.protocols.ntp.wire.sampler import (
    DENIED,
    STOP,
    Received,
    Sampler,
    clock_filter,
    header_facts,
)

MAX_STRAY = 256
"""More datagrams than this that match no request are a flood, which ends the check."""
MAX_ICMP = 16
MIN_REPLY_SECONDS = 0.3
"""The shortest wait for a reply to a further request, on the fastest path."""

_ICMP = frozenset(
    {
        Reason.CONNECT_REFUSED, Reason.CONNECT_UNREACHABLE, Reason.CONNECT_FORBIDDEN,
        Reason.LOCAL_RESOURCE,
    }
)  # fmt: skip
_KISSES_WITH_RULES = frozenset(["RATE", "INIT", "STEP"])
"""Kiss codes that have a rule: they are no failure, the server is up."""


class Association:
    """Requests to one address over one socket, and the replies.

    A subclass that authenticates overrides ``request`` and ``judge``.
    """

    phase = "ntp.rtt"
    __slots__ = (
        "_ctx", "_datagram", "_ended", "_readings", "_started", "address", "broken", "icmp",
        "last_sent_ns", "sampler",
    )  # fmt: skip

    def __init__(self, ctx: ProbeContext, address: Address) -> None:
        self._ctx = ctx
        self._datagram: Datagram | None = None
        self._readings: dict[int, ClockReading] = {}
        self._started = self._ended = user_mark()
        self.last_sent_ns = self._started.ns
        self.address = address
        self.sampler = Sampler(address.ip, address.port)
        self.icmp: Failed | None = None
        """The first ICMP or local network error instead of a reply."""
        self.broken: Failed | None = None
        """A flood, or another error that ends the exchange even after an answer."""

    @property
    def answered(self) -> bool:
        """Whether any request was answered, with time or with a kiss code."""
        return bool(self.sampler.tally.replies or self.sampler.tally.kisses)

    @property
    def over(self) -> bool:
        """Whether to stop sending: after a kiss code, an error, or replies that are not NTP."""
        if self.broken is not None or any(code in STOP for code in self.sampler.kiss_codes):
            return True
        return not self.answered and bool(self.icmp or self.sampler.tally.malformed)

    async def exchange(self, until_ns: int) -> None:
        """Send one request and wait for its reply until ``until_ns``: one phase.

        Does not raise: errors are stored in ``icmp`` and ``broken``.
        """
        sent = user_mark()
        answered: Mark | None = None
        try:
            if self._datagram is None:
                self._datagram = self.open()
            sent = self._datagram.send(self.request())
            self.sampler.sent(sent)
            self.last_sent_ns = sent.ns
            answered = await self._receive(self._datagram, until_ns, for_reply=True)
        except Failed as failed:
            self._store(failed)
        end = answered or user_mark()
        if self.sampler.sent_count <= 1:
            self._started, self._ended = sent, end
        elif answered is not None:
            self._ended = end
        self._ctx.watch.record(
            self.phase, sent.ns, end, ok=answered is not None, address=self.address.ip
        )

    def open(self) -> Datagram:
        """Return the socket to send from."""
        return self._ctx.datagram(self.address)

    def close(self) -> None:
        """Close the socket before the check ends; no request can follow."""
        if self._datagram is not None:
            self._datagram.close()

    def request(self) -> bytes:
        """Return the next datagram to send."""
        return self.sampler.request(int.from_bytes(os.urandom(8)) or 1)

    def deadline(self, until_ns: int) -> int:
        """Return when to stop waiting, at the latest ``until_ns``."""
        return until_ns

    def reply_seconds(self, most: float) -> float:
        """Return how long a further request waits: four times the slowest reply, up to ``most``."""
        slowest = max((sample.rtt_seconds for sample in self.sampler.samples), default=most)
        return min(most, MIN_REPLY_SECONDS + 4 * slowest)

    def judge(self, arrived: Arrived) -> Received:
        """Judge a datagram; never raises."""
        return self.sampler.receive(
            arrived.data, arrived.at, arrived.ip, arrived.port, wall_minus_monotonic_ns()
        )

    def match(self, packet: Packet, arrived: Arrived) -> Received:
        """Judge a packet that was parsed and verified before."""
        return self.sampler.match(
            packet, arrived.data, arrived.at, arrived.ip, arrived.port, wall_minus_monotonic_ns()
        )

    async def linger(self, until_ns: int) -> None:
        """Receive late and forged replies until the next request is due."""
        # An ICMP error ends a receive, but the next request is still not due.
        for _ in range(MAX_ICMP):
            if self._datagram is None or self.over or now_ns() >= until_ns:
                return
            try:
                await self._receive(self._datagram, until_ns, for_reply=False)
            except Failed as failed:
                self._store(failed)

    async def _receive(self, datagram: Datagram, until_ns: int, *, for_reply: bool) -> Mark | None:
        """Judge datagrams until the latest request is answered, or until the deadline."""
        sampler = self.sampler
        while (arrived := await datagram.receive(self.deadline(until_ns))) is not None:
            received = self.judge(arrived)
            if received.sample is not None:
                unix, raw = wall_and_raw_seconds()
                reading = ClockReading(unix_seconds=unix, raw_seconds=raw)
                self._readings[received.sample.sequence] = reading
            if for_reply and received.answers and sampler.last_answered():
                return arrived.at
            if received.detail:
                self._ctx.note(f"{self.address.ip}: {received.verdict}: {received.detail}")
            if sampler.tally.stray > MAX_STRAY:
                raise Failed(
                    Reason.BUDGET_EXCEEDED, f"more than {MAX_STRAY} datagrams that match no request"
                )
            if now_ns() >= self.deadline(until_ns):
                break
        return None

    def _store(self, failed: Failed) -> None:
        if failed.reason in _ICMP:
            self.icmp = self.icmp or failed
        else:
            failed.phase = self.phase
            self.broken = self.broken or failed

    def failure(self) -> Failed | None:
        """Return why this address gave neither time nor a judged kiss code; None if it did."""
        sampler = self.sampler
        where = f"{self.address.ip} port {self.address.port}"
        if self.broken is not None:
            return self.broken
        if sampler.tally.replies:
            return None
        if denied := [code for code in sampler.kiss_codes if code in DENIED]:
            return self._failed(
                Reason.AUTH_REJECTED,
                f"{where} denies access to this address: kiss code {denied[0]}",
            )
        if unknown := [code for code in sampler.kiss_codes if code not in _KISSES_WITH_RULES]:
            return self._failed(
                Reason.NEGOTIATION_FAILED, f"{where} answers with kiss code {unknown[0]}, not time"
            )
        if sampler.tally.kisses:
            return None
        if sampler.malformed:
            detail, data = sampler.malformed[0]
            other = foreign_protocol(data, sampler.first_request())
            if other is not None:
                return self._failed(
                    Reason.PROTOCOL_MISMATCH, f"{where} is not an NTP server: {other}"
                )
            return self._failed(Reason.PROTOCOL_VIOLATION, f"{where}: {detail}")
        if sampler.tally.foreign:
            return self._failed(
                Reason.UNEXPECTED_ANSWER,
                f"{where} answers from {', '.join(sampler.foreign_sources)}: clients drop these "
                f"{sampler.tally.foreign} replies. Configure the server to reply from the address "
                "and port of the request, or look for a NAT that rewrites them",
            )
        if self.icmp is not None:
            return self._failed(self.icmp.reason, f"{where}: {self.icmp.detail}")
        others = ""
        if sampler.tally.misdirected:
            others = (
                f"; packets from it with a wrong origin timestamp: {sampler.tally.misdirected} "
                "(the server does not return it, or they are forged)"
            )
        elif sampler.tally.spoofed:
            others = f"; packets that match no request: {sampler.tally.spoofed}"
        return self._failed(
            Reason.NO_REPLY, f"{where}: 0 of {sampler.sent_count} requests answered{others}"
        )

    def _failed(self, reason: Reason, detail: str) -> Failed:
        return Failed(reason, detail, phase=self.phase)

    def note_attempt(self) -> None:
        """Add this address to the attempts of the network facts."""
        if not self.sampler.sent_count and self.icmp is None:
            return  # nothing was tried
        failed = self.failure()
        outcome: AttemptOutcome = "open"
        if failed is not None and not self.answered and not self.sampler.tally.responsive:
            outcome = OUTCOMES.get(failed.reason, "unreachable")
        self._ctx.attempted_datagram(
            self.address, outcome, self._started.ns, self._ended, failed.detail if failed else ""
        )

    def _clock(self) -> dict[str, object]:
        """Return what is known of the server's clock so far, as fields of NtpFacts."""
        sampler = self.sampler
        known: dict[str, object] = header_facts(sampler.latest) if sampler.latest else {}
        if (filtered := clock_filter(sampler.samples)) is not None:
            best = filtered.best
            known |= {
                "samples": tuple(sampler.samples),
                "offset_seconds": best.offset_seconds,
                "offset_error_seconds": best.error_seconds,
                "delay_seconds": best.delay_seconds,
                "rtt_seconds": best.rtt_seconds,
                "dispersion_seconds": filtered.dispersion_seconds,
                "jitter_seconds": filtered.jitter_seconds,
                "measured": self._readings.get(best.sequence),
            }
        return known

    def learn(self) -> None:
        """Store the results so far in the facts."""
        sampler = self.sampler
        tally = sampler.tally
        sent = sampler.sent_count
        self._ctx.notes(NtpFacts).learn(
            address=self.address.ip,
            own_clock_error_seconds=clock_error_seconds(),
            requests=sent,
            replies=sampler.answered_count,
            loss_ratio=1 - sampler.answered_count / sent if sent else None,
            reach=sampler.reach if sent else None,
            icmp=self.icmp.detail if self.icmp else "",
            duplicates=tally.duplicates,
            spoofed=tally.spoofed + tally.foreign,
            spoofed_kisses=tally.spoofed_kisses,
            foreign=tally.foreign,
            foreign_sources=tuple(sampler.foreign_sources),
            malformed=tally.malformed,
            malformed_detail=sampler.malformed[0][0] if sampler.malformed else "",
            kiss_codes=tuple(sampler.kiss_codes),
            **self._clock(),
        )

    def as_other(self) -> OtherAddress:
        """Return the result as that of a further address of the name."""
        failed = self.failure()
        latest = self.sampler.latest
        if latest is None:
            outcome = str(failed.reason) if failed else ", ".join(self.sampler.kiss_codes)
            return OtherAddress(address=self.address.ip, outcome=outcome)
        header = header_facts(latest)
        best = self.sampler.samples[0]
        return OtherAddress(
            address=self.address.ip,
            outcome="ok",
            stratum=latest.effective_stratum,
            leap=latest.leap,
            reference_id=str(header["reference_id"]),
            offset_seconds=best.offset_seconds,
            delay_seconds=best.delay_seconds,
        )

    def as_source(self) -> SourceFacts:
        """Return the result as that of one of several servers, which are judged together."""
        ntp = NtpFacts().learn(address=self.address.ip, **self._clock())
        failed = self.failure()
        kisses = ", ".join(self.sampler.kiss_codes)
        why = str(failed.reason) if failed else f"kiss code {kisses}" if kisses else ""
        return source_of(str(self._ctx.target), ntp, port=self.address.port, why=why)
