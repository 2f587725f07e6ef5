"""What a TLS handshake can have wrong: suites, groups, resumption, early data."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule
from seventh.wire.tlsnames import grade

MIN_DH_BITS = 2048
EVERY_SERVER = (
    "# in http {{}}, in place of such lines in servers: the default server of a socket decides"
)


def unasked(tls: TlsFacts, what: Topic) -> Skip:
    """Return why a bare hello's answer is missing."""
    known = (topic for topic in (what, Topic.HELLOS) if topic in tls.unknown)
    topic = next(known, what)
    return Skip(f"{topic}: {tls.unknown.get(topic, 'was not asked')}")


@rule(
    "TLS-WEAK-CIPHER",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Weak cipher suites are accepted",
    evidence="{what}",
    why="NULL, EXPORT, RC4, DES, 3DES and anonymous suites give little or no protection. Suites "
    "with CBC are open to padding oracles, and static RSA lets whoever gets the key one day read "
    "what was recorded before.",
    fix={
        "nginx": "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
        "apache": "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20",
        "haproxy": "# in global; remove ciphers from bind lines\n"
        "ssl-default-bind-ciphers ECDHE+AESGCM:ECDHE+CHACHA20",
        "caddy": "tls {{\n\tciphers TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 "
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 "
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256\n}}",
        "postfix": "tls_high_cipherlist = ECDHE+AESGCM:ECDHE+CHACHA20\nsmtpd_tls_ciphers = high",
        "dovecot": "ssl_cipher_list = ECDHE+AESGCM:ECDHE+CHACHA20",
        "openssl": "CipherString = ECDHE+AESGCM:ECDHE+CHACHA20",
    },
    references=("RFC 9325 §4",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(broken_suites=("TLS_RSA_WITH_RC4_128_SHA",)),
    directives={
        "nginx": ("ssl_ciphers", "ssl_protocols"),
        "caddy": ("tls ciphers", "tls protocols"),
    },
)
def weak_cipher(tls: TlsFacts) -> Verdict:
    """Broken suites at the rule's severity; CBC or no forward secrecy at medium."""
    broken = list(tls.broken_suites or ())
    obsolete = list(tls.obsolete_suites or ())
    if tls.cipher is not None:
        for found, wanted in ((broken, "broken"), (obsolete, "obsolete")):
            if grade(tls.cipher) == wanted and tls.cipher not in found:
                found.append(tls.cipher)
    if broken:
        return _weak(tls, (*broken, *obsolete), broken)
    if tls.broken_suites is None:
        return unasked(tls, Topic.BROKEN_SUITES)
    if obsolete:
        return _weak(tls, tuple(obsolete), [])
    return unasked(tls, Topic.OBSOLETE_SUITES) if tls.obsolete_suites is None else None


def _weak(tls: TlsFacts, suites: tuple[str, ...], broken: list[str]) -> Hit:
    """Word what a handshake showed, or what a file asks for and its library decides."""
    severity = None if broken else Severity.MEDIUM
    if not tls.configured:
        least = "" if tls.all_suites else "at least "
        return Hit(severity, suites=suites, what=f"accepts {least}{', '.join(suites)}")
    what = f"the configuration allows {', '.join(suites)}"
    open_ = [suite for suite in broken if "_NULL_" in suite or "_anon_" in suite]
    if broken and not (open_ and tls.security_level == 0):
        severity = Severity.MEDIUM
        what += (". OpenSSL refuses NULL and anonymous suites unless the list has @SECLEVEL=0, "
                 "and most builds since 1.1.0 have no RC4, DES, 3DES or EXPORT suites")  # fmt: skip
    return Hit(severity, suites=suites, what=what)


