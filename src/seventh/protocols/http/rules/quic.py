"""Rules on HTTP/2's settings, on QUIC, and on what goes in early data."""

from __future__ import annotations

from seventh.model.quicfacts import (
    Amplification,
    Migration,
    TransportParameters,
)
from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.quic import H2Facts
from seventh.protocols.http.facts.write import EarlyPost, WriteFacts
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.examples import GOOD, with_h3, with_parameters
from seventh.protocols.http.rules.proxy_fixes import ENVOY
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

MIN_STREAMS = 100
MIN_UPLOAD_BITS_PER_SECOND = 10e6
MIN_IDLE_SECONDS = 30.0
MIN_UDP_PAYLOAD_BYTES = 1350
TOO_EARLY = 425


@rule(
    "H2-SETTINGS",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="HTTP/2 settings limit throughput",
    evidence="{what}",
    phrases={"what": {
        "streams": "the limit of concurrent streams is {streams}, less than {least}",
        "window": "the initial window of {window_bytes} bytes limits an upload to {mbits} Mbit/s "
        "at a round trip of {rtt_ms} ms until the server enlarges it",
    }},
    why="With few streams a page's parts wait in a queue, as with HTTP/1.1. With a small initial "
    "window an upload sends that much and then waits at least a round trip for more, however fast "
    "the network is.",
    fix={
        "nginx": "# in http {{}}\nhttp2_max_concurrent_streams 128;\nhttp2_body_preread_size 512k;",
        "apache": "H2MaxSessionStreams 100\nH2WindowSize 1048576",
        "haproxy": "# in global\ntune.h2.max-concurrent-streams 100\n"
        "tune.h2.initial-window-size 1048576",
        "envoy": ENVOY["settings"],
    },
    references=("RFC 9113 §6.5.2",),
    seed=("12.10.2",),
    good=GOOD,
    bad=GOOD.learn(h2=H2Facts(settings={"MAX_CONCURRENT_STREAMS": 10})),
    directives={"nginx": ("http2_max_concurrent_streams",)},
)  # fmt: skip
def h2_settings(http: HttpFacts) -> Verdict:
    """Report fewer streams than the standard recommends, or a slow start of uploads at this RTT.

    The initial window alone is info: servers enlarge it during an upload, by how much is unknown.
    """
    if http.config is not None:
        return file.h2_settings(http.config, MIN_STREAMS)
    found = http.h2
    # SETTINGS may be empty, as Node.js's are; a PING that was answered shows that they came.
    if found is None or (not found.settings and found.ping_seconds is None):
        return Skip("no HTTP/2 connection sent its settings")
    streams = found.max_concurrent_streams
    rate = found.upload_bits_per_second
    few = streams is not None and streams < MIN_STREAMS
    slow = rate is not None and rate < MIN_UPLOAD_BITS_PER_SECOND
    if not few and not slow:
        return None
    return Hit(
        None if few else Severity.INFO,
        what=("streams",) * few + ("window",) * slow,
        streams=streams or 0,
        least=MIN_STREAMS,
        window_bytes=found.initial_window_bytes,
        mbits=f"{(rate or 0) / 1e6:.1f}",
        rtt_ms=f"{(found.rtt_seconds or 0) * 1e3:.0f}",
    )


