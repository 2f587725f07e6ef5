"""Rules about interfaces for programs: their description, errors, types, end, and event streams."""

from __future__ import annotations

from typing import Any

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Api, Body, ContentFacts, EventStream, Lifecycle
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.proxy_fixes import ENVOY, HAPROXY
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

TELLING_HOLD_SECONDS = 30.0
"""Listening this long hears a heartbeat that is sent every 15 s, as the HTML standard advises."""
LONG_SILENCE_SECONDS = 25.0
LONG_BEAT_SECONDS = 50.0
"""Where there is a heartbeat: what a proxy that waits a minute still bears."""
MOMENT_SECONDS = 0.2
"""Less is no silence."""
_NOT_LOOKED = Skip("the representation was not looked at")
_PEOPLE = not_applicable("the site serves pages for people, not an interface for programs")
_DAY = 86400


def _facts(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**parts))


_PROBLEM = Body(
    path="/seventh-…", status=404, declared="application/problem+json", seen="json", problem=True
)
_JSON_ERROR = Body(path="/seventh-…", status=404, declared="application/json", seen="json")
_JSON = Body(path="/", status=200, declared="application/json", seen="json")


def _api(http: HttpFacts) -> Api | Skip:
    if http.content is None or http.content.api is None:
        return _NOT_LOOKED
    return http.content.api if http.content.api.speaks else _PEOPLE


@rule(
    "REST-SCHEMA",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="No machine-readable description of the API",
    evidence="{what}",
    why="Clients, tests and gateways are made from a description. Without one everybody writes "
    "their own from guesses; one that the replies break misleads them all.",
    fix={
        "any": "Serve an OpenAPI description at /openapi.json and name it in each reply "
        "(Link: </openapi.json>; rel=service-desc); test replies against it.",
        "nginx": 'add_header Link "</openapi.json>; rel=service-desc" always;',
        "caddy": 'header Link "</openapi.json>; rel=service-desc"',
        "apache": 'Header always set Link "</openapi.json>; rel=service-desc"',
    },
    references=("OpenAPI Specification", "RFC 8631", "RFC 9727"),
    seed=("12.6.1",),
    good=_facts(
        api=Api(speaks=True, described_at="/openapi.json", description="OpenAPI 3.1.0", checked=1)
    ),
    bad=_facts(api=Api(speaks=True, looked_at=("/openapi.json",))),
)
def schema(http: HttpFacts) -> Verdict:
    """No description, or replies that break it."""
    api = _api(http)
    if isinstance(api, Skip):
        return api
    if api.violations:
        broken = "; ".join(api.violations)
        return Hit(Severity.MEDIUM, what=f"replies break {api.description}: {broken}")
    if api.described_at is not None:
        return None
    if not api.looked_at:
        return Skip("no description was looked for")
    return Hit(what=f"nothing at {', '.join(api.looked_at)}")


@rule(
    "REST-ERRORS",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Errors are not problem details",
    evidence="{what}",
    why="A client can react to an error only if it can read it: problem details have one form for "
    "all services, with a type that programs can tell apart.",
    fix={
        "nginx": "# in server {{}}; behind proxy_pass with proxy_intercept_errors on;\n"
        "error_page 404 = @problem404;\nlocation @problem404 {{\n"
        "    default_type application/problem+json;\n"
        '    return 404 \'{{"type":"about:blank","title":"Not Found","status":404}}\';\n}}',
        "caddy": "handle_errors {{\n\theader Content-Type application/problem+json\n"
        '\trespond `{{"type":"about:blank","status":{{err.status_code}}}}` {{err.status_code}}\n}}',
        "apache": '<Location "/api">\n'
        '    ErrorDocument 404 \'{{"type":"about:blank","status":404}}\'\n'
        '    Header always set Content-Type application/problem+json "expr=%{{REQUEST_STATUS}} '
        '-eq 404"\n</Location>',
        "any": "Answer errors with Content-Type: application/problem+json and an object of type, "
        "title and status.",
    },
    references=("RFC 9457 §3",),
    seed=("12.6.1",),
    good=_facts(api=Api(speaks=True), error=_PROBLEM),
    bad=_facts(api=Api(speaks=True), error=_JSON_ERROR),
)
def error_format(http: HttpFacts) -> Verdict:
    """Return an API's answer to a path that does not exist, asked for as problem details."""
    api = _api(http)
    if isinstance(api, Skip):
        return api
    assert http.content is not None  # noqa: S101 - there is no Api without it
    error = http.content.error
    if error is None:
        return Skip("no answer came for a path that does not exist")
    if error.problem and error.status >= 400:
        return None
    if error.status < 400:
        return Hit(what=f"a path that does not exist gives {error.status}")
    told = error.declared or "no type"
    return Hit(what=f"{error.status} as {told}, though problem details were asked for")


