"""Services, logging in and transport pings, for either role.

RFC 4253 §10, RFC 4252 §5 and §6, and OpenSSH's transport extension ``ping@openssh.com``. Fields
that depend on the authentication method stay bytes: the client's ``auth`` reads them.
"""

from __future__ import annotations

from typing import Self

from seventh.protocols.ssh.wire.fields import (
    FieldMessage,
    NameList,
    Number,
    Numbered,
    Rest,
    String,
    boolean,
)
from seventh.protocols.ssh.wire.values import SshReader, name_list, string

AUTH_METHOD = range(60, 80)
"""Message numbers whose meaning depends on the authentication method (RFC 4252 §6)."""


class ServiceRequest(FieldMessage, frozen=True):
    """SSH_MSG_SERVICE_REQUEST (RFC 4253 §10)."""

    NUMBER = Number.SERVICE_REQUEST
    name: String


class ServiceAccept(FieldMessage, frozen=True):
    """SSH_MSG_SERVICE_ACCEPT; some old servers omit the name."""

    NUMBER = Number.SERVICE_ACCEPT
    TAIL = b""
    name: String

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the name; a missing one is empty."""
        return cls(reader.string() if reader.left else b"")


class AuthRequest(FieldMessage, frozen=True):
    """SSH_MSG_USERAUTH_REQUEST (RFC 4252 §5). It may carry a password: never shown."""

    NUMBER = Number.USERAUTH_REQUEST
    user: String
    service: String
    method: String
    fields: Rest = b""

    def __repr__(self) -> str:
        return f"AuthRequest(user={self.user!r}, method={self.method!r})"


class AuthFailure(FieldMessage, frozen=True):
    """SSH_MSG_USERAUTH_FAILURE: the methods that can continue (RFC 4252 §5.1)."""

    NUMBER = Number.USERAUTH_FAILURE
    methods: NameList
    partial_success: bool = False

    def encode(self) -> bytes:
        """Return the payload."""
        return bytes([self.NUMBER]) + name_list(self.methods) + boolean(self.partial_success)

    @classmethod
    def decode(cls, reader: SshReader) -> Self:
        """Read the fields; some servers omit ``partial_success``."""
        message = cls(reader.names(), reader.left > 0 and reader.boolean())
        reader.end()
        return message


class AuthSuccess(FieldMessage, frozen=True):
    """SSH_MSG_USERAUTH_SUCCESS."""

    NUMBER = Number.USERAUTH_SUCCESS


class AuthBanner(FieldMessage, frozen=True):
    """SSH_MSG_USERAUTH_BANNER (RFC 4252 §5.4). Its language tag is often missing."""

    NUMBER = Number.USERAUTH_BANNER
    TAIL = string(b"")
    text: String


class AuthPacket(Numbered, frozen=True):
    """A message of the authentication method, 60 to 79."""


class Ping(FieldMessage, frozen=True):
    """SSH2_MSG_PING."""

    NUMBER = Number.PING
    TAIL = b""
    data: String


class Pong(FieldMessage, frozen=True):
    """SSH2_MSG_PONG: a ping's data, sent back."""

    NUMBER = Number.PONG
    TAIL = b""
    data: String


MESSAGES = (
    ServiceRequest, ServiceAccept, AuthRequest, AuthFailure, AuthSuccess, AuthBanner, Ping, Pong,
)  # fmt: skip
"""Those with a number of their own."""
LoginMessage = (
    ServiceRequest | ServiceAccept | AuthRequest | AuthFailure | AuthSuccess | AuthBanner
    | AuthPacket | Ping | Pong
)  # fmt: skip
