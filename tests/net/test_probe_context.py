"""The talk: names, attempts and what is kept of them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from seventh.labkit.names import name_server
from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import Failed, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.connect import Connected, open_tcp
from seventh.net.kernel import LINUX
from seventh.net.probe_context import ProbeContext
from seventh.net.stopwatch import now_ns
from tests import needs
from tests.options import changed


async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"hello")
    await reader.read()


def context_for(host: str, port: int, *, connections: int = 4, **options: object) -> ProbeContext:
    made = changed(Options(timeout_seconds=3), **options)
    return ProbeContext(Target(scheme="tcp", host=host, port=port), made, connections=connections)


@pytest.mark.parametrize(
    ("options", "holds"),
    [
        ({"hold_seconds": 1.0, "intrusive": True, "i_own_this": True}, True),
        ({"hold_seconds": 1.0, "max_tier": 3}, False),
        ({"hold_seconds": 0.0, "intrusive": True, "i_own_this": True}, False),
    ],
)
def test_connections_are_held_where_the_highest_tier_is_allowed(
    options: dict[str, Any], holds: bool
) -> None:
    assert context_for("127.0.0.1", 1, **options).holds is holds


@needs.IPV6
async def test_every_address_is_an_attempt() -> None:
    zone = {"lab.test": {"A": ("127.0.0.1", "127.0.0.3"), "AAAA": ("::1",)}}
    async with name_server(zone) as resolver, tcp_server(hello) as port:
        ctx = context_for("lab.test", port, resolver=resolver)
        streams = await ctx.connect_all()
        ctx.close()
    assert [s.address.ip for s in streams] == ["127.0.0.1"]
    assert {a.address: a.outcome for a in ctx.notes(NetFacts).facts.attempts} == {
        "127.0.0.1": "open",
        "127.0.0.3": "refused",
        "::1": "refused",
    }
    assert [p.name for p in ctx.watch.phases] == ["resolve", "connect", "connect", "connect"]
    assert sorted(p.outcome for p in ctx.watch.phases) == ["failed", "failed", "ok", "ok"]


async def test_attempts_stand_in_the_resolvers_order_whoever_was_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    second_is_done = asyncio.Event()

    async def open_in_turn(address: Address, *rest: Any) -> Connected:
        if address.ip == "127.0.0.1":
            await second_is_done.wait()
        connected = await open_tcp(address, *rest)
        if address.ip == "127.0.0.2":
            second_is_done.set()
        return connected

    monkeypatch.setattr("seventh.net.probe_context.open_tcp", open_in_turn)
    async with tcp_server(hello) as port, tcp_server(hello, "127.0.0.2", port):
        ctx = context_for("two.test", port)
        ctx._addresses = tuple(Address(ip=f"127.0.0.{n}", port=port) for n in (1, 2))
        streams = await ctx.connect_all()
        ctx.close()
    assert streams[0].address.ip == "127.0.0.1"
    assert [phase.address for phase in ctx.watch.phases] == ["127.0.0.2", "127.0.0.1"]
    assert [attempt.address for attempt in ctx.notes(NetFacts).facts.attempts] == [
        "127.0.0.1",
        "127.0.0.2",
    ]


@pytest.mark.skipif(not LINUX, reason="TCP_INFO is Linux's")
async def test_a_datagram_has_no_path_of_tcps() -> None:
    async with tcp_server(hello) as port:
        ctx = context_for("127.0.0.1", port)
        address = (await ctx.connect()).address
        ctx.attempted_datagram(address, "open", now_ns(), Mark(now_ns(), "user"))
        ctx.close()
    ctx.note_paths()
    over_tcp, over_udp = ctx.notes(NetFacts).facts.attempts
    assert over_tcp.rtt_seconds is not None and over_tcp.segments_sent is not None
    assert (over_udp.rtt_seconds, over_udp.retransmits) == (None, None)


async def test_families_can_be_chosen() -> None:
    zone = {"lab.test": {"A": ("127.0.0.1",), "AAAA": ("::1",)}}
    async with name_server(zone) as resolver:
        for family, expected in (("ipv4", ("127.0.0.1",)), ("ipv6", ("::1",))):
            ctx = context_for("lab.test", 1, resolver=resolver, family=family)
            assert tuple(a.ip for a in await ctx.addresses()) == expected


async def test_the_pulse_falls_over_to_the_next_address() -> None:
    zone = {"lab.test": {"A": ("127.0.0.1",), "AAAA": ("::1",)}}
    async with name_server(zone) as resolver, tcp_server(hello) as port:
        ctx = context_for("lab.test", port, resolver=resolver)
        assert (await ctx.connect()).address.ip == "127.0.0.1"
        ctx.close()


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("nosuch.test", {}, Reason.RESOLVE_NXDOMAIN),
        ("empty.test", {}, Reason.RESOLVE_NO_ADDRESS),
        ("lab.test", {"servfail": frozenset({"A", "AAAA"})}, Reason.RESOLVE_FAILED),
        ("lab.test", {"delay_seconds": 9.0}, Reason.RESOLVE_TIMEOUT),
    ],
)
async def test_a_name_without_address_is_typed(
    name: str, options: dict[str, object], reason: Reason
) -> None:
    zone = {"lab.test": {"A": ("127.0.0.1",)}, "empty.test": {"TXT": ('"x"',)}}
    async with name_server(zone, **options) as resolver:  # type: ignore[arg-type]
        ctx = context_for(name, 1, resolver=resolver, timeout_seconds=0.5)
        with pytest.raises(Failed) as caught:
            await ctx.addresses()
    assert caught.value.reason is reason
    assert caught.value.phase == "resolve"
    assert ctx.notes(NetFacts).facts.lookups


async def test_the_system_resolver_knows_localhost() -> None:
    ctx = context_for("localhost", 1)
    assert {a.ip for a in await ctx.addresses()} & {"127.0.0.1", "::1"}
    assert ctx.notes(NetFacts).facts.lookups[0].outcome == "ok"


async def test_a_family_that_the_name_lacks_is_no_missing_name() -> None:
    ctx = context_for("localhost", 1)
    missing = {"ipv4", "ipv6"} - {a.family for a in await ctx.addresses()}
    for family in missing:
        ctx = context_for("localhost", 1, family=family)
        with pytest.raises(Failed) as caught:
            await ctx.addresses()
        assert caught.value.reason is Reason.RESOLVE_NO_ADDRESS


@pytest.mark.parametrize(("host", "family"), [("127.0.0.1", "ipv6"), ("::1", "ipv4")])
async def test_an_address_of_the_other_family_is_our_mistake(host: str, family: str) -> None:
    ctx = context_for(host, 1, family=family)
    with pytest.raises(Failed) as caught:
        await ctx.addresses()
    assert caught.value.reason is Reason.OPTIONS_UNUSABLE
    assert host in caught.value.detail


async def test_a_target_never_gets_more_connections_than_its_budget() -> None:
    async with tcp_server(hello) as port:
        ctx = context_for("127.0.0.1", port, connections=2)
        stream = await ctx.connect()
        await ctx.connect_again(stream.address)
        assert ctx.connections_left(stream.address) == 0
        with pytest.raises(Failed) as caught:
            await ctx.connect_again(stream.address)
        ctx.close()
    assert caught.value.reason is Reason.BUDGET_EXCEEDED


async def test_records_carry_the_resolvers_verdict() -> None:
    zone = {"lab.test": {"SSHFP": ("4 2 " + "ab" * 32,)}}
    async with name_server(zone, authenticated=True) as resolver:
        ctx = context_for("lab.test", 1, resolver=resolver)
        lookup = await ctx.records("lab.test", "SSHFP")
    assert lookup.answers == ("4 2 " + "ab" * 32,)
    assert lookup.authenticated is True
    assert ctx.notes(NetFacts).facts.lookups == (lookup,)


async def test_what_differs_between_addresses_is_noted() -> None:
    ctx = context_for("127.0.0.1", 1)
    ctx.note_drift({"127.0.0.1": {"key": "a", "same": "x"}, "::1": {"key": "b", "same": "x"}})
    net = ctx.notes(NetFacts).facts
    (difference,) = net.differences
    assert (difference.trait, difference.values) == ("key", {"127.0.0.1": "a", "::1": "b"})
    assert net.drift == ("key (127.0.0.1: a, ::1: b)",)
    assert net.compared == ("127.0.0.1", "::1")


async def test_an_address_that_failed_differs_by_its_failure_alone() -> None:
    ctx = context_for("127.0.0.1", 1)
    ctx.note_drift({"127.0.0.1": {"key": "a"}, "::1": {"key": "a"}, "::2": {"failure": "x"}})
    (difference,) = ctx.notes(NetFacts).facts.differences
    assert difference.trait == "failure"
    assert difference.values == {"127.0.0.1": "none", "::1": "none", "::2": "x"}


async def test_everything_is_closed_at_the_end() -> None:
    async with tcp_server(hello) as port:
        ctx = context_for("127.0.0.1", port)
        stream = await ctx.connect()
        ctx.close()
        with pytest.raises(Failed):
            await stream.receive()


async def test_a_closed_port_leaves_its_attempt() -> None:
    ctx = context_for("127.0.0.1", free_port())
    with pytest.raises(Failed) as caught:
        await ctx.connect_all()
    assert caught.value.reason is Reason.CONNECT_REFUSED
    assert ctx.notes(NetFacts).facts.attempts[0].outcome == "refused"
