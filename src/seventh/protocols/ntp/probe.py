"""The conversation with an NTP server."""

from __future__ import annotations

import asyncio
import os

import msgspec

from seventh.model.failure import Failed, Reason
from seventh.model.phase import Mark
from seventh.net.address import Address
from seventh.net.clock import clock_error_seconds, wall_minus_monotonic_ns
from seventh.net.datagram import Datagram, local_ip
from seventh.net.stopwatch import now_ns, user_mark
from seventh.net.talk import Talk
from seventh.protocols.ntp.codec import stranger
from seventh.protocols.ntp.facts import NtpFacts, OtherAddress
from seventh.protocols.ntp.sampler import (
    DENIED,
    FILTER_STAGES,
    STOP,
    Sampler,
    clock_filter,
    header_facts,
)

REPLY_SECONDS = 2.0
"""How long a request waits for its reply; one that comes later still counts, as late."""
CONTROL_SECONDS = 1.0
"""The most that is waited for a mode-6 answer."""
MAX_STRAY = 256
"""More datagrams than this that answer nothing are a flood; the look ends."""
MAX_ICMP = 16
MAX_ADDRESSES = 8

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


class Conversation:
    """Requests to one address over one socket, and what came of them."""

    __slots__ = (
        "_begun", "_datagram", "_ended", "_talk", "address", "broken", "icmp", "last_sent_ns",
        "sampler",
    )  # fmt: skip

    def __init__(self, talk: Talk, address: Address) -> None:
        self._talk = talk
        self._datagram: Datagram | None = None
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
        """One request, and a wait for its reply up to ``until_ns``: one phase ``ntp.rtt``.

        Does not raise: what goes wrong is kept in ``icmp`` and ``broken``.
        """
        sent = user_mark()
        answered: Mark | None = None
        try:
            if self._datagram is None:
                self._datagram = self._talk.datagram(self.address)
            data = self.sampler.request(int.from_bytes(os.urandom(8)) or 1)
            sent = self._datagram.send(data)
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
        self._talk.watch.record(
            "ntp.rtt", sent.ns, end, ok=answered is not None, address=self.address.ip
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
        while (arrived := await datagram.receive(until_ns)) is not None:
            received = sampler.receive(
                arrived.data, arrived.at, arrived.ip, arrived.port, wall_minus_monotonic_ns()
            )
            if for_reply and received.answers and sampler.last_answered():
                return arrived.at
            if received.detail:
                self._talk.note(f"{self.address.ip}: {received.verdict}: {received.detail}")
            if sampler.tally.stray > MAX_STRAY:
                raise Failed(
                    Reason.BUDGET_EXCEEDED,
                    f"more than {MAX_STRAY} datagrams that answer nothing",
                )
            if now_ns() >= until_ns:
                break
        return None

    def _keep(self, failed: Failed) -> None:
        if failed.reason in _ICMP:
            self.icmp = self.icmp or failed
        else:
            failed.phase = "ntp.rtt"
            self.broken = self.broken or failed

    def failure(self) -> Failed | None:
        """Why this address gave neither time nor anything else of use; None when it did."""
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
        if self.icmp is not None:
            return self._failed(self.icmp.reason, f"{where}: {self.icmp.detail}")
        forged = sampler.tally.spoofed + sampler.tally.foreign
        but = f"; {forged} packets came that answer none of them" if forged else ""
        return self._failed(
            Reason.NO_REPLY, f"{where}: none of {sampler.sent_count} requests was answered{but}"
        )

    @staticmethod
    def _failed(reason: Reason, detail: str) -> Failed:
        return Failed(reason, detail, phase="ntp.rtt")

    def note_attempt(self) -> None:
        """Tell the network facts how this address behaved."""
        failed = self.failure()
        outcome = "open"
        if failed is not None and not self.answered and not self.sampler.tally.malformed:
            outcome = _OUTCOMES.get(failed.reason, "unreachable")
        self._talk.attempted_datagram(
            self.address, outcome, self._begun.ns, self._ended, failed.detail if failed else ""
        )

    def learn(self) -> None:
        """Put what is known so far into the facts."""
        sampler = self.sampler
        tally = sampler.tally
        sent = sampler.sent_count
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
            }
        self._talk.learn(
            "ntp",
            NtpFacts,
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
            **known,
        )

    def as_other(self) -> OtherAddress:
        """This address, where the conversation is with another one."""
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


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How the time of one check is spent."""

    samples: int
    interval_ns: int
    reply_ns: int
    end_ns: int
    """When the last reply is no longer waited for; what is left is the control request's."""


