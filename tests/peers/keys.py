"""SSH keys and certificates in files, as ssh-keygen writes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_key,
)

PrivateKey = (
    ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | dsa.DSAPrivateKey
)
_CURVES: dict[str, Callable[[], ec.EllipticCurve]] = {
    "": ec.SECP256R1,
    "384": ec.SECP384R1,
    "521": ec.SECP521R1,
}


def make_key(file: Path, kind: str = "ed25519", *, passphrase: str = "", pem: bool = False) -> Path:
    """Write a new key pair, ``file`` and ``file.pub``; gives ``file``.

    ``kind`` is ``ed25519``, ``rsa-BITS``, ``ecdsa``, ``ecdsa-BITS`` or ``dsa``. ``pem`` asks for
    the form that OpenSSH wrote before its own. A DSA key is always in that form and has no public
    file, because cryptography is about to forget how OpenSSH writes one.
    """
    key = _generate(kind)
    is_dsa = isinstance(key, dsa.DSAPrivateKey)
    form = PrivateFormat.TraditionalOpenSSL if pem or is_dsa else PrivateFormat.OpenSSH
    how = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    file.touch(mode=0o600)
    file.write_bytes(key.private_bytes(Encoding.PEM, form, how))
    if not is_dsa:
        line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        _public(file).write_bytes(line + b" test\n")
    return file


def public(file: Path) -> str:
    """The public half of a key, as one line."""
    return _public(file).read_text()


def certify(key: Path, authority: Path, name: str, *, kind: str = "user") -> Path:
    """Write ``key-cert.pub``: ``authority`` says that the key is ``name``'s, a user or a host."""
    private = load_ssh_private_key(authority.read_bytes(), None)
    holder = load_ssh_public_key(_public(key).read_bytes())
    builder = (
        SSHCertificateBuilder()
        .public_key(holder)  # type: ignore[arg-type]
        .type(SSHCertificateType.HOST if kind == "host" else SSHCertificateType.USER)
        .key_id(b"test")
        .valid_principals([name.encode()])
        .valid_after(0)
        .valid_before(2**64 - 1)
    )
    if kind == "user":
        builder = builder.add_extension(b"permit-pty", b"")
    certificate = key.with_name(f"{key.name}-cert.pub")
    certificate.write_bytes(builder.sign(private).public_bytes())  # type: ignore[arg-type]
    return certificate


def _generate(kind: str) -> PrivateKey:
    name, _, bits = kind.partition("-")
    match name:
        case "rsa":
            return rsa.generate_private_key(65537, int(bits))
        case "ecdsa":
            return ec.generate_private_key(_CURVES[bits]())
        case "dsa":
            return dsa.generate_private_key(1024)  # noqa: S505 - all that OpenSSH knows
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def _public(file: Path) -> Path:
    return file.with_name(f"{file.name}.pub")
