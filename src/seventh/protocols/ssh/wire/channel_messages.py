"""The connection protocol's messages as bytes and as values (RFC 4254 §9). Role-blind.

Fields that a message's type decides stay bytes: the channel type's own (``fields``) are read by
:mod:`seventh.protocols.ssh.wire.channels`, which knows what was asked.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seventh.protocols.ssh.wire.values import SshReader
from seventh.wire.reader import vector

GLOBAL_REQUEST, REQUEST_SUCCESS, REQUEST_FAILURE = 80, 81, 82
OPEN, OPEN_CONFIRMATION, OPEN_FAILURE = 90, 91, 92
WINDOW_ADJUST, DATA, EXTENDED_DATA, EOF, CLOSE = 93, 94, 95, 96, 97
REQUEST, SUCCESS, FAILURE = 98, 99, 100


class GlobalRequest(msgspec.Struct, frozen=True):
    """SSH_MSG_GLOBAL_REQUEST (RFC 4254 §4)."""

    name: bytes
    want_reply: bool
    fields: bytes = b""


class RequestSuccess(msgspec.Struct, frozen=True):
    """SSH_MSG_REQUEST_SUCCESS: the answer to the oldest global request not yet answered."""

    fields: bytes = b""


class RequestFailure(msgspec.Struct, frozen=True):
    """SSH_MSG_REQUEST_FAILURE."""


class ChannelOpen(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_OPEN (RFC 4254 §5.1)."""

    kind: bytes
    sender: int
    window: int
    max_packet: int
    fields: bytes = b""


