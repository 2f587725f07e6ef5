"""The faults of OpenSSH's certificates, on both sides of every boundary."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.lab.keys import certify, ed25519_key
from seventh.protocols.ssh.wire.certificates import (
    Certificate,
    Signed,
    is_certificate,
    read_certificate,
)
from seventh.wire.reader import vector

FOREVER = 2**64 - 1
NOW = 1_800_000_000.0


def made(*, host: bool, **changes: Any) -> Certificate:
    """A certificate for ``*.a.test`` or the user ``ops``, valid from NOW to a day later."""
    line = certify(ed25519_key(), "*.a.test" if host else "ops", host=host)
    read = read_certificate(base64.b64decode(line.split()[1]))
    assert read.signed is Signed.VALID
    usual = {"valid_after": int(NOW), "valid_before": int(NOW) + 86400}
    return replace(read, **{**usual, **changes})


@pytest.mark.parametrize(
    ("name", "now", "changes", "faults"),
    [
        ("x.a.test", NOW, {}, ()),
        ("x.a.test", NOW - 1, {}, ("early",)),
        ("x.a.test", NOW + 86399, {}, ()),
        ("x.a.test", NOW + 86400, {}, ("expired",)),
        ("x.a.test", NOW + 86400, {"valid_before": FOREVER}, ()),
        ("b.test", NOW, {}, ("principal",)),
        ("b.test", NOW, {"principals": ()}, ("no-principals",)),
        ("b.test", NOW, {"principals": ("a", "b.test")}, ()),
        # No critical option is defined for hosts.
        ("x.a.test", NOW, {"critical_options": ("source-address",)}, ("critical",)),
        ("x.a.test", NOW, {"signed": Signed.SHA1}, ("sha1",)),
        ("x.a.test", NOW, {"signed": Signed.WRONG}, ("signature",)),
        ("x.a.test", NOW, {"signed": Signed.BY_CERTIFICATE}, ("by-certificate",)),
        ("x.a.test", NOW, {"signed": Signed.UNVERIFIED}, ("unverified",)),
        ("x.a.test", NOW, {"kind": "user"}, ("kind",)),
        ("b.test", NOW - 1, {"signed": Signed.SHA1}, ("sha1", "early", "principal")),
    ],
)  # fmt: skip
def test_the_faults_of_a_host_certificate(
    name: str, now: float, changes: dict[str, Any], faults: tuple[str, ...]
) -> None:
    assert made(host=True, **changes).faults("host", name, now) == faults


@pytest.mark.parametrize(
    ("name", "changes", "faults"),
    [
        ("ops", {}, ()),
        ("root", {}, ("principal",)),
        # A user's principals are no patterns.
        ("ops", {"principals": ("*",)}, ("principal",)),
        ("ops", {"principals": ()}, ("no-principals",)),
        ("ops", {"critical_options": ("force-command", "source-address", "verify-required")}, ()),
        ("ops", {"critical_options": ("force-command", "x@y")}, ("critical",)),
        ("ops", {"kind": "host"}, ("kind",)),
    ],
)
def test_the_faults_of_a_user_certificate(
    name: str, changes: dict[str, Any], faults: tuple[str, ...]
) -> None:
    assert made(host=False, **changes).faults("user", name, NOW) == faults


def test_the_facts_of_a_certificate() -> None:
    certificate = made(host=False, serial=7)
    facts = certificate.facts("user", "root", NOW + 43200, "id_ed25519")
    assert (facts.kind, facts.name, facts.source, facts.serial, facts.key_id) == (
        "user", "root", "id_ed25519", 7, "lab",
    )  # fmt: skip
    assert (facts.valid_after, facts.valid_before) == (
        "2027-01-15T08:00+00:00", "2027-01-16T08:00+00:00",
    )  # fmt: skip
    assert (facts.days_left, facts.lifetime_days, facts.faults) == (0.5, 1.0, ("principal",))
    assert facts.authority.startswith("ssh-ed25519 SHA256:")
    assert facts.key.startswith("ssh-ed25519 SHA256:")
    assert facts.key != facts.authority


def test_a_certificate_without_limits_has_no_dates() -> None:
    facts = made(host=True, valid_after=0, valid_before=FOREVER).facts("host", "x.a.test", NOW)
    assert (facts.valid_after, facts.valid_before, facts.days_left, facts.lifetime_days) == (
        "", "", None, None,
    )  # fmt: skip


# -- read from bytes -------------------------------------------------------------------------------

CA = ed25519.Ed25519PrivateKey.generate()


def raw(key: Any) -> bytes:
    """A public key as SSH writes it."""
    line = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return base64.b64decode(line.split()[1])


def text(*parts: bytes) -> bytes:
    return b"".join(vector(4, part) for part in parts)


AUTHORITY = raw(CA)
POINT = raw(ec.generate_private_key(ec.SECP256R1()))[4 + 19 :]
MATERIAL = {
    "ssh-ed25519": text(bytes(32)), "ssh-ed448": text(bytes(57)),
    "ssh-rsa": raw(rsa.generate_private_key(65537, 2048))[4 + 7 :],
    "ssh-dss": text(b"\1", b"\1", b"\1", b"\1"), "ecdsa-sha2-nistp256": POINT,
    "sk-ssh-ed25519@openssh.com": text(bytes(32), b"ssh:"),
    "sk-ecdsa-sha2-nistp256@openssh.com": POINT + text(b"ssh:"),
}  # fmt: skip
"""PROTOCOL.certkeys, PROTOCOL.u2f: the key's own fields, after the nonce."""


