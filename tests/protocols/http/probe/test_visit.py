"""A visit to the lab's site: the matrix, the ladder, what is announced, and the cheap look."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit, Served
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http import lab
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.lab.setup import Before, Setup
from seventh.web.message import Request
from tests.protocols.http.rules.looks import job
from tests.reports import http_facts as facts_of
from tests.reports import metrics


async def look(served: Served, **options: object) -> Report:
    return await check_one(*job(served, **options))


async def test_the_whole_matrix(kit: Kit) -> None:
    async with lab.site(Setup(early_data=16384), kit) as served:
        report = await look(served)
    assert report.failure is None
    facts = facts_of(report)
    asked = [(cell.version, cell.temperature) for cell in facts.cells]
    assert len(asked) == len(set(asked))
    assert set(asked) == {
        (version, t) for version in ("1.1", "2", "3") for t in ("cold", "warm", "resumed", "0-rtt")
    }
    for cell in facts.cells:
        assert (cell.outcome, cell.status) == ("ok", 200), cell
        assert cell.ttfb_seconds is not None and cell.ttfb_seconds > 0
        assert cell.download_seconds is not None and cell.total_seconds is not None
        assert cell.total_seconds >= cell.ttfb_seconds
        warm = cell.temperature == "warm"
        handshake = cell.quic_seconds if cell.version == "3" else cell.tls_seconds
        assert (handshake is None) == warm, cell
    assert facts.cells[0].resolve_seconds is not None
    assert facts.working == ("3", "2", "1.1")
    assert facts.version == "2"
    assert metrics(report)["seventh_http_versions"] == 3.0


def won(report: Report) -> dict[str, float]:
    """How often each version is counted as negotiated."""
    name = "seventh_http_negotiated_total"
    return {dict(s.labels)["version"]: s.value for s in report.metrics if s.name == name}


async def test_every_version_that_answers_is_counted_once(kit: Kit) -> None:
    async with lab.serve(None, kit) as served:
        report = await look(served)
        pulse = await pulse_one(*job(served))
    assert won(report) == {"3": 1, "2": 1, "1.1": 1}
    assert won(pulse) == {"1.1": 1}


def test_http_1_0_is_an_answer_and_not_a_negotiation() -> None:
    assert HttpFacts(secure=True, version="1.0").negotiated == {"1.1": 1}


async def test_the_steps_of_each_row_are_its_time(kit: Kit) -> None:
    """What this process does for itself before it connects is in no row; nothing counts twice."""
    async with lab.site(Setup(early_data=16384), kit) as served:
        report = await look(served)
    facts = facts_of(report)
    for cell in facts.cells:
        assert cell.total_seconds == pytest.approx(sum(took for _, took in cell.steps))
        names = [name for name, _ in cell.steps]
        assert ("connect" in names) == (cell.version != "3" and cell.temperature != "warm")
        assert ("handshake" in names) == (cell.temperature in {"cold", "resumed"})
        assert names[-2:] == ["ttfb", "download"]
    h3 = facts.h3
    assert h3 is not None and h3.quic is not None and h3.quic.confirmed_seconds is not None
    cold = next(c for c in facts.cells if (c.version, c.temperature) == ("3", "cold"))
    assert cold.quic_seconds is not None and cold.quic_seconds < h3.quic.confirmed_seconds


async def test_early_data_where_http_1_1_is_all_there_is(kit: Kit) -> None:
    """The first connection's own ticket says whether early data may go."""
    async with lab.site(Setup(early_data=16384, versions=("1.1",), h3=None), kit) as served:
        report = await look(served)
    rows = {c.temperature: c.outcome for c in facts_of(report).cells if c.version == "1.1"}
    assert rows == dict.fromkeys(("cold", "warm", "resumed", "0-rtt"), "ok")


async def test_the_matrix_is_drawn(kit: Kit) -> None:
    async with lab.site(Setup(h2=H1Setup(fault="goaway", code=2)), kit) as served:
        report = await look(served)
    (drawing,) = facts_of(report).drawings()
    labels = [span.label for span in drawing.spans]
    assert labels == sorted(labels, key=lambda label: label.split()[0])
    assert labels[:4] == [f"HTTP/1.1 {t}" for t in ("cold", "warm", "resumed", "0-RTT")]
    assert drawing.steps == ("connect", "handshake", "request", "ttfb", "download")
    broken = next(span for span in drawing.spans if span.label == "HTTP/2 cold")
    assert broken.empty and not broken.typical and "GOAWAY" in broken.value


