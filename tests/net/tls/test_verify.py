"""Names and chains: judged as RFC 9525 and RFC 5280 say, and as OpenSSL's own tool does."""

from __future__ import annotations

import datetime as dt
import hashlib
import subprocess
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit
from seventh.model.failure import Blame, Failed, Reason
from seventh.model.tlsfacts import Certificate
from seventh.net.tls import verify as tlsverify
from seventh.wire.certnames import HostNames
from tests.peers import need_binary

NOW = dt.datetime.now(dt.UTC)
_RSA_KEY = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("names", "host", "matches"),
    [
        (("host.example",), "host.example", True),
        (("HOST.example",), "host.EXAMPLE", True),
        (("host.example",), "host.example.", True),
        (("host.example",), "other.example", False),
        (("*.example.org",), "a.example.org", True),
        (("*.example.org",), "a.b.example.org", False),
        (("*.example.org",), "example.org", False),
        (("a*.example.org",), "ab.example.org", False),
        (("*.*.example.org",), "a.b.example.org", False),
        (("www.*.org",), "www.example.org", False),
        (("*",), "localhost", False),
        (("127.0.0.1",), "127.0.0.1", True),
        (("::1",), "0:0:0:0:0:0:0:1", True),
        (("127.0.0.1",), "127.0.0.2", False),
        (("*.0.0.1",), "127.0.0.1", False),
        (("*.example",), "host.example", False),
        ((), "host.example", False),
    ],
)
def test_names(names: tuple[str, ...], host: str, matches: bool) -> None:
    assert HostNames.of(*names).fit(host) is matches


