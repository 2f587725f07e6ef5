"""Rules for the certificate and its chain: dates, names, order, trust, strength."""

from __future__ import annotations

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.model.tlsfacts import Certificate, Mismatch, TlsFacts, path_up
from seventh.protocols.tls.rules.each import each_certificate
from seventh.protocols.tls.rules.examples import GOOD, LEAF, with_leaf
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

URGENT_DAYS = 7.0
ISSUER_NOTICE_DAYS = 30.0
"""An intermediate is replaced on its CA's schedule: thirds of its lifetime mean nothing."""

# The most days that a public certificate may live, by when it begins (CA/Browser Forum SC-081).
PUBLIC_LIMITS = (("2029-03-15", 47), ("2027-03-15", 100), ("2026-03-15", 200), ("", 398))

SHOWN_NAMES = 16
_NO_CHAIN = Skip("no certificate was received")
_RENEW = {
    "certbot": "certbot renew --deploy-hook 'systemctl reload nginx'",
    "any": "Renew the certificate, then reload the server: until then it serves the old file. "
    "Automate both with ACME (RFC 8555).",
}


@rule(
    "TLS-CERT-EXPIRED",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Certificate has expired",
    evidence="{what}",
    phrases={
        "what": {
            "sent": "expired: {certificates}",
            "not-sent": "a certificate above the sent chain has expired ({detail})",
        }
    },
    why="Clients refuse the connection. If the date is still in the future, the clock of this "
    "machine is wrong: check it against NTP.",
    fix=_RENEW,
    references=("RFC 5280",),
    seed=("12.3.6",),
    good=GOOD,
    bad=with_leaf(days_left=-3.0),
)
@each_certificate(Severity.CRITICAL, "what")
def cert_expired(tls: TlsFacts) -> Verdict:
    """Report expired certificates: the server's own and those between it and the root."""
    if not tls.chain:
        return _NO_CHAIN
    expired = tuple(f"{c.subject} ({c.not_after})" for c in _needed(tls) if c.days_left < 0)
    if expired:
        return Hit(what=("sent",), certificates=expired)
    if tls.expired_errors:
        return Hit(what=("not-sent",), detail=tls.expired_errors)
    return _unread(tls)


def _needed(tls: TlsFacts) -> tuple[Certificate, ...]:
    """Return the certificates on the path to the root; the others affect hardly any client."""
    return path_up(tls.chain, tls.verified_path)


def _unread(tls: TlsFacts) -> Skip | None:
    """Return why the server's own certificate cannot be judged, or None."""
    if not tls.chain:
        return _NO_CHAIN
    if tls.chain[0].problem:
        return Skip(f"the server certificate cannot be judged: {tls.chain[0].problem}")
    return None


@rule(
    "TLS-CERT-NOTYET",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="Certificate is not valid yet",
    evidence="not valid before: {certificates}",
    why="Clients refuse the connection. Either the certificate was installed too early, or a clock "
    "is wrong: the CA's, the server's or this machine's. Compare them with NTP.",
    fix={
        "any": "Set the clock (`chronyc tracking` shows its offset), or serve the previous "
        "certificate until the new one becomes valid.",
    },
    references=("RFC 5280",),
    seed=("12.3.6",),
    good=GOOD,
    bad=with_leaf(days_to_start=2.0, days_left=92.0),
)
@each_certificate(Severity.CRITICAL)
def cert_notyet(tls: TlsFacts) -> Verdict:
    """Report certificates that are not valid yet, those between the server's and the root too."""
    if not tls.chain:
        return _NO_CHAIN
    early = tuple(f"{c.subject} ({c.not_before})" for c in _needed(tls) if c.days_to_start > 0)
    return Hit(certificates=early) if early else _unread(tls)


