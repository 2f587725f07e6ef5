"""The transport of SSH for either side: bytes in, events out (RFC 4253 §4.2, §6, §7.3).

    connection = Connection(Role.CLIENT, "Seventh_1.0")
    send(connection.greet())
    for event in connection.receive(data, at): ...
    send(connection.send(KexInit(...)))

:meth:`Connection.receive` is lazy: the packet after NEWKEYS is opened only when it is asked for, so
that a key exchange which ends in the same chunk can put its keys in place in between
(:meth:`Connection.prepare`; see :mod:`seventh.protocols.ssh.exchange`).
"""

from __future__ import annotations

import enum
import os
from collections.abc import Iterator

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.ident import Ident, IdentReader
from seventh.protocols.ssh.messages import (
    Debug,
    Disconnect,
    ExtInfo,
    Ignore,
    KexInit,
    KexPacket,
    Message,
    NewKeys,
    Unimplemented,
    decode,
    encode,
)
from seventh.protocols.ssh.protection import Plain, Protection

MAX_PACKET_LENGTH = 35000
"""RFC 4253 §6.1: every implementation takes 35000 bytes; before a login nobody needs more."""
MAX_CHATTER = 32
"""IGNORE, DEBUG, UNIMPLEMENTED and EXT_INFO messages that a peer may send in one connection."""
STRICT = {"client": "kex-strict-c-v00@openssh.com", "server": "kex-strict-s-v00@openssh.com"}
"""What each side puts into its kex_algorithms to offer strict key exchange."""


class Role(enum.StrEnum):
    """Which side we are."""

    CLIENT = "client"
    SERVER = "server"

    @property
    def other(self) -> Role:
        """The peer's side."""
        return Role.SERVER if self is Role.CLIENT else Role.CLIENT


class Event(msgspec.Struct, frozen=True):
    """What the peer sent, and when the bytes that completed it arrived."""

    at: Mark
    message: Ident | Message


class Keys(msgspec.Struct, frozen=True):
    """Both directions' protection, ready to be taken up at NEWKEYS.

    ``opener`` is None where the agreed algorithms are not implemented: the connection is then deaf
    after the peer's NEWKEYS, and everything learnt before stays learnt.
    """

    sealer: Protection | None
    opener: Protection | None


