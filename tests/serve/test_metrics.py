"""``/metrics``: what Prometheus' own parsers read in it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from seventh import protocols
from seventh.labkit.serve import tcp_server
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.report import Report
from seventh.model.sample import Sample
from seventh.serve.exposition import CONTENT_TYPE, Page, label, number
from seventh.serve.families import Family, families
from seventh.serve.latest import LOSS, RECONNECTS, Latest
from tests.peers import need_binary
from tests.serve.made import served, target


@pytest.fixture
async def http_port() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        writer.close()

    async with tcp_server(serve) as port:
        yield port


def values(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


def checked(promtool: str, page: str) -> tuple[int, str, str]:
    """What promtool says of a page."""
    ran = subprocess.run(
        [promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False,
        timeout=20,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr


async def test_the_page_is_what_prometheus_reads(tmp_path: Path, http_port: int) -> None:
    promtool = need_binary("promtool")
    up, down = target(http_port, "web", "http", team='a"b'), target(1, "gone")
    async with served(tmp_path, up, down) as it:
        await it.pulsed()
        answer = await it.ask("/metrics")
    assert (answer.status, answer.headers["content-type"]) == (200, CONTENT_TYPE)
    found = values(answer.body)
    expected = {
        of("seventh_up", target="web"): 1,
        of("seventh_up", target="gone"): 0,
        of("seventh_http_status", target="web"): 200,
        of("seventh_http_body_bytes", target="web"): 2,
        of("seventh_target_condition", target="web", condition="up"): 1,
        of("seventh_target_condition", target="gone", condition="down"): 1,
        of("seventh_alert_firing", target="gone", kind="down", phase="", held=""): 1,
        of("seventh_target_interval_seconds", target="gone"): 0.02,
        of("seventh_target_info", target="web", url=str(up.target), protocol="http",
           label_team='a"b'): 1,
        of("seventh_watch_targets"): 2,
        of("seventh_watch_store_up"): 1,
        of("seventh_watch_network_up"): 1,
        of("seventh_watch_dropped_pulses_total"): 0,
        of("seventh_watch_reload_success"): 1,
    }  # fmt: skip
    assert {key: found.get(key) for key in expected} == expected
    errors = of(
        "seventh_errors_total", target="gone", phase="connect", **{"class": "connect-refused"}
    )
    assert found[errors] >= 1
    at = found[of("seventh_last_pulse_timestamp_seconds", target="web")]
    assert abs(at - it.watcher.last[1].at_ns / 1e9) < 20
    assert checked(promtool, answer.body) == (0, "", "")


def test_all_families_of_the_specs_pass_promtool() -> None:
    promtool = need_binary("promtool")
    page = Page(families())
    for name in families():
        page.add(name, 1)
    text = "".join(page.parts())
    assert {
        line for line in checked(promtool, text)[2].splitlines() if "seventh_" in line
    } <= _DEBATABLE
    assert {sample for sample, _ in values(text)} == families().keys()


_DEBATABLE = {'seventh_ssh_gex_modulus_bits use base unit "bytes" instead of "bits"'}
"""A modulus has bits."""


def test_each_metric_of_each_protocol_has_a_family() -> None:
    kinds: dict[str, set[str]] = {}
    for spec in protocols.rooms().values():
        for metric in spec.metrics:
            kinds.setdefault(metric.name, set()).add(metric.kind)
    assert {name: {families()[name].kind} for name in kinds} == {
        name: {"gauge" if kind == "histogram" else kind for kind in several}
        for name, several in kinds.items()
    }


def report(*samples: Sample) -> Report:
    return Report(
        target="t", protocol="ssh", vantage="v", started_seconds=5.0, duration_seconds=1.0,
        facts={}, metrics=samples,
    )  # fmt: skip


def test_counters_add_up_and_gauges_are_the_last() -> None:
    latest = Latest()
    for value in (1.0, 2.0):
        latest.pulse(1, report(
            Sample("seventh_http_negotiated_total", (("version", "2"),), 1.0),
            Sample("seventh_ttfb_seconds", (), value),
        ))  # fmt: skip
    assert [*latest.samples(1)] == [
        Sample("seventh_ttfb_seconds", (), 2.0),
        Sample(RECONNECTS, (), 0),
        Sample("seventh_http_negotiated_total", (("version", "2"),), 2.0),
    ]
    assert [*latest.samples(2)] == []


def test_the_systems_own_counters_are_not_added_up() -> None:
    latest = Latest()
    name, labels = "seventh_ws_listen_drops_total", (("source", "local"),)
    for value in (190.0, 191.0):
        latest.pulse(1, replace(report(Sample(name, labels, value)), protocol="local"))
    assert Sample(name, labels, 191.0) in latest.samples(1)


def test_a_success_after_a_failure_is_a_reconnect() -> None:
    latest = Latest()
    refused = Failure(
        reason=Reason.CONNECT_REFUSED, phase="connect", blame=Blame.PEER, detail="refused"
    )
    ours = Failure(
        reason=Reason.LOCAL_RESOURCE, phase="connect", blame=Blame.LOCAL, detail="no socket"
    )
    seen = []
    for failure in (None, refused, refused, ours, None, ours, None, refused, None):
        latest.pulse(1, replace(report(), failure=failure))
        seen.append(latest.reconnects(1))
    assert seen == [0, 0, 0, 0, 1, 1, 1, 1, 2]
    assert Sample(RECONNECTS, (), 2.0) in latest.samples(1)
    assert (latest.reconnects(2), latest.gauge(1, LOSS), latest.gauge(2, LOSS)) == (
        0, None, None,
    )  # fmt: skip
    latest.pulse(1, report(Sample(LOSS, (("source", "tcp"),), 0.5)))
    assert latest.gauge(1, LOSS) == 0.5


def test_a_check_adds_what_pulses_do_not_have() -> None:
    latest = Latest()
    ttfb, keys = "seventh_ttfb_seconds", "seventh_ssh_host_keys"
    latest.pulse(1, report(Sample(ttfb, (), 1.0)))
    assert latest.checked_seconds(1) is None
    latest.check(1, report(Sample(ttfb, (), 9.0), Sample(keys, (), 3.0)))
    assert [*latest.samples(1)] == [
        Sample(ttfb, (), 1.0), Sample(RECONNECTS, (), 0), Sample(keys, (), 3.0),
    ]  # fmt: skip
    assert latest.checked_seconds(1) == 5.0
    latest.forget_others({2})
    assert [*latest.samples(1)] == []
    assert latest.checked_seconds(1) is None


def test_no_peer_makes_more_counters_than_allowed() -> None:
    latest = Latest()
    many = [Sample("seventh_errors_total", (("phase", str(n)),), 1.0) for n in range(201)]
    latest.pulse(1, report(*many))
    latest.pulse(1, report(many[0], many[200]))
    found = {each.labels: each.value for each in latest.samples(1) if each.name != RECONNECTS}
    assert len(found) == 200
    assert found[many[0].labels] == 2
    assert many[200].labels not in found


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-3.0, "-3"), (0.25, "0.25"), (1e-9, "1e-09"), (1e15, "1000000000000000"),
     (1e16, "1e+16"), (float("inf"), "+Inf"), (float("-inf"), "-Inf"),
     (float("nan"), "NaN"), (True, "1")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


def test_labels_are_escaped_and_short() -> None:
    assert label("a", 'x"\\\n\x1b\ud800') == r'a="x\"\\\\x0a\\x1b\\ud800"'
    assert label("a", "x" * 1001) == f'a="{"x" * 1000}…"'
    page = Page({"b": Family("b", "gauge", "a \\ and\na line"), "a": Family("a", "counter", "m")})
    page.add("a", 1)
    page.add("b", 2, label("l", "1"))
    page.add("b", 3)
    assert "".join(page.parts()) == (
        '# HELP b a \\\\ and\\na line\n# TYPE b gauge\nb{l="1"} 2\nb 3\n'
        "# HELP a m\n# TYPE a counter\na 1\n"
    )
