"""Authenticated NTP with one address, and what plain NTP shows where that gets no answer."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.clock import wall_minus_monotonic_ns
from seventh.net.datagram import Arrived
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp.client.association import Association
from seventh.protocols.ntp.client.nts_ke import Established
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import NtsFacts
from seventh.protocols.ntp.wire.nts_fields import NTS_NAK, Client, Judgement
from seventh.protocols.ntp.wire.packet import HEADER_BYTES, ExtensionField, Packet, parse
from seventh.protocols.ntp.wire.sampler import Received, Verdict

SILENT_REQUESTS = 2
"""So many unanswered ones from the start, and the rest of the time goes to finding out why."""
PLAIN_SECONDS = 2.0
"""How long the plain requests of a diagnosis wait."""
NAK_GRACE_NS = 200_000_000
"""How long a true reply may still come after an NTS NAK, which somebody on the path may forge."""
PADDING_FIELD = 0xF0F0
"""An experimental extension field (RFC 9748): no server knows it, and all should look past it."""


class NtsAssociation(Association):
    """Requests with one association's keys and cookies; only what authenticates is believed."""

    __slots__ = ("_established", "_nak", "_nts", "client", "naks", "refused_detail")

    phase = "nts.rtt"
    nak_answers = False
    """Whether an NTS NAK is what is waited for."""

    def __init__(
        self,
        ctx: ProbeContext,
        address: Address,
        established: Established,
        cookies: Sequence[bytes],
    ) -> None:
        super().__init__(ctx, address)
        self._established = established
        self._nak: tuple[Packet, Arrived] | None = None
        self._nts = ctx.notes(NtpFacts).part("nts", NtsFacts)
        self.client = Client(established.keys, cookies, os.urandom)
        self.naks = 0
        self.refused_detail = ""
        """What was wrong with the first reply that did not authenticate."""

    @property
    def over(self) -> bool:
        """Whether nothing more may or need be sent."""
        sent = self.sampler.sent_count
        silent = sent >= SILENT_REQUESTS and not self.answered
        return super().over or silent or (sent > 0 and not self.client.cookies)

    @property
    def unexplained(self) -> bool:
        """Whether there was nothing but silence."""
        tally = self.sampler.tally
        heard = self.answered or tally.heard
        return not heard and self.icmp is None and self.broken is None

    async def exchange(self, until_ns: int) -> None:
        """One authenticated request and its reply; an NTS NAK is one when nothing else comes."""
        self._nak = None
        await super().exchange(until_ns)
        if not self.sampler.last_answered():
            self._take_nak()

    def _take_nak(self) -> None:
        if self._nak is None:
            return
        packet, arrived = self._nak
        self.sampler.match(
            packet, arrived.data, arrived.at, arrived.ip, arrived.port, wall_minus_monotonic_ns()
        )
        self.naks += 1
        if self._established.chrony_keys is not None and not self.sampler.tally.replies:
            self._try_chrony_keys()

    def _try_chrony_keys(self) -> None:
        """The server refuses keys made as the RFC says: perhaps it makes them as chrony 4.4 did."""
        keys = self._established.chrony_keys
        if keys is not None and self._nts.facts.keys == "rfc8915" and self.client.cookies:
            self._ctx.note("NTSN with the keys of RFC 8915: going on with those of chrony 4.4")
            self.client.change_keys(keys)
            self.naks = 0
            self._nts.learn(keys="chrony-4.4")

    def request(self) -> bytes:
        """Return the next authenticated request."""
        nonce = int.from_bytes(os.urandom(8)) or 1
        try:
            fields = self.client.request(nonce)
        except LookupError:
            raise Failed(
                Reason.NEGOTIATION_FAILED, "no cookie is left for a further request"
            ) from None
        return self.sampler.request(nonce, fields)

    def patience(self, until_ns: int) -> int:
        """After an NTS NAK only a moment longer."""
        if self._nak is None:
            return until_ns
        return min(until_ns, self._nak[1].at.ns + NAK_GRACE_NS)

    def judge(self, arrived: Arrived) -> Received:
        """Believe what authenticates; count the rest."""
        try:
            packet = parse(arrived.data)
        except ProtocolViolation:
            return super().judge(arrived)
        if not self.sampler.is_from_server(arrived.ip, arrived.port):
            return super().judge(arrived)
        judged = self.client.judge(packet, arrived.data)
        if judged.kind is Judgement.STRANGE:
            return super().judge(arrived)
        if judged.kind is Judgement.REFUSED:
            self.refused_detail = self.refused_detail or judged.detail
            return self.sampler.disbelieve(packet, judged.detail)
        if judged.kind is Judgement.NAK and not self.nak_answers:
            if self._nak is not None or self.sampler.last_answered():
                self.sampler.tally.duplicates += 1
                return Received(verdict=Verdict.DUPLICATE, packet=packet)
            self._nak = (packet, arrived)
            return Received(verdict=Verdict.KISS, packet=packet, detail="an NTS NAK")
        return self.sampler.match(
            packet, arrived.data, arrived.at, arrived.ip, arrived.port, wall_minus_monotonic_ns()
        )

    def failure(self) -> Failed | None:
        """Return why this address gave no authenticated time; None when it did."""
        failed = super().failure()
        if failed is None:
            return None
        sampler = self.sampler
        where = f"{self.address.ip} port {self.address.port}"
        if failed.reason is Reason.NEGOTIATION_FAILED and NTS_NAK in sampler.kiss_codes:
            return self._failed(
                Reason.NEGOTIATION_FAILED,
                f"{where} refuses the cookies of its own key establishment (NTS NAK)",
            )
        if failed.reason is Reason.NO_REPLY:
            return self._failed(Reason.NO_REPLY, failed.detail + self._instead())
        return failed

    def _instead(self) -> str:
        """Return what came, or comes, instead of an authenticated reply."""
        tally, facts = self.sampler.tally, self._nts.facts
        if tally.unauthenticated:
            return f"; {tally.unauthenticated} replies did not authenticate ({self.refused_detail})"
        if facts.plain_answered is None:
            return ""
        if not facts.plain_answered:
            return "; plain requests neither"
        if facts.padded_answered:
            return "; plain requests of the same size are"
        return (
            f"; plain requests of {HEADER_BYTES} bytes are, of {facts.request_bytes} bytes not: "
            "something drops by size"
        )

    def learn(self) -> None:
        """Put what is known so far into the facts."""
        super().learn()
        client, tally = self.client, self.sampler.tally
        self._nts.learn(
            requests=self.sampler.sent_count,
            authenticated=tally.replies,
            naks=self.naks,
            unauthenticated=tally.unauthenticated,
            unauthenticated_detail=self.refused_detail,
            cookies_asked=client.cookies_asked,
            cookies_returned=client.cookies_returned,
            request_bytes=client.request_bytes or None,
        )


class Padded(Association):
    """Plain requests of a given size."""

    __slots__ = ("_size",)

    def __init__(self, ctx: ProbeContext, address: Address, size: int) -> None:
        super().__init__(ctx, address)
        self._size = size

    def request(self) -> bytes:
        """Return a request with an extension field that nobody knows."""
        padding = ExtensionField(PADDING_FIELD, bytes(max(12, self._size - HEADER_BYTES - 4)))
        return self.sampler.request(int.from_bytes(os.urandom(8)) or 1, (padding,))


async def diagnose(conversation: NtsAssociation, ctx: ProbeContext) -> None:
    """Authenticated requests get no answer: ask plainly, once as short as NTP is, once as long.

    This tells a dead server from a filter that drops what is longer than plain NTP.
    """
    address = conversation.address
    short = Association(ctx, address)
    long = Padded(ctx, address, conversation.client.request_bytes)
    until = min(ctx.budget.within(PLAIN_SECONDS), ctx.budget.within(ctx.budget.seconds_left / 2))
    if until <= now_ns():
        return
    await asyncio.gather(short.exchange(until), long.exchange(until))
    ctx.notes(NtpFacts).part("nts", NtsFacts).learn(
        plain_answered=short.answered, padded_answered=long.answered
    )
