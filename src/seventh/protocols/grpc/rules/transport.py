"""Rules about what carries gRPC: HTTP/2, TLS, proxies, and the server's limits."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import (
    MIN_METADATA_BYTES,
    SENT_METADATA_BYTES,
    Answer,
    Foreign,
    GrpcFacts,
)
from seventh.protocols.grpc.rules import proxied
from seventh.protocols.grpc.rules.examples import ABSENT, GOOD, NOT_CALLED
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

LEAST_STREAMS = 100
"""The least limit of concurrent streams that RFC 9113 §6.5.2 recommends."""
LEAST_MBITS = 20
"""The upload that one stream should reach before the server enlarges a window, in Mbit/s."""
_UNLIMITED = 0x7FFFFFFF
_TOO_LARGE = frozenset({"RESOURCE_EXHAUSTED", "INTERNAL", "PERMISSION_DENIED"})
_NO_SETTINGS = Skip("no SETTINGS were received")
_NGINX = (
    "# in server {{}}\nhttp2 on;   # nginx 1.25.1 or newer\n"
    "listen 443 ssl http2;   # before nginx 1.25.1\n"
    "location / {{\n    grpc_pass grpc://127.0.0.1:50051;\n}}"
)
_ENVOY_H2 = (
    "# in the cluster\ntyped_extension_protocol_options:\n"
    "  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:\n"
    '    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions\n'
    "    explicit_http_config: {{ http2_protocol_options: {{}} }}"
)


@rule(
    "GRPC-NO-H2",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="HTTP/2 not supported for gRPC",
    evidence="{what}",
    phrases={"what": {
        "http1": "the port answers with HTTP/1.1",
        "refused": "the TLS handshake fails when only h2 is offered (ALPN)",
        "no-alpn": "the server selects no protocol in TLS (ALPN); gRPC clients then refuse the "
        "connection",
        "front": "clients of {place} do not get HTTP/2",
        "backend": "requests of {place} go to the backend with HTTP/1.1",
    }},
    why="gRPC requires HTTP/2, and TLS must select it with ALPN. Clients end the connection.",
    fix={
        "nginx": _NGINX,
        "envoy": _ENVOY_H2,
        "any": "Enable HTTP/2 on the listener, with h2 in ALPN, and to the backend. On a load "
        "balancer choose a target of the type gRPC or HTTP/2.",
    },
    references=("RFC 9113 §3.2", "GRPC PROTOCOL-HTTP2"),
    seed=("12.11.5",),
    good=GOOD,
    bad=GrpcFacts(secure=True, http="1.1"),
    directives={
        "nginx": ("grpc_pass", "listen", "http2"),
        "envoy": ("cluster", "alpn_protocols", "codec_type"),
    },
)  # fmt: skip
def no_h2(grpc: GrpcFacts) -> Verdict:
    """Report another protocol, and TLS without ALPN."""
    if grpc.proxied is not None:
        return proxied.no_h2(grpc.proxied)
    if grpc.http is None:
        return Skip("the connection ended before its protocol was known")
    if grpc.http == "other":
        return Skip("the port serves neither HTTP/1.1 nor HTTP/2")
    if grpc.http != "2":
        return Hit(what="http1" if grpc.http == "1.1" else "refused")
    if grpc.secure and not grpc.alpn:
        return Hit(Severity.HIGH, what="no-alpn")
    return None


@rule(
    "GRPC-NOT-GRPC",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="The response is not gRPC",
    evidence="{what}{server}",
    phrases={
        "what": {
            "other": "HTTP {status} with content type {type}",
            "untyped": "HTTP {status} without a content type",
            "no-status": "HTTP {status} with content type {type} and without grpc-status",
            "replaced": "errors of {place} become a page with status 200, without grpc-status",
        },
        "server": {"named": ", from {name}"},
    },
    why="A proxy answers with a page of its own, or removes the trailers that hold the status. "
    "Clients report UNKNOWN or UNAVAILABLE, whatever the cause is.",
    fix={
        "nginx": _NGINX,
        "envoy": _ENVOY_H2,
        "any": "Make the proxy forward HTTP/2 with its trailers to the gRPC server, and check "
        "that the path reaches it.",
    },
    references=("GRPC PROTOCOL-HTTP2", "HTTP to gRPC Status Code Mapping"),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(
        foreign=Foreign(http_status=502, content_type="text/html", server="nginx")
    ),
    directives={"nginx": ("error_page",)},
    choice=("nginx",),
)  # fmt: skip
def not_grpc(grpc: GrpcFacts) -> Verdict:
    """Report the first response that is not gRPC."""
    if grpc.proxied is not None:
        return proxied.not_grpc(grpc.proxied)
    seen = grpc.foreign
    if seen is None:
        return NOT_CALLED if grpc.health is None else None
    what = "other" if seen.content_type else "untyped"
    if seen.content_type.lower().startswith("application/grpc") and "-web" not in seen.content_type:
        what = "no-status"
    known = {"type": seen.content_type} if seen.content_type else {}
    named = {"server": "named", "name": seen.server} if seen.server else {}
    return Hit(what=what, status=seen.http_status, **known, **named)


@rule(
    "GRPC-STATUS-MAP",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="HTTP errors map to the wrong status",
    evidence="HTTP {status} with grpc-status {code}",
    why="HTTP 429, 502, 503 and 504 mean UNAVAILABLE, which clients may retry. With another "
    "grpc-status they do not retry, or retry what must not be retried.",
    fix={
        "any": "Send grpc-status 14 (UNAVAILABLE) with these HTTP statuses, or HTTP 200.",
    },
    references=("HTTP to gRPC Status Code Mapping",),
    seed=("12.6.2",),
    good=GOOD,
    bad=GOOD.learn(misleading=Answer(code="INTERNAL", http_status=503)),
)
def status_map(grpc: GrpcFacts) -> Verdict:
    """Report an HTTP status of unavailability with another status of gRPC."""
    if grpc.misleading is not None:
        return Hit(status=grpc.misleading.http_status, code=grpc.misleading.code)
    return NOT_CALLED if grpc.health is None else None


@rule(
    "GRPC-PLAINTEXT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="gRPC without TLS",
    evidence="{what}",
    phrases={
        "what": {
            "accepted": "the server accepts HTTP/2 in clear on a {reach} address",
            "served": "{place} is served without TLS beyond this machine",
        }
    },
    why="Messages and tokens can be read and changed in transit.",
    fix={
        "nginx": "# in server {{}}\nhttp2 on;   # nginx 1.25.1 or newer\n"
        "listen 443 ssl http2;   # before nginx 1.25.1\n"
        "ssl_certificate /etc/ssl/server.pem;\nssl_certificate_key /etc/ssl/server.key;",
        "any": "Serve gRPC in TLS (grpcs://), or bind the server to a loopback address.",
    },
    references=("RFC 9325 §3.2",),
    seed=("12.10.4",),
    good=GOOD,
    bad=GOOD.learn(secure=False, alpn=None),
    directives={"nginx": ("listen",), "envoy": ("address",)},
    choice=("nginx", "envoy"),
)
def plaintext(grpc: GrpcFacts) -> Verdict:
    """Report gRPC in clear beyond this machine."""
    if grpc.proxied is not None:
        return proxied.plaintext(grpc.proxied)
    if grpc.http is None or grpc.secure is None:
        return Skip("the connection ended before its protocol was known")
    if grpc.secure:
        return None
    if grpc.http != "2":
        return Skip("HTTP/2 is not served in clear")
    if grpc.reach is None:
        return Skip("through a proxy or jump host the address is not known")
    return None if grpc.reach == "loopback" else Hit(what="accepted", reach=grpc.reach)


@rule(
    "GRPC-STREAMS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Too few or unlimited streams",
    evidence="{what}",
    phrases={"what": {
        "few": "MAX_CONCURRENT_STREAMS is {streams}, less than {least}",
        "unlimited": "no limit of concurrent streams (MAX_CONCURRENT_STREAMS)",
    }},
    why="Each call is a stream. Above the limit calls wait in the client; without a limit one "
    "client can occupy all threads and memory of the server.",
    fix={
        "grpcio": 'grpc.server(pool, options=[("grpc.max_concurrent_streams", 128)])',
        "nginx": "# in http {{}}\nhttp2_max_concurrent_streams 128;",
        "envoy": "# in HttpConnectionManager\n"
        "http2_protocol_options: {{ max_concurrent_streams: 128 }}",
        "any": "Set the limit of concurrent streams to 100 or more.",
    },
    references=("RFC 9113 §5.1.2", "RFC 9113 §6.5.2"),
    seed=("B stream_cnt",),
    good=GOOD,
    bad=GOOD.learn(settings={"MAX_CONCURRENT_STREAMS": 10}),
)  # fmt: skip
def streams(grpc: GrpcFacts) -> Verdict:
    """Report a limit below the recommended one, or none."""
    if grpc.settings is None:
        return _NO_SETTINGS
    known = grpc.max_concurrent_streams
    if known is None or known >= _UNLIMITED:
        return Hit(what="unlimited")
    return Hit(what="few", streams=known, least=LEAST_STREAMS) if known < LEAST_STREAMS else None


@rule(
    "GRPC-WINDOW",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="The flow-control window limits throughput",
    evidence="a window of {window_bytes} bytes limits one stream to {mbits} Mbit/s at a round "
    "trip of {rtt_ms} ms, until the server enlarges it",
    why="A client sends that much and then waits for at least a round trip, however fast the "
    "network is.",
    fix={
        "grpcio": 'grpc.server(pool, options=[("grpc.http2.lookahead_bytes", 1048576)])',
        "nginx": "# in http {{}}\nhttp2_body_preread_size 512k;",
        "envoy": "# in HttpConnectionManager\nhttp2_protocol_options:\n"
        "  initial_stream_window_size: 1048576\n  initial_connection_window_size: 4194304",
        "any": "Raise the initial window of streams and of the connection, or enable the "
        "estimation of the bandwidth-delay product.",
    },
    references=("RFC 9113 §6.9",),
    seed=("12.10.2",),
    good=GOOD,
    bad=GOOD.learn(ping_seconds=0.1, settings={"INITIAL_WINDOW_SIZE": 65535}),
)
def window(grpc: GrpcFacts) -> Verdict:
    """Report a window that is too small for this round trip."""
    size, rtt = grpc.window_bytes, grpc.ping_seconds
    if size is None:
        return _NO_SETTINGS
    if not rtt:
        return Skip("the round trip is not known: no PING was acknowledged")
    mbits = size * 8 / rtt / 1e6
    if mbits >= LEAST_MBITS:
        return None
    return Hit(window_bytes=size, mbits=f"{mbits:.2g}", rtt_ms=f"{rtt * 1000:.3g}")


@rule(
    "GRPC-META-LIMIT",
    Severity.LOW,
    tier=1,
    source=Source.WIRE,
    title="Low limit on metadata size",
    evidence="{what}",
    phrases={"what": {
        "setting": "MAX_HEADER_LIST_SIZE is {size}, less than {least}",
        "refused": "a call with {least} bytes of metadata ends with {code}",
    }},
    why="Tokens and tracing fields are metadata. A call that has more than the limit fails.",
    fix={
        "grpcio": 'grpc.server(pool, options=[("grpc.max_metadata_size", 8192),\n'
        '    ("grpc.absolute_max_metadata_size", 16384)])',
        "nginx": "# in http {{}}\nlarge_client_header_buffers 4 16k;",
        "any": "Allow at least 8 KiB of header fields.",
    },
    references=("RFC 9113 §6.5.2", "GRPC PROTOCOL-HTTP2"),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(settings={"MAX_HEADER_LIST_SIZE": 4096}),
)  # fmt: skip
def meta_limit(grpc: GrpcFacts) -> Verdict:
    """Report a limit below 8 KiB, announced or met."""
    if grpc.settings is None:
        return _NO_SETTINGS
    size = grpc.settings.get("MAX_HEADER_LIST_SIZE")
    if size is not None and size < MIN_METADATA_BYTES:
        return Hit(what="setting", size=size, least=MIN_METADATA_BYTES)
    answer = grpc.metadata
    if answer is None or grpc.health is None:
        return Skip(f"no call with {SENT_METADATA_BYTES} bytes of metadata was answered")
    if answer.code == grpc.health.code:
        return None
    if answer.code in _TOO_LARGE or not answer.of_server:
        return Hit(what="refused", code=answer.code, least=SENT_METADATA_BYTES)
    return Skip(f"the call with more metadata ends with {answer.code}")


@rule(
    "GRPC-COMPRESS",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="No compression is offered",
    evidence="a request with grpc-encoding gzip ends with UNIMPLEMENTED",
    why="Without gzip, text in messages takes several times as many bytes.",
    fix={
        "any": "Register gzip in the server: in Go import google.golang.org/grpc/encoding/gzip; "
        "in C, C++, Python and Java it is registered.",
    },
    references=("GRPC compression",),
    seed=("12.10.1",),
    good=GOOD,
    bad=GOOD.learn(compressed=ABSENT, accepted_encodings=("identity",)),
)
def compress(grpc: GrpcFacts) -> Verdict:
    """Report a server that does not decompress gzip."""
    answer = grpc.compressed
    if answer is None or grpc.health is None:
        return Skip("no compressed call was answered")
    if grpc.health.absent:
        return not_applicable("the server has no health service to send a compressed request to")
    if answer.absent and "gzip" not in (grpc.accepted_encodings or ()):
        return Hit()
    if answer.code == grpc.health.code:
        return None
    return Skip(f"the compressed call ends with {answer.code}")
