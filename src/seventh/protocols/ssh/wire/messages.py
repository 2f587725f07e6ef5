"""Messages as bytes and as values, for either role (RFC 4253 §11, §12; RFC 8308).

The transport's own are here, the others in :mod:`.auth_messages` and :mod:`.channel_messages`.
"""

from __future__ import annotations

from typing import Self, cast

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire import auth_messages as login
from seventh.protocols.ssh.wire import channel_messages as connection
from seventh.protocols.ssh.wire.fields import (
    FieldMessage,
    Number,
    Numbered,
    String,
    Uint32,
    boolean,
    uint32,
)
from seventh.protocols.ssh.wire.values import (
    Deviations,
    SshReader,
    name_list,
    parse_names,
    string,
)

MAX_EXTENSIONS = 1024
KEX_METHOD = range(30, 50)
"""Message numbers whose meaning depends on the key exchange method (RFC 4251 §7)."""
SERVER_SIG_ALGS = b"server-sig-algs"

_OFFER_FIELDS = Proposal.__struct_fields__


class KexInit(FieldMessage, frozen=True, kw_only=True):
    """SSH_MSG_KEXINIT (RFC 4253 §7.1)."""

    NUMBER = Number.KEXINIT
    cookie: bytes
    offer: Proposal
    first_kex_packet_follows: bool = False

    def encode(self) -> bytes:
        """Return the payload."""
        lists = b"".join(name_list(getattr(self.offer, field)) for field in _OFFER_FIELDS)
        follows = boolean(self.first_kex_packet_follows)
        return bytes([self.NUMBER]) + self.cookie + lists + follows + bytes(4)

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the fields; ProtocolViolation when they are cut short."""
        cookie = reader.take(16)
        lists = {field: reader.names(f"KEXINIT's {field}") for field in _OFFER_FIELDS}
        follows = reader.boolean()
        reader.take(4)
        reader.end()
        return cls(cookie=cookie, offer=Proposal(**lists), first_kex_packet_follows=follows)


class NewKeys(FieldMessage, frozen=True):
    """SSH_MSG_NEWKEYS (RFC 4253 §7.3)."""

    NUMBER = Number.NEWKEYS


class ExtInfo(FieldMessage, frozen=True):
    """SSH_MSG_EXT_INFO (RFC 8308 §2.3)."""

    NUMBER = Number.EXT_INFO
    extensions: dict[bytes, bytes]

    @property
    def server_sig_algs(self) -> Names | None:
        """The signature algorithms accepted from users; None where the extension is absent."""
        value = self.extensions.get(SERVER_SIG_ALGS)
        return None if value is None else parse_names(value, SERVER_SIG_ALGS.decode())

    def encode(self) -> bytes:
        """Return the payload."""
        pairs = b"".join(string(name) + string(value) for name, value in self.extensions.items())
        return bytes([self.NUMBER]) + uint32(len(self.extensions)) + pairs

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the pairs; where they are cut short, those before stand, as in clients."""
        count = reader.u32()
        if count > MAX_EXTENSIONS:
            raise ProtocolViolation(f"EXT_INFO declares {count} extensions")
        extensions: dict[bytes, bytes] = {}
        for _ in range(count):
            try:
                name, value = reader.string(), reader.string()
            except ProtocolViolation:
                reader.deviations.add(DeviationKind.CUT_SHORT, reader.what)
                return cls(extensions)
            if name in extensions:
                reader.deviations.add(DeviationKind.REPEATED_NAME, reader.what)
            if name == SERVER_SIG_ALGS:
                parse_names(value, SERVER_SIG_ALGS.decode(), reader.deviations)
            extensions[name] = value
        reader.end()
        return cls(extensions)


class Disconnect(FieldMessage, frozen=True):
    """SSH_MSG_DISCONNECT (RFC 4253 §11.1). Its language tag is often missing."""

    NUMBER = Number.DISCONNECT
    TAIL = string(b"")
    code: Uint32
    description: String

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the fields; a missing description is empty."""
        return cls(reader.u32(), b"" if reader.missing() else reader.string())


class Ignore(FieldMessage, frozen=True):
    """SSH_MSG_IGNORE; its data means nothing."""

    NUMBER = Number.IGNORE
    TAIL = string(b"")


class Debug(FieldMessage, frozen=True):
    """SSH_MSG_DEBUG (RFC 4253 §11.3), without ``always_display``."""

    NUMBER = Number.DEBUG
    text: bytes

    def encode(self) -> bytes:
        """Return the payload."""
        return bytes([self.NUMBER]) + boolean(False) + string(self.text) + string(b"")

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the fields; missing ones are empty."""
        if reader.left:
            reader.boolean()
        return cls(b"" if reader.missing() else reader.string())


class Unimplemented(FieldMessage, frozen=True):
    """SSH_MSG_UNIMPLEMENTED: the peer did not know the packet of that sequence number."""

    NUMBER = Number.UNIMPLEMENTED
    TAIL = b""
    sequence: Uint32

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the sequence number; a missing one is 0."""
        return cls(0 if reader.missing() else reader.u32())


class KexPacket(Numbered, frozen=True):
    """A message of the key exchange method, 30 to 49."""


class Other(Numbered, frozen=True):
    """Any other message."""


Message = (
    KexInit | KexPacket | NewKeys | ExtInfo | Disconnect | Ignore | Debug | Unimplemented | Other
    | login.LoginMessage | connection.ConnectionMessage
)  # fmt: skip
_BY_NUMBER: dict[int, type[FieldMessage]] = {
    kind.NUMBER: kind
    for kind in (
        KexInit, NewKeys, ExtInfo, Disconnect, Ignore, Debug, Unimplemented,
        *login.MESSAGES, *connection.MESSAGES,
    )
}  # fmt: skip


def decode(payload: bytes, deviations: Deviations | None = None) -> Message:
    """Read one payload, at least one byte; ProtocolViolation when it is malformed.

    Deviations that clients tolerate are noted in ``deviations``.
    """
    number = payload[0]
    if kind := _BY_NUMBER.get(number):
        reader = SshReader(memoryview(payload)[1:], kind.NUMBER.name, deviations)
        return cast("Message", kind.decode(reader))
    if number in KEX_METHOD:
        return KexPacket(number, payload[1:])
    if number in login.AUTH_METHOD:
        return login.AuthPacket(number, payload[1:])
    return Other(number, payload[1:])
