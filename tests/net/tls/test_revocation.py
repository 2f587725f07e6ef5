"""What a CRL and a stapled response say, on both sides of every boundary."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from seventh.labkit.ca import Authority, Issued
from seventh.labkit.revocation import crl, staple
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.net.tls import revocation

HOUR, WEEK, SECOND = dt.timedelta(hours=1), dt.timedelta(days=7), dt.timedelta(seconds=1)
_REASON = x509.ReasonFlags


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def issued(authority: Authority) -> Issued:
    return authority.issue()


def status(
    authority: Authority,
    certificate: x509.Certificate,
    *crls: x509.CertificateRevocationList,
    now: dt.datetime | None = None,
    pool: tuple[x509.Certificate, ...] | None = None,
) -> tuple[str, str | None, str]:
    pool = (authority.intermediate, authority.root) if pool is None else pool
    now = now or dt.datetime.now(dt.UTC)
    (said,) = revocation.by_crls((certificate,), pool, crls, now)
    return said.status, said.problem, said.reason


def limits(**more: Any) -> tuple[tuple[x509.ExtensionType, bool], ...]:
    usual: dict[str, Any] = {
        "full_name": None, "relative_name": None, "only_contains_user_certs": False,
        "only_contains_ca_certs": False, "only_some_reasons": None, "indirect_crl": False,
        "only_contains_attribute_certs": False,
    }  # fmt: skip
    return ((x509.IssuingDistributionPoint(**{**usual, **more}), True),)


def test_listed_or_not(authority: Authority, issued: Issued) -> None:
    other = authority.issue().certificate
    assert status(authority, issued.certificate) == ("unknown", "no-crl", "")
    assert status(authority, issued.certificate, crl(authority)) == ("good", None, "")
    assert status(authority, issued.certificate, crl(authority, other)) == ("good", None, "")
    listed = crl(authority, issued.certificate)
    assert status(authority, issued.certificate, listed) == ("revoked", None, "keyCompromise")
    # One CRL that lists it decides, wherever it stands.
    for both in ((listed, crl(authority)), (crl(authority), listed)):
        assert status(authority, issued.certificate, *both)[0] == "revoked"
    plain = crl(authority, issued.certificate, reason=None)
    assert status(authority, issued.certificate, plain) == ("revoked", None, "")


def test_the_dates_of_a_crl(authority: Authority, issued: Issued) -> None:
    made = crl(authority)
    assert made.next_update_utc is not None
    for now, said in (
        (made.next_update_utc, ("good", None, "")),
        (made.next_update_utc + SECOND, ("unknown", "stale", "")),
        (made.last_update_utc - revocation.CLOCK_SKEW, ("good", None, "")),
        (made.last_update_utc - revocation.CLOCK_SKEW - SECOND, ("unknown", "early", "")),
    ):
        assert status(authority, issued.certificate, made, now=now) == said
    # A current CRL beside a stale one decides.
    stale = crl(authority, begins=-2 * WEEK)
    assert status(authority, issued.certificate, stale) == ("unknown", "stale", "")
    assert status(authority, issued.certificate, stale, made) == ("good", None, "")


def test_a_revocation_outlasts_its_crl_but_a_hold_does_not(
    authority: Authority, issued: Issued
) -> None:
    old = {"begins": -2 * WEEK}
    lost = crl(authority, issued.certificate, **old)  # type: ignore[arg-type]
    assert status(authority, issued.certificate, lost) == ("revoked", None, "keyCompromise")
    for more, said in (
        (old, ("unknown", "stale", "")), ({}, ("revoked", None, "certificateHold")),
    ):  # fmt: skip
        held = crl(authority, issued.certificate, reason=_REASON.certificate_hold, **more)  # type: ignore[arg-type]
        assert status(authority, issued.certificate, held) == said


def test_foreign_crls_say_nothing(authority: Authority, issued: Issued, tmp_path: Path) -> None:
    stranger = Authority(tmp_path)  # with the same names
    for lists in ((), (issued.certificate,)):
        forged = crl(stranger, *lists)
        assert status(authority, issued.certificate, forged) == ("unknown", "signature", "")
    elsewhere = crl(authority, issuer=(authority.root, authority.root_key))
    assert status(authority, issued.certificate, elsewhere) == ("unknown", "no-crl", "")
    assert status(authority, authority.intermediate, elsewhere) == ("good", None, "")
    assert status(authority, issued.certificate, crl(authority), pool=()) == (
        "unknown", "no-issuer", "",
    )  # fmt: skip


PLACE = x509.UniformResourceIdentifier("http://ca.test/1.crl")


@pytest.mark.parametrize(
    ("more", "leaf", "above"),
    [
        ({"only_contains_user_certs": True}, "good", "other-certificates"),
        ({"only_contains_ca_certs": True}, "other-certificates", "good"),
        ({"only_contains_attribute_certs": True}, "other-certificates", "other-certificates"),
        # A part of the CRL: the certificate has to name it.
        ({"full_name": [PLACE]}, "other-certificates", "other-certificates"),
        ({"indirect_crl": True}, "unsupported", "unsupported"),
        ({"only_some_reasons": frozenset({_REASON.key_compromise})}, "unsupported", "unsupported"),
    ],
)  # fmt: skip
def test_a_limited_crl_says_nothing_of_others(
    authority: Authority, issued: Issued, more: dict[str, Any], leaf: str, above: str
) -> None:
    limited = crl(authority, extensions=limits(**more))
    root = (authority.root, authority.root_key)
    of_root = crl(authority, issuer=root, extensions=limits(**more))
    for certificate, made, said in (
        (issued.certificate, limited, leaf), (authority.intermediate, of_root, above),
    ):  # fmt: skip
        found, problem, _ = status(authority, certificate, made)
        assert (problem or found) == said


def test_a_part_covers_the_certificates_that_name_it(authority: Authority) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    point = x509.DistributionPoint([PLACE], None, None, None)
    certificate = authority._sign(
        "part.test", key, authority.intermediate.subject.rdns[0].get_attributes_for_oid(
            x509.NameOID.COMMON_NAME)[0].value,  # type: ignore[arg-type]
        authority.intermediate_key, extensions=[x509.CRLDistributionPoints([point])],
    )  # fmt: skip
    part = crl(authority, extensions=limits(full_name=[PLACE]))
    assert status(authority, certificate, part) == ("good", None, "")


def test_a_delta_crl_is_not_enough(authority: Authority, issued: Issued) -> None:
    delta = crl(authority, extensions=((x509.DeltaCRLIndicator(1), True),))
    assert status(authority, issued.certificate, delta) == ("unknown", "unsupported", "")
    numbered = crl(authority, extensions=((x509.CRLNumber(1), False),))
    assert status(authority, issued.certificate, numbered) == ("good", None, "")


# -- files -----------------------------------------------------------------------------------------


def test_files(authority: Authority, tmp_path: Path) -> None:
    one, two = crl(authority), crl(authority, issuer=(authority.root, authority.root_key))
    pem, der = tmp_path / "both.pem", tmp_path / "one.crl"
    pem.write_bytes(one.public_bytes(Encoding.PEM) + two.public_bytes(Encoding.PEM))
    der.write_bytes(one.public_bytes(Encoding.DER))
    files = Options(crl_files=(str(pem), str(der)))
    assert revocation.load_crls(files) == (one, two, one)
    assert revocation.load_crls(Options()) == ()
    # A file that was renewed is read again.
    der.write_bytes(two.public_bytes(Encoding.DER) + b"")
    assert revocation.load_crls(Options(crl_files=(str(der),))) == (two,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no CRL found (PEM or DER)"),
        (b"-----BEGIN CERTIFICATE-----\n", "no CRL found (PEM or DER)"),
        (b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", "contains a damaged CRL"),
    ],
)
def test_unusable_files(tmp_path: Path, text: bytes, said: str) -> None:
    file = tmp_path / "crl"
    file.write_bytes(text)
    with pytest.raises(UsageError) as caught:
        revocation.load_crls(Options(crl_files=(str(file),)))
    assert str(caught.value) == f"--crl {file}: {said}"


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        revocation.load_crls(Options(crl_files=(f"{tmp_path}/none",)))
    assert str(caught.value) == f"--crl {tmp_path}/none: No such file or directory"


# -- OCSP ------------------------------------------------------------------------------------------


def judged(
    authority: Authority, issued: Issued, response: bytes, now: dt.datetime | None = None
) -> tuple[str | None, str | None]:
    said = revocation.judge_staple(
        response, issued.certificate, (authority.intermediate,), now or dt.datetime.now(dt.UTC)
    )
    return said.status, said.problem


def test_the_status_of_a_staple(authority: Authority, issued: Issued) -> None:
    assert judged(authority, issued, staple(authority, issued)) == ("good", None)
    assert judged(authority, issued, staple(authority, issued, lasts=None)) == ("good", None)
    lost = revocation.judge_staple(
        staple(authority, issued, revoked=True), issued.certificate, (authority.intermediate,),
        dt.datetime.now(dt.UTC),
    )  # fmt: skip
    assert (lost.status, lost.problem, lost.reason) == ("revoked", None, "keyCompromise")
    assert lost.revoked_at == lost.this_update
    not_known = staple(authority, issued, status=ocsp.OCSPCertStatus.UNKNOWN)
    assert judged(authority, issued, not_known) == ("unknown", "status-unknown")


def test_the_dates_of_a_staple(authority: Authority, issued: Issued) -> None:
    response = staple(authority, issued)
    (one,) = ocsp.load_der_ocsp_response(response).responses
    assert one.next_update_utc is not None
    skew = revocation.CLOCK_SKEW
    for now, problem in (
        (one.next_update_utc, None), (one.next_update_utc + SECOND, "stale"),
        (one.this_update_utc - skew, None), (one.this_update_utc - skew - SECOND, "early"),
    ):  # fmt: skip
        assert judged(authority, issued, response, now) == ("good", problem)


def test_a_staple_about_another_certificate(
    authority: Authority, issued: Issued, tmp_path: Path
) -> None:
    other = staple(authority, authority.issue())
    assert judged(authority, issued, other) == (None, "other-certificate")
    # The same serial number, of an authority of the same name.
    foreign = staple(Authority(tmp_path), issued)
    assert judged(authority, issued, foreign) == (None, "other-certificate")
    said = revocation.judge_staple(other, issued.certificate, (), dt.datetime.now(dt.UTC))
    assert said.problem == "no-issuer"


def test_unreadable_staples(authority: Authority, issued: Issued) -> None:
    assert judged(authority, issued, b"") == (None, "unreadable")
    refused = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER)
    assert judged(authority, issued, refused.public_bytes(Encoding.DER)) == (None, "not-successful")
    good = staple(authority, issued)
    read = ocsp.load_der_ocsp_response(good)
    at = good.index(read.signature) + 20
    forged = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    assert judged(authority, issued, forged) == ("good", "signature")


def responder(
    authority: Authority, key: Any, *, usage: Any = ExtendedKeyUsageOID.OCSP_SIGNING,
    not_before: dt.timedelta = -HOUR, issuer_key: Any = None,
) -> tuple[x509.Certificate, Any]:  # fmt: skip
    """A certificate of the intermediate for signing responses."""
    start = dt.datetime.now(dt.UTC) + not_before
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "responder")]))
        .issuer_name(authority.intermediate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + 2 * HOUR)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        .sign(issuer_key or authority.intermediate_key, hashes.SHA256())
    )
    return certificate, key


EC = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("key", [EC, RSA], ids=["ec", "rsa"])
def test_a_delegated_responder(authority: Authority, issued: Issued, key: Any) -> None:
    delegate = responder(authority, key)
    signed = staple(authority, issued, responder=delegate, sent=(delegate[0],))
    assert judged(authority, issued, signed) == ("good", None)
    # Its certificate has to be inside.
    assert judged(authority, issued, staple(authority, issued, responder=delegate)) == (
        "good", "responder",
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"usage": ExtendedKeyUsageOID.SERVER_AUTH}, {"not_before": -3 * HOUR},
        {"not_before": HOUR}, {"issuer_key": ec.generate_private_key(ec.SECP256R1())},
    ],
)  # fmt: skip
def test_a_responder_that_is_not_authorised(
    authority: Authority, issued: Issued, wrong: dict[str, Any]
) -> None:
    delegate = responder(authority, EC, **wrong)
    signed = staple(authority, issued, responder=delegate, sent=(delegate[0],))
    assert judged(authority, issued, signed) == ("good", "responder")


def test_a_responder_with_a_key_without_a_hash(authority: Authority, issued: Issued) -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    certificate, _ = responder(authority, key)
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None, microsecond=0)
    response = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=issued.certificate, issuer=authority.intermediate, algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD, this_update=now, next_update=None,
            revocation_time=None, revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.NAME, certificate)
        .certificates([certificate])
        .sign(key, None)
        .public_bytes(Encoding.DER)
    )  # fmt: skip
    assert judged(authority, issued, response) == ("good", None)


# -- both ------------------------------------------------------------------------------------------


def facts(
    authority: Authority, issued: Issued, tmp_path: Path, response: bytes | None,
    *crls: x509.CertificateRevocationList, path: bool = True,
) -> list[tuple[str, str, str]]:  # fmt: skip
    """Source, status and subject of each certificate."""
    file = tmp_path / "crls.pem"
    file.write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in crls))
    sent = (issued.certificate, authority.intermediate)
    built = (*sent, authority.root) if path else ()
    found, _ = revocation.status_facts(
        [one.public_bytes(Encoding.DER) for one in sent],
        [one.public_bytes(Encoding.DER) for one in built],
        Options(crl_files=(str(file),) if crls else ()),
        response,
    )
    return [(one.source, one.status, one.subject) for one in found]


def test_crls_and_a_staple_together(authority: Authority, issued: Issued, tmp_path: Path) -> None:
    leaf, above = "CN=localhost", "CN=Seventh throw-away intermediate"
    root = (authority.root, authority.root_key)
    clean, of_root = crl(authority), crl(authority, issuer=root)
    lost, good = crl(authority, issued.certificate), staple(authority, issued)
    revoked = staple(authority, issued, revoked=True)
    old = staple(authority, issued, begins=-2 * WEEK)
    stale = crl(authority, begins=-2 * WEEK)
    no_crl = ("crl", "unknown", above)
    for response, crls, said in (
        (None, (), []),
        (good, (), [("ocsp", "good", leaf)]),
        (revoked, (), [("ocsp", "revoked", leaf)]),
        (old, (), []),
        (None, (clean, of_root), [("crl", "good", leaf), ("crl", "good", above)]),
        (good, (clean,), [("crl", "good", leaf), no_crl]),
        (good, (stale,), [("ocsp", "good", leaf), no_crl]),
        (good, (lost,), [("crl", "revoked", leaf), no_crl]),
        (revoked, (clean,), [("ocsp", "revoked", leaf), no_crl]),
    ):
        assert facts(authority, issued, tmp_path, response, *crls) == said
    assert facts(authority, issued, tmp_path, None, clean, path=False) == [("crl", "good", leaf)]
