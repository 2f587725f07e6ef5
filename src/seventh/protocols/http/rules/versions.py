"""Rules on the versions of HTTP: offered, announced, working, and the fallback between them."""

from __future__ import annotations

from urllib.parse import urlsplit

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.alternatives import Advertised, Alternative
from seventh.protocols.http.facts.versions import Rung
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.examples import DEAD_H3, GOOD, H1, H2, H3, NO_H3, cells
from seventh.protocols.http.rules.proxy_fixes import ADD_HEADER, ENVOY, HAPROXY
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.wire.address import is_literal

CADDY_VERSIONS = "# in the global options\nservers {{\n\tprotocols h1 h2 h3\n}}"
_H1_REQUIRED = "HTTP_1_1_REQUIRED"
REFUSED = frozenset({429, 503})
SLOW_THINK_SECONDS = 0.5
MIN_SAMPLES = 3
_CLEARTEXT = not_applicable("no version is negotiated over plain HTTP")


def _rung(http: HttpFacts, version: str) -> Rung | Skip:
    """Return how a version was found, or why it was not tried."""
    if http.secure is False:
        return _CLEARTEXT
    if http.only_version is not None and http.only_version != version:
        return Skip(f"only HTTP/{http.only_version} was requested (--http-version)")
    found = http.rung(version)
    if found is None:
        return Skip(f"HTTP/{version} was not tried")
    return Skip(found.detail) if found.state == "untried" else found