def blob(
    *, key_type: str = "ssh-ed25519", kind: int = 2, key_id: bytes = b"id",
    principals: bytes = text(b"a", b"b"), options: bytes = text(b"o", b"data"),
    extensions: bytes = text(b"permit-pty", b""), authority: bytes = AUTHORITY,
    named: bytes = b"ssh-ed25519", signer: ed25519.Ed25519PrivateKey = CA, more: bytes = b"",
) -> bytes:  # fmt: skip
    """A certificate with serial 7, valid from 1 to 2 s since 1970."""
    name = f"{key_type.removesuffix('@openssh.com')}-cert-v01@openssh.com".encode()
    body = text(name, b"nonce") + MATERIAL[key_type]
    body += (7).to_bytes(8, "big") + kind.to_bytes(4, "big") + text(key_id, principals)
    body += (1).to_bytes(8, "big") + (2).to_bytes(8, "big")
    body += text(options, extensions, b"", authority)
    return body + text(text(named, signer.sign(body))) + more


@pytest.mark.parametrize("key_type", MATERIAL)
@pytest.mark.parametrize(("kind", "name"), [(1, "user"), (2, "host")])
def test_every_field_of_a_certificate(key_type: str, kind: int, name: str) -> None:
    read = read_certificate(blob(key_type=key_type, kind=kind))
    assert read.key.type == key_type
    assert (read.kind, read.serial, read.key_id, read.principals) == (name, 7, "id", ("a", "b"))
    assert (read.valid_after, read.valid_before, read.critical_options) == (1, 2, ("o",))
    assert (read.authority, read.authority_type) == (AUTHORITY, "ssh-ed25519")
    assert (read.signed, read.signature_valid) == (Signed.VALID, True)


OTHER = ed25519.Ed25519PrivateKey.generate()


@pytest.mark.parametrize(
    ("changes", "signed"),
    [
        ({"signer": OTHER}, Signed.WRONG), ({"named": b"ssh-rsa"}, Signed.WRONG),
        ({"authority": text(b"x@y", b"key")}, Signed.UNVERIFIED),
        ({"authority": blob()}, Signed.BY_CERTIFICATE),
        ({"authority": text(b"ssh-rsa") + MATERIAL["ssh-rsa"], "named": b"ssh-rsa"}, Signed.SHA1),
        ({"authority": text(b"ssh-dss") + MATERIAL["ssh-dss"], "named": b"ssh-dss"}, Signed.SHA1),
        ({"authority": text(b"ssh-rsa") + MATERIAL["ssh-rsa"], "named": b"rsa-sha2-256"},
         Signed.WRONG),
        ({"authority": text(b"ssh-rsa") + MATERIAL["ssh-rsa"]}, Signed.WRONG),
    ],
)  # fmt: skip
def test_who_signed_it(changes: dict[str, Any], signed: Signed) -> None:
    read = read_certificate(blob(**changes))
    assert (read.signed, read.signature_valid) == (signed, False)


