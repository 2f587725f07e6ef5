"""A user's private keys, in files and in an agent, and their certificates."""

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
from seventh.protocols.ssh.client.known_hosts import why_unreadable
from seventh.protocols.ssh.facts import Names
from seventh.protocols.ssh.wire.certificates import Certificate, is_certificate, read_certificate
from seventh.protocols.ssh.wire.hostkeys import CERTIFICATE, Signer, fingerprint
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
        """The public key or the certificate that is sent to the server."""
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
        """Type, fingerprint and source, for the report."""
        return f"{fingerprint(self.kind, self.plain)} ({self.source})"

    def algorithm(self, accepted: Names | None) -> str | None:
        """Return the signature algorithm for a server that accepts these; None where it has none.

        Only RSA keys have several (RFC 8332 §3.3). For the others the list is ignored, because some
        servers' lists are incomplete.
        """
        plain = self.kind.removesuffix(CERTIFICATE)
        if plain != "ssh-rsa":
            return self.kind
        suffix = CERTIFICATE if self.certificate is not None else ""
        for name in RSA_SIGNATURES:
            if accepted is None or name in accepted or name + suffix in accepted:
                return name + suffix
        return None

    def unusable(self, now: float) -> str | None:
        """Return why no server accepts it at ``now`` (seconds since 1970); None where one may.

        Principals are not checked: the server maps them to users (AuthorizedPrincipalsFile).
        """
        if self.certificate is None:
            return "servers no longer accept DSA keys" if self.kind == "ssh-dss" else None
        if self.certificate.kind != "user":
            return f"its certificate is a {self.certificate.kind} certificate"
        wrong = self.certificate.period(now)
        return f"its certificate {wrong} (by this machine's clock)" if wrong else None

    def other_principals(self, user: str) -> str | None:
        """Return for whom its certificate is, if not for ``user``; None for others."""
        if self.certificate is None or user in self.certificate.principals:
            return None
        names = ", ".join(self.certificate.principals)
        return f"the certificate in {self.source} " + (
            f"is for {names}" if names else "has no principals"
        )

    @abc.abstractmethod
    async def sign(self, algorithm: str, data: bytes) -> bytes:
        """Return the signature blob over ``data``; Failed when the agent does not sign."""


class FileIdentity(Identity):
    """A private key in a file, alone or with its certificate (``NAME-cert.pub``)."""

    def __init__(self, private: Any, source: str, certificate: bytes | None = None) -> None:
        self._signer = Signer(private)
        super().__init__(certificate or self._signer.blob, source)

    async def sign(self, algorithm: str, data: bytes) -> bytes:
        """Sign with the private key."""
        return self._signer.sign(algorithm.removesuffix(CERTIFICATE), data)


class AgentIdentity(Identity):
    """A private key in an agent."""

    def __init__(self, agent: Agent, blob: bytes, source: str) -> None:
        super().__init__(blob, source)
        self._agent = agent

    async def sign(self, algorithm: str, data: bytes) -> bytes:
        """Request a signature from the agent."""
        return await self._agent.sign(self.blob, algorithm, data)


class UnusableKeyError(Exception):
    """A private key that only an agent can use: its passphrase or the support for it is missing.

    ``public`` is its public key, where it is known; ``advice`` is the error for the user.
    """

    def __init__(self, file: str, public: bytes | None, advice: str) -> None:
        super().__init__(file)
        self.file, self.public, self.advice = file, public, advice


def load_identities(name: str, secret: Secret | None) -> tuple[tuple[FileIdentity, ...], bool]:
    """Return the identities in one private key file, that with a certificate first.

    Also returns whether ``secret`` decrypted it and so is a passphrase, not a password to send.
    Raises UsageError for a file that is missing, unreadable or not a private key and for a wrong
    passphrase, UnusableKeyError for a missing one.
    """
    data = _read(name)
    private, opened = _open(name, data, secret)
    if type(private).__name__.startswith("DSA"):
        raise UsageError(f"identity {name}: DSA keys are no longer accepted by servers")
    try:
        plain = FileIdentity(private, name)
    except (ProtocolViolation, ValueError, KeyError) as error:
        raise UsageError(f"identity {name}: key type not used by SSH") from error
    certificate = _certificate(name, plain)
    if certificate is None:
        return (plain,), opened
    return (FileIdentity(private, name, certificate), plain), opened


