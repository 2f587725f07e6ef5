"""OpenSSH's certificates of user and host keys (PROTOCOL.certkeys, draft-miller-ssh-cert)."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Literal

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.facts.certificates import CertificateFault, SshCertificate
from seventh.protocols.ssh.wire.hostkeys import (
    CERTIFICATE,
    PublicKey,
    UnknownKeyType,
    fingerprint,
    read_key,
    verify,
)
from seventh.protocols.ssh.wire.patterns import matches
from seventh.wire.reader import Reader
from seventh.wire.text import printable

MAX_PRINCIPALS = 256
MAX_OPTIONS = 64
_KINDS: dict[int, Literal["user", "host"]] = {1: "user", 2: "host"}
_FOREVER = 2**64 - 1
_DAY = 86400
USER_OPTIONS = frozenset({"force-command", "source-address", "verify-required"})
"""The critical options that OpenSSH defines for users."""
_KEY_FIELDS = {
    "ssh-rsa": 2, "ssh-dss": 4, "ssh-ed25519": 1, "ssh-ed448": 1,
    "sk-ssh-ed25519@openssh.com": 2, "sk-ecdsa-sha2-nistp256@openssh.com": 3,
}  # fmt: skip
"""How many strings of key material follow the nonce, by key type."""
_SIGNATURES = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")}
_SHA1 = ("ssh-rsa", "ssh-dss")


class Signed(StrEnum):
    """The verdict on a certificate's signature."""

    VALID = "valid"
    WRONG = "wrong"
    SHA1 = "sha1"
    """Signed with SHA-1, which OpenSSH refuses since 8.2."""
    BY_CERTIFICATE = "by-certificate"
    """Signed by a certificate, which is not allowed."""
    UNVERIFIED = "unverified"
    """The authority's key type is not supported here."""


_UNSIGNED = {
    Signed.WRONG: "has a wrong signature",
    Signed.SHA1: "is signed with SHA-1, which clients refuse",
    Signed.BY_CERTIFICATE: "is signed by another certificate, which clients refuse",
}


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed certificate, with the verdict on its signature."""

    key: PublicKey
    kind: Literal["user", "host"]
    serial: int
    key_id: str
    principals: tuple[str, ...]
    valid_after: int
    """Seconds since 1970, as in ``valid_before``."""
    valid_before: int
    critical_options: tuple[str, ...]
    authority: bytes
    """The key blob of the authority that signed it."""
    authority_type: str
    signed: Signed

    @property
    def signature_valid(self) -> bool:
        """Whether the authority's signature has been verified."""
        return self.signed is Signed.VALID

    def period(self, now: float) -> str | None:
        """Return why it is not valid at ``now`` (seconds since 1970); None when it is."""
        if now < self.valid_after:
            return f"is not valid before {_date(self.valid_after)}"
        if self.valid_before != _FOREVER and now >= self.valid_before:
            return f"expired on {_date(self.valid_before)}"
        return None

    def refused(self, kind: str, name: str, now: float) -> str | None:
        """Return why it is not valid for ``name`` at ``now``; None when it is.

        A host's principals may be patterns; for hosts no critical option is defined.
        """
        if self.kind != kind:
            return f"is a {self.kind} certificate"
        if self.signed is Signed.UNVERIFIED:
            return f"is signed by a {self.authority_type} key, which cannot be verified here"
        if self.signed is not Signed.VALID:
            return _UNSIGNED[self.signed]
        if wrong := self.period(now):
            return wrong
        if kind == "host" and self.critical_options:
            return f"has the unknown critical option {self.critical_options[0]}"
        if kind == "host" and not any(matches(name, p) for p in self.principals):
            if not self.principals:
                return "has no principals"
            return f"is for {', '.join(self.principals)}"
        if kind == "user" and self.principals and name not in self.principals:
            return f"is for {', '.join(self.principals)}"
        return None

    def faults(self, kind: str, name: str, now: float) -> tuple[CertificateFault, ...]:
        """Return why it is not accepted for ``name`` at ``now``, all reasons that apply.

        A server may map other principals to a user (AuthorizedPrincipalsFile).
        """
        pattern = kind == "host"
        known = frozenset() if pattern else USER_OPTIONS
        fits = any(matches(name, p) if pattern else name == p for p in self.principals)
        found: dict[CertificateFault, bool] = {
            "kind": self.kind != kind,
            "signature": self.signed is Signed.WRONG,
            "sha1": self.signed is Signed.SHA1,
            "by-certificate": self.signed is Signed.BY_CERTIFICATE,
            "unverified": self.signed is Signed.UNVERIFIED,
            "early": now < self.valid_after,
            "expired": self.valid_before != _FOREVER and now >= self.valid_before,
            "critical": not known.issuperset(self.critical_options),
            "no-principals": not self.principals,
            "principal": bool(self.principals) and not fits,
        }
        return tuple(fault for fault, applies in found.items() if applies)

    def facts(self, kind: str, name: str, now: float, source: str = "") -> SshCertificate:
        """Return the certificate as the report has it."""
        ends = None if self.valid_before == _FOREVER else self.valid_before
        return SshCertificate(
            kind=self.kind,
            key=fingerprint(self.key.type, self.key.plain),
            name=name,
            source=source,
            serial=self.serial,
            key_id=self.key_id,
            principals=self.principals,
            valid_after=_date(self.valid_after) if self.valid_after else "",
            valid_before=_date(ends) if ends is not None else "",
            days_left=(ends - now) / _DAY if ends is not None else None,
            lifetime_days=(ends - self.valid_after) / _DAY if ends is not None else None,
            critical_options=self.critical_options,
            authority=fingerprint(self.authority_type, self.authority),
            faults=self.faults(kind, name, now),
        )


