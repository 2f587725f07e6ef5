"""One key exchange over a :class:`~.transport.Connection`, for either side.

Negotiation (RFC 4253 §7.1), the method's messages, the exchange hash (§8) and the keys (§7.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from seventh.model.failure import Blame, Failed, ProtocolViolation, Reason
from seventh.protocols.ssh.facts import Choice, Names, Proposal
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire.ciphers import is_aead, packet_cipher
from seventh.protocols.ssh.wire.hostkeys import PublicKey, Signer, read_key, verify
from seventh.protocols.ssh.wire.kex import (
    GROUP_EXCHANGES,
    METHODS,
    Group,
    GroupDh,
    GroupSizes,
    Method,
    Shared,
    hash_of,
)
from seventh.protocols.ssh.wire.messages import KexPacket, NewKeys
from seventh.protocols.ssh.wire.transport import Connection, Keys, Role
from seventh.protocols.ssh.wire.values import SshReader
from seventh.wire.reader import vector

GEX_GROUP, GEX_REQUEST = 31, 34


class NoCommonError(Exception):
    """Two offers have no name in common in one of the lists: ``field``, and each side's list."""

    def __init__(self, what: str, field: str, client: Names, server: Names) -> None:
        super().__init__(f"no {what} in common")
        self.what, self.field, self.client, self.server = what, field, client, server


MARKERS = frozenset(
    ["ext-info-c", "ext-info-s", "kex-strict-c-v00@openssh.com", "kex-strict-s-v00@openssh.com"]
)
"""Names in kex_algorithms that are not methods."""


def negotiate(client: Proposal, server: Proposal) -> Choice:
    """Return the client's first names that the server has too; NoCommonError for none in a list."""

    def common(field: str, what: str) -> str:
        ours, theirs = getattr(client, field), getattr(server, field)
        for name in ours:
            if name in theirs and name not in MARKERS:
                return str(name)
        raise NoCommonError(what, field, ours, theirs)

    chosen = {
        "kex": common("kex_algorithms", "key exchange method"),
        "host_key": common("server_host_key_algorithms", "host key algorithm"),
    }
    ways = ("client_to_server", "server_to_client")
    for kind, what in (("encryption", "cipher"), ("mac", "MAC"), ("compression", "compression")):
        for way in ways:
            aead = kind == "mac" and is_aead(chosen[f"cipher_{way}"])  # it needs no MAC
            name = (
                ""
                if aead
                else common(f"{kind}_algorithms_{way}", f"{what} {way}".replace("_", " "))
            )
            chosen[f"{what.lower()}_{way}"] = name
    return Choice(**chosen)


class Result(msgspec.Struct, frozen=True):
    """A finished exchange."""

    host_key: bytes
    signature: bytes
    exchange_hash: bytes


