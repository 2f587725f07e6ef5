"""Metrics: what they read, and that none is reported twice."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import ClassVar

import msgspec
import pytest
from msgspec.structs import replace

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.engine.metrics import _read_by, metrics_of, metrics_of_facts
from seventh.labkit.serve import tcp_server
from seventh.model.facts import Facts
from seventh.model.failure import OURS, Blame, Failure, Reason
from seventh.model.mailfacts import MailFacts
from seventh.model.netfacts import Attempt, NetFacts
from seventh.model.options import Options
from seventh.model.phase import Phase
from seventh.model.report import Report, judge
from seventh.model.sample import Sample
from seventh.model.severity import Status
from seventh.model.spec import Metric
from seventh.model.target import Target
from seventh.net import kernel
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.content import ContentFacts
from seventh.protocols.mail.facts import ReceivedFacts
from seventh.protocols.mail.facts.tls_report import TlsReport
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.local import SmtpLocalFacts
from tests.reports import metrics


def counted(
    *facts: Facts, phases: Sequence[Phase] = (), failure: Failure | None = None
) -> dict[str, float]:
    samples = metrics_of({each.ROOM: each for each in facts}, phases, failure)
    keys = [sample.key for sample in samples]
    assert len(set(keys)) == len(keys)
    return dict(zip(keys, (sample.value for sample in samples), strict=True))


def phase(name: str, seconds: float, *, ok: bool = True) -> Phase:
    return Phase(name=name, start_seconds=0, seconds=seconds, clock="user",
                 outcome="ok" if ok else "failed")  # fmt: skip


def attempt(outcome: str, transport: str = "tcp", **learnt: object) -> Attempt:
    return Attempt(
        address="192.0.2.1", port=22, family="ipv4", seconds=0.1, clock="kernel",
        outcome=outcome, transport=transport, **learnt,  # type: ignore[arg-type]
    )  # fmt: skip


def test_of_a_phase_that_ran_again_the_first_that_went_well_counts() -> None:
    phases = (phase("connect", 9, ok=False), phase("connect", 1), phase("connect", 2))
    assert counted(phases=phases)['seventh_phase_seconds{phase="connect"}'] == 1


def test_a_failure_is_an_error_of_its_phase_and_reason() -> None:
    failure = Failure(reason=Reason.PEER_SILENT, phase="tls", blame=Blame.PEER, detail="")
    values = counted(failure=failure)
    assert values == {
        "seventh_up": 0,
        'seventh_errors_total{phase="tls",class="peer-silent"}': 1,
    }


def test_a_label_has_a_sample_for_each_key() -> None:
    content = ContentFacts(cache_hits={"304": 2, "age": 1})
    values = counted(HttpFacts(content=content))
    assert values['seventh_http_cache_hits_total{kind="304"}'] == 2
    assert values['seventh_http_cache_hits_total{kind="age"}'] == 1


def test_a_room_measures_the_round_trip_better_than_its_connection() -> None:
    net = NetFacts(attempts=(attempt("open", rtt_seconds=0.5),))
    assert counted(net)["seventh_rtt_seconds"] == 0.5
    assert counted(net, NtpFacts(rtt_seconds=0.25))["seventh_rtt_seconds"] == 0.25


def test_what_is_not_finite_is_no_metric() -> None:
    assert "seventh_ttfb_seconds" not in counted(HttpFacts(ttfb_seconds=math.nan))


def test_a_mapping_of_a_look_has_both_labels() -> None:
    local = SmtpLocalFacts(queues={"active": 0, "deferred": 7}, deliveries=4, deferred=1)
    samples = metrics_of_facts({"smtp": SmtpFacts(local=local)})
    assert {each.key: each.value for each in samples} == {
        'seventh_mail_queue_messages{queue="active",source="local"}': 0.0,
        'seventh_mail_queue_messages{queue="deferred",source="local"}': 7.0,
        'seventh_mail_defer_ratio{source="local"}': 0.25,
    }
    assert metrics_of_facts({"smtp": SmtpFacts(local=SmtpLocalFacts())}) == ()


LOSS = 'seventh_packet_loss_ratio{source="tcp"}'


def test_tcps_loss_is_what_was_sent_again() -> None:
    lost = attempt("open", retransmits=2, segments_sent=8)
    assert counted(NetFacts(attempts=(lost,)))[LOSS] == 0.25
    none = attempt("open", retransmits=0)
    assert counted(NetFacts(attempts=(none,)))[LOSS] == 0
    unknown = attempt("open", retransmits=2)
    assert LOSS not in counted(NetFacts(attempts=(unknown,)))


def test_the_path_is_that_of_the_first_connection_over_tcp() -> None:
    refused, datagrams = attempt("refused"), attempt("open", transport="udp")
    first = attempt("open", rtt_seconds=0.5, retransmits=0)
    second = attempt("open", rtt_seconds=0.25, retransmits=1, segments_sent=2)
    values = counted(NetFacts(attempts=(refused, datagrams, first, second)))
    assert (values["seventh_rtt_seconds"], values[LOSS]) == (0.5, 0)
    assert LOSS not in counted(NetFacts(attempts=(datagrams,)), NtpFacts(loss_ratio=0.5))


@pytest.mark.parametrize("look", [pulse_one, check_one])
async def test_every_look_tells_what_was_lost_after_connecting(
    look: Callable[..., Awaitable[Report]], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    def told(sock: object) -> bytes:
        nonlocal asked
        asked += 1
        again = 0 if asked == 1 else 1
        rtt = asked * 1000
        return kernel._TCP_INFO_FIELDS.pack(0, 1460, 0, 0, 0, 0, 0, 1500, rtt, 0, again, 4, 0, 0)

    monkeypatch.setattr(kernel, "read_tcp_info", told)
    async with tcp_server(greet) as port:
        report = await look(Target(scheme="tcp", host="127.0.0.1", port=port), Options())
    assert metrics(report)[LOSS] == 0.25
    assert metrics(report)["seventh_rtt_seconds"] == 0.001


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello FTP\r\n")
    await reader.read()


@pytest.mark.field
@pytest.mark.parametrize("reason", Reason)
def test_a_peer_is_not_down_because_this_machine_failed(reason: Reason) -> None:
    failure = Failure(reason=reason, phase="connect", blame=Blame.LOCAL, detail="")
    up = counted(failure=failure).get("seventh_up")
    assert up == (None if reason in OURS else 0)
    if reason in OURS:
        assert judge(failure, ()) is Status.UNKNOWN


class Part(msgspec.Struct, frozen=True):
    """A struct nested in facts."""

    number: int | None = None


class Counted(Facts, frozen=True, kw_only=True):
    """Facts that the metrics of a made-up room read."""

    ROOM: ClassVar[str] = "made-up"

    fast: float | None = None
    whole: int | None = None
    yes: bool | None = None
    some: tuple[str, ...] | None = None
    named: dict[str, int] | None = None
    text: str | None = None
    part: Part | None = None


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A room with a metric of each kind of fact."""
    metrics = tuple(
        Metric(f"m_{fact.replace('.', '_')}", "gauge", "x", fact, label)
        for fact, label in (
            ("fast", ""), ("whole", ""), ("yes", ""), ("some", ""), ("named", "key"),
            ("text", ""), ("part.number", ""), ("missing", ""),
        )
    )  # fmt: skip
    spec = replace(protocols.rooms()["net"], name="made-up", metrics=metrics)
    rooms = {**protocols.rooms(), "made-up": spec}
    monkeypatch.setattr(protocols, "rooms", lambda: rooms)
    _read_by.cache_clear()
    yield
    _read_by.cache_clear()


