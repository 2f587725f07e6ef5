"""Where a rule's bar lies: beyond the good and bad example that each declares."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.report import SkipCause
from seventh.model.severity import Severity
from seventh.model.tlsfacts import (
    Certificate,
    ChainProblem,
    Mismatch,
    OtherCertificate,
    Starttls,
    StarttlsName,
    TlsFacts,
    Topic,
)
from seventh.protocols.tls.rules import certificate as certs
from seventh.protocols.tls.rules import handshake, suites, versions
from seventh.protocols.tls.rules.examples import GOOD, INTERMEDIATE, LEAF
from seventh.protocols.tls.rules.starttls import starttls_inject
from seventh.rules.rule import Hit, Skip, Verdict
from tests.reports import evidence


def leaf(**changes: Any) -> Certificate:
    return msgspec.structs.replace(LEAF, **changes)


def with_leaf(**changes: Any) -> TlsFacts:
    return GOOD.learn(chain=(leaf(**changes), INTERMEDIATE))


def hit(verdict: Verdict) -> Hit:
    assert isinstance(verdict, Hit), verdict
    return verdict


@pytest.mark.parametrize(
    ("lifetime", "left", "severity"),
    [
        (90, 31, None),
        (90, 29, Severity.MEDIUM),
        (90, 6, Severity.HIGH),
        (365, 120, Severity.MEDIUM),
        (6, 3, None),
        (6, 1.9, Severity.MEDIUM),
        (6, 0.9, Severity.HIGH),
    ],
)
def test_expiring_goes_by_thirds(lifetime: float, left: float, severity: Severity | None) -> None:
    verdict = certs.cert_expiring(with_leaf(lifetime_days=lifetime, days_left=left))
    if severity is None:
        assert verdict is None
    else:
        assert (hit(verdict).severity or certs.cert_expiring.severity) is severity


def test_an_intermediate_that_ends_soon_counts_too() -> None:
    soon = msgspec.structs.replace(INTERMEDIATE, days_left=20.0)
    assert hit(certs.cert_expiring(GOOD.learn(chain=(LEAF, soon)))).params["days_left"] == 20.0
    unrelated = msgspec.structs.replace(soon, subject="CN=Elsewhere")
    assert certs.cert_expiring(GOOD.learn(chain=(LEAF, unrelated))) is None


def test_what_has_expired_is_not_also_expiring() -> None:
    gone = with_leaf(days_left=-1.0)
    assert isinstance(certs.cert_expiring(gone), Skip)
    assert hit(certs.cert_expired(gone))


def test_a_root_that_expired_is_told_by_the_verification_alone() -> None:
    said = ("depth 2: certificate has expired",)
    verdict = hit(certs.cert_expired(GOOD.learn(expired_errors=said)))
    assert verdict.params == {"what": ("not-sent",), "detail": said}
    assert evidence(certs.cert_expired, verdict) == (
        f"a certificate above the sent chain has expired ({said[0]})"
    )
    unrelated = GOOD.learn(verify_errors=("depth 0: unable to get local issuer certificate",))
    assert certs.cert_expired(unrelated) is None


def test_an_expired_leftover_harms_nobody() -> None:
    leftover = msgspec.structs.replace(INTERMEDIATE, subject="CN=Old cross", days_left=-400.0)
    assert certs.cert_expired(GOOD.learn(chain=(LEAF, INTERMEDIATE, leftover))) is None
    expired = msgspec.structs.replace(INTERMEDIATE, days_left=-1.0)
    assert hit(certs.cert_expired(GOOD.learn(chain=(LEAF, expired))))


@pytest.mark.parametrize(
    ("begins", "lifetime", "limit"),
    [
        ("2026-01-01T00:00:00Z", 398, None),
        ("2026-01-01T00:00:00Z", 399, 398),
        ("2026-03-15T00:00:00Z", 200, None),
        ("2026-03-15T00:00:00Z", 201, 200),
        ("2027-03-15T00:00:00Z", 101, 100),
        ("2029-03-15T00:00:00Z", 48, 47),
    ],
)
def test_long_lives_by_the_day_they_begin(begins: str, lifetime: int, limit: int | None) -> None:
    verdict = certs.cert_long(with_leaf(not_before=begins, lifetime_days=float(lifetime)))
    assert (verdict is None) if limit is None else (hit(verdict).params["limit"] == limit)


def test_private_roots_may_issue_for_as_long_as_they_like() -> None:
    private = with_leaf(lifetime_days=3650.0).learn(trust="given")
    assert isinstance(certs.cert_long(private), Skip)


@pytest.mark.parametrize(
    ("kind", "severity"),
    [("order", Severity.MEDIUM), ("too-long", Severity.MEDIUM), ("root-sent", Severity.LOW),
     ("duplicate", Severity.LOW)],
)  # fmt: skip
def test_chain_blemishes_weigh_less_than_no_chain(kind: Any, severity: Severity) -> None:
    facts = GOOD.learn(chain_problems=(ChainProblem(kind=kind, text="…"),))
    assert hit(certs.chain(facts)).severity is severity


@pytest.mark.parametrize(
    "state", ["missing-intermediate", "unknown-root", "self-signed", "invalid"]
)
def test_no_way_to_a_root_is_high(state: str) -> None:
    verdict = hit(certs.chain(GOOD.learn(chain_state=state)))
    assert (verdict.severity or certs.chain.severity) is Severity.HIGH


@pytest.mark.field
def test_a_private_root_is_asked_for_before_anything_is_changed() -> None:
    verdict = hit(certs.chain(GOOD.learn(chain_state="unknown-root")))
    assert verdict.params["problems"] == ("issuer-not-trusted",)
    assert evidence(certs.chain, verdict) == "issuer neither sent nor trusted: CN=Example Root"
    product, fix = next(iter(certs.chain.words.fix.items()))
    assert product == "any"
    assert fix.startswith("Private CA: check with --ca FILE")


def test_a_roots_own_signature_is_not_judged() -> None:
    root = msgspec.structs.replace(
        INTERMEDIATE, self_issued=True, signature_hash="sha1", key_type="RSA", key_bits=1024
    )
    assert certs.cert_weak(GOOD.learn(chain=(LEAF, root))) is None
    assert hit(certs.cert_weak(GOOD.learn(chain=(leaf(signature_hash="md5"),))))


def test_a_staple_that_came_is_enough() -> None:
    assert certs.staple(with_leaf(must_staple=True).learn(staple=True)) is None


def test_cbc_is_medium_and_rc4_high() -> None:
    cbc = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"
    assert hit(suites.weak_cipher(GOOD.learn(obsolete_suites=(cbc,)))).severity is Severity.MEDIUM
    both = GOOD.learn(obsolete_suites=(cbc,), broken_suites=("TLS_RSA_WITH_RC4_128_SHA",))
    assert hit(suites.weak_cipher(both)).severity is None
    assert len(hit(suites.weak_cipher(both)).params["suites"]) == 2  # type: ignore[arg-type]
    negotiated = GOOD.learn(cipher=cbc)
    assert hit(suites.weak_cipher(negotiated)).params["suites"] == (cbc,)


def test_half_an_answer_about_suites_is_no_pass() -> None:
    assert isinstance(suites.weak_cipher(GOOD.learn(broken_suites=None)), Skip)
    assert isinstance(suites.weak_cipher(GOOD.learn(obsolete_suites=None)), Skip)


def test_half_an_answer_about_versions_is_no_pass() -> None:
    verdict = versions.legacy(
        GOOD.learn(versions_refused=("TLSv1.1",), unknown={Topic.SSL3: "no answer to this hello"})
    )
    assert verdict == Skip("SSLv3: no answer to this hello")


def test_what_only_tls12_has_cannot_be_wrong_without_it() -> None:
    only13 = GOOD.learn(
        versions=("TLSv1.3",), versions_refused=("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"),
        extended_master_secret=None, secure_renegotiation=None, compression=None,
    )  # fmt: skip
    for rule in (handshake.ems, handshake.reneg, handshake.compress):
        assert rule(only13) is None
    unasked = GOOD.learn(
        versions_refused=(), extended_master_secret=None, secure_renegotiation=None,
        compression=None,
    )  # fmt: skip
    for rule in (handshake.ems, handshake.reneg, handshake.compress):
        assert isinstance(rule(unasked), Skip)


@pytest.mark.parametrize(("bits", "fires"), [(0, False), (1024, True), (2047, True), (2048, False)])
def test_the_size_of_the_prime(bits: int, fires: bool) -> None:
    assert isinstance(handshake.dh_small(GOOD.learn(dh_bits=bits)), Hit) is fires


def test_early_data() -> None:
    allowed = GOOD.learn(max_early_data_bytes=16384)
    assert handshake.early_data_on(allowed.learn(early_data_accepted=False)) is None
    assert isinstance(handshake.early_data_on(allowed), Skip)
    old = GOOD.learn(version="TLSv1.2", max_early_data_bytes=None)
    assert handshake.early_data_on(old) is None


def test_mtls() -> None:
    for state in ("required", "refused-later", "not-requested"):
        assert handshake.mtls_optional(GOOD.learn(client_certificate=state)) is None
    assert isinstance(handshake.mtls_optional(GOOD.learn(client_certificate="given")), Skip)


@pytest.mark.parametrize(
    ("names", "count", "mismatch", "shown"),
    [
        (("a.test",), 1, Mismatch.OTHER, "certificate names a.test, requested b.test"),
        (("a.test",), 17, Mismatch.OTHER,
         "certificate names a.test and 16 others, requested b.test"),
        ((), 0, Mismatch.NONE, "certificate has no subject alternative name, requested b.test"),
        ((), 0, None, "certificate has no subject alternative name, requested b.test"),
    ],
)  # fmt: skip
def test_what_the_certificate_names_instead(
    names: tuple[str, ...], count: int, mismatch: Mismatch | None, shown: str
) -> None:
    facts = with_leaf(names=names, names_count=count)
    verdict = certs.cert_host(
        facts.learn(server_name="b.test", host_matches=False, mismatch=mismatch)
    )
    assert evidence(certs.cert_host, verdict) == shown


def test_of_many_names_the_first_sixteen_are_shown() -> None:
    names = tuple(f"{at}.test" for at in range(20))
    verdict = hit(certs.cert_host(with_leaf(names=names, names_count=30).learn(host_matches=False)))
    assert verdict.params["names"] == names[:16]
    assert verdict.params["more"] == 14


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("missing-intermediate", "issuer neither sent nor trusted: CN=Example Intermediate"),
        ("self-signed", "self-signed: CN=host.example"),
        ("invalid", "chain does not verify: depth 0: bad signature"),
    ],
)
def test_why_a_chain_ends_nowhere(state: str, shown: str) -> None:
    facts = GOOD.learn(chain_state=state, verify_errors=("depth 0: bad signature",))
    assert evidence(certs.chain, certs.chain(facts)) == shown


def test_a_root_that_is_sent_but_not_trusted_is_named() -> None:
    root = msgspec.structs.replace(INTERMEDIATE, self_issued=True)
    facts = GOOD.learn(chain=(LEAF, root), chain_state="unknown-root")
    assert evidence(certs.chain, certs.chain(facts)) == (
        "root sent but not trusted: CN=Example Intermediate"
    )


def test_two_certificates_share_their_codes_and_keep_their_values_apart() -> None:
    other = OtherCertificate(
        key_type="RSA", chain=(LEAF,), chain_state="self-signed", host_matches=True, staple=False,
        chain_problems=(ChainProblem(kind="duplicate", value="CN=b"),),
    )  # fmt: skip
    facts = GOOD.learn(
        chain_problems=(ChainProblem(kind="duplicate", value="CN=a"),), other_certificates=(other,)
    )
    verdict = hit(certs.chain(facts))
    assert verdict.severity is None, "the worst counts"
    assert verdict.params["problems"] == ("self-signed", "duplicate")
    assert evidence(certs.chain, verdict) == (
        "self-signed: CN=host.example (RSA); sent twice: CN=b (RSA), CN=a (EC)"
    )


@pytest.mark.parametrize(
    ("facts", "shown"),
    [
        (GOOD.learn(resumed=False, tickets=0), "no session ticket within a second"),
        (GOOD.learn(resumed=False, tickets=2), "the second handshake"),
        (GOOD.learn(resumed=False, tickets=0, version="TLSv1.2"), "the second handshake"),
        (GOOD.learn(resumed=False, configured=True), "session tickets are off"),
        (GOOD.learn(not_resumed_at=("192.0.2.7",)), "refused at 192.0.2.7"),
    ],
)
def test_why_sessions_are_not_resumed(facts: TlsFacts, shown: str) -> None:
    assert evidence(handshake.no_resume, handshake.no_resume(facts)).startswith(shown)


@pytest.mark.parametrize(
    ("accepted", "level", "severity", "what"),
    [
        (("TLS_RSA_WITH_RC4_128_SHA",), 0, Severity.MEDIUM, "allowed-if-supported"),
        (("TLS_RSA_WITH_NULL_SHA",), None, Severity.MEDIUM, "allowed-if-supported"),
        (("TLS_RSA_WITH_NULL_SHA",), 0, None, "allowed"),
        (("TLS_DH_anon_WITH_RC4_128_MD5",), 0, None, "allowed"),
    ],
)
def test_a_file_only_asks_for_weak_suites(
    accepted: tuple[str, ...], level: int | None, severity: Severity | None, what: str
) -> None:
    facts = GOOD.learn(broken_suites=accepted, configured=True, security_level=level)
    verdict = hit(suites.weak_cipher(facts))
    assert (verdict.severity, verdict.params["what"]) == (severity, what)


@pytest.mark.parametrize(
    ("found", "level", "severity", "what"),
    [
        ("TLSv1.0", 0, None, "allowed-seclevel-0"),
        ("TLSv1.0", 1, Severity.MEDIUM, "allowed"),
        ("SSLv3", 0, Severity.MEDIUM, "allowed"),
    ],
)
def test_a_file_only_asks_for_old_versions(
    found: str, level: int, severity: Severity | None, what: str
) -> None:
    facts = GOOD.learn(versions=(found, "TLSv1.2"), configured=True, security_level=level)
    verdict = hit(versions.legacy(facts))
    assert (verdict.severity, verdict.params["what"]) == (severity, what)


# -- after STARTTLS --------------------------------------------------------------------------------


def after(protocol: StarttlsName, **more: Any) -> TlsFacts:
    return GOOD.learn(starttls=Starttls(protocol=protocol, injected_bytes=0), **more)


def test_resumption_matters_less_after_starttls_and_not_to_postgresql() -> None:
    full: dict[str, Any] = {"resumed": False, "tickets": 0}
    assert hit(handshake.no_resume(GOOD.learn(**full))).severity is None
    assert hit(handshake.no_resume(after("imap", **full))).severity is Severity.LOW
    skip = handshake.no_resume(after("postgres", **full))
    assert isinstance(skip, Skip)
    assert skip.cause is SkipCause.NOT_APPLICABLE


def test_after_starttls_the_login_decides_about_client_certificates() -> None:
    skip = handshake.mtls_optional(after("mysql", client_certificate="optional"))
    assert isinstance(skip, Skip)
    assert skip.cause is SkipCause.NO_EVIDENCE
    assert handshake.mtls_optional(after("mysql", client_certificate="required")) is None


def test_injected_data_is_unknown_without_a_go_ahead() -> None:
    refused = TlsFacts(starttls=Starttls(protocol="smtp"))
    skip = starttls_inject(refused)
    assert isinstance(skip, Skip)
    assert skip.cause is SkipCause.NO_EVIDENCE
    direct = starttls_inject(GOOD)
    assert isinstance(direct, Skip)
    assert direct.cause is SkipCause.NOT_APPLICABLE


def test_the_greeting_or_the_protocol_selects_the_fix() -> None:
    greeting = Starttls(protocol="smtp", greeting="mx.example ESMTP Postfix")
    assert GOOD.learn(starttls=greeting).product == "postfix"
    assert after("ldap").product == "ldap"
    assert GOOD.product == ""
