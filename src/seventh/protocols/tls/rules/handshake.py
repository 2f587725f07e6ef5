"""Rules for the handshake: groups, resumption, early data, client certificates."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import EarlyDataReplay, TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

MIN_DH_BITS = 2048
TOO_EARLY = 425
"""The status of a request in early data that waits for the handshake (RFC 8470 §5.2)."""
EVERY_SERVER = (
    "# in http {{}}, instead of in each server {{}}: the default server of the socket decides"
)


def unasked(tls: TlsFacts, what: Topic) -> Skip:
    """Return why the answer to a bare hello is missing."""
    known = (topic for topic in (what, Topic.HELLOS) if topic in tls.unknown)
    topic = next(known, what)
    return Skip(f"{topic}: {tls.unknown.get(topic, 'not checked')}")


@rule(
    "TLS-DH-SMALL",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Diffie-Hellman prime too small",
    evidence="prime of {bits} bits",
    why="An attacker with a large budget can break a prime of 1024 bits or less once and then "
    "decrypt every connection that uses it (Logjam).",
    fix={
        "nginx": "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;  # and remove ssl_dhparam",
        "apache": "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20",
        "postfix": "smtpd_tls_dh1024_param_file = auto",
        "any": "Offer ECDHE only; where finite-field groups are required, use ffdhe2048 or larger.",
    },
    references=("RFC 9325 §4.5", "RFC 7919"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(dh_bits=1024),
    directives={"nginx": ("ssl_dhparam",), "caddy": ("tls ciphers",)},
)
def dh_small(tls: TlsFacts) -> Verdict:
    """Report finite-field Diffie-Hellman with less than 2048 bits."""
    if tls.dh_bits is None:
        return unasked(tls, Topic.FINITE_FIELD)
    return Hit(bits=tls.dh_bits) if 0 < tls.dh_bits < MIN_DH_BITS else None


@rule(
    "TLS-NO-PQ",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Post-quantum key exchange not supported",
    evidence="X25519MLKEM768 not supported; {what}",
    phrases={
        "what": {
            "configured": "configured groups: {group}",
            "used": "the handshake used {group}",
            "none": "the handshake used no group",
        }
    },
    why="Traffic recorded today can be decrypted once a quantum computer breaks elliptic curves. "
    "The hybrid group adds about a kilobyte in each direction and hardly any time.",
    fix={
        "openssl": "Groups = X25519MLKEM768:X25519:prime256v1  # OpenSSL 3.5 or newer",
        "nginx": f"{EVERY_SERVER}\n# OpenSSL 3.5 or newer; with an older one nginx does not start\n"
        "ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1;",
        "apache": "# OpenSSL 3.5 or newer; with an older one Apache does not start\n"
        "SSLOpenSSLConfCmd Groups X25519MLKEM768:X25519:prime256v1",
        "haproxy": "# in global; OpenSSL 3.5 or newer; with an older one HAProxy does not start\n"
        "ssl-default-bind-curves X25519MLKEM768:X25519:P-256",
        "caddy": "tls {{\n\tcurves x25519mlkem768 x25519 secp256r1\n}}",
    },
    references=("FIPS 203",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(group="x25519", hybrid_group=""),
    choice=("nginx", "caddy"),
    directives={"nginx": ("ssl_ecdh_curve",), "caddy": ("tls curves",)},
)
def no_pq(tls: TlsFacts) -> Verdict:
    """Report a server that selects no hybrid group when nothing else is offered."""
    if tls.large_hello_bytes:
        return Skip("the larger ClientHello that a hybrid group needs fails: see TLS-BIG-HELLO")
    if tls.hybrid_group is None:
        return unasked(tls, Topic.HYBRID_GROUP)
    if tls.hybrid_group:
        return None
    if tls.group is None:
        return Hit(what="none")
    return Hit(what="configured" if tls.configured else "used", group=tls.group)


@rule(
    "TLS-BIG-HELLO",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Large ClientHello fails",
    evidence="ClientHello of {large} bytes with a post-quantum key share fails; {small} bytes "
    "without it accepted",
    why="Current browsers and TLS libraries send a ClientHello of more than one packet. They fail "
    "or fall back slowly, while older clients and simple tests work.",
    fix={
        "any": "Update or replace the firewall, proxy, load balancer or TLS library that cannot "
        "read a ClientHello of several packets (https://tldr.fail). Until then, clients can "
        "disable the hybrid group (OpenSSL: Groups = X25519:prime256v1).",
    },
    references=("RFC 9846 §4.2.4",),
    seed=("12.11",),
    good=GOOD,
    bad=GOOD.learn(large_hello_bytes=1750, small_hello_bytes=320, group="x25519"),
)
def big_hello(tls: TlsFacts) -> Verdict:
    """Report a first hello that failed where one without a post-quantum key share did not."""
    if tls.large_hello_bytes:
        return Hit(large=tls.large_hello_bytes, small=tls.small_hello_bytes or 0)
    return None if tls.version is not None else Skip("no handshake succeeded")


@rule(
    "TLS-NO-RESUME",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="TLS sessions cannot be resumed",
    evidence="{what}",
    phrases={
        "what": {
            "other-address": "refused at {addresses}: a session created at another address",
            "configured": "session tickets are off and no session cache is configured",
            "no-ticket": "no session ticket within a second of the handshake",
            "full-handshake": "the second handshake, with the session of the first, was a full one",
        }
    },
    why="Every connection needs a full handshake: certificates to send, signatures on both sides, "
    "and with TLS 1.2 one more round trip.",
    fix={
        "nginx": f"{EVERY_SERVER}\nssl_session_cache shared:TLS:10m;\nssl_session_tickets on;",
        "apache": "SSLSessionTickets on\n"
        "# in main, outside <VirtualHost>\n"
        "SSLSessionCache shmcb:${{APACHE_RUN_DIR}}/ssl_scache(512000)",
        "haproxy": "# in global; remove no-tls-tickets from bind lines\ntune.ssl.cachesize 100000",
        "dovecot": "# in service imap-login {{}}, pop3-login {{}} and managesieve-login {{}}\n"
        "service_count = 0",
        "any": "Behind a load balancer, use the same ticket keys on all nodes.",
    },
    references=("RFC 9846 §2.2",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(tickets=0, resumed=False, resumed_seconds=None),
    directives={"nginx": ("ssl_session_tickets", "ssl_session_cache"), "caddy": ("tls",)},
)
def no_resume(tls: TlsFacts) -> Verdict:
    """Report a full second handshake, or a session that was not given out."""
    if tls.resumed is None:
        return unasked(tls, Topic.RESUMPTION)
    if tls.not_resumed_at:
        return Hit(what="other-address", addresses=tls.not_resumed_at)
    if tls.resumed:
        return None
    if tls.configured:
        return Hit(what="configured")
    if tls.starttls is not None and tls.starttls.protocol == "postgres":
        return not_applicable("PostgreSQL does not resume TLS sessions")
    # After STARTTLS connections are few and long; several servers cannot resume at all.
    severity = Severity.LOW if tls.starttls is not None else None
    no_ticket = not tls.tickets and tls.version == "TLSv1.3"
    return Hit(severity, what="no-ticket" if no_ticket else "full-handshake")


@rule(
    "TLS-0RTT-ON",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Early data (0-RTT) accepted",
    evidence="{what}",
    phrases={
        "what": {
            "configured": "early data is enabled",
            "accepted": "early data accepted; the session ticket allows {bytes} bytes",
        }
    },
    why="An attacker who records early data can replay it. Requests with side effects are then "
    "executed twice, unless the application prevents it.",
    fix={
        "nginx": "ssl_early_data off;\n# or, if every early request is idempotent:\n"
        "proxy_set_header Early-Data $ssl_early_data;",
        "haproxy": "# in frontend, instead of the bind line with allow-0rtt\n"
        "bind :443 ssl crt /etc/haproxy/site.pem",
        "any": "Disable it, or answer early requests that are not idempotent with 425 Too Early.",
    },
    references=("RFC 8470", "RFC 9846 §8"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(max_early_data_bytes=16384, early_data_accepted=True),
    directives={"nginx": ("ssl_early_data",), "caddy": ("0rtt",)},
)
def early_data_on(tls: TlsFacts) -> Verdict:
    """Report a ticket that allows early data and a server that accepted it."""
    if tls.early_data_accepted:
        what = "configured" if tls.configured else "accepted"
        return Hit(what=what, bytes=tls.max_early_data_bytes or 0)
    if tls.early_data_accepted is False or tls.max_early_data_bytes == 0:
        return None
    if tls.version is not None and tls.version != "TLSv1.3":
        return None  # there is no early data before TLS 1.3
    if tls.max_early_data_bytes:
        return unasked(tls, Topic.EARLY_DATA)
    return None if tls.tickets == 0 else unasked(tls, Topic.TICKET)


@rule(
    "TLS-0RTT-REPLAY",
    Severity.HIGH,
    tier=4,
    source=Source.WIRE,
    title="Early data is accepted twice",
    evidence="the same bytes sent on two connections: early data accepted on both, and the "
    "repeated HTTP/{version} request answered with {status} before the handshake was complete",
    why="An attacker who records the first packets of a connection can have their request carried "
    "out again, as often as they like, without any key.",
    fix={
        "nginx": "ssl_early_data off;",
        "any": "Disable early data, or accept each session ticket once only: OpenSSL does, unless "
        "the server sets SSL_OP_NO_ANTI_REPLAY, as nginx does.",
    },
    references=("RFC 9846 §8", "RFC 8470 §3"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(
        max_early_data_bytes=16384, early_data_accepted=True,
        early_data_replay=EarlyDataReplay(
            version="2", first_resumed=True, resumed=True, accepted=True, same_size=True, status=200
        ),
    ),
)  # fmt: skip
def early_data_replay(tls: TlsFacts) -> Verdict:
    """Report a replay that was accepted and answered as the original was."""
    replay = tls.early_data_replay
    if replay is None:
        verdict = early_data_on(tls)
        return (
            verdict if not isinstance(verdict, Hit) else Skip("only a check of https:// shows it")
        )
    if replay.failed:
        return Skip(f"the replay failed: {replay.failed}")
    if not replay.first_resumed:
        return Skip("the server did not resume the session to be replayed")
    if not replay.accepted:
        both = replay.resumed and replay.same_size
        return Skip("early data was rejected both times") if both else None
    if not replay.same_size:
        return Skip("early data was accepted on the second connection only")
    if replay.status is None:
        return Skip(
            "early data was accepted twice, but no response came before the handshake was "
            "complete: whether the request was carried out is not known"
        )
    if replay.status == TOO_EARLY:
        return None
    return Hit(version=replay.version, status=replay.status)


@rule(
    "TLS-EMS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="TLS 1.2 extended master secret not supported",
    evidence="ServerHello without extended_master_secret",
    why="A man in the middle can make two TLS 1.2 sessions share one master secret and forward "
    "client authentication from one to the other (triple handshake attack).",
    fix={"any": "Update the TLS library to OpenSSL 1.1.0, GnuTLS 3.4, NSS 3.21 or newer."},
    references=("RFC 9325 §3.5", "RFC 7627"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(extended_master_secret=False),
)
def ems(tls: TlsFacts) -> Verdict:
    """Report a TLS 1.2 ServerHello without what the hello offered."""
    return _of_tls12(tls, wrong=tls.extended_master_secret is False)


@rule(
    "TLS-RENEG",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Secure renegotiation not supported",
    evidence="ServerHello without renegotiation_info",
    why="A man in the middle can insert a request before the client's own, and the server accepts "
    "both as one connection (CVE-2009-3555).",
    fix={
        "any": "Update the TLS library (all since 2010 support it), and remove "
        "UnsafeLegacyRenegotiation from its options.",
    },
    references=("RFC 9325 §3.5", "RFC 5746"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(secure_renegotiation=False),
)
def reneg(tls: TlsFacts) -> Verdict:
    """Report a TLS 1.2 ServerHello without renegotiation_info (RFC 5746)."""
    return _of_tls12(tls, wrong=tls.secure_renegotiation is False)


@rule(
    "TLS-COMPRESS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="TLS compression enabled",
    evidence="ServerHello selects DEFLATE",
    why="The length of compressed data depends on its content: attackers can recover cookies and "
    "tokens from it (CRIME).",
    fix={
        "apache": "SSLCompression off",
        "openssl": "Options = -Compression",
        "any": "Update the TLS library; current ones do not support compression.",
    },
    references=("RFC 9325 §3.3",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(compression=True),
)
def compress(tls: TlsFacts) -> Verdict:
    """Report a TLS 1.2 ServerHello that selects the offered compression."""
    return _of_tls12(tls, wrong=tls.compression is True)


def _of_tls12(tls: TlsFacts, *, wrong: bool) -> Verdict:
    """Return the verdict on a feature that only TLS 1.2 and older have."""
    if wrong:
        return Hit()
    if tls.extended_master_secret is not None or "TLSv1.2" in tls.versions_refused:
        return None
    return unasked(tls, Topic.TLS12)


@rule(
    "TLS-MTLS-OPTIONAL",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Client certificate requested but not required",
    evidence="a client certificate is requested; clients without one are accepted",
    why="Mutual TLS that accepts clients without a certificate does not authenticate them. Often "
    "the certificate was meant to be required.",
    fix={
        "nginx": "ssl_client_certificate /etc/ssl/client-ca.pem;\nssl_verify_client on;",
        "apache": "SSLCACertificateFile /etc/ssl/client-ca.pem\nSSLVerifyClient require",
        "haproxy": "# in frontend, instead of the bind line with verify optional\n"
        "bind :443 ssl crt /etc/haproxy/site.pem ca-file /etc/ssl/client-ca.pem verify required",
        "caddy": "tls {{\n\tclient_auth {{\n\t\tmode require_and_verify\n"
        "\t\ttrust_pool file ca.pem\n\t}}\n}}",
        "mosquitto": "require_certificate true",
        "any": "Require the certificate, or stop requesting it. Optional ones are right only "
        "where the application checks for them itself.",
    },
    references=("RFC 9846 §4.4.2",),
    seed=("12.7.3",),
    good=GOOD,
    bad=GOOD.learn(client_certificate="optional"),
    choice=("nginx", "caddy"),
    directives={"nginx": ("ssl_verify_client",), "caddy": ("tls client_auth",)},
)
def mtls_optional(tls: TlsFacts) -> Verdict:
    """Report a certificate request that neither TLS nor the application enforces."""
    if tls.client_certificate == "given":
        return Skip("--cert was given, so the behaviour without a certificate is unknown")
    if tls.client_certificate is None:
        return Skip("the handshake ended before this was known")
    if tls.client_certificate == "optional" and tls.starttls is not None:
        return Skip("the login after TLS decides whether a client certificate is required")
    return Hit() if tls.client_certificate == "optional" else None
