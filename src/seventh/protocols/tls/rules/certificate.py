"""What a server's certificate and its chain can have wrong."""

from __future__ import annotations

import msgspec

from seventh.model.severity import Severity
from seventh.model.tlsfacts import Certificate, Mismatch, TlsFacts, way_up
from seventh.protocols.tls.rules.each import each_certificate
from seventh.protocols.tls.rules.examples import GOOD, INTERMEDIATE, LEAF
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

URGENT_DAYS = 7.0
ISSUER_NOTICE_DAYS = 30.0
"""An intermediate is replaced on its CA's schedule: thirds of its lifetime mean nothing."""

# The most days that a public certificate may live, by when it begins (CA/Browser Forum SC-081).
PUBLIC_LIMITS = (("2029-03-15", 47), ("2027-03-15", 100), ("2026-03-15", 200), ("", 398))

SHOWN_NAMES = 16
_NO_CHAIN = Skip("no certificate was seen")
_RENEW = {
    "certbot": "certbot renew --deploy-hook 'systemctl reload nginx'",
    "any": "Renew the certificate and reload the server; a file renewed on disk is not yet served. "
    "Automate both with ACME (RFC 8555).",
}


def _with_leaf(**changes: object) -> TlsFacts:
    return GOOD.learn(chain=(msgspec.structs.replace(LEAF, **changes), INTERMEDIATE))


@rule(
    "TLS-CERT-EXPIRED",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Certificate has expired",
    evidence="{certificates}",
    why="Clients refuse the connection. If the date is in the future by your own clock, it is this "
    "machine's clock that is wrong: check it against NTP.",
    fix=_RENEW,
    references=("RFC 5280",),
    seed=("12.3.6",),
    good=GOOD,
    bad=_with_leaf(days_left=-3.0),
)
@each_certificate(Severity.CRITICAL)
def cert_expired(tls: TlsFacts) -> Verdict:
    """Return the server's certificate, or one that its chain needs, is past its end."""
    if not tls.chain:
        return _NO_CHAIN
    expired = tuple(f"{c.subject}: since {c.not_after}" for c in _needed(tls) if c.days_left < 0)
    if expired:
        return Hit(certificates=expired)
    return Hit(certificates=tls.expired_errors) if tls.expired_errors else _unread(tls)


def _needed(tls: TlsFacts) -> tuple[Certificate, ...]:
    """The server's certificate and those that lead up from it; a leftover harms hardly any."""
    return way_up(tls.chain, tls.verified_path)


def _unread(tls: TlsFacts) -> Skip | None:
    """Return why the server's own certificate cannot be judged; None where it can."""
    if not tls.chain:
        return _NO_CHAIN
    if tls.chain[0].problem:
        return Skip(f"the server's certificate: {tls.chain[0].problem}")
    return None


@rule(
    "TLS-CERT-NOTYET",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Certificate is not valid yet",
    evidence="{certificates}",
    why="Clients refuse the connection. Either it was installed too early, or a clock is wrong: "
    "the CA's, the server's, or this machine's. Compare them with NTP.",
    fix={
        "any": "Set the clock (`chronyc tracking` tells how far it is off), or serve the previous "
        "certificate until the new one begins.",
    },
    references=("RFC 5280",),
    seed=("12.3.6",),
    good=GOOD,
    bad=_with_leaf(days_to_start=2.0, days_left=92.0),
)
@each_certificate(Severity.CRITICAL)
def cert_notyet(tls: TlsFacts) -> Verdict:
    """Return the server's certificate, or one that its chain needs, begins in the future."""
    if not tls.chain:
        return _NO_CHAIN
    early = tuple(f"{c.subject}: from {c.not_before}" for c in _needed(tls) if c.days_to_start > 0)
    return Hit(certificates=early) if early else _unread(tls)


@rule(
    "TLS-CERT-EXPIRING",
    Severity.MEDIUM,
    tier=0,
    source=Source.SERIES,
    title="Certificate expires soon",
    evidence="{subject} ends at {not_after}, in {days_left} days of {lifetime_days}",
    why="Automatic renewal happens when a third of the lifetime is left. Later than that it has "
    "failed, or nobody has set it up.",
    fix=_RENEW,
    references=("CA/Browser Forum SC-081",),
    seed=("12.12",),
    good=GOOD,
    bad=_with_leaf(days_left=20.0),
)
@each_certificate(Severity.MEDIUM)
def cert_expiring(tls: TlsFacts) -> Verdict:
    """Less than a third of the lifetime is left; high below a week or a sixth of it."""
    if (skip := _unread(tls)) is not None:
        return skip
    leaf, *above = _needed(tls)
    if leaf.days_left < 0:
        return Skip("it has expired already")
    urgent = min(URGENT_DAYS, leaf.lifetime_days / 6)
    if leaf.days_left < leaf.lifetime_days / 3:
        return _expiring(leaf, urgent=leaf.days_left < urgent)
    for certificate in above:
        soon = 0 <= certificate.days_left < ISSUER_NOTICE_DAYS
        if soon and not certificate.self_issued and not certificate.problem:
            return _expiring(certificate, urgent=certificate.days_left < URGENT_DAYS)
    return None