@rule(
    "REST-CTYPE",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="The content type does not fit",
    evidence="{misfits}",
    why="Clients choose by the type what to do with content: a wrong one is not parsed, or is "
    "run as a page (JSON shown as HTML is a way in for scripts).",
    fix={
        "nginx": "# in the API's location, for what has no type of its own\n"
        "default_type application/json;\nadd_header X-Content-Type-Options nosniff always;",
        "caddy": "header /api/* Content-Type application/json\n"
        "header X-Content-Type-Options nosniff",
        "apache": '<Location "/api">\n    ForceType application/json\n</Location>\n'
        "Header always set X-Content-Type-Options nosniff",
        "any": "Send the Content-Type that the content has: application/json for JSON.",
    },
    references=("RFC 9110 §8.3",),
    seed=("12.6.1",),
    good=_facts(content=_JSON, error=_PROBLEM),
    bad=_facts(
        content=Body(
            path="/", status=200, declared="text/html", seen="json",
            misfit="text/html, and the content is JSON",
        )
    ),
)  # fmt: skip
def content_type(http: HttpFacts) -> Verdict:
    """Return what is declared against what came, of the representation and of an error."""
    if http.content is None or http.content.content is None:
        return _NOT_LOOKED
    shown = [body for body in (http.content.content, http.content.error) if body is not None]
    misfits = tuple(f"{b.path} ({b.status}): {b.misfit}" for b in shown if b.misfit)
    return Hit(misfits=misfits) if misfits else None


@rule(
    "REST-SUNSET",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="A deprecated interface is in use",
    evidence="{what}",
    why="The server says that this resource is on its way out; whoever still builds on it has to "
    "move before it is gone.",
    fix={
        "any": "Move clients to the successor, {successor}; and switch off what is past its date, "
        "or move the date.",
    },
    references=("RFC 9745 §2", "RFC 8594 §3"),
    seed=("12.9.2",),
    good=_facts(lifecycle=Lifecycle()),
    bad=_facts(
        lifecycle=Lifecycle(
            deprecated=True, deprecated_in_seconds=-90 * _DAY, sunset_in_seconds=-_DAY,
            sunset="Sat, 21 Nov 2026 00:00:00 GMT",
        )
    ),
)  # fmt: skip
def sunset(http: HttpFacts) -> Verdict:
    """Deprecation, or a Sunset; said with how long it has been or still is."""
    if http.content is None or http.content.lifecycle is None:
        return _NOT_LOOKED
    life = http.content.lifecycle
    said = []
    if life.deprecated:
        said.append(f"deprecated {_when(life.deprecated_in_seconds)}")
    if life.sunset_in_seconds is not None:
        gone = life.sunset_in_seconds <= 0
        said.append(f"{'was to end' if gone else 'ends'} {_when(life.sunset_in_seconds)}")
    if not said:
        return None
    return Hit(what="; ".join(said), successor=life.successor or "which the documentation names")


def _when(seconds: int | None) -> str:
    if seconds is None or abs(seconds) < _DAY:
        return "today"
    days = abs(seconds) // _DAY
    return f"{days} days ago" if seconds < 0 else f"in {days} days"


@rule(
    "SSE-HEARTBEAT",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="An event stream is silent, held back or broken off",
    evidence="{what}",
    why="Proxies end what is silent for a minute or less, and buffers hold events back until they "
    "are full: the client sees late events, gaps, or nothing.",
    fix={
        "nginx": "# in the stream's location; or X-Accel-Buffering: no in the application's reply\n"
        "proxy_buffering off;\nproxy_read_timeout 1h;\ngzip off;",
        "caddy": "# hands events on as they come, without response_buffers\n"
        "reverse_proxy localhost:8080",
        "apache": "ProxyPass /events http://localhost:8080/events flushpackets=on timeout=3600",
        "envoy": ENVOY["events"],
        "haproxy": HAPROXY["events"],
        "any": "Send a comment line (a colon, then two line ends) every 15 s, and flush after "
        "each event.",
    },
    references=("HTML Living Standard, Server-sent events, Authoring notes",),
    seed=("12.8.2",),
    good=_facts(events=EventStream(seconds=40.0, events=3, comments=2, silence_seconds=15.0)),
    bad=_facts(events=EventStream(seconds=40.0, events=1, silence_seconds=39.0)),
    directives={"nginx": ("proxy_buffering",), "caddy": ("response_buffers",)},
)
def heartbeat(http: HttpFacts) -> Verdict:
    """Silence that proxies do not bear, an end after silence, or events that come in halves."""
    if http.config is not None:
        return file.heartbeat(http.config)
    if http.content is None:
        return _NOT_LOOKED
    if http.content.events is None:
        why = http.content.unknown.get("events")
        return Skip(why) if why else not_applicable("the representation is no event stream")
    heard = http.content.events
    if heard.cut_events:
        return Hit(what=f"{heard.cut_events} events came in parts, as out of a buffer")
    if heard.ended and (said := _how_it_ended(heard)):
        return Hit(what=said)
    if heard.silence_seconds >= (LONG_BEAT_SECONDS if heard.comments else LONG_SILENCE_SECONDS):
        return Hit(what=f"{heard.silence_seconds:.0f} s without a byte")
    if heard.seconds < TELLING_HOLD_SECONDS and not heard.comments:
        return Skip(f"heard for {heard.seconds:.0f} s only; --hold 40 hears a heartbeat")
    return None


def _how_it_ended(heard: EventStream) -> str:
    """Return what was wrong with a stream's end; empty where the server may have meant it.

    An idle timer ends a stream in its longest silence, a limit on the whole reply anywhere.
    """
    last = heard.ended_silent_seconds or 0.0
    timer = last > MOMENT_SECONDS and last >= heard.silence_seconds
    if heard.comments and heard.broken_off and timer:
        return f"the stream was broken off after {last:.1f} s of silence: comments come too seldom"
    if not heard.comments and last > MOMENT_SECONDS and (timer or not heard.broken_off):
        return f"the stream was ended after {last:.1f} s of silence and no comment"
    if not heard.broken_off:
        return ""
    told = "though it was not silent: a limit on how long a reply may take"
    return f"the stream was broken off after {heard.seconds:.1f} s, {told}"
