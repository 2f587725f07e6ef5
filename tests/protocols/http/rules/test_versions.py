"""Versions: what was tried, what is announced, what differs, what is slow; whole verdicts."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.alternatives import Advertised, Alternative, AltService
from seventh.protocols.http.facts.versions import Cell, Rung
from seventh.protocols.http.rules.versions import fallback, h3_dead, h3_hidden, no_h2, no_h3, ttfb
from seventh.rules.rule import Hit
from seventh.rules.words import filled
from tests.verdicts import said


def rung(version: str, state: Any = "works", **fields: Any) -> Rung:
    known: dict[str, Any] = {"status": 200, "content_type": "text/html"}
    return Rung(version=version, state=state, **((known if state == "works" else {}) | fields))


H1, H2, H3 = (rung(version) for version in ("1.1", "2", "3"))
NO_H2 = rung("2", "not-offered", detail="no h2")
BROKEN_H2 = rung("2", "broken", detail="reset", field="keep-alive")
NO_H3 = rung("3", "not-offered", detail="no QUIC packet came back")
BROKEN_H3 = rung("3", "broken", detail="no QUIC packet came back in 3 s")
ALT_SVC = Advertised(alt_svc=(AltService(protocol="h3", port=443),))
RECORD = Advertised(alt_svc=(), https_alpn=("h2", "h3"))
BOTH = Advertised(alt_svc=ALT_SVC.alt_svc, https_alpn=("h3",))
SILENT = Advertised(alt_svc=())
PLACE = Alternative(
    by=("Alt-Svc",), protocol="h2", host="alt.example", port=8443, outcome="works", version="2",
    status=200, content_type="text/html",
)  # fmt: skip
DEAD = replace(PLACE, protocol="h3", outcome="failed", detail="no reply", address="192.0.2.9")


def site(*ladder: Rung, **fields: Any) -> HttpFacts:
    known: dict[str, Any] = {
        "url": "https://www.example.org:8443/a", "secure": True, "version": "2", "ladder": ladder
    }  # fmt: skip
    return HttpFacts(**(known | fields))


CLEARTEXT = "not applicable: no version is negotiated over plain HTTP"
ONLY_2 = "skip: only HTTP/2 was requested (--http-version)"
ONLY_1 = "skip: only HTTP/1.1 was requested (--http-version)"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (site(H3, H2, H1), "pass"),
        (site(H3, NO_H2, H1), "low: HTTP/2 is not negotiated: no h2"),
        (site(rung("2", "not-offered"), H1),
         "low: HTTP/2 is not negotiated: the server selects http/1.1"),
        (site(rung("2", "not-offered", detail="sent it", error="HTTP_1_1_REQUIRED"), H1),
         "low: the server requires HTTP/1.1 here: sent it"),
        (site(rung("2", "not-offered", detail="sent it", error="PROTOCOL_ERROR"), H1),
         "low: HTTP/2 is not negotiated: sent it"),
        (site(H2, H1, version="1.1"), ("low: the server prefers http/1.1 in ALPN; it selects h2 "
         "only when the client offers nothing else")),
        (site(BROKEN_H2, H1, version="1.1"), "pass"),  # judged by HTTP-FALLBACK
        (site(NO_H2, H1, version="1.1"), "low: HTTP/2 is not negotiated: no h2"),
        (site(NO_H2, secure=False), CLEARTEXT),
        (site(NO_H2, secure=None), "low: HTTP/2 is not negotiated: no h2"),
        (site(NO_H2, only_version="2"), "low: HTTP/2 is not negotiated: no h2"),
        (site(NO_H2, only_version="1.1"), ONLY_1),
        (site(H3, H1), "skip: HTTP/2 was not tried"),
        (site(rung("2", "untried", detail="no time left")), "skip: no time left"),
    ],
)  # fmt: skip
def test_http_2(facts: HttpFacts, line: str) -> None:
    assert said(no_h2, facts) == line


UNTOLD = "skip: no response showed whether HTTP/3 is announced"
UNANNOUNCED = "medium: HTTP/3 works, but neither Alt-Svc nor an HTTPS record announces it"
MISSING = "low: no QUIC packet came back"
FAILS = "high: h3 is announced ({}), but it fails: {}"
ONE_FAILS = "one announced endpoint fails: {}; another one works"
AT = "alt.example:8443 at 192.0.2.9: no reply"


@pytest.mark.parametrize(
    ("facts", "none", "dead", "hidden"),
    [
        (site(H3, advertised=ALT_SVC), "pass", "pass", "pass"),
        (site(H3, advertised=RECORD), "pass", "pass", "pass"),
        (site(H3, advertised=SILENT), "pass", "pass", UNANNOUNCED),
        (site(H3, advertised=Advertised(alt_svc=(AltService(protocol="h2", port=443),))),
         "pass", "pass", UNANNOUNCED),
        (site(NO_H3, advertised=SILENT), MISSING, "pass", "pass"),
        (site(BROKEN_H3, advertised=SILENT), "pass", "pass", "pass"),
        (site(BROKEN_H3, advertised=BOTH), "pass",
         FAILS.format("Alt-Svc, HTTPS record", "no QUIC packet came back in 3 s"), "pass"),
        (site(NO_H3, advertised=RECORD), MISSING,
         FAILS.format("HTTPS record", "no QUIC packet came back"), "pass"),
        (site(BROKEN_H3, advertised=ALT_SVC, alternatives=(DEAD,)), "pass",
         FAILS.format("Alt-Svc", AT), "pass"),
        (site(H3, advertised=ALT_SVC, alternatives=(DEAD, replace(DEAD, address=""))), "pass",
         "high: h3 is announced (Alt-Svc), but "
         + ONE_FAILS.format(f"{AT}; alt.example:8443: no reply"), "pass"),
        (site(H3, advertised=ALT_SVC, alternatives=(replace(DEAD, protocol="h2"),)), "pass",
         "pass", "pass"),
        (site(H3, advertised=ALT_SVC, alternatives=(replace(DEAD, outcome="untried"),)), "pass",
         "pass", "pass"),
        (site(H2, advertised=ALT_SVC, alternatives=(DEAD,), only_version="2"), ONLY_2,
         f"high: h3 is announced (Alt-Svc), but {ONE_FAILS.format(AT)}", ONLY_2),
        (site(H2, advertised=SILENT, alternatives=(DEAD,), only_version="2"), ONLY_2, "pass",
         ONLY_2),
        (site(H2, advertised=ALT_SVC, only_version="2"), ONLY_2, ONLY_2, ONLY_2),
        (site(H3), "pass", UNTOLD, UNTOLD),
        (site(H3, advertised=Advertised()), "pass", "pass", UNTOLD),
        (site(H3, advertised=SILENT, secure=False), CLEARTEXT, CLEARTEXT, CLEARTEXT),
    ],
)  # fmt: skip
def test_http_3(facts: HttpFacts, none: str, dead: str, hidden: str) -> None:
    assert (said(no_h3, facts), said(h3_dead, facts), said(h3_hidden, facts)) == (
        none, dead, hidden
    )  # fmt: skip


@pytest.mark.parametrize(
    ("url", "owner"),
    [
        ("https://www.example.org:8443/a", "www.example.org."),
        ("https://www.example.org", "www.example.org."),
        ("https://192.0.2.1/", "@"),
        ("https://[2001:db8::1]:8443/", "@"),
        ("", "@"),
    ],
)
def test_the_record_without_h3(url: str, owner: str) -> None:
    verdict = h3_dead(site(BROKEN_H3, advertised=RECORD, url=url))
    assert isinstance(verdict, Hit)
    assert filled(h3_dead.words, verdict.params).fix["dns"] == f'{owner} HTTPS 1 . alpn="h2"'


BROKEN = "high: broken: HTTP/2 (reset)"
STUCK = "TLS selects HTTP/2, and clients that negotiated it do not fall back to HTTP/1.1"
DIFFERS = "high: an alternative service answers differently from the origin:"
OVER_H2 = "h2 on alt.example:8443 (Alt-Svc):"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (site(H3, H2, H1), "pass"),
        (site(H3, H1), "pass"),
        (site(BROKEN_H3, H2, H1), "pass"),  # judged by HTTP-H3-DEAD
        (site(BROKEN_H2, H1), f"{BROKEN}; {STUCK}"),
        (site(H3, BROKEN_H2, replace(BROKEN_H2, version="1.1")),
         "high: broken: HTTP/2 and HTTP/1.1 (reset)"),
        (site(H3, BROKEN_H2, rung("1.1", "broken", detail="closed")),
         "high: broken: HTTP/2 (reset), HTTP/1.1 (closed)"),
        (site(H2, rung("1.1", "broken", detail="closed")), "high: broken: HTTP/1.1 (closed)"),
        (site(H3, H2, replace(H1, status=404)),
         "high: the status differs by version (HTTP/3: 200, HTTP/2: 200, HTTP/1.1: 404)"),
        (site(H2, replace(H1, content_type="")),
         "high: the content type differs by version (HTTP/2: text/html, HTTP/1.1: none)"),
        (site(H2, replace(H1, status=429, content_type="text/plain")), "pass"),
        (site(H2, replace(H1, status=503, content_type="text/plain")), "pass"),
        (site(H2, replace(H1, status=500)),
         "high: the status differs by version (HTTP/2: 200, HTTP/1.1: 500)"),
        (site(H2, rung("1.1", "not-offered", detail="no ALPN")),
         "medium: HTTP/1.1 not supported: no ALPN"),
        (site(H3, BROKEN_H2, rung("1.1", "not-offered", detail="no ALPN")),
         f"{BROKEN}; HTTP/1.1 not supported: no ALPN"),
        (site(BROKEN_H2, replace(BROKEN_H2, version="1.1")),
         "skip: no version works, which is the check's failure"),
        (site(H3, H2), "skip: not all versions were tried"),
        (site(H2, H1, only_version="2"), ONLY_2),
        (site(BROKEN_H2, H1, secure=False), CLEARTEXT),
        (site(BROKEN_H2, H1, secure=None), f"{BROKEN}; {STUCK}"),
        (site(H2, H1, alternatives=(PLACE,)), "pass"),
        (site(H2, H1, alternatives=(replace(PLACE, outcome="failed", detail="refused"),)),
         f"high: broken alternative service: {OVER_H2} refused"),
        (site(H2, H1, alternatives=(DEAD,)), "pass"),
        (site(H2, H1, alternatives=(replace(PLACE, status=404), replace(PLACE, content_type=""))),
         f"{DIFFERS} {OVER_H2} 404, origin: 200, {OVER_H2} none, origin: text/html"),
        (site(replace(H2, content_type=""), replace(H1, content_type=""), alternatives=(PLACE,)),
         f"{DIFFERS} {OVER_H2} text/html, origin: none"),
        (site(H2, H1, alternatives=(replace(PLACE, status=429),)), "pass"),
        (site(replace(H2, status=503), H1, alternatives=(PLACE,)), "pass"),
        (site(H2, H1, alternatives=(replace(PLACE, status=404, outcome="untried"),)), "pass"),
        (site(H1, alternatives=(replace(PLACE, status=404),)), "pass"),
        (site(BROKEN_H2, H1, alternatives=(replace(PLACE, status=404),)), f"{BROKEN}; {STUCK}"),
    ],
)  # fmt: skip
def test_fallback(facts: HttpFacts, line: str) -> None:
    assert said(fallback, facts) == line


@pytest.mark.parametrize(
    ("ladder", "field"),
    [
        ((H3, BROKEN_H2, H1), "Keep-Alive"),
        ((H3, replace(BROKEN_H2, field=""), H1), "Upgrade"),
        ((H3, replace(BROKEN_H2, field="connection"), H1), "Connection"),
    ],
)
def test_the_field_that_breaks_a_version(ladder: tuple[Rung, ...], field: str) -> None:
    verdict = fallback(site(*ladder))
    assert isinstance(verdict, Hit)
    fix = filled(fallback.words, verdict.params).fix
    assert fix["haproxy"].endswith(f"http-response del-header {field}")


def cells(*thinks: float | None) -> tuple[Cell, ...]:
    return tuple(Cell(version="2", temperature="warm", think_seconds=think) for think in thinks)


SLOW = (
    "medium: even the fastest of {} exchanges waited {} ms for its first byte, the round trip "
    "excluded"
)
FEW = "skip: fewer than 3 exchanges were timed"


@pytest.mark.parametrize(
    ("thinks", "more", "line"),
    [
        ((0.5, 0.9, 0.9), (), "pass"),
        ((0.501, 0.9, 0.9), (), SLOW.format(3, 501)),
        ((0.9, 0.9, 1.2346), (2.0,), SLOW.format(4, 900)),
        ((2.5, 2.5), (1.2346,), SLOW.format(3, 1235)),
        ((9.0, 9.0, None), (), FEW),
        ((), (9.0, 9.0), FEW),
        ((), (9.0, 9.0, 0.5), "pass"),
        ((0.4, None, 9.0), (9.0,), "pass"),
    ],
)
def test_how_slow_is_slow(
    thinks: tuple[float | None, ...], more: tuple[float, ...], line: str
) -> None:
    assert said(ttfb, HttpFacts(cells=cells(*thinks), thinks_seconds=more)) == line
