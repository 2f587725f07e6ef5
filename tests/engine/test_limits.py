"""Limits that the user sets: their names, and that each one is judged, or said to be unknown."""

from __future__ import annotations

import asyncio

import pytest

from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.engine.limits import check, known, limits_of, measure
from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import Reason, UsageError
from seventh.model.limit import Limit, Measured
from seventh.model.options import Options
from seventh.model.phase import Phase
from seventh.model.report import Report, SkipCause
from seventh.model.sample import Sample
from seventh.model.severity import Severity, Status
from seventh.model.target import Target
from seventh.rules.run import Selection
from tests.reports import found, net_facts

LOSS = "seventh_packet_loss_ratio"


def limited(*maximums: str, minimums: tuple[str, ...] = ()) -> Options:
    return Options(timeout_seconds=5, maximums=maximums, minimums=minimums)


def only(room: str, *maximums: str, minimums: tuple[str, ...] = ()) -> Limit:
    ((_, made),) = limits_of(limited(*maximums, minimums=minimums), room)
    return made


@pytest.mark.parametrize("room", list(protocols.rooms()))
def test_every_name_that_is_listed_can_be_limited(room: str) -> None:
    """Each listed name means itself, and the metric's own name means the metric."""
    units = {"time": "1s", "size": "1kB", "rate": "1kB/s", "share": "1%", "number": "1"}
    for each in known(room):
        for name in (each.name, each.metric):
            made = only(room, f"{name}={units[each.kind]}")
            assert made.metric == each.metric, name


@pytest.mark.parametrize("room", list(protocols.rooms()))
def test_every_metric_and_phase_of_a_spec_is_listed(room: str) -> None:
    spec = protocols.rooms()[room]
    metrics = {each.metric for each in known(room)}
    assert {metric.name for metric in spec.metrics if not metric.source} <= metrics
    names = {each.name for each in known(room)}
    assert {phase.name for phase in spec.phases} <= names
    datagrams = any(scheme.transport == "udp" for scheme in spec.schemes)
    assert datagrams or {"connect", "resolve", "tcp.packet_loss"} <= names


@pytest.mark.parametrize(
    ("room", "text", "metric"),
    [
        ("http", "ttfb=1s", "seventh_ttfb_seconds"),
        ("http", "http.ttfb=1s", "seventh_ttfb_seconds"),
        ("http", "https.TTFB=1s", "seventh_ttfb_seconds"),
        ("http", "days-left=9", "seventh_cert_expiry_timestamp_seconds"),
        ("http", "resolve=1s", 'seventh_phase_seconds{phase="resolve"}'),
        ("http", "look=1s", 'seventh_phase_seconds{phase="http.look"}'),
        ("http", "tls=1s", 'seventh_phase_seconds{phase="tls"}'),
        ("http", "quic.hello=1s", 'seventh_phase_seconds{phase="quic.hello"}'),
        ("ntp", "stratum=3", "seventh_ntp_stratum"),
        ("ntp", "nts.rtt=1s", 'seventh_phase_seconds{phase="nts.rtt"}'),
        ("ntp", "ntp_root_distance_seconds=1", "seventh_ntp_root_distance_seconds"),
        ("websocket", "ws.ping=1s", "seventh_ws_ping_seconds"),
        ("websocket", "wss.upgrade=1s", ""),
        ("net", "rtt=1s", "seventh_rtt_seconds"),
        ("ssh", "tls=1s", 'seventh_phase_seconds{phase="proxy.tls"}'),
        ("ssh", "nts.rtt=1s", ""),
    ],
)
def test_names_with_and_without_the_prefix(room: str, text: str, metric: str) -> None:
    assert [made.metric for _, made in limits_of(limited(text), room)] == [metric][: bool(metric)]


