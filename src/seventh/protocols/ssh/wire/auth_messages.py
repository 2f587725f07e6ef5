"""Services, logging in and transport pings as bytes and as values. Role-blind.

RFC 4253 §10, RFC 4252 §5 and §6, and OpenSSH's transport extension ``ping@openssh.com``. Fields
that the authentication method decides stay bytes: the client's ``auth`` reads them.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.wire.values import SshReader, name_list, string

SERVICE_REQUEST, SERVICE_ACCEPT = 5, 6
AUTH_REQUEST, AUTH_FAILURE, AUTH_SUCCESS, AUTH_BANNER = 50, 51, 52, 53
METHOD_FIRST, METHOD_LAST = 60, 79
"""Message numbers whose meaning depends on the authentication method (RFC 4252 §6)."""
PING, PONG = 192, 193


class ServiceRequest(msgspec.Struct, frozen=True):
    """SSH_MSG_SERVICE_REQUEST."""

    name: bytes


class ServiceAccept(msgspec.Struct, frozen=True):
    """SSH_MSG_SERVICE_ACCEPT; some old servers leave the name out."""

    name: bytes


class AuthRequest(msgspec.Struct, frozen=True):
    """SSH_MSG_USERAUTH_REQUEST (RFC 4252 §5). It may carry a password, so it never shows it."""

    user: bytes
    service: bytes
    method: bytes
    fields: bytes = b""

    def __repr__(self) -> str:
        return f"AuthRequest(user={self.user!r}, method={self.method!r})"


class AuthFailure(msgspec.Struct, frozen=True):
    """SSH_MSG_USERAUTH_FAILURE: the methods that can continue (RFC 4252 §5.1)."""

    methods: Names
    partial_success: bool = False


class AuthSuccess(msgspec.Struct, frozen=True):
    """SSH_MSG_USERAUTH_SUCCESS."""


class AuthBanner(msgspec.Struct, frozen=True):
    """SSH_MSG_USERAUTH_BANNER (RFC 4252 §5.4)."""

    text: bytes


class AuthPacket(msgspec.Struct, frozen=True):
    """A message of the authentication method, 60 to 79. It may carry an answer to a prompt."""

    number: int
    fields: bytes

    def __repr__(self) -> str:
        return f"AuthPacket({self.number})"


class Ping(msgspec.Struct, frozen=True):
    """SSH2_MSG_PING."""

    data: bytes


class Pong(msgspec.Struct, frozen=True):
    """SSH2_MSG_PONG: a ping's data, sent back."""

    data: bytes


LoginMessage = (
    ServiceRequest | ServiceAccept | AuthRequest | AuthFailure | AuthSuccess | AuthBanner
    | AuthPacket | Ping | Pong
)  # fmt: skip


def encode_login(message: LoginMessage) -> bytes:
    """Return the payload of ``message``."""
    match message:
        case ServiceRequest():
            return bytes([SERVICE_REQUEST]) + string(message.name)
        case ServiceAccept():
            return bytes([SERVICE_ACCEPT]) + string(message.name)
        case AuthRequest():
            named = string(message.user) + string(message.service) + string(message.method)
            return bytes([AUTH_REQUEST]) + named + message.fields
        case AuthFailure():
            partial = b"\x01" if message.partial_success else b"\x00"
            return bytes([AUTH_FAILURE]) + name_list(message.methods) + partial
        case AuthSuccess():
            return bytes([AUTH_SUCCESS])
        case AuthBanner():
            return bytes([AUTH_BANNER]) + string(message.text) + string(b"")
        case AuthPacket():
            return bytes([message.number]) + message.fields
        case Ping():
            return bytes([PING]) + string(message.data)
        case Pong():
            return bytes([PONG]) + string(message.data)


# -- reading: each takes an SshReader over what follows the message's number -----------------------


def _service_request(r: SshReader) -> ServiceRequest:
    read = ServiceRequest(r.vector(4))
    r.end()
    return read


def _service_accept(r: SshReader) -> ServiceAccept:
    return ServiceAccept(r.vector(4) if r.left else b"")


def _auth_request(r: SshReader) -> AuthRequest:
    return AuthRequest(r.vector(4), r.vector(4), r.vector(4), r.rest())


def _auth_failure(r: SshReader) -> AuthFailure:
    read = AuthFailure(r.names(), r.left > 0 and r.u8() != 0)
    r.end()
    return read


def _auth_success(r: SshReader) -> AuthSuccess:
    r.end()
    return AuthSuccess()


def _auth_banner(r: SshReader) -> AuthBanner:
    # As with DISCONNECT, the language tag is often left out.
    return AuthBanner(r.vector(4))


def _ping(r: SshReader) -> Ping:
    return Ping(r.vector(4))


def _pong(r: SshReader) -> Pong:
    return Pong(r.vector(4))


READ: dict[int, Callable[[SshReader], LoginMessage]] = {
    SERVICE_REQUEST: _service_request, SERVICE_ACCEPT: _service_accept,
    AUTH_REQUEST: _auth_request, AUTH_FAILURE: _auth_failure, AUTH_SUCCESS: _auth_success,
    AUTH_BANNER: _auth_banner, PING: _ping, PONG: _pong,
}  # fmt: skip
"""By message number: how the fields are read."""
WHAT: dict[int, str] = {
    SERVICE_REQUEST: "SERVICE_REQUEST", SERVICE_ACCEPT: "SERVICE_ACCEPT",
    AUTH_REQUEST: "USERAUTH_REQUEST", AUTH_FAILURE: "USERAUTH_FAILURE",
    AUTH_SUCCESS: "USERAUTH_SUCCESS", AUTH_BANNER: "USERAUTH_BANNER", PING: "PING", PONG: "PONG",
}  # fmt: skip
"""By message number: the name for an error."""
