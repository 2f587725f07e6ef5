"""Names and chains: judged as RFC 9525 and RFC 5280 say, and as OpenSSL's own tool does."""

from __future__ import annotations

import datetime as dt
import subprocess

import msgspec
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st

from seventh.labkit.ca import Issued
from seventh.labkit.serve import Kit
from seventh.model.failure import Failed, Reason
from seventh.model.tlsfacts import Certificate
from seventh.net.tls import verify as tlsverify
from seventh.wire.certnames import HostNames
from tests.peers import need_binary

NOW = dt.datetime.now(dt.UTC)


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
    read = _read(kit.authority.issue("a.example", "127.0.0.1", must_staple=True))
    assert read.names == ("a.example", "127.0.0.1")
    assert read.subject == "CN=a.example"
    assert (read.key_type, read.key_bits, read.signature_hash) == ("EC", 256, "sha256")
    assert read.must_staple
    assert 89 < read.days_left < 90
    assert read.lifetime_days == 90
    assert read.version == 3
    assert not read.self_issued
    assert read.weaknesses == ()


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


@pytest.mark.parametrize(
    ("chain", "errors", "state", "reason", "said"),
    [
        ((LEAF, MID), (), "trusted", None, ""),
        ((LEAF,), ((20, 0), (21, 0)), "missing-intermediate", Reason.TLS_CERTIFICATE_UNTRUSTED,
         "CN=mid, is neither sent nor trusted"),
        ((LEAF, MID), ((20, 1),), "unknown-root", Reason.TLS_CERTIFICATE_UNTRUSTED,
         "issuer of CN=mid, CN=root, is neither sent nor trusted"),
        ((LEAF, MID, ROOT), ((19, 2),), "unknown-root", Reason.TLS_CERTIFICATE_UNTRUSTED,
         "root CN=root is sent but not trusted"),
        ((ROOT,), ((18, 0),), "self-signed", Reason.TLS_CERTIFICATE_SELF_SIGNED, "self-signed"),
        ((LEAF, MID), ((79, 1),), "invalid", Reason.TLS_CERTIFICATE_INVALID, "certificate 1"),
        ((GONE, MID), ((10, 0),), "trusted", Reason.TLS_CERTIFICATE_EXPIRED, "3 days ago"),
        ((msgspec.structs.replace(LEAF, days_left=-1.5), MID), (), "trusted",
         Reason.TLS_CERTIFICATE_EXPIRED, "36.0 hours ago, on 2026-01-01"),
        ((msgspec.structs.replace(LEAF, days_left=-2), MID), (), "trusted",
         Reason.TLS_CERTIFICATE_EXPIRED, "2 days ago"),
        ((msgspec.structs.replace(LEAF, days_to_start=3), MID), (), "trusted",
         Reason.TLS_CERTIFICATE_NOT_YET_VALID, "valid from 2025-01-01T00:00:00Z, in 3 days"),
        ((msgspec.structs.replace(LEAF, key_type="RSA", key_bits=1024), MID), ((66, 0),),
         "trusted", Reason.TLS_CERTIFICATE_WEAK, "is weak: RSA 1024 bits"),
        ((LEAF, MID, msgspec.structs.replace(ROOT, signature_hash="sha1", key_bits=1)), (),
         "trusted", None, ""),
        ((LEAF, MID), ((10, 1),), "trusted", Reason.TLS_CERTIFICATE_EXPIRED, "(CN=mid) expired"),
        ((LEAF, MID), ((10, 2),), "trusted", Reason.TLS_CERTIFICATE_EXPIRED, "above the chain"),
        ((LEAF, MID), ((9, 0),), "trusted", Reason.TLS_CERTIFICATE_NOT_YET_VALID, "not valid"),
        ((LEAF, MID), ((66, 0),), "trusted", Reason.TLS_CERTIFICATE_WEAK, "too"),
    ],
)  # fmt: skip
def test_verdicts(
    chain: tuple[Certificate, ...],
    errors: tlsverify.Errors,
    state: str,
    reason: Reason | None,
    said: str,
) -> None:
    host = "host.example" if chain[0].names else "nothing"
    verdict = judge(chain, errors, host)
    assert verdict.state == state
    assert said in verdict.detail
    if chain[0].names:
        assert verdict.reason == reason


def test_every_complaint_is_in_the_detail_and_the_worst_is_the_reason() -> None:
    verdict = judge((GONE,), ((20, 0), (10, 0)), "elsewhere.example")
    assert verdict.reason is Reason.TLS_CERTIFICATE_EXPIRED
    for part in ("expired", "neither sent", "for host.example, not for elsewhere.example"):
        assert part in verdict.detail
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
    assert "no subject alternative name" in verdict.detail


@pytest.mark.parametrize(
    ("chain", "kinds"),
    [
        ((LEAF, MID), set()),
        ((LEAF, ROOT, MID), {"order", "root-sent"}),
        ((LEAF, MID, ROOT), {"root-sent"}),
        ((LEAF, MID, MID), {"duplicate"}),
        ((ROOT,), set()),
        ((LEAF, *([MID] * 10)), {"duplicate", "too-long"}),
        ((LEAF, msgspec.structs.replace(MID, size_bytes=66_000)), {"too-long"}),
    ],
)
def test_chain_problems(chain: tuple[Certificate, ...], kinds: set[str]) -> None:
    assert {p.kind for p in judge(chain, (), "host.example").problems} == kinds
