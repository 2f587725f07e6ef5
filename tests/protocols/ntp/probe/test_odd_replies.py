"""Replies that no client accepts: each is told as what it is, never as silence or a closed port."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import UdpHandler, udp_server
from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ntp.wire.packet import HEADER_BYTES, Packet, to_ntp
from tests.options import options_with
from tests.protocols.ntp.replies import reply_to
from tests.reports import found

pytestmark = pytest.mark.field
NOW_NS = 1_796_000_000 * 10**9


def good(request: bytes, **changes: object) -> Packet:
    """A correct reply of a certain day."""
    return reply_to(request, NOW_NS, **changes)


def changed(**fields: object) -> Callable[[bytes], bytes]:
    """A reply that is wrong in some fields."""
    return lambda request: good(request, **fields).encode()


def first_byte(value: int) -> Callable[[bytes], bytes]:
    return lambda request: bytes([value]) + good(request).encode()[1:]


async def look(answer: Callable[[bytes], bytes], *, by: socket.socket | None = None) -> Report:
    """Check a server that answers so, from another socket where one is given."""

    def handle(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if len(data) < HEADER_BYTES:
            return  # mode 6 is asked too
        if by is None:
            server.send(answer(data), source)
        else:
            by.sendto(answer(data), source)

    async with udp_server(handle) as port:
        target = Target(scheme="ntp", host="127.0.0.1", port=port)
        return await check_one(
            target, options_with(timeout_seconds=1.0, samples=2, interval_seconds=0.02)
        )


def states(report: Report) -> set[str]:
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    return {attempt.outcome for attempt in net.attempts}


@pytest.mark.parametrize("mode", [1, 2, 5, 6, 7, 0])
@pytest.mark.parametrize("version", [3, 4])
async def test_another_mode_is_ntp_all_the_same(mode: int, version: int) -> None:
    report = await look(first_byte(version << 3 | mode))
    assert report.failure is not None
    assert report.failure.reason == "protocol-violation"
    assert f"mode {mode}" in report.failure.detail
    assert states(report) == {"open"}


@pytest.mark.parametrize("version", [0, 5, 7])
async def test_another_version_is_ntp_all_the_same(version: int) -> None:
    report = await look(first_byte(version << 3 | 4))
    assert report.failure is not None
    assert report.failure.reason == "protocol-violation"
    assert f"NTP version {version}" in report.failure.detail


@pytest.mark.parametrize("first", [0x22, 0x24])
async def test_a_short_reply_is_told_by_its_length(first: int) -> None:
    report = await look(lambda request: (bytes([first]) + good(request).encode()[1:])[:44])
    assert report.failure is not None
    assert report.failure.reason == "protocol-violation"
    assert "44 bytes" in report.failure.detail


@pytest.mark.parametrize("ip", ["127.0.0.2", "127.0.0.1"])
async def test_an_answer_from_elsewhere_is_named(ip: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((ip, 0))
        report = await look(changed(), by=other)
        source = f"port {other.getsockname()[1]} of {ip}"
    assert report.failure is not None
    assert (report.failure.reason, report.failure.blame) == ("unexpected-answer", "peer")
    assert f"answers from {source}" in report.failure.detail
    assert states(report) == {"open"}
    assert found(report) == {"NTP-SPOOF", "NTP-NO-REPLY", "NET-FAILED"}


async def test_an_origin_that_is_none_of_ours_is_no_silence() -> None:
    report = await look(changed(origin=0))
    assert report.failure is not None
    assert report.failure.reason == "no-reply"
    assert "with a wrong origin timestamp: 2" in report.failure.detail
    assert states(report) == {"open"}
    assert "NET-PORT-STATE" not in found(report)


async def test_a_forged_reply_from_a_third_party_proves_no_server() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        report = await look(changed(origin=1), by=other)
    assert report.failure is not None and report.failure.reason == "no-reply"
    assert states(report) == {"timeout"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"reference": to_ntp(NOW_NS + 600 * 10**9)}, "reference-later"),
        ({"root_dispersion": 20 << 16}, "root-distance"),
        ({"root_delay": 40 << 16}, "root-distance"),
    ],
)
async def test_a_header_that_clients_reject_is_a_finding(fields: dict[str, int], code: str) -> None:
    report = await look(changed(**fields))
    (finding,) = (finding for finding in report.findings if finding.id == "NTP-HEADER")
    assert finding.params["what"] == (code,)


@pytest.mark.parametrize("stratum", [17, 99, 255])
async def test_a_reserved_stratum_is_no_time(stratum: int) -> None:
    assert "NTP-UNSYNC" in found(await look(changed(stratum=stratum)))
