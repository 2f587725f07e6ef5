"""Requests to one address of an NTP server over one socket, and what came of them."""

from __future__ import annotations

import os

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.clock import clock_error_seconds, wall_and_raw_seconds, wall_minus_monotonic_ns
from seventh.net.datagram import Arrived, Datagram
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns, user_mark
from seventh.protocols.ntp.facts import NtpFacts, OtherAddress
from seventh.protocols.ntp.facts.sources import ClockReading, SourceFacts
from seventh.protocols.ntp.facts.together import source_of
from seventh.protocols.ntp.wire.packet import stranger
from seventh.protocols.ntp.wire.sampler import (
    DENIED,
    STOP,
    Received,
    Sampler,
    clock_filter,
    header_facts,
)

MAX_STRAY = 256
"""More datagrams than this that answer nothing are a flood; the look ends."""
MAX_ICMP = 16

_ICMP = frozenset(
    [
        Reason.CONNECT_REFUSED,
        Reason.CONNECT_UNREACHABLE,
        Reason.CONNECT_FORBIDDEN,
        Reason.LOCAL_RESOURCE,
    ]
)
_JUDGED_KISSES = frozenset(["RATE", "INIT", "STEP"])
"""Kisses that have a rule which says what they mean; the server is up."""
_OUTCOMES = {
    Reason.CONNECT_REFUSED: "refused",
    Reason.CONNECT_FORBIDDEN: "forbidden",
    Reason.NO_REPLY: "timeout",
}