@rule(
    "TLS-CERT-EXPIRING",
    Severity.MEDIUM,
    tier=0,
    source=Source.SERIES,
    title="Certificate expires soon",
    evidence="{subject} expires at {not_after}: {days_left} of {lifetime_days} days left",
    why="Automatic renewal runs when a third of the lifetime is left. Less than that means that "
    "renewal failed or is not set up.",
    fix=_RENEW,
    references=("CA/Browser Forum SC-081",),
    seed=("12.12",),
    good=GOOD,
    bad=with_leaf(days_left=20.0),
)
@each_certificate(Severity.MEDIUM)
def cert_expiring(tls: TlsFacts) -> Verdict:
    """Report less than a third of the lifetime left; high below a week or a sixth of it."""
    if (skip := _unread(tls)) is not None:
        return skip
    leaf, *above = _needed(tls)
    if leaf.days_left < 0:
        return Skip("the certificate has already expired")
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
    title="Public certificate valid for longer than browsers allow",
    evidence="{subject}: lifetime {lifetime_days} days, limit {limit} days (issued {not_before})",
    why="Browsers refuse public certificates that exceed the limit in force at their issue. The "
    "limit falls: 200 days from March 2026, 100 from March 2027, 47 from March 2029.",
    fix={"any": "Use an ACME client to issue and renew certificates (RFC 8555)."},
    references=("CA/Browser Forum SC-081",),
    seed=("12.12",),
    good=GOOD,
    bad=with_leaf(lifetime_days=365.0, days_left=300.0),
)
@each_certificate(Severity.INFO)
def cert_long(tls: TlsFacts) -> Verdict:
    """Report a publicly trusted certificate whose lifetime exceeds the limit at its issue."""
    if (skip := _unread(tls)) is not None:
        return skip
    if tls.trust != "system":
        return Skip("the limit applies to public CAs only; this chain does not end at one")
    leaf = tls.chain[0]
    limit = next(days for since, days in PUBLIC_LIMITS if leaf.not_before >= since)
    if leaf.lifetime_days <= limit:
        return None
    return Hit(
        subject=leaf.subject,
        lifetime_days=round(leaf.lifetime_days, 1),
        limit=limit,
        not_before=leaf.not_before,
    )


@rule(
    "TLS-CERT-HOST",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Certificate does not match the host name",
    evidence="{what}, requested {name}",
    phrases={
        "what": {
            "other": "certificate names {names}",
            "more": "certificate names {names} and {more} others",
            "none": "certificate has no subject alternative name",
            "no-host": "certificate has no DNS name or address among its alternative names",
            "address-as-dns-name": "certificate has the address as a DNS name, which clients "
            "ignore",
        }
    },
    why="Clients refuse the connection, because another server could present this certificate. "
    "The name must be among the subject alternative names; clients ignore the common name.",
    fix={
        "certbot": "certbot certonly --cert-name {name} -d {name}",
        "nginx": "server_name {name};  # the block whose certificate has this name",
        "any": "Issue the certificate with {name} as a subject alternative name, or configure the "
        "server to select the certificate for this name (SNI).",
    },
    references=("RFC 9525",),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(server_name="other.example", host_matches=False),
)
@each_certificate(Severity.HIGH, by_name=True)
def cert_host(tls: TlsFacts) -> Verdict:
    """Report that none of the certificate's names matches the requested one."""
    if tls.mismatch is Mismatch.UNREADABLE:
        return Skip("the subject alternative names of the certificate cannot be read")
    if tls.host_matches is None:
        return _NO_CHAIN
    if tls.host_matches:
        return None
    leaf = tls.chain[0]
    names = leaf.names[:SHOWN_NAMES]
    more = max(leaf.names_count, len(leaf.names)) - len(names)
    what = tls.mismatch or (Mismatch.OTHER if names else Mismatch.NONE)
    if what is Mismatch.OTHER and more > 0:
        return Hit(what="more", name=tls.server_name, names=names, more=more)
    return Hit(what=what.value, name=tls.server_name, names=names)


_MEDIUM_PROBLEMS = {"order", "too-long", "expired-leftover"}


@rule(
    "TLS-CHAIN",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Certificate chain incomplete, wrong or not trusted",
    evidence="{problems}",
    phrases={
        "problems": {
            "issuer-not-trusted": "issuer neither sent nor trusted: {issuer}",
            "root-not-trusted": "root sent but not trusted: {root}",
            "self-signed": "self-signed: {subject}",
            "invalid": "chain does not verify: {detail}",
            "order": "wrong order; send {order}",
            "root-sent": "root sent, clients do not need it: {root_sent}",
            "stranger": "unrelated certificate sent: {stranger}",
            "unreadable": "certificate not readable here: number {unreadable} of those sent",
            "duplicate": "sent twice: {duplicate}",
            "too-long": "{too_long} sent, more than many clients accept",
            "expired-leftover": "expired certificate sent that no path needs: "
            "{expired_leftover}; clients that prefer sent certificates, such as OpenSSL 1.0, fail",
            "expiring-leftover": "certificate sent that no path needs and that expires soon: "
            "{expiring_leftover}; remove it before that date",
        }
    },
    why="Clients build the path to a trusted root from the certificates that the server sends. "
    "Some fetch or cache a missing intermediate, so the connection works in one program and fails "
    "in another.",
    fix={
        "any": "Private CA: check with --ca FILE, and install its root in the clients. Public CA: "
        "send the server certificate first, then each issuer in turn, without the root.",
        "nginx": "ssl_certificate /etc/letsencrypt/live/{name}/fullchain.pem;\n"
        "ssl_certificate_key /etc/letsencrypt/live/{name}/privkey.pem;",
        "apache": "SSLCertificateFile /etc/letsencrypt/live/{name}/fullchain.pem\n"
        "SSLCertificateKeyFile /etc/letsencrypt/live/{name}/privkey.pem",
        "haproxy": "# certificate, issuers and key in one file:\n"
        "# cat fullchain.pem privkey.pem > /etc/haproxy/site.pem\n"
        "# in frontend, instead of the bind line with ssl\n"
        "bind :443 ssl crt /etc/haproxy/site.pem",
        "postfix": "smtpd_tls_chain_files = /etc/ssl/key.pem, /etc/ssl/fullchain.pem",
    },
    references=("RFC 9846 §4.5.1",),
    seed=("12.3.6",),
    good=GOOD,
    bad=GOOD.learn(chain=(LEAF,), chain_state="missing-intermediate", trust=None),
)
@each_certificate(Severity.HIGH, "problems")
def chain(tls: TlsFacts) -> Verdict:
    """Report a chain without a trusted root (high), and what else is wrong (medium or low)."""
    if not tls.chain or tls.chain_state is None:
        return _NO_CHAIN
    if tls.chain_state == "unverified":
        return Skip(f"could not be verified: {tls.certificate_detail}")
    kinds = tuple(dict.fromkeys(problem.kind for problem in tls.chain_problems))
    params: dict[str, Param] = {
        kind.replace("-", "_"): tuple(p.value for p in tls.chain_problems if p.kind == kind)
        for kind in kinds
    }
    if tls.chain_state != "trusted":
        code, broken = _broken(tls, tls.chain_state)
        return Hit(problems=(code, *kinds), name=tls.server_name, **params, **broken)
    if not kinds:
        return None
    light = Severity.MEDIUM if _MEDIUM_PROBLEMS.intersection(kinds) else Severity.LOW
    return Hit(light, problems=kinds, name=tls.server_name, **params)


