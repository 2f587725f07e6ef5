"""Sites that no client should trust: every check ends in time, typed, and bounded."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web import h3 as h3lab
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.quicserver import QuicSetup
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http import lab
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.lab.content import bomb
from seventh.protocols.http.lab.setup import Setup
from seventh.protocols.http.probe import transport
from seventh.web.message import Request
from tests.hostile import servers
from tests.hostile.bounds import bounded
from tests.options import options_with
from tests.protocols.http.rules.looks import job

TIMEOUT_SECONDS = 3.0
MAX_MEBIBYTES = 48
"""Less than a bomb holds; the lab's server is in this process, too."""


@pytest.fixture(autouse=True)
def short_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch an unanswered Initial only briefly: the lab's server answers at once."""
    monkeypatch.setattr(transport, "AMPLIFICATION_SECONDS", 0.4)


async def looks(setup: Setup, kit: Kit, seconds: float = TIMEOUT_SECONDS) -> tuple[Report, Report]:
    """A check and a pulse; both within their time and memory, neither an error of ours."""
    reports = []
    async with lab.site(setup, kit) as served:
        target, options = job(served, timeout_seconds=seconds)
        for verb in (check_one, pulse_one):
            with bounded(seconds, MAX_MEBIBYTES):
                report = await verb(target, options)
            sound(report)
            reports.append(report)
    check, pulse = reports
    return check, pulse


def sound(report: Report) -> None:
    if report.failure is not None:
        assert report.failure.reason is not Reason.INTERNAL, report.failure.detail
        assert report.failure.phase != "-", report.failure


H1_FAULTS = (
    "silent", "no-answer", "slow-head", "slow-body", "cut-head", "cut-body", "cut-chunk",
    "endless-body", "endless-chunks", "tiny-chunks", "chunk-extensions", "chunk-garbage",
    "header-flood", "long-header", "informational-flood", "trailer-flood", "two-lengths",
    "bad-length", "unsolicited", "folded", "bare-lf", "http-1.0", "unasked-101", "http2-frames",
)  # fmt: skip


@pytest.mark.parametrize("fault", H1_FAULTS)
async def test_a_plain_site_gone_wrong(fault: str, kit: Kit) -> None:
    setup = Setup(secure=False, h1=H1Setup(fault=fault), versions=("1.1",))
    check, pulse = await looks(setup, kit)
    harmless = {"endless-body", "endless-chunks", "unsolicited", "folded", "bare-lf", "http-1.0"}
    if fault not in harmless | {"tiny-chunks"}:
        assert check.failure is not None and pulse.failure is not None
        assert pulse.failure.reason in {
            Reason.PROTOCOL_VIOLATION, Reason.PROTOCOL_MISMATCH, Reason.PEER_CLOSED,
            Reason.PEER_SILENT, Reason.PEER_RESET, Reason.BUDGET_EXCEEDED,
        }  # fmt: skip


@pytest.mark.parametrize(
    "fault",
    [
        "silent", "settings-flood", "ping-flood", "continuation-flood", "hpack-bomb",
        "endless-body", "reset", "push", "goaway", "slow-head", "cut-body", "wrong-length",
    ],
)  # fmt: skip
async def test_http_2_gone_wrong(fault: str, kit: Kit) -> None:
    check, pulse = await looks(Setup(h2=H1Setup(fault=fault), h3=None, announced=False), kit)
    assert pulse.failure is None, "it speaks HTTP/1.1"
    facts = check.facts["http"]
    assert isinstance(facts, HttpFacts)
    if fault != "endless-body":
        rung = facts.rung("2")
        assert rung is None or rung.state == "broken"


@pytest.mark.parametrize("wire", sorted(h3lab.WIRE))
async def test_http_3_gone_wrong(wire: str, kit: Kit) -> None:
    broken = h3lab.H3Setup(wire=h3lab.WIRE[wire])  # type: ignore[index]  # its own keys
    check, pulse = await looks(Setup(h3=broken), kit, seconds=10.0)
    assert pulse.failure is None and check.failure is None
    facts = check.facts["http"]
    assert isinstance(facts, HttpFacts)
    rung = facts.rung("3")
    assert rung is not None
    if wire != "endless_body":
        assert rung.state == "broken"
        assert "HTTP-H3-DEAD" in {f.id for f in check.findings}


