"""What a user proves to be by: private keys from files and in an agent, and their certificates."""

from __future__ import annotations

import abc
import base64
import binascii
from pathlib import Path
from typing import Any

from seventh.lintkit.files import holds
from seventh.model.failure import ProtocolViolation, UsageError
from seventh.net.secrets import Secret
from seventh.protocols.ssh.client.agent import Agent
from seventh.protocols.ssh.client.known_hosts import fingerprint, why_unreadable
from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.wire.certificates import Certificate, is_certificate, read_certificate
from seventh.protocols.ssh.wire.hostkeys import CERTIFICATE, Signer
from seventh.wire.reader import Reader
from seventh.wire.text import printable

MAX_KEY_FILE_BYTES = 64 * 1024
RSA_SIGNATURES = ("rsa-sha2-512", "rsa-sha2-256")
"""Never ssh-rsa, which is SHA-1 (RFC 8332)."""
_OPENSSH = b"-----BEGIN OPENSSH PRIVATE KEY-----"


class Identity(abc.ABC):
    """A key that can sign for a user."""

    def __init__(self, blob: bytes, source: str) -> None:
        self.blob = blob
        """The public key, or the certificate, as the server is shown it."""
        self.source = source
        """The file, or the agent's comment."""
        self.kind = printable(Reader(blob, "the public key").vector(4), 64)
        self.certificate: Certificate | None = None
        self.plain = blob
        if is_certificate(self.kind):
            self.certificate = read_certificate(blob)
            self.plain = self.certificate.key.plain

    @property
    def label(self) -> str:
        """Type, fingerprint and source: what the report says of it."""
        return f"{fingerprint(self.kind, self.plain)} ({self.source})"

    def algorithm(self, accepted: Names | None) -> str | None:
        """How to sign for a server that accepts these algorithms; None where no way is common.

        What the server does not name is only an obstacle for RSA, whose one key signs in several
        ways (RFC 8332 §3.3): of other types there is one, and servers are known to list too little.
        """
        plain = self.kind.removesuffix(CERTIFICATE)
        if plain != "ssh-rsa":
            return self.kind
        suffix = CERTIFICATE if self.certificate is not None else ""
        for name in RSA_SIGNATURES:
            if accepted is None or name in accepted or name + suffix in accepted:
                return name + suffix
        return None

    def hopeless(self, now: float) -> str | None:
        """Return why no server can take it at ``now`` (seconds since 1970); None where one may.

        Which principals stand for a user is the server's to say (AuthorizedPrincipalsFile).
        """
        if self.certificate is None:
            return "servers no longer take DSA keys" if self.kind == "ssh-dss" else None
        if self.certificate.kind != "user":
            return f"its certificate is a {self.certificate.kind} certificate"
        wrong = self.certificate.period(now)
        return f"its certificate {wrong}, by this machine's clock" if wrong else None

    @abc.abstractmethod
    async def sign(self, algorithm: str, data: bytes) -> bytes:
        """Return the signature blob over ``data``; Failed when the key's keeper does not sign."""


class FileIdentity(Identity):
    """A private key read from a file, alone or with the certificate beside it."""

    def __init__(self, private: Any, source: str, certificate: bytes | None = None) -> None:
        self._signer = Signer(private)
        super().__init__(certificate or self._signer.blob, source)

    async def sign(self, algorithm: str, data: bytes) -> bytes:
        """Sign here and now."""
        return self._signer.sign(algorithm.removesuffix(CERTIFICATE), data)


class AgentIdentity(Identity):
    """A key that an agent holds."""

    def __init__(self, agent: Agent, blob: bytes, source: str) -> None:
        super().__init__(blob, source)
        self._agent = agent

    async def sign(self, algorithm: str, data: bytes) -> bytes:
        """Have the agent sign."""
        return await self._agent.sign(self.blob, algorithm, data)


class UnusableKeyError(Exception):
    """A private key that only an agent can use here: no passphrase is there, or no support.

    With its public half, where it can be told, and what the person may do.
    """

    def __init__(self, file: str, public: bytes | None, advice: str) -> None:
        super().__init__(file)
        self.file, self.public, self.advice = file, public, advice


def load_identities(name: str, secret: Secret | None) -> tuple[tuple[FileIdentity, ...], bool]:
    """Return the identities of one private key file, the certificate beside it first.

    With whether ``secret`` was needed to open it: it is then that key's passphrase, and no password
    to send. Raises UsageError for a file that is missing, unreadable or no private key and for a
    wrong passphrase, UnusableKeyError when a passphrase is needed and none was given.
    """
    data = _read(name)
    private, opened = _open(name, data, secret)
    if type(private).__name__.startswith("DSA"):
        raise UsageError(f"the identity {name} is a DSA key, which no server takes any more")
    try:
        plain = FileIdentity(private, name)
    except (ProtocolViolation, ValueError, KeyError) as error:
        raise UsageError(f"the identity {name} is of a kind that SSH does not use") from error
    certificate = _certificate(name, plain)
    if certificate is None:
        return (plain,), opened
    return (FileIdentity(private, name, certificate), plain), opened


