"""The conversation, against the room's own lab and against servers that misbehave further."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Fault, Kit, UdpHandler, free_port, udp_server
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.net.datagram import Arrived, Datagram
from seventh.net.kernel import LINUX
from seventh.net.stopwatch import now_ns
from seventh.protocols.ntp import lab
from seventh.protocols.ntp.lab.faults import FAULTS
from seventh.protocols.ntp.lab.responder import Responder
from seventh.protocols.ntp.lab.setup import Setup
from seventh.protocols.ntp.wire.packet import Packet
from tests import needs
from tests.options import options_with
from tests.protocols.ntp.replies import reply_to
from tests.reports import metrics, triggered
from tests.reports import ntp_facts as facts_of

BY_NAME = {fault.name: fault for fault in FAULTS}
QUICK = options_with(timeout_seconds=3.0, samples=4, interval_seconds=0.05)


def target_of(port: int, host: str = "127.0.0.1") -> Target:
    return Target(scheme="ntp", host=host, port=port)


async def checked(fault: str | None, kit: Kit, verb: str = "check") -> Report:
    async with lab.serve(BY_NAME[fault] if fault else None, kit) as served:
        port = int(served.target.rpartition(":")[2])
        options = options_with(**{"timeout_seconds": 5.0, **served.options})
        return await (check_one if verb == "check" else pulse_one)(target_of(port), options)


@contextlib.asynccontextmanager
async def responder(setup: Setup) -> AsyncIterator[int]:
    """The lab's responder, with a behaviour that its table lacks."""
    made = Responder(setup)
    made.start()
    try:
        yield made.port
    finally:
        made.stop()


# -- the lab ---------------------------------------------------------------------------------------


async def test_a_clean_server_has_no_finding_at_all(kit: Kit) -> None:
    report = await checked(None, kit)
    assert report.failure is None
    assert report.findings == ()
    facts = facts_of(report)
    assert (facts.requests, facts.replies, facts.reach, facts.loss_ratio) == (4, 4, 0b1111, 0.0)
    assert (facts.stratum, facts.leap, facts.version) == (2, 0, 4)
    assert facts.reference_id == "192.0.2.1"
    assert facts.reference_age_seconds == pytest.approx(64, abs=0.01)
    assert facts.root_distance_seconds == pytest.approx(0.0045, abs=1e-4)
    assert facts.control_factor == 0.0
    assert [a.outcome for a in report.facts["net"].attempts] == ["open"]  # type: ignore[attr-defined]


async def test_the_offset_is_within_its_own_bound(kit: Kit) -> None:
    # Both ends read the same clock, so the truth is known: zero.
    facts = facts_of(await checked(None, kit))
    assert facts.offset_seconds is not None
    assert facts.offset_error_seconds is not None
    assert abs(facts.offset_seconds) <= facts.offset_error_seconds
    for sample in facts.samples:
        assert abs(sample.offset_seconds) <= sample.error_seconds
        assert 0 <= sample.delay_seconds <= sample.rtt_seconds
        assert sample.clock == ("kernel" if LINUX else "user")


async def test_phases_are_timed_by_the_kernel(kit: Kit) -> None:
    report = await checked(None, kit)
    rtt = [phase for phase in report.phases if phase.name == "ntp.rtt"]
    assert [phase.outcome for phase in rtt] == ["ok"] * 4
    assert {phase.clock for phase in rtt} == {"kernel" if LINUX else "user"}
    # The sample that counts has the least delay; the server's own time is not part of that.
    chosen = min(facts_of(report).samples, key=lambda sample: sample.delay_seconds)
    assert metrics(report)["seventh_rtt_seconds"] == chosen.rtt_seconds
    assert chosen.rtt_seconds in [phase.seconds for phase in rtt]


@pytest.mark.parametrize("name", BY_NAME)
async def test_a_fault_is_named_and_nothing_else(name: str, kit: Kit) -> None:
    fault: Fault = BY_NAME[name]
    report = await checked(name, kit)
    assert {finding.id for finding in report.findings} == triggered(fault), report.findings
    assert (str(report.failure.reason) if report.failure else None) == fault.reason
    if report.failure is not None:
        assert report.failure.phase == ("ntp.auth" if name.startswith("key-") else "ntp.rtt")


