"""The whole verdict on revocation."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seventh.model.revocation import OcspResponse, Revocation
from seventh.model.tlsfacts import OtherCertificate, TlsFacts
from seventh.protocols.tls.rules import revocation as rules
from seventh.protocols.tls.rules.examples import GOOD, LEAF, with_leaf
from tests.verdicts import told

WHEN = "2026-10-30T00:00:00Z"


def by(*statuses: dict[str, Any]) -> TlsFacts:
    """A server with these statuses, the server's own first."""
    names = ("CN=host.example", "CN=Example Intermediate")
    return GOOD.learn(
        revocation=tuple(Revocation(subject=n, **s) for n, s in zip(names, statuses, strict=False))
    )


OK: dict[str, Any] = {"status": "good"}
LOST: dict[str, Any] = {"status": "revoked", "revoked_at": WHEN, "reason": "keyCompromise"}


def unknown(problem: str | None) -> dict[str, Any]:
    return {"status": "unknown", "problem": problem}


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD.learn(chain=()), "skip: no certificate was received"),
        (GOOD, "skip: no valid OCSP staple was received, and no CRL was given with --crl FILE"),
        (by(OK), "pass"),
        (by(OK, OK), "pass"),
        (by(LOST), f"critical: revoked: CN=host.example (by the CRL, on {WHEN}, keyCompromise)"),
        (by({"status": "revoked", "source": "ocsp", "revoked_at": WHEN}),
         f"critical: revoked: CN=host.example (by the OCSP staple, on {WHEN})"),
        # What is known counts, whatever is unknown beside it.
        (by(unknown("stale"), LOST),
         f"critical: revoked: CN=Example Intermediate (by the CRL, on {WHEN}, keyCompromise)"),
        (by(OK, unknown("no-crl")), ("skip: status of CN=Example Intermediate unknown: no CRL of "
         "its issuer was given; add it with --crl FILE")),
        (by(unknown("stale")), ("skip: status of CN=host.example unknown: the CRL is past its "
         "nextUpdate; fetch the current one")),
        (by(unknown("signature")), ("skip: status of CN=host.example unknown: the CRL is not "
         "signed by its issuer's key")),
    ],
)  # fmt: skip
def test_revoked(facts: TlsFacts, line: str) -> None:
    assert told(rules.revoked, facts) == line


def test_the_revoked_certificate_is_named() -> None:
    rsa = msgspec.structs.replace(LEAF, subject="CN=rsa", key_type="RSA")
    other = OtherCertificate(
        key_type="RSA", chain=(rsa,), revocation=(Revocation(subject="CN=rsa", **LOST),)
    )
    assert told(rules.revoked, by(OK).learn(other_certificates=(other,))) == (
        f"critical: revoked: CN=rsa (by the CRL, on {WHEN}, keyCompromise) (RSA)"
    )


def stapled(problem: str | None, **leaf: Any) -> TlsFacts:
    response = OcspResponse(status="good", problem=problem, this_update=WHEN, next_update=WHEN)  # type: ignore[arg-type]
    return with_leaf(**leaf).learn(staple=True, ocsp=response)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (GOOD.learn(chain=()), "skip: no certificate was received"),
        (GOOD, "pass"),
        (GOOD.learn(staple=None), "skip: it is not known whether a staple was sent"),
        (GOOD.learn(staple=True), "skip: it is not known whether a staple was sent"),
        (stapled(None), "pass"),
        (stapled("no-issuer"),
         "skip: the OCSP staple cannot be verified without the issuer's certificate"),
        (stapled("stale"), f"medium: CN=host.example: the OCSP staple expired at {WHEN}"),
        (stapled("stale", must_staple=True),
         f"high: CN=host.example: the OCSP staple expired at {WHEN}"),
        (stapled("stale", must_staple=None),
         f"medium: CN=host.example: the OCSP staple expired at {WHEN}"),
        (stapled("early"), f"medium: CN=host.example: the OCSP staple becomes valid at {WHEN}"),
        (stapled("responder"), ("medium: CN=host.example: the signer of the OCSP staple is neither "
         "the issuer nor authorised by it")),
    ],
)  # fmt: skip
def test_invalid_staples(facts: TlsFacts, line: str) -> None:
    assert told(rules.staple_invalid, facts) == line
