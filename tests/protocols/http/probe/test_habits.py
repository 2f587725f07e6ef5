"""Habits of real servers that must not be taken for what they are not, shown to the lab's own."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.model.report import Report
from seventh.protocols.http import lab
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import Coding, ContentFacts, Validation, Variant
from seventh.protocols.http.facts.quic import H2Facts
from seventh.protocols.http.facts.versions import Rung, TlsUpgrade
from seventh.protocols.http.lab.setup import Setup
from seventh.protocols.http.rules.content import compress_waste
from seventh.protocols.http.rules.examples import GOOD, H1, H2
from seventh.protocols.http.rules.quic import h2_settings
from seventh.protocols.http.rules.validators import etag_ignored, etag_unstable
from seventh.protocols.http.rules.versions import no_h2
from seventh.rules.rule import Hit, Skip
from seventh.rules.words import filled
from seventh.web.message import Request
from tests.protocols.http.rules.looks import job
from tests.reports import http_facts as facts_of


async def look(setup: Setup, kit: Kit, **options: object) -> Report:
    async with lab.site(setup, kit) as served:
        return await check_one(*job(served, **options))


CLEAR = Setup(secure=False)


async def test_a_connection_that_ends_early_is_remembered(kit: Kit) -> None:
    """The one that took its place is still open when the visit ends."""
    report = await look(replace(CLEAR, h1=H1Setup(keep_alive_requests=3)), kit)
    reuse = facts_of(report).reuse
    assert reuse is not None and (reuse.requests, reuse.said_close) == (3, True)
    assert "HTTP-NO-REUSE" in {finding.id for finding in report.findings}


async def test_an_error_may_end_a_connection(kit: Kit) -> None:
    """Node.js's ws closes on our OPTIONS, Python's server on what it does not find."""

    def refuse(request: Request, answer: Answer) -> Answer:
        plain = request.method == "GET" and not request.path.startswith("/seventh-")
        if plain:
            return answer
        return Answer(status=405, headers=(("Connection", "close"),), body=b"no")

    report = await look(replace(CLEAR, change=refuse), kit, allow_write=True)
    reuse = facts_of(report).reuse
    assert reuse is not None and not reuse.said_close
    assert "HTTP-NO-REUSE" in report.passed


async def test_each_request_asks_to_keep_the_connection(kit: Kit) -> None:
    """Apache tells its Keep-Alive only to those who ask; an Upgrade stands alone."""
    seen: list[tuple[str, tuple[str, ...]]] = []

    def note(request: Request, answer: Answer) -> Answer:
        named = tuple(v.lower() for n, v in request.headers if n.lower() == "connection")
        seen.append((request.method, named))
        return answer

    await look(replace(CLEAR, change=note), kit)
    assert ("GET", ("keep-alive",)) in seen and ("OPTIONS", ("upgrade",)) in seen
    assert {named for method, named in seen if method == "GET"} == {("keep-alive",)}


async def test_the_first_row_is_the_sites_time_alone(kit: Kit) -> None:
    for setup in (Setup(h3=None), CLEAR):
        facts = facts_of(await look(setup, kit))
        cold = next(c for c in facts.cells if (c.version, c.temperature) == (facts.version, "cold"))
        parts = (cold.connect_seconds, cold.tls_seconds, cold.request_seconds, cold.ttfb_seconds,
                 cold.download_seconds)  # fmt: skip
        assert cold.connect_seconds
        assert cold.total_seconds == pytest.approx(sum(p or 0.0 for p in parts), abs=1e-6)


async def test_errors_are_asked_for_beside_the_target(kit: Kit) -> None:
    asked: list[str] = []

    def note(request: Request, answer: Answer) -> Answer:
        asked.append(request.path)
        return answer

    report = await look(replace(CLEAR, change=note, path="/api/v1/things"), kit)
    assert any(path.startswith("/api/v1/seventh-") for path in asked)
    content = facts_of(report).content
    assert content is not None and content.error is not None
    assert content.error.path == "/api/v1/seventh-…"


def test_http_2_that_nobody_gets() -> None:
    """``Protocols http/1.1 h2``: h2 works, and every client that offers both gets HTTP/1.1."""
    prefers = no_h2(GOOD.learn(version="1.1", ladder=(H2, H1)))
    assert isinstance(prefers, Hit) and prefers.params["what"] == "not-preferred"
    assert no_h2(GOOD.learn(version="2", ladder=(H2, H1))) is None
    gone = Rung(version="2", state="not-offered", detail="reset", error="HTTP_1_1_REQUIRED")
    sent_away = no_h2(GOOD.learn(version="1.1", ladder=(gone, H1)))
    assert isinstance(sent_away, Hit) and sent_away.params["what"] == "h1-required"
    evidence = filled(no_h2.words, sent_away.params).evidence
    assert evidence == "the server requires HTTP/1.1 here: reset"
    silent = no_h2(GOOD.learn(ladder=(Rung(version="2", state="not-offered"), H1)))
    assert isinstance(silent, Hit) and silent.params["detail"] == "the server selects http/1.1"


def test_empty_settings_are_settings() -> None:
    assert isinstance(h2_settings(HttpFacts(h2=H2Facts())), Skip)
    assert h2_settings(HttpFacts(h2=H2Facts(ping_seconds=0.01))) is None


@pytest.mark.parametrize(
    ("upgrade", "status", "offered"),
    [("h2,h2c", 200, False), ("", 101, True), ("TLS/1.2,TLS/1.1,TLS/1.0", 426, True),
     ("h2c, tls/1.0", 200, True), ("", 200, False)],
)  # fmt: skip
def test_what_an_upgrade_field_offers(upgrade: str, status: int, offered: bool) -> None:
    seen = TlsUpgrade(url="http://www.lab.test/", status=status, upgrade=upgrade)
    assert seen.offered == offered


@pytest.mark.parametrize(
    ("wire", "wasted"), [(327, False), (3686, False), (3700, True), (4100, True)]
)
def test_an_image_that_shrinks_is_worth_a_coding(wire: int, wasted: bool) -> None:
    shown = tuple(
        Variant(offered=offered, status=200, coding=coding, wire_bytes=size, content_bytes=4096)
        for offered, coding, size in (("identity", "", 4096), ("any", "gzip", wire))
    )
    coding = Coding(content_type="image/png", compressible=False, packed=True, variants=shown)
    verdict = compress_waste(HttpFacts(content=ContentFacts(coding=coding)))
    assert isinstance(verdict, Hit) == wasted


def validated(**fields: Any) -> HttpFacts:
    known: dict[str, Any] = {
        "etag": '"a"', "etag_status": 304, "coded": "gzip", "coded_status": 200,
        "coded_same_bytes": True,
    }  # fmt: skip
    return HttpFacts(content=ContentFacts(validation=Validation(**(known | fields))))


def test_nodes_with_etags_of_their_own() -> None:
    """Each node is steady: what one ignores of its own ETag can still be told."""
    nodes = validated(etags={"repeated": '"a"', "192.0.2.1": '"a"', "192.0.2.2": '"b"'})
    unstable = etag_unstable(nodes)
    assert isinstance(unstable, Hit)
    assert unstable.params["etags"] == ('"a" (192.0.2.1)', '"b" (192.0.2.2)')
    assert isinstance(etag_ignored(nodes), Hit)
    drifts = validated(etags={"repeated": '"c"', "192.0.2.1": '"a"'})
    assert isinstance(etag_ignored(drifts), Skip)
    moving = etag_unstable(drifts)
    assert isinstance(moving, Hit) and "repeated" in str(moving.params)