class Exchange:
    """One exchange, made when both KEXINITs are known.

    A client sends :meth:`begin`, then what :meth:`handle` gives for each key exchange message,
    until ``result`` is set: the connection has its keys then, and NEWKEYS may be sent. A server
    gives its ``signer`` and, for group exchange, ``group_for``, which chooses the group.
    """

    def __init__(
        self,
        connection: Connection,
        choice: Choice,
        *,
        signer: Signer | None = None,
        sizes: GroupSizes | None = None,
        group_for: Callable[[GroupSizes], Group] | None = None,
    ) -> None:
        self.result: Result | None = None
        self.group: Group | None = None
        self._connection = connection
        self._choice = choice
        self._hash = hash_of(choice.kex)
        self._signer = signer
        self.sizes = sizes or GroupSizes()
        """The sizes that group exchange requests."""
        self._group_for = group_for
        self._method: Method | None = None
        if choice.kex not in GROUP_EXCHANGES:
            self._method = METHODS[choice.kex][1]()

    def begin(self) -> bytes:
        """Return the client's first packet."""
        if self._method is None:
            return self._connection.send(KexPacket(GEX_REQUEST, self.sizes.encode()))
        return self._connection.send(KexPacket(self._method.init_number, self._method.start()))

    def handle(self, packet: KexPacket) -> bytes:
        """Take the peer's next message; return the bytes to send, empty when it was the last.

        A server's last bytes include its NEWKEYS. Raises ProtocolViolation.
        """
        if self._connection.role is Role.CLIENT:
            return self._as_client(packet)
        return self._as_server(packet)

    def _as_client(self, packet: KexPacket) -> bytes:
        if self._method is None:
            self._method = GroupDh(self.sizes.encode(), self.read_group(packet))
            return self._connection.send(KexPacket(self._method.init_number, self._method.start()))
        if self.result is not None:
            raise ProtocolViolation("key exchange message after the end of the exchange")
        reader = self._expect(packet, self._method.reply_number, "the key exchange reply")
        host_key = reader.vector(4)
        shared = self._method.finish(reader)
        signature = reader.vector(4)
        reader.end()
        digest = self._finish(host_key, shared)
        self.result = Result(host_key, signature, digest)
        return b""

    def read_group(self, packet: KexPacket) -> Group:
        """Read the group that the server sent into ``group``. Raises ProtocolViolation."""
        reader = self._expect(packet, GEX_GROUP, "the group-exchange group")
        self.group = Group.read(reader)
        bits, sizes = self.group.modulus.bit_length(), self.sizes
        if not sizes.minimum <= bits <= sizes.maximum:
            self._connection.deviations.add(DeviationKind.GROUP_SIZE, reader.what)
        return self.group

    def host_key(self) -> tuple[PublicKey, bool | None]:
        """Read the server's key and verify its signature, once ``result`` is set.

        The verdict is that of :func:`.hostkeys.verify`. Raises ProtocolViolation.
        """
        assert self.result is not None  # noqa: S101 - the caller has waited for it
        key = read_key(self.result.host_key)
        return key, verify(
            key, self._choice.host_key, self.result.signature, self.result.exchange_hash,
            self._connection.deviations,
        )  # fmt: skip

    def _as_server(self, packet: KexPacket) -> bytes:
        if self._signer is None:
            raise ValueError("a server needs a host key to sign with")
        if self._method is None:
            return self._give_group(packet)
        if self.result is not None:
            raise ProtocolViolation("key exchange message after the end of the exchange")
        reader = self._expect(packet, self._method.init_number, "the key exchange init")
        ours, shared = self._method.answer(reader)
        reader.end()
        digest = self._finish(self._signer.blob, shared)
        signature = self._signer.sign(self._choice.host_key, digest)
        self.result = Result(self._signer.blob, signature, digest)
        fields = vector(4, self._signer.blob) + ours + vector(4, signature)
        reply = self._connection.send(KexPacket(self._method.reply_number, fields))
        return reply + self._connection.send(NewKeys())

    def _give_group(self, packet: KexPacket) -> bytes:
        if self._group_for is None:
            raise ValueError("group exchange needs group_for")
        reader = self._expect(packet, GEX_REQUEST, "the group-exchange request")
        asked = GroupSizes(reader.u32(), reader.u32(), reader.u32())
        reader.end()
        self.group = self._group_for(asked)
        self._method = GroupDh(asked.encode(), self.group)
        return self._connection.send(KexPacket(GEX_GROUP, self.group.encode()))

    def _expect(self, packet: KexPacket, number: int, what: str) -> SshReader:
        if packet.number != number:
            raise ProtocolViolation(
                f"received message {packet.number} instead of {what} ({number})"
            )
        return SshReader(packet.fields, what, self._connection.deviations)

    def _finish(self, host_key: bytes, shared: Shared) -> bytes:
        """Compute the exchange hash (RFC 4253 §8) and prepare both directions' keys."""
        connection, client = self._connection, self._connection.role is Role.CLIENT
        assert connection.peer_ident is not None  # noqa: S101 - KEXINIT never comes before it
        idents = (connection.our_ident, connection.peer_ident.raw)
        kexinits = (connection.our_kexinit, connection.peer_kexinit)
        ordered = (*idents, *kexinits) if client else (*idents[::-1], *kexinits[::-1])
        hashed = b"".join(vector(4, part) for part in (*ordered, host_key))
        digest = hashlib.new(self._hash, hashed + shared.public + shared.secret).digest()
        connection.session_id = connection.session_id or digest
        connection.prepare(self._keys(shared.secret, digest, client=client))
        return digest

    def _keys(self, secret: bytes, digest: bytes, *, client: bool) -> Keys:
        def derive(letter: str, size: int) -> bytes:
            # RFC 4253 §7.2: session_id is always the first exchange's hash.
            named = letter.encode() + self._connection.session_id
            key = hashlib.new(self._hash, secret + digest + named).digest()
            while len(key) < size:
                key += hashlib.new(self._hash, secret + digest + key).digest()
            return key[:size]

        choice = self._choice
        to_server = (choice.cipher_client_to_server, choice.mac_client_to_server)
        to_client = (choice.cipher_server_to_client, choice.mac_server_to_client)
        ours, theirs = (to_server, to_client) if client else (to_client, to_server)
        return Keys(
            sealer=packet_cipher(*ours, derive, to_server=client, sealing=True),
            opener=packet_cipher(*theirs, derive, to_server=not client, sealing=False),
        )


def no_agreement(error: NoCommonError) -> Failed:
    """Return a failed negotiation as a client's failure."""
    has = ", ".join(name for name in error.server[:8] if name not in MARKERS) or "nothing"
    # It has done nothing wrong if the library here lacks what its method needs, as in FIPS mode.
    ours = any(name in METHODS for name in error.server)
    return Failed(
        Reason.NEGOTIATION_FAILED,
        f"no {error.what} in common: the server offers only {has}",
        blame=Blame.SEVENTH if ours else None,
    )
