"""The rule for the lifetime of session tickets."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.handshake import EVERY_SERVER, unasked
from seventh.rules.rule import Hit, Source, Verdict, not_applicable, rule

MAX_TLS13_SECONDS = 604_800
"""Seven days, the most that RFC 8446 §4.6.1 allows."""
MAX_TLS12_SECONDS = 86_400
"""One day, the limit that RFC 5246 suggests for sessions (appendix F)."""


@rule(
    "TLS-TICKET-LONG",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Session tickets are valid for too long",
    evidence="ticket lifetime of {seconds:,} seconds; {what}",
    phrases={
        "what": {
            "forbidden": f"TLS 1.3 allows at most {MAX_TLS13_SECONDS:,} (7 days)",
            "long": f"with TLS 1.2 at most {MAX_TLS12_SECONDS:,} (1 day) is recommended",
        }
    },
    why="The server keeps the key of its tickets for as long as they are valid. With that key, an "
    "attacker can decrypt recorded TLS 1.2 connections, despite forward secrecy, and resume "
    "sessions.",
    fix={
        "nginx": f"{EVERY_SERVER}\nssl_session_timeout 1d;",
        "apache": "SSLSessionCacheTimeout 86400",
        "haproxy": "# in global\ntune.ssl.lifetime 86400",
        "any": "Limit the lifetime of tickets to one day, and rotate their keys as often.",
    },
    references=("RFC 8446 §4.6.1", "RFC 9325 §3.4", "RFC 5246 Appendix F"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(ticket_lifetime_seconds=MAX_TLS13_SECONDS + 1),
    directives={"nginx": ("ssl_session_timeout", "ssl_protocols")},
)
def ticket_long(tls: TlsFacts) -> Verdict:
    """Report a declared lifetime beyond the limit of the negotiated version; 0 declares none.

    A file's is that of the newest version that it enables, which clients negotiate.
    """
    lifetime = tls.ticket_lifetime_seconds
    version = tls.versions[-1] if tls.configured and tls.versions else tls.version
    if lifetime is None or version is None:
        if tls.tickets == 0:
            return not_applicable("the server sent no session ticket")
        return unasked(tls, Topic.TICKET)
    if version == "TLSv1.3":
        forbidden = lifetime > MAX_TLS13_SECONDS
        return Hit(what="forbidden", seconds=lifetime) if forbidden else None
    return Hit(what="long", seconds=lifetime) if lifetime > MAX_TLS12_SECONDS else None
