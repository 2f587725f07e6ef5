"""The transport layer for either role: bytes in, events out (RFC 4253 §4.2, §6, §7.3, §9).

    connection = Connection(Role.CLIENT, "Seventh_1.0")
    send(connection.greet())
    for event in connection.receive(data, at): ...
    send(connection.send(KexInit(...)))

:meth:`Connection.receive` is lazy: the packet after NEWKEYS is decrypted only when the iterator
asks for it, so that an exchange that ends in the same chunk can install its keys first
(:meth:`Connection.prepare`, :mod:`.exchange`).

Either side may exchange keys again at any time (RFC 4253 §9). Messages that must not be sent
between our KEXINIT and our NEWKEYS are queued and follow NEWKEYS.
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire.auth_messages import Ping
from seventh.protocols.ssh.wire.channel_messages import GlobalRequest
from seventh.protocols.ssh.wire.ciphers import PacketCipher, Plain
from seventh.protocols.ssh.wire.ident import Ident, IdentReader
from seventh.protocols.ssh.wire.limits import MAX_PACKET_LENGTH, USUAL_PACKET_LENGTH, Limits
from seventh.protocols.ssh.wire.messages import (
    Debug,
    Disconnect,
    ExtInfo,
    Ignore,
    KexInit,
    KexPacket,
    Message,
    NewKeys,
    Other,
    Unimplemented,
    decode,
)
from seventh.protocols.ssh.wire.values import Deviations

STRICT = {"client": "kex-strict-c-v00@openssh.com", "server": "kex-strict-s-v00@openssh.com"}
"""The name in each role's kex_algorithms that offers strict key exchange (OpenSSH's PROTOCOL)."""


class Role(enum.StrEnum):
    """Our side of the connection."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Role:
        """The peer's side."""
        return Role.SERVER if self is Role.CLIENT else Role.CLIENT


class Event(msgspec.Struct, frozen=True):
    """A message of the peer, and when its last byte arrived."""

    at: Mark
    message: Ident | Message


class Keys(msgspec.Struct, frozen=True):
    """Both directions' ciphers, which take effect at NEWKEYS; None where not implemented here."""

    sealer: PacketCipher | None
    opener: PacketCipher | None


def _allowed_in_exchange(number: int) -> bool:
    """Return whether a message may be sent between KEXINIT and NEWKEYS (RFC 4253 §7.1)."""
    return number in {1, 2, 3, 4, 7} or 20 <= number <= 49