@rule(
    "HTTP-NO-H2",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="HTTP/2 not supported",
    evidence="{what}",
    phrases={"what": {
        "not-negotiated": "HTTP/2 is not negotiated: {detail}",
        "not-preferred": "the server prefers http/1.1 in ALPN; it selects h2 only when the client "
        "offers nothing else",
        "h1-required": "the server requires HTTP/1.1 here: {detail}",
        "nginx": "neither `http2 on` nor a `listen` line with `http2`",
        "caddy": "`protocols` does not include h2",
    }},
    why="An HTTP/1.1 connection carries one exchange at a time. Pages with many parts wait in a "
    "queue, or open six connections, each with its own handshake and slow start.",
    fix={
        "nginx": "http2 on;   # nginx 1.25.1 or newer\n"
        "listen 443 ssl http2;   # before nginx 1.25.1",
        "apache": "# with mod_http2; replaces other Protocols lines, which add up\n"
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
)  # fmt: skip
def no_h2(http: HttpFacts) -> Verdict:
    """Report a server that does not select h2 in ALPN."""
    if http.config is not None:
        return file.no_h2(http.config)
    rung = _rung(http, "2")
    if isinstance(rung, Skip):
        return rung
    if rung.state == "works" and http.version == "1.1":
        # Both were offered, as all clients do; h2 came only when it alone was offered.
        return Hit(what="not-preferred")
    if rung.state != "not-offered":
        return None
    if rung.error == _H1_REQUIRED:
        return Hit(what="h1-required", detail=rung.detail)
    return Hit(what="not-negotiated", detail=rung.detail or "the server selects http/1.1")


@rule(
    "HTTP-NO-H3",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="HTTP/3 not supported",
    evidence="{what}",
    phrases={"what": {
        "no-quic": "{detail}",
        "old": "{product} {version} does not support HTTP/3",
        "nginx": "no `listen` line has `quic`, or `http3` is off",
        "caddy": "`protocols` does not include h3",
    }},
    why="HTTP/3 saves a round trip on each new connection, does not delay a stream when a packet "
    "of another is lost, and survives a change of network.",
    fix={
        "nginx": f"{ADD_HEADER}\nlisten 443 quic reuseport;   # nginx 1.25 or newer\n"
        "add_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
        "caddy": f"# allow UDP port 443 in the firewall, too\n{CADDY_VERSIONS}",
        "haproxy": "# in frontend, built with QUIC\n"
        "bind quic4@:443 ssl crt /etc/haproxy/site.pem alpn h3\n"
        "http-response set-header Alt-Svc 'h3=\":443\"; ma=86400'",
        "envoy": ENVOY["h3"],
        "any": "Allow UDP port 443 in the firewall, and put a server with HTTP/3 in front.",
    },
    references=("RFC 9114",),
    seed=("12.11.5",),
    good=GOOD, bad=GOOD.learn(ladder=(NO_H3, H2, H1), advertised=Advertised(alt_svc=())),
    choice=("nginx",),
    directives={"nginx": ("listen", "http3"), "caddy": ("servers protocols",)},
)  # fmt: skip
def no_h3(http: HttpFacts) -> Verdict:
    """Report a site without QUIC that announces none."""
    if http.config is not None:
        return file.no_h3(http.config)
    rung = _rung(http, "3")
    if isinstance(rung, Skip):
        return rung
    return Hit(what="no-quic", detail=rung.detail) if rung.state == "not-offered" else None


@rule(
    "HTTP-H3-DEAD",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="HTTP/3 is announced but does not answer",
    evidence="h3 is announced ({announced}), but {what}",
    phrases={"what": {
        "failed": "it fails: {detail}",
        "one-failed": "one announced endpoint fails: {detail}; another one works",
        "nginx": "no `listen` line has `quic`",
        "caddy": "`protocols` does not include h3",
    }},
    why="Clients that use the announcement try QUIC first and return to TCP after a timeout. Each "
    "visit starts late, again whenever the client forgets the failure.",
    fix={
        "envoy": ENVOY["h3 dead"],
        "haproxy": HAPROXY["h3 dead"],
        "any": "Open UDP port 443 in every firewall and load balancer in front of the server that "
        "terminates TLS. Until then, remove h3 from the announcement.",
        "nginx": "# replaces the add_header line that announces h3, until UDP port 443 answers\n"
        "add_header Alt-Svc clear always;",
        "caddy": "# also remove header lines that set Connection\n"
        "# in the global options, until UDP port 443 answers\nservers {{\n\tprotocols h1 h2\n}}",
        "dns": '{host} HTTPS 1 . alpn="h2"',
    },
    references=("RFC 7838", "RFC 9460"),
    seed=("12.10.1",),
    good=GOOD, bad=GOOD.learn(ladder=(DEAD_H3, H2, H1)),
    choice=("caddy",),
    directives={
        "nginx": ("add_header", "listen"),
        "caddy": ("header alt-svc", "servers protocols"),
    },
)  # fmt: skip
def h3_dead(http: HttpFacts) -> Verdict:
    """Report an announced place whose QUIC handshake or first exchange failed."""
    if http.config is not None:
        return file.h3_dead(http.config)
    if http.advertised is None:
        return Skip("no response showed whether HTTP/3 is announced")
    rung = _rung(http, "3")
    dead = [f"{a.place}: {a.detail}" for a in _dead(http) if a.protocol == "h3"]
    if isinstance(rung, Skip) and not dead:
        return rung
    broken = isinstance(rung, Rung) and rung.state != "works"
    if not http.advertised.h3 or not (dead or broken):
        return None
    # A place that works does not help clients that try the dead one.
    what = "one-failed" if dead and not broken else "failed"
    detail = "; ".join(dead) or (rung.detail if isinstance(rung, Rung) else "")
    return Hit(announced=http.advertised.h3, what=what, detail=detail, host=_owner(http.url))


def _owner(url: str) -> str:
    """Return the name that a zone file gives the site's records; ``@`` where it has none."""
    host = urlsplit(url).hostname or ""
    return f"{host}." if host and not is_literal(host) else "@"


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
    phrases={"what": {
        "unannounced": "HTTP/3 works, but neither Alt-Svc nor an HTTPS record announces it",
        "nginx": "a `listen` line has `quic`, but no `add_header Alt-Svc` announces h3 (DNS was "
        "not checked)",
        "caddy": "h3 is enabled, but no reply over TCP announces it in Alt-Svc (DNS was not "
        "checked)",
    }},
    why="Clients use HTTP/3 only where it is announced, so this port gets no visitors.",
    fix={
        "nginx": f"{ADD_HEADER}\nadd_header Alt-Svc 'h3=\":443\"; ma=86400' always;",
        "apache": "Header always set Alt-Svc 'h3=\":443\"; ma=86400'",
        "haproxy": "# in frontend\nhttp-response set-header Alt-Svc 'h3=\":443\"; ma=86400'",
        "dns": '@ HTTPS 1 . alpn="h3,h2"',
        "caddy": "# announces h3 itself; remove header lines that set or delete Alt-Svc\n"
        f"{CADDY_VERSIONS}",
        "envoy": ENVOY["h3 hidden"],
    },
    references=("RFC 9114 §3.1.1", "RFC 9460"),
    seed=("12.9.2",),
    good=GOOD, bad=GOOD.learn(advertised=Advertised(alt_svc=())),
    choice=("caddy",),
    directives={
        "nginx": ("add_header", "listen"),
        "caddy": ("header alt-svc", "servers protocols"),
    },
)  # fmt: skip
def h3_hidden(http: HttpFacts) -> Verdict:
    """Report HTTP/3 that works unannounced."""
    if http.config is not None:
        return file.h3_hidden(http.config)
    if http.advertised is None or http.advertised.alt_svc is None:
        return Skip("no response showed whether HTTP/3 is announced")
    rung = _rung(http, "3")
    if isinstance(rung, Skip):
        return rung
    if rung.state != "works" or http.advertised.h3:
        return None
    return Hit(what="unannounced")


