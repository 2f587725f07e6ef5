"""Throw-away keys: of hosts, and of the user who logs in to the lab's servers."""

from __future__ import annotations

import base64
import functools
import time
from pathlib import Path
from typing import Any

import msgspec

from seventh.protocols.ssh.wire.hostkeys import Signer

USER = "lab"
LOOPBACK = "127.0.0.1"


def ed25519_key() -> Any:
    """Generate an Ed25519 private key."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    return ed25519.Ed25519PrivateKey.generate()


def ecdsa_key() -> Any:
    """Generate an ECDSA private key on P-256."""
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


@functools.cache
def rsa_key(bits: int = 3072) -> Any:
    """Generate an RSA private key, one of each size in a process: that takes a while."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, bits)


def openssh_format(key: Any) -> bytes:
    """Return a private key in OpenSSH's format, unencrypted."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))


class LoginKeys(msgspec.Struct, frozen=True):
    """The keys of one server and one user, and the files that a client needs."""

    host_key: Any
    user_key: Any
    identity: Path
    name: str = LOOPBACK
    """The name by which the client knows the server."""

    @property
    def signer(self) -> Signer:
        """The host key as a signer."""
        return Signer(self.host_key)

    def options(self, *ports: int) -> dict[str, str | float | int | tuple[str, ...]]:
        """Return the options of a check that logs in at these ports, with these files only."""
        known = self.identity.with_name("known_hosts")
        blob = base64.b64encode(self.signer.blob).decode()
        lines = [f"[{self.name}]:{port} {self.signer.type} {blob}\n" for port in ports]
        known.write_text("".join(lines), encoding="ascii")
        return {
            "user": USER, "identities": (str(self.identity),), "agent": False,
            "known_hosts": str(known), "ssh_config": "none",
        }  # fmt: skip


def make_login_keys(folder: Path, name: str = LOOPBACK, host_key: Any = None) -> LoginKeys:
    """Generate a user's key in ``folder``, and the server's unless it is given."""
    user_key = ed25519_key()
    folder.mkdir(mode=0o700, exist_ok=True)
    identity = folder / "id_ed25519"
    identity.touch(0o600)
    identity.write_bytes(openssh_format(user_key))
    return LoginKeys(host_key or ed25519_key(), user_key, identity, name)


def certify(
    key: Any, name: str, *, host: bool, days_left: float = 90.0, lifetime_days: float = 365.0
) -> bytes:
    """Return a certificate for ``name`` by a new authority, as a line."""
    from cryptography.hazmat.primitives.serialization import (
        SSHCertificateBuilder,
        SSHCertificateType,
    )

    ends = time.time() + days_left * 86400
    builder = (
        SSHCertificateBuilder()
        .public_key(key.public_key())
        .type(SSHCertificateType.HOST if host else SSHCertificateType.USER)
        .key_id(b"lab")
        .valid_principals([name.encode()])
        .valid_after(int(ends - lifetime_days * 86400))
        .valid_before(int(ends))
    )
    return builder.sign(ed25519_key()).public_bytes() + b"\n"