@pytest.mark.peer
@pytest.mark.parametrize(
    "names",
    [
        ("host.example.org",),
        ("*.example.org", "example.org"),
        ("*.b.example.org",),
        ("127.0.0.1", "::1", "localhost"),
        ("xn--bcher-kva.example",),
    ],
)
def test_names_as_openssl_matches_them(names: tuple[str, ...], kit: Kit) -> None:
    openssl = need_binary("openssl")
    issued = kit.authority.issue(*names)
    hosts = ["host.example.org", "HOST.example.org", "example.org", "a.b.example.org", "localhost",
             "b.example.org", "xn--bcher-kva.example", "127.0.0.1", "::1", "127.0.0.2"]  # fmt: skip
    for host in hosts:
        option = "-checkip" if host[0].isdigit() or ":" in host else "-checkhost"
        said = subprocess.run(
            [openssl, "x509", "-in", str(issued.cert_file), "-noout", option, host],
            capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
        found = tlsverify.glance(_der(issued)).names
        assert found.fit(host) is ("does match" in said), host


@given(st.lists(st.text(max_size=30), max_size=4).map(tuple), st.text(max_size=30))
def test_any_names_are_matched_without_an_accident(names: tuple[str, ...], host: str) -> None:
    HostNames(tuple((0x82, name.encode("utf-8", "replace")) for name in names)).mismatch(host)


def _der(issued: Issued) -> bytes:
    return issued.certificate.public_bytes(Encoding.DER)


def _read(issued: Issued) -> Certificate:
    return tlsverify.read_certificate(_der(issued), NOW)


def test_a_certificate_is_read(kit: Kit) -> None:
    issued = kit.authority.issue("a.example", "127.0.0.1", must_staple=True)
    read, age = _read(issued), NOW - issued.certificate.not_valid_before_utc
    assert read.names == ("a.example", "127.0.0.1")
    assert read.subject == "CN=a.example"
    assert (read.key_type, read.key_bits, read.signature_hash) == ("EC", 256, "sha256")
    assert read.must_staple
    assert read.days_to_start == pytest.approx(-age / dt.timedelta(days=1))
    assert read.days_left == pytest.approx(90 - age / dt.timedelta(days=1))
    assert read.lifetime_days == 90
    assert read.version == 3
    assert not read.self_issued
    assert read.weaknesses == ()


def test_the_fields_of_a_certificate(kit: Kit) -> None:
    issued = kit.authority.issue(*(f"{at}.example" for at in range(257)))
    read, start = _read(issued), issued.certificate.not_valid_before_utc
    assert read.not_before == f"{start:%Y-%m-%dT%H:%M:%SZ}"
    assert read.not_after == f"{start + dt.timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}"
    assert read.serial == format(issued.certificate.serial_number, "x")
    assert read.issuer == "CN=Seventh throw-away intermediate"
    assert (read.names_count, len(read.names), read.names[-1]) == (257, 256, "255.example")
    assert read.size_bytes == len(_der(issued))
    assert read.sha256 == issued.certificate.fingerprint(hashes.SHA256()).hex()
    assert (read.must_staple, read.problem, read.unjudged) == (False, "", "")


SHA256_RSA = bytes.fromhex("06092a864886f70d01010b")


@pytest.mark.parametrize(
    ("oid", "name", "unjudged"),
    [
        ("06092a864886f70d010104", "md5", ""),
        ("06092a864886f70d010102", "md2", ""),
        ("06092a864886f70d010105", "sha1", ""),
        ("0609608648016503040314", None, ""),  # SLH-DSA-SHA2-128s
        ("06092a864886f70d01017f", None,
         "signature algorithm not supported here (1.2.840.113549.1.1.127)"),
    ],
)  # fmt: skip
def test_the_hash_of_a_signature(kit: Kit, oid: str, name: str | None, unjudged: str) -> None:
    der = _der(kit.authority.issue(key=_RSA_KEY, self_signed=True))
    assert der.count(SHA256_RSA) == 2
    read = tlsverify.read_certificate(der.replace(SHA256_RSA, bytes.fromhex(oid)), NOW)
    assert (read.signature_hash, read.unjudged) == (name, unjudged)
    assert (read.key_type, read.key_bits, read.self_issued) == ("RSA", 2048, True)


def test_the_digests_of_a_certificate_and_its_key(kit: Kit) -> None:
    issued = kit.authority.issue()
    der = _der(issued)
    info = issued.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    read = tlsverify.read_certificate(der, NOW)
    assert (read.sha256, read.sha512, read.key_sha256, read.key_sha512) == tuple(
        hashlib.new(name, data).hexdigest() for data in (der, info) for name in ("sha256", "sha512")
    )


def test_what_cannot_be_read_keeps_its_bytes_and_fits_at_no_time() -> None:
    read = tlsverify.read_certificate(b"\x30\x00", NOW)
    assert read == Certificate(
        subject="(unreadable)", issuer="(unreadable)", problem="not a readable certificate",
        size_bytes=2, sha256=hashlib.sha256(b"\x30\x00").hexdigest(),
        sha512=hashlib.sha512(b"\x30\x00").hexdigest(),
    )  # fmt: skip
    assert (tlsverify.glance(b"\x30\x00").start, tlsverify.glance(b"\x30\x00").end) == (0, 0)


def test_a_certificate_fits_from_its_first_moment_to_its_last() -> None:
    seen = tlsverify.Glance(HostNames.of("host.example"), 100.0, 200.0)
    fits = {now: seen.fits("host.example", now) for now in (99.9, 100.0, 200.0, 200.1)}
    assert fits == {99.9: False, 100.0: True, 200.0: True, 200.1: False}
    assert not seen.fits("other.example", 150.0)


def test_old_certificates_are_read(kit: Kit) -> None:
    sha1 = _read(kit.authority.issue(hash_name=hashes.SHA1()))  # noqa: S303
    assert sha1.weaknesses == ("SHA1",)
    version_1 = _read(kit.authority.issue(version_1=True))
    assert version_1.weaknesses == ("X.509 v1",)
    assert version_1.names == ()
    small = _read(kit.authority.issue(key=rsa.generate_private_key(65537, 1024)))  # noqa: S505
    assert small.weaknesses == ("RSA 1024 bits",)
    tiny = _read(kit.authority.issue(key=ec.generate_private_key(ec.SECP192R1())))
    assert tiny.weaknesses == ("EC 192 bits",)
    dsa_key: Any = dsa.generate_private_key(1024)  # noqa: S505
    assert _read(kit.authority.issue(key=dsa_key)).weaknesses == ("DSA 1024 bits",)
    assert (
        _read(kit.authority.issue(key=ed25519.Ed25519PrivateKey.generate())).key_type == "Ed25519"
    )  # type: ignore[arg-type]


@given(st.binary(max_size=300))
def test_rubbish_is_no_certificate(data: bytes) -> None:
    read = tlsverify.read_certificate(data, NOW)
    assert read.problem
    assert not tlsverify.glance(data).fits("host.example", NOW.timestamp())


def test_a_damaged_certificate_gives_no_accident(kit: Kit) -> None:
    der = _der(kit.authority.issue())
    for i in range(0, len(der), 3):
        changed = der[:i] + bytes([der[i] ^ 0x55]) + der[i + 1 :]
        tlsverify.read_certificate(changed, NOW)
        tlsverify.glance(changed)


# -- verdicts ----------------------------------------------------------------------------------

LEAF = Certificate(
    subject="CN=leaf", issuer="CN=mid", names=("host.example",), days_left=50, days_to_start=-1,
    lifetime_days=90, key_type="EC", key_bits=256, signature_hash="sha256", sha256="1",
    not_after="2026-01-01T00:00:00Z", not_before="2025-01-01T00:00:00Z",
)  # fmt: skip
MID = msgspec.structs.replace(LEAF, subject="CN=mid", issuer="CN=root", sha256="2", names=())
ROOT = msgspec.structs.replace(
    LEAF, subject="CN=root", issuer="CN=root", self_issued=True, sha256="3", names=()
)
GONE = msgspec.structs.replace(LEAF, days_left=-3)


def judge(chain: tuple[Certificate, ...], errors: tlsverify.Errors, host: str) -> tlsverify.Verdict:
    """Judge a chain by the names that its leaf shows."""
    return tlsverify.judge(chain, errors, host, HostNames.of(*chain[0].names))


SELF = msgspec.structs.replace(ROOT, names=("host.example",))
STRANGE = msgspec.structs.replace(MID, unjudged="key type not supported here (1.2.3)")
NO_ISSUER = (
    "issuer of the server certificate (CN=leaf), CN=mid, is neither sent nor trusted here "
    "(private CA: add --ca FILE)"
)
NO_ROOT = "issuer of CN=mid, CN=root, is neither sent nor trusted here (private CA: add --ca FILE)"
UNVERIFIED = "chain could not be verified here: "
UNTRUSTED, INVALID = Reason.TLS_CERTIFICATE_UNTRUSTED, Reason.TLS_CERTIFICATE_INVALID
EXPIRED, EARLY = Reason.TLS_CERTIFICATE_EXPIRED, Reason.TLS_CERTIFICATE_NOT_YET_VALID
WEAK = Reason.TLS_CERTIFICATE_WEAK


def but(certificate: Certificate = LEAF, **fields: Any) -> Certificate:
    return msgspec.structs.replace(certificate, **fields)


@pytest.mark.parametrize(
    ("chain", "errors", "state", "reason", "said"),
    [
        ((LEAF, MID), (), "trusted", None, ""),
        ((LEAF,), ((20, 0), (21, 0)), "missing-intermediate", UNTRUSTED, NO_ISSUER),
        ((LEAF,), ((2, 0),), "missing-intermediate", UNTRUSTED, NO_ISSUER),
        ((LEAF,), ((21, 0),), "missing-intermediate", UNTRUSTED, NO_ISSUER),
        ((LEAF, MID), ((20, 1),), "unknown-root", UNTRUSTED, NO_ROOT),
        ((LEAF, MID, ROOT), ((19, 2),), "unknown-root", UNTRUSTED,
         "root CN=root is sent but not trusted here (private CA: add --ca FILE)"),
        ((SELF,), ((18, 0),), "self-signed", Reason.TLS_CERTIFICATE_SELF_SIGNED,
         "server certificate (CN=root) is self-signed and not trusted here"),
        ((LEAF, MID), ((79, 1),), "invalid", INVALID,
         "certificate 1 of the chain (CN=mid): invalid CA certificate"),
        ((LEAF, MID), ((79, 2),), "invalid", INVALID,
         "trusted certificate above the chain (depth 2): invalid CA certificate"),
        # What is not supported here says nothing against the certificate.
        ((LEAF, MID), ((1, 0),), "unverified", INVALID,
         f"{UNVERIFIED}CN=leaf: key or signature type not supported here"),
        ((LEAF, MID), ((6, 1),), "unverified", INVALID,
         f"{UNVERIFIED}CN=leaf: key or signature type not supported here"),
        ((LEAF, MID), ((76, 1),), "unverified", INVALID,
         f"{UNVERIFIED}CN=leaf: key or signature type not supported here"),
        ((LEAF, STRANGE), ((20, 1),), "unverified", INVALID,
         f"{UNVERIFIED}CN=mid: key type not supported here (1.2.3)"),
        ((LEAF, STRANGE), (), "trusted", None, ""),
        ((LEAF, MID, but(ROOT, unjudged="x")), ((19, 2),), "unknown-root", UNTRUSTED,
         "root CN=root is sent but not trusted here (private CA: add --ca FILE)"),
        # Dates: a certificate is valid through its last moment.
        ((GONE, MID), ((10, 0),), "trusted", EXPIRED,
         "server certificate (CN=leaf) expired 3 days ago, on 2026-01-01T00:00:00Z"),
        ((but(days_left=-1.5), MID), (), "trusted", EXPIRED,
         "server certificate (CN=leaf) expired 36.0 hours ago, on 2026-01-01T00:00:00Z"),
        ((but(days_left=-2), MID), (), "trusted", EXPIRED,
         "server certificate (CN=leaf) expired 2 days ago, on 2026-01-01T00:00:00Z"),
        ((but(days_left=0), MID), (), "trusted", None, ""),
        ((but(days_left=0.5), MID), (), "trusted", None, ""),
        ((but(days_to_start=3), MID), (), "trusted", EARLY,
         ("server certificate (CN=leaf) is not valid yet: valid from 2025-01-01T00:00:00Z, "
         "in 3 days")),
        ((but(days_to_start=0.5), MID), (), "trusted", EARLY,
         ("server certificate (CN=leaf) is not valid yet: valid from 2025-01-01T00:00:00Z, "
         "in 12.0 hours")),
        ((but(days_to_start=0), MID), (), "trusted", None, ""),
        ((LEAF, but(MID, days_left=-9)), ((10, 1),), "trusted", EXPIRED,
         "certificate 1 of the chain (CN=mid) expired 9 days ago, on 2026-01-01T00:00:00Z"),
        ((LEAF, MID), ((10, 2),), "trusted", EXPIRED,
         "trusted certificate above the chain (depth 2) expired"),
        ((LEAF, MID), ((9, 2),), "trusted", EARLY,
         "trusted certificate above the chain (depth 2) is not valid yet"),
        # Keys and hashes.
        ((but(key_type="RSA", key_bits=1024), MID), ((66, 0),), "trusted", WEAK,
         "server certificate (CN=leaf) is weak: RSA 1024 bits"),
        ((LEAF, but(MID, signature_hash="sha1", version=1)), (), "trusted", WEAK,
         "certificate 1 of the chain (CN=mid) is weak: SHA1, X.509 v1"),
        ((but(SELF, key_bits=192),), (), "trusted", WEAK,
         "server certificate (CN=root) is weak: EC 192 bits"),
        ((LEAF, MID, but(ROOT, signature_hash="sha1", key_bits=1)), (), "trusted", None, ""),
        ((LEAF, MID), ((66, 0),), "trusted", WEAK,
         "server certificate (CN=leaf): EE certificate key too weak"),
        ((LEAF, MID), ((67, 1),), "trusted", WEAK,
         "certificate 1 of the chain (CN=mid): CA certificate key too weak"),
        ((LEAF, MID), ((68, 2),), "trusted", WEAK,
         "trusted certificate above the chain (depth 2): CA signature digest algorithm too weak"),
    ],
)  # fmt: skip
def test_verdicts(
    chain: tuple[Certificate, ...],
    errors: tlsverify.Errors,
    state: str,
    reason: Reason | None,
    said: str,
) -> None:
    verdict = judge(chain, errors, "host.example")
    assert (verdict.state, verdict.reason, verdict.detail) == (state, reason, said)
    assert verdict.host_matches is True
    if reason is None:
        verdict.raise_if_bad()
        return
    with pytest.raises(Failed) as raised:
        verdict.raise_if_bad()
    blame = Blame.LOCAL if state == "unverified" else Blame.PEER
    assert (raised.value.reason, raised.value.detail) == (reason, said)
    assert raised.value.blame is blame


def test_an_issuer_that_the_engine_left_out_was_sent_and_is_not_supported() -> None:
    """The engine's path ends below it; the path by names would not."""
    names = HostNames.of("host.example")
    cross = but(ROOT, issuer="CN=old", self_issued=False, unjudged="signature (1.2)")
    chain, errors, built = (LEAF, MID, cross), ((20, 1),), (LEAF, MID)
    verdict = tlsverify.judge(chain, errors, "host.example", names, built)
    assert (verdict.state, verdict.detail) == (
        "unverified", "chain could not be verified here: CN=root: signature (1.2)",
    )  # fmt: skip
    other = but(cross, subject="CN=other root")
    verdict = tlsverify.judge((LEAF, MID, other), errors, "host.example", names, built)
    assert (verdict.state, verdict.detail) == ("unknown-root", NO_ROOT)


def test_leftovers_are_looked_for_beside_a_trusted_path_only() -> None:
    names, old = HostNames.of("host.example"), but(MID, sha256="4", days_left=-1)

    def kinds(errors: tlsverify.Errors, built: tuple[Certificate, ...]) -> list[str]:
        verdict = tlsverify.judge((LEAF, MID, old), errors, "host.example", names, built)
        return [problem.kind for problem in verdict.problems]

    assert kinds((), (LEAF, MID)) == ["expired-leftover"]
    assert kinds(((79, 1),), (LEAF, MID)) == []
    assert kinds((), ()) == []


def test_names_that_cannot_be_read_say_nothing_of_the_host() -> None:
    verdict = tlsverify.judge((LEAF, MID), (), "host.example", HostNames(readable=False))
    assert (verdict.host_matches, verdict.reason, verdict.detail) == (
        None, INVALID, "subject alternative names of the certificate cannot be read",
    )  # fmt: skip


def test_every_complaint_is_in_the_detail_and_the_worst_is_the_reason() -> None:
    weak = but(GONE, key_bits=192)
    verdict = judge((weak,), ((20, 0), (10, 0)), "elsewhere.example")
    assert verdict.reason is EXPIRED
    assert verdict.host_matches is False
    assert verdict.detail.split("; ") == [
        "server certificate (CN=leaf) expired 3 days ago, on 2026-01-01T00:00:00Z",
        NO_ISSUER,
        "the certificate is for host.example, not for elsewhere.example",
        "server certificate (CN=leaf) is weak: EC 192 bits",
    ]
    with pytest.raises(Failed, match="expired"):
        verdict.raise_if_bad()


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, " and 1 more")])
def test_many_names_are_counted(count: int, more: str) -> None:
    names = tuple(f"{at}.example" for at in range(count))
    verdict = judge((msgspec.structs.replace(LEAF, names=names), MID), (), "host.example")
    assert f"7.example{more}, not for host.example" in verdict.detail


