"""Messages as bytes and as values; the transport's own are here (RFC 4253 §11, §12; RFC 8308).

Role-blind, as are :mod:`seventh.protocols.ssh.wire.auth_messages` and
:mod:`seventh.protocols.ssh.wire.channel_messages`, which have the others.
"""

from __future__ import annotations

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts import Names, Proposal
from seventh.protocols.ssh.facts.deviations import DeviationKind
from seventh.protocols.ssh.wire import auth_messages as login
from seventh.protocols.ssh.wire import channel_messages as connection
from seventh.protocols.ssh.wire.values import Deviations, SshReader, name_list, parse_names
from seventh.wire.reader import vector

MAX_EXTENSIONS = 1024

DISCONNECT, IGNORE, UNIMPLEMENTED, DEBUG, EXT_INFO, KEXINIT, NEWKEYS = 1, 2, 3, 4, 7, 20, 21
KEX_FIRST, KEX_LAST = 30, 49
"""Message numbers whose meaning depends on the key exchange method (RFC 4251 §7)."""
SERVER_SIG_ALGS = b"server-sig-algs"

_OFFER_FIELDS = Proposal.__struct_fields__


class KexInit(msgspec.Struct, frozen=True, kw_only=True):
    """SSH_MSG_KEXINIT (RFC 4253 §7.1)."""

    cookie: bytes
    offer: Proposal
    first_kex_packet_follows: bool = False


class KexPacket(msgspec.Struct, frozen=True):
    """A message of the key exchange method, 30 to 49; its fields are the method's business."""

    number: int
    fields: bytes


class NewKeys(msgspec.Struct, frozen=True):
    """SSH_MSG_NEWKEYS (RFC 4253 §7.3)."""


class ExtInfo(msgspec.Struct, frozen=True):
    """SSH_MSG_EXT_INFO (RFC 8308 §2.3)."""

    extensions: dict[bytes, bytes]

    @property
    def server_sig_algs(self) -> Names | None:
        """The signature algorithms accepted from users; None where the extension is absent."""
        value = self.extensions.get(SERVER_SIG_ALGS)
        return None if value is None else parse_names(value, SERVER_SIG_ALGS.decode())


class Disconnect(msgspec.Struct, frozen=True):
    """SSH_MSG_DISCONNECT (RFC 4253 §11.1)."""

    code: int
    description: bytes


class Ignore(msgspec.Struct, frozen=True):
    """SSH_MSG_IGNORE; its data means nothing."""


class Debug(msgspec.Struct, frozen=True):
    """SSH_MSG_DEBUG."""

    text: bytes


class Unimplemented(msgspec.Struct, frozen=True):
    """SSH_MSG_UNIMPLEMENTED: the peer did not know the packet of that sequence number."""

    sequence: int


class Other(msgspec.Struct, frozen=True):
    """Any other message."""

    number: int
    fields: bytes


Message = (
    KexInit | KexPacket | NewKeys | ExtInfo | Disconnect | Ignore | Debug | Unimplemented | Other
    | login.LoginMessage | connection.ConnectionMessage
)  # fmt: skip


def encode(message: Message) -> bytes:
    """Return the payload of ``message``."""
    match message:
        case KexInit():
            lists = b"".join(name_list(getattr(message.offer, field)) for field in _OFFER_FIELDS)
            flag = b"\x01" if message.first_kex_packet_follows else b"\x00"
            return bytes([KEXINIT]) + message.cookie + lists + flag + bytes(4)
        case KexPacket() | Other():
            return bytes([message.number]) + message.fields
        case NewKeys():
            return bytes([NEWKEYS])
        case ExtInfo():
            pairs = b"".join(
                vector(4, name) + vector(4, value) for name, value in message.extensions.items()
            )
            return bytes([EXT_INFO]) + len(message.extensions).to_bytes(4, "big") + pairs
        case Disconnect():
            code = message.code.to_bytes(4, "big")
            return bytes([DISCONNECT]) + code + vector(4, message.description) + vector(4, b"")
        case Ignore():
            return bytes([IGNORE]) + vector(4, b"")
        case Debug():
            return bytes([DEBUG, 0]) + vector(4, message.text) + vector(4, b"")
        case Unimplemented():
            return bytes([UNIMPLEMENTED]) + message.sequence.to_bytes(4, "big")
        case _ if isinstance(message, login.LoginMessage):
            return login.encode_login(message)
        case _:
            return connection.encode_connection(message)


