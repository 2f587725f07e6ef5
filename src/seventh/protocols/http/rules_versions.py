"""Rules on the versions of HTTP: offered, announced, working, and the ladder between them."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http import config_verdicts
from seventh.protocols.http.examples import GOOD, H1, H2, H3, cells
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts_versions import Advertised, Rung
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

SLOW_THINK_SECONDS = 0.5
MIN_SAMPLES = 3

_NO_H3 = Rung(version="3", state="not-offered", detail="no QUIC packet came back")
_DEAD_H3 = Rung(version="3", state="broken", detail="no QUIC packet came back in 3 s")


def _rung(http: HttpFacts, version: str) -> Rung | Skip:
    """A step of the ladder, or why it was not looked at."""
    if http.secure is False:
        return Skip("in clear no version is negotiated")
    if http.only_version is not None and http.only_version != version:
        return Skip(f"only HTTP/{http.only_version} was asked for")
    found = http.rung(version)
    if found is None:
        return Skip(f"HTTP/{version} was not asked for")
    return Skip(found.detail) if found.state == "untried" else found


@rule(
    "HTTP-NO-H2",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="HTTP/2 is not offered",
    evidence="the server does not choose h2 in TLS: {detail}",
    why="With HTTP/1.1 each connection carries one exchange at a time: pages with many parts wait "
    "in line or open six connections, each with its own handshake and slow start.",
    fix={
        "nginx": "http2 on;  # before nginx 1.25.1: listen 443 ssl http2;",
        "apache": "Protocols h2 http/1.1  # with mod_http2",
        "haproxy": "bind :443 ssl crt FILE alpn h2,http/1.1",
        "caddy": "servers {{ protocols h1 h2 h3 }}",
    },
    references=("RFC 9113",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(ladder=(H3, Rung(version="2", state="not-offered", detail="no h2"), H1)),
    directives={"nginx": ("http2", "listen")},
)
def no_h2(http: HttpFacts) -> Verdict:
    """ALPN that never ends with h2."""
    if http.config is not None:
        return config_verdicts.no_h2(http.config)
    rung = _rung(http, "2")
    if isinstance(rung, Skip):
        return rung
    return Hit(detail=rung.detail or "it chooses http/1.1") if rung.state == "not-offered" else None


@rule(
    "HTTP-NO-H3",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="HTTP/3 is not offered",
    evidence="{detail}",
    why="HTTP/3 saves a round trip on each new connection, loses no time to a lost packet of "
    "another stream, and survives a change of network.",
    fix={
        "nginx": "listen 443 quic reuseport;\nadd_header Alt-Svc 'h3=\":443\"; ma=86400' always;"
        "  # nginx 1.25 or newer",
        "caddy": "servers {{ protocols h1 h2 h3 }}  # and let UDP port 443 in",
        "haproxy": "bind quic4@:443 ssl crt FILE alpn h3",
        "any": "Let UDP port 443 in, and put a server in front that speaks HTTP/3.",
    },
    references=("RFC 9114",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(ladder=(_NO_H3, H2, H1), advertised=Advertised(alt_svc=())),
    directives={"nginx": ("listen", "http3")},
)
def no_h3(http: HttpFacts) -> Verdict:
    """No QUIC, and nothing says that there should be."""
    if http.config is not None:
        return config_verdicts.no_h3(http.config)
    rung = _rung(http, "3")
    if isinstance(rung, Skip):
        return rung
    return Hit(detail=rung.detail) if rung.state == "not-offered" else None


@rule(
    "HTTP-H3-DEAD",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="HTTP/3 is announced but does not answer",
    evidence="{announced} says h3; {detail}",
    why="Browsers believe it and try QUIC first: until they give up and remember, every visit "
    "waits for a timeout.",
    fix={
        "any": "Open UDP port 443 in every firewall and load balancer on the way, to the server "
        "that terminates TLS; until then, take h3 out of the announcement.",
        "nginx": "# remove: add_header Alt-Svc …\nadd_header Alt-Svc clear always;"
        "  # or: listen 443 quic reuseport;",
        "dns": '{host}. HTTPS 1 . alpn="h2"',
    },
    references=("RFC 7838", "RFC 9460"),
    seed=("12.10.1",),
    good=GOOD,
    bad=GOOD.learn(ladder=(_DEAD_H3, H2, H1)),
    directives={"nginx": ("add_header", "listen")},
)
def h3_dead(http: HttpFacts) -> Verdict:
    """An announcement, and a QUIC handshake or first exchange that failed."""
    if http.config is not None:
        return config_verdicts.h3_dead(http.config)
    if http.advertised is None:
        return Skip("no answer told whether HTTP/3 is announced")
    rung = _rung(http, "3")
    if isinstance(rung, Skip):
        return rung
    if rung.state == "works" or not http.advertised.h3:
        return None
    host = http.url.partition("://")[2].partition("/")[0].partition(":")[0]
    return Hit(announced=" and ".join(http.advertised.h3), detail=rung.detail, host=host or "@")


@rule(
    "HTTP-H3-HIDDEN",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="HTTP/3 answers but is not announced",
    evidence="{what}",
    why="Clients use HTTP/3 only where it is announced, so nobody does: the port is open for "
    "nothing.",
    fix={
        "nginx": "add_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
        "apache": "Header always set Alt-Svc 'h3=\":443\"; ma=86400'",
        "haproxy": "http-response set-header alt-svc 'h3=\":443\"; ma=86400'",
        "dns": '@ HTTPS 1 . alpn="h3,h2"',
    },
    references=("RFC 9114 §3.1", "RFC 7838"),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(advertised=Advertised(alt_svc=())),
    directives={"nginx": ("add_header", "listen")},
)
def h3_hidden(http: HttpFacts) -> Verdict:
    """HTTP/3 that works unannounced."""
    if http.config is not None:
        return config_verdicts.h3_hidden(http.config)
    if http.advertised is None or http.advertised.alt_svc is None:
        return Skip("no answer told whether HTTP/3 is announced")
    rung = _rung(http, "3")
    if isinstance(rung, Skip):
        return rung
    if rung.state != "works" or http.advertised.h3:
        return None
    return Hit(what="HTTP/3 works, and neither Alt-Svc nor an HTTPS record says so")


@rule(
    "HTTP-FALLBACK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="A lower HTTP version is broken",
    evidence="{rungs}",
    why="Clients climb down from HTTP/3 to 2 to 1.1 when a version fails on their way: proxies, "
    "old programs and networks without UDP depend on the lower rungs. Where one is broken or "
    "serves something else, they fail while your own browser does not.",
    fix={
        "nginx": "listen 443 ssl;\nlisten 443 quic reuseport;\nhttp2 on;  # one server block, one "
        "content for all",
        "caddy": "servers {{ protocols h1 h2 h3 }}",
        "any": "Keep TCP port 443 with h2 and http/1.1 in ALPN beside UDP, and serve the same "
        "virtual host on all of them; `seventh check --http-version` shows each.",
    },
    references=("RFC 7838", "RFC 9460"),
    seed=("App. C",),
    good=GOOD,
    bad=GOOD.learn(ladder=(H3, H2, Rung(version="1.1", state="broken", detail="reset"))),
    directives={"nginx": ("listen",)},
)
def fallback(http: HttpFacts) -> Verdict:
    """A rung of TCP that breaks, HTTP/1.1 that is missing, or rungs that answer differently."""
    if http.config is not None:
        return config_verdicts.fallback(http.config)
    if http.secure is False:
        return Skip("in clear no version is negotiated")
    if http.only_version is not None:
        return Skip(f"only HTTP/{http.only_version} was asked for")
    if not http.working or http.rung("1.1") is None:
        return Skip("the versions were not all asked for")
    wrong = [
        f"HTTP/{rung.version} is broken: {rung.detail}"
        for rung in http.ladder
        if rung.state == "broken" and rung.version != "3"
    ]
    last = http.rung("1.1")
    if last is not None and last.state == "not-offered":
        wrong.append(f"HTTP/1.1 is not spoken: {last.detail}")
    return Hit(rungs=tuple(wrong + _differing(http))) if wrong or _differing(http) else None


def _differing(http: HttpFacts) -> list[str]:
    """How the rungs that work answer the same request differently."""
    works = [rung for rung in http.ladder if rung.state == "works"]
    found = []
    if len({rung.status for rung in works}) > 1:
        said = ", ".join(f"HTTP/{rung.version}: {rung.status}" for rung in works)
        found.append(f"the status differs ({said})")
    elif len({rung.content_type for rung in works}) > 1:
        said = ", ".join(f"HTTP/{rung.version}: {rung.content_type or 'none'}" for rung in works)
        found.append(f"the content type differs ({said})")
    return found


@rule(
    "HTTP-TTFB",
    Severity.MEDIUM,
    tier=1,
    source=Source.SERIES,
    title="The server thinks long",
    evidence="of {count} exchanges even the fastest waited {fastest} ms beyond the round trip for "
    "its first byte",
    why="The network is not to blame: the round trip is taken off. Every reader of this page waits "
    "that long before anything can be shown.",
    fix={
        "any": "Look at the application: slow queries, missing caches, cold starts. A shared cache "
        "in front takes repeated requests off it.",
        "nginx": "log_format timed '$request $request_time $upstream_response_time';\n"
        "proxy_cache_use_stale updating;",
    },
    references=("RFC 9111",),
    seed=("App. B",),
    good=GOOD,
    bad=GOOD.learn(cells=cells(0.8)),
)
def ttfb(http: HttpFacts) -> Verdict:
    """Even the fastest of several exchanges took long, so that no single stall is blamed."""
    known = [c.think_seconds for c in http.cells if c.think_seconds is not None]
    if len(known) < MIN_SAMPLES:
        return Skip(f"fewer than {MIN_SAMPLES} exchanges were timed")
    fastest = min(known)
    if fastest <= SLOW_THINK_SECONDS:
        return None
    return Hit(count=len(known), fastest=round(fastest * 1000))