@rule(
    "HTTP-FALLBACK",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="An HTTP version is broken",
    evidence="{rungs}",
    phrases={"rungs": {
        "broken": "broken: {broken}",
        "stuck": "TLS selects HTTP/2, and clients that negotiated it do not fall back to HTTP/1.1",
        "status": "the status differs by version ({statuses})",
        "type": "the content type differs by version ({types})",
        "place-broken": "broken alternative service: {failed_services}",
        "place-differs": "an alternative service answers differently from the origin: "
        "{differing_services}",
        "no-h1": "HTTP/1.1 not supported: {detail}",
        "nginx": "port {ports} has `quic`, but no `listen` line with `ssl` for TCP",
        "caddy": "port {ports} has h3, but neither h1 nor h2",
    }},
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
        "`seventh check --http-version` tests one version.",
    },
    references=("RFC 9113 §8.2.2", "RFC 9114 §3.1"),
    seed=("App. C",),
    good=GOOD,
    bad=GOOD.learn(ladder=(H3, H2, Rung(version="1.1", state="broken", detail="reset"))),
    choice=("nginx", "caddy"),
    directives={"nginx": ("listen",), "caddy": ("servers protocols",)},
)  # fmt: skip
def fallback(http: HttpFacts) -> Verdict:
    """Report a version over TCP that breaks or is missing, and places that answer differently."""
    if http.config is not None:
        return file.fallback(http.config)
    if http.secure is False:
        return _CLEARTEXT
    if http.only_version is not None:
        return Skip(f"only HTTP/{http.only_version} was requested (--http-version)")
    last = http.rung("1.1")
    if last is None:
        return Skip("not all versions were tried")
    if not http.working:
        return Skip("no version works, which is the check's failure")
    found = _broken(http) | _differing(http) | _places(http)
    severity = None
    if last.state == "not-offered":
        # No standard requires it, and a server for programs may leave it out on purpose.
        severity = None if found else Severity.MEDIUM
        found["no-h1"] = {"detail": last.detail}
    if not found:
        return None
    params = {name: value for more in found.values() for name, value in more.items()}
    return Hit(severity, rungs=tuple(found), field=_field(http), **params)