@pytest.mark.parametrize(
    ("setup", "states"),
    [
        (QuicSetup(silent=True), {"broken"}),
        (QuicSetup(retry=True), {"works"}),
        (QuicSetup(forget_after=3), {"works", "broken"}),
    ],
)
async def test_quic_that_is_silent_or_retries(setup: QuicSetup, states: set[str], kit: Kit) -> None:
    check, _ = await looks(Setup(h3=h3lab.H3Setup(quic=setup)), kit)
    facts = check.facts["http"]
    assert isinstance(facts, HttpFacts)
    rung = facts.rung("3")
    assert rung is not None and rung.state in states


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
async def test_a_bomb_in_the_body(coding: str, kit: Kit) -> None:
    body = bomb(coding)

    def before(_: Request) -> Answer:
        fields = (("Content-Encoding", coding), ("Content-Type", "application/json"))
        return Answer(headers=fields, body=body)

    setup = Setup(before=before, h3=None, announced=False)
    await looks(setup, kit)
    async with lab.site(setup, kit) as served:
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await pulse_one(*job(served, expect_json="a"))
    assert report.failure is not None
    assert report.failure.reason is Reason.UNEXPECTED_ANSWER
    assert "bomb" in report.failure.detail or "longer" in report.failure.detail


async def test_redirects_without_end(kit: Kit) -> None:
    def before(request: Request) -> Answer:
        number = int(request.path[1:] or 0) if request.path[1:].isdigit() else 0
        return Answer(status=302, headers=(("Location", f"/{number + 1}"),))

    check, pulse = await looks(Setup(before=before, h3=None, announced=False), kit)
    assert pulse.failure is None, "a pulse follows none"
    assert check.failure is not None
    assert check.failure.reason is Reason.BUDGET_EXCEEDED
    assert check.failure.phase == "http.redirect"
    facts = check.facts["http"]
    assert isinstance(facts, HttpFacts) and facts.redirects is not None
    assert len(facts.redirects.hops) == 11


@pytest.mark.parametrize(
    "location",
    ["http://[::1", "javascript:alert(1)", "https://\x1b[2J/", "//", "http://a:0/", "x" * 9000],
)
async def test_redirects_to_nowhere(location: str, kit: Kit) -> None:
    def before(_: Request) -> Answer:
        return Answer(status=301, headers=(("Location", location.replace("\x1b", "%1b")),))

    check, _ = await looks(Setup(before=before, h3=None, announced=False), kit)
    assert check.failure is not None and "\x1b" not in check.failure.detail


async def test_a_body_without_end(kit: Kit) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 16384

    setup = Setup(before=lambda _: Answer(body=endless), h3=None, announced=False)
    check, pulse = await looks(setup, kit)
    assert pulse.failure is None
    facts = pulse.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.body_bytes is not None and facts.body_bytes < 4 * 1024 * 1024
    assert check.failure is None or check.failure.reason is not Reason.INTERNAL


@pytest.mark.parametrize(
    "value",
    [
        'h3="127.0.0.1:9"; ma=1, h3="127.0.0.9:9"',
        'h3="-:443", h3="..:443", h3="a b:443", h3="[::ffff:127.0.0.1]:9", h3="%00:1"',
        f'h3="{"a" * 300}:443", h3="{"b." * 120}c:443", h3="xn--a:443"',
        ", ".join(f'h2="127.0.0.1:{port}"' for port in range(1, 400)),
    ],
)
async def test_alt_svc_that_leads_elsewhere(value: str, kit: Kit) -> None:
    def change(_: Request, answer: Answer) -> Answer:
        return Answer(
            status=answer.status, headers=(*answer.headers, ("Alt-Svc", value)), body=answer.body
        )

    check, _ = await looks(Setup(change=change, announced=False, h3=None), kit)
    facts = check.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert check.failure is None and facts.working == ("2", "1.1")
    assert 0 < len(facts.alternatives) <= 16
    for one in facts.alternatives:
        assert one.outcome in {"failed", "untried"} and one.detail
    assert sum(one.outcome == "failed" for one in facts.alternatives) <= 8


@pytest.mark.parametrize("peer", ["ssh", "smtp", "http", "noise", "flood-noise", "tls-alert"])
async def test_another_server_where_http_2_should_be(peer: str) -> None:
    async with servers.tcp(peer) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port)
        options = options_with(timeout_seconds=TIMEOUT_SECONDS, http_version="2")
        for verb in (check_one, pulse_one):
            report = await verb(target, options)
            sound(report)
            assert report.failure is not None
            assert report.failure.reason is not Reason.PEER_SILENT


async def test_a_server_that_stalls_after_its_first_answer() -> None:
    """Whatever comes after the first exchange may fail: the report says so and ends in time."""
    asked = 0

    async def serve(reader: object, writer: object) -> None:
        nonlocal asked
        asked += 1
        await reader.read(65536)  # type: ignore[attr-defined]
        if asked == 1:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")  # type: ignore[attr-defined]
        await reader.read(-1)  # type: ignore[attr-defined]

    async with tcp_server(serve) as port:  # type: ignore[arg-type]
        started = time.monotonic()
        report = await check_one(
            Target(scheme="http", host="127.0.0.1", port=port),
            Options(timeout_seconds=TIMEOUT_SECONDS),
        )
    assert time.monotonic() - started < TIMEOUT_SECONDS + 1
    sound(report)
    facts = report.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.status == 200 and facts.unknown
