"""What a proxy's configuration does to gRPC: nginx's and Envoy's files."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.config import ProxiedCalls
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

LEAST_IDLE_SECONDS = 301.0
"""The least silence that a stream must survive: the usual limits are 15, 60 and 300 s."""
LEAST_TOTAL_SECONDS = 3600.0
_NO_FILE = Skip("no configuration of a proxy was read: `seventh lint nginx.conf` or envoy.yaml")
H2_BACKEND = (
    "# in the cluster",
    "typed_extension_protocol_options:",
    "  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:",
    '    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
    "    explicit_http_config: { http2_protocol_options: {} }",
)
H2_FRONT = (
    "# in common_tls_context of the listener; codec_type AUTO in its HttpConnectionManager",
    "alpn_protocols: [h2, http/1.1]",
)
_GOOD = ProxiedCalls(
    product="envoy", place="/shop.Orders/", in_clear=False, front_h2=True, backend_h2=True,
    total_seconds=0, idle_seconds=3600, status_replaced=False, web=True, cors=True,
    admin_open=False,
)  # fmt: skip


def _bad(**changes: object) -> GrpcFacts:
    return GrpcFacts(proxied=ProxiedCalls(product="envoy", place="/shop.Orders/", **changes))  # type: ignore[arg-type]


@rule(
    "GRPC-PROXY-CUT",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Long-lived streams are closed by a proxy",
    evidence="{what}",
    phrases={
        "what": {
            "total": "a call to {place} ends after {total:g} s, however busy it is",
            "idle": "a call to {place} ends after {idle:g} s of silence",
        }
    },
    why="Calls that stream, and those that wait for events, end with an error in the middle. "
    "Clients see UNAVAILABLE or INTERNAL and start again.",
    fix={
        "nginx": "# in the location\ngrpc_read_timeout 1h;\ngrpc_send_timeout 1h;",
        "envoy": "# in the route\ntimeout: 0s\nidle_timeout: 3600s",
        "any": "Raise the proxy's timeouts for streams, or have the server send a message more "
        "often than they last. Let clients end calls by deadlines.",
    },
    references=("Envoy FAQ: How do I configure timeouts?",),
    seed=("12.11.5",),
    good=GrpcFacts(proxied=_GOOD),
    bad=_bad(total_seconds=15, idle_seconds=300),
    directives={
        "nginx": ("grpc_pass", "grpc_read_timeout", "grpc_send_timeout"),
        "envoy": ("timeout", "idle_timeout"),
    },
)
def proxy_cut(grpc: GrpcFacts) -> Verdict:
    """Judge how long a proxy lets a call take, and be silent."""
    calls = grpc.proxied
    if calls is None:
        return _NO_FILE
    if calls.total_seconds is None and calls.idle_seconds is None:
        return not_applicable("no route of calls")
    total, idle = calls.total_seconds or 0.0, calls.idle_seconds or 0.0
    cut = {"total": 0 < total < LEAST_TOTAL_SECONDS, "idle": 0 < idle < LEAST_IDLE_SECONDS}
    what = tuple(name for name, is_cut in cut.items() if is_cut)
    if not what:
        if calls.idle_seconds is None:
            return Skip("how long a call may be silent is not known")
        return None
    lines = {"total": "timeout: 0s", "idle": "idle_timeout: 3600s"}
    hit = Hit(what=what, place=calls.place, total=total, idle=idle)
    return hit.fixed_by("envoy", "# in the route", *(lines[name] for name in what))


@rule(
    "GRPC-NO-H2",
    Severity.CRITICAL,
    tier=0,
    source=Source.FILE,
    title="HTTP/2 not supported for gRPC",
    evidence="{what}",
    phrases={
        "what": {
            "front": "clients of {place} do not get HTTP/2",
            "backend": "requests of {place} go to the backend with HTTP/1.1",
        }
    },
    why="gRPC needs HTTP/2 from end to end: every call fails.",
    fix={
        "nginx": "http2 on; # nginx 1.25.1 or newer\nlisten 443 ssl http2; # before nginx 1.25.1",
        "envoy": "# in the cluster: HttpProtocolOptions with http2_protocol_options; in the\n"
        "# listener: alpn_protocols with h2",
        "any": "Enable HTTP/2 on the listener and towards the backend.",
    },
    references=("PROTOCOL-HTTP2: gRPC over HTTP2", "RFC 9113 §3.2"),
    seed=("12.11.5",),
    good=GrpcFacts(proxied=_GOOD),
    bad=_bad(front_h2=False, backend_h2=False),
    directives={
        "nginx": ("grpc_pass", "listen", "http2"),
        "envoy": ("cluster", "alpn_protocols", "codec_type"),
    },
)
def no_h2(grpc: GrpcFacts) -> Verdict:
    """Judge whether HTTP/2 is used on both sides of a proxy."""
    calls = grpc.proxied
    if calls is None:
        return _NO_FILE
    if calls.front_h2 is None and calls.backend_h2 is None:
        return not_applicable("no route of calls")
    fixes = {"front": H2_FRONT, "backend": H2_BACKEND}
    fails = {"front": calls.front_h2 is False, "backend": calls.backend_h2 is False}
    what = tuple(name for name, is_off in fails.items() if is_off)
    if not what:
        return None
    hit = Hit(what=what, place=calls.place)
    if calls.product == "nginx":
        return hit
    at = {"front": ("alpn_protocols", "codec_type"), "backend": ("cluster",)}
    hit.at(*(name for each in what for name in at[each]))
    return hit.fixed_by("envoy", *(line for name in what for line in fixes[name]))


@rule(
    "GRPC-NOT-GRPC",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="The response is not gRPC",
    evidence="errors of {place} become a page with status 200 and without grpc-status",
    why="Clients see UNKNOWN with no cause instead of UNAVAILABLE, and do not retry.",
    fix={
        "nginx": "# in the location\nerror_page 502 503 504 = @unavailable;\n"
        "# in the server\nlocation @unavailable {{\n    default_type application/grpc;\n"
        '    add_header grpc-status 14 always;\n    add_header grpc-message "unavailable" always;\n'
        "    return 204;\n}}",
        "any": "Let errors of the proxy keep their status, or send grpc-status with them.",
    },
    references=("HTTP to gRPC Status Code Mapping",),
    seed=("12.11.5",),
    good=GrpcFacts(proxied=_GOOD),
    bad=_bad(status_replaced=True),
    directives={"nginx": ("error_page",)},
    choice=("nginx",),
)
def not_grpc(grpc: GrpcFacts) -> Verdict:
    """Judge what becomes of a proxy's own errors."""
    calls = grpc.proxied
    if calls is None:
        return _NO_FILE
    if calls.status_replaced is None:
        return not_applicable("no page for errors")
    return Hit(place=calls.place) if calls.status_replaced else None


