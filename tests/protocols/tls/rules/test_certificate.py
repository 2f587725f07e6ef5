"""The whole verdict on a certificate, on both sides of every boundary."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.tlsfacts import (
    CertificateFor,
    ChainProblem,
    Mismatch,
    OtherCertificate,
    TlsFacts,
)
from seventh.protocols.tls.rules import certificate as certs
from seventh.protocols.tls.rules.examples import GOOD, INTERMEDIATE, LEAF, with_leaf
from seventh.rules.rule import AnyRule
from tests.verdicts import fixed, hit, told

NO_CHAIN = "skip: no certificate was received"
UNREAD = "skip: the server certificate cannot be judged: bad DER"


def above(**changes: Any) -> TlsFacts:
    """A leaf with nothing wrong, under an intermediate with changes."""
    return GOOD.learn(chain=(LEAF, msgspec.structs.replace(INTERMEDIATE, **changes)))


OLD_CROSS = msgspec.structs.replace(INTERMEDIATE, subject="CN=Old cross", days_left=-400.0)
JUDGES_DATES = (certs.cert_expired, certs.cert_notyet, certs.cert_expiring, certs.cert_long,
                certs.cert_weak, certs.staple)  # fmt: skip


@pytest.mark.parametrize("rule", JUDGES_DATES, ids=lambda rule: rule.id)
def test_a_certificate_that_is_missing_or_unreadable_is_not_judged(rule: AnyRule) -> None:
    assert told(rule, GOOD.learn(chain=())) == NO_CHAIN
    assert told(rule, with_leaf(problem="bad DER")) == UNREAD
    assert told(rule, GOOD) == "pass"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (with_leaf(days_left=0.0), "pass"),
        (with_leaf(days_left=-0.1), "critical: expired: CN=host.example (2026-12-30T00:00:00Z)"),
        (above(days_left=-0.1),
         "critical: expired: CN=Example Intermediate (2030-01-01T00:00:00Z)"),
        (with_leaf(days_left=-3.0).learn(expired_errors=("depth 2: it has expired",)),
         "critical: expired: CN=host.example (2026-12-30T00:00:00Z)"),
        (GOOD.learn(expired_errors=("depth 2: it has expired",)),
         "critical: a certificate above the sent chain has expired (depth 2: it has expired)"),
        # What is on no path to a root harms hardly any client.
        (above(subject="CN=Elsewhere", days_left=-400.0), "pass"),
        (GOOD.learn(chain=(*GOOD.chain, OLD_CROSS)), "pass"),
        (above(subject="CN=Elsewhere", days_left=-1.0).learn(verified_path=("aa" * 32, "bb" * 32)),
         "critical: expired: CN=Elsewhere (2030-01-01T00:00:00Z)"),
        (with_leaf(days_left=-3.0, problem="bad DER"),
         "critical: expired: CN=host.example (2026-12-30T00:00:00Z)"),
    ],
)  # fmt: skip
def test_expired(facts: TlsFacts, line: str) -> None:
    assert told(certs.cert_expired, facts) == line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (with_leaf(days_to_start=0.0), "pass"),
        (with_leaf(days_to_start=0.1),
         "critical: not valid before: CN=host.example (2026-10-01T00:00:00Z)"),
        (above(days_to_start=0.1),
         "critical: not valid before: CN=Example Intermediate (2025-01-01T00:00:00Z)"),
    ],
)  # fmt: skip
def test_not_valid_yet(facts: TlsFacts, line: str) -> None:
    assert told(certs.cert_notyet, facts) == line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (with_leaf(days_left=30.0), "pass"),
        (with_leaf(days_left=29.94, lifetime_days=89.96), ("medium: CN=host.example expires at "
         "2026-12-30T00:00:00Z: 29.9 of 90.0 days left")),
        (with_leaf(days_left=7.0), ("medium: CN=host.example expires at "
         "2026-12-30T00:00:00Z: 7.0 of 90.0 days left")),
        (with_leaf(days_left=6.9), ("high: CN=host.example expires at "
         "2026-12-30T00:00:00Z: 6.9 of 90.0 days left")),
        # A sixth of a short life comes before a week.
        (with_leaf(days_left=5.0, lifetime_days=30.0), ("medium: CN=host.example expires at "
         "2026-12-30T00:00:00Z: 5.0 of 30.0 days left")),
        (with_leaf(days_left=4.9, lifetime_days=30.0), ("high: CN=host.example expires at "
         "2026-12-30T00:00:00Z: 4.9 of 30.0 days left")),
        (with_leaf(days_left=0.0), ("high: CN=host.example expires at "
         "2026-12-30T00:00:00Z: 0.0 of 90.0 days left")),
        (with_leaf(days_left=-0.1), "skip: the certificate has already expired"),
        # An intermediate has no thirds, but a month.
        (above(days_left=30.0), "pass"),
        (above(days_left=29.9), ("medium: CN=Example Intermediate expires at "
         "2030-01-01T00:00:00Z: 29.9 of 1826.0 days left")),
        (above(days_left=7.0), ("medium: CN=Example Intermediate expires at "
         "2030-01-01T00:00:00Z: 7.0 of 1826.0 days left")),
        (above(days_left=6.9), ("high: CN=Example Intermediate expires at "
         "2030-01-01T00:00:00Z: 6.9 of 1826.0 days left")),
        (above(days_left=0.0), ("high: CN=Example Intermediate expires at "
         "2030-01-01T00:00:00Z: 0.0 of 1826.0 days left")),
        (above(days_left=-0.1), "pass"),
        (above(days_left=20.0, subject="CN=Elsewhere"), "pass"),
        (above(days_left=20.0, self_issued=True), "pass"),
        (above(days_left=20.0, problem="bad DER"), "pass"),
    ],
)  # fmt: skip
def test_expires_soon(facts: TlsFacts, line: str) -> None:
    assert told(certs.cert_expiring, facts) == line


@pytest.mark.parametrize(
    ("begins", "most"),
    [
        ("2020-09-01", 398), ("2026-03-14", 398), ("2026-03-15", 200), ("2027-03-14", 200),
        ("2027-03-15", 100), ("2029-03-14", 100), ("2029-03-15", 47),
    ],
)  # fmt: skip
def test_the_limits_of_ballot_sc_081(begins: str, most: int) -> None:
    issued = f"{begins}T23:59:59Z"
    facts = with_leaf(not_before=issued, lifetime_days=float(most))
    assert told(certs.cert_long, facts) == "pass"
    longer = with_leaf(not_before=issued, lifetime_days=most + 0.14)
    assert told(certs.cert_long, longer) == (
        f"info: CN=host.example: lifetime {most}.1 days, limit {most} days (issued {issued})"
    )
    for trust in ("given", None):
        assert told(certs.cert_long, longer.learn(trust=trust)) == (
            "skip: the limit applies to public CAs only; this chain does not end at one"
        )


def unmatched(mismatch: Mismatch | None = None, **leaf: Any) -> TlsFacts:
    facts = with_leaf(**{"names": ("a.test",), "names_count": 1, **leaf})
    return facts.learn(server_name="b.test", host_matches=False, mismatch=mismatch)


SEVENTEEN = tuple(f"{at}.test" for at in range(17))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (unmatched().learn(host_matches=True), "pass"),
        (unmatched().learn(host_matches=None), NO_CHAIN),
        (unmatched(), "high: certificate names a.test, requested b.test"),
        (unmatched(Mismatch.OTHER), "high: certificate names a.test, requested b.test"),
        (unmatched(names_count=0), "high: certificate names a.test, requested b.test"),
        (unmatched(names_count=2), "high: certificate names a.test and 1 others, requested b.test"),
        (unmatched(names=SEVENTEEN[:16], names_count=16),
         f"high: certificate names {', '.join(SEVENTEEN[:16])}, requested b.test"),
        (unmatched(names=SEVENTEEN, names_count=0),
         f"high: certificate names {', '.join(SEVENTEEN[:16])} and 1 others, requested b.test"),
        (unmatched(names=()),
         "high: certificate has no subject alternative name, requested b.test"),
        (unmatched(Mismatch.NO_HOST, names=(), names_count=0), ("high: certificate has no DNS name "
         "or address among its alternative names, requested b.test")),
        (unmatched(Mismatch.ADDRESS_AS_DNS, names_count=2), ("high: certificate has the address as "
         "a DNS name, which clients ignore, requested b.test")),
        (unmatched(Mismatch.UNREADABLE),
         "skip: the subject alternative names of the certificate cannot be read"),
    ],
)  # fmt: skip
def test_the_name_of_the_host(facts: TlsFacts, line: str) -> None:
    assert told(certs.cert_host, facts) == line


@pytest.mark.parametrize("more", [0, 1])
def test_the_fix_has_the_name_that_was_requested(more: int) -> None:
    assert fixed(certs.cert_host, unmatched(names_count=1 + more), "certbot") == (
        "certbot certonly --cert-name b.test -d b.test"
    )


def blemished(*problems: tuple[Any, str], **changes: Any) -> TlsFacts:
    return GOOD.learn(
        chain_problems=tuple(ChainProblem(kind=kind, value=value) for kind, value in problems),
        **changes,
    )


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD, "pass"),
        (GOOD.learn(chain=()), NO_CHAIN),
        (GOOD.learn(chain_state=None), NO_CHAIN),
        (GOOD.learn(chain_state="unverified", certificate_detail="no support for SM2"),
         "skip: could not be verified: no support for SM2"),
        (blemished(("order", "CN=a, CN=b")), "medium: wrong order; send CN=a, CN=b"),
        (blemished(("root-sent", "CN=r")), "low: root sent, clients do not need it: CN=r"),
        (blemished(("stranger", "CN=s")), "low: unrelated certificate sent: CN=s"),
        (blemished(("unreadable", "2")),
         "low: certificate not readable here: number 2 of those sent"),
        (blemished(("duplicate", "CN=a")), "low: sent twice: CN=a"),
        (blemished(("too-long", "11")), "medium: 11 sent, more than many clients accept"),
        (blemished(("expired-leftover", "CN=x")), ("medium: expired certificate sent that no path "
         "needs: CN=x; clients that prefer sent certificates, such as OpenSSL 1.0, fail")),
        (blemished(("expiring-leftover", "CN=x (2027)")), ("low: certificate sent that no path "
         "needs and that expires soon: CN=x (2027); remove it before that date")),
        (blemished(("duplicate", "CN=a"), ("root-sent", "CN=r"), ("duplicate", "CN=b")),
         "low: sent twice: CN=a, CN=b; root sent, clients do not need it: CN=r"),
        (blemished(("duplicate", "CN=a"), ("order", "CN=b")),
         "medium: sent twice: CN=a; wrong order; send CN=b"),
        (blemished(("duplicate", "CN=a"), chain_state="unknown-root"),
         "high: issuer neither sent nor trusted: CN=Example Root; sent twice: CN=a"),
        (above(self_issued=True).learn(chain_state="unknown-root"),
         "high: root sent but not trusted: CN=Example Intermediate"),
        (GOOD.learn(chain_state="missing-intermediate"),
         "high: issuer neither sent nor trusted: CN=Example Intermediate"),
        (GOOD.learn(chain_state="self-signed"), "high: self-signed: CN=host.example"),
        (GOOD.learn(chain_state="invalid", verify_errors=("depth 0: a", "depth 1: b")),
         "high: chain does not verify: depth 0: a, depth 1: b"),
    ],
)  # fmt: skip
def test_the_chain(facts: TlsFacts, line: str) -> None:
    assert told(certs.chain, facts) == line


@pytest.mark.field
def test_a_private_root_is_asked_for_before_anything_is_changed() -> None:
    facts = GOOD.learn(chain_state="unknown-root")
    assert told(certs.chain, facts) == "high: issuer neither sent nor trusted: CN=Example Root"
    product, fix = next(iter(certs.chain.words.fix.items()))
    assert product == "any"
    assert fix.startswith("Private CA: check with --ca FILE")


@pytest.mark.parametrize("state", ["trusted", "self-signed"])
def test_the_fix_of_a_chain_has_the_name(state: str) -> None:
    facts = blemished(("order", "CN=a"), chain_state=state)
    assert fixed(certs.chain, facts, "nginx").startswith(
        "ssl_certificate /etc/letsencrypt/live/host.example/fullchain.pem;\n"
    )


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (with_leaf(key_type="RSA", key_bits=2048), "pass"),
        (with_leaf(key_type="RSA", key_bits=2047),
         "high: weak: CN=host.example (RSA 2047 bits)"),
        (with_leaf(signature_hash="sha1", version=1),
         "high: weak: CN=host.example (SHA1, X.509 v1)"),
        (with_leaf(key_type="RSA", key_bits=1024, self_issued=True),
         "high: weak: CN=host.example (RSA 1024 bits)"),
        (above(key_type="RSA", key_bits=1024),
         "high: weak: CN=Example Intermediate (RSA 1024 bits)"),
        (above(key_type="RSA", key_bits=1024, self_issued=True), "pass"),
        (above(unjudged="SM2"), "skip: CN=Example Intermediate: SM2"),
        (with_leaf(version=1, unjudged="SM2"), "high: weak: CN=host.example (X.509 v1)"),
    ],
)  # fmt: skip
def test_weak_certificates(facts: TlsFacts, line: str) -> None:
    assert told(certs.cert_weak, facts) == line


@pytest.mark.parametrize(
    ("required", "sent", "line"),
    [
        (True, True, "pass"), (False, None, "pass"),
        (True, None, "skip: the handshake ended before this was known"),
        (None, False, "skip: the extensions of the server certificate cannot be read"),
        (True, False, ("low: CN=host.example requires an OCSP staple (must-staple); "
         "the server sent none")),
    ],
)  # fmt: skip
def test_staples(required: bool | None, sent: bool | None, line: str) -> None:
    assert told(certs.staple, with_leaf(must_staple=required).learn(staple=sent)) == line


# -- several certificates --------------------------------------------------------------------------


def both(main: TlsFacts, **rsa: Any) -> TlsFacts:
    """A server with an EC certificate, and an RSA one whose leaf has changes."""
    leaf = msgspec.structs.replace(LEAF, subject="CN=rsa", **rsa)
    other = OtherCertificate(
        key_type="RSA", chain=(leaf, INTERMEDIATE), chain_state="trusted", trust="system",
        host_matches=True, staple=False,
    )  # fmt: skip
    return main.learn(other_certificates=(other,))


@pytest.mark.parametrize(
    ("rule", "facts", "line"),
    [
        (certs.cert_expired, both(GOOD), "pass"),
        (certs.cert_expired, both(GOOD, days_left=-1.0),
         "critical: expired: CN=rsa (2026-12-30T00:00:00Z) (RSA)"),
        (certs.cert_expired, both(with_leaf(days_left=-1.0), days_left=-1.0),
         ("critical: expired: CN=host.example (2026-12-30T00:00:00Z) (EC), "
         "CN=rsa (2026-12-30T00:00:00Z) (RSA)")),
        (certs.cert_expired, both(above(key_type="RSA", key_bits=2048, days_left=-1.0)),
         "critical: expired: CN=Example Intermediate (2030-01-01T00:00:00Z) (EC)"),
        (certs.cert_expired, both(GOOD, problem="bad DER"), UNREAD),
        (certs.cert_expired, both(GOOD.learn(chain=())), NO_CHAIN),
        (certs.cert_expired, both(GOOD.learn(chain=()), days_left=-1.0),
         "critical: expired: CN=rsa (2026-12-30T00:00:00Z) (RSA)"),
        # One sentence about one certificate: the worst of them.
        (certs.cert_expiring, both(with_leaf(days_left=20.0), days_left=5.0),
         "high: CN=rsa (RSA) expires at 2026-12-30T00:00:00Z: 5.0 of 90.0 days left"),
        (certs.cert_expiring, both(with_leaf(days_left=20.0), days_left=19.0),
         "medium: CN=host.example (EC) expires at 2026-12-30T00:00:00Z: 20.0 of 90.0 days left"),
        (certs.staple, both(GOOD, must_staple=True), ("low: CN=rsa (RSA) requires an OCSP staple "
         "(must-staple); the server sent none")),
        (certs.cert_long, both(GOOD, lifetime_days=300.0),
         "info: CN=rsa (RSA): lifetime 300.0 days, limit 200 days (issued 2026-10-01T00:00:00Z)"),
    ],
)  # fmt: skip
def test_each_certificate_is_judged(rule: AnyRule, facts: TlsFacts, line: str) -> None:
    assert told(rule, facts) == line


def test_names_are_listed_with_the_certificate_that_has_them() -> None:
    main = unmatched()
    rsa = msgspec.structs.replace(LEAF, names=("a.test", "c.test"), names_count=2)
    other = OtherCertificate(key_type="RSA", chain=(rsa,), host_matches=False)
    found = hit(certs.cert_host, main.learn(other_certificates=(other,)))
    assert found.params == {
        "what": "other", "name": "b.test", "names": ("a.test (EC)", "a.test (RSA)", "c.test (RSA)")
    }  # fmt: skip


def test_a_grave_fault_of_the_second_certificate_makes_the_finding_grave() -> None:
    facts = both(blemished(("root-sent", "CN=r")))
    (other,) = facts.other_certificates
    broken = msgspec.structs.replace(other, chain_state="self-signed")
    assert told(certs.chain, facts.learn(other_certificates=(broken,))) == (
        "high: self-signed: CN=rsa (RSA); root sent, clients do not need it: CN=r (EC)"
    )


def test_two_certificates_share_their_codes_and_keep_their_values_apart() -> None:
    facts = both(blemished(("duplicate", "CN=a")))
    (other,) = facts.other_certificates
    twice = (ChainProblem(kind="duplicate", value="CN=b"),)
    broken = msgspec.structs.replace(other, chain_state="self-signed", chain_problems=twice)
    assert told(certs.chain, facts.learn(other_certificates=(broken,))) == (
        "high: self-signed: CN=rsa (RSA); sent twice: CN=b (RSA), CN=a (EC)"
    )


def further(main: TlsFacts, sent_to: CertificateFor, name: str = "", **more: Any) -> TlsFacts:
    """A server with one more certificate, which has expired and is for another host."""
    leaf = msgspec.structs.replace(
        LEAF, subject="CN=further", days_left=-1.0, sha256="cc" * 32, names=("further.example",)
    )
    given: dict[str, Any] = {
        "chain": (leaf, INTERMEDIATE), "chain_state": "trusted", "host_matches": False, **more
    }  # fmt: skip
    other = OtherCertificate(key_type="EC", sent_to=sent_to, server_name=name, **given)
    return main.learn(other_certificates=(*main.other_certificates, other))


WWW = "www.host.example"
FURTHER = "CN=further (2026-12-30T00:00:00Z)"
SAME = {"chain": GOOD.chain}


@pytest.mark.parametrize(
    ("rule", "facts", "line"),
    [
        # Nobody expects the right name of a client that has sent none, and few clients send none.
        (certs.cert_expired, further(GOOD, "no-name"),
         f"info: expired: {FURTHER} (sent without SNI)"),
        (certs.cert_expired, further(with_leaf(days_left=-1.0), "no-name"),
         ("critical: expired: CN=host.example (2026-12-30T00:00:00Z) (host.example), "
         f"{FURTHER} (sent without SNI)")),
        (certs.cert_host, further(GOOD, "no-name"), "pass"),
        # A self-signed certificate for no name at all stands there on purpose.
        (certs.cert_expired, further(GOOD, "no-name", chain_state="self-signed"), "pass"),
        (certs.chain, further(GOOD, "no-name", chain_state="self-signed"), "pass"),
        (certs.chain, further(GOOD, "no-name", chain_state="self-signed", host_matches=True),
         "info: self-signed: CN=further (sent without SNI)"),
        # The user has not asked for that name.
        (certs.cert_expired, further(GOOD, "name", WWW), f"medium: expired: {FURTHER} ({WWW})"),
        (certs.cert_host, further(GOOD, "name", WWW),
         f"medium: certificate names further.example ({WWW}), requested {WWW}"),
        (certs.cert_host, further(unmatched(), "name", WWW),
         (f"high: certificate names a.test (b.test), further.example ({WWW}), requested b.test")),
        # The same certificate, which lacks that name: everything else is said once.
        (certs.cert_host, further(GOOD, "name", WWW, **SAME),
         f"medium: certificate names host.example ({WWW}), requested {WWW}"),
        (certs.cert_weak, further(with_leaf(key_type="RSA", key_bits=1024), "name", WWW, **SAME),
         "high: weak: CN=host.example (RSA 1024 bits)"),
        # All of them at once.
        (certs.cert_expired,
         further(further(both(GOOD, days_left=-1.0, sha256="dd" * 32), "no-name"), "name", WWW),
         ("critical: expired: CN=rsa (2026-12-30T00:00:00Z) (RSA), "
         f"{FURTHER} ({WWW}), {FURTHER} (sent without SNI)")),
    ],
)  # fmt: skip
def test_a_certificate_that_depends_on_the_server_name(
    rule: AnyRule, facts: TlsFacts, line: str
) -> None:
    assert told(rule, facts) == line
