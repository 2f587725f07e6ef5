"""A limit in every format: missed, met and not measured."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import msgspec
import pytest

from seventh import protocols
from seventh.engine.limits import RULE
from seventh.model.host import Host, Port, PortState
from seventh.model.limit import Limit, Measured
from seventh.model.netfacts import Attempt, NetFacts
from seventh.model.phase import Phase
from seventh.model.report import Finding, Report
from seventh.model.sample import Sample
from seventh.model.severity import Severity
from seventh.render import FORMATS, View, render
from seventh.rules.run import Selection, run_rules
from tests.render.samples import document, report

CONNECT = 'seventh_phase_seconds{phase="connect"}'
EXPIRY = "seventh_cert_expiry_timestamp_seconds"
_OPEN = Attempt(
    address="::1", port=1, family="ipv6", transport="tcp", outcome="open", seconds=0.4,
    clock="kernel",
)  # fmt: skip


def judged(*limits: Limit, **fields: object) -> Report:
    """A report with these limits, judged as a check judges them."""
    facts = NetFacts(attempts=(_OPEN,), limits=limits)
    verdicts = run_rules("net", protocols.rules("net"), facts, Selection(only=frozenset([RULE])))
    return report(
        facts={"net": facts}, findings=verdicts.findings, skipped=verdicts.skipped,
        passed=verdicts.passed, failure=None, **fields,
    )  # fmt: skip


def connect(*seconds: float) -> Limit:
    values = tuple(Measured(value=each, labels={"address": "::1"}) for each in seconds)
    return Limit(name="connect", metric=CONNECT, maximum=0.2, unit="ms", measured=values)


MISSED, MET, UNKNOWN = judged(connect(0.1, 0.4123)), judged(connect(0.1)), judged(connect())


@pytest.mark.parametrize("name", FORMATS)
def test_a_missed_limit_is_in_every_format_with_its_values(name: str) -> None:
    text = render(name, document(MISSED), View())
    assert RULE in text
    assert "critical" in text.lower() or name == "junit"
    assert "412.3 ms at ::1 (max 200 ms)" in text.replace("&#x27;", "'")


@pytest.mark.parametrize("name", FORMATS)
def test_an_unmeasured_limit_is_never_ok_in_any_format(name: str) -> None:
    text = render(name, document(UNKNOWN), View())
    assert "unknown" in text.lower() or name == "junit"
    assert "not measured: connect" in text


def test_junit_fails_on_a_missed_limit_and_errs_on_an_unknown_one() -> None:
    for made, counts in ((MISSED, ("1", "0")), (MET, ("0", "0")), (UNKNOWN, ("0", "1"))):
        root = ET.fromstring(render("junit", document(made), View()))  # noqa: S314 - our own
        assert (root.get("failures"), root.get("errors")) == counts


def test_json_has_every_limit_with_what_was_measured() -> None:
    (entry,) = json.loads(render("json", document(MISSED), View()))["reports"]
    assert entry["status"] == "critical"
    assert entry["facts"]["net"]["limits"] == [
        {
            "name": "connect", "metric": CONNECT, "minimum": None, "maximum": 0.2, "unit": "ms",
            "measured": [
                {"value": 0.1, "labels": {"address": "::1"}},
                {"value": 0.4123, "labels": {"address": "::1"}},
            ],
        }
    ]  # fmt: skip


def perfdata(made: Report) -> str:
    return render("nagios", document(made), View()).splitlines()[0].partition(" | ")[2]


def test_perfdata_has_the_limits_as_ranges() -> None:
    runs = tuple(
        Phase(name="connect", start_seconds=0, seconds=each, clock="kernel", outcome="ok")
        for each in (0.1, 0.4123)
    )
    assert "'phase connect'=0.4123s;;0.2;0;" in perfdata(judged(connect(0.1, 0.4123), phases=runs))
    loss = Sample("seventh_packet_loss_ratio", (("source", "tcp"),), 0.5)
    limit = Limit(name="tcp.packet_loss", metric=loss.name, maximum=0.02, unit="%",
                  measured=(Measured(value=0.5),))  # fmt: skip
    assert "=50%;;2;0;100" in perfdata(judged(limit, metrics=(loss,)))
    offset = Sample("seventh_ntp_offset_seconds", (), -0.1)
    limit = Limit(name="ntp.offset", metric=offset.name, minimum=-0.05, maximum=0.05, unit="ms",
                  measured=(Measured(value=-0.1),))  # fmt: skip
    assert "'ntp_offset'=-0.1s;;-0.05:0.05;;" in perfdata(judged(limit, metrics=(offset,)))


def test_perfdata_has_u_for_what_was_not_measured() -> None:
    line = render("nagios", document(UNKNOWN), View()).splitlines()[0]
    assert line.startswith("SEVENTH UNKNOWN - ")
    assert "limits not measured: connect" in line.partition(" | ")[0]
    assert "'phase connect'=U;;0.2;0;" in perfdata(UNKNOWN).split(" ", 1)[1]
    for metric, low, high, shown in (
        ("seventh_packet_loss_ratio", None, 0.02, "'packet_loss'=U;;2;0;100"),
        ("seventh_ntp_offset_seconds", -0.05, 0.05, "'ntp_offset'=U;;-0.05:0.05;;"),
        (EXPIRY, 86_400.0, None, "'cert_expiry'=U;;86400:;;"),
        ("seventh_ntp_stratum", None, 3, "'ntp_stratum'=U;;3;;"),
    ):
        limit = Limit(name="x", metric=metric, minimum=low, maximum=high)
        assert perfdata(judged(limit)).endswith(shown)


def test_a_plugin_says_what_was_not_measured_beside_the_gravest_finding() -> None:
    weak = Finding(
        id="DEMO", room="demo", severity=Severity.MEDIUM, tier=0, params={}, references=(), seed=()
    )
    made = msgspec.structs.replace(UNKNOWN, findings=(weak,))
    line = render("nagios", document(made), View()).splitlines()[0]
    assert line.startswith("SEVENTH UNKNOWN - ")
    assert "DEMO (medium) DEMO; limits not measured: connect in " in line


def test_perfdata_of_an_expiry_has_the_time_left() -> None:
    started = judged().started_seconds
    expiry = Sample(EXPIRY, (), started + 20 * 86_400)
    for low, high, shown in ((21, None, "1814400:"), (None, 30, "~:2592000"),
                             (21, 30, "1814400:2592000")):  # fmt: skip
        limit = Limit(
            name="tls.days_left", metric=EXPIRY, unit="days",
            minimum=low and low * 86_400.0, maximum=high and high * 86_400.0,
            measured=(Measured(value=20 * 86_400),),
        )  # fmt: skip
        assert f"'cert_expiry'=1728000s;;{shown};;" in perfdata(judged(limit, metrics=(expiry,)))


@pytest.mark.parametrize("name", FORMATS)
def test_the_table_of_a_host_says_why_a_port_is_unknown(name: str) -> None:
    port = Port(number=22, transport="tcp", state=PortState.OPEN, report=UNKNOWN)
    made = msgspec.structs.replace(document(UNKNOWN), hosts=(Host(name="h.test", ports=(port,)),))
    assert "limits not measured: connect" in render(name, made, View(width=120))