@rule(
    "GRPC-PLAINTEXT",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="gRPC without TLS",
    evidence="{place} is served without TLS beyond this machine",
    why="Everyone on the path reads and changes calls, and takes the tokens of their metadata.",
    fix={
        "nginx": "listen 443 ssl;\n# nginx: with ssl_certificate and ssl_certificate_key",
        "envoy": "# in the filter chain: transport_socket with DownstreamTlsContext; or bind the\n"
        "# listener to 127.0.0.1",
        "any": "Serve gRPC with TLS, or on loopback only.",
    },
    references=("RFC 9325",),
    seed=("12.10.4",),
    good=GrpcFacts(proxied=_GOOD),
    bad=_bad(in_clear=True),
    directives={"nginx": ("listen",), "envoy": ("address",)},
    choice=("nginx", "envoy"),
)
def plaintext(grpc: GrpcFacts) -> Verdict:
    """Judge whether calls of other machines are protected."""
    calls = grpc.proxied
    if calls is None:
        return _NO_FILE
    if calls.in_clear is None:
        return not_applicable("no route of calls")
    return Hit(place=calls.place) if calls.in_clear else None


@rule(
    "GRPC-CHANNELZ",
    Severity.HIGH,
    tier=0,
    source=Source.FILE,
    title="Admin services are public",
    evidence="the administration of {product} is open to other machines",
    why="It has no login: everyone who reaches it reads the configuration with its secrets' names, "
    "the connections and the addresses of backends, drains listeners, or stops the proxy.",
    fix={
        "envoy": "# in admin: address: socket_address\naddress: 127.0.0.1",
        "any": "Bind administration to 127.0.0.1 or to a port that a firewall keeps internal.",
    },
    references=("A38: Admin Interface API", "Envoy: Administration interface"),
    seed=("12.10.4",),
    good=GrpcFacts(proxied=_GOOD),
    bad=_bad(admin_open=True),
    directives={"envoy": ("admin",)},
)
def admin_open(grpc: GrpcFacts) -> Verdict:
    """Judge who reaches the administration."""
    calls = grpc.proxied
    if calls is None:
        return _NO_FILE
    if calls.admin_open is None:
        return not_applicable("no administration interface")
    return Hit(product=calls.product) if calls.admin_open else None


@rule(
    "GRPC-WEB",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="gRPC-Web does not work for browsers",
    evidence="{place} translates gRPC-Web and has no CORS filter",
    why="Browsers refuse the replies to pages of other origins.",
    fix={
        "envoy": "# in http_filters, before envoy.filters.http.router; the origins in cors of the\n"
        "# virtual host's typed_per_filter_config\n"
        "- name: envoy.filters.http.cors\n  typed_config:\n"
        '    "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors',
        "any": "Add CORS for the origins of your pages, or serve them from the same origin.",
    },
    references=("PROTOCOL-WEB: gRPC Web",),
    seed=("12.6.2",),
    good=GrpcFacts(proxied=_GOOD),
    bad=_bad(web=True, cors=False),
    directives={"envoy": ("grpc_web",)},
    choice=("envoy",),
)
def web(grpc: GrpcFacts) -> Verdict:
    """Judge whether browsers may use gRPC-Web."""
    calls = grpc.proxied
    if calls is None:
        return _NO_FILE
    if calls.web is None:
        return not_applicable("gRPC-Web is not translated")
    return None if calls.cors else Hit(place=calls.place)