@rule(
    "TLS-DH-SMALL",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Diffie-Hellman prime is too small",
    evidence="the prime has {bits} bits",
    why="A prime of 1024 bits or less can be broken once and for all by whoever can pay for it, "
    "and then every conversation with it is read (Logjam).",
    fix={
        "nginx": "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;  # and remove ssl_dhparam",
        "apache": "SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20",
        "postfix": "smtpd_tls_dh1024_param_file = auto",
        "any": "Offer ECDHE only; where finite fields must stay, use ffdhe2048 or larger.",
    },
    references=("RFC 9325 §4.5", "RFC 7919"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(dh_bits=1024),
    directives={"nginx": ("ssl_dhparam",), "caddy": ("tls ciphers",)},
)
def dh_small(tls: TlsFacts) -> Verdict:
    """Return a server that has finite-field Diffie-Hellman, with less than 2048 bits."""
    if tls.dh_bits is None:
        return unasked(tls, Topic.FINITE_FIELD)
    return Hit(bits=tls.dh_bits) if 0 < tls.dh_bits < MIN_DH_BITS else None


@rule(
    "TLS-NO-PQ",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No post-quantum key exchange",
    evidence="X25519MLKEM768 cannot be selected; {what}",
    why="Traffic recorded today can be read once a quantum computer breaks elliptic curves. The "
    "hybrid group costs about a kilobyte each way and hardly any time.",
    fix={
        "openssl": "Groups = X25519MLKEM768:X25519:prime256v1  # OpenSSL 3.5 or newer",
        "nginx": f"{EVERY_SERVER}\n# with OpenSSL 3.5 or newer: with an older one nginx does not "
        "start\nssl_ecdh_curve X25519MLKEM768:X25519:prime256v1;",
        "apache": "# with OpenSSL 3.5 or newer: with an older one Apache does not start\n"
        "SSLOpenSSLConfCmd Groups X25519MLKEM768:X25519:prime256v1",
        "haproxy": "# in global, with OpenSSL 3.5 or newer: else HAProxy does not start\n"
        "ssl-default-bind-curves X25519MLKEM768:X25519:P-256",
        "caddy": "tls {{\n\tcurves x25519mlkem768 x25519 secp256r1\n}}",
    },
    references=("FIPS 203",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(group="x25519", hybrid_group=""),
    directives={"nginx": ("ssl_ecdh_curve",), "caddy": ("tls curves",)},
)
def no_pq(tls: TlsFacts) -> Verdict:
    """Return a server that picked no hybrid group though nothing else was offered."""
    if tls.large_hello_bytes:
        return Skip(
            "the larger ClientHello that a hybrid group needs fails here: see TLS-BIG-HELLO"
        )
    if tls.hybrid_group is None:
        return unasked(tls, Topic.HYBRID_GROUP)
    if tls.hybrid_group:
        return None
    group = tls.group or "none"
    return Hit(what=f"the groups are {group}" if tls.configured else f"the handshake used {group}")


@rule(
    "TLS-BIG-HELLO",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Large ClientHello fails",
    evidence="a ClientHello of {large} bytes with a post-quantum key share fails; one of {small} "
    "bytes without it is accepted",
    why="Current browsers and TLS libraries send a ClientHello of more than one packet. They fail "
    "or fall back slowly here, while older clients and simple tests work.",
    fix={
        "any": "Update or replace what cannot read a ClientHello of several packets: the firewall, "
        "proxy or load balancer in front of the server, or the server's own TLS software "
        "(https://tldr.fail). Until then, clients can leave the hybrid group out "
        "(OpenSSL: Groups = X25519:prime256v1).",
    },
    references=("RFC 9846 §4.2.4",),
    seed=("12.11",),
    good=GOOD,
    bad=GOOD.learn(large_hello_bytes=1750, small_hello_bytes=320, group="x25519"),
)
def big_hello(tls: TlsFacts) -> Verdict:
    """Return the first hello failed, and one without a post-quantum key share did not."""
    if tls.large_hello_bytes:
        return Hit(large=tls.large_hello_bytes, small=tls.small_hello_bytes or 0)
    return None if tls.version is not None else Skip("no handshake succeeded")


@rule(
    "TLS-NO-RESUME",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Sessions cannot be resumed",
    evidence="{what}",
    why="Every connection pays for a full handshake: certificates on the wire, signatures on both "
    "sides, and with TLS 1.2 a round trip more.",
    fix={
        "nginx": f"{EVERY_SERVER}\nssl_session_cache shared:TLS:10m;\nssl_session_tickets on;",
        "apache": "SSLSessionTickets on\n"
        "# in main, outside <VirtualHost>\n"
        "SSLSessionCache shmcb:${{APACHE_RUN_DIR}}/ssl_scache(512000)",
        "haproxy": "# in global; remove no-tls-tickets from bind lines\ntune.ssl.cachesize 100000",
        "any": "Behind a load balancer, share the ticket keys among the nodes.",
    },
    references=("RFC 9846 §2.2",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(tickets=0, resumed=False, resumed_seconds=None),
    directives={"nginx": ("ssl_session_tickets", "ssl_session_cache"), "caddy": ("tls",)},
)
def no_resume(tls: TlsFacts) -> Verdict:
    """Return the second handshake was a full one, or there was nothing to take up."""
    if tls.resumed is None:
        return unasked(tls, Topic.RESUMPTION)
    if tls.not_resumed_at:
        return Hit(what=f"not at {', '.join(tls.not_resumed_at)} with a session of another address")
    if tls.resumed:
        return None
    if tls.configured:
        return Hit(what="session tickets are off, and there is no session cache")
    if not tls.tickets and tls.version == "TLSv1.3":
        return Hit(what="no session ticket came within a second of the handshake")
    return Hit(what="a second handshake with the session of the first was a full one")


@rule(
    "TLS-0RTT-ON",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Early data (0-RTT) is accepted",
    evidence="{what}",
    why="Whoever records early data can send it again. Requests that change something are then "
    "carried out twice, unless the application guards against it.",
    fix={
        "nginx": "ssl_early_data off;\n# or, where every early request is idempotent:\n"
        "proxy_set_header Early-Data $ssl_early_data;",
        "haproxy": "# in frontend, in place of the bind line with allow-0rtt\n"
        "bind :443 ssl crt /etc/haproxy/site.pem",
        "any": "Turn it off, or answer early requests that are not idempotent with 425 Too Early.",
    },
    references=("RFC 8470", "RFC 9846 §8"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(max_early_data_bytes=16384, early_data_accepted=True),
    directives={"nginx": ("ssl_early_data",), "caddy": ("0rtt",)},
)
def early_data_on(tls: TlsFacts) -> Verdict:
    """Return the ticket allows early data and the server took the offer."""
    if tls.early_data_accepted and tls.configured:
        return Hit(what="it is turned on")
    if tls.early_data_accepted:
        allowed = tls.max_early_data_bytes or 0
        return Hit(what=f"the ticket allows {allowed} bytes, and the server accepted early data")
    if tls.early_data_accepted is False or tls.max_early_data_bytes == 0:
        return None
    if tls.version is not None and tls.version != "TLSv1.3":
        return None  # there is no early data before TLS 1.3
    if tls.max_early_data_bytes:
        return unasked(tls, Topic.EARLY_DATA)
    return None if tls.tickets == 0 else unasked(tls, Topic.TICKET)


@rule(
    "TLS-EMS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="TLS 1.2 without the extended master secret",
    evidence="the ServerHello does not confirm extended_master_secret",
    why="Two TLS 1.2 sessions can be made to share one secret, so that a man in the middle carries "
    "an authentication from one to the other (triple handshake).",
    fix={"any": "Update the TLS library (OpenSSL 1.1.0, GnuTLS 3.4, NSS 3.21 or newer have it)."},
    references=("RFC 9325 §3.5", "RFC 7627"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(extended_master_secret=False),
)
def ems(tls: TlsFacts) -> Verdict:
    """Return a TLS 1.2 ServerHello that left out what the hello offered."""
    return _of_tls12(tls, wrong=tls.extended_master_secret is False)


@rule(
    "TLS-RENEG",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Insecure renegotiation",
    evidence="the ServerHello has no renegotiation_info",
    why="A man in the middle can put his own request in front of a client's, and the server takes "
    "both for one conversation.",
    fix={
        "any": "Update the TLS library (any since 2010 has it), and take "
        "UnsafeLegacyRenegotiation out of its options.",
    },
    references=("RFC 9325 §3.5", "RFC 5746"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(secure_renegotiation=False),
)
def reneg(tls: TlsFacts) -> Verdict:
    """Return a TLS 1.2 ServerHello without RFC 5746's answer."""
    return _of_tls12(tls, wrong=tls.secure_renegotiation is False)


@rule(
    "TLS-COMPRESS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="TLS compression is on",
    evidence="the ServerHello selects DEFLATE",
    why="The length of compressed data tells what is in it: cookies and tokens were read that way "
    "(CRIME).",
    fix={
        "apache": "SSLCompression off",
        "openssl": "Options = -Compression",
        "any": "Update the TLS library; current ones cannot compress.",
    },
    references=("RFC 9325 §3.3",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(compression=True),
)
def compress(tls: TlsFacts) -> Verdict:
    """Return a TLS 1.2 ServerHello that took the compression that the hello offered."""
    return _of_tls12(tls, wrong=tls.compression is True)


def _of_tls12(tls: TlsFacts, *, wrong: bool) -> Verdict:
    """Return a verdict on what only TLS 1.2 and older have."""
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
    title="Client certificate asked for, but not needed",
    evidence="the server asks for a client certificate and serves a client that has none",
    why="Mutual TLS that lets everybody in protects nothing. Often it was meant to be required.",
    fix={
        "nginx": "ssl_client_certificate /etc/ssl/client-ca.pem;\nssl_verify_client on;",
        "apache": "SSLCACertificateFile /etc/ssl/client-ca.pem\nSSLVerifyClient require",
        "haproxy": "# in frontend, in place of the bind line with verify optional\n"
        "bind :443 ssl crt /etc/haproxy/site.pem ca-file /etc/ssl/client-ca.pem verify required",
        "caddy": "tls {{\n\tclient_auth {{\n\t\tmode require_and_verify\n"
        "\t\ttrust_pool file ca.pem\n\t}}\n}}",
        "mosquitto": "require_certificate true",
        "any": "Require it, or stop asking: optional certificates belong where the application "
        "checks for them itself.",
    },
    references=("RFC 9846 §4.4.2",),
    seed=("12.7.3",),
    good=GOOD,
    bad=GOOD.learn(client_certificate="optional"),
    directives={"nginx": ("ssl_verify_client",), "caddy": ("tls client_auth",)},
)
def mtls_optional(tls: TlsFacts) -> Verdict:
    """Return a CertificateRequest that an empty answer satisfied, at the application too."""
    if tls.client_certificate == "given":
        return Skip("a client certificate was given, so it is unknown what happens without")
    if tls.client_certificate is None:
        return Skip("the handshake did not get far enough")
    return Hit() if tls.client_certificate == "optional" else None
