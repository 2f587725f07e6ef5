"""What nginx.conf does to the calls of gRPC that it forwards."""

from __future__ import annotations

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import servers as nginx_servers
from seventh.lint.nginx.servers import Location, Server
from seventh.protocols.grpc.facts.config import ProxiedCalls
from seventh.wire.text import printable

SHOWN = {
    "grpc_pass": "", "grpc_read_timeout": "", "grpc_send_timeout": "",
    "error_page": "no error_page line",
}  # fmt: skip


def calls(server: Server, location: Location, *, in_clear: bool) -> ProxiedCalls | None:
    """Return what becomes of calls at a location with ``grpc_pass``; None at another."""
    scope = location.scope
    if not scope.own("grpc_pass"):
        return None
    has_h2 = nginx_servers.known_since(scope.version, "http2") and server.scope.is_on("http2")
    limits = [scope.seconds(name) for name in ("grpc_read_timeout", "grpc_send_timeout")]
    known = [one for one in limits if one is not None]
    return ProxiedCalls(
        product=nginx_directives.PRODUCT,
        place=printable(location.path, 200),
        in_clear=in_clear,
        front_h2=has_h2 or any(one.h2 for one in server.listeners),
        backend_h2=True,
        total_seconds=0,
        idle_seconds=min(known) if known else None,
        status_replaced=_status_replaced(server, location),
    )


def _status_replaced(server: Server, location: Location) -> bool | None:
    """Return whether an error becomes 200, or another status, and has no grpc-status."""
    lines = location.scope.all("error_page")
    if not lines:
        return None
    for line in lines:
        how = next((word for word in line.words[1:-1] if word.startswith("=")), "")
        page = line.words[-1]
        if how and not (how[1:] and how[1:] != "200") and not _has_status(server, page):
            return True
    return False


def _has_status(server: Server, page: str) -> bool:
    """Return whether the location of an error page sends grpc-status."""
    found = nginx_servers.locations(server, 256)
    return any(
        one.scope.headers("add_header", "grpc-status")
        for one in found
        if one.words and one.words[-1] == page
    )