@pytest.mark.parametrize(
    ("rooms", "maximums", "minimums", "says"),
    [
        (["http"], ["ttbf=1s"], [], r"unknown name .ttbf.: did you mean http.ttfb\?"),
        (["ssh", "http"], ["conect=1s"], [], r"did you mean connect\? `seventh explain ssh`, `sev"),
        (["ssh"], ["tls.handshake=1s"], [], r"unknown name.*ssh.kexinit.*\(ns, us, ms, s,"),
        (["http"], ["hello=1s"], [], "'hello' is ambiguous: write quic.hello or tls.hello"),
        (["http"], ["ttfb=1%"], [], "--max ttfb=1%: '%' is not a unit of a time"),
        (["http"], ["ttfb=-1ms"], [], "http.ttfb is never below 0"),
        (["ntp"], ["offset=-1ms"], [], "ntp.offset is never below 0"),
        (["http"], ["ttfb=1s", "http.ttfb=2s"], [], "http.ttfb already has a --max"),
        (["http"], ["ttfb=1s"], ["ttfb=2s"], "http.ttfb: the --min is above the --max"),
        (["http"], ["x" * 9999 + "=1s"], [], "unknown name"),
    ],
)  # fmt: skip
def test_a_limit_that_cannot_be_meant_is_refused(
    rooms: list[str], maximums: list[str], minimums: list[str], says: str
) -> None:
    with pytest.raises(UsageError, match=says) as raised:
        check(limited(*maximums, minimums=tuple(minimums)), rooms)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 2000


def test_one_of_several_protocols_has_to_know_a_name() -> None:
    check(limited("ntp.stratum=3"), ["http", "ntp"])
    assert limits_of(limited("ntp.stratum=3"), "http") == ()
    assert only("http", "ntp.stratum=3", "ttfb=1s").name == "http.ttfb"


def test_a_minimum_may_be_the_maximum() -> None:
    assert only("http", "status=200", minimums=("status=200",)).bounds == "200 to 200"


@pytest.mark.parametrize(
    ("room", "text", "says"),
    [
        (
            "net",
            "connetc=1s",
            ("--max connetc=1s: unknown name 'connetc': did you mean connect? The names are "),
        ),
        ("net", "zzzzzz=1s", "--max zzzzzz=1s: unknown name 'zzzzzz'; the names are "),
    ],
)
def test_an_unknown_name_is_answered_with_all_names_and_units(
    room: str, text: str, says: str
) -> None:
    with pytest.raises(UsageError) as raised:
        check(limited(text), [room])
    assert str(raised.value).startswith(says)
    kinds = str(raised.value).removeprefix(says).split("; ")
    assert [kind[kind.index("(") :] for kind in kinds] == [
        "(ns, us, ms, s, min, h or days)", "(%)",
    ]  # fmt: skip
    assert kinds[1] == "tcp.packet_loss (%)"


def test_a_signed_metric_is_limited_on_both_sides() -> None:
    """An offset of -10 s is below any maximum, and nobody who sets one wants it."""
    made = only("ntp", "offset=50ms")
    assert (made.minimum, made.maximum) == (-0.05, 0.05)
    assert made.bounds == "-50 to 50 ms"
    one_sided = only("ntp", "offset=50ms", minimums=("offset=-10s",))
    assert (one_sided.minimum, one_sided.maximum) == (-10, 0.05)
    assert only("ntp", minimums=("offset=-50ms",)).maximum is None
    for unsigned in (only("http", "ttfb=1s"), only("net", "connect=1s")):
        assert (unsigned.minimum, unsigned.maximum) == (None, 1)


def test_every_sample_and_every_run_counts() -> None:
    phase = Phase(name="connect", start_seconds=0, seconds=0.1, clock="kernel", outcome="ok")
    other = Phase(
        name="connect", start_seconds=0, seconds=0.3, clock="kernel", outcome="ok", address="::1"
    )
    failed = Phase(name="connect", start_seconds=0, seconds=9, clock="kernel", outcome="failed")
    samples = [Sample(LOSS, (("source", source),), value)
               for source, value in (("tcp", 0.0), ("ntp", 0.5))]  # fmt: skip
    wanted = [only("net", "connect=200ms"), only("net", "packet_loss=1%")]
    connect, loss = measure(wanted, samples, [phase, other, failed], 0.0)
    assert connect.missed == (Measured(value=0.3, labels={"address": "::1"}),)
    assert loss.missed == (Measured(value=0.5, labels={"source": "ntp"}),)
    assert len(connect.measured) == len(loss.measured) == 2


def test_of_a_timestamp_the_time_left_counts() -> None:
    expiry = Sample("seventh_cert_expiry_timestamp_seconds", (), 1_000_000 + 20 * 86_400)
    (made,) = measure([only("tls", minimums=("days_left=21",))], [expiry], [], 1_000_000)
    assert made.name == "tls.days_left"
    assert [made.text(each) for each in made.missed] == ["20 days"]


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello FTP\r\n")
    await reader.read()


