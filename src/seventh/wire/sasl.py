"""SASL mechanisms (RFC 4422) as steps without I/O, for every protocol that has them.

    client = choose(offered, credentials, host="mail.example", port=993, binding=binding)
    send(client.first)                          # None: the server begins
    while (challenge := receive()) is not None:
        send(client.answer(challenge))          # raises ProtocolViolation
    client.finish()                             # after success: has the server proved itself?

The transport's own coding, Base64 in mail protocols, is in :func:`encode` and :func:`decode`.
"""

from __future__ import annotations

import abc
import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Collection
from typing import Literal

import msgspec

from seventh.model.failure import Failed, ProtocolViolation, Reason
from seventh.wire.text import printable, quoted

MAX_CHALLENGE = 8192
MAX_ITERATIONS = 1_000_000
"""The most that a server may have us compute: about a second."""
_SHOWN = 80

CLEAR = frozenset({"PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"})
"""Mechanisms that show the password or the token to anyone who reads the connection."""
WEAK = frozenset({"CRAM-MD5", "DIGEST-MD5", "NTLM", "LOGIN", "SKEY", "OTP"})
"""Obsolete mechanisms: built on MD4 or MD5, or never standardised."""
_BY_PASSWORD = (
    "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN",
)  # fmt: skip
"""Mechanisms by preference. CRAM-MD5 is not among them: it proves nothing of the server."""
_BY_TOKEN = ("OAUTHBEARER", "XOAUTH2")


class Credentials:
    """A user with a password or a bearer token; never shown."""

    __slots__ = ("password", "token", "user")

    def __init__(self, user: str, *, password: bytes = b"", token: bytes = b"") -> None:
        self.user = user
        self.password = password
        self.token = token

    def __repr__(self) -> str:
        return f"<credentials of {self.user!r}>"


class Binding(msgspec.Struct, frozen=True):
    """The TLS connection's channel binding (RFC 5929, 9266)."""

    name: Literal["tls-exporter", "tls-server-end-point"]
    data: bytes


class Client(abc.ABC):
    """The client's side of one exchange."""

    mechanism: str
    first: bytes | None = None
    """The initial response; None where the server begins."""
    error = ""
    """What the server said of a refused token, printable."""
    binds = False
    """Whether the login is bound to the TLS connection. A server does not show which types of
    binding it knows (Cyrus: only one that TLS 1.3 has not), so a refusal may be that of the
    binding: :func:`choose` again without one before the credential is called wrong."""

    @abc.abstractmethod
    def answer(self, challenge: bytes) -> bytes:
        """Return the response. Raises ProtocolViolation for a challenge that must not come."""

    def finish(self) -> None:
        """Raise ProtocolViolation if the server reports success before it has proved itself."""
        return

    def _unexpected(self, challenge: bytes) -> ProtocolViolation:
        return ProtocolViolation(
            f"a {self.mechanism} challenge that must not come: {quoted(challenge, _SHOWN)}"
        )


def choose(
    offered: Collection[str],
    credentials: Credentials,
    *,
    host: str,
    port: int,
    binding: Binding | None = None,
) -> Client | None:
    """Return the client of the best mechanism that ``offered`` and ``credentials`` permit.

    None if there is none. Raises Failed (options-unusable) for a password that cannot be prepared.
    """
    names = {name.upper() for name in offered}
    wanted = _BY_TOKEN if credentials.token else _BY_PASSWORD
    for name in wanted:
        if name not in names or (name.endswith("-PLUS") and binding is None):
            continue
        if name.startswith("SCRAM-"):
            has_plus = any(each.endswith("-PLUS") for each in names)
            return ScramClient(name, credentials, binding, server_binds=has_plus)
        if name in _BY_TOKEN:
            return TokenClient(name, credentials, host, port)
        return PlainClient(credentials) if name == "PLAIN" else LoginClient(credentials)
    return None


class PlainClient(Client):
    """PLAIN (RFC 4616): the user and the password in one message."""

    mechanism = "PLAIN"

    def __init__(self, credentials: Credentials) -> None:
        self.first = b"\0%s\0%s" % (credentials.user.encode(), credentials.password)

    def answer(self, challenge: bytes) -> bytes:
        """Refuse: nothing more is sent."""
        raise self._unexpected(challenge)


class LoginClient(Client):
    """LOGIN: the user, then the password, each after a prompt whose text means nothing."""

    mechanism = "LOGIN"

    def __init__(self, credentials: Credentials) -> None:
        self._left = [credentials.password, credentials.user.encode()]

    def answer(self, challenge: bytes) -> bytes:
        """Return the user, then the password."""
        if not self._left:
            raise self._unexpected(challenge)
        return self._left.pop()


