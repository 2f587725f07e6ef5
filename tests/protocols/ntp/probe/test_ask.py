"""Pools, keys and intrusive looks: the conversation, against the lab and against worse."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from seventh.cli.show import document
from seventh.engine.check import check_many, check_one
from seventh.labkit.serve import Kit, UdpHandler, udp_server
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.budget import Budget
from seventh.net.datagram import Datagram
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ntp import SPEC, lab
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.sources import KeyFacts, SourcesFacts
from seventh.protocols.ntp.lab.faults import CLEAN
from seventh.protocols.ntp.lab.pool import exclusive_port_123, pool
from seventh.protocols.ntp.lab.pool_faults import FAULTS, GOOD_POOL
from seventh.protocols.ntp.lab.responder import Responder
from seventh.protocols.ntp.lab.setup import Setup
from seventh.protocols.ntp.probe.intrusive import NTP_PORT
from seventh.protocols.ntp.probe.schedule import plan
from seventh.protocols.ntp.together import together
from seventh.protocols.ntp.wire.keys import find_key
from seventh.protocols.ntp.wire.mode7 import MAX_PACKETS, response
from seventh.render import FORMATS, View, render
from tests.options import options_with
from tests.protocols.ntp.probe.test_probe import facts_of, target_of
from tests.protocols.ntp.replies import reply_to

LOOK: dict[str, Any] = {"samples": 1, "interval_seconds": 0.05, "timeout_seconds": 4.0}
POOLS = {fault.name: fault for fault in FAULTS}
SECRET = "correct-horse-battery"


def options(**more: Any) -> Options:
    return options_with(**{**LOOK, **more})


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def sources_of(facts: NtpFacts | None) -> SourcesFacts:
    assert facts is not None
    assert facts.sources is not None
    return facts.sources


async def check_pool(setups: tuple[Setup, ...], **more: Any) -> Report:
    async with pool(setups) as served:
        host, _, port = served.target.removeprefix("ntp://").rpartition(":")
        return await check_one(target_of(int(port), host), options(**{**served.options, **more}))


# -- a name of several addresses -------------------------------------------------------------------


async def test_a_good_pool_has_no_finding_and_tells_our_own_clocks_error() -> None:
    report = await check_pool(GOOD_POOL)
    assert report.failure is None
    assert report.findings == ()
    sources = sources_of(facts_of(report))
    assert [source.verdict for source in sources.sources] == ["truechimer"] * 4
    assert sources.targets == 1
    # The lab reads this machine's own clock, so its error is known: none.
    assert sources.own_offset_seconds is not None
    assert sources.own_offset_error_seconds is not None
    assert abs(sources.own_offset_seconds) <= sources.own_offset_error_seconds
    assert sources.low_seconds is not None
    assert sources.high_seconds is not None
    assert sources.low_seconds <= 0 <= sources.high_seconds


@pytest.mark.parametrize("name", POOLS)
async def test_a_pools_fault_is_named_and_nothing_else(name: str) -> None:
    fault = POOLS[name]
    report = await check_pool(fault.setup)
    assert report.failure is None
    # Names resolve in any order; where the wrong server is asked first, its offset is told, too.
    assert ids(report) - {"NTP-OFFSET"} == set(fault.triggers)


async def test_the_falseticker_is_the_right_one() -> None:
    sources = sources_of(facts_of(await check_pool(POOLS["falseticker"].setup)))
    verdicts = {source.address: source.verdict for source in sources.sources}
    assert verdicts == {
        "127.0.0.1": "truechimer", "127.0.0.2": "truechimer", "127.0.0.3": "truechimer",
        "127.0.0.4": "falseticker",
    }  # fmt: skip
    wrong = next(source for source in sources.sources if source.verdict == "falseticker")
    assert wrong.offset_seconds == pytest.approx(37.0, abs=wrong.error_seconds)


async def test_a_dead_address_of_a_pool_is_a_source_without_time() -> None:
    report = await check_pool((*GOOD_POOL[:3], Setup(script=((),))), timeout_seconds=1.0)
    sources = sources_of(facts_of(report)).sources
    last = next(source for source in sources if source.address == "127.0.0.4")
    assert (last.verdict, last.detail) == ("unusable", "no-reply")
    assert "NTP-FEW" in ids(report)


# -- several targets -------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def several(*setups: Setup) -> AsyncIterator[list[Target]]:
    """Servers on one address, each with a port of its own."""
    made = [Responder(setup) for setup in setups]
    for responder in made:
        responder.start()
    try:
        yield [target_of(responder.port) for responder in made]
    finally:
        for responder in made:
            responder.stop()


async def checked_together(*setups: Setup) -> NtpFacts | None:
    async with several(*setups) as targets:
        jobs = [(target, options(samples=2)) for target in targets]
        reports = [report async for _, report in check_many(jobs)]
    assert all(report.failure is None for report in reports)
    return together(reports)


async def test_several_targets_are_judged_together() -> None:
    wrong = Setup(refid=b"\xc0\0\2\x09", shifts=(-0.5,))
    sources = sources_of(await checked_together(*GOOD_POOL[:3], wrong))
    assert sources.targets == 4
    found = {source.verdict: source for source in sources.sources}
    assert found["falseticker"].offset_seconds == pytest.approx(-0.5, abs=0.02)
    assert [s.verdict for s in sources.sources].count("truechimer") == 3
    assert sources.span_seconds < 4
    assert sources.drift_seconds <= 4 * 500e-6
    assert sources.stepped_seconds < 0.01, "our clock was not stepped"


async def test_a_whole_check_and_its_together_are_shown_in_every_format(kit: Kit) -> None:
    from seventh.engine.together import together as judge
    from seventh.rules.run import Selection

    async with several(*GOOD_POOL[:2], Setup(refid=b"\xc0\0\2\x09", shifts=(3.0,))) as targets:
        jobs = [(target, options()) for target in targets]
        reports = [report async for _, report in check_many(jobs)]
    (joint,) = judge(reports, Selection())
    assert ids(joint) == {"NTP-FALSETICKER", "NTP-FEW"}
    made = document([*reports, joint])
    for name in FORMATS:
        assert "NTP-FALSETICKER" in render(name, made, View()), name
    assert json.loads(render("json", made, View()))


# -- symmetric keys --------------------------------------------------------------------------------


def key_file(folder: Path, line: str) -> str:
    path = folder / "keys"
    path.write_text(f"# of a test\n{line}\n")
    return str(path)


KEYS = [
    f"1 MD5 ASCII:{SECRET}",
    f"2 SHA1 ASCII:{SECRET}",
    f"3 SHA256 ASCII:{SECRET}",
    f"4 SHA512 ASCII:{SECRET}",
    "5 AES128 HEX:000102030405060708090a0b0c0d0e0f",
    "4294967295 AES256 HEX:" + "00ff" * 16,
]


def key_of(report: Report) -> KeyFacts:
    key = facts_of(report).key
    assert key is not None
    return key


@pytest.mark.parametrize("line", KEYS)
async def test_each_algorithm_authenticates_both_ways(line: str, tmp_path: Path) -> None:
    async with several(Setup(keys=line)) as (target,):
        report = await check_one(target, options(ntp_keys=key_file(tmp_path, line)))
    key = key_of(report)
    assert report.failure is None
    assert (key.outcome, key.authenticated, key.requests) == ("authenticated", True, 1)
    assert key.algorithm == line.split()[1]
    assert key.mac_bytes == len(find_key(line, None).mac(b""))
    assert [p.outcome for p in report.phases if p.name == "ntp.auth"] == ["ok"]
    assert ids(report) == ({"NTP-MAC-MD5"} if "MD5" in line else set())


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [("key-refused", "nak"), ("key-forged", "forged"), ("key-ignored", "plain")],
)
async def test_a_key_that_is_not_believed_fails_the_check_and_keeps_the_rest(
    fault: str, outcome: str, kit: Kit
) -> None:
    found = next(f for f in lab.FAULTS if f.name == fault)
    async with lab.serve(found, kit) as served:
        port = int(served.target.rpartition(":")[2])
        report = await check_one(target_of(port), options(**served.options))
    key = key_of(report)
    assert (key.outcome, key.authenticated, key.crypto_nak) == (outcome, False, outcome == "nak")
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.AUTH_REJECTED, "ntp.auth")
    assert facts_of(report).offset_seconds is not None


async def test_a_server_that_is_silent_to_an_unknown_key_is_asked_twice(tmp_path: Path) -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 == 3 and len(data) == 48:
            handler.send(reply_to(data).encode(), source)

    async with udp_server(answer) as port:
        report = await check_one(
            target_of(port), options(ntp_keys=key_file(tmp_path, KEYS[0]), ntp_key=1)
        )
    key = key_of(report)
    assert (key.outcome, key.requests) == ("silence", 2)
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED


KEY = find_key(KEYS[4], None)


def forgeries(data: bytes) -> list[bytes]:
    """What an attacker who does not have the key may send before the true reply comes."""
    true = reply_to(data).encode()
    right = KEY.mac(true)
    return [
        reply_to(data, origin=1).encode() + KEY.mac(b"x"),  # not ours at all
        reply_to(data, stratum=0, leap=3, refid=b"DENY").encode(),  # a forged kiss, on the path
        reply_to(data, stratum=0, leap=3, refid=b"RATE", origin=5).encode() + bytes(4),
        true + bytes(4),  # a crypto-NAK
        true,  # without a MAC
        true + right[:-1],  # MACs of lengths that there are not
        true + right[:8],
        true + right + b"\0\0\0\0",
        true + b"\0\0\0\x09" + right[4:],  # another key's number
        true + right[:4] + bytes(16),
        b"\x24" + bytes(10),
        bytes(500),
    ]


async def test_only_our_keys_own_mac_is_believed_whatever_comes_before_it(tmp_path: Path) -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 != 3:
            return
        if len(data) == 48:
            handler.send(reply_to(data).encode(), source)
            return
        for forged in forgeries(data):
            handler.send(forged, source)
        true = reply_to(data).encode()
        handler.send(true + KEY.mac(true), source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), options(ntp_keys=key_file(tmp_path, KEYS[4])))
    assert key_of(report).outcome == "authenticated"
    assert report.failure is None


@pytest.mark.parametrize("index", range(12))
async def test_a_forgery_alone_is_never_believed(index: int, tmp_path: Path) -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 == 3:
            plain = len(data) == 48
            handler.send(reply_to(data).encode() if plain else forgeries(data)[index], source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), options(ntp_keys=key_file(tmp_path, KEYS[4])))
    assert key_of(report).authenticated is False
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED


async def test_a_flood_of_unbelieved_replies_ends_the_asking(tmp_path: Path) -> None:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 == 3:
            for _ in range(1 if len(data) == 48 else 2000):
                handler.send(reply_to(data).encode(), source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), options(ntp_keys=key_file(tmp_path, KEYS[4])))
    assert key_of(report).authenticated is False
    assert report.failure is not None
    assert report.failure.reason in {Reason.BUDGET_EXCEEDED, Reason.AUTH_REJECTED}


@pytest.mark.parametrize(
    ("content", "number", "message"),
    [
        (None, None, "No such file"),
        ("", None, "has no key"),
        ("1 MD5 ASCII:x", 2, "has no key 2"),
        (f"1 TIGER ASCII:{SECRET}", None, "type not supported: TIGER"),
    ],
)
async def test_an_unusable_key_file_costs_only_what_needed_it(
    content: str | None, number: int | None, message: str, tmp_path: Path
) -> None:
    path = str(tmp_path / "none") if content is None else key_file(tmp_path, content)
    async with several(Setup()) as (target,):
        report = await check_one(target, options(ntp_keys=path, ntp_key=number))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert message in report.failure.detail
    assert SECRET not in report.failure.detail
    assert facts_of(report).offset_seconds is not None, "the time was measured before"


async def test_the_key_is_nowhere_in_the_report(tmp_path: Path) -> None:
    line = KEYS[2]
    async with several(Setup(keys=line)) as (target,):
        report = await check_one(
            target, options(ntp_keys=key_file(tmp_path, line), transcript=True)
        )
    assert key_of(report).authenticated
    assert report.transcript
    shown = render("json", document([report]), View(verbose=True)) + repr(report)
    assert SECRET not in shown
    assert SECRET.encode().hex() not in shown


async def test_no_key_no_authentication(kit: Kit) -> None:
    async with several(Setup()) as (target,):
        report = await check_one(target, options())
    assert facts_of(report).key is None
    assert {s.id: s.reason for s in report.skipped}["NTP-MAC-MD5"].startswith("tier 2 needs")


# -- monlist ---------------------------------------------------------------------------------------


async def test_the_labs_lock_is_not_taken_through_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / f"seventh-lab-port-123-{os.getuid()}").symlink_to(victim)
    with pytest.raises(OSError, match="symbolic link"):
        async with exclusive_port_123():
            pass
    assert victim.read_text() == "precious"


async def intrusively(setup: Setup, **more: Any) -> Report:
    async with exclusive_port_123(), several(setup) as (target,):
        return await check_one(target, options(intrusive=True, **more))


async def test_monlist_is_counted() -> None:
    facts = facts_of(await intrusively(Setup(monlist=60))).monlist
    assert facts is not None
    assert (facts.asked, facts.packets, facts.items, facts.error) == ((3,), 10, 60, None)
    assert facts.bytes_received == 60 * 72 + 10 * 8
    assert facts.factor == facts.bytes_received / 8


async def test_silence_is_asked_for_both_implementations_and_no_more() -> None:
    report = await intrusively(Setup())
    facts = facts_of(report).monlist
    assert facts is not None
    assert (facts.asked, facts.packets, facts.factor) == ((3, 2), 0, 0.0)
    assert "NTP-MONLIST" in report.passed


async def test_nothing_intrusive_is_sent_unasked(kit: Kit) -> None:
    seen: list[int] = []

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        seen.append(data[0] & 7)
        if data[0] & 7 == 3:
            assert source[1] != NTP_PORT
            handler.send(reply_to(data).encode(), source)

    async with udp_server(answer) as port:
        report = await check_one(target_of(port), options(max_tier=2))
    assert 7 not in seen
    assert facts_of(report).monlist is None
    assert facts_of(report).source_port is None
    assert {"NTP-MONLIST", "NTP-SRCPORT-FILTER"} <= {skipped.id for skipped in report.skipped}


Mode7 = Callable[[UdpHandler, bytes, tuple[str, int]], None]


def flood(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    for _ in range(4000):
        handler.send(response(data[2], 0, 6, 72, more=True), source)


def lies(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    handler.send(response(data[2], 0, 6, 72)[:80], source)


def noise(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    for size in (0, 1, 7, 8, 48, 500, 9000):
        handler.send(b"\x97" + os.urandom(size), source)


def denies(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
    handler.send(response(data[2], 0, 0, 0, error=7), source)


@pytest.mark.parametrize(("mode7", "fires"), [(flood, True), (lies, True), (denies, False)])
async def test_hostile_mode_7(mode7: Mode7, fires: bool) -> None:
    report = await against(mode7)
    facts = facts_of(report).monlist
    assert facts is not None
    assert facts.packets <= MAX_PACKETS
    assert ("NTP-MONLIST" in ids(report)) == fires
    assert report.failure is None


async def test_noise_in_mode_7_is_survived() -> None:
    report = await against(noise)
    assert report.failure is None
    assert facts_of(report).monlist is not None


async def against(mode7: Mode7) -> Report:
    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        if data[0] & 7 == 7:
            mode7(handler, data, source)
        elif data[0] & 7 == 3:
            handler.send(reply_to(data).encode(), source)

    async with exclusive_port_123(), udp_server(answer) as port:
        return await check_one(target_of(port), options(intrusive=True))


# -- port 123 --------------------------------------------------------------------------------------

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for port 123")


@ROOT
async def test_a_server_that_does_not_look_at_ports() -> None:
    report = await intrusively(Setup())
    facts = facts_of(report).source_port
    assert facts is not None
    assert (facts.ephemeral_answered, facts.privileged_answered) == (True, True)
    assert (facts.requests, facts.untried) == (1, "")
    assert "NTP-SRCPORT-FILTER" in report.passed
    assert [p.outcome for p in report.phases if p.name == "ntp.port-123"] == ["ok"]


@ROOT
async def test_a_port_that_is_taken_is_left_alone() -> None:
    async with exclusive_port_123(), several(Setup()) as (target,):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
            daemon.bind(("127.0.0.1", NTP_PORT))
            report = await check_one(target, options(intrusive=True))
            daemon.setblocking(False)
            with pytest.raises(BlockingIOError):
                daemon.recv(100)
    skipped = {skipped.id: skipped.reason for skipped in report.skipped}
    assert "another program uses it" in skipped["NTP-SRCPORT-FILTER"]
    assert report.failure is None


async def test_a_port_that_only_root_may_have(monkeypatch: pytest.MonkeyPatch) -> None:
    # As root there is no port that is refused, so the kernel's refusal is made here.
    class Refused(socket.socket):
        def bind(self, address: Any, /) -> None:
            if address[1] == NTP_PORT:
                raise PermissionError(errno.EACCES, "Permission denied")
            super().bind(address)

    async with several(Setup()) as (target,):
        monkeypatch.setattr("seventh.net.datagram.socket.socket", Refused)
        report = await check_one(target, options(intrusive=True))
    skipped = {skipped.id: skipped.reason for skipped in report.skipped}
    assert "run as root" in skipped["NTP-SRCPORT-FILTER"]
    assert report.failure is None


@ROOT
async def test_a_server_that_goes_away_is_no_filter() -> None:
    answered = 0

    def answer(handler: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
        nonlocal answered
        if data[0] & 7 == 3 and answered < 1:
            answered += 1
            handler.send(reply_to(data).encode(), source)

    async with exclusive_port_123(), udp_server(answer) as port:
        report = await check_one(target_of(port), options(intrusive=True))
    facts = facts_of(report).source_port
    assert facts is not None
    assert facts.requests == 3
    assert facts.untried == "the server stopped answering during the check"
    assert "NTP-SRCPORT-FILTER" in {skipped.id for skipped in report.skipped}


def test_a_datagram_of_a_wanted_port() -> None:
    from seventh.labkit.serve import free_port
    from seventh.net.address import Address

    wanted = free_port(socket.SOCK_DGRAM)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(2)
        address = Address(ip="127.0.0.1", port=server.getsockname()[1])
        with Datagram(address, Budget(2), source_port=wanted) as datagram:
            datagram.send(b"x")
            assert server.recvfrom(10)[1] == ("127.0.0.1", wanted)


# -- time ------------------------------------------------------------------------------------------


def test_every_question_has_its_time_and_samples_keep_most() -> None:
    target = target_of(1)
    plain = plan(ProbeContext(target, options(samples=8, timeout_seconds=30), connections=4))
    asking = plan(
        ProbeContext(target, options(samples=8, timeout_seconds=30, ntp_keys="x", max_tier=4))
    )
    assert plain.end_ns > asking.end_ns > plain.end_ns - 6e9
    assert {0, 1, 2, 4} == set(SPEC.tiers)
    assert CLEAN.client_keys