def tcp(port: int) -> Target:
    return Target(scheme="tcp", host="127.0.0.1", port=port)


async def check_of(options: Options, selection: Selection | None = None) -> Report:
    async with tcp_server(greet) as port:
        return await check_one(tcp(port), options, selection or Selection())


async def test_a_limit_that_is_missed_is_a_finding() -> None:
    report = await check_of(limited("connect=1ns"))
    (finding,) = report.findings
    assert (finding.id, finding.severity) == ("NET-LIMIT", Severity.HIGH)
    assert report.status is Status.CRITICAL
    (line,) = finding.params["missed"]  # type: ignore[misc]
    assert line.startswith("connect ")
    assert line.endswith(" ns at 127.0.0.1 (max 1 ns)")


async def test_a_limit_that_holds_is_passed() -> None:
    report = await check_of(limited("connect=5s", "rtt=5s"))
    assert {"NET-LIMIT", "NET-PORT-STATE"} <= {*report.passed}
    assert report.status is Status.OK
    assert [limit.name for limit in net_facts(report).limits] == ["connect", "tcp.rtt"]


async def test_a_limit_that_was_not_measured_is_unknown_and_never_met() -> None:
    report = await check_of(limited("connect=5s", "resolve=5s"))
    assert report.status is Status.UNKNOWN
    assert report.unmeasured == ("resolve",)
    (skip,) = [skip for skip in report.skipped if skip.id == "NET-LIMIT"]
    assert skip.reason == "not measured: resolve"
    assert skip.cause is SkipCause.NO_EVIDENCE


async def test_one_that_is_missed_counts_more_than_one_that_is_unknown() -> None:
    report = await check_of(limited("connect=1ns", "resolve=5s"))
    assert report.status is Status.CRITICAL
    (finding,) = report.findings
    assert finding.params["unmeasured"] == ("resolve",)


async def test_a_failed_check_stays_a_failure() -> None:
    report = await check_one(tcp(free_port()), limited("connect=5s"))
    assert report.failure is not None
    assert report.failure.reason is Reason.CONNECT_REFUSED
    assert report.status is Status.CRITICAL
    assert "NET-LIMIT" not in {*report.passed, *found(report)}


async def test_without_limits_the_rule_does_not_apply() -> None:
    report = await check_of(Options(timeout_seconds=5))
    (skip,) = [skip for skip in report.skipped if skip.id == "NET-LIMIT"]
    assert skip.cause is SkipCause.NOT_APPLICABLE
    assert report.status is Status.OK


async def test_a_limit_is_judged_whatever_other_rules_are_selected() -> None:
    report = await check_of(limited("connect=1ns"), Selection(only=frozenset({"NET-PMTU"})))
    assert found(report) == {"NET-LIMIT"}
    others = {*report.passed, *(skip.id for skip in report.skipped)}
    assert others == {"NET-PMTU"}
    report = await check_of(limited("connect=1ns"), Selection(skip=frozenset({"NET-LIMIT"})))
    assert found(report) == set()


async def test_a_pulse_judges_limits_alone() -> None:
    async with tcp_server(greet) as port:
        missed = await pulse_one(tcp(port), limited("connect=1ns"))
        met = await pulse_one(tcp(port), limited("connect=5s"))
    assert found(missed) == {"NET-LIMIT"}
    assert (missed.status, missed.skipped) == (Status.CRITICAL, ())
    assert (met.findings, met.passed, met.status) == ((), ("NET-LIMIT",), Status.OK)


async def test_a_bad_limit_is_the_failure_of_its_target_before_a_connection() -> None:
    report = await check_one(tcp(free_port()), limited("connect=3%"))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert report.phases == ()


async def test_a_port_of_a_bare_host_without_tls_has_no_limit_on_tls() -> None:
    """``seventh check HOST --min tls.days_left=21`` is about its https port."""
    target = Target(scheme="http", host="127.0.0.1", port=free_port(), of_bare_host=True)
    options = limited(minimums=("tls.days_left=21",))
    assert net_facts(await check_one(target, options)).limits == ()
    typed = Target(scheme="http", host="127.0.0.1", port=free_port())
    assert [each.name for each in net_facts(await check_one(typed, options)).limits]
