"""How a message is written: its number, then its fields one after another (RFC 4251 §5)."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Self, get_args

import msgspec

from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.wire.values import SshReader, name_list, string


class Number(enum.IntEnum):
    """Message numbers (RFC 4250 §4.1.2, RFC 8308 §2.3, OpenSSH's PING and PONG)."""

    DISCONNECT = 1
    IGNORE = 2
    UNIMPLEMENTED = 3
    DEBUG = 4
    SERVICE_REQUEST = 5
    SERVICE_ACCEPT = 6
    EXT_INFO = 7
    KEXINIT = 20
    NEWKEYS = 21
    USERAUTH_REQUEST = 50
    USERAUTH_FAILURE = 51
    USERAUTH_SUCCESS = 52
    USERAUTH_BANNER = 53
    GLOBAL_REQUEST = 80
    REQUEST_SUCCESS = 81
    REQUEST_FAILURE = 82
    CHANNEL_OPEN = 90
    CHANNEL_OPEN_CONFIRMATION = 91
    CHANNEL_OPEN_FAILURE = 92
    CHANNEL_WINDOW_ADJUST = 93
    CHANNEL_DATA = 94
    CHANNEL_EXTENDED_DATA = 95
    CHANNEL_EOF = 96
    CHANNEL_CLOSE = 97
    CHANNEL_REQUEST = 98
    CHANNEL_SUCCESS = 99
    CHANNEL_FAILURE = 100
    PING = 192
    PONG = 193


def uint32(value: int) -> bytes:
    """Encode a uint32."""
    return value.to_bytes(4, "big")


def boolean(value: bool) -> bytes:
    """Encode a boolean."""
    return b"\x01" if value else b"\x00"


class Form(enum.Enum):
    """A data type: how a field is encoded and decoded."""

    UINT32 = (uint32, SshReader.u32)
    STRING = (string, SshReader.string)
    BOOLEAN = (boolean, SshReader.boolean)
    NAME_LIST = (name_list, SshReader.names)
    REST = (bytes, SshReader.rest)

    def __init__(self, encode: Callable[[Any], bytes], decode: Callable[[SshReader], Any]) -> None:
        self.encode, self.decode = encode, decode


Uint32 = Annotated[int, Form.UINT32]
String = Annotated[bytes, Form.STRING]
Boolean = Annotated[bool, Form.BOOLEAN]
NameList = Annotated[Names, Form.NAME_LIST]
Rest = Annotated[bytes, Form.REST]
"""What follows: fields that another layer reads."""


class FieldMessage(msgspec.Struct, frozen=True):
    """A message that is its number and its fields; the annotations say how each is written."""

    NUMBER: ClassVar[Number]
    TAIL: ClassVar[bytes | None] = None
    """What is sent after the fields, and skipped there when received, be it missing or other. None:
    the message ends with its fields; more is a deviation."""

    def encode(self) -> bytes:
        """Return the payload."""
        fields = (form.encode(getattr(self, name)) for name, form in _forms(type(self)))
        return bytes([self.NUMBER]) + b"".join(fields) + (self.TAIL or b"")

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the fields that follow the number; ProtocolViolation when they are cut short."""
        message = cls(*(form.decode(reader) for _, form in _forms(cls)))
        if cls.TAIL is None:
            reader.end()
        return message


@functools.cache
def _forms(cls: type[FieldMessage]) -> tuple[tuple[str, Form], ...]:
    """Return each field's name and data type."""
    return tuple(
        (field.name, next(form for form in get_args(field.type) if isinstance(form, Form)))
        for field in msgspec.structs.fields(cls)
    )


class Numbered(msgspec.Struct, frozen=True):
    """A message whose fields stay bytes. They may be an answer to a prompt: never shown."""

    number: int
    fields: bytes

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.number})"

    def encode(self) -> bytes:
        """Return the payload."""
        return bytes([self.number]) + self.fields
