"""A bootstrap of Envoy that is in order, faults of it, and how a printed fix is written into it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import yaml  # type: ignore[import-untyped]

from seventh.engine.lint import Wanted, lint_text
from seventh.model.report import Finding, Report

TYPES = "type.googleapis.com/envoy.extensions"
WANTED = Wanted(kind="envoy.yaml")
_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def socket(address: str, port: int) -> dict[str, Any]:
    return {"socket_address": {"address": address, "port_value": port}}


def bootstrap(cert: str = "/c.pem", key: str = "/k.pem", port: int = 8443) -> dict[str, Any]:
    """A file without a finding."""
    tls = {
        "name": "tls",
        "typed_config": {
            "@type": f"{TYPES}.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": {
                "alpn_protocols": ["h2"],
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
                "tls_certificates": [
                    {"certificate_chain": {"filename": cert}, "private_key": {"filename": key}}
                ],
            },
        },
    }
    routes = [
        {"match": {"prefix": "/shop.Orders/"},
         "route": {"cluster": "backend", "timeout": "0s", "idle_timeout": "3600s"}},
        {"match": {"prefix": "/static/"}, "route": {"cluster": "files"}},
    ]  # fmt: skip
    manager = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "grpc",
        "route_config": {
            "name": "calls",
            "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}],
        },
        "http_filters": [
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"}},
        ],
    }  # fmt: skip
    hcm = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    listener = {
        "name": "grpc", "address": socket("0.0.0.0", port),
        "filter_chains": [{"filters": [hcm], "transport_socket": tls}],
    }  # fmt: skip
    return {
        "admin": {"address": socket("127.0.0.1", 0)},
        "static_resources": {
            "listeners": [listener],
            "clusters": [
                {**_cluster("backend"), "typed_extension_protocol_options": {_OPTIONS: {
                    "@type": f"type.googleapis.com/{_OPTIONS}",
                    "explicit_http_config": {"http2_protocol_options": {}},
                }}},
                _cluster("files"),
            ],
        },
    }  # fmt: skip


def _cluster(name: str) -> dict[str, Any]:
    endpoint = {"endpoint": {"address": socket("127.0.0.1", 50051)}}
    load = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {"name": name, "type": "STATIC", "load_assignment": load}


# -- its parts -------------------------------------------------------------------------------------


def chain(top: Any) -> Any:
    return top["static_resources"]["listeners"][0]["filter_chains"][0]


def manager(top: Any) -> Any:
    return chain(top)["filters"][0]["typed_config"]


def action(top: Any) -> Any:
    return manager(top)["route_config"]["virtual_hosts"][0]["routes"][0]["route"]


def cluster(top: Any) -> Any:
    return top["static_resources"]["clusters"][0]


def context(top: Any) -> Any:
    return chain(top)["transport_socket"]["typed_config"]["common_tls_context"]


def _listener(top: Any) -> Any:
    return top["static_resources"]["listeners"][0]["address"]["socket_address"]


def _drop(part: Callable[[Any], Any], name: str) -> Callable[[Any], object]:
    return lambda top: part(top).pop(name)


def _set(part: Callable[[Any], Any], name: str, value: Any) -> Callable[[Any], object]:
    return lambda top: part(top).__setitem__(name, value)


def _filter(name: str, kind: str) -> Callable[[Any], object]:
    one = {"name": f"envoy.filters.http.{name}",
           "typed_config": {"@type": f"{TYPES}.filters.http.{name}.v3.{kind}"}}  # fmt: skip
    return lambda top: manager(top)["http_filters"].insert(0, one)


FAULTS: dict[str, tuple[Callable[[Any], object], tuple[str, ...]]] = {
    "default timeout": (_drop(action, "timeout"), ("GRPC-PROXY-CUT",)),
    "timeout": (_set(action, "timeout", "60s"), ("GRPC-PROXY-CUT",)),
    "default idle": (_drop(action, "idle_timeout"), ("GRPC-PROXY-CUT",)),
    "idle of the manager": (
        lambda top: (action(top).pop("idle_timeout"),
                     manager(top).__setitem__("stream_idle_timeout", "30s")),
        ("GRPC-PROXY-CUT",),
    ),
    "HTTP/1.1 behind": (_drop(cluster, "typed_extension_protocol_options"), ("GRPC-NO-H2",)),
    "no ALPN": (_drop(context, "alpn_protocols"), ("GRPC-NO-H2",)),
    "ALPN without h2": (_set(context, "alpn_protocols", ["http/1.1"]), ("GRPC-NO-H2",)),
    "HTTP/1.1 alone": (_set(manager, "codec_type", "HTTP1"), ("GRPC-NO-H2",)),
    "no TLS": (_drop(chain, "transport_socket"), ("GRPC-PLAINTEXT",)),
    "admin": (_set(lambda top: top["admin"]["address"]["socket_address"], "address", "0.0.0.0"),
              ("GRPC-CHANNELZ",)),
    "every path behind a filter of gRPC": (
        lambda top: (
            _filter("grpc_stats", "FilterConfig")(top),
            manager(top)["route_config"]["virtual_hosts"][0]["routes"][0].__setitem__(
                "match", {"prefix": "/"}
            ),
            action(top).pop("timeout"),
        ),
        ("GRPC-PROXY-CUT",),
    ),
    "gRPC-Web": (_filter("grpc_web", "GrpcWeb"), ("GRPC-WEB",)),
    "TLS 1.0": (_set(context, "tls_params", {"tls_minimum_protocol_version": "TLSv1_0"}),
                ("TLS-LEGACY",)),
    "TLS 1.2 alone": (_set(context, "tls_params", {"tls_maximum_protocol_version": "TLSv1_2"}),
                      ("TLS-NO13",)),
}  # fmt: skip
"""By name: what makes the fault, and the rules that find it."""
FINE: dict[str, Callable[[Any], object]] = {
    "loopback without TLS": lambda top: (
        chain(top).pop("transport_socket"), _listener(top).__setitem__("address", "127.0.0.1")
    ),
    "the client's deadline": lambda top: (
        action(top).pop("timeout"),
        action(top).__setitem__("max_stream_duration", {"grpc_timeout_header_max": "0s"}),
    ),
    "no idle limit of the manager": lambda top: (
        action(top).pop("idle_timeout"), manager(top).__setitem__("stream_idle_timeout", "0s")
    ),
    "the old field": lambda top: (
        cluster(top).pop("typed_extension_protocol_options"),
        cluster(top).__setitem__("http2_protocol_options", {}),
    ),
    "as the client's": lambda top: cluster(top)["typed_extension_protocol_options"].__setitem__(
        _OPTIONS, {"@type": f"type.googleapis.com/{_OPTIONS}",
                   "use_downstream_protocol_config": {"http2_protocol_options": {}}}
    ),
    "gRPC-Web with CORS": lambda top: (
        _filter("grpc_web", "GrpcWeb")(top), _filter("cors", "Cors")(top),
    ),
    "no gRPC": lambda top: (
        manager(top)["route_config"]["virtual_hosts"][0]["routes"].pop(0),
        chain(top).pop("transport_socket"),
    ),
    "a filter of gRPC before other paths": _filter("grpc_stats", "FilterConfig"),
    "no admin": lambda top: top.pop("admin"),
}  # fmt: skip


def with_change(change: Callable[[Any], object], top: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(top)
    change(made)
    return made


def lint(top: Any) -> Report:
    return lint_text("envoy.yaml", yaml.safe_dump(top, sort_keys=False).encode(), WANTED)


PLACES: dict[str, Callable[[Any], Any]] = {
    "# in the route": action, "# in the cluster": cluster,
    "# in common_tls_context of the listener": context,
    "# in admin: address: socket_address":
        lambda top: top["admin"]["address"]["socket_address"],
    "# in tls_params of common_tls_context":
        lambda top: context(top).setdefault("tls_params", {}),
    "# in http_filters": lambda top: manager(top)["http_filters"],
}  # fmt: skip


def fixed(top: Any, finding: Finding, printed: str) -> Any:
    """The file with the printed lines at the place that they name."""
    top = copy.deepcopy(top)
    place, lines = "", list[str]()
    for line in [*printed.splitlines(), "# end"]:
        if not line.startswith("#"):
            lines.append(line)
            continue
        if lines:
            where, new = PLACES[place](top), yaml.safe_load("\n".join(lines))
            if isinstance(new, list):
                where[:0] = new
            else:
                where.update(new)
        place = next((name for name in PLACES if line.startswith(name)), place)
        lines = []
    if "codec_type AUTO" in printed:
        manager(top).pop("codec_type", None)
    return top
