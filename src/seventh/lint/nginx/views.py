"""nginx.conf as views: one for each server, and one for each location that changes something."""

from __future__ import annotations

import re
from pathlib import Path

from seventh.lint.nginx import check as nginx_check
from seventh.lint.nginx import conf as nginx_conf
from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import dump as nginx_dump
from seventh.lint.nginx import facts as lint_nginx_facts
from seventh.lint.nginx import grpc as lint_nginx_grpc
from seventh.lint.nginx import servers as nginx_servers
from seventh.lint.nginx import tls as lint_nginx_tls
from seventh.lint.nginx.check import Place
from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.scope import Level, Scope
from seventh.lint.nginx.servers import Location, Server
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.facts import Facts
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.model.source import Line
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.wire.text import printable

MAX_SERVERS = 512
MAX_SPOTS = 256
"""Locations of one server that are judged by themselves."""
MAX_VIEWS = 1024
_UP = 4
"""Folders above a part of a configuration in which nginx.conf is looked for."""
_WEBSOCKET = re.compile(
    r"(?:^|[/_.^(|-])"
    r"(?:wss?|web-?sockets?|socket\.io|sockjs|cable|signalr|hubs?|live)"
    r"(?:$|[/_.?$()|-])",
    re.IGNORECASE,
)
_NO_UPGRADE = frozenset({"", "close", "keep-alive"})


def lint_printed(text: Text, files: Files, software: Software | None) -> Linted:
    """Judge what ``nginx -T`` prints: the main file, then all that it includes, each once."""
    printed = nginx_dump.files(text)
    if not printed:
        return lint(text, files, software)
    main = next(iter(printed))
    files.hold(printed)
    return lint(files.take(main, printed[main]), files, software, prefix=Path(main).parent)


def lint(
    text: Text, files: Files, software: Software | None, *, prefix: Path | None = None
) -> Linted:
    """Judge an nginx.conf, or a part of one; never raises for what it holds.

    ``prefix`` is where relative includes start, if that is known.
    """
    judged = software or nginx_directives.newest()
    version = (*judged.version, 0, 0)[:3]
    prefix = prefix or _prefix(Path(text.name))
    files.base = prefix
    conf = nginx_conf.read(text, files, prefix)
    root = nginx_check.root_place(conf)
    nginx_check.check(conf, root, version, stated=software is not None)
    found = nginx_servers.servers(conf, root, version, MAX_SERVERS)
    if root == "main" and not conf.missing:
        nginx_servers.check_certificates(conf, found)
        nginx_servers.check_names(conf, found)
    if len(found) == MAX_SERVERS:
        files.unreadable(text.name, None, f"only the first {MAX_SERVERS} servers were judged")
    views = _Views(conf, files, part=root != "main")
    for server in found:
        views.server(server)
    if not found:
        views.part_alone(root, version)
    return Linted(
        views=tuple(views.found),
        software=str(judged),
        software_assumed=software is None,
        problems=tuple(dict.fromkeys(conf.refused)),
    )


def _prefix(path: Path) -> Path:
    """Return where relative includes are looked up: the folder of nginx.conf, for its parts too."""
    folders = [path.parent, *path.absolute().parents[1:_UP]]
    for folder in folders:
        try:
            if path.name == "nginx.conf" or (folder / "nginx.conf").is_file():
                return folder
        except (OSError, ValueError):
            break
    return path.parent


