"""APIs and event streams: each rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Api, Body, ContentFacts, EventStream, Lifecycle
from seventh.protocols.http.rules import rest
from seventh.rules.rule import Hit
from seventh.rules.words import filled
from tests.verdicts import said

UNSEEN = "skip: the content was not checked"
PAGES = "not applicable: the site serves web pages, not an API"
HOUR = 3600
DAY = 24 * HOUR


def facts(**parts: Any) -> HttpFacts:
    return HttpFacts(content=ContentFacts(**parts))


@pytest.mark.parametrize(
    ("api", "line"),
    [
        (None, UNSEEN),
        (Api(looked_at=("/a",)), PAGES),
        (Api(speaks=True), "skip: no description was requested"),
        (Api(speaks=True, looked_at=("/a", "/b")), "info: no description found at /a, /b"),
        (Api(speaks=True, looked_at=("/a",), described_at="/a"), "pass"),
        (Api(speaks=True, described_at="/a", description="OpenAPI 3.1.0", violations=("x", "y")),
         "medium: responses violate OpenAPI 3.1.0: x; y"),
    ],
)  # fmt: skip
def test_descriptions(api: Api | None, line: str) -> None:
    assert said(rest.schema, facts(api=api)) == line
    assert said(rest.schema, HttpFacts()) == UNSEEN


def error(status: int, declared: str, *, problem: bool = False) -> Body:
    return Body(path="/no", status=status, declared=declared, problem=problem)


@pytest.mark.parametrize(
    ("found", "line"),
    [
        (None, "skip: no response was received for a path that does not exist"),
        (error(400, "application/problem+json", problem=True), "pass"),
        (error(399, "application/problem+json", problem=True),
         "info: a path that does not exist returns 399"),
        (error(399, "application/json"), "info: a path that does not exist returns 399"),
        (error(400, "application/json"), ("info: 400 with Content-Type application/json, although "
         "the request asks for problem details")),
        (error(404, ""),
         "info: 404 without Content-Type, although the request asks for problem details"),
        (error(404, "application/problem+xml"), ("info: 404 with Content-Type "
         "application/problem+xml, but the content is not a problem details object")),
    ],
)  # fmt: skip
def test_errors(found: Body | None, line: str) -> None:
    assert said(rest.error_format, facts(api=Api(speaks=True), error=found)) == line
    assert said(rest.error_format, facts(api=Api(), error=found)) == PAGES
    assert said(rest.error_format, facts(error=found)) == UNSEEN


HTML = Body(path="/", status=200, misfit="text/html, content JSON")
JSON = Body(path="/", status=200)
ERROR = Body(path="/no", status=404, misfit="application/json, content HTML")


@pytest.mark.parametrize(
    ("parts", "line"),
    [
        ({}, UNSEEN),
        ({"error": ERROR}, UNSEEN),
        ({"content": JSON}, "pass"),
        ({"content": HTML},
         "info: Content-Type and content differ: / (200): text/html, content JSON"),
        ({"content": JSON, "error": ERROR},
         "info: Content-Type and content differ: /no (404): application/json, content HTML"),
        ({"content": HTML, "error": ERROR},
         ("info: Content-Type and content differ: / (200): text/html, content JSON, "
         "/no (404): application/json, content HTML")),
    ],
)  # fmt: skip
def test_types(parts: dict[str, Any], line: str) -> None:
    assert said(rest.content_type, facts(**parts)) == line
    assert said(rest.content_type, HttpFacts()) == UNSEEN


DEPRECATED: dict[str, Any] = {"deprecated": True}


@pytest.mark.parametrize(
    ("life", "line"),
    [
        ({}, "pass"),
        ({"deprecated_in_seconds": -DAY}, "pass"),
        (DEPRECATED, "info: the resource is deprecated"),
        ({**DEPRECATED, "deprecated_in_seconds": 0},
         "info: the resource is deprecated from today"),
        ({**DEPRECATED, "deprecated_in_seconds": -DAY + 1},
         "info: the resource is deprecated from today"),
        ({**DEPRECATED, "deprecated_in_seconds": -DAY},
         "info: the resource has been deprecated for 1 d"),
        ({**DEPRECATED, "deprecated_in_seconds": -90 * DAY - HOUR},
         "info: the resource has been deprecated for 90 d"),
        ({**DEPRECATED, "deprecated_in_seconds": DAY - 1},
         "info: the resource is deprecated from today"),
        ({**DEPRECATED, "deprecated_in_seconds": DAY},
         "info: the resource will be deprecated in 1 d"),
        ({"sunset_in_seconds": 0}, "info: the resource is to be removed today"),
        ({"sunset_in_seconds": DAY - 1}, "info: the resource is to be removed today"),
        ({"sunset_in_seconds": 3 * DAY - 1}, "info: the resource is to be removed in 2 d"),
        ({"sunset_in_seconds": -3 * DAY}, "info: the resource was to be removed 3 d ago"),
        ({**DEPRECATED, "deprecated_in_seconds": -2 * DAY, "sunset_in_seconds": 5 * DAY},
         "info: the resource has been deprecated for 2 d; is to be removed in 5 d"),
    ],
)  # fmt: skip
def test_the_end_of_a_resource(life: dict[str, Any], line: str) -> None:
    assert said(rest.sunset, facts(lifecycle=Lifecycle(**life))) == line


def test_an_end_that_is_not_known() -> None:
    assert said(rest.sunset, HttpFacts()) == said(rest.sunset, facts()) == UNSEEN


@pytest.mark.parametrize(
    ("link", "where"),
    [("/v2", "the successor, /v2"), (None, "the successor that its documentation names")],
)
def test_where_clients_go(link: str | None, where: str) -> None:
    verdict = rest.sunset(facts(lifecycle=Lifecycle(deprecated=True, successor=link)))
    assert isinstance(verdict, Hit)
    assert verdict.params["link"] == (link or "")
    assert filled(rest.sunset.words, verdict.params).fix["any"] == (
        f"Migrate clients to {where}. Remove the resource when its date has passed, or postpone "
        "the date."
    )


NO_BEATS = "medium: the stream ended after {} s of silence, without comments"
LIMITED = (
    "medium: the stream was cut off after {} s although it was not silent: the duration of a "
    "response is limited"
)
SHORT = "skip: {} s are too short to receive a heartbeat: give --hold 40"


@pytest.mark.parametrize(
    ("heard", "line"),
    [
        ({"seconds": 40.0, "cut_events": 1},
         "medium: events arrived in parts, which a buffer causes (1 of them)"),
        ({"seconds": 40.0, "silence_seconds": 24.9}, "pass"),
        ({"seconds": 40.0, "silence_seconds": 25.0}, "medium: no data for 25 s"),
        ({"seconds": 60.0, "silence_seconds": 49.9, "comments": 1}, "pass"),
        ({"seconds": 60.0, "silence_seconds": 50.0, "comments": 1}, "medium: no data for 50 s"),
        ({"seconds": 29.9, "silence_seconds": 1.0}, SHORT.format(30)),
        ({"seconds": 29.4, "silence_seconds": 1.0}, SHORT.format(29)),
        ({"seconds": 30.0, "silence_seconds": 1.0}, "pass"),
        ({"seconds": 5.0, "comments": 1}, "pass"),
        # The end, without comments: of the server's own will only after hardly any silence.
        ({"seconds": 9.0, "ended": True, "ended_silent_seconds": 0.2}, SHORT.format(9)),
        ({"seconds": 9.0, "ended": True}, SHORT.format(9)),
        ({"seconds": 9.0, "ended": True, "ended_silent_seconds": 0.21, "silence_seconds": 8.0},
         NO_BEATS.format("0.2")),
        ({"seconds": 9.0, "ended_silent_seconds": 3.0, "silence_seconds": 3.0}, SHORT.format(9)),
        # Cut off: in the longest silence by an idle timer, elsewhere by a limit on the whole.
        ({"seconds": 9.0, "ended": True, "broken_off": True, "silence_seconds": 3.0,
          "ended_silent_seconds": 3.0}, NO_BEATS.format("3.0")),
        ({"seconds": 9.0, "ended": True, "broken_off": True, "silence_seconds": 3.1,
          "ended_silent_seconds": 3.0}, LIMITED.format("9.0")),
        ({"seconds": 9.0, "ended": True, "broken_off": True, "silence_seconds": 0.2,
          "ended_silent_seconds": 0.2}, LIMITED.format("9.0")),
        ({"seconds": 9.0, "ended": True, "broken_off": True}, LIMITED.format("9.0")),
        # With comments.
        ({"seconds": 9.0, "comments": 1, "ended": True, "broken_off": True,
          "silence_seconds": 3.0, "ended_silent_seconds": 3.0},
         "medium: the stream was cut off after 3.0 s of silence: its comments are too rare"),
        ({"seconds": 9.0, "comments": 1, "ended": True, "broken_off": True,
          "silence_seconds": 3.1, "ended_silent_seconds": 3.0}, LIMITED.format("9.0")),
        ({"seconds": 9.0, "comments": 1, "ended": True, "silence_seconds": 3.0,
          "ended_silent_seconds": 3.0}, "pass"),
        ({"seconds": 70.0, "comments": 1, "ended": True, "silence_seconds": 60.0,
          "ended_silent_seconds": 3.0}, "medium: no data for 60 s"),
    ],
)  # fmt: skip
def test_event_streams(heard: dict[str, Any], line: str) -> None:
    assert said(rest.heartbeat, facts(events=EventStream(**heard))) == line


def test_no_event_stream() -> None:
    assert said(rest.heartbeat, HttpFacts()) == UNSEEN
    none = "not applicable: the content is not an event stream"
    assert said(rest.heartbeat, facts()) == none
    cut = facts(unknown={"events": "the check ended first"})
    assert said(rest.heartbeat, cut) == "skip: the check ended first"