def _read(name: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"the identity {name} cannot be read: {why_unreadable(error)}") from None
    if len(data) > MAX_KEY_FILE_BYTES:
        raise UsageError(f"the identity {name} is no private key: it is too large")
    if data.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise UsageError(f"the identity {name} is a public key: name the private one beside it")
    if data.startswith(b"PuTTY-User-Key-File"):
        raise UsageError(
            f"the identity {name} is PuTTY's: convert it with puttygen {name} -O private-openssh"
        )
    return data


def _open(name: str, data: bytes, secret: Secret | None) -> tuple[Any, bool]:
    """Return the private key, and whether it took the secret."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        try:
            return _load(data, None), False
        except TypeError:  # what cryptography says of an encrypted key without a passphrase
            if secret is None:
                raise UnusableKeyError(
                    name, public_half(name, data),
                    f"the identity {name} is encrypted: give its passphrase with --password-file "
                    "or SEVENTH_PASSWORD, or add it to the agent",
                ) from None  # fmt: skip
        return _load(data, secret.reveal()), True
    except (ValueError, TypeError):
        if secret is not None and is_encrypted(data):
            raise UsageError(
                f"the identity {name} is encrypted, and {secret.source} is not its passphrase"
            ) from None
        raise UsageError(f"the identity {name} is no private key that can be read") from None
    except UnsupportedAlgorithm:
        public = public_half(name, data)
        kind = _kind(public) if public else "a key"
        raise UnusableKeyError(
            name, public,
            f"the identity {name} ({kind}) is of a type or encryption that is not supported here: "
            "add it to the agent with ssh-add",
        ) from None  # fmt: skip


def _kind(blob: bytes) -> str:
    try:
        return printable(Reader(blob, "the public key").vector(4), 64)
    except ProtocolViolation:
        return "a key"


def _load(data: bytes, passphrase: bytes | None) -> Any:
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
    )

    if data.lstrip().startswith(_OPENSSH):
        return load_ssh_private_key(data, passphrase)
    return load_pem_private_key(data, passphrase)


def is_encrypted(data: bytes) -> bool:
    """Return whether a private key file is encrypted, as far as it says so in clear."""
    if data.lstrip().startswith(_OPENSSH):
        cipher, _ = _openssh_head(data)
        return cipher not in {b"", b"none"}
    return b"ENCRYPTED" in data


def public_half(name: str, data: bytes) -> bytes | None:
    """The public key of an encrypted file: OpenSSH keeps it in clear; else of ``NAME.pub``."""
    _, blob = _openssh_head(data)
    return blob or _public_file(f"{name}.pub")


def _openssh_head(data: bytes) -> tuple[bytes, bytes | None]:
    """Cipher and public key in an OpenSSH private key file (OpenSSH's PROTOCOL.key)."""
    body = data.strip().removeprefix(_OPENSSH).partition(b"-----END")[0]
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
        magic, raw = raw[:15], raw[15:]
        if magic != b"openssh-key-v1\0":
            return b"", None
        reader = Reader(raw, "the private key file")
        cipher = reader.vector(4)
        reader.vector(4)  # the key derivation's name and options
        reader.vector(4)
        return cipher, reader.vector(4) if reader.u32() == 1 else None
    except (binascii.Error, ValueError, ProtocolViolation):
        return b"", None


def _public_file(name: str) -> bytes | None:
    """Return the blob in a public key file; None where there is no such file."""
    try:
        with Path(name).expanduser().open("rb") as file:
            words = file.read(MAX_KEY_FILE_BYTES).split(None, 2)
        return base64.b64decode(words[1], validate=True) if len(words) > 1 else None
    except (OSError, ValueError, RuntimeError, binascii.Error):
        return None


def _certificate(name: str, plain: FileIdentity) -> bytes | None:
    """The certificate beside a key; UsageError when it is there and belongs to another key."""
    file = f"{name}-cert.pub"
    if not holds(Path.exists, Path(file).expanduser()):
        return None
    blob = _public_file(file)
    try:
        certificate = read_certificate(blob) if blob is not None else None
    except ProtocolViolation as violation:
        raise UsageError(f"the certificate {file} cannot be read: {violation.detail}") from None
    if certificate is None:
        raise UsageError(f"the certificate {file} cannot be read")
    if certificate.key.plain != plain.blob:
        raise UsageError(f"the certificate {file} is for another key than {name}")
    return blob
