"""Asking with a symmetric key (tier 2): whether our MAC is believed, and the answer's right."""

from __future__ import annotations

from pathlib import Path

from seventh.model.failure import Failed, ProtocolViolation, Reason, UsageError
from seventh.model.options import Options
from seventh.net.address import Address
from seventh.net.datagram import Arrived
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ntp import NtpOptions
from seventh.protocols.ntp.client.association import Association
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import KeyFacts, KeyOutcome
from seventh.protocols.ntp.wire.keys import KEY_ID_BYTES, MAX_FILE_BYTES, Key, find_key
from seventh.protocols.ntp.wire.packet import Mode, Packet, parse
from seventh.protocols.ntp.wire.sampler import Received

KEY_SECONDS = 0.7
"""The most that one authenticated request waits for its reply."""
REQUESTS = 2
"""One may be lost; a server that does not know the key is often silent."""
_SAID: dict[KeyOutcome, str] = {
    "nak": "the server answers with a crypto-NAK: it does not have the key, or another secret",
    "plain": "the server answers without a MAC: it ignores the key",
    "forged": "the reply's MAC is not made with our key",
    "silence": "the server answers without the key and is silent to it: it does not have the key, "
    "or another secret",
    "refused": "the server refuses the authenticated request",
}


def load_key(options: Options) -> Key | None:
    """The key that the options name; None where they name none; UsageError where it is unusable."""
    own = options.of(NtpOptions)
    if own.ntp_keys is None:
        return None
    try:
        with Path(own.ntp_keys).expanduser().open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--ntp-keys {own.ntp_keys}: {error.strerror or error}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"--ntp-keys {own.ntp_keys}: longer than {MAX_FILE_BYTES} bytes")
    try:
        return find_key(data.decode("utf-8", "replace"), own.ntp_key)
    except UsageError as error:
        raise UsageError(f"--ntp-keys {own.ntp_keys}: {error}") from None


class KeyedAssociation(Association):
    """Requests that carry a MAC, and replies that are believed only if theirs is right."""

    phase = "ntp.auth"
    __slots__ = ("_key", "_nonces", "mac_bytes", "outcome")

    def __init__(self, ctx: ProbeContext, address: Address, key: Key) -> None:
        super().__init__(ctx, address)
        self._key = key
        self._nonces: set[int] = set()
        self.outcome: KeyOutcome = ""
        """What came; empty while nothing has."""
        self.mac_bytes = 0

    def request(self) -> bytes:
        """Return a request with a fresh nonce and our MAC."""
        plain = super().request()
        self._nonces.add(parse(plain).transmit)
        return plain + self._key.mac(plain)

    def judge(self, arrived: Arrived) -> Received:
        """Believe a reply only if our key made its MAC; note what came instead."""
        try:
            packet = parse(arrived.data)
        except ProtocolViolation:
            return super().judge(arrived)  # counted as malformed
        if not self._answers(packet, arrived):
            return super().judge(arrived)  # counted as forged or malformed
        signed = arrived.data[: len(arrived.data) - len(packet.mac)]
        if len(packet.mac) > KEY_ID_BYTES and self._key.made(signed, packet.mac):
            self.outcome, self.mac_bytes = "authenticated", len(packet.mac)
            return super().judge(arrived)
        # This must not end the wait: anybody on the path could send it before the true reply.
        self.outcome, self.mac_bytes = _instead(packet), len(packet.mac)
        return self.sampler.disbelieve(packet, _SAID[self.outcome])

    def _answers(self, packet: Packet, arrived: Arrived) -> bool:
        return (
            packet.mode == Mode.SERVER
            and packet.origin in self._nonces
            and self.sampler.is_from_server(arrived.ip, arrived.port)
        )


def _instead(packet: Packet) -> KeyOutcome:
    """Return what a reply is that our key did not make."""
    if packet.mac == bytes(KEY_ID_BYTES):
        return "nak"
    if packet.mac:
        return "forged"
    return "plain" if packet.kiss_code is None else "refused"


async def ask_with_key(ctx: ProbeContext, main: Association, key: Key) -> None:
    """At most two authenticated requests; that the key is not believed is the report's failure."""
    conversation = KeyedAssociation(ctx, main.address, key)
    slowest = max((s.rtt_seconds for s in main.sampler.samples), default=KEY_SECONDS)
    wait = min(KEY_SECONDS, 0.2 + 4 * slowest)
    for _ in range(REQUESTS):
        await conversation.exchange(ctx.budget.within(wait))
        if conversation.outcome or conversation.icmp or conversation.broken:
            break
    outcome = conversation.outcome or ("refused" if conversation.icmp else "silence")
    detail = "" if outcome == "authenticated" else _SAID[outcome]
    if detail and key.reading:
        detail += f". The key was read as {key.reading}: HEX: or ASCII: in front of it decides"
    samples = conversation.sampler.samples
    ctx.notes(NtpFacts).learn(
        key=KeyFacts(
            key_id=key.id,
            algorithm=key.algorithm,
            outcome=outcome,
            authenticated=outcome == "authenticated",
            crypto_nak=outcome == "nak",
            requests=conversation.sampler.sent_count,
            mac_bytes=conversation.mac_bytes,
            rtt_seconds=samples[-1].rtt_seconds if samples else None,
            detail=detail,
        ),
    )
    if conversation.broken is not None:
        ctx.fail(conversation.broken)
    elif detail:
        said = f"key {key.id} ({key.algorithm}): {detail}"
        ctx.fail(Failed(Reason.AUTH_REJECTED, said, phase=KeyedAssociation.phase))
