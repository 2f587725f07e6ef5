"""The borders of the rules on versions: what was tried, what differs, what is slow."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.http.facts.alternatives import Advertised, Alternative, AltService
from seventh.protocols.http.facts.versions import Rung
from seventh.protocols.http.rules.examples import GOOD, H1, H2, H3, cells
from seventh.protocols.http.rules.versions import (
    MIN_SAMPLES,
    SLOW_THINK_SECONDS,
    fallback,
    h3_dead,
    h3_hidden,
    no_h2,
    no_h3,
    ttfb,
)
from seventh.rules.rule import AnyRule, Hit, Skip
from seventh.rules.words import filled

NO_H2 = Rung(version="2", state="not-offered", detail="no h2")
BROKEN_H2 = Rung(version="2", state="broken", detail="reset", field="keep-alive")
UNTRIED = Rung(version="2", state="untried", detail="--via carries TCP only")
PLACE = Alternative(
    by=("Alt-Svc",), protocol="h2", host="alt.example", port=8443, outcome="works", version="2",
    status=200, content_type="text/html",
)  # fmt: skip


def evidence(rule: AnyRule, verdict: object) -> str:
    assert isinstance(verdict, Hit)
    return filled(rule.words, verdict.params).evidence


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"ladder": (H3, NO_H2, H1)}, Hit),
        ({"ladder": (H3, NO_H2, H1), "only_version": "2"}, Hit),
        ({"ladder": (H3, NO_H2, H1), "only_version": "1.1"}, Skip),
        ({"ladder": (H3, NO_H2, H1), "secure": False}, Skip),
        ({"ladder": (H3, NO_H2, H1), "secure": None}, Hit),
        ({"ladder": (H3, H1)}, Skip),
        ({"ladder": (H3, UNTRIED, H1)}, Skip),
        ({"ladder": (H3, BROKEN_H2, H1)}, type(None)),
        ({"ladder": (H3, H2, H1), "version": "1.1"}, Hit),
    ],
)
def test_what_was_tried(facts: dict[str, Any], kind: type) -> None:
    assert isinstance(no_h2(GOOD.learn(**facts)), kind)


@pytest.mark.parametrize(
    ("state", "alt_svc", "rules"),
    [
        ("works", True, set()), ("works", False, {"hidden"}),
        ("broken", True, {"dead"}), ("broken", False, set()),
        ("not-offered", True, {"dead", "none"}), ("not-offered", False, {"none"}),
    ],
)  # fmt: skip
def test_http_3_as_announced(state: Any, alt_svc: bool, rules: set[str]) -> None:
    services = (AltService(protocol="h3", port=443),) if alt_svc else ()
    facts = GOOD.learn(
        ladder=(Rung(version="3", state=state, detail="x"), H2, H1), alternatives=(),
        advertised=Advertised(alt_svc=services),
    )  # fmt: skip
    judged = {"none": no_h3, "dead": h3_dead, "hidden": h3_hidden}
    assert {name for name, rule in judged.items() if isinstance(rule(facts), Hit)} == rules


def test_a_dead_place_beside_one_that_works() -> None:
    dead = replace(PLACE, protocol="h3", outcome="failed", detail="no reply", address="192.0.2.9")
    facts = GOOD.learn(alternatives=(dead,))
    text = evidence(h3_dead, h3_dead(facts))
    assert text == (
        "h3 is announced (Alt-Svc, HTTPS record), but one announced endpoint fails: "
        "alt.example:8443 at 192.0.2.9: no reply; another one works"
    )
    verdict = h3_dead(facts)
    assert isinstance(verdict, Hit) and verdict.params["host"] == "www.example.org"
    assert isinstance(h3_dead(GOOD.learn(only_version="2", alternatives=())), Skip)
    assert isinstance(h3_dead(GOOD.learn(only_version="2", alternatives=(dead,))), Hit)


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        (
            {"ladder": (H3, BROKEN_H2, H1)},
            (
                "broken: HTTP/2 (reset); TLS selects HTTP/2, and clients that negotiated it do not "
                "fall back to HTTP/1.1"
            ),
        ),
        (
            {"ladder": (H3, BROKEN_H2, replace(BROKEN_H2, version="1.1"))},
            "broken: HTTP/2 and HTTP/1.1 (reset)",
        ),
        (
            {"ladder": (H3, H2, replace(H1, status=404))},
            "the status differs by version (HTTP/3: 200, HTTP/2: 200, HTTP/1.1: 404)",
        ),
        (
            {"ladder": (H2, replace(H1, content_type=""))},
            "the content type differs by version (HTTP/2: text/html, HTTP/1.1: none)",
        ),
        (
            {"alternatives": (replace(PLACE, outcome="failed", detail="refused"),)},
            "broken alternative service: h2 on alt.example:8443 (Alt-Svc): refused",
        ),
        (
            {"alternatives": (replace(PLACE, status=404),)},
            (
                "an alternative service answers differently from the origin: "
                "h2 on alt.example:8443 (Alt-Svc): 404, origin: 200"
            ),
        ),
        (
            {"alternatives": (replace(PLACE, content_type=""),)},
            (
                "an alternative service answers differently from the origin: "
                "h2 on alt.example:8443 (Alt-Svc): none, origin: text/html"
            ),
        ),
        (
            {"ladder": (H2, Rung(version="1.1", state="not-offered", detail="no ALPN"))},
            "HTTP/1.1 not supported: no ALPN",
        ),
    ],
)
def test_what_breaks_fallback(facts: dict[str, Any], text: str) -> None:
    assert evidence(fallback, fallback(GOOD.learn(**facts))) == text


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        ({"alternatives": (PLACE,)}, type(None)),
        ({"alternatives": (replace(PLACE, status=429),)}, type(None)),
        ({"alternatives": (replace(PLACE, status=404, outcome="untried"),)}, type(None)),
        ({"alternatives": (replace(PLACE, status=404),), "ladder": (BROKEN_H2, H1)}, Hit),
        ({"alternatives": (replace(PLACE, protocol="h3", outcome="failed"),)}, type(None)),
        ({"ladder": (replace(BROKEN_H2, version="3"), H2, H1)}, type(None)),
        ({"ladder": (H2,)}, Skip),
        ({"ladder": (BROKEN_H2, replace(H1, state="broken"))}, Skip),
        ({"only_version": "2"}, Skip),
        ({"secure": False}, Skip),
    ],
)
def test_what_does_not_break_fallback(facts: dict[str, Any], kind: type) -> None:
    assert isinstance(fallback(GOOD.learn(**facts)), kind)


def test_the_field_that_breaks_a_version() -> None:
    verdict = fallback(GOOD.learn(ladder=(BROKEN_H2, H1)))
    assert isinstance(verdict, Hit) and verdict.params["field"] == "Keep-Alive"
    assert verdict.severity is None
    verdict = fallback(GOOD.learn(ladder=(replace(BROKEN_H2, field=""), H1)))
    assert isinstance(verdict, Hit) and verdict.params["field"] == "Upgrade"


def test_how_slow_is_slow() -> None:
    assert ttfb(GOOD.learn(cells=cells(SLOW_THINK_SECONDS))) is None
    verdict = ttfb(GOOD.learn(cells=cells(SLOW_THINK_SECONDS + 0.001)))
    assert isinstance(verdict, Hit)
    assert (verdict.severity or Severity.MEDIUM, verdict.params) == (
        Severity.MEDIUM, {"count": 3, "fastest": 501},
    )  # fmt: skip
    few = cells(9.0)[: MIN_SAMPLES - 1]
    assert isinstance(ttfb(GOOD.learn(cells=few)), Skip)
    assert isinstance(ttfb(GOOD.learn(cells=few, thinks_seconds=(0.9,))), Hit)
    assert ttfb(GOOD.learn(cells=few, thinks_seconds=(0.1,))) is None