class _Views:
    """The views of one file, as they are found."""

    def __init__(self, conf: Conf, files: Files, *, part: bool) -> None:
        self.found: list[View] = []
        self._conf = conf
        self._files = files
        self._part = part

    def server(self, server: Server) -> None:
        """Add the server's view at ``/``, and one of each location that differs from it."""
        locations = nginx_servers.locations(server, MAX_SPOTS + 1)
        if len(locations) > MAX_SPOTS:
            self._files.unreadable(
                server.directive.at.file, server.directive.at.line,
                f"only the first {MAX_SPOTS} locations of this server were judged",
            )  # fmt: skip
            locations.pop()
        front = nginx_servers.front(server, locations)
        defaults = server.defaults or (server.scope,)
        kinds = [lint_nginx_tls.facts(server, self._files, part=False, default=default)
                 for default in defaults]  # fmt: skip
        tls, default = kinds[0], defaults[0]
        seen = [self._view(server, front, front, tls, default, server.label)]
        for tls_there, there in zip(kinds[1:], defaults[1:], strict=True):
            if tls_there != tls:  # its sockets have unlike default servers
                seen.append(self._view(server, front, front, tls_there, there, server.label))
        rest = nginx_servers.rest(server, locations)
        for location in ([rest] if rest is not None else []) + locations:
            if location is front or location.scope.own("internal"):
                continue
            where = f"location {' '.join(location.words)}" if location.words else "every other path"
            label = printable(f"{server.label}, {where}", 300)
            view = self._view(server, front, location, tls, default, label)
            if all(view.facts != one.facts for one in seen):
                seen.append(view)
        room_left = MAX_VIEWS - len(self.found)
        if room_left < len(seen):
            self._files.unreadable(
                self._conf.name, None, f"only {MAX_VIEWS} servers and locations were judged"
            )
        self.found += seen[:room_left]

    def _view(
        self,
        server: Server,
        front: Location,
        location: Location,
        tls: TlsFacts | None,
        default: Scope,
        label: str,
    ) -> View:
        early = lint_nginx_tls.early_data(tls)
        config = lint_nginx_facts.config_of(server, front, location, early=early)
        facts: dict[str, Facts] = {"http": HttpFacts(config=config)}
        if tls is not None:
            facts["tls"] = tls
        upgrade = _upgrade(server, location, in_clear=config.clear == "serves")
        if upgrade is not None:
            facts["websocket"] = WebSocketFacts(proxied=upgrade, secure=server.tls)
        calls = lint_nginx_grpc.calls(server, location, in_clear=config.clear == "serves")
        if calls is not None:
            facts["grpc"] = GrpcFacts(proxied=calls)
        settings = location.scope.settings(lint_nginx_facts.SHOWN)
        if calls is not None:
            settings |= location.scope.settings(lint_nginx_grpc.SHOWN)
        for name in (*lint_nginx_tls.OF_THE_SOCKET, "ssl_protocols", "ssl_session_tickets"):
            deciding = lint_nginx_tls.deciding(name, location.scope, default)
            settings |= deciding.settings({name: lint_nginx_facts.SHOWN[name]})
        settings["listen"] = tuple(
            Setting(value=str(one), at=one.at) for one in dict.fromkeys(server.listeners)
        )
        settings["add_header"] = _headers(server, location, config)
        if config.lost_headers is not None:
            lost = lint_nginx_facts.lost_lines(location.scope, config.does)
            settings["add_header lost"] = tuple(map(_setting, lost))
        return View(
            label=label, within=server.label, block=location.scope.block, facts=facts,
            settings=settings,
        )  # fmt: skip

    def part_alone(self, root: Place, version: Version) -> None:
        """Add the view of a file without a server: what its lines alone decide."""
        at = Line(file=self._conf.name, line=None, text=self._conf.name)
        directives = self._conf.directives
        for block, at_block in nginx_servers.http_blocks(self._conf, root):
            directives, at = block, at_block
        scope = Scope((Level(directives),), version, at)
        server = Server(directive=nginx_conf.Directive("", (), at, []), scope=scope, names=(),
                        listeners=())  # fmt: skip
        tls = lint_nginx_tls.facts(server, self._files, part=True)
        config = HttpConfigFacts(
            product=nginx_directives.PRODUCT, version=nginx_directives.text_of(version), part=True
        )
        facts: dict[str, Facts] = {"http": HttpFacts(config=config)}
        if tls is not None and tls != lint_nginx_tls.NOTHING:
            facts["tls"] = tls
        self.found.append(View(facts=facts, settings=scope.settings(lint_nginx_facts.SHOWN)))


def _headers(server: Server, location: Location, config: HttpConfigFacts) -> tuple[Setting, ...]:
    """Return the add_header lines in force, and the server's HSTS line where they drop it."""
    lines = location.scope.all("add_header")
    if config.hsts_lost:
        lines = [*lines, *server.scope.headers("add_header", "strict-transport-security")]
    if lines:
        return tuple(map(_setting, lines))
    block = server.directive.at
    text = printable(f"{server.label}: no add_header line in force", 300)
    return (Setting(value="", at=Line(file=block.file, line=block.line, text=text)),)


def _setting(line: Directive) -> Setting:
    return Setting(value=" ".join(line.words), at=line.at)


def _upgrade(server: Server, location: Location, *, in_clear: bool) -> ProxiedUpgrade | None:
    """Return what becomes of a WebSocket's handshake where one is meant to pass."""
    scope = location.scope
    if not scope.own("proxy_pass"):
        return None
    upgrade = scope.headers("proxy_set_header", "upgrade")
    connection = scope.headers("proxy_set_header", "connection")
    renewed = bool(upgrade) and upgrade[-1].words[-1] != ""
    if not renewed and not (location.words and _WEBSOCKET.search(location.path)):
        return None
    value = connection[-1].words[-1].lower() if connection else ""
    return ProxiedUpgrade(
        product=nginx_directives.PRODUCT,
        place=printable(location.path, 200),
        version=scope.value("proxy_http_version"),
        upgrade=renewed,
        connection=value not in _NO_UPGRADE,
        in_clear=in_clear,
        idle_seconds=scope.seconds("proxy_read_timeout"),
    )