class TokenClient(Client):
    """OAUTHBEARER (RFC 7628) and its predecessor XOAUTH2."""

    def __init__(self, mechanism: str, credentials: Credentials, host: str, port: int) -> None:
        self.mechanism = mechanism
        self._is_standard = mechanism == "OAUTHBEARER"
        user = credentials.user
        auth = b"auth=Bearer %s\1\1" % credentials.token
        if self._is_standard:
            head = f"n,a={_sasl_name(user)},\1host={host}\1port={port}\1"
        else:
            head = f"user={user}\1"
        self.first = head.encode() + auth

    def answer(self, challenge: bytes) -> bytes:
        """Take the error, once, and acknowledge it; the failure itself follows."""
        if self.error:
            raise self._unexpected(challenge)
        self.error = _status(challenge)
        return b"\1" if self._is_standard else b""


def _status(challenge: bytes) -> str:
    """Return the status in a server's JSON error, or its text where there is none."""
    try:
        said = json.loads(challenge)
    except (ValueError, RecursionError):
        said = None
    status = said.get("status") if isinstance(said, dict) else None
    return printable(str(status) if status else challenge, _SHOWN) or "no reason given"


class CramMd5Client(Client):
    """CRAM-MD5 (RFC 2195), for servers that are to be judged; never chosen."""

    mechanism = "CRAM-MD5"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials: Credentials | None = credentials

    def answer(self, challenge: bytes) -> bytes:
        """Return the user and the keyed digest of the challenge."""
        if self._credentials is None:
            raise self._unexpected(challenge)
        user, key = self._credentials.user, self._credentials.password
        self._credentials = None
        return f"{user} {hmac.new(key, challenge, 'md5').hexdigest()}".encode()


# -- SCRAM -----------------------------------------------------------------------------------------


class ScramKeys(msgspec.Struct, frozen=True):
    """What a password, a salt and an iteration count give (RFC 5802 §3)."""

    client: bytes
    stored: bytes
    server: bytes


def scram_keys(hash_name: str, password: bytes, salt: bytes, iterations: int) -> ScramKeys:
    """Return the keys of a prepared password."""
    salted = hashlib.pbkdf2_hmac(hash_name, password, salt, iterations)
    client = hmac.digest(salted, b"Client Key", hash_name)
    return ScramKeys(
        client=client,
        stored=hashlib.new(hash_name, client).digest(),
        server=hmac.digest(salted, b"Server Key", hash_name),
    )


def scram_hash(mechanism: str) -> str:
    """Return the hash of a SCRAM mechanism, by hashlib's name."""
    return mechanism.removesuffix("-PLUS").removeprefix("SCRAM-").replace("-", "").lower()