_Faults = dict[str, dict[str, str | tuple[str, ...]]]
"""By the code of each fault, the parameters of its phrase."""


def _field(http: HttpFacts) -> str:
    """Return the header field that breaks a version, as a configuration file names it."""
    found = next((rung.field for rung in http.ladder if rung.field), "upgrade")
    return "-".join(part.capitalize() for part in found.split("-"))


def _broken(http: HttpFacts) -> _Faults:
    """Return the versions over TCP that break; those that break alike in one entry."""
    alike: dict[str, list[str]] = {}
    for rung in http.ladder:
        if rung.state == "broken" and rung.version != "3":
            alike.setdefault(rung.detail, []).append(f"HTTP/{rung.version}")
    if not alike:
        return {}
    stuck = "1.1" in http.working and any("HTTP/2" in names for names in alike.values())
    broken = tuple(f"{' and '.join(names)} ({detail})" for detail, names in alike.items())
    return {"broken": {"broken": broken}, **({"stuck": {}} if stuck else {})}


def _differing(http: HttpFacts) -> _Faults:
    """Return how the versions that work answer the same request differently.

    One that was refused for the number of requests shows nothing of its content.
    """
    works = [r for r in http.ladder if r.state == "works" and r.status not in REFUSED]
    if len({rung.status for rung in works}) > 1:
        return {"status": {"statuses": tuple(f"HTTP/{r.version}: {r.status}" for r in works)}}
    if len({rung.content_type for rung in works}) > 1:
        types = tuple(f"HTTP/{r.version}: {r.content_type or 'none'}" for r in works)
        return {"type": {"types": types}}
    return {}


def _places(http: HttpFacts) -> _Faults:
    """Return the announced places that fail clients of TCP, or differ from the origin."""
    dead = tuple(f"{a.label}: {a.detail}" for a in _dead(http) if a.protocol != "h3")
    differing: list[str] = []
    for one in http.alternatives:
        rung = http.rung(one.version)
        if one.outcome != "works" or rung is None or rung.state != "works":
            continue
        if REFUSED & {one.status, rung.status}:
            continue
        if one.status != rung.status:
            differing.append(f"{one.label}: {one.status}, origin: {rung.status}")
        elif one.content_type != rung.content_type:
            types = f"{one.content_type or 'none'}, origin: {rung.content_type or 'none'}"
            differing.append(f"{one.label}: {types}")
    found: _Faults = {"place-broken": {"failed_services": dead}} if dead else {}
    if differing:
        found["place-differs"] = {"differing_services": tuple(differing)}
    return found


@rule(
    "HTTP-TTFB",
    Severity.MEDIUM,
    tier=1,
    source=Source.SERIES,
    title="The server takes long to answer",
    evidence="even the fastest of {count} exchanges waited {fastest} ms for its first byte, the "
    "round trip excluded",
    why="The network is not the cause: the round trip is subtracted. Every visitor waits this long "
    "before a page can be shown.",
    fix={
        "any": "Look for slow queries, missing caches and cold starts in the application. A shared "
        "cache in front answers repeated requests without it.",
        "nginx": "# logs how long each request waits for the application\n# in http {{}}\n"
        "log_format timed '$request $request_time $upstream_response_time';\n"
        "# in server {{}}\naccess_log /var/log/nginx/timed.log timed;",
    },
    seed=("App. B",),
    good=GOOD,
    bad=GOOD.learn(cells=cells(0.8)),
)
def ttfb(http: HttpFacts) -> Verdict:
    """Report exchanges of which even the fastest was slow, so that one stall is no finding."""
    known = [c.think_seconds for c in http.cells if c.think_seconds is not None]
    known += http.thinks_seconds
    if len(known) < MIN_SAMPLES:
        return Skip(f"fewer than {MIN_SAMPLES} exchanges were timed")
    fastest = min(known)
    if fastest <= SLOW_THINK_SECONDS:
        return None
    return Hit(count=len(known), fastest=round(fastest * 1000))
