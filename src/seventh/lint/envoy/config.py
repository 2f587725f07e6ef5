"""The listeners, routes and clusters of Envoy's configuration, wherever the file has them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

import msgspec

from seventh.lintkit.tree import Node
from seventh.wire.address import is_literal, reach

MAX_NAMED = 5000
"""Listeners, clusters and route configurations that are looked at, each."""
_DURATION = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,9}))?s", re.ASCII)
_HCM = "http_connection_manager.v3.HttpConnectionManager"
_TLS = ".DownstreamTlsContext"
_UPSTREAM = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def get(node: Node | None, *names: str) -> Node | None:
    """Return the value below these fields, in snake_case or as JSON of protobuf has them."""
    for name in names:
        if node is None:
            return None
        node = node.get(name) or node.get(_camel(name))
    return node


def each(node: Node | None, *names: str) -> list[Node]:
    """Return the items of the list below these fields."""
    found = get(node, *names)
    return (found.items or []) if found is not None else []


def text(node: Node | None, *names: str) -> str:
    """Return the string below these fields; empty if there is none."""
    found = get(node, *names)
    return found.text() if found is not None else ""


def seconds(node: Node | None, *names: str) -> float | None:
    """Return the duration below these fields; None if there is none that can be read."""
    match = _DURATION.fullmatch(text(node, *names))
    return None if match is None else float(f"{match[1]}.{match[2] or 0}")


@functools.cache
def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word.capitalize() for word in rest)


class Manager(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An HttpConnectionManager, with the listener and filter chain around it."""

    listener: Node
    chain: Node
    config: Node

    @property
    def name(self) -> str:
        """The listener's name, else its address."""
        return text(self.listener, "name") or ":".join(
            filter(None, (self.address, text(self._socket, "port_value")))
        )

    @property
    def _socket(self) -> Node | None:
        return get(self.listener, "address", "socket_address")

    @property
    def address(self) -> str:
        """The address that it listens on; empty for a pipe."""
        return text(self._socket, "address")

    @property
    def tls(self) -> Node | None:
        """The context of TLS towards clients."""
        config = get(self.chain, "transport_socket", "typed_config")
        is_tls = text(config, "@type").endswith(_TLS)
        return config if is_tls else get(config, "downstream_tls_context") or get(
            self.chain, "tls_context"
        )  # fmt: skip

    @property
    def filters(self) -> tuple[str, ...]:
        """The names of the HTTP filters, and their types."""
        return tuple(
            f"{text(one, 'name')} {text(one, 'typed_config', '@type')}".lower()
            for one in each(self.config, "http_filters")
        )


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """What a file has."""

    listeners: dict[tuple[str, str, str], Node]
    """By name, address and port."""
    clusters: dict[str, Node]
    routes: dict[str, Node]
    admin: Node | None

    def managers(self) -> Iterator[Manager]:
        """Yield each HttpConnectionManager."""
        for listener in self.listeners.values():
            chains = [*each(listener, "filter_chains")]
            last = get(listener, "default_filter_chain")
            for chain in [*chains, *([last] if last is not None else [])]:
                for one in each(chain, "filters"):
                    config = get(one, "typed_config")
                    if config is not None and text(config, "@type").endswith(_HCM):
                        yield Manager(listener=listener, chain=chain, config=config)

    def routes_of(self, manager: Manager) -> Iterator[tuple[Node, Node]]:
        """Yield each route with its virtual host; of RDS, those that the file has, too."""
        own = get(manager.config, "route_config")
        name = text(manager.config, "rds", "route_config_name")
        for host in each(own or self.routes.get(name), "virtual_hosts"):
            for route in each(host, "routes"):
                yield host, route


def read(documents: list[Node]) -> Config:
    """Return the parts of a bootstrap, of resources of xDS, or of a config_dump."""
    found = Config(listeners={}, clusters={}, routes={}, admin=None)
    admin: Node | None = None
    for top in documents:
        for node in top.below():
            if node.fields is None:
                continue
            for part, keep in (("static_resources", True), ("admin", False)):
                below = get(node, part)
                if below is None or below.fields is None:
                    continue
                if keep:
                    for one in each(below, "listeners"):
                        _keep(found, "Listener", one)
                    for one in each(below, "clusters"):
                        _keep(found, "Cluster", one)
                elif get(below, "address") is not None:
                    admin = admin or below
            kind = text(node, "@type").rpartition(".")[2]
            _keep(found, kind, node)
    return msgspec.structs.replace(found, admin=admin)


def _keep(found: Config, kind: str, node: Node) -> None:
    if node.fields is None:
        return
    name = text(node, "name")
    if kind == "Listener" and len(found.listeners) < MAX_NAMED:
        key = (name, text(node, "address", "socket_address", "address"),
               text(node, "address", "socket_address", "port_value"))  # fmt: skip
        found.listeners.setdefault(key, node)  # a dump has what is static twice
    elif kind == "Cluster" and len(found.clusters) < MAX_NAMED:
        found.clusters.setdefault(name, node)
    elif kind == "RouteConfiguration" and len(found.routes) < MAX_NAMED:
        found.routes.setdefault(name, node)


def is_open(address: str) -> bool | None:
    """Return whether other machines reach a socket bound there; None where that is unknown."""
    if not address:
        return None
    if address in {"0.0.0.0", "::"}:  # noqa: S104 - a file's value
        return True
    return reach(address) != "loopback" if is_literal(address) else address != "localhost"


def is_h2(cluster: Node) -> bool | None:
    """Return whether requests to the cluster are HTTP/2; None where a handshake decides."""
    if get(cluster, "http2_protocol_options") is not None:
        return True
    holder = get(cluster, "typed_extension_protocol_options")
    options = holder.get(_UPSTREAM) if holder is not None else None
    if options is None:
        return False
    explicit = get(options, "explicit_http_config")
    if explicit is not None:
        names = ("http2_protocol_options", "http3_protocol_options")
        return any(get(explicit, name) is not None for name in names)
    return None  # as the client's, or by ALPN
