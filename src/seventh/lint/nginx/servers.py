"""nginx.conf's servers and locations: where each listens, what it does with a request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import msgspec

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import listen as nginx_listen
from seventh.lint.nginx.blocks import path_of
from seventh.lint.nginx.check import Place
from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.listen import Listener
from seventh.lint.nginx.scope import Level, Scope
from seventh.model.source import Line
from seventh.wire.text import printable

Does = Literal["files", "passes", "redirects", "answers", "refuses", "closes"]
"""What becomes of a request: files are served, it is passed on to another server, it is redirected,
nginx answers by itself with 2xx, it refuses with an error, or just closes."""

_PASSES = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass")
_OWN_URL = re.compile(r"https://([^/:]+)(?::443)?\$request_uri", re.IGNORECASE)
_TO_HTTPS = re.compile(r"https://", re.IGNORECASE)
_LEADS_AWAY = re.compile(r"https?://|\$scheme")
"""What makes a ``rewrite`` a redirect without a flag."""
_EVERY_PATH = frozenset(
    {"^", ".*", "^.*$", "(.*)", "^(.*)", "^(.*)$", "^/(.*)", "^/(.*)$"}
)  # fmt: skip
_ASKS_SCHEME = re.compile(r"\$(?:scheme|https|http_x_forwarded_proto|server_port)\b")


class Server(msgspec.Struct, kw_only=True):
    """A ``server`` block."""

    directive: Directive
    scope: Scope
    names: tuple[str, ...]
    listeners: tuple[Listener, ...]
    defaults: tuple[Scope, ...] = ()
    """What holds in the default servers of its sockets with TLS, which decide a part of it."""

    @property
    def label(self) -> str:
        """``server a.example (80, 443 ssl)``."""
        name = next((n for n in self.names if n not in {"", "_"}), "_")
        ports = ", ".join(dict.fromkeys(map(str, self.listeners)))
        return printable(f"server {name} ({ports})", 200)

    @property
    def tls(self) -> bool:
        """Whether it has a socket with TLS."""
        return any(listener.tls for listener in self.listeners)


class Location(msgspec.Struct, kw_only=True):
    """A location, with what holds there."""

    scope: Scope
    words: tuple[str, ...]
    """As the file writes it after ``location``; empty for the server itself."""

    @property
    def path(self) -> str:
        """The path or pattern."""
        return self.words[-1] if self.words else "/"


def http_blocks(conf: Conf, root: Place) -> Iterator[tuple[list[Directive], Line]]:
    """Yield what holds servers: each http block, or the file itself where it is a part of one."""
    whole = Line(file=conf.name, line=None, text=conf.name)
    if root == "http":
        yield conf.directives, whole
    for directive in conf.directives if root == "main" else ():
        if directive.name == "http" and directive.block is not None:
            yield directive.block, directive.at


def servers(conf: Conf, root: Place, version: Version, limit: int) -> list[Server]:
    """Return every server, as far as ``limit`` goes; bad ``listen`` lines are noted as refused."""
    found: list[Server] = []
    if root == "server" and any(d.name == "listen" for d in conf.directives):
        at = Line(file=conf.name, line=None, text="server {")
        outer = Scope((), version, at)
        found.append(_server(conf, Directive("server", (), at, conf.directives), outer, version))
    for block, at in http_blocks(conf, root):
        outer = Scope((Level(block),), version, at)
        for directive in block:
            if directive.name == "server" and directive.block is not None and len(found) < limit:
                found.append(_server(conf, directive, outer, version))
    return _sharing(conf, found)


def _server(conf: Conf, directive: Directive, outer: Scope, version: Version) -> Server:
    scope = outer.inside(Level(directive.block or []), directive.at)
    listeners: list[Listener] = []
    sockets: set[object] = set()
    for line in scope.own("listen"):
        for listener in nginx_listen.read(conf, line, version):
            if listener.socket in sockets:
                conf.refuse(line.at, f"a duplicate listen {line.words[0]}")
            sockets.add(listener.socket)
            listeners.append(listener)
    if not scope.own("listen"):
        listeners.append(
            Listener(address="*", port=80, tls=False, h2=False, quic=False, at=directive.at)
        )
    if version < (1, 25, 1) and scope.is_on("ssl"):
        listeners = [msgspec.structs.replace(listener, tls=True) for listener in listeners]
    names = tuple(word for line in scope.own("server_name") for word in line.words)
    return Server(directive=directive, scope=scope, names=names, listeners=tuple(listeners))


def _sharing(conf: Conf, found: list[Server]) -> list[Server]:
    """Let ``ssl`` and ``http2`` hold for a socket, whichever server's line says them.

    The socket's default server is the one whose line says so, else the first one.
    """
    tls: dict[object, bool] = {}
    h2: dict[object, bool] = {}
    first: dict[object, Server] = {}
    default: dict[object, Server] = {}
    options: set[object] = set()
    for server in found:
        for listener in server.listeners:
            key = listener.socket
            tls[key] = tls.get(key, False) or listener.tls
            h2[key] = h2.get(key, False) or listener.h2
            first.setdefault(key, server)
            where = f"{listener.address}:{listener.port}" if listener.port else listener.address
            if listener.default and default.setdefault(key, server) is not server:
                conf.refuse(listener.at, f"a duplicate default server for {where}")
            if listener.options and key in options:
                conf.refuse(listener.at, f"duplicate listen options for {where}")
            options |= {key} if listener.options else set()
    for server in found:
        server.listeners = tuple(
            msgspec.structs.replace(one, tls=tls[one.socket], h2=h2[one.socket])
            for one in server.listeners
        )
        decide = [default.get(one.socket, first[one.socket])
                  for one in server.listeners if one.tls]  # fmt: skip
        server.defaults = tuple({id(one): one.scope for one in decide}.values())
    return found


def check_certificates(conf: Conf, found: list[Server]) -> None:
    """Note servers with TLS and without a certificate, which nginx refuses."""
    for server in found:
        scope = server.scope
        needs = [listener for listener in server.listeners if listener.tls]
        if needs and not scope.all("ssl_certificate") and not scope.is_on("ssl_reject_handshake"):
            why = 'no "ssl_certificate" is defined for the "listen … ssl" directive'
            conf.refuse(needs[0].at, why)


def check_names(conf: Conf, found: list[Server]) -> None:
    """Note names with a ``*`` inside, which nginx refuses where several servers share a socket."""
    sharing = Counter(one for server in found for one in {each.socket for each in server.listeners})
    for server in found:
        if all(sharing[each.socket] == 1 for each in server.listeners):
            continue
        for line in server.scope.own("server_name"):
            bad = next((word for word in line.words if _is_unsortable(word)), None)
            if bad is not None:
                conf.refuse(line.at, f'invalid server name or wildcard "{bad}"')


def _is_unsortable(name: str) -> bool:
    """Return whether a name has ``*`` elsewhere than as its whole first or last label."""
    if name.startswith("~"):
        return False
    fits = name.startswith((".", "*.")) or name.endswith(".*") or "*" not in name
    return not fits or name.count("*") > 1 or ".." in name


def locations(server: Server, limit: int) -> list[Location]:
    """Return the server's locations, those within others too, as far as ``limit`` goes."""
    found: list[Location] = []
    waiting = [server.scope]
    while waiting:
        scope = waiting.pop(0)
        for directive in scope.own("location"):
            if directive.block is None or not directive.words or len(found) >= limit:
                continue
            inner = scope.inside(Level(directive.block), directive.at)
            found.append(Location(scope=inner, words=directive.words))
            waiting.append(inner)
    return found