@pytest.mark.parametrize(
    ("name", "severity"),
    [
        ("wrong-time", Severity.MEDIUM),
        ("wrong-time-seconds", Severity.HIGH),
        ("wrong-time-years", Severity.CRITICAL),
        ("leap-pending", Severity.INFO),
        ("spoofed-origin", Severity.CRITICAL),
    ],
)
async def test_severities(name: str, severity: Severity, kit: Kit) -> None:
    (finding,) = (await checked(name, kit)).findings
    assert finding.severity is severity


async def test_a_wrong_time_is_measured(kit: Kit) -> None:
    for name in ("wrong-time", "wrong-time-seconds", "wrong-time-years"):
        facts = facts_of(await checked(name, kit))
        assert facts.offset_seconds is not None
        assert facts.offset_error_seconds is not None
        truth = BY_NAME[name].setup.shifts[0]
        assert abs(facts.offset_seconds - truth) <= facts.offset_error_seconds


async def test_jitter_is_the_scatter_of_the_offsets(kit: Kit) -> None:
    facts = facts_of(await checked("jitter", kit))
    # Four offsets of ±30 ms: two of them are 60 ms from the chosen one.
    assert facts.jitter_seconds == pytest.approx((2 * 0.06**2 / 3) ** 0.5, abs=0.003)


async def test_half_of_the_replies_lost(kit: Kit) -> None:
    facts = facts_of(await checked("loss", kit))
    assert (facts.requests, facts.replies, facts.reach) == (6, 3, 0b010101)


async def test_forged_packets_are_counted_and_not_believed(kit: Kit) -> None:
    facts = facts_of(await checked("forged-kiss", kit))
    assert (facts.spoofed, facts.spoofed_kisses, facts.kiss_codes) == (8, 8, ())
    assert facts.replies == 4


async def test_a_rate_kiss_ends_the_asking(kit: Kit) -> None:
    report = await checked("kod-rate", kit)
    facts = facts_of(report)
    assert (facts.requests, facts.kiss_codes) == (2, ("RATE",))
    assert len(facts.samples) == 1
    # Told to be quiet, nothing more is sent: no mode 6 either.
    assert facts.control_factor is None
    assert "NTP-MODE6" in {skipped.id for skipped in report.skipped}


async def test_mode_6_is_read_whole(kit: Kit) -> None:
    facts = facts_of(await checked("mode6", kit))
    assert facts.control_packets == 3
    assert facts.control_factor == facts.control_bytes / 12
    assert facts.control_version == "ntpd lab@1.0"
    assert facts.control_system == "Lab/1.0"
    assert "refid" in facts.control_variables


async def test_tier_0_sends_no_mode_6(kit: Kit) -> None:
    async with lab.serve(BY_NAME["mode6"], kit) as served:
        port = int(served.target.rpartition(":")[2])
        options = options_with(samples=1, max_tier=0, timeout_seconds=3)
        report = await check_one(target_of(port), options)
    assert facts_of(report).control_factor is None
    assert report.findings == ()


async def test_another_protocol_is_named(kit: Kit) -> None:
    report = await checked("http", kit)
    assert report.failure is not None
    assert "is not an NTP server: HTTP" in report.failure.detail
    report = await checked("echo", kit)
    assert report.failure is not None
    assert "echo service" in report.failure.detail


async def test_refusal_and_silence_are_told_apart(kit: Kit) -> None:
    refused = facts_of(await checked("refused", kit))
    silent = facts_of(await checked("no-reply", kit))
    assert "ICMP" in refused.icmp
    assert refused.requests == 1, "after a refusal nothing more is sent"
    assert silent.icmp == ""
    assert silent.requests == 2


# -- pulse -----------------------------------------------------------------------------------------


async def test_a_pulse_is_one_exchange(kit: Kit) -> None:
    report = await checked(None, kit, "pulse")
    assert report.failure is None
    assert [phase.name for phase in report.phases] == ["ntp.rtt"]
    facts = facts_of(report)
    assert facts.requests == 1
    assert facts.jitter_seconds is None
    assert {"seventh_up", "seventh_ntp_offset_seconds", "seventh_ntp_stratum"} <= set(
        metrics(report)
    )