def _expiring(certificate: Certificate, *, urgent: bool) -> Hit:
    return Hit(
        Severity.HIGH if urgent else None,
        subject=certificate.subject,
        not_after=certificate.not_after,
        days_left=round(certificate.days_left, 1),
        lifetime_days=round(certificate.lifetime_days, 1),
    )


@rule(
    "TLS-CERT-LONG",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Public certificate lives longer than browsers allow",
    evidence="{lifetime_days} days, where {limit} are the most for one that begins at {not_before}",
    why="Browsers refuse public certificates that live longer than the limit of their first day, "
    "and the limit shrinks: 200 days from March 2026, 100 from March 2027, 47 from March 2029.",
    fix={"any": "Let an ACME client fetch and renew certificates; by hand it soon means monthly."},
    references=("CA/Browser Forum SC-081",),
    seed=("12.12",),
    good=GOOD,
    bad=_with_leaf(lifetime_days=365.0, days_left=300.0),
)
@each_certificate(Severity.INFO)
def cert_long(tls: TlsFacts) -> Verdict:
    """Return a certificate below a public root that lives longer than the limit when it began."""
    if (skip := _unread(tls)) is not None:
        return skip
    if tls.trust != "system":
        return Skip("the limit is for public CAs only, and the chain does not lead to one")
    leaf = tls.chain[0]
    limit = next(days for since, days in PUBLIC_LIMITS if leaf.not_before >= since)
    if leaf.lifetime_days <= limit:
        return None
    return Hit(lifetime_days=round(leaf.lifetime_days, 1), limit=limit, not_before=leaf.not_before)


@rule(
    "TLS-CERT-HOST",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Certificate is for another name",
    evidence="asked for {name}; the certificate names {names}",
    why="A client cannot tell this server from an impostor, and refuses. The name must stand among "
    "the subject alternative names; the common name has not counted for years.",
    fix={
        "certbot": "certbot certonly --cert-name {name} -d {name}",
        "nginx": "server_name {name};  # the block whose certificate names it",
        "any": "Issue the certificate with {name} as a subject alternative name, or serve the "
        "right one for this name (SNI).",
    },
    references=("RFC 9525",),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(server_name="other.example", host_matches=False),
)
@each_certificate(Severity.HIGH)
def cert_host(tls: TlsFacts) -> Verdict:
    """None of the certificate's names stands for the name that was asked for."""
    if tls.mismatch is Mismatch.UNREADABLE:
        return Skip("the certificate's subject alternative names cannot be read")
    if tls.host_matches is None:
        return _NO_CHAIN
    if tls.host_matches:
        return None
    return Hit(name=tls.server_name, names=_shown_names(tls))


def _shown_names(tls: TlsFacts) -> tuple[str, ...]:
    """Return some of the names, and what of them can mislead."""
    leaf = tls.chain[0]
    if tls.mismatch is Mismatch.ADDRESS_AS_DNS:
        return (f"{tls.server_name} as a DNS name, which does not count for an address",)
    shown = leaf.names[:SHOWN_NAMES]
    more = max(leaf.names_count, len(leaf.names)) - len(shown)
    return (*shown, f"and {more} more") if more > 0 else shown or ("no host",)


_MEDIUM_PROBLEMS = {"order", "too-long", "expired-leftover"}


