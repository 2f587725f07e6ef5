"""Early data that is sent twice: what the reference site's two replies show."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.handler import Answer
from seventh.model.report import Report
from seventh.model.tlsfacts import EarlyDataReplay
from seventh.protocols.http import lab
from seventh.protocols.http.lab.setup import Setup
from seventh.protocols.http.probe.replay import Reply
from seventh.web.message import Request
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from tests.protocols.http.rules.looks import job
from tests.reports import found, tls_facts

RULE = "TLS-0RTT-REPLAY"
OPEN = Setup(early_data=16384, anti_replay=False, h3=None, announced=False)
TWICE = EarlyDataReplay(
    version="2", first_resumed=True, resumed=True, accepted=True, same_size=True, status=200
)


async def look(setup: Setup, kit: Kit, **options: object) -> Report:
    async with lab.site(setup, kit) as served:
        return await check_one(*job(served, **options))


async def test_the_same_bytes_reach_the_application_twice(kit: Kit) -> None:
    early: list[Request] = []

    def note(request: Request) -> Answer | None:
        early.append(request)
        return None

    report = await look(replace(OPEN, before=note), kit, intrusive=True)
    assert tls_facts(report).early_data_replay == TWICE
    assert RULE in found(report)
    replays = [i for i in range(1, len(early)) if early[i] == early[i - 1]]
    assert replays


async def test_a_status_is_told(kit: Kit) -> None:
    refusing = replace(OPEN, versions=("1.1",), before=lambda _: Answer(status=404))
    report = await look(refusing, kit, intrusive=True)
    assert tls_facts(report).early_data_replay == replace(TWICE, version="1.1", status=404)


async def test_a_single_use_ticket(kit: Kit) -> None:
    report = await look(replace(OPEN, anti_replay=True), kit, intrusive=True)
    assert tls_facts(report).early_data_replay == EarlyDataReplay(version="2", first_resumed=True)
    assert RULE in report.passed


async def test_nothing_is_replayed_unasked(kit: Kit) -> None:
    report = await look(OPEN, kit)
    assert tls_facts(report).early_data_accepted
    assert tls_facts(report).early_data_replay is None
    assert RULE not in {*found(report), *report.passed}


def hello(*extensions: tuple[int, bytes]) -> bytes:
    made = tlshello.ServerHello(
        version=n.TLS12, random=bytes(32), session_id=b"", suite=0x1301, compression=0,
        extensions=((n.SUPPORTED_VERSIONS, b"\x03\x04"), *extensions),
    )  # fmt: skip
    return tlshello.record(n.HANDSHAKE, tlshello.encode_server_hello(made))


def test_what_a_reply_shows_without_keys() -> None:
    sealed = tlshello.record(n.APPLICATION_DATA, bytes(40))
    resumed = Reply(hello((n.PRE_SHARED_KEY, b"\0\0")) + sealed + sealed[:-1])
    assert (resumed.resumed, resumed.size) == (True, 40)
    full = Reply(hello() + sealed + tlshello.record(n.APPLICATION_DATA, bytes(41)))
    assert (full.resumed, full.size) == (False, 40)
    assert (Reply(b"").resumed, Reply(b"").size) == (False, 0)
