"""The client's side of SOCKS5 (RFC 1928) with a user and password (RFC 1929). Sans-IO."""

from __future__ import annotations

import ipaddress
from enum import Enum, IntEnum

import msgspec

from seventh.model.failure import ProtocolViolation

_VERSION, _LOGIN_VERSION = 5, 1
_NO_LOGIN, _PASSWORD, _NO_METHOD = 0, 2, 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4
MAX_LOGIN_BYTES = 255
"""The longest user, and the longest password."""


class Step(Enum):
    """What the server is to send next."""

    METHOD = "the login method"
    LOGIN = "the result of the login"
    REPLY = "the reply to CONNECT"
    OPEN = "bytes of the target"


class ReplyCode(IntEnum):
    """Why a server did not connect (RFC 1928 §6)."""

    GENERAL_FAILURE = 1
    NOT_ALLOWED = 2
    NETWORK_UNREACHABLE = 3
    HOST_UNREACHABLE = 4
    CONNECTION_REFUSED = 5
    TTL_EXPIRED = 6
    COMMAND_NOT_SUPPORTED = 7
    ADDRESS_TYPE_NOT_SUPPORTED = 8


class Refusal(msgspec.Struct, frozen=True):
    """A server's refusal: in which step, and the code that it sent."""

    at: Step
    code: int


class Socks5:
    """One negotiation: send :meth:`begin`, then whatever :meth:`feed` returns."""

    __slots__ = ("_buffer", "_host", "_login", "_port", "refusal", "step", "uses_login")

    def __init__(self, host: str, port: int, login: tuple[bytes, bytes] | None = None) -> None:
        self._host = host
        self._port = port
        self._login = login
        self._buffer = bytearray()
        self.step = Step.METHOD
        self.refusal: Refusal | None = None
        self.uses_login = False
        """Whether the server selected a login with user and password."""

    @property
    def rest(self) -> bytes:
        """What came after the reply: it belongs to the tunnel."""
        return bytes(self._buffer)

    def begin(self) -> bytes:
        """Return the client's greeting: the login methods that it supports."""
        methods = [_NO_LOGIN] if self._login is None else [_NO_LOGIN, _PASSWORD]
        return bytes([_VERSION, len(methods), *methods])

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes; return what is to be sent, which may be nothing.

        Raises ProtocolViolation.
        """
        self._buffer += data
        answer = b""
        while self.refusal is None and self.step is not Step.OPEN and (size := self._size()):
            message = bytes(self._buffer[:size])
            del self._buffer[:size]
            answer += self._take(message)
        return answer

    def _size(self) -> int:
        """Return the size of the next message; 0 while it is not complete."""
        got = self._buffer
        if got and got[0] != _VERSION and self.step is not Step.LOGIN:
            # The version of a login's result is not compared: some servers send 5.
            raise ProtocolViolation(f"{self.step.value} has version {got[0]}, not {_VERSION}")
        size = 2
        if self.step is Step.REPLY and len(got) >= 2 and got[1] == 0:  # a refusal may end here
            size = 5 if len(got) < 5 else _reply_bytes(got[3], got[4])
        return size if len(got) >= size else 0

    def _take(self, message: bytes) -> bytes:
        code = message[1]
        if self.step is Step.METHOD:
            return self._log_in(code)
        if code != 0:
            self.refusal = Refusal(self.step, code)
            return b""
        if self.step is Step.LOGIN:
            return self._request()
        self.step = Step.OPEN
        return b""

    def _log_in(self, method: int) -> bytes:
        if method == _NO_METHOD:
            self.refusal = Refusal(Step.METHOD, method)
            return b""
        if method == _NO_LOGIN:
            return self._request()
        if method != _PASSWORD or self._login is None:
            raise ProtocolViolation(f"the server selected login method {method}, not offered")
        self.step, self.uses_login = Step.LOGIN, True
        user, password = self._login
        return bytes([_LOGIN_VERSION, len(user)]) + user + bytes([len(password)]) + password

    def _request(self) -> bytes:
        self.step = Step.REPLY
        head = bytes([_VERSION, _CONNECT, 0])
        return head + _address(self._host) + self._port.to_bytes(2, "big")


def _reply_bytes(kind: int, first: int) -> int:
    """Return the size of a reply with an address of ``kind`` whose first byte is ``first``."""
    sizes = {_IPV4: 4, _IPV6: 16, _NAME: 1 + first}
    if kind not in sizes:
        raise ProtocolViolation(f"the reply to CONNECT has address type {kind}")
    return 4 + sizes[kind] + 2


def _address(host: str) -> bytes:
    try:
        packed = ipaddress.ip_address(host).packed
    except ValueError:
        name = host.encode("ascii")
        return bytes([_NAME, len(name)]) + name
    return bytes([_IPV4 if len(packed) == 4 else _IPV6]) + packed