def decode(payload: bytes, deviations: Deviations | None = None) -> Message:
    """Read one payload, at least one byte; ProtocolViolation when it is malformed.

    What clients put up with is read and noted in ``deviations``.
    """
    number = payload[0]
    if KEX_FIRST <= number <= KEX_LAST:
        return KexPacket(number, payload[1:])
    if number in connection.READ:
        what, read_fields = connection.WHAT[number], connection.READ[number]
        return read_fields(SshReader(memoryview(payload)[1:], what, deviations))
    if number in login.READ:
        reader = SshReader(memoryview(payload)[1:], login.WHAT[number], deviations)
        return login.READ[number](reader)
    if login.METHOD_FIRST <= number <= login.METHOD_LAST:
        return login.AuthPacket(number, payload[1:])
    read = _READ.get(number)
    if read is None:
        return Other(number, payload[1:])
    return read(SshReader(memoryview(payload)[1:], _WHAT[number], deviations))


def _kexinit(reader: SshReader) -> Message:
    cookie = reader.take(16)
    lists = {field: reader.names(f"KEXINIT's {field}") for field in _OFFER_FIELDS}
    follows = reader.u8() != 0
    reader.take(4)
    reader.end()
    return KexInit(cookie=cookie, offer=Proposal(**lists), first_kex_packet_follows=follows)


def _newkeys(reader: SshReader) -> Message:
    reader.end()
    return NewKeys()


def _ext_info(reader: SshReader) -> Message:
    count = reader.u32()
    if count > MAX_EXTENSIONS:
        raise ProtocolViolation(f"EXT_INFO declares {count} extensions")
    extensions: dict[bytes, bytes] = {}
    for _ in range(count):
        try:
            name, value = reader.vector(4), reader.vector(4)
        except ProtocolViolation:
            # What came before stands: a client does without the rest.
            reader.deviations.add(DeviationKind.CUT_SHORT, reader.what)
            return ExtInfo(extensions)
        if name in extensions:
            reader.deviations.add(DeviationKind.REPEATED_NAME, reader.what)
        if name == SERVER_SIG_ALGS:
            parse_names(value, SERVER_SIG_ALGS.decode(), reader.deviations)
        extensions[name] = value
    reader.end()
    return ExtInfo(extensions)


def _disconnect(reader: SshReader) -> Message:
    # The language tag is often left out in practice; what stands before it is all that matters.
    return Disconnect(reader.u32(), reader.optional())


def _ignore(reader: SshReader) -> Message:
    return Ignore()


def _debug(reader: SshReader) -> Message:
    if not reader.left:
        return Debug(reader.optional())
    reader.u8()
    return Debug(reader.optional())


def _unimplemented(reader: SshReader) -> Message:
    if not reader.left:
        reader.deviations.add(DeviationKind.CUT_SHORT, reader.what)
        return Unimplemented(0)
    return Unimplemented(reader.u32())


_READ = {
    DISCONNECT: _disconnect, IGNORE: _ignore, UNIMPLEMENTED: _unimplemented, DEBUG: _debug,
    EXT_INFO: _ext_info, KEXINIT: _kexinit, NEWKEYS: _newkeys,
}  # fmt: skip
_WHAT = {
    DISCONNECT: "DISCONNECT", IGNORE: "IGNORE", UNIMPLEMENTED: "UNIMPLEMENTED", DEBUG: "DEBUG",
    EXT_INFO: "EXT_INFO", KEXINIT: "KEXINIT", NEWKEYS: "NEWKEYS",
}  # fmt: skip
