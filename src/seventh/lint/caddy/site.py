"""A Caddyfile's sites: their addresses, what of them is TLS, and the places within them.

Addresses decide: a host name means HTTPS with a certificate that Caddy gets by itself, and a
redirect to it from port 80; ``http://`` and port 80 mean plain HTTP; a port alone means plain HTTP
unless a ``tls`` directive stands in the block.
"""

from __future__ import annotations

import ipaddress
import re

import msgspec

from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy.file import Block, Caddyfile, Node
from seventh.lint.caddy.tokens import ENVIRONMENT
from seventh.wire.text import printable

_PORT = re.compile(r"[+-]?[0-9]{1,18}")
_NO_CERTIFICATE = re.compile(r"[()\[\]{}<> \t\n\"\\!@#$%^&|;'+=]")
DEFAULT_PROTOCOLS = ("h1", "h2", "h3")
_ALL_PROTOCOLS = ("h1", "h2", "h2c", "h3")
_LOCAL = frozenset({"localhost"})
_POLICY = frozenset({"alpn", "ciphers", "client_auth", "curves", "protocols"})


class Address(msgspec.Struct, frozen=True):
    """One address of a site, such as ``https://a.example:8443``."""

    text: str
    scheme: str
    host: str
    port: int | None
    open: bool = False
    """Whether the environment decides it."""

    @property
    def named(self) -> bool:
        """Whether it has a host name, which HSTS and public certificates need."""
        return bool(self.host) and _ip(self.host) is None

    @property
    def local(self) -> bool:
        """Whether its host is this machine alone."""
        found = _ip(self.host)
        return self.host in _LOCAL or (found is not None and found.is_loopback)


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """The ``servers`` option that holds for a site, and the other options that it needs."""

    nodes: tuple[Node, ...] = ()
    http_port: int = 80
    https_port: int = 443
    redirects: bool = True
    """Whether Caddy leads plain HTTP to HTTPS by itself."""
    bind: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    options: tuple[Node, ...] = ()

    def lines_of(self, *path: str) -> list[Node]:
        """Return what stands under a path, such as ``timeouts``, ``idle``; the last one holds."""
        found = [node for node in self.nodes if node.name == path[0]]
        for name in path[1:]:
            found = [child for node in found for child in node.children(name)]
        return found


class Site(msgspec.Struct, kw_only=True):
    """A block with its addresses."""

    block: Block
    addresses: tuple[Address, ...]
    server: Server
    secure: frozenset[Address] = frozenset()
    """Those of its addresses that have TLS."""

    @property
    def label(self) -> str:
        """``site a.example, www.a.example``."""
        return printable(f"site {', '.join(a.text for a in self.addresses[:8])}", 200)

    @property
    def tls(self) -> bool | None:
        """Whether there is TLS; None where the environment decides it."""
        if self.secure:
            return True
        return None if any(address.open for address in self.addresses) else False

    @property
    def plain(self) -> list[Address]:
        """The addresses without TLS."""
        return [a for a in self.addresses if a not in self.secure and not a.open]

    @property
    def protocols(self) -> list[tuple[str, ...] | None]:
        """The versions of HTTP for each address that the site is bound to; None if not told.

        Sockets that were handed over (``fd/3`` and ``fdgram/4``) are two sides of one address.
        """
        lines = [node for node in self.block.nodes if node.name == "bind"]
        lines = lines or [node for node in self.server.options if node.name == "default_bind"]
        general = _protocols(self.server.lines_of("protocols"), DEFAULT_PROTOCOLS)
        found: dict[str, tuple[str, ...] | None] = {}
        for line in lines:
            offered = _protocols(list(line.children("protocols")), general)
            for word in line.words:
                network, _, host = word.rpartition("/")
                where = "fd" if network in {"fd", "fdgram"} else host
                before = found.get(where, ())
                both = None if before is None or offered is None else (*before, *offered)
                found[where] = both and tuple(v for v in _ALL_PROTOCOLS if v in both)
        return list(dict.fromkeys(found.values())) or [general]

    @property
    def loopback(self) -> bool:
        """Whether its sockets are bound to this machine alone."""
        bound = [word for node in self.block.nodes if node.name == "bind" for word in node.words]
        bound = bound or list(self.server.bind)
        return bool(bound) and all(_is_loopback(word) for word in bound)


