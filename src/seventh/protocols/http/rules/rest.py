"""Rules on APIs: their description, errors, types and end, and event streams."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Api, Body, EventStream, Lifecycle
from seventh.protocols.http.rules import file
from seventh.protocols.http.rules.caching_examples import (
    JSON,
    JSON_ERROR,
    NOT_LOOKED,
    PROBLEM,
    content,
)
from seventh.protocols.http.rules.proxy_fixes import ENVOY, HAPROXY
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

TELLING_HOLD_SECONDS = 30.0
"""Long enough to receive a heartbeat every 15 s, as the HTML standard advises."""
LONG_SILENCE_SECONDS = 25.0
LONG_BEAT_SECONDS = 50.0
"""With a heartbeat: shorter than a proxy's idle timeout of a minute."""
MOMENT_SECONDS = 0.2
"""Shorter gaps are not silence."""
_PAGES = not_applicable("the site serves web pages, not an API")
_DAY = 86400


def _api(http: HttpFacts) -> Api | Skip:
    if http.content is None or http.content.api is None:
        return NOT_LOOKED
    return http.content.api if http.content.api.speaks else _PAGES


@rule(
    "REST-SCHEMA",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="No machine-readable description of the API",
    evidence="{what}",
    phrases={"what": {
        "missing": "no description found at {paths}",
        "violated": "responses violate {description}: {detail}",
    }},
    why="Clients, tests and gateways are generated from a description. Without one, every user "
    "writes their own by trial; one that responses violate breaks them all.",
    fix={
        "any": "Serve an OpenAPI description at /openapi.json, link it from each response "
        "(Link: </openapi.json>; rel=service-desc), and test responses against it.",
        "nginx": 'add_header Link "</openapi.json>; rel=service-desc" always;',
        "caddy": 'header Link "</openapi.json>; rel=service-desc"',
        "apache": 'Header always set Link "</openapi.json>; rel=service-desc"',
    },
    references=("OpenAPI Specification", "RFC 8631", "RFC 9727"),
    seed=("12.6.1",),
    good=content(
        api=Api(speaks=True, described_at="/openapi.json", description="OpenAPI 3.1.0", checked=1)
    ),
    bad=content(api=Api(speaks=True, looked_at=("/openapi.json",))),
)  # fmt: skip
def schema(http: HttpFacts) -> Verdict:
    """Report a missing description, or responses that violate it."""
    api = _api(http)
    if isinstance(api, Skip):
        return api
    if api.violations:
        detail = "; ".join(api.violations)
        return Hit(Severity.MEDIUM, what="violated", description=api.description, detail=detail)
    if api.described_at is not None:
        return None
    if not api.looked_at:
        return Skip("no description was requested")
    return Hit(what="missing", paths=api.looked_at)


@rule(
    "REST-ERRORS",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Errors are not problem details",
    evidence="{what}",
    phrases={"what": {
        "not-an-error": "a path that does not exist returns {status}",
        "other-type": "{status} with Content-Type {content_type}, although the request asks for "
        "problem details",
        "not-problem": "{status} with Content-Type {content_type}, but the content is not a "
        "problem details object",
        "no-type": "{status} without Content-Type, although the request asks for problem details",
    }},
    why="A client can handle an error only if it can parse it: problem details have one form for "
    "all services, with a type that programs can compare.",
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
        "any": "Return errors with Content-Type: application/problem+json and an object with type, "
        "title and status.",
    },
    references=("RFC 9457 §3",),
    seed=("12.6.1",),
    good=content(api=Api(speaks=True), error=PROBLEM),
    bad=content(api=Api(speaks=True), error=JSON_ERROR),
)  # fmt: skip
def error_format(http: HttpFacts) -> Verdict:
    """Judge an API's response for a missing path to a request for problem details."""
    api = _api(http)
    if isinstance(api, Skip):
        return api
    assert http.content is not None  # noqa: S101 - there is no Api without it
    error = http.content.error
    if error is None:
        return Skip("no response was received for a path that does not exist")
    if error.problem and error.status >= 400:
        return None
    if error.status < 400:
        return Hit(what="not-an-error", status=error.status)
    what = "other-type" if error.declared else "no-type"
    if "/problem+" in error.declared:
        what = "not-problem"
    return Hit(what=what, status=error.status, content_type=error.declared)