@pytest.mark.parametrize(
    ("errors", "texts"),
    [
        (((10, 1), (20, -1)), ("depth 1: certificate has expired",
                               "unable to get local issuer certificate")),
        (((9, 0),), ("depth 0: certificate is not yet valid or the system clock is incorrect",)),
        ((), ()),
    ],
)  # fmt: skip
def test_errors_in_openssls_words(errors: tlsverify.Errors, texts: tuple[str, ...]) -> None:
    assert tlsverify.error_texts(errors) == texts
    assert tlsverify.expired(errors) == tuple(e for e in errors if e[0] == 10)


def test_the_common_name_does_not_count() -> None:
    bare = msgspec.structs.replace(LEAF, subject="CN=host.example", names=())
    verdict = judge((bare, MID), (), "host.example")
    assert verdict.reason is Reason.TLS_CERTIFICATE_HOST_MISMATCH
    assert verdict.detail == (
        "the certificate has no subject alternative name, so it does not match host.example"
    )


@pytest.mark.parametrize(
    ("names", "host", "said"),
    [
        (HostNames(others=1), "host.example",
         ("the certificate has no DNS name or address among its alternative names, so it does not "
         "match host.example")),
        (HostNames(((0x82, b"192.0.2.1"),)), "192.0.2.1",
         ("the certificate has 192.0.2.1 as a DNS name; clients compare addresses with iPAddress "
         "entries only")),
    ],
)  # fmt: skip
def test_a_name_of_another_kind_is_told_as_such(names: HostNames, host: str, said: str) -> None:
    verdict = tlsverify.judge((LEAF, MID), (), host, names)
    assert (verdict.reason, verdict.detail) == (Reason.TLS_CERTIFICATE_HOST_MISMATCH, said)