def _date(seconds: int) -> str:
    try:
        return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="minutes")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s since 1970"


def read_certificate(blob: bytes) -> Certificate:
    """Parse a certificate; ProtocolViolation when it is malformed or of an unknown type."""
    key = read_key(blob)
    if not key.certificate:
        raise ProtocolViolation(f"a plain {key.type} key instead of a certificate")
    reader = Reader(blob, "the certificate")
    reader.vector(4)
    reader.vector(4)  # the nonce
    for _ in range(_KEY_FIELDS.get(key.type, 2)):
        reader.vector(4)
    serial, kind = reader.uint(8), reader.u32()
    key_id = printable(reader.vector(4), 128)
    principals = _strings(reader.nested(4, "the certificate's principals"), MAX_PRINCIPALS)
    after, before = reader.uint(8), reader.uint(8)
    options = reader.nested(4, "the certificate's critical options")
    critical = _strings(options, MAX_OPTIONS, data=True)
    _strings(reader.nested(4, "the certificate's extensions"), MAX_OPTIONS, data=True)
    reader.vector(4)  # reserved
    authority = reader.vector(4)
    signed = blob[: len(blob) - reader.left]
    signature = reader.vector(4)
    reader.end()
    if kind not in _KINDS:
        raise ProtocolViolation(f"unknown certificate type {kind}: neither user (1) nor host (2)")
    return Certificate(
        key=key,
        kind=_KINDS[kind],
        serial=serial,
        key_id=key_id,
        principals=principals,
        valid_after=after,
        valid_before=before,
        critical_options=critical,
        authority=authority,
        authority_type=printable(Reader(authority, "the certificate's authority").vector(4), 64),
        signed=_signed_by(authority, signature, signed),
    )


def _strings(reader: Reader, most: int, *, data: bool = False) -> tuple[str, ...]:
    """Read strings up to the end; with ``data``, each is followed by data, which is skipped."""
    names: list[str] = []
    while reader.left:
        if len(names) == most:
            raise ProtocolViolation(f"more than {most} of {reader.what}")
        names.append(printable(reader.vector(4), 256))
        if data:
            reader.vector(4)
    return tuple(names)


def _signed_by(authority: bytes, signature: bytes, signed: bytes) -> Signed:
    """Verify the authority's signature over ``signed``."""
    try:
        key = read_key(authority)
    except UnknownKeyType:
        return Signed.UNVERIFIED
    if key.certificate:
        return Signed.BY_CERTIFICATE
    named = printable(Reader(signature, "the certificate's signature").vector(4), 64)
    if named not in _SIGNATURES.get(key.type, (key.type,)):
        return Signed.WRONG
    if named in _SHA1:
        return Signed.SHA1
    holds = verify(key, named, signature, signed)
    if holds is None:
        return Signed.UNVERIFIED
    return Signed.VALID if holds else Signed.WRONG


def is_certificate(algorithm: str) -> bool:
    """Return whether an algorithm's name is that of a certificate."""
    return algorithm.endswith(CERTIFICATE)
