"""Rules on the versions of HTTP: offered, announced, working, and the ladder between them."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.alternatives import Advertised, Alternative
from seventh.protocols.http.facts.versions import Rung
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.examples import GOOD, H1, H2, H3, cells
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER, ENVOY, HAPROXY
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

CADDY_VERSIONS = "# in the global options\nservers {{\n\tprotocols h1 h2 h3\n}}"
_NOT_CHOSEN = "the server does not choose h2 in TLS"
_H1_REQUIRED = "HTTP_1_1_REQUIRED"
REFUSED = frozenset({429, 503})
SLOW_THINK_SECONDS = 0.5
MIN_SAMPLES = 3

_NO_H3 = Rung(version="3", state="not-offered", detail="no QUIC packet came back")
_DEAD_H3 = Rung(version="3", state="broken", detail="no QUIC packet came back in 3 s")


def _rung(http: HttpFacts, version: str) -> Rung | Skip:
    """Return a step of the ladder, or why it was not looked at."""
    if http.secure is False:
        return not_applicable("in clear no version is negotiated")
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
    evidence="{detail}",
    why="With HTTP/1.1 each connection carries one exchange at a time: pages with many parts wait "
    "in line or open six connections, each with its own handshake and slow start.",
    fix={
        "nginx": "http2 on;   # nginx 1.25.1 or newer\n"
        "listen 443 ssl http2;   # before nginx 1.25.1",
        "apache": "# with mod_http2, in the place of other Protocols lines, which add up\n"
        "Protocols h2 http/1.1",
        "haproxy": "# in frontend\nbind :443 ssl crt /etc/haproxy/site.pem alpn h2,http/1.1",
        "caddy": CADDY_VERSIONS,
        "envoy": ENVOY["h2"],
    },
    references=("RFC 9113",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(ladder=(H3, Rung(version="2", state="not-offered", detail="no h2"), H1)),
    directives={"nginx": ("http2", "listen"), "caddy": ("servers protocols", "tls alpn")},
)
def no_h2(http: HttpFacts) -> Verdict:
    """ALPN that never ends with h2."""
    if http.config is not None:
        return file.no_h2(http.config)
    rung = _rung(http, "2")
    if isinstance(rung, Skip):
        return rung
    if rung.state == "works" and http.version == "1.1":
        # Offered both, as all clients do; h2 came only where it alone was offered.
        return Hit(detail=f"{_NOT_CHOSEN}: it prefers http/1.1, and takes h2 where that is alone")
    if rung.state != "not-offered":
        return None
    if rung.error == _H1_REQUIRED:
        return Hit(detail=f"the server asks for HTTP/1.1 here: {rung.detail}")
    return Hit(detail=f"{_NOT_CHOSEN}: {rung.detail or 'it chooses http/1.1'}")


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
        "nginx": f"{ADD_HEADER}\nlisten 443 quic reuseport;   # nginx 1.25 or newer\n"
        "add_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
        "caddy": f"# and let UDP port 443 in\n{CADDY_VERSIONS}",
        "haproxy": "# in frontend, built with QUIC\n"
        "bind quic4@:443 ssl crt /etc/haproxy/site.pem alpn h3\n"
        "http-response set-header Alt-Svc 'h3=\":443\"; ma=86400'",
        "envoy": ENVOY["h3"],
        "any": "Let UDP port 443 in, and put a server in front that speaks HTTP/3.",
    },
    references=("RFC 9114",),
    seed=("12.11.5",),
    good=GOOD,
    bad=GOOD.learn(ladder=(_NO_H3, H2, H1), advertised=Advertised(alt_svc=())),
    directives={"nginx": ("listen", "http3"), "caddy": ("servers protocols",)},
)
def no_h3(http: HttpFacts) -> Verdict:
    """No QUIC, and nothing says that there should be."""
    if http.config is not None:
        return file.no_h3(http.config)
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
    why="Clients that believe it try QUIC first, and come back to TCP only when they have waited: "
    "a visit begins late, again each time they forget that it failed.",
    fix={
        "envoy": ENVOY["h3 dead"],
        "haproxy": HAPROXY["h3 dead"],
        "any": "Open UDP port 443 in every firewall and load balancer on the way, to the server "
        "that terminates TLS; until then, take h3 out of the announcement.",
        "nginx": "# in the place of the add_header line that says h3, until UDP port 443 answers\n"
        "add_header Alt-Svc clear always;",
        "caddy": "# and no header line that sets Connection\n"
        "# in the global options, until UDP port 443 answers\nservers {{\n\tprotocols h1 h2\n}}",
        "dns": '{host}. HTTPS 1 . alpn="h2"',
    },
    references=("RFC 7838", "RFC 9460"),
    seed=("12.10.1",),
    good=GOOD,
    bad=GOOD.learn(ladder=(_DEAD_H3, H2, H1)),
    directives={
        "nginx": ("add_header", "listen"),
        "caddy": ("header alt-svc", "servers protocols"),
    },
)
def h3_dead(http: HttpFacts) -> Verdict:
    """An announcement, and a QUIC handshake or first exchange that failed at one of its places."""
    if http.config is not None:
        return file.h3_dead(http.config)
    if http.advertised is None:
        return Skip("no answer told whether HTTP/3 is announced")
    rung = _rung(http, "3")
    dead = [f"{a.place}: {a.detail}" for a in _dead(http) if a.protocol == "h3"]
    if isinstance(rung, Skip) and not dead:
        return rung
    broken = not isinstance(rung, Skip) and rung.state != "works"
    if not http.advertised.h3 or not (dead or broken):
        return None
    detail = "; ".join(dead) or (rung.detail if isinstance(rung, Rung) else "")
    if dead and not broken:
        # It helps nobody who is sent to the dead one.
        detail += "; another place that is announced works"
    host = http.url.partition("://")[2].partition("/")[0].partition(":")[0]
    return Hit(announced=" and ".join(http.advertised.h3), detail=detail, host=host or "@")


def _dead(http: HttpFacts) -> list[Alternative]:
    """Return the places that are announced and cannot be used."""
    return [one for one in http.alternatives if one.outcome == "failed"]


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
        "nginx": f"{ADD_HEADER}\nadd_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
        "apache": "Header always set Alt-Svc 'h3=\":443\"; ma=86400'",
        "haproxy": "# in frontend\nhttp-response set-header Alt-Svc 'h3=\":443\"; ma=86400'",
        "dns": '@ HTTPS 1 . alpn="h3,h2"',
        "caddy": f"# says so by itself, without a header line for Alt-Svc\n{CADDY_VERSIONS}",
        "envoy": ENVOY["h3 hidden"],
    },
    references=("RFC 9114 §3.1.1", "RFC 9460"),
    seed=("12.9.2",),
    good=GOOD,
    bad=GOOD.learn(advertised=Advertised(alt_svc=())),
    directives={
        "nginx": ("add_header", "listen"),
        "caddy": ("header alt-svc", "servers protocols"),
    },
)
def h3_hidden(http: HttpFacts) -> Verdict:
    """HTTP/3 that works unannounced."""
    if http.config is not None:
        return file.h3_hidden(http.config)
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
    title="An HTTP version is broken",
    evidence="{rungs}",
    why="TLS chooses the newest version that both sides offer. A client that chose HTTP/2 does not "
    "fall back to HTTP/1.1 when HTTP/2 fails: it shows an error. Proxies, old programs and "
    "networks without UDP depend on the lower versions and fail where one of those is broken or "
    "serves something else.",
    fix={
        "nginx": "# where HTTP/2 fails because of a header field: hide what the application sends, "
        "and remove any add_header line for it\nproxy_hide_header {field};\n"
        "# where a version is missing: all in one server block, for the same content in each\n"
        "listen 443 ssl;\nlisten 443 quic reuseport;   # nginx 1.25 or newer\n"
        "http2 on;   # nginx 1.25.1 or newer",
        "apache": "# where HTTP/2 fails because of a header field\n"
        "Header unset {field}\nHeader always unset {field}",
        "haproxy": "# in frontend, where HTTP/2 fails because of a header field\n"
        "http-response del-header {field}",
        "caddy": "# where HTTP/2 fails because of a header field\n"
        "reverse_proxy localhost:8080 {{\n\theader_down -{field}\n}}\n"
        f"# where a version is missing\n{CADDY_VERSIONS}",
        "any": "Send no {field} field in HTTP/2 responses. Keep TCP port 443 with h2 and http/1.1 "
        "in ALPN beside UDP, and serve the same virtual host on all of them; "
        "`seventh check --http-version` shows each.",
    },
    references=("RFC 9113 §8.2.2", "RFC 9114 §3.1"),
    seed=("App. C",),
    good=GOOD,
    bad=GOOD.learn(ladder=(H3, H2, Rung(version="1.1", state="broken", detail="reset"))),
    directives={"nginx": ("listen",), "caddy": ("servers protocols",)},
)
def fallback(http: HttpFacts) -> Verdict:
    """A rung of TCP that breaks, HTTP/1.1 that is missing, or ways in that answer differently."""
    if http.config is not None:
        return file.fallback(http.config)
    if http.secure is False:
        return not_applicable("in clear no version is negotiated")
    if http.only_version is not None:
        return Skip(f"only HTTP/{http.only_version} was asked for")
    if not http.working or http.rung("1.1") is None:
        return Skip("the versions were not all asked for")
    wrong = _broken(http)
    last = http.rung("1.1")
    wrong += _differing(http) + _beside(http)
    if last is not None and last.state == "not-offered":
        wrong.append(f"HTTP/1.1 is not spoken: {last.detail}")
        # No standard asks for it, and a server for programs may leave it out on purpose.
        severity = Severity.MEDIUM if len(wrong) == 1 else None
        return Hit(severity, rungs=tuple(wrong), field=_field(http))
    return Hit(rungs=tuple(wrong), field=_field(http)) if wrong else None


def _field(http: HttpFacts) -> str:
    """Return the header field that breaks a version, as a configuration file names it."""
    found = next((rung.field for rung in http.ladder if rung.field), "upgrade")
    return "-".join(part.capitalize() for part in found.split("-"))


def _broken(http: HttpFacts) -> list[str]:
    """Return the rungs of TCP that break, those that break alike in one sentence."""
    alike: dict[str, list[str]] = {}
    for rung in http.ladder:
        if rung.state == "broken" and rung.version != "3":
            alike.setdefault(rung.detail, []).append(f"HTTP/{rung.version}")
    stay = (
        ""
        if "1.1" not in http.working
        else (" (TLS chooses HTTP/2, and clients that chose it do not fall back to HTTP/1.1)")
    )
    return [
        f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'} broken: {detail}"
        f"{stay if 'HTTP/2' in names else ''}"
        for detail, names in alike.items()
    ]


def _differing(http: HttpFacts) -> list[str]:
    """Return how the rungs that work answer the same request differently.

    One that was refused for the number of requests tells nothing of its content.
    """
    works = [r for r in http.ladder if r.state == "works" and r.status not in REFUSED]
    found = []
    if len({rung.status for rung in works}) > 1:
        said = ", ".join(f"HTTP/{rung.version}: {rung.status}" for rung in works)
        found.append(f"the status differs ({said})")
    elif len({rung.content_type for rung in works}) > 1:
        said = ", ".join(f"HTTP/{rung.version}: {rung.content_type or 'none'}" for rung in works)
        found.append(f"the content type differs ({said})")
    return found


def _beside(http: HttpFacts) -> list[str]:
    """The announced places that fail clients of TCP, or answer otherwise than the origin itself."""
    found = [f"{a.said} is broken: {a.detail}" for a in _dead(http) if a.protocol != "h3"]
    for one in http.alternatives:
        rung = http.rung(one.version)
        if one.outcome != "works" or rung is None or rung.state != "works":
            continue
        if REFUSED & {one.status, rung.status}:
            continue
        if one.status != rung.status:
            found.append(f"{one.said} answers {one.status}, the origin itself {rung.status}")
        elif one.content_type != rung.content_type:
            said = f"{one.content_type or 'none'}, the origin itself {rung.content_type or 'none'}"
            found.append(f"{one.said} has the content type {said}")
    return found


@rule(
    "HTTP-TTFB",
    Severity.MEDIUM,
    tier=1,
    source=Source.SERIES,
    title="The server takes long to answer",
    evidence="of {count} exchanges even the fastest waited {fastest} ms beyond the round trip for "
    "its first byte",
    why="The network is not to blame, for the round trip is taken off: every reader of this page "
    "waits that long before anything can be shown.",
    fix={
        "any": "Look at the application: slow queries, missing caches, cold starts. A shared cache "
        "in front takes repeated requests off it.",
        "nginx": "# shows which requests wait for the application\n# in http {{}}\n"
        "log_format timed '$request $request_time $upstream_response_time';\n"
        "# in server {{}}\naccess_log /var/log/nginx/timed.log timed;",
    },
    seed=("App. B",),
    good=GOOD,
    bad=GOOD.learn(cells=cells(0.8)),
)
def ttfb(http: HttpFacts) -> Verdict:
    """Even the fastest of several exchanges took long, so that no single stall is blamed."""
    known = [c.think_seconds for c in http.cells if c.think_seconds is not None]
    known += http.thinks_seconds
    if len(known) < MIN_SAMPLES:
        return Skip(f"fewer than {MIN_SAMPLES} exchanges were timed")
    fastest = min(known)
    if fastest <= SLOW_THINK_SECONDS:
        return None
    return Hit(count=len(known), fastest=round(fastest * 1000))
