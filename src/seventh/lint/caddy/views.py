"""A Caddyfile as views: one for each site, and one for each place that changes something."""

from __future__ import annotations

from pathlib import Path

from seventh.lint.caddy import check as caddy_check
from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy import facts as lint_caddy_facts
from seventh.lint.caddy import file as caddy_file
from seventh.lint.caddy import route as caddy_route
from seventh.lint.caddy import site as caddy_site
from seventh.lint.caddy import tls as lint_caddy_tls
from seventh.lint.caddy.file import Caddyfile, Node
from seventh.lint.caddy.route import Route
from seventh.lint.caddy.site import Site
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.model.facts import Facts
from seventh.model.source import Line
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.websocket.facts import WebSocketFacts
from seventh.wire.text import printable

MAX_SITES = 512
MAX_PLACES = 256
"""Places of one site that are judged by themselves."""
MAX_VIEWS = 1024
MAX_WORK = 50_000
"""Directives that are looked at for all places together."""
MAX_SETTINGS = 100
"""Lines of one directive that are kept as evidence; a finding shows fewer."""
_TLS = ("protocols", "ciphers", "curves", "client_auth", "alpn")
_PROXY = ("header_up", "header_down", "response_buffers", "flush_interval", "stream_timeout",
          "transport")  # fmt: skip
