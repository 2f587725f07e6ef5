"""Authenticated NTP with one address, and plain NTP where that gets no reply."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.net.address import Address
from seventh.net.datagram import Arrived
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp.client.association import Association
from seventh.protocols.ntp.client.nts_ke import Established, nts_notes
from seventh.protocols.ntp.wire.nts_fields import NTS_NAK, Client, Judgement
from seventh.protocols.ntp.wire.packet import HEADER_BYTES, ExtensionField, Packet, parse
from seventh.protocols.ntp.wire.sampler import Received, Verdict

SILENT_REQUESTS = 2
"""After so many unanswered requests from the start, the remaining time is for the diagnosis."""
PLAIN_SECONDS = 2.0
"""How long the plain requests of the diagnosis wait."""
NAK_GRACE_NS = 200_000_000
"""How long to wait for a correct reply after an NTS NAK, which an attacker may forge."""
PADDING_FIELD = 0xF0F0
"""An experimental extension field (RFC 9748), which servers should ignore."""


class NtsAssociation(Association):
    """Requests with the keys and cookies of one association; only authentic replies count."""

    __slots__ = ("_established", "_nak", "_nts", "client", "naks", "refused_detail")

    phase = "nts.rtt"
    nak_answers = False
    """Whether an NTS NAK is the expected reply."""

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
        self._nts = nts_notes(ctx)
        self.client = Client(established.keys, cookies, os.urandom)
        self.naks = 0
        self.refused_detail = ""
        """Why the first unauthentic reply was rejected."""

    @property
    def over(self) -> bool:
        """Whether to send nothing more, also after silence or without a cookie."""
        sent = self.sampler.sent_count
        silent = sent >= SILENT_REQUESTS and not self.answered
        return super().over or silent or (sent > 0 and not self.client.cookies)

    @property
    def silent(self) -> bool:
        """Whether neither the server nor the network sent anything."""
        heard = self.answered or self.sampler.tally.responsive
        return not heard and self.icmp is None and self.broken is None

    async def exchange(self, until_ns: int) -> None:
        """Exchange one authenticated request; an NTS NAK is a reply if there is no other."""
        self._nak = None
        await super().exchange(until_ns)
        if not self.sampler.last_answered():
            self._take_nak()

    def _take_nak(self) -> None:
        if self._nak is None:
            return
        self.match(*self._nak)
        self.naks += 1
        # A server that refuses keys of RFC 8915 may export them as chrony 4.4 did.
        keys = self._established.chrony_keys
        untried = self._nts.facts.keys == "rfc8915" and not self.sampler.tally.replies
        if keys is not None and untried and self.client.cookies:
            self._ctx.note("NTSN with the keys of RFC 8915: retry with those of chrony 4.4")
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
                Reason.NEGOTIATION_FAILED, "no cookie left for a further request"
            ) from None
        return self.sampler.request(nonce, fields)

    def deadline(self, until_ns: int) -> int:
        """Return when to stop waiting: soon after an NTS NAK."""
        if self._nak is None:
            return until_ns
        return min(until_ns, self._nak[1].at.ns + NAK_GRACE_NS)

    def judge(self, arrived: Arrived) -> Received:
        """Accept authentic packets; count the others."""
        try:
            packet = parse(arrived.data)
        except ProtocolViolation:
            return super().judge(arrived)
        if not self.sampler.is_from_server(arrived.ip, arrived.port):
            return super().judge(arrived)
        judgement, detail = self.client.judge(packet, arrived.data)
        if judgement is Judgement.UNRELATED:
            return super().judge(arrived)
        if judgement is Judgement.REFUSED:
            self.refused_detail = self.refused_detail or detail
            return self.sampler.reject(packet, detail)
        if judgement is Judgement.NAK and not self.nak_answers:
            if self._nak is not None or self.sampler.last_answered():
                self.sampler.tally.duplicates += 1
                return Received(verdict=Verdict.DUPLICATE, packet=packet)
            self._nak = (packet, arrived)
            return Received(verdict=Verdict.KISS, packet=packet, detail="an NTS NAK")
        return self.match(packet, arrived)

    def failure(self) -> Failed | None:
        """Return why this address gave no authenticated time; None if it did."""
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
            return self._failed(Reason.NO_REPLY, failed.detail + self._diagnosis())
        return failed

    def _diagnosis(self) -> str:
        tally, facts = self.sampler.tally, self._nts.facts
        if tally.unauthenticated:
            count = tally.unauthenticated
            return f"; replies that failed authentication: {count} ({self.refused_detail})"
        if facts.plain_answered is None:
            return ""
        if not facts.plain_answered:
            return "; plain requests are not answered either"
        if facts.padded_answered:
            return "; plain requests of the same size are answered"
        return (
            f"; plain requests of {HEADER_BYTES} bytes are answered, but not those of "
            f"{facts.request_bytes} bytes: a filter drops packets by size"
        )

    def learn(self) -> None:
        """Store the results so far in the facts."""
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
        """Return a request with an extension field that servers ignore."""
        padding = ExtensionField(PADDING_FIELD, bytes(max(12, self._size - HEADER_BYTES - 4)))
        return self.sampler.request(int.from_bytes(os.urandom(8)) or 1, (padding,))


async def diagnose(conversation: NtsAssociation, ctx: ProbeContext) -> None:
    """Send two plain requests after unanswered authenticated ones: a short and a long one.

    The replies distinguish a server that is down from a filter that drops long packets.
    """
    address = conversation.address
    short = Association(ctx, address)
    long = Padded(ctx, address, conversation.client.request_bytes)
    until = min(ctx.budget.within(PLAIN_SECONDS), ctx.budget.within(ctx.budget.seconds_left / 2))
    if until <= now_ns():
        return
    await asyncio.gather(short.exchange(until), long.exchange(until))
    nts_notes(ctx).learn(plain_answered=short.answered, padded_answered=long.answered)
