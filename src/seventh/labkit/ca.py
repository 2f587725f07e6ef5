"""A throw-away certificate authority for labs and tests."""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from seventh.labkit import dated

_HOUR = dt.timedelta(hours=1)
_ROOT, _INTERMEDIATE = "Seventh throw-away root", "Seventh throw-away intermediate"
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate with its chain and key, on disk in PEM."""

    cert_file: Path
    key_file: Path
    certificate: x509.Certificate
    key: Key


class Authority:
    """A root, an intermediate below it, and the certificates that it issues, faulty ones too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._serial = 0
        self.latest: Issued | None = None
        """The certificate that was issued last."""
        self.root_key: Key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._sign(_ROOT, self.root_key, _ROOT, self.root_key, ca=True)
        self.intermediate_key: Key = ec.generate_private_key(ec.SECP256R1())
        self.intermediate = self._sign(
            _INTERMEDIATE, self.intermediate_key, _ROOT, self.root_key, ca=True
        )
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(_pem(self.root))

    def issue(
        self,
        *names: str,
        not_before: dt.timedelta = -_HOUR,
        lifetime: dt.timedelta = dt.timedelta(days=90),
        key: Key | None = None,
        chain: bool = True,
        self_signed: bool = False,
        must_staple: bool = False,
        hash_name: hashes.HashAlgorithm | None = None,
        client: bool = False,
        version_1: bool = False,
        extra_chain: tuple[x509.Certificate, ...] = (),
    ) -> Issued:
        """Return a leaf for ``names`` (default: localhost and the loopback addresses).

        ``not_before`` counts from now; ``chain=False`` leaves the intermediate out of the file.
        SHA-1 as ``hash_name`` and ``version_1`` give certificates of the past.
        """
        names = names or ("localhost", "lab.test", "127.0.0.1", "::1")
        key = key or ec.generate_private_key(ec.SECP256R1())
        usage = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        extensions: list[x509.ExtensionType] = [
            x509.SubjectAlternativeName([_general_name(n) for n in names]),
            x509.ExtendedKeyUsage([usage]),
        ]
        if must_staple:
            extensions.append(x509.TLSFeature([x509.TLSFeatureType.status_request]))
        issuer = (names[0], key) if self_signed else (_INTERMEDIATE, self.intermediate_key)
        certificate = self._sign(
            names[0], key, *issuer, not_before=not_before, lifetime=lifetime, extensions=extensions
        )
        sha1 = isinstance(hash_name, hashes.SHA1)
        if sha1 or version_1:
            certificate = dated.sign_again(certificate, issuer[1], sha1=sha1, version_1=version_1)
        tail = (self.intermediate,) if chain and not self_signed else ()
        return self._write(certificate, key, (*tail, *extra_chain))

    def _write(
        self, certificate: x509.Certificate, key: Key, chain: tuple[x509.Certificate, ...]
    ) -> Issued:
        self._serial += 1
        cert_file = self.folder / f"cert-{self._serial}.pem"
        key_file = self.folder / f"key-{self._serial}.pem"
        cert_file.write_bytes(b"".join(_pem(c) for c in (certificate, *chain)))
        key_file.touch(mode=0o600)
        key_file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.latest = Issued(
            cert_file=cert_file, key_file=key_file, certificate=certificate, key=key
        )
        return self.latest

    @staticmethod
    def _sign(
        subject: str,
        key: Key,
        issuer: str,
        issuer_key: Key,
        *,
        ca: bool = False,
        not_before: dt.timedelta = -_HOUR,
        lifetime: dt.timedelta = dt.timedelta(days=90),
        extensions: Sequence[x509.ExtensionType] = (),
    ) -> x509.Certificate:
        start = dt.datetime.now(dt.UTC).replace(microsecond=0) + not_before
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(issuer))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + lifetime)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
                critical=False,
            )
        )
        if ca:
            builder = builder.add_extension(_CA_USAGE, critical=True)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(issuer_key, hashes.SHA256())


_CA_USAGE = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False,
    data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
    encipher_only=False, decipher_only=False,
)  # fmt: skip


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
