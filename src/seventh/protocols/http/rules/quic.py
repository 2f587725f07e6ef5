"""Rules on HTTP/2's settings, on QUIC, and on what goes in early data."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.quicfacts import (
    MAX_AMPLIFICATION,
    Amplification,
    Migration,
    QuicFacts,
    TransportParameters,
)
from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.quic import H2Facts, H3Facts
from seventh.protocols.http.facts.write import EarlyPost, WriteFacts
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.examples import GOOD
from seventh.protocols.http.rules.proxy_fixes import ENVOY
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

MIN_STREAMS = 100
MIN_UPLOAD_BITS_PER_SECOND = 10e6
MIN_IDLE_SECONDS = 30.0
MIN_UDP_PAYLOAD_BYTES = 1350
TOO_EARLY = 425


def _h3(**changes: object) -> HttpFacts:
    return GOOD.learn(h3=replace(GOOD.h3 or H3Facts(), **changes))


def _parameters(**changes: object) -> HttpFacts:
    return _h3(quic=QuicFacts(parameters=TransportParameters(**changes)))  # type: ignore[arg-type]


@rule(
    "H2-SETTINGS",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="HTTP/2's settings hold requests back",
    evidence="{what}",
    why="Few streams make a page's parts wait in line as in HTTP/1.1. With a small initial window "
    "an upload sends that much and then waits at least a round trip for more, however fast the "
    "line is.",
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
)
def h2_settings(http: HttpFacts) -> Verdict:
    """Fewer streams than the standard recommends, or an upload that begins slowly at this RTT.

    The initial window is a remark only: servers widen it as the upload goes on, and how far is not
    seen here.
    """
    if http.config is not None:
        return file.h2_settings(http.config, MIN_STREAMS)
    found = http.h2
    # SETTINGS may be empty, as Node.js's are; a PING that was answered shows that they came.
    if found is None or (not found.settings and found.ping_seconds is None):
        return Skip("no HTTP/2 connection told its settings")
    wrong: list[str] = []
    streams = found.max_concurrent_streams
    few = streams is not None and streams < MIN_STREAMS
    if few:
        wrong.append(f"{streams} streams at once, fewer than {MIN_STREAMS}")
    rate = found.upload_bits_per_second
    if rate is not None and rate < MIN_UPLOAD_BITS_PER_SECOND:
        wrong.append(
            f"an upload begins with a window of {found.initial_window_bytes} bytes, which is "
            f"{rate / 1e6:.1f} Mbit/s at a round trip of {(found.rtt_seconds or 0) * 1e3:.0f} ms "
            "until the server widens it"
        )
    return Hit(None if few else Severity.INFO, what="; ".join(wrong)) if wrong else None


@rule(
    "QUIC-AMPLIFY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="QUIC answers strangers with too many bytes",
    evidence="{sent} bytes in one unanswered Initial drew {received} bytes in {datagrams} "
    "datagrams: {factor} times as many",
    why="Anybody can put a victim's address on an Initial: the server then sends the victim "
    "several times what the attacker spent. Three times is the limit.",
    fix={
        "nginx": "quic_retry on;   # nginx 1.25 or newer",
        "haproxy": "# in frontend, built with QUIC\n"
        "bind quic4@:443 ssl crt /etc/haproxy/site.pem alpn h3 quic-force-retry",
        "any": "Update the QUIC library; until then ask for a token (Retry), and send shorter "
        "certificate chains.",
    },
    references=("RFC 9000 §8.1",),
    seed=("12.10.4",),
    good=GOOD,
    bad=_h3(amplification=Amplification(sent_bytes=1200, received_bytes=14400, datagrams=12,
                                        largest_bytes=1200)),
    directives={"nginx": ("quic_retry",)},
)  # fmt: skip
def quic_amplify(http: HttpFacts) -> Verdict:
    """Return more than three times; low where no more than one datagram is over the limit."""
    if http.config is not None:
        return file.amplify(http.config)
    counted = http.h3.amplification if http.h3 is not None else None
    if counted is None:
        return Skip("no QUIC server answered an Initial")
    if counted.factor <= MAX_AMPLIFICATION:
        return None
    barely = 0 < counted.excess_bytes <= counted.largest_bytes
    return Hit(
        Severity.LOW if barely else None,
        sent=counted.sent_bytes,
        received=counted.received_bytes,
        datagrams=counted.datagrams,
        factor=f"{counted.factor:.1f}",
    )


@rule(
    "QUIC-MIGRATE",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="QUIC connections move badly to a new port",
    evidence="{what}",
    why="A phone that goes from Wi-Fi to the mobile network, or whose NAT forgets it, comes from "
    "another port. The connection should go on, once the server has asked with a challenge "
    "whether the client is really there.",
    fix={
        "nginx": "# in main: one worker must get all packets of a connection\n"
        "quic_bpf on;   # nginx 1.25 or newer",
        "any": "Let load balancers route QUIC by connection id (QUIC-LB), not by address and "
        "port, and leave active migration enabled.",
    },
    references=("RFC 9000 §9",),
    seed=("12.10.1",),
    good=GOOD,
    bad=_h3(migration=Migration(new_connection_id=True, challenged=False, validated=False,
                                continued=False)),
)  # fmt: skip
def quic_migrate(http: HttpFacts) -> Verdict:
    """Migration that stalls; low where it goes on all the same.

    That is: without a PATH_CHALLENGE, as Envoy does it, or without an answer to ours; or declared
    against, which is a server's right (RFC 9000 §18.2), and a NAT that forgets goes unpunished.
    """
    moved = http.h3.migration if http.h3 is not None else None
    if moved is None:
        return Skip("no QUIC connection was moved")
    declared = http.h3.quic.parameters if http.h3 and http.h3.quic else None
    if not moved.continued:
        return Hit(what="the connection stalled when it went on from another port")
    if not moved.challenged:
        what = "the connection went on, but no PATH_CHALLENGE came: any address is believed"
        return Hit(Severity.LOW, what=what)
    if not moved.validated:
        what = "the connection went on, but our PATH_CHALLENGE was not answered"
        return Hit(Severity.LOW, what=what)
    if declared is not None and declared.disable_active_migration:
        what = "the connection went on, but the server declares disable_active_migration"
        return Hit(Severity.LOW, what=what)
    return None


@rule(
    "QUIC-IDLE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="QUIC's idle timeout is short",
    evidence="max_idle_timeout is {seconds} s",
    why="A reader who pauses longer pays for a new handshake with the next click; keeping the "
    "connection alive by PINGs costs phones their battery.",
    fix={
        "nginx": "keepalive_timeout 65;   # QUIC's idle timeout is the same",
        "haproxy": "# in global, built with QUIC\ntune.quic.frontend.max-idle-timeout 60s",
        "envoy": ENVOY["quic idle"],
        "any": "Raise max_idle_timeout to a minute or more in the settings of the QUIC library.",
    },
    references=("RFC 9000 §10.1",),
    seed=("12.10.1",),
    good=GOOD,
    bad=_parameters(max_idle_timeout_seconds=10.0),
    directives={"nginx": ("keepalive_timeout",)},
)
def quic_idle(http: HttpFacts) -> Verdict:
    """Less than half a minute."""
    if http.config is not None:
        return file.quic_idle(http.config, MIN_IDLE_SECONDS)
    declared = http.h3.quic.parameters if http.h3 and http.h3.quic else None
    if declared is None:
        return Skip("no QUIC handshake told the server's transport parameters")
    seconds = declared.max_idle_timeout_seconds
    return Hit(seconds=f"{seconds:g}") if seconds and seconds < MIN_IDLE_SECONDS else None


@rule(
    "QUIC-PMTU",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="QUIC datagrams are kept small",
    evidence="max_udp_payload_size is {bytes} bytes",
    why="The server lets no client send larger datagrams, though most paths carry 1350 bytes and "
    "more: uploads take more packets, each with its own cost.",
    fix={
        "any": "Raise max_udp_payload_size to at least 1472, or leave it out, and let path MTU "
        "discovery find what fits.",
    },
    references=("RFC 9000 §18.2", "RFC 9000 §14"),
    seed=("12.10.1",),
    good=GOOD,
    bad=_parameters(max_udp_payload_bytes=1200),
)
def quic_pmtu(http: HttpFacts) -> Verdict:
    """Return a declared limit below what nearly every path carries."""
    declared = http.h3.quic.parameters if http.h3 and http.h3.quic else None
    if declared is None:
        return Skip("no QUIC handshake told the server's transport parameters")
    size = declared.max_udp_payload_bytes
    return Hit(bytes=size) if size < MIN_UDP_PAYLOAD_BYTES else None


@rule(
    "HTTP-0RTT-UNSAFE",
    Severity.HIGH,
    tier=3,
    source=Source.WIRE,
    title="Unsafe requests are served from early data",
    evidence="{what}",
    why="Whoever recorded the first packet can send it again, from anywhere: what the request does "
    "is done twice.",
    fix={
        "nginx": "# and let the application answer 425; or else: ssl_early_data off;\n"
        "proxy_set_header Early-Data $ssl_early_data;",
        "haproxy": "# in frontend\nhttp-request wait-for-handshake unless METH_GET",
        "caddy": "# in the global options\nservers {{\n\t0rtt off\n}}",
        "envoy": ENVOY["0-rtt"],
        "any": "Answer early requests that are not idempotent with 425 (Too Early), or wait for "
        "the end of the handshake before working on them.",
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
    directives={"nginx": ("ssl_early_data", "proxy_set_header"), "caddy": ("0rtt",)},
)
def early_unsafe(http: HttpFacts) -> Verdict:
    """An unsafe request in early data that got an answer other than 425 before the handshake.

    An answer that turns the request down shows no effect that could be repeated.
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
        return Skip("the server takes as long as its answer was waited for") if slow else None
    if found.status is not None and 400 <= found.status < 500:
        return Skip(f"{found.method} was turned down with {found.status}, so that nothing was done")
    return Hit(
        what=f"{found.method} in HTTP/{found.version}'s early data got {found.status or 0} before "
        "the handshake was over"
    )