@rule(
    "REST-CTYPE",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Content-Type does not match the content",
    evidence="Content-Type and content differ: {misfits}",
    why="Clients handle content by its type. With a wrong one it is not parsed, or is rendered as "
    "a page (JSON rendered as HTML allows script injection).",
    fix={
        "nginx": "# in the API's location; the default for responses without a type\n"
        "default_type application/json;\nadd_header X-Content-Type-Options nosniff always;",
        "caddy": "header /api/* Content-Type application/json\n"
        "header X-Content-Type-Options nosniff",
        "apache": '<Location "/api">\n    ForceType application/json\n</Location>\n'
        "Header always set X-Content-Type-Options nosniff",
        "any": "Send the Content-Type that matches the content: application/json for JSON.",
    },
    references=("RFC 9110 §8.3",),
    seed=("12.6.1",),
    good=content(content=JSON, error=PROBLEM),
    bad=content(
        content=Body(
            path="/", status=200, declared="text/html", seen="json",
            misfit="text/html, content JSON",
        )
    ),
)  # fmt: skip
def content_type(http: HttpFacts) -> Verdict:
    """Report a declared type that differs from the content, of the page and of an error."""
    if http.content is None or http.content.content is None:
        return NOT_LOOKED
    shown = [body for body in (http.content.content, http.content.error) if body is not None]
    misfits = tuple(f"{b.path} ({b.status}): {b.misfit}" for b in shown if b.misfit)
    return Hit(misfits=misfits) if misfits else None


@rule(
    "REST-SUNSET",
    Severity.INFO,
    tier=1,
    source=Source.WIRE,
    title="Resource is deprecated or about to be removed",
    evidence="the resource {what}",
    phrases={
        "what": {
            "deprecated-past": "has been deprecated for {deprecated_days} d",
            "deprecated-today": "is deprecated from today",
            "deprecated": "is deprecated",
            "deprecated-future": "will be deprecated in {deprecated_days} d",
            "sunset-past": "was to be removed {sunset_days} d ago",
            "sunset-today": "is to be removed today",
            "sunset-future": "is to be removed in {sunset_days} d",
        },
        "successor": {
            "linked": "the successor, {link}",
            "unknown": "the successor that its documentation names",
        },
    },
    why="The server announces the removal of this resource. Clients that still use it fail once it "
    "is removed.",
    fix={
        "any": "Migrate clients to {successor}. Remove the resource when its date has passed, or "
        "postpone the date.",
    },
    references=("RFC 9745 §2", "RFC 8594 §3"),
    seed=("12.9.2",),
    good=content(lifecycle=Lifecycle()),
    bad=content(
        lifecycle=Lifecycle(
            deprecated=True, deprecated_in_seconds=-90 * _DAY, sunset_in_seconds=-_DAY,
            sunset="Sat, 21 Nov 2026 00:00:00 GMT",
        )
    ),
)  # fmt: skip
def sunset(http: HttpFacts) -> Verdict:
    """Report Deprecation or Sunset, with how long ago or how far ahead."""
    if http.content is None or http.content.lifecycle is None:
        return NOT_LOOKED
    life = http.content.lifecycle
    what: list[str] = []
    if life.deprecated:
        what.append(f"deprecated{_when(life.deprecated_in_seconds)}")
    if life.sunset_in_seconds is not None:
        what.append(f"sunset{_when(life.sunset_in_seconds)}")
    if not what:
        return None
    return Hit(
        what=tuple(what),
        deprecated_days=abs(life.deprecated_in_seconds or 0) // _DAY,
        sunset_days=abs(life.sunset_in_seconds or 0) // _DAY,
        successor="linked" if life.successor else "unknown",
        link=life.successor or "",
    )