@rule(
    "QUIC-AMPLIFY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="QUIC amplifies traffic to unverified addresses",
    evidence="{what}",
    phrases={"what": {
        "plain": "one Initial of {sent} bytes, never acknowledged, got {received} bytes in "
        "{datagrams} datagrams: {factor} times as many",
        "forged": "one Initial of {sent} bytes with a forged token, never acknowledged, got "
        "{received} bytes in {datagrams} datagrams: {factor} times as many",
        "no-retry": "an Initial without a token gets a Retry; one with a forged token was accepted "
        "and got {received} bytes",
    }},
    why="An attacker can send an Initial with a victim's address as its source: the server then "
    "sends the victim several times what the attacker sent. The limit is three times, also for a "
    "token that the server did not issue.",
    fix={
        "nginx": "quic_retry on;   # nginx 1.25 or newer",
        "haproxy": "# in frontend, built with QUIC\n"
        "bind quic4@:443 ssl crt /etc/haproxy/site.pem alpn h3 quic-force-retry",
        "any": "Update the QUIC library. Until then, require address validation (Retry), and "
        "send a shorter certificate chain.",
    },
    references=("RFC 9000 §8.1", "RFC 9000 §8.1.3"),
    seed=("12.10.4",),
    good=GOOD,
    bad=with_h3(amplification=Amplification(sent_bytes=1200, received_bytes=14400, datagrams=12,
                                        largest_bytes=1200)),
    directives={"nginx": ("quic_retry",)},
)  # fmt: skip
def quic_amplify(http: HttpFacts) -> Verdict:
    """Report more than three times; low where at most one datagram is over the limit.

    A forged token is reported where it makes that worse, or where it is accepted instead of a
    Retry's.
    """
    if http.config is not None:
        return file.amplify(http.config)
    h3 = http.h3
    if h3 is None or h3.amplification is None:
        return _no_quic(http, "no QUIC server answered an Initial")
    what, counted, forged = "plain", h3.amplification, h3.forged_token
    if forged is not None and _excess(forged) > _excess(counted):
        what, counted = "forged", forged
    if forged is not None and h3.forged_instead_of_retry and _excess(counted) < _FAR:
        return Hit(Severity.MEDIUM, what="no-retry", received=forged.received_bytes)
    if not _excess(counted):
        return None
    return Hit(
        None if _excess(counted) == _FAR else Severity.LOW,
        what=what,
        sent=counted.sent_bytes,
        received=counted.received_bytes,
        datagrams=counted.datagrams,
        factor=f"{counted.factor:.1f}",
    )


_FAR = 2


def _excess(counted: Amplification) -> int:
    """Return 0 within the limit, 1 where at most one datagram is over it, else 2."""
    if not counted.excess_bytes:
        return 0
    return 1 if counted.excess_bytes <= counted.largest_bytes else _FAR


@rule(
    "QUIC-MIGRATE",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="QUIC connection migration fails or is restricted",
    evidence="{what}",
    phrases={"what": {
        "stalled": "the connection stalled after the client's port changed",
        "not-validated": "the connection continued, but the server sent no PATH_CHALLENGE: it "
        "accepts any new address",
        "no-response": "the connection continued, but the server did not answer our PATH_CHALLENGE",
        "declared": "the connection continued, but the server declares disable_active_migration",
    }},
    why="When a phone changes from Wi-Fi to the mobile network, or its NAT entry expires, its "
    "address or port changes. The connection should continue once the server has validated the "
    "new path with a challenge.",
    fix={
        "nginx": "# in the main context: one worker must receive all packets of a connection\n"
        "quic_bpf on;   # nginx 1.25 or newer",
        "any": "Configure load balancers to route QUIC by connection ID (QUIC-LB), not by address "
        "and port, and leave active migration enabled.",
    },
    references=("RFC 9000 §9",),
    seed=("12.10.1",),
    good=GOOD,
    bad=with_h3(migration=Migration(new_connection_id=True, challenged=False, validated=False,
                                continued=False)),
)  # fmt: skip
def quic_migrate(http: HttpFacts) -> Verdict:
    """Report migration that stalls; low where the connection continues all the same.

    That is: without a PATH_CHALLENGE, as Envoy does it, or without an answer to ours; or declared
    against, which is a server's right (RFC 9000 §18.2), and an expired NAT entry does no harm.
    """
    moved = http.h3.migration if http.h3 is not None else None
    if moved is None:
        return _no_quic(http, "no migration of a QUIC connection was tried")
    if not moved.continued:
        return Hit(what="stalled")
    if not moved.challenged:
        return Hit(Severity.LOW, what="not-validated")
    if not moved.validated:
        return Hit(Severity.LOW, what="no-response")
    declared = _declared(http)
    if declared is not None and declared.disable_active_migration:
        return Hit(Severity.LOW, what="declared")
    return None


def _declared(http: HttpFacts) -> TransportParameters | None:
    """Return the transport parameters that the server declared."""
    return http.h3.quic.parameters if http.h3 and http.h3.quic else None


_UNDECLARED = "no QUIC handshake showed the server's transport parameters"


def _no_quic(http: HttpFacts, why: str) -> Skip:
    """Skip because of ``why``, or because HTTP/3 was not tried, as through a proxy."""
    found = http.rung("3")
    return Skip(found.detail if found is not None and found.state == "untried" else why)


