"""Envoy's configuration as views: its administration, each listener, each route of calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from seventh.lint.envoy import config as envoy
from seventh.lint.envoy.config import Config, Manager, each, get, seconds, text
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.tree import Node, read
from seventh.model.facts import Facts
from seventh.model.source import Line
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.config import ProxiedCalls
from seventh.wire.text import printable

PRODUCT = "envoy"
NEWEST = Software(product=PRODUCT, version=(1, 40, 0))
MAX_VIEWS = 500
TIMEOUT_SECONDS = 15.0
"""The default of a route's ``timeout``."""
IDLE_SECONDS = 300.0
"""The default of ``stream_idle_timeout``."""
_METHOD = re.compile(r"/\^?(?:\w+\.)+\w+(?:/|$|\\)")
"""A path of gRPC: package, service, method."""
_FILTERS = ("grpc_web", "grpc_json_transcoder", "grpc_http1", "grpc_stats", "grpcweb", "grpc_field")
_VERSIONS = {"TLSv1_0": "TLSv1.0", "TLSv1_1": "TLSv1.1", "TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}


def lint(source: Text, files: Files, software: Software | None) -> Linted:
    """Judge Envoy's configuration; never raises for what it holds."""
    judged = software or NEWEST
    made = _Views(source, envoy.read(read(source, files)), judged)
    found = list(made.views())
    if len(found) > MAX_VIEWS:
        files.unreadable(source.name, None, f"only {MAX_VIEWS} listeners and routes were judged")
    return Linted(
        views=tuple(found[:MAX_VIEWS]) or (View(facts={"grpc": GrpcFacts()}, settings={}),),
        software=str(judged), software_assumed=software is None,
    )  # fmt: skip


class _Views:
    """The views of one file."""

    def __init__(self, source: Text, config: Config, software: Software) -> None:
        self._text = source
        self._config = config
        self._software = software

    def views(self) -> Iterator[View]:
        """Yield the view of the administration, of each listener, and of each route of calls."""
        admin = self._config.admin
        if admin is not None:
            address = text(admin, "address", "socket_address", "address")
            calls = ProxiedCalls(product=PRODUCT, admin_open=envoy.is_open(address))
            at = get(admin, "address", "socket_address", "address") or admin
            yield self._view("admin", admin, calls, {"admin": at})
        for manager in self._config.managers():
            routes = list(self._routes(manager))
            yield from self._listener(manager, calls=bool(routes))
            yield from routes

    def _listener(self, manager: Manager, *, calls: bool) -> Iterator[View]:
        tls = manager.tls
        filters = manager.filters
        has_web = any("grpc_web" in one or "grpcweb" in one for one in filters)
        facts: dict[str, Facts] = {}
        if calls or has_web:
            open_there = envoy.is_open(manager.address)
            facts["grpc"] = GrpcFacts(
                proxied=ProxiedCalls(
                    product=PRODUCT, place=printable(f"listener {manager.name}", 200),
                    in_clear=open_there if tls is None else False,
                    front_h2=_front_h2(manager, tls) if calls else None,
                    web=True if has_web else None,
                    cors=any("cors" in one for one in filters) if has_web else None,
                )
            )  # fmt: skip
        if tls is not None:
            facts["tls"] = _tls(tls)
        socket = get(manager.listener, "address", "socket_address", "address")
        web = next((one for one in each(manager.config, "http_filters")
                    if "grpc_web" in text(one, "name")), None)  # fmt: skip
        nodes = {
            "address": socket or manager.listener,
            "alpn_protocols": get(tls, "common_tls_context", "alpn_protocols") or tls,
            "codec_type": get(manager.config, "codec_type"),
            "grpc_web": web,
            "tls_params": get(tls, "common_tls_context", "tls_params") or tls,
        }
        yield self._made(f"listener {manager.name}", manager.listener, facts, nodes)

    def _routes(self, manager: Manager) -> Iterator[View]:
        has_filter = any(name in one for one in manager.filters for name in _FILTERS)
        for _, route in self._config.routes_of(manager):
            action = get(route, "route")
            if action is None:
                continue
            name = text(action, "cluster")
            cluster = self._config.clusters.get(name)
            path = _path(route)
            if not (
                (has_filter and path in {"", "/"})
                or _METHOD.match(path)
                or get(route, "match", "grpc") is not None
                or "grpc" in name.lower()
                or _has_health_check(cluster)
            ):
                continue
            total, idle, at = self._limits(manager, action)
            calls = ProxiedCalls(
                product=PRODUCT, place=printable(path or name, 200), total_seconds=total,
                idle_seconds=idle, backend_h2=None if cluster is None else envoy.is_h2(cluster),
            )  # fmt: skip
            label = printable(f"listener {manager.name}, route {path or name}", 200)
            nodes = {**at, "cluster": cluster}
            yield self._view(label, route, calls, nodes, missing={
                "timeout": f"no timeout in the route (default {TIMEOUT_SECONDS:g} s)",
                "idle_timeout": f"no idle_timeout (default {IDLE_SECONDS:g} s)",
            })  # fmt: skip

    def _limits(
        self, manager: Manager, action: Node
    ) -> tuple[float, float, dict[str, Node | None]]:
        """Return the time that a call may take, that it may be silent, and where they are set.

        A limit of the route stands in place of the manager's.
        """
        common = get(manager.config, "common_http_protocol_options")
        whole = get(action, "max_stream_duration", "max_stream_duration") or get(
            common, "max_stream_duration"
        )
        timeout = get(action, "timeout")
        total = TIMEOUT_SECONDS if timeout is None else seconds(timeout) or 0.0
        if get(action, "max_grpc_timeout") or get(
            action, "max_stream_duration", "grpc_timeout_header_max"
        ):
            total = 0.0  # the client's deadline stands in its place
        if whole is not None and (more := seconds(whole)):
            total, timeout = (min(total, more) if total else more), whole
        own = get(action, "idle_timeout")
        idle = own or get(manager.config, "stream_idle_timeout")
        silent = IDLE_SECONDS if idle is None else seconds(idle) or 0.0
        return total, silent, {"timeout": timeout, "idle_timeout": idle}

    def _view(
        self,
        label: str,
        block: Node,
        calls: ProxiedCalls,
        nodes: Mapping[str, Node | None],
        missing: Mapping[str, str] | None = None,
    ) -> View:
        return self._made(label, block, {"grpc": GrpcFacts(proxied=calls)}, nodes, missing)

    def _made(
        self,
        label: str,
        block: Node,
        facts: Mapping[str, Facts],
        nodes: Mapping[str, Node | None],
        missing: Mapping[str, str] | None = None,
    ) -> View:
        here = block.at(self._text)
        settings: dict[str, tuple[Setting, ...]] = {}
        for name, node in nodes.items():
            if node is not None:
                at = node.at(self._text)
            elif missing and name in missing:
                at = Line(file=here.file, line=here.line, text=missing[name])
            else:
                continue
            settings[name] = (Setting(value=node.text() if node is not None else "", at=at),)
        return View(
            label=printable(label, 200), within=None, block=here, facts=facts, settings=settings
        )


def _path(route: Node) -> str:
    """Return the path or pattern of a route."""
    match = get(route, "match")
    names = ("prefix", "path", "path_separated_prefix")
    found = next(filter(None, (text(match, name) for name in names)), "")
    return found or text(match, "safe_regex", "regex")


def _has_health_check(cluster: Node | None) -> bool:
    checks = each(cluster, "health_checks")
    return any(get(one, "grpc_health_check") is not None for one in checks)


def _front_h2(manager: Manager, tls: Node | None) -> bool:
    """Return whether clients of gRPC get HTTP/2: by ALPN where there is TLS."""
    if text(manager.config, "codec_type").upper() == "HTTP1":
        return False
    if tls is None:
        return True
    offered = each(tls, "common_tls_context", "alpn_protocols")
    return any(one.text() in {"h2", "h3"} for one in offered)


def _tls(tls: Node) -> TlsFacts:
    params = get(tls, "common_tls_context", "tls_params")
    least = text(params, "tls_minimum_protocol_version").replace("TLS_AUTO", "") or "TLSv1_2"
    most = text(params, "tls_maximum_protocol_version").replace("TLS_AUTO", "") or "TLSv1_3"
    names = list(_VERSIONS)
    if least not in names or most not in names:
        return TlsFacts()
    offered = tuple(_VERSIONS[one] for one in names[names.index(least) : names.index(most) + 1])
    refused = ("SSLv3", *(one for one in _VERSIONS.values() if one not in offered))
    return TlsFacts(versions=offered, versions_refused=refused)