@rule(
    "TLS-CHAIN",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Certificate chain is incomplete, wrong or not trusted",
    evidence="{problems}",
    why="Clients build the way from the certificate to a root they trust from what the server "
    "sends. Some fetch or remember a missing intermediate, so it works in one program and fails in "
    "another.",
    fix={
        "any": "Private CA: check with --ca FILE, and install its root in the clients. Public CA: "
        "send the server's certificate first, then each issuer in turn, without the root.",
        "nginx": "ssl_certificate /etc/letsencrypt/live/{name}/fullchain.pem;\n"
        "ssl_certificate_key /etc/letsencrypt/live/{name}/privkey.pem;",
        "apache": "SSLCertificateFile /etc/letsencrypt/live/{name}/fullchain.pem\n"
        "SSLCertificateKeyFile /etc/letsencrypt/live/{name}/privkey.pem",
        "haproxy": "# certificate, issuers and key in one file:\n"
        "# cat fullchain.pem privkey.pem > /etc/haproxy/site.pem\n"
        "# in frontend, in place of the bind line with ssl\n"
        "bind :443 ssl crt /etc/haproxy/site.pem",
        "postfix": "smtpd_tls_chain_files = /etc/ssl/key.pem, /etc/ssl/fullchain.pem",
    },
    references=("RFC 9846 §4.5.1",),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(chain=(LEAF,), chain_state="missing-intermediate", trust=None),
)
@each_certificate(Severity.HIGH)
def chain(tls: TlsFacts) -> Verdict:
    """No way to a root is high; order, length or an expired leftover medium; the rest low."""
    if not tls.chain or tls.chain_state is None:
        return _NO_CHAIN
    if tls.chain_state == "unverified":
        return Skip(f"could not be verified: {tls.certificate_detail}")
    top = _needed(tls)[-1]
    problems = tuple(problem.text for problem in tls.chain_problems)
    broken = {
        "missing-intermediate": f"the issuer {tls.chain[0].issuer} is neither sent nor trusted",
        "unknown-root": f"the root {top.subject} is sent, but not trusted"
        if top.self_issued
        else f"the issuer {top.issuer} is neither sent nor trusted",
        "self-signed": f"{tls.chain[0].subject} is signed by itself",
        "invalid": "; ".join(tls.verify_errors) or "the chain does not verify",
    }.get(tls.chain_state)
    if broken is not None:
        return Hit(problems=(broken, *problems), name=tls.server_name)
    kinds = {problem.kind for problem in tls.chain_problems}
    if not kinds:
        return None
    light = Severity.MEDIUM if kinds & _MEDIUM_PROBLEMS else Severity.LOW
    return Hit(light, problems=problems, name=tls.server_name)


@rule(
    "TLS-CERT-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Certificate could be forged",
    evidence="{certificates}",
    why="RSA below 2048 bits and signatures over MD5 or SHA-1 can be broken with money, and "
    "version 1 certificates carry no constraints. Current clients refuse all of them.",
    fix={
        "openssl": "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc "
        "-keyout key.pem -out request.pem",
        "certbot": "certbot certonly --key-type ecdsa --elliptic-curve secp256r1 -d NAME",
        "any": "Issue a new certificate for a P-256 key, signed with SHA-256.",
    },
    references=("RFC 9325 §4.5",),
    seed=("12.10.4",),
    good=GOOD,
    bad=_with_leaf(key_type="RSA", key_bits=1024),
)
@each_certificate(Severity.HIGH)
def cert_weak(tls: TlsFacts) -> Verdict:
    """Small keys, broken hashes, old versions; a root's own signature is not judged."""
    if not tls.chain:
        return _NO_CHAIN
    needed = _needed(tls)
    weak = tuple(
        f"{c.subject}: {', '.join(c.weaknesses)}"
        for depth, c in enumerate(needed)
        if c.weaknesses and (depth == 0 or not c.self_issued)
    )
    if weak:
        return Hit(certificates=weak)
    unknown = next((f"{c.subject}: {c.unjudged}" for c in needed if c.unjudged), None)
    return Skip(unknown) if unknown else _unread(tls)


@rule(
    "TLS-STAPLE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Certificate demands an OCSP staple that the server does not send",
    evidence="{subject} has the must-staple feature; no OCSP response came with the handshake",
    why="Clients that honour the feature refuse the connection outright.",
    fix={
        "nginx": "ssl_stapling on;\nssl_stapling_verify on;\nresolver 127.0.0.53;",
        "apache": "SSLUseStapling on\n"
        "# in main, outside <VirtualHost>\n"
        "SSLStaplingCache shmcb:${{APACHE_RUN_DIR}}/ssl_stapling(128000)",
        "any": "Staple, or issue the certificate without must-staple; several CAs have given up "
        "OCSP, and then there is nothing to staple.",
    },
    references=("RFC 7633",),
    good=GOOD,
    bad=_with_leaf(must_staple=True),
)
@each_certificate(Severity.LOW)
def staple(tls: TlsFacts) -> Verdict:
    """Return the leaf has the TLS feature status_request, and no staple came though we asked."""
    if (skip := _unread(tls)) is not None:
        return skip
    if tls.chain[0].must_staple is None:
        return Skip("the extensions of the server's certificate cannot be read")
    if not tls.chain[0].must_staple:
        return None
    if tls.staple is None:
        return Skip("the handshake did not get far enough")
    return None if tls.staple else Hit(subject=tls.chain[0].subject)