@pytest.mark.usefixtures("made_up")
@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Counted(), {}),
        (Counted(fast=2.5), {"m_fast": 2.5}),
        (Counted(fast=0.0, whole=0, yes=False), {"m_fast": 0.0, "m_whole": 0.0, "m_yes": 0.0}),
        (Counted(whole=3, yes=True), {"m_whole": 3.0, "m_yes": 1.0}),
        (Counted(fast=math.inf), {}),
        (Counted(fast=math.nan), {}),
        (Counted(whole=math.inf), {}),
        (Counted(some=()), {"m_some": 0.0}),
        (Counted(some=("a", "b")), {"m_some": 2.0}),
        (Counted(named={"a": 1, "b": 2}), {'m_named{key="a"}': 1.0, 'm_named{key="b"}': 2.0}),
        (Counted(named={}), {}),
        (Counted(text="x"), {}),
        (Counted(part=Part()), {}),
        (Counted(part=Part(7)), {"m_part_number": 7.0}),
    ],
)
def test_a_metric_reads_its_fact(facts: Counted, expected: dict[str, float]) -> None:
    assert {**expected, "seventh_up": 1.0} == counted(facts)
    samples = metrics_of_facts({"made-up": facts})
    assert {sample.key: sample.value for sample in samples} == expected


def test_facts_of_no_room_have_no_metrics() -> None:
    assert metrics_of_facts({"nowhere": Counted(fast=1.0)}) == ()
    assert metrics_of({"net": Counted()}, (), None) == (Sample("seventh_up", (), 1.0),)


def test_a_failed_phase_is_no_metric() -> None:
    assert counted(phases=(phase("tls", 1, ok=False), phase("connect", 2))) == {
        "seventh_up": 1.0, 'seventh_phase_seconds{phase="connect"}': 2.0,
    }  # fmt: skip


@pytest.mark.parametrize(("sessions", "ratios"), [(0, []), (8, [0.25])])
def test_facts_that_a_room_owns_have_its_metrics(sessions: int, ratios: list[float]) -> None:
    report = TlsReport(sessions=sessions, failed=2)
    samples = metrics_of_facts({"received": ReceivedFacts(tls_report=report)})
    assert samples == tuple(Sample("seventh_mail_tls_failure_ratio", (), each) for each in ratios)
    assert metrics_of_facts({"received": ReceivedFacts(), "mail": MailFacts()}) == ()