async def test_what_else_a_visit_learns(kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        report = await look(served)
    facts = facts_of(report)
    assert facts.advertised is not None
    assert facts.advertised.h3 == ("Alt-Svc", "HTTPS record")
    assert facts.h2 is not None and facts.h2.max_concurrent_streams == 100
    assert facts.h2.ping_seconds and facts.h2.upload_bits_per_second
    h3 = facts.h3
    assert h3 is not None and h3.quic is not None and h3.quic.parameters is not None
    assert h3.quic.parameters.max_idle_timeout_seconds == 60.0
    assert h3.amplification is not None and 0 < h3.amplification.factor <= 3
    assert h3.early_data is True and h3.ping_seconds and h3.migration is None
    assert facts.reuse is not None and facts.reuse.requests >= 2 and not facts.reuse.said_close
    assert facts.reuse.idle_open_seconds is not None
    assert facts.requests <= 40
    tls = report.facts["tls"]
    assert isinstance(tls, TlsFacts)
    assert tls.resumed and tls.versions_refused and tls.hybrid_group
    assert "TLS-LEGACY" in report.passed and "TLS-NO-RESUME" in report.passed
    names = {phase.name for phase in report.phases}
    assert {"resolve", "connect", "tls", "http.request", "http.ttfb", "http.download"} <= names


async def test_a_plain_site_on_loopback(kit: Kit) -> None:
    setup = Setup(secure=False)
    async with lab.site(setup, kit) as served:
        report = await look(served)
    facts = facts_of(report)
    assert report.failure is None
    assert facts.clear is not None
    assert (facts.clear.outcome, facts.clear.loopback) == ("serves", True)
    assert facts.tls_upgrade is not None and not facts.tls_upgrade.offered
    assert [(c.version, c.temperature) for c in facts.cells] == [("1.1", "cold"), ("1.1", "warm")]
    assert facts.negotiated == {}
    assert [(f.id, f.severity) for f in report.findings] == [("HTTP-NO-HTTPS", "info")]
    skipped = {s.id for s in report.skipped}
    assert {"HTTP-HSTS", "HTTP-NO-H2", "HTTP-NO-H3", "HTTP-FALLBACK", "HTTP-H3-DEAD"} <= skipped


@pytest.mark.parametrize("version", ["1.1", "2", "3"])
async def test_one_version_alone(version: str, kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        report = await look(served, http_version=version)
        pulse = await pulse_one(*job(served, http_version=version))
    facts = facts_of(report)
    assert report.failure is None and pulse.failure is None
    assert {cell.version for cell in facts.cells} == {version}
    assert facts.version == version == facts_of(pulse).version
    assert won(report) == won(pulse) == {version: 1}
    skipped = {s.id for s in report.skipped}
    assert "HTTP-FALLBACK" in skipped


async def test_a_refused_version_fails(kit: Kit) -> None:
    async with lab.site(Setup(versions=("1.1",), h3=None), kit) as served:
        for version in ("2", "3"):
            report = await look(served, http_version=version)
            assert report.failure is not None
            assert report.failure.reason in {
                Reason.NEGOTIATION_FAILED, Reason.CONNECT_REFUSED, Reason.TLS_HANDSHAKE,
            }  # fmt: skip


async def test_broken_h2_leaves_the_way_down(kit: Kit) -> None:
    async with lab.site(Setup(h2=H1Setup(fault="hpack-garbage")), kit) as served:
        report = await look(served)
    facts = facts_of(report)
    assert report.failure is None
    assert won(report) == {"3": 1, "1.1": 1}
    rung = facts.rung("2")
    assert rung is not None and rung.state == "broken" and rung.detail
    assert (facts.version, facts.status) == ("1.1", 200)
    assert "HTTP-FALLBACK" in {f.id for f in report.findings}


async def test_migration_with_leave(kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        report = await look(served, intrusive=True)
    h3 = facts_of(report).h3
    assert h3 is not None and h3.migration is not None
    assert h3.migration.continued and h3.migration.challenged and h3.migration.validated
    assert h3.after_migration_status == 200
    assert {"QUIC-MIGRATE", "HTTP-CLTE"} <= set(report.passed)


async def test_unsafe_requests_with_leave(kit: Kit) -> None:
    async with lab.site(Setup(), kit) as served:
        report = await look(served, allow_write=True)
    write = facts_of(report).write
    assert write is not None and write.expect is not None and write.early_post is not None
    assert write.expect.continued
    assert (write.early_post.accepted, write.early_post.status) == (True, 425)
    assert {"HTTP-100CONT", "HTTP-0RTT-UNSAFE"} <= set(report.passed)


async def test_a_log_of_quic(kit: Kit, tmp_path: Path) -> None:
    file = tmp_path / "connection.qlog"
    async with lab.site(Setup(), kit) as served:
        report = await look(served, qlog_file=str(file))
    h3 = facts_of(report).h3
    assert h3 is not None and h3.qlog == str(file)
    assert b'"transport"' in file.read_bytes() or b"transport:" in file.read_bytes()


# -- the person's own request ----------------------------------------------------------------------


def recording(seen: list[Request]) -> Before:
    def before(request: Request) -> Answer | None:
        seen.append(request)
        return None

    return before


async def test_an_unsafe_method_needs_leave(kit: Kit) -> None:
    seen: list[Request] = []
    async with lab.site(Setup(before=recording(seen), path="/orders"), kit) as served:
        for verb in (check_one, pulse_one):
            report = await verb(*job(served, method="POST"))
            assert report.failure is not None
            assert report.failure.reason is Reason.OPTIONS_UNUSABLE
            assert "--allow-write" in report.failure.detail
    assert not seen


async def test_a_post_with_a_body_and_an_expected_status(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b'{"thing": 1}')
    seen: list[Request] = []
    async with lab.site(Setup(before=recording(seen), path="/orders"), kit) as served:
        options = {
            "method": "POST", "allow_write": True, "body_file": str(tmp_path / "body"),
            "headers": ("Content-Type: application/json",), "http_version": "1.1",
        }  # fmt: skip
        good = await pulse_one(*job(served, expect_status=201, **options))
        assert good.failure is None, good.failure
        bad = await pulse_one(*job(served, expect_status=409, **options))
    assert [(r.method, r.body) for r in seen] == [("POST", b'{"thing": 1}')] * 2
    assert bad.failure is not None and bad.failure.reason is Reason.UNEXPECTED_ANSWER
    assert bad.failure.detail == "status 201, expected 409"


async def test_json_is_held_against_an_expression(kit: Kit) -> None:
    async with lab.site(Setup(path="/things"), kit) as served:
        good = await look(served, expect_json="[0].name == 'thing number 0'")
        bad = await look(served, expect_json="[0].name == 'another'")
        wrong = await look(served, expect_json="[0")
    assert good.failure is None and bad.failure is not None and wrong.failure is not None
    met = facts_of(good).expectation
    assert met is not None and met.met is True
    assert bad.failure.reason is Reason.UNEXPECTED_ANSWER
    assert wrong.failure.reason is Reason.OPTIONS_UNUSABLE


async def test_a_server_s_own_error_is_a_failure(kit: Kit) -> None:
    setup = Setup(before=lambda _: Answer(status=503, headers=(("Retry-After", "5"),)))
    async with lab.site(setup, kit) as served:
        for verb in (check_one, pulse_one):
            report = await verb(*job(served))
            assert report.failure is not None
            assert report.failure.reason is Reason.UNEXPECTED_ANSWER


# -- credentials -----------------------------------------------------------------------------------


def leading_to(where: str) -> Before:
    def before(request: Request) -> Answer | None:
        if request.path != "/":
            return None
        return Answer(status=302, headers=(("Location", where), ("Cache-Control", "no-store")))

    return before


async def test_no_credential_leaves_the_origin(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    seen: list[Request] = []
    elsewhere = Setup(secure=False, before=recording(seen))
    async with lab.site(elsewhere, kit) as other:
        port = other.target.rpartition(":")[2].rstrip("/")
        own: list[Request] = []
        led = leading_to(f"http://127.0.0.1:{port}/stolen?x")

        def before(request: Request) -> Answer | None:
            own.append(request)
            return led(request)

        async with lab.site(Setup(before=before), kit) as served:
            report = await look(
                served, token_file=str(tmp_path / "token"), headers=("X-Api-Key: k3y",)
            )
    assert own and all(r.get("authorization") == "Bearer t0ken" for r in own if r.path == "/")
    assert seen, report.failure
    for request in seen:
        assert request.get("authorization") is None and request.get("x-api-key") is None
    chain = facts_of(report).redirects
    assert chain is not None and chain.downgraded
    assert "HTTP-NO-HTTPS" in {f.id for f in report.findings}


async def test_a_bad_certificate_gets_no_credential(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken")
    seen: list[Request] = []
    async with lab.site(Setup(before=recording(seen)), kit) as served:
        target, options = job(served, token_file=str(tmp_path / "token"))
        report = await check_one(target, options.replace(ca_file=None))
    assert report.failure is not None
    assert report.failure.reason is Reason.TLS_CERTIFICATE_UNTRUSTED
    assert seen and all(r.get("authorization") is None for r in seen)
    assert facts_of(report).status == 200, "what was learnt stands"
    assert facts_of(report).working == ("3", "2", "1.1")


async def test_secrets_are_in_no_report(kit: Kit, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t0ken-of-mine")
    async with lab.site(Setup(path="/things?key=my-secret"), kit) as served:
        target, options = job(
            served, token_file=str(tmp_path / "token"), transcript=True,
            headers=("Cookie: a=my-secret",),
        )  # fmt: skip
        report = await check_one(target, options)
    shown = repr((report.facts, report.findings, report.failure, report.phases))
    assert "t0ken" not in shown and "my-secret" not in shown


def test_options_name_the_permission() -> None:
    assert Options(token_file="x").has_credential
