"""Rules for revocation: what CRLs and stapled OCSP responses say."""

from __future__ import annotations

from seventh.model.report import Param
from seventh.model.revocation import OcspResponse, Revocation
from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.tls.rules.each import each_certificate
from seventh.protocols.tls.rules.examples import GOOD, LEAF
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_GOOD_STAPLE = OcspResponse(
    status="good", this_update="2026-10-30T00:00:00Z", next_update="2026-11-06T00:00:00Z"
)
_WHY_UNKNOWN = {
    "no-crl": "no CRL of its issuer was given; add it with --crl FILE",
    "no-issuer": "the certificate of its issuer is not known; add it with --ca FILE",
    "signature": "the CRL is not signed by its issuer's key",
    "not-for-crls": "its issuer may not sign CRLs",
    "early": "the CRL is not valid yet",
    "stale": "the CRL is past its nextUpdate; fetch the current one",
    "other-certificates": "the CRL covers other certificates of the issuer",
    "unsupported": "the CRL is of a kind not supported here, such as a delta CRL",
}


@rule(
    "TLS-REVOKED",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Certificate has been revoked",
    evidence="revoked: {certificates}",
    why="Clients that check revocation refuse the connection. A revoked key may be in the hands of "
    "others.",
    fix={
        "any": "Issue a new certificate with a new key, install both, and reload the server. Find "
        "out why the CA revoked it: after a compromise, the old key must not be used again.",
    },
    references=("RFC 5280 §5.3.1", "RFC 6960"),
    seed=("12.3.6",),
    good=GOOD.learn(revocation=(Revocation(subject=LEAF.subject, status="good"),)),
    bad=GOOD.learn(
        revocation=(
            Revocation(
                subject=LEAF.subject, status="revoked", revoked_at="2026-10-30T00:00:00Z",
                reason="keyCompromise",
            ),
        )
    ),
)  # fmt: skip
@each_certificate(Severity.CRITICAL)
def revoked(tls: TlsFacts) -> Verdict:
    """Report revoked certificates, by the CRLs of --crl and a valid OCSP staple."""
    if not tls.chain:
        return Skip("no certificate was received")
    found = tuple(_described(one) for one in tls.revocation if one.status == "revoked")
    if found:
        return Hit(certificates=found)
    if not tls.revocation:
        return Skip("no valid OCSP staple was received, and no CRL was given with --crl FILE")
    for one in tls.revocation:
        if one.status == "unknown":
            return Skip(f"status of {one.subject} unknown: {_WHY_UNKNOWN[one.problem or 'no-crl']}")
    return None


def _described(one: Revocation) -> str:
    by = {"crl": "CRL", "ocsp": "OCSP staple"}[one.source]
    reason = f", {one.reason}" if one.reason else ""
    return f"{one.subject} (by the {by}, on {one.revoked_at}{reason})"


@rule(
    "TLS-STAPLE-INVALID",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="OCSP staple that clients reject",
    evidence="{problem}",
    phrases={
        "problem": {
            "unreadable": "{subject}: the OCSP staple is not readable",
            "not-successful": "{subject}: the OCSP staple is an error of the responder",
            "other-certificate": "{subject}: the OCSP staple is about another certificate",
            "responder": "{subject}: the signer of the OCSP staple is neither the issuer nor "
            "authorised by it",
            "signature": "{subject}: the signature of the OCSP staple is wrong",
            "early": "{subject}: the OCSP staple becomes valid at {this_update}",
            "stale": "{subject}: the OCSP staple expired at {next_update}",
            "status-unknown": "{subject}: the responder does not know the certificate",
        }
    },
    why="Some clients refuse the connection, others ignore the staple; with a must-staple "
    "certificate it counts as missing.",
    fix={
        "any": "Replace the response. Where the server reads it from a file (`ssl_stapling_file` "
        "in nginx), fetch a new one before its nextUpdate, such as daily, and reload the server: "
        "`openssl ocsp -issuer issuer.pem -cert cert.pem -url URL -respout staple.der`. Where the "
        "server fetches it, allow its connections to the responder and check its clock.",
    },
    references=("RFC 6960 §3.2", "RFC 6066 §8"),
    seed=("12.3.6",),
    good=GOOD.learn(staple=True, ocsp=_GOOD_STAPLE),
    bad=GOOD.learn(
        staple=True,
        ocsp=OcspResponse(
            status="good", problem="stale", this_update="2026-10-01T00:00:00Z",
            next_update="2026-10-08T00:00:00Z",
        ),
    ),
)  # fmt: skip
@each_certificate(Severity.MEDIUM, "problem")
def staple_invalid(tls: TlsFacts) -> Verdict:
    """Report an OCSP staple that is stale, foreign or wrongly signed; high if it is required."""
    if not tls.chain:
        return Skip("no certificate was received")
    if tls.ocsp is None:
        return None if tls.staple is False else Skip("it is not known whether a staple was sent")
    if tls.ocsp.problem == "no-issuer":
        return Skip("the OCSP staple cannot be verified without the issuer's certificate")
    if tls.ocsp.problem is None:
        return None
    params: dict[str, Param] = {"problem": (tls.ocsp.problem,), "subject": tls.chain[0].subject}
    if tls.ocsp.problem == "early":
        params["this_update"] = tls.ocsp.this_update
    if tls.ocsp.problem == "stale":
        params["next_update"] = tls.ocsp.next_update
    return Hit(Severity.HIGH if tls.chain[0].must_staple else None, **params)
