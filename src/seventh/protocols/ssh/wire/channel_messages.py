"""The connection protocol's messages, for either role (RFC 4254 §9).

Fields that depend on a message's type stay bytes (``fields``): :mod:`.channels` reads them.
"""

from __future__ import annotations

from seventh.protocols.ssh.wire.fields import (
    Boolean,
    FieldMessage,
    Number,
    Rest,
    String,
    Uint32,
)
from seventh.protocols.ssh.wire.values import string


class GlobalRequest(FieldMessage, frozen=True):
    """SSH_MSG_GLOBAL_REQUEST (RFC 4254 §4)."""

    NUMBER = Number.GLOBAL_REQUEST
    name: String
    want_reply: Boolean
    fields: Rest = b""


class RequestSuccess(FieldMessage, frozen=True):
    """SSH_MSG_REQUEST_SUCCESS: the reply to the oldest global request without one."""

    NUMBER = Number.REQUEST_SUCCESS
    fields: Rest = b""


class RequestFailure(FieldMessage, frozen=True):
    """SSH_MSG_REQUEST_FAILURE."""

    NUMBER = Number.REQUEST_FAILURE


class ChannelOpen(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_OPEN (RFC 4254 §5.1)."""

    NUMBER = Number.CHANNEL_OPEN
    kind: String
    sender: Uint32
    window: Uint32
    max_packet: Uint32
    fields: Rest = b""


class OpenConfirmation(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_OPEN_CONFIRMATION."""

    NUMBER = Number.CHANNEL_OPEN_CONFIRMATION
    recipient: Uint32
    sender: Uint32
    window: Uint32
    max_packet: Uint32
    fields: Rest = b""


class OpenFailure(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_OPEN_FAILURE. Its language tag is often missing."""

    NUMBER = Number.CHANNEL_OPEN_FAILURE
    TAIL = string(b"")
    recipient: Uint32
    code: Uint32
    description: String = b""


class WindowAdjust(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_WINDOW_ADJUST (RFC 4254 §5.2)."""

    NUMBER = Number.CHANNEL_WINDOW_ADJUST
    recipient: Uint32
    count: Uint32


class ChannelData(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_DATA."""

    NUMBER = Number.CHANNEL_DATA
    recipient: Uint32
    data: String


class ExtendedData(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_EXTENDED_DATA; ``code`` 1 is standard error."""

    NUMBER = Number.CHANNEL_EXTENDED_DATA
    recipient: Uint32
    code: Uint32
    data: String


class ChannelEof(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_EOF: no more data from the sender (RFC 4254 §5.3)."""

    NUMBER = Number.CHANNEL_EOF
    recipient: Uint32


class ChannelClose(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_CLOSE."""

    NUMBER = Number.CHANNEL_CLOSE
    recipient: Uint32


class ChannelRequest(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_REQUEST (RFC 4254 §5.4)."""

    NUMBER = Number.CHANNEL_REQUEST
    recipient: Uint32
    name: String
    want_reply: Boolean
    fields: Rest = b""


class ChannelSuccess(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_SUCCESS: the reply to the channel's oldest request without one."""

    NUMBER = Number.CHANNEL_SUCCESS
    recipient: Uint32


class ChannelFailure(FieldMessage, frozen=True):
    """SSH_MSG_CHANNEL_FAILURE."""

    NUMBER = Number.CHANNEL_FAILURE
    recipient: Uint32


MESSAGES = (
    GlobalRequest, RequestSuccess, RequestFailure, ChannelOpen, OpenConfirmation, OpenFailure,
    WindowAdjust, ChannelData, ExtendedData, ChannelEof, ChannelClose, ChannelRequest,
    ChannelSuccess, ChannelFailure,
)  # fmt: skip
ChannelMessage = (
    ChannelOpen | OpenConfirmation | OpenFailure | WindowAdjust | ChannelData | ExtendedData
    | ChannelEof | ChannelClose | ChannelRequest | ChannelSuccess | ChannelFailure
)  # fmt: skip
"""90 to 100: what belongs to a channel."""
ConnectionMessage = GlobalRequest | RequestSuccess | RequestFailure | ChannelMessage
"""80 to 100: all of the connection protocol."""