@pytest.mark.parametrize(
    ("chain", "texts"),
    [
        ((LEAF, MID), []),
        ((LEAF, ROOT, MID), ["order: CN=mid → CN=root", "root sent: CN=root"]),
        ((LEAF, MID, ROOT), ["root sent: CN=root"]),
        ((LEAF, MID, MID), ["duplicate: CN=mid"]),
        ((ROOT,), []),
        ((LEAF, *([MID] * 9)), ["duplicate: CN=mid"]),
        ((LEAF, *([MID] * 10)), ["duplicate: CN=mid", "too long: 11 certificates (0 bytes)"]),
        ((LEAF, but(MID, size_bytes=65_536)), []),
        ((but(size_bytes=1), but(MID, size_bytes=65_536)),
         ["too long: 2 certificates (65537 bytes)"]),
        ((LEAF, MID, but(ROOT, subject="CN=x", issuer="CN=x")), ["stranger: CN=x"]),
        ((LEAF, MID, but(ROOT, subject="CN=x", issuer="CN=x", problem="no")), ["unreadable: 3"]),
    ],
)  # fmt: skip
def test_chain_problems(chain: tuple[Certificate, ...], texts: list[str]) -> None:
    found = judge(chain, (), "host.example").problems
    assert [problem.text for problem in found] == texts
    for problem in found:
        assert problem.text == f"{problem.kind.replace('-', ' ')}: {problem.value}"


@pytest.mark.parametrize(
    ("extra", "kinds"),
    [
        (but(MID, sha256="4", days_left=-0.1), ["expired-leftover"]),
        (but(MID, sha256="4", days_left=0), ["expiring-leftover"]),
        (but(MID, sha256="4", days_left=29.9), ["expiring-leftover"]),
        (but(MID, sha256="4", days_left=30), []),
        (but(ROOT, days_left=29.9), ["root-sent"]),
        (but(ROOT, days_left=-1), ["root-sent", "expired-leftover"]),
    ],
)
def test_leftovers_by_their_end(extra: Certificate, kinds: list[str]) -> None:
    names = HostNames.of("host.example")
    verdict = tlsverify.judge((LEAF, MID, extra), (), "host.example", names, (LEAF, MID))
    assert [problem.kind for problem in verdict.problems] == kinds
    leftover = [p.value for p in verdict.problems if p.kind.endswith("leftover")]
    assert leftover in ([], [f"{extra.subject} → {extra.issuer} (2026-01-01T00:00:00Z)"])
