"""The server's side of SASL, as far as reference servers need it."""

from __future__ import annotations

import abc
import hmac
import secrets
from collections.abc import Callable, Mapping

from seventh.wire.sasl import Binding, ScramKeys, decode, encode, scram_hash, scram_keys

SALT = b"seventh-lab-salt"
ITERATIONS = 4096


class RefusedError(Exception):
    """The client is not who it claims to be, or it broke the mechanism's rules."""


class Server(abc.ABC):
    """One exchange: :meth:`answer` with each message of the client until :attr:`user` is known.

    The message is None where the client sends no initial response.
    """

    def __init__(self, mechanism: str, passwords: Mapping[str, str], token: str = "") -> None:
        self.mechanism = mechanism
        self.passwords = passwords
        self.token = token
        self.user = ""
        """Who has logged in; empty before."""

    @abc.abstractmethod
    def answer(self, message: bytes | None) -> bytes:
        """Return the next challenge; raises RefusedError."""

    def _accept(self, user: str, password: bytes) -> None:
        if not hmac.compare_digest(self.passwords.get(user, "\0").encode(), password):
            raise RefusedError
        self.user = user


class PlainServer(Server):
    """PLAIN (RFC 4616)."""

    def answer(self, message: bytes | None) -> bytes:
        """Ask for the message, then judge it."""
        if message is None:
            return b""
        parts = message.split(b"\0")
        if len(parts) != 3:
            raise RefusedError
        self._accept(parts[1].decode(), parts[2])
        return b""


class LoginServer(Server):
    """LOGIN: two prompts."""

    _name: str | None = None

    def answer(self, message: bytes | None) -> bytes:
        """Ask for the user, then for the password."""
        if message is None:
            return b"Username:"
        if self._name is None:
            self._name = message.decode()
            return b"Password:"
        self._accept(self._name, message)
        return b""


class TokenServer(Server):
    """OAUTHBEARER and XOAUTH2."""

    _refused = False

    def answer(self, message: bytes | None) -> bytes:
        """Judge the token; a refusal is explained in a challenge, which the client acknowledges."""
        if message is None:
            return b""
        if self._refused:
            raise RefusedError
        fields = message.split(b"\1")
        if f"auth=Bearer {self.token}".encode() in fields and self.token:
            head = fields[0].decode()
            self.user = head.removeprefix("n,a=").removeprefix("user=").removesuffix(",")
            return b""
        self._refused = True
        return b'{"status":"invalid_token"}'


class ScramServer(Server):
    """SCRAM (RFC 5802, 7677), with channel binding where ``bindings`` has the client's type."""

    def __init__(
        self,
        mechanism: str,
        passwords: Mapping[str, str],
        bindings: tuple[Binding, ...] = (),
        nonce: str = "",
    ) -> None:
        super().__init__(mechanism, passwords)
        self._hash = scram_hash(mechanism)
        self._bindings = {binding.name: binding.data for binding in bindings}
        self._nonce = nonce or secrets.token_urlsafe(12)
        self._bare = self._name = self._first = ""
        self._bound = b""
        self._proved = False

    def answer(self, message: bytes | None) -> bytes:
        """Return the salt, then our signature, then nothing."""
        if message is None:
            return b""
        if not self._first:
            return self._begin(message.decode())
        if not self._proved:
            return self._verify(message.decode())
        self.user = self._name
        return b""

    def _begin(self, text: str) -> bytes:
        flag, _, bare = text.split(",", 2)
        kind, _, name = flag.partition("=")
        has_plus = self.mechanism.endswith("-PLUS")
        if (kind == "p") is not has_plus or (kind == "y" and self._bindings):
            raise RefusedError
        if has_plus and name not in self._bindings:
            raise RefusedError
        self._bound = f"{flag},,".encode() + (self._bindings[name] if has_plus else b"")  # type: ignore[index]
        self._bare = bare
        user, _, nonce = bare.partition(",")
        self._name = user.removeprefix("n=").replace("=2C", ",").replace("=3D", "=")
        self._nonce = nonce.removeprefix("r=") + self._nonce
        self._first = f"r={self._nonce},s={encode(SALT).decode()},i={ITERATIONS}"
        return self._first.encode()

    def _verify(self, text: str) -> bytes:
        without, _, proof = text.rpartition(",p=")
        keys = self._keys()
        signed = f"{self._bare},{self._first},{without}".encode()
        signature = hmac.digest(keys.stored, signed, self._hash)
        right = bytes(a ^ b for a, b in zip(keys.client, signature, strict=True))
        bound = without.split(",")[0].removeprefix("c=")
        if decode(bound.encode()) != self._bound or not hmac.compare_digest(
            decode(proof.encode()), right
        ):
            raise RefusedError
        self._proved = True
        return b"v=" + encode(hmac.digest(keys.server, signed, self._hash))

    def _keys(self) -> ScramKeys:
        password = self.passwords.get(self._name, "").encode()
        return scram_keys(self._hash, password, SALT, ITERATIONS)


_OTHERS: Mapping[str, Callable[..., Server]] = {
    "PLAIN": PlainServer,
    "LOGIN": LoginServer,
    "OAUTHBEARER": TokenServer,
    "XOAUTH2": TokenServer,
}


def server_of(
    mechanism: str,
    passwords: Mapping[str, str],
    *,
    token: str = "",
    bindings: tuple[Binding, ...] = (),
) -> Server | None:
    """Return the server's side of ``mechanism``; None for one that it does not have."""
    if mechanism.startswith("SCRAM-SHA-"):
        return ScramServer(mechanism, passwords, bindings)
    if mechanism in _OTHERS:
        return _OTHERS[mechanism](mechanism, passwords, token)
    return None
