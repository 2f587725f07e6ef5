"""Requests with a symmetric key (tier 2): whether both MACs are accepted."""

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
"""The longest wait for the reply to one authenticated request."""
REQUESTS = 2
"""One may be lost; a server without the key often does not answer."""
_DETAILS: dict[KeyOutcome, str] = {
    "nak": "the server answers with a crypto-NAK: it does not have this key, or a different secret",
    "plain": "the server answers without a MAC: it ignores the key",
    "forged": "the MAC of the reply was not made with this key",
    "silence": "the server answers plain requests, but not those with the key: it does not have "
    "this key, or a different secret",
    "refused": "the server refuses the authenticated request",
}


def load_key(options: Options) -> Key | None:
    """Return the key that the options name; None without one; UsageError for an unusable one."""
    own = options.of(NtpOptions)
    if own.ntp_keys is None:
        return None
    try:
        with Path(own.ntp_keys).expanduser().open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--ntp-keys {own.ntp_keys}: {error.strerror or error}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"--ntp-keys {own.ntp_keys}: more than {MAX_FILE_BYTES} bytes")
    try:
        return find_key(data.decode("utf-8", "replace"), own.ntp_key)
    except UsageError as error:
        raise UsageError(f"--ntp-keys {own.ntp_keys}: {error}") from None


class KeyedAssociation(Association):
    """Requests with a MAC, and replies that count only with a valid one."""

    phase = "ntp.auth"
    __slots__ = ("_key", "_nonces", "mac_bytes", "outcome")

    def __init__(self, ctx: ProbeContext, address: Address, key: Key) -> None:
        super().__init__(ctx, address)
        self._key = key
        self._nonces: set[int] = set()
        self.outcome: KeyOutcome = ""
        """Empty until a reply is received."""
        self.mac_bytes = 0

    def request(self) -> bytes:
        """Return a request with a fresh nonce and our MAC."""
        plain = super().request()
        self._nonces.add(parse(plain).transmit)
        return plain + self._key.mac(plain)

    def judge(self, arrived: Arrived) -> Received:
        """Accept a reply only if our key made its MAC; else store what it is."""
        try:
            packet = parse(arrived.data)
        except ProtocolViolation:
            return super().judge(arrived)  # counted as malformed
        if not self._answers(packet, arrived):
            return super().judge(arrived)  # counted as forged or malformed
        signed = arrived.data[: len(arrived.data) - len(packet.mac)]
        if len(packet.mac) > KEY_ID_BYTES and self._key.verifies(signed, packet.mac):
            self.outcome, self.mac_bytes = "authenticated", len(packet.mac)
            return super().judge(arrived)
        # This must not end the wait: an attacker could send it before the correct reply.
        self.outcome, self.mac_bytes = _outcome(packet), len(packet.mac)
        return self.sampler.reject(packet, _DETAILS[self.outcome])

    def _answers(self, packet: Packet, arrived: Arrived) -> bool:
        return (
            packet.mode == Mode.SERVER
            and packet.origin in self._nonces
            and self.sampler.is_from_server(arrived.ip, arrived.port)
        )


def _outcome(packet: Packet) -> KeyOutcome:
    """Return what a reply is that our key did not authenticate."""
    if packet.mac == bytes(KEY_ID_BYTES):
        return "nak"
    if packet.mac:
        return "forged"
    return "plain" if packet.kiss_code is None else "refused"


async def authenticate(ctx: ProbeContext, main: Association, key: Key) -> None:
    """Send at most two authenticated requests; a refused key is the report's failure."""
    association = KeyedAssociation(ctx, main.address, key)
    wait = main.reply_seconds(KEY_SECONDS)
    for _ in range(REQUESTS):
        await association.exchange(ctx.budget.within(wait))
        if association.outcome or association.icmp or association.broken:
            break
    outcome = association.outcome or ("refused" if association.icmp else "silence")
    detail = "" if outcome == "authenticated" else _DETAILS[outcome]
    if detail and key.reading:
        detail += f". The key was read as {key.reading}: prefix it with HEX: or ASCII:"
    samples = association.sampler.samples
    ctx.notes(NtpFacts).learn(
        key=KeyFacts(
            key_id=key.id,
            algorithm=key.algorithm,
            outcome=outcome,
            authenticated=outcome == "authenticated",
            crypto_nak=outcome == "nak",
            requests=association.sampler.sent_count,
            mac_bytes=association.mac_bytes,
            rtt_seconds=samples[-1].rtt_seconds if samples else None,
            detail=detail,
        ),
    )
    if association.broken is not None:
        ctx.fail(association.broken)
    elif detail:
        detail = f"key {key.id} ({key.algorithm}): {detail}"
        ctx.fail(Failed(Reason.AUTH_REJECTED, detail, phase=KeyedAssociation.phase))