def _protocols(lines: list[Node], general: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if not lines or not lines[-1].words:
        return general
    return None if lines[-1].open else lines[-1].words


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _is_loopback(word: str) -> bool:
    host = word.rpartition("/")[2]
    found = _ip(host)
    return word.startswith("unix/") or host == "localhost" or bool(found and found.is_loopback)


# -- addresses -------------------------------------------------------------------------------------


def address(text: str) -> tuple[Address | None, str]:
    """Return an address, or why Caddy refuses it."""
    if ENVIRONMENT in text:
        return Address(text=printable(text, 200), scheme="", host="", port=None, open=True), ""
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "", scheme
    scheme = scheme.lower()
    host, port = _split(rest.partition("/")[0])
    if port and not _PORT.fullmatch(port):
        return None, f"invalid port '{port}'"
    number = int(port) if port else None
    if number is not None and not 0 <= number <= 65535:
        return None, f"port {number} is out of range"
    if scheme in {"ws", "wss"}:
        better = "https" if scheme == "wss" else "http"
        why = f"the scheme {scheme}:// is only supported in browsers; use {better}:// instead"
        return None, why
    if scheme not in {"", "http", "https"}:
        return None, f"unsupported URL scheme {scheme}://"
    host = host.strip().lower()
    return Address(text=printable(text, 200), scheme=scheme, host=host, port=number), ""


def _split(text: str) -> tuple[str, str]:
    """Host and port, as Go's net.SplitHostPort takes them apart; the whole is the host if not."""
    if text.startswith("["):
        host, closing, rest = text[1:].partition("]")
        if closing and (not rest or rest.startswith(":")):
            return host, rest[1:]
        return text, ""
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, port
    return text, ""


def _unfit(host: str) -> bool:
    """Return whether no certificate can be had for a host, for which Caddy refuses the site."""
    wild = "*" in host and host != "*" and not (host.startswith("*.") and "*" not in host[1:])
    return bool(host) and (
        host[0] == "." or host[-1] == "." or wild or _NO_CERTIFICATE.search(host) is not None
    )


# -- sites -----------------------------------------------------------------------------------------


def sites(found: Caddyfile, limit: int) -> list[Site]:
    """Return every site, as far as ``limit`` goes; what Caddy refuses of the addresses is noted."""
    general = _general(found)
    listed = found.options.nodes if found.options is not None else []
    result: list[Site] = []
    for block in found.sites[:limit]:
        known: list[Address] = []
        for key in block.keys:
            one, why = address(key.text)
            if one is None:
                found.refuse(block.at, f"{key.text}: {why}")
            else:
                known.append(one)
        if known:
            server = msgspec.structs.replace(general, nodes=_servers(listed, known, general))
            result.append(Site(block=block, addresses=tuple(known), server=server))
    _secure(found, result)
    return result


def _general(found: Caddyfile) -> Server:
    """Return what the global options say for all sites."""
    options = found.options.nodes if found.options is not None else []
    ports: dict[str, int] = {"http_port": 80, "https_port": 443}
    automatic: set[str] = set()
    bind: list[str] = []
    for node in options:
        if node.name in ports and node.words and re.fullmatch(r"[0-9]{1,5}", node.words[0]):
            ports[node.name] = int(node.words[0])
        elif node.name == "auto_https":
            automatic = set(node.words)
        elif node.name == "default_bind":
            bind += node.words
    return Server(
        http_port=ports["http_port"],
        https_port=ports["https_port"],
        redirects=not automatic & {"off", "disable_redirects"},
        bind=tuple(bind),
        order=_order(options),
        options=tuple(options),
    )


def _order(options: list[Node]) -> tuple[str, ...]:
    """Return the order of directives, as ``order`` changes it."""
    order = list(caddy_directives.names("order", "directives"))
    for node in options:
        name, where, other = (*node.words, "", "", "")[:3]
        if node.name != "order" or where not in {"first", "last", "before", "after"}:
            continue
        order = [one for one in order if one != name]
        if where in {"first", "last"}:
            order.insert(0 if where == "first" else len(order), name)
        elif other in order:
            order.insert(order.index(other) + (where == "after"), name)
    return tuple(order)


def _servers(options: list[Node], addresses: list[Address], general: Server) -> tuple[Node, ...]:
    """Return the ``servers`` block of the site's listener, else the one for all."""
    ports = {_port(one, general) for one in addresses}
    best: Node | None = None
    for node in options:
        if node.name != "servers":
            continue
        if not node.words:
            best = best or node
        elif _split(node.words[0].rpartition("/")[2])[1] in {str(port) for port in ports}:
            return tuple(node.block or ())
    return tuple(best.block or ()) if best is not None else ()


def _port(one: Address, server: Server) -> int:
    if one.port is not None:
        return one.port
    return server.http_port if one.scheme == "http" else server.https_port


def _secure(found: Caddyfile, known: list[Site]) -> None:
    """Decide which addresses have TLS; a listener without a host follows its neighbours."""
    with_tls: set[int] = set()
    for site in known:
        has_directive = any(node.name == "tls" for node in site.block.nodes)
        secure = set()
        for one in site.addresses:
            if one.open:
                continue
            port = _port(one, site.server)
            if _clash(one, port, site.server):
                found.refuse(site.block.at, f"[{one.text}] scheme and port violate convention")
            elif one.scheme == "http" or port == site.server.http_port:
                continue
            elif one.scheme or port == site.server.https_port or one.host or has_directive:
                secure.add(one)
                with_tls.add(port)
                if _unfit(one.host):
                    found.refuse(
                        site.block.at, f"subject does not qualify for certificate: '{one.host}'"
                    )
        site.secure = frozenset(secure)
        if site.plain and _sets_tls(site.block):
            found.refuse(site.block.at, f"{site.plain[0].text} is HTTP, but attempts to configure "
                         "TLS connection policies")  # fmt: skip
    for site in known:
        beside = {a for a in site.addresses if not a.open and a.scheme != "http" and not a.host
                  and _port(a, site.server) in with_tls}  # fmt: skip
        site.secure |= beside
    _twice(found, known)


def _sets_tls(block: Block) -> bool:
    """Return whether ``tls`` configures connections, and not only certificate issuance."""
    return any(
        node.name == "tls"
        and (len(node.words) == 2 or any(c.name in _POLICY for c in node.block or ()))
        for node in block.nodes
    )


def _clash(one: Address, port: int, server: Server) -> bool:
    return (one.scheme == "http" and port == server.https_port) or (
        one.scheme == "https" and port == server.http_port
    )


def _twice(found: Caddyfile, known: list[Site]) -> None:
    """Refuse an address that is in two blocks."""
    seen: dict[tuple[str, tuple[str, ...]], Site] = {}
    for site in known:
        bound = tuple(w for node in site.block.nodes if node.name == "bind" for w in node.words)
        for one in site.addresses:
            other = seen.setdefault((one.text, bound), site)
            if other is not site and not one.open:
                found.refuse(site.block.at, f"ambiguous site definition: {one.text}")