@pytest.mark.parametrize("digest", [b"rsa-sha2-256", b"rsa-sha2-512"])
def test_an_authority_with_an_rsa_key(digest: bytes) -> None:
    key = rsa.generate_private_key(65537, 2048)

    class Signer:
        def sign(self, data: bytes) -> bytes:
            kind = hashes.SHA256() if digest.endswith(b"256") else hashes.SHA512()
            return key.sign(data, padding.PKCS1v15(), kind)

    read = read_certificate(blob(authority=raw(key), named=digest, signer=Signer()))  # type: ignore[arg-type]
    assert (read.signed, read.authority_type) == (Signed.VALID, "ssh-rsa")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (AUTHORITY, "a plain ssh-ed25519 key instead of a certificate"),
        (blob(kind=0), "unknown certificate type 0: neither user (1) nor host (2)"),
        (blob(kind=3), "unknown certificate type 3: neither user (1) nor host (2)"),
        (blob(more=b"xy"), "the certificate has 2 bytes too many"),
        (blob()[:-1], "the certificate is truncated: 83 bytes declared, 82 present"),
        (blob(principals=b"\0\0\0\2a"),
         "the certificate's principals is truncated: 2 bytes declared, 1 present"),
        (blob(options=text(b"o")),
         "the certificate's critical options is truncated: 4 bytes declared, 0 present"),
        (blob(extensions=text(b"o")),
         "the certificate's extensions is truncated: 4 bytes declared, 0 present"),
        (blob(principals=text(*[b"a"] * 257)), "more than 256 of the certificate's principals"),
        (blob(options=text(*[b"a"] * 130)), "more than 64 of the certificate's critical options"),
        (blob(extensions=text(*[b"a"] * 130)), "more than 64 of the certificate's extensions"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_malformed(data: bytes, why: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        read_certificate(data)
    assert caught.value.detail == why


def test_names_and_lists_at_their_limits() -> None:
    most = read_certificate(
        blob(principals=text(*[b"p" * 257] * 256), options=text(*[b"o"] * 128),
             extensions=text(*[b"e"] * 128), key_id=b"i" * 129)
    )  # fmt: skip
    assert most.principals == ("p" * 256 + "…",) * 256
    assert (most.critical_options, most.key_id) == (("o",) * 64, "i" * 128 + "…")


@pytest.mark.parametrize(
    ("kind", "name", "now", "changes", "why"),
    [
        ("host", "x.a.test", NOW, {}, None), ("host", "x.a.test", NOW + 86399, {}, None),
        ("user", "x.a.test", NOW, {}, "is a host certificate"),
        ("host", "x.a.test", NOW - 1, {}, "is not valid before 2027-01-15T08:00+00:00"),
        ("host", "x.a.test", NOW + 86400, {}, "expired on 2027-01-16T08:00+00:00"),
        ("host", "x.a.test", 2.0**62, {"valid_before": FOREVER}, None),
        ("host", "x.a.test", NOW, {"valid_after": 2**63},
         "is not valid before 9223372036854775808 s since 1970"),
        ("host", "x.a.test", NOW, {"signed": Signed.WRONG}, "has a wrong signature"),
        ("host", "x.a.test", NOW, {"signed": Signed.SHA1},
         "is signed with SHA-1, which clients refuse"),
        ("host", "x.a.test", NOW, {"signed": Signed.BY_CERTIFICATE},
         "is signed by another certificate, which clients refuse"),
        ("host", "x.a.test", NOW, {"signed": Signed.UNVERIFIED},
         "is signed by a ssh-ed25519 key, which cannot be verified here"),
        ("host", "x.a.test", NOW, {"critical_options": ("o", "p")},
         "has the unknown critical option o"),
        ("host", "b.test", NOW, {}, "is for *.a.test"),
        ("host", "b.test", NOW, {"principals": ("a", "b")}, "is for a, b"),
        ("host", "b.test", NOW, {"principals": ()}, "has no principals"),
        ("user", "ops", NOW, {"kind": "user", "principals": ()}, None),
        ("user", "ops", NOW, {"kind": "user", "principals": ("ops",)}, None),
        ("user", "ops", NOW, {"kind": "user", "principals": ("*", "x")}, "is for *, x"),
        ("user", "ops", NOW, {"kind": "user", "principals": ("ops",), "critical_options": ("o",)},
         None),
    ],
)  # fmt: skip
def test_why_a_certificate_is_refused(
    kind: str, name: str, now: float, changes: dict[str, Any], why: str | None
) -> None:
    assert made(host=True, **changes).refused(kind, name, now) == why


def test_algorithms_of_certificates() -> None:
    assert is_certificate("ssh-ed25519-cert-v01@openssh.com")
    assert not is_certificate("ssh-ed25519")