def _broken(tls: TlsFacts, state: str) -> tuple[str, dict[str, Param]]:
    """Return why the chain reaches no trusted root: a code and its parameters."""
    leaf, top = tls.chain[0], _needed(tls)[-1]
    match state:
        case "missing-intermediate":
            return "issuer-not-trusted", {"issuer": (leaf.issuer,)}
        case "unknown-root" if top.self_issued:
            return "root-not-trusted", {"root": (top.subject,)}
        case "unknown-root":
            return "issuer-not-trusted", {"issuer": (top.issuer,)}
        case "self-signed":
            return state, {"subject": (leaf.subject,)}
    return state, {"detail": tls.verify_errors}


@rule(
    "TLS-CERT-WEAK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak certificate key or signature",
    evidence="weak: {certificates}",
    why="RSA keys below 2048 bits and MD5 or SHA-1 signatures can be broken, so the certificate "
    "can be forged; version 1 certificates carry no constraints. Current clients refuse them.",
    fix={
        "openssl": "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc "
        "-keyout key.pem -out request.pem",
        "certbot": "certbot certonly --key-type ecdsa --elliptic-curve secp256r1 -d NAME",
        "any": "Issue a new certificate for a P-256 key, signed with SHA-256.",
    },
    references=("RFC 9325 §4.5",),
    seed=("12.10.4",),
    good=GOOD,
    bad=with_leaf(key_type="RSA", key_bits=1024),
)
@each_certificate(Severity.HIGH)
def cert_weak(tls: TlsFacts) -> Verdict:
    """Report small keys, broken hashes and old versions; a root's own signature is not judged."""
    if not tls.chain:
        return _NO_CHAIN
    needed = _needed(tls)
    weak = tuple(
        f"{c.subject} ({', '.join(c.weaknesses)})"
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
    title="Must-staple certificate without OCSP staple",
    evidence="{subject} requires an OCSP staple (must-staple); the server sent none",
    why="Clients that enforce must-staple refuse the connection.",
    fix={
        "nginx": "ssl_stapling on;\nssl_stapling_verify on;\nresolver 127.0.0.53;",
        "apache": "SSLUseStapling on\n"
        "# in main, outside <VirtualHost>\n"
        "SSLStaplingCache shmcb:${{APACHE_RUN_DIR}}/ssl_stapling(128000)",
        "any": "Enable OCSP stapling, or issue the certificate without must-staple; several CAs no "
        "longer operate OCSP.",
    },
    references=("RFC 7633",),
    good=GOOD,
    bad=with_leaf(must_staple=True),
)
@each_certificate(Severity.LOW)
def staple(tls: TlsFacts) -> Verdict:
    """Report a must-staple certificate (RFC 7633) without a staple, which the probe requested."""
    if (skip := _unread(tls)) is not None:
        return skip
    if tls.chain[0].must_staple is None:
        return Skip("the extensions of the server certificate cannot be read")
    if not tls.chain[0].must_staple:
        return None
    if tls.staple is None:
        return Skip("the handshake ended before this was known")
    return None if tls.staple else Hit(subject=tls.chain[0].subject)
