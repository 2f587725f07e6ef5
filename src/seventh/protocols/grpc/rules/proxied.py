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
H2_NGINX = (
    "http2 on; # nginx 1.25.1 or newer",
    "listen 443 ssl http2; # before nginx 1.25.1",
)
STATUS_NGINX = (
    "# in the location",
    "error_page 502 503 504 = @unavailable;",
    "# in the server",
    "location @unavailable {",
    "    default_type application/grpc;",
    "    add_header grpc-status 14 always;",
    '    add_header grpc-message "unavailable" always;',
    "    return 204;",
    "}",
)
_GOOD = ProxiedCalls(
    product="envoy", place="/shop.Orders/", in_clear=False, front_h2=True, backend_h2=True,
    total_seconds=0, idle_seconds=3600, status_replaced=False, web=True, cors=True,
    admin_open=False,
)  # fmt: skip


def _bad(**changes: object) -> GrpcFacts:
    return GrpcFacts(proxied=ProxiedCalls(product="envoy", place="/shop.Orders/", **changes))  # type: ignore[arg-type]


def proxy_cut(calls: ProxiedCalls) -> Verdict:
    """Judge how long a proxy lets a call take, and be silent."""
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
    hit = Hit(cut=what, place=calls.place, total=total, idle=idle)
    hit.fixed_by("nginx", "# in the location", "grpc_read_timeout 1h;", "grpc_send_timeout 1h;")
    return hit.fixed_by("envoy", "# in the route", *(lines[name] for name in what))


def no_h2(calls: ProxiedCalls) -> Verdict:
    """Judge whether HTTP/2 is used on both sides of a proxy."""
    if calls.front_h2 is None and calls.backend_h2 is None:
        return not_applicable("no route of calls")
    fixes = {"front": H2_FRONT, "backend": H2_BACKEND}
    fails = {"front": calls.front_h2 is False, "backend": calls.backend_h2 is False}
    what = tuple(name for name, is_off in fails.items() if is_off)
    if not what:
        return None
    hit = Hit(what=what, place=calls.place)
    if calls.product == "nginx":
        return hit.fixed_by("nginx", *H2_NGINX)
    at = {"front": ("alpn_protocols", "codec_type"), "backend": ("cluster",)}
    hit.at(*(name for each in what for name in at[each]))
    return hit.fixed_by("envoy", *(line for name in what for line in fixes[name]))


def not_grpc(calls: ProxiedCalls) -> Verdict:
    """Judge what becomes of a proxy's own errors."""
    if calls.status_replaced is None:
        return not_applicable("no page for errors")
    if not calls.status_replaced:
        return None
    return Hit(what="replaced", place=calls.place).fixed_by("nginx", *STATUS_NGINX)


def plaintext(calls: ProxiedCalls) -> Verdict:
    """Judge whether calls of other machines are protected."""
    if calls.in_clear is None:
        return not_applicable("no route of calls")
    if not calls.in_clear:
        return None
    return Hit(what="served", place=calls.place).fixed_by(
        "envoy", "# in the filter chain: transport_socket with DownstreamTlsContext; or bind the",
        "# listener to 127.0.0.1",
    )  # fmt: skip


def admin_open(calls: ProxiedCalls) -> Verdict:
    """Judge who reaches the administration."""
    if calls.admin_open is None:
        return not_applicable("no administration interface")
    if not calls.admin_open:
        return None
    return Hit(what="proxy", product=calls.product).fixed_by(
        "envoy", "# in admin: address: socket_address", "address: 127.0.0.1"
    )


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