def _read(name: str) -> bytes:
    try:
        with Path(name).expanduser().open("rb") as file:
            data = file.read(MAX_KEY_FILE_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"identity {name}: {why_unreadable(error)}") from None
    if len(data) > MAX_KEY_FILE_BYTES:
        raise UsageError(
            f"identity {name}: not a private key: larger than {MAX_KEY_FILE_BYTES} bytes"
        )
    if data.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        raise UsageError(f"identity {name}: a public key; give the file of the private key")
    if data.startswith(b"PuTTY-User-Key-File"):
        raise UsageError(
            f"identity {name}: in PuTTY's format; convert it with puttygen {name} -O "
            "private-openssh"
        )
    return data


def _open(name: str, data: bytes, secret: Secret | None) -> tuple[Any, bool]:
    """Return the private key, and whether ``secret`` decrypted it."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        try:
            return _load(data, None), False
        except TypeError:  # raised by cryptography for an encrypted key without a passphrase
            if secret is None:
                raise UnusableKeyError(
                    name, public_half(name, data),
                    f"identity {name}: encrypted; give its passphrase with --password-file or "
                    f"SEVENTH_PASSWORD, or add it to the agent: ssh-add {name}",
                ) from None  # fmt: skip
        return _load(data, secret.reveal()), True
    except (ValueError, TypeError):
        if secret is not None and is_encrypted(data):
            raise UsageError(
                f"identity {name}: encrypted, and {secret.source} is not its passphrase"
            ) from None
        raise UsageError(f"identity {name}: not a readable private key") from None
    except UnsupportedAlgorithm:
        public = public_half(name, data)
        raise UnusableKeyError(
            name, public,
            f"identity {name}: {_kind(public) if public else 'key'} type or encryption not "
            f"supported; add it to the agent: ssh-add {name}",
        ) from None  # fmt: skip


def _kind(blob: bytes) -> str:
    try:
        return printable(Reader(blob, "the public key").vector(4), 64)
    except ProtocolViolation:
        return "key"


def _load(data: bytes, passphrase: bytes | None) -> Any:
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_ssh_private_key,
    )

    if data.lstrip().startswith(_OPENSSH):
        return load_ssh_private_key(data, passphrase)
    return load_pem_private_key(data, passphrase)


def is_encrypted(data: bytes) -> bool:
    """Return whether the header of a private key file says that it is encrypted."""
    if data.lstrip().startswith(_OPENSSH):
        cipher, _ = _openssh_head(data)
        return cipher not in {b"", b"none"}
    return b"ENCRYPTED" in data


def public_half(name: str, data: bytes) -> bytes | None:
    """Return an encrypted file's public key: in clear in OpenSSH's format, else in ``NAME.pub``."""
    _, blob = _openssh_head(data)
    return blob or _public_file(f"{name}.pub")


def _openssh_head(data: bytes) -> tuple[bytes, bytes | None]:
    """Read the cipher and the public key in OpenSSH's private key format (PROTOCOL.key)."""
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
    """Read the blob in a public key file; None where the file is missing or malformed."""
    try:
        with Path(name).expanduser().open("rb") as file:
            words = file.read(MAX_KEY_FILE_BYTES).split(None, 2)
        return base64.b64decode(words[1], validate=True) if len(words) > 1 else None
    except (OSError, ValueError, RuntimeError, binascii.Error):
        return None


def _certificate(name: str, plain: FileIdentity) -> bytes | None:
    """Read ``NAME-cert.pub``, if it exists; UsageError when it is malformed or for another key."""
    file = f"{name}-cert.pub"
    if not holds(Path.exists, Path(file).expanduser()):
        return None
    blob = _public_file(file)
    try:
        certificate = read_certificate(blob or b"")
    except ProtocolViolation as violation:
        raise UsageError(f"{file}: not a readable certificate: {violation.detail}") from None
    if certificate.key.plain != plain.blob:
        raise UsageError(f"{file}: certificate of another key than {name}")
    return blob