class OpenConfirmation(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_OPEN_CONFIRMATION."""

    recipient: int
    sender: int
    window: int
    max_packet: int
    fields: bytes = b""


class OpenFailure(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_OPEN_FAILURE."""

    recipient: int
    code: int
    description: bytes = b""


class WindowAdjust(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_WINDOW_ADJUST (RFC 4254 §5.2)."""

    recipient: int
    count: int


class ChannelData(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_DATA."""

    recipient: int
    data: bytes


class ExtendedData(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_EXTENDED_DATA; ``code`` 1 is standard error."""

    recipient: int
    code: int
    data: bytes


class ChannelEof(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_EOF: no more data from the sender (RFC 4254 §5.3)."""

    recipient: int


class ChannelClose(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_CLOSE."""

    recipient: int


class ChannelRequest(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_REQUEST (RFC 4254 §5.4)."""

    recipient: int
    name: bytes
    want_reply: bool
    fields: bytes = b""


class ChannelSuccess(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_SUCCESS: the answer to the channel's oldest request not yet answered."""

    recipient: int


class ChannelFailure(msgspec.Struct, frozen=True):
    """SSH_MSG_CHANNEL_FAILURE."""

    recipient: int


ChannelMessage = (
    ChannelOpen | OpenConfirmation | OpenFailure | WindowAdjust | ChannelData | ExtendedData
    | ChannelEof | ChannelClose | ChannelRequest | ChannelSuccess | ChannelFailure
)  # fmt: skip
"""90 to 100: what belongs to a channel."""
ConnectionMessage = GlobalRequest | RequestSuccess | RequestFailure | ChannelMessage
"""80 to 100: all of the connection protocol."""


def encode_connection(message: ConnectionMessage) -> bytes:
    """Return the payload of ``message``."""
    number = _NUMBER[type(message)]
    return bytes([number]) + _fields(message)


def _fields(message: ConnectionMessage) -> bytes:
    match message:
        case GlobalRequest():
            return vector(4, message.name) + _flag(message.want_reply) + message.fields
        case RequestSuccess():
            return message.fields
        case RequestFailure():
            return b""
        case ChannelOpen():
            numbers = _u32(message.sender, message.window, message.max_packet)
            return vector(4, message.kind) + numbers + message.fields
        case OpenConfirmation():
            ids = _u32(message.recipient, message.sender)
            return ids + _u32(message.window, message.max_packet) + message.fields
        case OpenFailure():
            head = _u32(message.recipient, message.code)
            return head + vector(4, message.description) + vector(4, b"")
        case WindowAdjust():
            return _u32(message.recipient, message.count)
        case ChannelData():
            return _u32(message.recipient) + vector(4, message.data)
        case ExtendedData():
            return _u32(message.recipient, message.code) + vector(4, message.data)
        case ChannelRequest():
            asked = vector(4, message.name) + _flag(message.want_reply)
            return _u32(message.recipient) + asked + message.fields
        case _:
            return _u32(message.recipient)


def _u32(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "big") for value in values)


def _flag(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


# -- reading: each takes an SshReader over what follows the message's number -----------------------


def _global_request(r: SshReader) -> GlobalRequest:
    return GlobalRequest(r.vector(4), r.u8() != 0, r.rest())


def _request_success(r: SshReader) -> RequestSuccess:
    return RequestSuccess(r.rest())


def _request_failure(r: SshReader) -> RequestFailure:
    r.end()
    return RequestFailure()


def _open(r: SshReader) -> ChannelOpen:
    return ChannelOpen(r.vector(4), r.u32(), r.u32(), r.u32(), r.rest())


def _confirmation(r: SshReader) -> OpenConfirmation:
    return OpenConfirmation(r.u32(), r.u32(), r.u32(), r.u32(), r.rest())


def _open_failure(r: SshReader) -> OpenFailure:
    # As with DISCONNECT, the language tag is often left out.
    return OpenFailure(r.u32(), r.u32(), r.vector(4))


def _adjust(r: SshReader) -> WindowAdjust:
    read = WindowAdjust(r.u32(), r.u32())
    r.end()
    return read


def _data(r: SshReader) -> ChannelData:
    read = ChannelData(r.u32(), r.vector(4))
    r.end()
    return read


def _extended(r: SshReader) -> ExtendedData:
    read = ExtendedData(r.u32(), r.u32(), r.vector(4))
    r.end()
    return read


def _request(r: SshReader) -> ChannelRequest:
    return ChannelRequest(r.u32(), r.vector(4), r.u8() != 0, r.rest())


def _bare(kind: Callable[[int], ConnectionMessage]) -> Callable[[SshReader], ConnectionMessage]:
    """Return a reader of a message that has the recipient and nothing else."""

    def read(r: SshReader) -> ConnectionMessage:
        message = kind(r.u32())
        r.end()
        return message

    return read


READ: dict[int, Callable[[SshReader], ConnectionMessage]] = {
    GLOBAL_REQUEST: _global_request, REQUEST_SUCCESS: _request_success,
    REQUEST_FAILURE: _request_failure, OPEN: _open, OPEN_CONFIRMATION: _confirmation,
    OPEN_FAILURE: _open_failure, WINDOW_ADJUST: _adjust, DATA: _data, EXTENDED_DATA: _extended,
    EOF: _bare(ChannelEof), CLOSE: _bare(ChannelClose), REQUEST: _request,
    SUCCESS: _bare(ChannelSuccess), FAILURE: _bare(ChannelFailure),
}  # fmt: skip
"""By message number: how the fields are read."""
WHAT: dict[int, str] = {
    GLOBAL_REQUEST: "GLOBAL_REQUEST", REQUEST_SUCCESS: "REQUEST_SUCCESS",
    REQUEST_FAILURE: "REQUEST_FAILURE", OPEN: "CHANNEL_OPEN",
    OPEN_CONFIRMATION: "CHANNEL_OPEN_CONFIRMATION", OPEN_FAILURE: "CHANNEL_OPEN_FAILURE",
    WINDOW_ADJUST: "CHANNEL_WINDOW_ADJUST", DATA: "CHANNEL_DATA",
    EXTENDED_DATA: "CHANNEL_EXTENDED_DATA", EOF: "CHANNEL_EOF", CLOSE: "CHANNEL_CLOSE",
    REQUEST: "CHANNEL_REQUEST", SUCCESS: "CHANNEL_SUCCESS", FAILURE: "CHANNEL_FAILURE",
}  # fmt: skip
"""By message number: the name for an error."""
_NUMBER: dict[type, int] = {
    GlobalRequest: GLOBAL_REQUEST, RequestSuccess: REQUEST_SUCCESS,
    RequestFailure: REQUEST_FAILURE, ChannelOpen: OPEN, OpenConfirmation: OPEN_CONFIRMATION,
    OpenFailure: OPEN_FAILURE, WindowAdjust: WINDOW_ADJUST, ChannelData: DATA,
    ExtendedData: EXTENDED_DATA, ChannelEof: EOF, ChannelClose: CLOSE, ChannelRequest: REQUEST,
    ChannelSuccess: SUCCESS, ChannelFailure: FAILURE,
}  # fmt: skip