@pytest.mark.parametrize("name", ["refused", "no-reply", "kod-deny", "http"])
async def test_a_pulse_fails_as_a_check_does(name: str, kit: Kit) -> None:
    report = await checked(name, kit, "pulse")
    assert report.failure is not None
    assert str(report.failure.reason) == BY_NAME[name].reason
    assert metrics(report)["seventh_up"] == 0.0


# -- further servers -------------------------------------------------------------------------------


async def test_a_late_reply_still_counts() -> None:
    # Each request is answered only when the next one comes.
    held: list[tuple[bytes, tuple[str, int]]] = []

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        for waiting, to in held:
            handler.send(reply_to(waiting).encode(), to)
        held[:] = [(data, source)]

    async with udp_server(answer) as port:
        report = await check_one(
            target_of(port), options_with(samples=4, interval_seconds=0.05, timeout_seconds=1)
        )
    facts = facts_of(report)
    assert (facts.requests, facts.replies, facts.reach) == (4, 3, 0b1110)
    assert facts.spoofed == facts.duplicates == 0


async def test_a_repeated_reply_is_a_duplicate() -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 == 3:
            handler.send(reply_to(data).encode(), source)
            handler.send(reply_to(data).encode(), source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), QUICK)
    facts = facts_of(report)
    assert (facts.replies, facts.samples[-1].sequence) == (4, 3)
    # The last one's double comes after the last wait; nobody looks for it.
    assert facts.duplicates >= 3
    assert "NTP-SPOOF" not in {finding.id for finding in report.findings}


async def test_a_kiss_that_nobody_knows_is_no_good_answer() -> None:
    async with responder(Setup(script=(("kiss NTSN",),))) as port:
        report = await check_one(
            target_of(port), options_with(samples=2, interval_seconds=0.05, timeout_seconds=1)
        )
    assert report.failure is not None
    assert report.failure.reason is Reason.NEGOTIATION_FAILED
    assert "NTSN" in report.failure.detail


async def test_an_unsynchronised_ntpd_says_so_with_a_kiss() -> None:
    async with responder(Setup(leap=3, stratum=0, refid=b"INIT")) as port:
        report = await check_one(target_of(port), QUICK)
    assert report.failure is None
    assert {finding.id for finding in report.findings} == {"NTP-UNSYNC"}


async def test_a_request_that_cannot_leave_says_nothing_about_the_server() -> None:
    # The kernel sends nothing to the broadcast address for a socket that did not ask to.
    report = await check_one(target_of(123, "255.255.255.255"), QUICK)
    assert report.failure is not None
    assert report.failure.reason is Reason.CONNECT_FORBIDDEN
    assert facts_of(report).requests == 0
    assert report.findings == ()


async def test_only_forgeries_is_no_reply() -> None:
    async with responder(Setup(script=(("forged",),))) as port:
        report = await check_one(
            target_of(port), options_with(samples=2, interval_seconds=0.05, timeout_seconds=1)
        )
    assert report.failure is not None
    assert report.failure.reason is Reason.NO_REPLY
    assert "wrong origin timestamp: 2 " in report.failure.detail
    assert {f.id for f in report.findings} >= {"NTP-SPOOF", "NTP-NO-REPLY"}


async def test_a_flood_of_forgeries_ends_the_look() -> None:
    forged = Packet(mode=4, stratum=2, origin=1, receive=1, transmit=1).encode()

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        for _ in range(100):
            handler.send(forged, source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), QUICK)
    assert report.failure is not None
    # Loopback may drop some of a burst; what comes is either too much or nothing of use.
    assert report.failure.reason in {Reason.BUDGET_EXCEEDED, Reason.NO_REPLY}
    assert "NTP-SPOOF" in {finding.id for finding in report.findings}


async def test_a_name_server_on_the_port_is_named() -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        handler.send(data[:2] + b"\x81\x01" + bytes(8), source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), QUICK)
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert "DNS" in report.failure.detail


async def test_the_check_fits_into_its_time() -> None:
    started = time.monotonic()
    async with responder(Setup(script=((),))) as port:
        report = await check_one(
            target_of(port), options_with(samples=8, interval_seconds=60.0, timeout_seconds=1.0)
        )
    assert time.monotonic() - started < 1.4
    assert facts_of(report).requests == 8
    assert report.failure is not None
    assert report.failure.reason is Reason.NO_REPLY