def _when(seconds: int | None) -> str:
    """Return the end of a code for a date so many seconds ahead; empty where it is not known."""
    if seconds is None:
        return ""
    if abs(seconds) < _DAY:
        return "-today"
    return "-past" if seconds < 0 else "-future"


@rule(
    "SSE-HEARTBEAT",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Event stream is silent, buffered or cut off",
    evidence="{what}",
    phrases={"what": {
        "buffered": "events arrived in parts, which a buffer causes ({count} of them)",
        "silent": "no data for {seconds} s",
        "rare-heartbeats": "the stream was cut off after {seconds} s of silence: its comments are "
        "too rare",
        "no-heartbeats": "the stream ended after {seconds} s of silence, without comments",
        "time-limit": "the stream was cut off after {seconds} s although it was not silent: the "
        "duration of a response is limited",
        "nginx": "proxy_buffering is on: events wait until a buffer is full, unless each response "
        "has X-Accel-Buffering: no",
        "caddy": "response_buffers delays events until a buffer is full or the response ends",
    }},
    why="Proxies close connections that are silent for a minute or less, and buffers delay events "
    "until they are full: clients see late events, gaps, or nothing.",
    fix={
        "nginx": "# in the stream's location; X-Accel-Buffering: no in the response does the same\n"
        "proxy_buffering off;\nproxy_read_timeout 1h;\ngzip off;",
        "caddy": "# forwards events at once when response_buffers is not set\n"
        "reverse_proxy localhost:8080",
        "apache": "ProxyPass /events http://localhost:8080/events flushpackets=on timeout=3600",
        "envoy": ENVOY["events"],
        "haproxy": HAPROXY["events"],
        "any": "Send a comment line (a colon and an empty line) every 15 s, and flush after each "
        "event.",
    },
    references=("HTML Living Standard, Server-sent events, Authoring notes",),
    seed=("12.8.2",),
    good=content(events=EventStream(seconds=40.0, events=3, comments=2, silence_seconds=15.0)),
    bad=content(events=EventStream(seconds=40.0, events=1, silence_seconds=39.0)),
    choice=("caddy",),
    directives={"nginx": ("proxy_buffering", "proxy_pass"), "caddy": ("response_buffers",)},
)  # fmt: skip
def heartbeat(http: HttpFacts) -> Verdict:
    """Report silence that outlasts proxies, an end after silence, or events that come in parts."""
    if http.config is not None:
        return file.heartbeat(http.config)
    if http.content is None:
        return NOT_LOOKED
    if http.content.events is None:
        why = http.content.unknown.get("events")
        return Skip(why) if why else not_applicable("the content is not an event stream")
    stream = http.content.events
    if stream.cut_events:
        return Hit(what="buffered", count=stream.cut_events)
    if stream.ended and (hit := _bad_end(stream)):
        return hit
    limit = LONG_BEAT_SECONDS if stream.comments else LONG_SILENCE_SECONDS
    if stream.silence_seconds >= limit:
        return Hit(what="silent", seconds=f"{stream.silence_seconds:.0f}")
    if stream.seconds < TELLING_HOLD_SECONDS and not stream.comments:
        return Skip(f"{stream.seconds:.0f} s are too short to receive a heartbeat: give --hold 40")
    return None


def _bad_end(stream: EventStream) -> Hit | None:
    """Return what was wrong with a stream's end; None where the server may have intended it.

    An idle timer ends a stream in its longest silence, a limit on the whole response anywhere.
    """
    last = stream.ended_silent_seconds or 0.0
    timer = last > MOMENT_SECONDS and last >= stream.silence_seconds
    if stream.comments and stream.broken_off and timer:
        return Hit(what="rare-heartbeats", seconds=f"{last:.1f}")
    if not stream.comments and last > MOMENT_SECONDS and (timer or not stream.broken_off):
        return Hit(what="no-heartbeats", seconds=f"{last:.1f}")
    if not stream.broken_off:
        return None
    return Hit(what="time-limit", seconds=f"{stream.seconds:.1f}")