def front(server: Server, found: list[Location]) -> Location:
    """Return where the path ``/`` leads: to a location of its own, or to the server itself."""
    own = {path_of(location.words): location for location in _outermost(server, found)}
    for kind in ("=", "", "^~"):
        if (kind, "/") in own:
            return own[kind, "/"]
    return Location(scope=server.scope, words=())


def rest(server: Server, found: list[Location]) -> Location | None:
    """Give the server itself where ``/`` has a location that no other path has."""
    own = {path_of(location.words) for location in _outermost(server, found)}
    if ("=", "/") in own and not own & {("", "/"), ("^~", "/")}:
        return Location(scope=server.scope, words=())
    return None


def _outermost(server: Server, found: list[Location]) -> list[Location]:
    """Return the locations that are not within others."""
    level = len(server.scope.levels) + 1
    return [location for location in found if len(location.scope.levels) == level]


def does(server: Server, location: Location) -> Does:
    """Return what becomes of a request there, as far as it can be told without running it."""
    for scope in (server.scope, location.scope):
        told = _returns(scope)
        if told is not None:
            return told
    if any(location.scope.own(name) for name in _PASSES):
        return "passes"
    return "files"


def _returns(scope: Scope) -> Does | None:
    for line in scope.own("return"):
        first = line.words[0] if line.words else ""
        if not re.fullmatch(r"[0-9]{3}", first) or first[0] == "3":
            return "redirects"
        if first == "444":
            return "closes"
        return "answers" if first[0] == "2" else "refuses"
    for line in scope.own("rewrite"):
        path, to, flag, *_ = [*line.words, "", "", ""]
        goes = flag in {"permanent", "redirect"} or _LEADS_AWAY.match(to)
        if path in _EVERY_PATH and goes:
            return "redirects"
    return None


def leads_to_https(server: Server, location: Location) -> bool:
    """Return whether a request in the clear is sent to https."""
    for scope in (server.scope, location.scope):
        lines = [*scope.own("return"), *scope.own("rewrite")]
        for condition in scope.own("if"):
            if condition.block and _ASKS_SCHEME.search(" ".join(condition.words)):
                lines += [*condition.children("return"), *condition.children("rewrite")]
        if any(_TO_HTTPS.match(word) for line in lines for word in line.words):
            return True
    return False


def loops(server: Server, location: Location) -> bool:
    """Return whether an https request is redirected to its own URL, whatever it is."""
    if not server.tls:
        return False
    for scope in (server.scope, location.scope):
        for line in scope.own("return"):
            here = _OWN_URL.fullmatch(line.words[-1]) if line.words else None
            if here is None:
                return False
            return here[1] in {"$host", "$http_host"} or server.names == (
                server.names[:1] if here[1] == "$server_name" else (here[1],)
            )
    return False


def asks(server: Server, location: Location, variable: str) -> bool:
    """Return whether an ``if`` or ``map`` in force there looks at a variable."""
    return any(
        variable in word
        for level in location.scope.levels
        for name in ("if", "map")
        for line in level.by_name.get(name, ())
        for word in line.words
    )


def known_since(version: Version, name: str) -> bool:
    """Return whether this version has the directive."""
    return version >= nginx_directives.since(name)