class Connection:
    """One side of one SSH connection."""

    def __init__(self, role: Role, software: str) -> None:
        self.role = role
        self.our_ident = f"SSH-2.0-{software}".encode("ascii")
        self.peer_ident: Ident | None = None
        self.our_kexinit = b""
        self.peer_kexinit = b""
        self.strict = False
        self.deaf = False
        self._ident = IdentReader(allow_lines=role is Role.CLIENT)
        self._buffer = bytearray()
        self._at = Mark(0, "user")
        self._opener: Protection = Plain()
        self._sealer: Protection = Plain()
        self._keys: Keys | None = None
        self._received = 0
        self._sent = 0
        self._expected: int | None = None
        self._keyed = False
        self._chatter = 0
        self._drop_guess = False
        self._kexinit_first = False
        self._our_offer: KexInit | None = None
        self._peer_offer: KexInit | None = None

    # -- what we send ----------------------------------------------------------------------------

    def greet(self) -> bytes:
        """Our identification string."""
        return self.our_ident + b"\r\n"

    def send(self, message: Message) -> bytes:
        """``message`` as a packet. NEWKEYS takes up the prepared keys for what follows it."""
        payload = encode(message)
        if isinstance(message, KexInit):
            self.our_kexinit, self._our_offer = payload, message
            self._compare_offers()
        packet = self._seal(payload)
        if isinstance(message, NewKeys):
            if self._keys is None or self._keys.sealer is None:
                raise ValueError("no keys are prepared to send with")
            self._sealer = self._keys.sealer
            if self.strict:
                self._sent = 0
        return packet

    def _seal(self, payload: bytes) -> bytes:
        sealer = self._sealer
        counted = 5 if sealer.counts_length else 1
        padding = sealer.block - (counted + len(payload)) % sealer.block
        if padding < 4:
            padding += sealer.block
        body = bytes([padding]) + payload + os.urandom(padding)
        packet = sealer.seal(self._sent, body)
        self._sent = (self._sent + 1) % 2**32
        return packet

    @property
    def sealer_missing(self) -> bool:
        """Whether the agreed algorithms of our direction are not implemented."""
        return self._keys is not None and self._keys.sealer is None

    def prepare(self, keys: Keys) -> None:
        """Have ``keys`` ready: each direction takes them up at its NEWKEYS."""
        self._keys = keys

    # -- what the peer sends ---------------------------------------------------------------------

    @property
    def pre_ident_lines(self) -> list[bytes]:
        """Lines that came before the peer's identification string."""
        return self._ident.lines

    @property
    def first_bytes(self) -> bytes:
        """What came before an identification string was whole."""
        return self._ident.first_bytes if self.peer_ident is None else b""

    def receive(self, data: bytes, at: Mark) -> Iterator[Event]:
        """Take bytes that arrived at ``at``; the events in them, one after another.

        The bytes are taken at once; each event is read when the iterator asks for it. Raises
        ProtocolViolation, after which the connection is of no more use.
        """
        self.feed(data, at)
        return iter(self.next_event, None)

    def feed(self, data: bytes, at: Mark) -> None:
        """Take bytes that arrived at ``at``."""
        self._at = at
        self._buffer += data

    def next_event(self) -> Event | None:
        """The next event in the bytes taken so far; None when more are needed."""
        if self.peer_ident is None:
            return self._next_ident()
        while not self.deaf:
            payload = self._next_payload()
            if payload is None:
                return None
            message = decode(payload)
            self._judge(message, payload)
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
            self._expected = 4 + length + opener.tag
        if len(buffer) < self._expected:
            return None
        packet = bytes(buffer[: self._expected])
        del buffer[: self._expected]
        self._expected = None
        body = opener.open(self._received, packet)
        self._received = (self._received + 1) % 2**32
        padding = body[0]
        if padding < 4 or padding > len(body) - 2:
            raise ProtocolViolation(f"a packet declares {padding} bytes of padding in {len(body)}")
        return body[1 : len(body) - padding]

    def _judge(self, message: Message, payload: bytes) -> None:
        """Keep the order that RFC 4253 and strict key exchange demand; take up keys."""
        match message:
            case KexInit():
                if self._peer_offer is not None and not self._keyed:
                    raise ProtocolViolation("a second KEXINIT in one key exchange")
                self.peer_kexinit, self._peer_offer = payload, message
                self._kexinit_first = self._received == 1
                self._compare_offers()
            case NewKeys():
                self._take_up()
            case Ignore() | Debug() | Unimplemented() | ExtInfo():
                if self.strict and not self._keyed:
                    raise ProtocolViolation(
                        f"strict key exchange: {type(message).__name__} before NEWKEYS"
                    )
                self._chatter += 1
                if self._chatter > MAX_CHATTER:
                    raise ProtocolViolation(
                        f"more than {MAX_CHATTER} IGNORE, DEBUG, UNIMPLEMENTED, EXT_INFO messages"
                    )
            case KexPacket():
                if self._peer_offer is None:
                    raise ProtocolViolation("a key exchange message before KEXINIT")
            case Disconnect():
                pass
            case _:
                if not self._keyed:
                    raise ProtocolViolation(f"message {message.number} before NEWKEYS")

    def _take_up(self) -> None:
        if self._keys is None:
            raise ProtocolViolation("NEWKEYS before the key exchange has ended")
        if self._keys.opener is None:
            self.deaf = True
        else:
            self._opener = self._keys.opener
        self._keyed = True
        if self.strict:
            self._received = 0

    def _compare_offers(self) -> None:
        """Once both offers are known: see whether it is strict and whether a guess was wrong."""
        ours, peers = self._our_offer, self._peer_offer
        if ours is None or peers is None or self._keyed:
            return
        both = (
            STRICT[self.role] in ours.offer.kex_algorithms
            and STRICT[self.role.other] in peers.offer.kex_algorithms
        )
        if both and not self.strict:
            self.strict = True
            if not self._kexinit_first:
                raise ProtocolViolation("strict key exchange: KEXINIT is not the first packet")
            if self._chatter:
                raise ProtocolViolation("strict key exchange: other messages after KEXINIT")
        if peers.first_kex_packet_follows:
            # RFC 4253 §7.1: the guess is right when both sides' first choices are the same.
            self._drop_guess = any(
                getattr(ours.offer, field)[:1] != getattr(peers.offer, field)[:1]
                for field in ("kex_algorithms", "server_host_key_algorithms")
            )