class Association:
    """Requests to one address over one socket, and what came of them.

    A subclass that authenticates makes its requests and judges its replies otherwise.
    """

    phase = "ntp.rtt"
    __slots__ = (
        "_begun",
        "_ctx",
        "_datagram",
        "_ended",
        "_readings",
        "address",
        "broken",
        "icmp",
        "last_sent_ns",
        "sampler",
    )  # fmt: skip

    def __init__(self, ctx: ProbeContext, address: Address) -> None:
        self._ctx = ctx
        self._datagram: Datagram | None = None
        self._readings: dict[int, ClockReading] = {}
        self._begun = self._ended = user_mark()
        self.last_sent_ns = self._begun.ns
        self.address = address
        self.sampler = Sampler(address.ip, address.port)
        self.icmp: Failed | None = None
        """What the network said instead of a reply, the first time that it did."""
        self.broken: Failed | None = None
        """A flood, or whatever else ends the conversation although the server may have answered."""

    @property
    def answered(self) -> bool:
        """Whether the server has answered anything, a kiss included."""
        return bool(self.sampler.tally.replies or self.sampler.tally.kisses)

    @property
    def over(self) -> bool:
        """Whether nothing more may or need be sent: told to stop, refused, or no NTP there."""
        if self.broken is not None or any(code in STOP for code in self.sampler.kiss_codes):
            return True
        return not self.answered and bool(self.icmp or self.sampler.tally.malformed)

    async def exchange(self, until_ns: int) -> None:
        """One request, and a wait for its reply up to ``until_ns``: one phase.

        Does not raise: what goes wrong is kept in ``icmp`` and ``broken``.
        """
        sent = user_mark()
        answered: Mark | None = None
        try:
            if self._datagram is None:
                self._datagram = self.open()
            sent = self._datagram.send(self.request())
            self.sampler.sent(sent)
            self.last_sent_ns = sent.ns
            answered = await self._listen(self._datagram, until_ns, for_reply=True)
        except Failed as failed:
            self._keep(failed)
        end = answered or user_mark()
        if self.sampler.sent_count <= 1:
            self._begun, self._ended = sent, end
        elif answered is not None:
            self._ended = end
        self._ctx.watch.record(
            self.phase, sent.ns, end, ok=answered is not None, address=self.address.ip
        )

    def open(self) -> Datagram:
        """Return the socket to ask from."""
        return self._ctx.datagram(self.address)

    def close(self) -> None:
        """Give the socket back before the talk ends; nothing more can be asked."""
        if self._datagram is not None:
            self._datagram.close()

    def request(self) -> bytes:
        """Return the next datagram to send."""
        return self.sampler.request(int.from_bytes(os.urandom(8)) or 1)

    def patience(self, until_ns: int) -> int:
        """Until when to wait, where ``until_ns`` is the latest."""
        return until_ns

    def judge(self, arrived: Arrived) -> Received:
        """Return what a datagram is to us; never raises."""
        return self.sampler.receive(
            arrived.data, arrived.at, arrived.ip, arrived.port, wall_minus_monotonic_ns()
        )

    async def linger(self, until_ns: int) -> None:
        """Wait for the next request's turn on the socket: late and forged replies are seen."""
        # An ICMP message ends a receive; it is no reason to be early with the next request.
        for _ in range(MAX_ICMP):
            if self._datagram is None or self.over or now_ns() >= until_ns:
                return
            try:
                await self._listen(self._datagram, until_ns, for_reply=False)
            except Failed as failed:
                self._keep(failed)

    async def _listen(self, datagram: Datagram, until_ns: int, *, for_reply: bool) -> Mark | None:
        """Judge what comes until the latest request is answered, or until the time is over."""
        sampler = self.sampler
        while (arrived := await datagram.receive(self.patience(until_ns))) is not None:
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
                    Reason.BUDGET_EXCEEDED,
                    f"more than {MAX_STRAY} datagrams that answer nothing",
                )
            if now_ns() >= self.patience(until_ns):
                break
        return None

    def _keep(self, failed: Failed) -> None:
        if failed.reason in _ICMP:
            self.icmp = self.icmp or failed
        else:
            failed.phase = self.phase
            self.broken = self.broken or failed

    def failure(self) -> Failed | None:
        """Return why this address gave neither time nor anything else of use; None when it did."""
        sampler = self.sampler
        where = f"{self.address.ip} port {self.address.port}"
        if self.broken is not None:
            return self.broken
        if sampler.tally.replies:
            return None
        if denied := [code for code in sampler.kiss_codes if code in DENIED]:
            return self._failed(
                Reason.AUTH_REJECTED, f"{where} denies this address service: kiss code {denied[0]}"
            )
        if strange := [code for code in sampler.kiss_codes if code not in _JUDGED_KISSES]:
            return self._failed(
                Reason.NEGOTIATION_FAILED, f"{where} gives no time but kiss code {strange[0]}"
            )
        if sampler.tally.kisses:
            return None
        if sampler.malformed:
            detail, data = sampler.malformed[0]
            other = stranger(data, sampler.first_request())
            if other is not None:
                return self._failed(Reason.PROTOCOL_MISMATCH, f"{where} speaks {other}, not NTP")
            return self._failed(Reason.PROTOCOL_VIOLATION, f"{where}: {detail}")
        if sampler.tally.foreign:
            return self._failed(Reason.UNEXPECTED_ANSWER, f"{where} {self._elsewhere()}")
        if self.icmp is not None:
            return self._failed(self.icmp.reason, f"{where}: {self.icmp.detail}")
        but = ""
        if sampler.tally.misdirected:
            but = (
                f"; {sampler.tally.misdirected} packets came from there whose origin timestamp is "
                "none of ours: the server does not return it, or they are forged"
            )
        elif sampler.tally.spoofed:
            but = f"; {sampler.tally.spoofed} packets came that answer none of them"
        return self._failed(
            Reason.NO_REPLY, f"{where}: none of {sampler.sent_count} requests was answered{but}"
        )

    def _elsewhere(self) -> str:
        """Return where the answers came from, which clients do not accept from there."""
        sampler = self.sampler
        return (
            f"answers from {', '.join(sampler.foreign_sources)}: {sampler.tally.foreign} replies "
            "repeat our origin timestamp, and clients drop them. Let the server answer from "
            "the address and port that were asked, or look for a NAT that rewrites them"
        )

    def _failed(self, reason: Reason, detail: str) -> Failed:
        return Failed(reason, detail, phase=self.phase)

    def note_attempt(self) -> None:
        """Tell the network facts how this address behaved."""
        failed = self.failure()
        outcome = "open"
        if failed is not None and not self.answered and not self.sampler.tally.heard:
            outcome = _OUTCOMES.get(failed.reason, "unreachable")
        self._ctx.attempted_datagram(
            self.address, outcome, self._begun.ns, self._ended, failed.detail if failed else ""
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
        """Put what is known so far into the facts."""
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
        """Return this address, where the conversation is with another one."""
        failed = self.failure()
        latest = self.sampler.latest
        if latest is None:
            said = str(failed.reason) if failed else ", ".join(self.sampler.kiss_codes)
            return OtherAddress(address=self.address.ip, outcome=said)
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
        """Return this address, as one of several that are judged together."""
        ntp = NtpFacts().learn(address=self.address.ip, **self._clock())
        failed = self.failure()
        kisses = ", ".join(self.sampler.kiss_codes)
        why = str(failed.reason) if failed else f"kiss code {kisses}" if kisses else ""
        return source_of(str(self._ctx.target), ntp, port=self.address.port, why=why)