class ScramClient(Client):
    """SCRAM (RFC 5802, 7677), with channel binding where the mechanism ends in -PLUS."""

    def __init__(
        self,
        mechanism: str,
        credentials: Credentials,
        binding: Binding | None = None,
        *,
        server_binds: bool = False,
        nonce: str = "",
    ) -> None:
        self.mechanism = mechanism
        self._hash = scram_hash(mechanism)
        self._password = saslprep(credentials.password)
        bound = binding if mechanism.endswith("-PLUS") else None
        self.binds = bound is not None
        # "y": we could have bound the channel, and the server does not offer it.
        flag = "y" if binding is not None and not server_binds else "n"
        self._gs2 = f"p={bound.name},," if bound is not None else f"{flag},,"
        self._bound = bound.data if bound is not None else b""
        self._nonce = nonce or secrets.token_urlsafe(24)
        self._bare = f"n={_sasl_name(credentials.user)},r={self._nonce}"
        self._expected: bytes | None = None
        """The server's signature, once the proof was sent."""
        self._proved = False
        self.iterations: int | None = None
        """The server's iteration count, once it is known."""
        self.first = f"{self._gs2}{self._bare}".encode()

    def answer(self, challenge: bytes) -> bytes:
        """Return the proof, then nothing for the server's own."""
        if self._expected is None:
            return self._prove(challenge)
        if self._proved:
            raise self._unexpected(challenge)
        self._verify(challenge)
        return b""

    def finish(self) -> None:
        """Raise ProtocolViolation if the server has not proved that it knows the password."""
        if not self._proved:
            raise ProtocolViolation(
                f"{self.mechanism} succeeded without the server's proof that it knows the password"
            )

    def _prove(self, challenge: bytes) -> bytes:
        fields = _fields(challenge, self.mechanism)
        names = [name for name, _ in fields]
        if names[:3] != ["r", "s", "i"]:
            raise self._unexpected(challenge)
        nonce, salt_text, count = (value for _, value in fields[:3])
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ProtocolViolation(f"the {self.mechanism} nonce does not extend ours")
        salt = decode(salt_text.encode())
        if not count.isdigit() or len(count) > 7 or not 1 <= int(count) <= MAX_ITERATIONS:
            raise ProtocolViolation(
                f"{self.mechanism} requires {printable(count, 20)} iterations; at most "
                f"{MAX_ITERATIONS} are computed"
            )
        self.iterations = int(count)
        keys = scram_keys(self._hash, self._password, salt, self.iterations)
        binding = encode(self._gs2.encode() + self._bound).decode()
        final = f"c={binding},r={nonce}"
        signed = f"{self._bare},{challenge.decode()},{final}".encode()
        signature = hmac.digest(keys.stored, signed, self._hash)
        self._expected = hmac.digest(keys.server, signed, self._hash)
        proof = bytes(a ^ b for a, b in zip(keys.client, signature, strict=True))
        return f"{final},p={encode(proof).decode()}".encode()

    def _verify(self, challenge: bytes) -> None:
        name, value = _fields(challenge, self.mechanism)[0]
        if name == "e":
            raise Failed(
                Reason.AUTH_REJECTED, f"{self.mechanism} refused: {printable(value, _SHOWN)}"
            )
        signature = decode(value.encode()) if name == "v" else b""
        if not hmac.compare_digest(signature, self._expected or b""):
            raise ProtocolViolation(
                f"the server's {self.mechanism} signature is wrong: it does not know the password"
            )
        self._proved = True


def _fields(message: bytes, mechanism: str) -> list[tuple[str, str]]:
    """Split a SCRAM message into attributes; each has one letter."""
    try:
        text = message.decode("ascii")
    except UnicodeDecodeError:
        text = ""
    fields = [(part[:1], part[2:]) for part in text.split(",") if part[1:2] == "="]
    if len(fields) != text.count(",") + 1:
        raise ProtocolViolation(f"a malformed {mechanism} message: {quoted(message, _SHOWN)}")
    return fields


def _sasl_name(name: str) -> str:
    return name.replace("=", "=3D").replace(",", "=2C")


def saslprep(password: bytes) -> bytes:
    """Prepare a password (RFC 4013). Raises Failed (options-unusable) where it cannot be."""
    if password.isascii():
        if any(byte < 0x20 or byte == 0x7F for byte in password):
            raise _unusable()
        return password
    import stringprep  # with a megabyte of tables
    import unicodedata

    mapped = "".join(
        " " if stringprep.in_table_c12(c) else c
        for c in password.decode()
        if not stringprep.in_table_b1(c)
    )
    text = unicodedata.normalize("NFKC", mapped)
    prohibited = (
        stringprep.in_table_a1, stringprep.in_table_c12, stringprep.in_table_c21_c22,
        stringprep.in_table_c3, stringprep.in_table_c4, stringprep.in_table_c5,
        stringprep.in_table_c6, stringprep.in_table_c7, stringprep.in_table_c8,
        stringprep.in_table_c9,
    )  # fmt: skip
    is_rtl = any(map(stringprep.in_table_d1, text))
    mixed = is_rtl and (
        any(map(stringprep.in_table_d2, text))
        or not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1]))
    )
    if mixed or not text or any(test(c) for c in text for test in prohibited):
        raise _unusable()
    return text.encode()


def _unusable() -> Failed:
    return Failed(
        Reason.OPTIONS_UNUSABLE,
        "the password has characters that SCRAM does not permit (RFC 4013)",
    )


# -- Base64, as mail protocols use it --------------------------------------------------------------


def encode(data: bytes) -> bytes:
    """Return Base64 without line ends."""
    return base64.b64encode(data)


def initial(data: bytes) -> bytes:
    """Return an initial response as a command has it: ``=`` where it is empty."""
    return encode(data) or b"="


def decode(data: bytes) -> bytes:
    """Return the bytes of a challenge. Raises ProtocolViolation where it is not Base64."""
    if len(data) > MAX_CHALLENGE:
        raise ProtocolViolation(f"a SASL challenge is longer than {MAX_CHALLENGE} bytes")
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise ProtocolViolation(f"a SASL challenge is not Base64: {quoted(data, _SHOWN)}") from None