class Connection:
    """One side of one SSH connection."""

    def __init__(self, role: Role, software: str) -> None:
        self.role = role
        self.our_ident = f"SSH-2.0-{software}".encode("ascii")
        self.peer_ident: Ident | None = None
        self.our_kexinit = b""
        self.peer_kexinit = b""
        self.session_id = b""
        """The first exchange's hash (RFC 4253 §7.2)."""
        self.strict = False
        self.opener_missing = False
        """Whether the peer's packets cannot be read: its cipher or MAC is not implemented here."""
        self.deviations = Deviations()
        self._ident = IdentReader(allow_lines=role is Role.CLIENT, deviations=self.deviations)
        self._buffer = bytearray()
        self._at = Mark(0, "user")
        self._opener: PacketCipher = Plain()
        self._sealer: PacketCipher = Plain()
        self._keys: Keys | None = None
        self._received = 0
        self._sent = 0
        self._expected: int | None = None
        self._keyed = False
        self._drop_guess = False
        self._kexinit_first = False
        self._our_offer: KexInit | None = None
        self._peer_offer: KexInit | None = None
        self._we_exchange = False
        self._peer_exchanges = False
        self._queued: list[bytes] = []
        self._limits = Limits()

    # -- what we send ----------------------------------------------------------------------------

    def greet(self) -> bytes:
        """Return our identification string."""
        return self.our_ident + b"\r\n"

    def send(self, message: Message) -> bytes:
        """Return ``message`` as a packet; NEWKEYS installs the prepared keys for what follows.

        A message that must not be sent during a key exchange (RFC 4253 §7.1) gives no bytes now
        and follows NEWKEYS.
        """
        payload = message.encode()
        if isinstance(message, KexInit):
            self.our_kexinit, self._our_offer = payload, message
            self._we_exchange = True
            self._compare_offers()
        elif self._we_exchange and self._keyed and not _allowed_in_exchange(payload[0]):
            self._queued.append(payload)
            return b""
        packet = self.seal(payload)
        if isinstance(message, NewKeys):
            packet += self._switch_sealer()
        return packet

    def _switch_sealer(self) -> bytes:
        """Install the prepared keys for sending; the queued messages, sealed with them."""
        if self._keys is None or self._keys.sealer is None:
            raise ValueError("no keys are prepared to send with")
        self._sealer = self._keys.sealer
        if self.strict:
            self._sent = 0
        self._we_exchange = False
        self._end_exchange()
        queued, self._queued = self._queued, []
        return b"".join(map(self.seal, queued))

    def seal(self, payload: bytes) -> bytes:
        """Return ``payload`` as a packet, without any check of whether it may be sent now."""
        sealer = self._sealer
        counted = 5 if sealer.counts_length else 1
        padding = sealer.block - (counted + len(payload)) % sealer.block
        if padding < 4:
            padding += sealer.block
        body = bytes([padding]) + payload + os.urandom(padding)
        packet = sealer.seal(self._sent, body)
        self._sent = (self._sent + 1) % 2**32
        self._limits.traffic += len(packet)
        return packet

    @property
    def sealer_missing(self) -> bool:
        """Whether nothing can be sent: the agreed cipher or MAC is not implemented here."""
        return self._keys is not None and self._keys.sealer is None

    def prepare(self, keys: Keys) -> None:
        """Set the keys that each direction installs at its NEWKEYS."""
        self._keys = keys

    @property
    def last_sequence(self) -> int:
        """The sequence number of the packet last received, for UNIMPLEMENTED."""
        return (self._received - 1) % 2**32

    @property
    def exchanging(self) -> bool:
        """Whether a key exchange is running: from the first KEXINIT to both NEWKEYS."""
        return self._we_exchange or self._peer_exchanges

    @property
    def our_exchange(self) -> bool:
        """Whether our KEXINIT was sent and our NEWKEYS was not."""
        return self._we_exchange

    def admit(self, at: Mark) -> None:
        """Allow messages of sessions and larger packets: a user is logged in since ``at``.

        A server calls this when it sends USERAUTH_SUCCESS, a client when it receives it (RFC 4252
        §5.1).
        """
        self._limits.admit(at)

    # -- what the peer sends ---------------------------------------------------------------------

    @property
    def pre_ident_lines(self) -> list[bytes]:
        """Lines that came before the peer's identification string."""
        return self._ident.lines

    @property
    def pending_line(self) -> bytes:
        """The incomplete line: of the identification string, or before it."""
        return self._ident.pending

    @property
    def first_bytes(self) -> bytes:
        """The first bytes received; empty once the identification string is complete."""
        return self._ident.first_bytes if self.peer_ident is None else b""

    def receive(self, data: bytes, at: Mark) -> Iterator[Event]:
        """Buffer bytes that arrived at ``at``; return an iterator that reads the events in them.

        It raises ProtocolViolation, after which the connection is unusable.
        """
        self.feed(data, at)
        return iter(self.next_event, None)

    def feed(self, data: bytes, at: Mark) -> None:
        """Buffer bytes that arrived at ``at``."""
        self._at = at
        self._buffer += data

    def next_event(self) -> Event | None:
        """Return the next buffered event; None when more bytes are needed."""
        if self.peer_ident is None:
            return self._next_ident()
        while not self.opener_missing:
            payload = self._next_payload()
            if payload is None:
                return None
            if not payload:
                self._skip_empty()
                continue
            message = self._check_order(decode(payload, self.deviations), payload)
            if self._drop_guess and isinstance(message, KexPacket):
                self._drop_guess = False
                continue
            return Event(self._at, message)
        self._buffer.clear()
        return None

    def _next_ident(self) -> Event | None:
        data = bytes(self._buffer)
        self._buffer.clear()
        self.peer_ident = self._ident.feed(data)
        if self.peer_ident is None:
            return None
        self._buffer += self._ident.rest
        return Event(self._at, self.peer_ident)

    def _next_payload(self) -> bytes | None:
        opener, buffer = self._opener, self._buffer
        if self._expected is None:
            if len(buffer) < opener.head:
                return None
            length = opener.length(self._received, bytes(buffer[: opener.head]))
            padded = length + (4 if opener.counts_length else 0)
            if not 8 <= length <= MAX_PACKET_LENGTH or padded % opener.block:
                raise ProtocolViolation(
                    f"packet_length {length} is not allowed: 8 to {MAX_PACKET_LENGTH} bytes in "
                    f"blocks of {opener.block}"
                )
            if length > USUAL_PACKET_LENGTH and not self._limits.admitted:
                self.deviations.add(DeviationKind.LARGE_PACKET, "packet_length")
            self._expected = 4 + length + opener.tag
        if len(buffer) < self._expected:
            return None
        packet = bytes(buffer[: self._expected])
        del buffer[: self._expected]
        self._expected = None
        self._limits.traffic += len(packet)
        body = opener.open(self._received, packet)
        self._received = (self._received + 1) % 2**32
        padding = body[0]
        if padding < 4 or padding > len(body) - 1:
            raise ProtocolViolation(f"a packet declares {padding} bytes of padding in {len(body)}")
        return body[1 : len(body) - padding]

    def _skip_empty(self) -> None:
        """Note a packet without a message, which PuTTY's client skips."""
        if self.strict and not self._keyed:
            raise ProtocolViolation("strict key exchange: an empty packet before NEWKEYS")
        self.deviations.add(DeviationKind.EMPTY_PACKET, "a packet")
        self._limits.chat(self._at)

    def _check_order(self, message: Message, payload: bytes) -> Message:
        """Enforce the order of RFC 4253 and of strict key exchange; install keys at NEWKEYS.

        A message that is not allowed yet becomes an ``Other``, which is answered with
        UNIMPLEMENTED and ignored, as in OpenSSH's client.
        """
        match message:
            case KexInit():
                self._begin_exchange(message, payload)
            case NewKeys():
                self._switch_opener()
            case KexPacket():
                if not self._peer_exchanges:
                    raise ProtocolViolation("a key exchange message before KEXINIT")
            case Disconnect():
                pass
            case Ignore() | Debug() | Unimplemented() | ExtInfo():
                if self.strict and not self._keyed:
                    raise ProtocolViolation(
                        f"strict key exchange: {type(message).__name__} before NEWKEYS"
                    )
                self._limits.chat(self._at)
            case _:
                message = self._check_stage(message, payload)
                if isinstance(message, GlobalRequest | Ping | Other):
                    self._limits.chat(self._at)
                else:
                    self._limits.useful += 1
        return message

    def _check_stage(self, message: Message, payload: bytes) -> Message:
        """Return a message of a login or a session, or an ``Other`` where it is not allowed yet."""
        number = payload[0]
        if self.strict and not self._keyed:
            raise ProtocolViolation(f"strict key exchange: message {number} before NEWKEYS")
        where = f"message {number}"
        if not self._keyed or self._limits.too_early(number):
            self.deviations.add(DeviationKind.OUT_OF_PLACE, where)
            return Other(number, payload[1:])
        if self._peer_exchanges and not _allowed_in_exchange(number):
            self.deviations.add(DeviationKind.OUT_OF_PLACE, where)
        return message

    def _begin_exchange(self, message: KexInit, payload: bytes) -> None:
        if self._peer_offer is not None:
            raise ProtocolViolation("a second KEXINIT in one key exchange")
        if self._keyed and not self._we_exchange:
            self._limits.rekey()
        self.peer_kexinit, self._peer_offer = payload, message
        self._peer_exchanges = True
        self._kexinit_first = self._received == 1
        self._compare_offers()

    def _switch_opener(self) -> None:
        """Install the prepared keys for receiving."""
        if self._keys is None or not self._peer_exchanges:
            raise ProtocolViolation("NEWKEYS before the key exchange has ended")
        if self._keys.opener is None:
            self.opener_missing = True
        else:
            self._opener = self._keys.opener
        self._keyed = True
        if self.strict:
            self._received = 0
        self._peer_exchanges = False
        self._end_exchange()

    def _end_exchange(self) -> None:
        """Drop the exchange's state once both directions have installed its keys."""
        if not self.exchanging and not self.sealer_missing:
            self._keys = self._our_offer = self._peer_offer = None

    def _compare_offers(self) -> None:
        """Decide, once both offers are known, on strictness and on a guessed first packet."""
        ours, peers = self._our_offer, self._peer_offer
        if ours is None or peers is None:
            return
        # Strictness is settled by the first exchange for the whole connection.
        both = not self._keyed and (
            STRICT[self.role] in ours.offer.kex_algorithms
            and STRICT[self.role.other] in peers.offer.kex_algorithms
        )
        if both and not self.strict:
            self.strict = True
            if not self._kexinit_first:
                raise ProtocolViolation("strict key exchange: KEXINIT is not the first packet")
            if self._limits.chatter:
                raise ProtocolViolation("strict key exchange: other messages after KEXINIT")
        if peers.first_kex_packet_follows:
            # RFC 4253 §7.1: the guess is right when both sides' first choices are the same.
            self._drop_guess = any(
                getattr(ours.offer, field)[:1] != getattr(peers.offer, field)[:1]
                for field in ("kex_algorithms", "server_host_key_algorithms")
            )