def plan(talk: Talk) -> Plan:
    """Fit the samples into the time that is left, by a shorter interval where need be."""
    samples = max(1, min(talk.options.samples, FILTER_STAGES))
    left = talk.budget.seconds_left
    # The last reply and the control request want their time too, but never most of it.
    reserve = min(REPLY_SECONDS + CONTROL_SECONDS, left * 0.4)
    control = reserve * CONTROL_SECONDS / (REPLY_SECONDS + CONTROL_SECONDS)
    interval = max(0.0, talk.options.interval_seconds)
    if samples > 1:
        interval = min(interval, (left - reserve) / (samples - 1))
    return Plan(
        samples=samples,
        interval_ns=int(interval * 1e9),
        reply_ns=int(min(REPLY_SECONDS, left) * 1e9),
        end_ns=now_ns() + int((left - control) * 1e9),
    )


async def pulse(talk: Talk) -> None:
    """One request; the next address is asked only when one does not answer."""
    failed: Failed | None = None
    for address in (await talk.addresses())[:MAX_ADDRESSES]:
        conversation = Conversation(talk, address)
        try:
            await conversation.exchange(talk.budget.within(REPLY_SECONDS))
        finally:
            conversation.note_attempt()
            conversation.learn()
        failed = conversation.failure()
        if failed is None:
            return
    if failed is not None:
        raise failed


async def check(talk: Talk) -> None:
    """Several samples of one address, one of each other, then one mode-6 request."""
    addresses = (await talk.addresses())[:MAX_ADDRESSES]
    planned = plan(talk)
    conversations = [Conversation(talk, address) for address in addresses]
    main = conversations[0]
    try:
        first_until = min(now_ns() + planned.reply_ns, planned.end_ns)
        if planned.samples > 1 and len(conversations) == 1:
            first_until = min(first_until, now_ns() + planned.interval_ns)
        await asyncio.gather(*(c.exchange(first_until) for c in conversations))
        main = _main_of(conversations)
        main.learn()
        await _sample_on(main, planned)
        if main.answered and not main.over and talk.options.max_tier >= 1:
            await _ask_control(talk, main)
    finally:
        _conclude(talk, conversations, main)
    if (failed := main.failure()) is not None:
        raise failed


def _main_of(conversations: list[Conversation]) -> Conversation:
    """The first address that gave time, else that answered at all, else that may yet answer."""
    for fits in (
        lambda c: bool(c.sampler.samples),
        lambda c: c.answered,
        lambda c: not c.over,
    ):
        for conversation in conversations:
            if fits(conversation):
                return conversation
    return conversations[0]


async def _sample_on(main: Conversation, planned: Plan) -> None:
    """The second and further samples, each an interval after the one before was sent."""
    for index in range(1, planned.samples):
        await main.linger(min(main.last_sent_ns + planned.interval_ns, planned.end_ns))
        if main.over or now_ns() >= planned.end_ns:
            return
        wait = planned.reply_ns
        if index < planned.samples - 1:
            wait = min(wait, planned.interval_ns)
        await main.exchange(min(now_ns() + wait, planned.end_ns))
        main.learn()


async def _ask_control(talk: Talk, main: Conversation) -> None:
    """One READVAR on a socket of its own; silence is the good answer, so the wait is short."""
    from seventh.protocols.ntp import control

    request = control.readvar(int.from_bytes(os.urandom(2)))
    reply = control.ControlReply(int.from_bytes(request[2:4]))
    slowest = max((s.rtt_seconds for s in main.sampler.samples), default=CONTROL_SECONDS)
    until = talk.budget.within(min(CONTROL_SECONDS, 0.3 + 4 * slowest))
    end: Mark | None = None
    sent = user_mark()
    with talk.datagram(main.address) as datagram:
        try:
            sent = datagram.send(request)
            for _ in range(MAX_STRAY):
                arrived = await datagram.receive(until)
                if arrived is None:
                    break
                from_server = main.sampler.is_from_server(arrived.ip, arrived.port)
                if from_server and reply.receive(arrived.data):
                    end = arrived.at
                if reply.complete or now_ns() >= until:
                    break
        except Failed as failed:
            # A refusal here is as good as silence, and what was too much is the finding itself.
            talk.note(f"mode 6: {failed.detail}")
    if end is not None:
        talk.watch.record("ntp.control", sent.ns, end, address=main.address.ip)
    known = control.variables(reply.data)
    talk.learn(
        "ntp",
        NtpFacts,
        control_factor=reply.bytes_received / len(request),
        control_packets=reply.packets,
        control_bytes=reply.bytes_received,
        control_error=reply.error_code,
        control_variables=tuple(known),
        control_version=known.get("version", ""),
        control_system=known.get("system", ""),
    )


def _conclude(talk: Talk, conversations: list[Conversation], main: Conversation) -> None:
    main.learn()
    talk.learn(
        "ntp",
        NtpFacts,
        local_address=local_ip(main.address) or "",
        others=tuple(c.as_other() for c in conversations if c is not main),
    )
    for conversation in conversations:
        conversation.note_attempt()