@pytest.mark.parametrize(("asked", "sent"), [(0, 1), (-3, 1), (2, 2), (99, 8)])
async def test_samples_are_bounded(asked: int, sent: int) -> None:
    async with responder(Setup()) as port:
        report = await check_one(
            target_of(port), options_with(samples=asked, interval_seconds=0.01, timeout_seconds=3)
        )
    assert facts_of(report).requests == sent


async def test_every_address_is_asked_and_the_first_that_answers_is_the_conversation() -> None:
    async with responder(Setup()) as port, name_server({"lab.test": ADDRESSES}) as resolver:
        report = await check_one(
            target_of(port, "lab.test"),
            options_with(samples=2, interval_seconds=0.05, timeout_seconds=3, resolver=resolver),
        )
    facts = facts_of(report)
    assert report.failure is None
    assert facts.address == "127.0.0.1"
    outcomes = {a.address: a.outcome for a in report.facts["net"].attempts}  # type: ignore[attr-defined]
    assert outcomes == {"127.0.0.3": "refused", "127.0.0.1": "open"}
    assert [other.outcome for other in facts.others] == ["connect-refused"]
    assert "NET-PORT-STATE" in {finding.id for finding in report.findings}


ADDRESSES = {"A": ("127.0.0.3", "127.0.0.1")}


async def test_a_pulse_goes_on_to_the_next_address() -> None:
    async with responder(Setup()) as port, name_server({"lab.test": ADDRESSES}) as resolver:
        report = await pulse_one(
            target_of(port, "lab.test"), options_with(timeout_seconds=3, resolver=resolver)
        )
    assert report.failure is None
    assert facts_of(report).address == "127.0.0.1"


@needs.IPV6
async def test_ipv6() -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 == 3:
            handler.send(reply_to(data).encode(), source)

    async with udp_server(answer, "::1") as port:
        report = await check_one(target_of(port, "0:0:0:0:0:0:0:1"), QUICK)
    assert report.failure is None
    assert facts_of(report).replies == 4
    assert facts_of(report).local_address == "::1"


async def test_a_late_event_loop_does_not_falsify_the_round_trip() -> None:
    if not LINUX:
        pytest.skip("the kernel gives no receive timestamps here")

    replied_ns = 0

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        nonlocal replied_ns
        if data[0] & 7 == 3:
            handler.send(reply_to(data).encode(), source)
            replied_ns = now_ns()
            # The reply has arrived; now everybody in this process is held up.
            until = time.monotonic() + 0.05
            while time.monotonic() < until:
                pass

    async with udp_server(answer) as port:
        began_ns = now_ns()
        report = await pulse_one(target_of(port), QUICK)
    rtt_seconds = facts_of(report).rtt_seconds
    assert rtt_seconds is not None
    # Two readings of the wall clock lie between the kernel's stamp and the round trip.
    assert rtt_seconds <= (replied_ns - began_ns) / 1e9 + 0.001


async def test_an_icmp_error_after_a_reply_is_a_loss_and_no_busy_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A server that goes away in the middle: what was measured stays, and waiting costs nothing."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    port = sock.getsockname()[1]

    def once() -> None:
        data, source = sock.recvfrom(512)
        sock.sendto(reply_to(data).encode(), source)
        asyncio.get_running_loop().remove_reader(sock.fileno())
        sock.close()

    asyncio.get_running_loop().add_reader(sock.fileno(), once)
    waits = 0
    receive = Datagram.receive

    async def counted(datagram: Datagram, until_ns: int) -> Arrived | None:
        nonlocal waits
        waits += 1
        return await receive(datagram, until_ns)

    monkeypatch.setattr(Datagram, "receive", counted)
    report = await check_one(
        target_of(port), options_with(samples=4, interval_seconds=0.2, timeout_seconds=3)
    )
    assert waits <= 12, "an error ends one wait, and the next one waits again"
    facts = facts_of(report)
    assert report.failure is None
    assert facts.replies == 1
    assert "ICMP" in facts.icmp
    assert "NTP-LOSS" in {f.id for f in report.findings} or facts.requests < 4


async def test_an_unreachable_name_is_a_resolve_failure() -> None:
    async with name_server({}) as resolver:
        report = await check_one(
            target_of(free_port(), "gone.test"), options_with(resolver=resolver, timeout_seconds=3)
        )
    assert report.failure is not None
    assert report.failure.reason is Reason.RESOLVE_NXDOMAIN