@rule(
    "QUIC-IDLE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="QUIC's idle timeout is short",
    evidence="max_idle_timeout is {seconds} s",
    why="A visitor who pauses longer needs a new handshake for the next click; PINGs that keep the "
    "connection alive drain a phone's battery.",
    fix={
        "nginx": "keepalive_timeout 65;   # is QUIC's idle timeout, too",
        "haproxy": "# in global, built with QUIC\ntune.quic.frontend.max-idle-timeout 60s",
        "envoy": ENVOY["quic idle"],
        "any": "Raise max_idle_timeout to 60 s or more in the settings of the QUIC library.",
    },
    references=("RFC 9000 §10.1",),
    seed=("12.10.1",),
    good=GOOD,
    bad=with_parameters(max_idle_timeout_seconds=10.0),
    directives={"nginx": ("keepalive_timeout",)},
)
def quic_idle(http: HttpFacts) -> Verdict:
    """Report less than half a minute."""
    if http.config is not None:
        return file.quic_idle(http.config, MIN_IDLE_SECONDS)
    declared = _declared(http)
    if declared is None:
        return _no_quic(http, _UNDECLARED)
    seconds = declared.max_idle_timeout_seconds
    return Hit(seconds=f"{seconds:g}") if seconds and seconds < MIN_IDLE_SECONDS else None


@rule(
    "QUIC-PMTU",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="QUIC limits datagrams to a small size",
    evidence="max_udp_payload_size is {bytes} bytes",
    why="Clients may not send larger datagrams, although most paths carry 1350 bytes or more. "
    "Uploads need more packets, each with its own cost.",
    fix={
        "any": "Raise max_udp_payload_size to at least 1472, or do not set it: path MTU discovery "
        "finds the largest size that fits.",
    },
    references=("RFC 9000 §18.2", "RFC 9000 §14"),
    seed=("12.10.1",),
    good=GOOD,
    bad=with_parameters(max_udp_payload_bytes=1200),
)
def quic_pmtu(http: HttpFacts) -> Verdict:
    """Report a declared limit below what nearly every path carries."""
    declared = _declared(http)
    if declared is None:
        return _no_quic(http, _UNDECLARED)
    size = declared.max_udp_payload_bytes
    return Hit(bytes=size) if size < MIN_UDP_PAYLOAD_BYTES else None


@rule(
    "HTTP-0RTT-UNSAFE",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="Unsafe requests are served from early data",
    evidence="{what}",
    phrases={"what": {
        "served": "{method} in HTTP/{version} early data got {status} before the handshake "
        "completed",
        "nginx": "ssl_early_data is on, and requests are proxied without `proxy_set_header "
        "Early-Data $ssl_early_data`",
        "caddy": "HTTP/3 accepts early data, and `header_up` or `request_header` removes "
        "Early-Data from proxied requests",
    }},
    why="An attacker who recorded the first packet can send it again, from anywhere: the request "
    "is carried out twice.",
    fix={
        "nginx": "# the application must answer 425 to it; otherwise set ssl_early_data off;\n"
        "proxy_set_header Early-Data $ssl_early_data;",
        "haproxy": "# in frontend\nhttp-request wait-for-handshake unless METH_GET",
        "caddy": "# in the global options\nservers {{\n\t0rtt off\n}}",
        "envoy": ENVOY["0-rtt"],
        "any": "Answer early requests that are not idempotent with 425 (Too Early), or wait for "
        "the handshake to complete before processing them.",
    },
    references=("RFC 8470 §3", "RFC 8470 §5.2"),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(
        write=WriteFacts(
            early_post=EarlyPost(
                method="POST", version="3", accepted=True, before_handshake=True, status=200
            )
        )
    ),
    choice=("nginx",),
    directives={
        "nginx": ("ssl_early_data", "proxy_set_header", "proxy_pass"),
        "caddy": ("header_up", "request_header", "0rtt"),
    },
)  # fmt: skip
def early_unsafe(http: HttpFacts) -> Verdict:
    """Report an unsafe request in early data answered before the handshake, other than by 425.

    A response that rejects the request shows no effect that could be repeated.
    """
    if http.config is not None:
        return file.early_unsafe(http.config)
    found = http.write.early_post if http.write is not None else None
    if found is None:
        return Skip("no unsafe request was sent as early data")
    if found.failed:
        return Skip(found.failed)
    if not found.accepted or found.status == TOO_EARLY:
        return None
    if not found.before_handshake:
        slow = (http.think_seconds or 0.0) > (found.silent_seconds or 0.0) / 2 > 0
        return Skip("the server answers as slowly as it waits") if slow else None
    if found.status is not None and 400 <= found.status < 500:
        return Skip(f"{found.method} was rejected with {found.status}, so it had no effect")
    return Hit(what="served", method=found.method, version=found.version, status=found.status or 0)