_DIRECTIVES = ("header", "encode", "file_server", "reverse_proxy", "redir", "request_header",
               "respond", "tls", "bind")  # fmt: skip


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Judge a Caddyfile; never raises for what it holds."""
    judged = software or caddy_directives.newest()
    files.base = Path(text.name).parent
    found = caddy_file.read(text, files)
    known = caddy_site.sites(found, MAX_SITES)
    caddy_check.check(found, files)
    if len(found.sites) > MAX_SITES:
        files.unreadable(text.name, None, f"only the first {MAX_SITES} sites were judged")
    views = _Views(found, files, (*judged.version, 0, 0)[:3])
    for site in known:
        views.site(site)
    if not known:
        views.without_sites()
    return Linted(
        views=tuple(views.found),
        software=str(judged),
        software_assumed=software is None,
        problems=tuple(dict.fromkeys(found.refused)),
    )


class _Views:
    """The views of one file, as they are found."""

    def __init__(self, found: Caddyfile, files: Files, version: tuple[int, ...]) -> None:
        self.found: list[View] = []
        self._file = found
        self._files = files
        self._version = version
        self._work = MAX_WORK

    def _places(self, site: Site) -> list[Route]:
        """Return the site's places, as many as may be judged by themselves."""
        nodes = len(site.block.nodes) + 1
        most = min(MAX_PLACES, MAX_VIEWS - len(self.found), self._work // nodes)
        found = caddy_route.routes(site, most + 1)
        if len(found) > most:
            at = site.block.at
            self._files.unreadable(
                at.file, at.line, f"only the first {most} places of this site were judged"
            )
        self._work -= len(found[:most]) * nodes
        return found[:most]

    def site(self, site: Site) -> None:
        """Add the site's view at ``/``, and one of each route that differs from it."""
        front = caddy_route.front(site)
        tls = lint_caddy_tls.facts(site, self._version)
        seen = [self._view(site, front, front, tls, site.label)]
        for offered in site.protocols[1:]:
            view = self._view(site, front, front, tls, site.label, offered)
            if all(view.facts != one.facts for one in seen):
                seen.append(view)
        places = self._places(site)
        other = caddy_route.front(site, caddy_route.OTHER)
        if self._view(site, front, other, tls, site.label).facts != seen[0].facts:
            other.label = "every other path"
            places.insert(0, other)
        for route in places:
            label = printable(f"{site.label}, {route.label or 'a block'}", 300)
            view = self._view(site, front, route, tls, label)
            if all(view.facts != one.facts for one in seen):
                seen.append(view)
        room_left = MAX_VIEWS - len(self.found)
        if room_left < len(seen):
            self._files.unreadable(
                self._file.name, None, f"only {MAX_VIEWS} sites and places were judged"
            )
        self.found += seen[:room_left]

    def _view(
        self, site: Site, front: Route, route: Route, tls: TlsFacts | None, label: str,
        offered: tuple[str, ...] | None = (),
    ) -> View:  # fmt: skip
        offered = site.protocols[0] if offered == () else offered
        config = lint_caddy_facts.config_of(site, front, route, self._version, offered)
        facts: dict[str, Facts] = {"http": HttpFacts(config=config)}
        if tls is not None:
            facts["tls"] = tls
        upgrade = lint_caddy_facts.upgrade(route, in_clear=config.clear == "serves")
        if upgrade is not None:
            facts["websocket"] = WebSocketFacts(proxied=upgrade, secure=site.tls)
        return View(
            label=label,
            within=site.label,
            block=site.block.at,
            facts=facts,
            settings=_Settings(site, route, self._version).all(),
        )

    def without_sites(self) -> None:
        """Snippets or options alone: there is nothing that a request could reach."""
        config = HttpConfigFacts(
            product=caddy_directives.PRODUCT,
            version=caddy_directives.text_of(self._version),
            part=True,
        )
        self.found.append(View(facts={"http": HttpFacts(config=config)}, settings={}))


class _Settings:
    """The lines that decide at one place, by what they say."""

    def __init__(self, site: Site, route: Route, version: tuple[int, ...]) -> None:
        self._site = site
        self._place = route
        self._version = caddy_directives.text_of(version)

    def all(self) -> dict[str, tuple[Setting, ...]]:
        """Return every setting that a finding can stand on."""
        site, route = self._site, self._place
        found: dict[str, tuple[Setting, ...]] = {"site": (self._absent(""),)}
        for name in _DIRECTIVES:
            found[name] = self._lines(route.all(name))
        found["encode"] = found["encode"] or (self._absent("no encode"),)
        for name in _TLS:
            nodes = lint_caddy_tls.lines_of(site, name)
            found[f"tls {name}"] = self._lines(nodes) or self._default(f"tls {name}")
        for path in (("protocols",), ("timeouts", "idle"), ("0rtt",)):
            nodes = site.server.lines_of(*path)
            key = path[-1] if path != ("protocols",) else "servers protocols"
            found[key] = self._lines(nodes) or self._default(key)
        trusted = site.server.lines_of("trusted_proxies")[-1:]
        found["trusted_proxies"] = self._lines(trusted + lint_caddy_facts.trusting(route))
        found["client_ip_headers"] = self._lines(site.server.lines_of("client_ip_headers"))
        options = [n for n in site.server.options if n.name == "auto_https"]
        found["auto_https"] = self._lines(options)
        proxy = route.terminal
        for name in _PROXY:
            nodes = list(proxy.children(name)) if proxy is not None else []
            found[name] = self._lines(nodes)
        transports = proxy.children("transport") if proxy is not None else ()
        silent = [child for node in transports for child in node.children("read_timeout")]
        found["read_timeout"] = self._lines(silent)
        return found | self._by_field()

    def _by_field(self) -> dict[str, tuple[Setting, ...]]:
        """Return the lines that change one field of the reply, such as ``header cache-control``."""
        found: dict[str, list[Node]] = {}
        for one in self._place.changes:
            found.setdefault(f"header {one.field}", []).append(one.node)
        return {name: self._lines(nodes) for name, nodes in found.items()}

    def _lines(self, nodes: list[Node]) -> tuple[Setting, ...]:
        return tuple(
            Setting(value=" ".join(node.words), at=node.at) for node in nodes[:MAX_SETTINGS]
        )

    def _absent(self, what: str) -> Setting:
        at = self._site.block.at
        text = f"{at.text} … }}: {what}" if what else at.text
        return Setting(value="", at=Line(file=at.file, line=at.line, text=printable(text, 300)))

    def _default(self, name: str) -> tuple[Setting, ...]:
        value = _DEFAULTS.get(name)
        if value is None:
            return ()
        text = f"{value} (default of caddy {self._version})"
        return (Setting(value=value, at=Line(file=self._site.block.at.file, line=None, text=text)),)


_DEFAULTS = {
    "servers protocols": "protocols h1 h2 h3", "idle": "idle 5m",
    "tls protocols": "protocols tls1.2 tls1.3",
    "tls curves": "curves x25519mlkem768 x25519 secp256r1",
}  # fmt: skip
