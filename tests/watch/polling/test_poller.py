"""Polls of the lab's agents: what is read, what is kept, and what one agent's silence costs."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from seventh.cli.poll import as_csv, as_json, as_text
from seventh.labkit.serve import Kit, UdpHandler, udp_server
from seventh.model.failure import UsageError
from seventh.net.stopwatch import now_ns
from seventh.protocols.snmp.lab import serve_setup
from seventh.protocols.snmp.lab.agent import Agent
from seventh.protocols.snmp.lab.setup import COMMUNITY, CREDENTIAL, Setup
from seventh.watch.polling.devices import Device, read
from seventh.watch.polling.exchange import Switchboard
from seventh.watch.polling.poller import Poll, Poller, poll_all

HEAD = "[defaults]\nevery = 10\nreply-timeout = 1\nretries = 1\n"


def table(url: str, options: Mapping[str, object], more: str = "") -> str:
    given = "".join(f'{k.replace("_", "-")} = "{v}"\n' for k, v in options.items())
    return f'[[device]]\nurl = "{url}"\n{given}{more}\n'


def device(url: str, options: Mapping[str, object], more: str = "", head: str = HEAD) -> Device:
    (made,) = read("devices.toml", head + table(url, options, more))
    return made


async def polled(it: Device, times: int = 1) -> list[Poll]:
    board = Switchboard()
    poller = Poller(it, board)
    try:
        return [await poller.poll() for _ in range(times)]
    finally:
        board.pool.close()


def names(poll: Poll) -> list[str]:
    return [each.name for each in poll.values]


async def test_scalars_and_tables(kit: Kit) -> None:
    async with serve_setup(Setup(), kit) as served:
        objects = 'objects = ["sysName", "sysDescr.0", "ifName", "1.3.6.1.2.1.2.2.1.10"]'
        it = device(served.target, served.options, objects)
        first, second = await polled(it, 2)
    assert (first.complete, first.error) == (True, "")
    assert names(first) == [
        "sysDescr.0", "sysUpTime.0", "sysName.0", "ifInOctets.1", "ifInOctets.2", "ifInOctets.3",
    ] + [f"ifName.{n}" for n in (1, 2, 3) if f"ifName.{n}" in names(first)]  # fmt: skip
    assert first.requests > second.requests  # the engine is known, and its time
    assert all(each.rate_per_second is None for each in first.values)


async def test_discovery_is_made_once(kit: Kit) -> None:
    async with serve_setup(Setup(), kit) as served:
        it = device(served.target, served.options, 'objects = ["sysName"]')
        polls = await polled(it, 3)
    assert [each.requests for each in polls] == [2, 1, 1]


async def test_what_was_read_is_kept_when_the_rest_is_not(kit: Kit) -> None:
    """GETBULK replies of this agent are lost, so that walks fail and GETs do not."""
    async with serve_setup(Setup(truncates=0, loses=0), kit) as served:
        agent = Agent(Setup(), now_ns())
        asked = 0

        def respond(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
            nonlocal asked
            asked += 1
            reply = agent.answer(data, now_ns())
            if reply is not None and asked <= 2:
                server.send(reply, source)

        async with udp_server(respond) as port:
            it = device(f"snmp://127.0.0.1:{port}", served.options, 'objects = ["system"]')
            (poll,) = await polled(it)
    assert (poll.complete, names(poll)) == (False, ["sysUpTime.0"])
    assert poll.error == f"no-reply: 127.0.0.1 port {port}: 0 of 2 requests answered"


async def test_a_device_that_is_slow_has_its_interval(kit: Kit) -> None:
    async with serve_setup(Setup(delay_seconds=0.6), kit) as served:
        head = "[defaults]\nevery = 1\nreply-timeout = 5\n"
        (poll,) = await polled(device(served.target, served.options, head=head))
    assert (poll.complete, poll.error) == (False, "not read within 0.9 s")


async def test_version_1_and_an_object_that_is_not_there(kit: Kit) -> None:
    setup = Setup(
        community=COMMUNITY, v3=False, options={"community_file": COMMUNITY, "snmp_version": "1"}
    )
    async with serve_setup(setup, kit) as served:
        objects = 'objects = ["sysName", "snmpInPkts", "ifDescr"]'
        (poll,) = await polled(device(served.target, served.options, objects))
    assert (poll.complete, names(poll)) == (
        True, ["sysUpTime.0", "sysName.0", "ifDescr.1", "ifDescr.2", "ifDescr.3"],
    )  # fmt: skip


async def test_a_reply_from_another_address_is_none(kit: Kit) -> None:
    agent = Agent(Setup(community=COMMUNITY), now_ns())
    async with serve_setup(Setup(), kit) as served, udp_server(lambda *_: None) as elsewhere:
        del served

        def respond(server: UdpHandler, data: bytes, source: tuple[str, int]) -> None:
            reply = agent.answer(data, now_ns())
            if reply is not None:
                asyncio.get_running_loop().create_task(_from_elsewhere(reply, source))

        async with udp_server(respond) as port:
            file = kit.folder / "community"
            file.write_text(COMMUNITY)
            it = device(f"snmp://127.0.0.1:{port}", {"community_file": file})
            board = Switchboard()
            poll = await Poller(it, board).poll()
            board.pool.close()
    assert elsewhere != port
    assert (poll.values, board.stray) == ((), 2)


async def _from_elsewhere(reply: bytes, to: tuple[str, int]) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0)
    )
    transport.sendto(reply, to)
    transport.close()


async def test_many_devices_of_which_some_are_silent(kit: Kit) -> None:
    async with serve_setup(Setup(), kit) as served, serve_setup(Setup(silent=True), kit) as mute:
        tables = [
            table(each.target, CREDENTIAL | dict(served.options), f'name = "d{n}"')
            for n, each in enumerate([served, mute] * 20)
        ]
        devices = read("devices.toml", HEAD + "".join(tables))
        found: list[Poll] = []
        failed = await poll_all(devices, found.append, asyncio.Event(), once=True)
    assert (failed, len(found)) == (20, 40)
    assert {each.device for each in found if each.complete} == {f"d{n}" for n in range(0, 40, 2)}


async def test_polls_go_on_until_they_are_stopped(kit: Kit) -> None:
    async with serve_setup(Setup(), kit) as served:
        head = "[defaults]\nevery = 1\n"
        it = device(served.target, served.options, 'objects = ["ifInOctets"]', head)
        stop = asyncio.Event()
        found: list[Poll] = []

        def show(poll: Poll) -> None:
            found.append(poll)
            if len(found) == 2:
                stop.set()

        assert await poll_all([it], show, stop, once=False) == 0
    rates = [each.rate_per_second for each in found[1].values if each.name == "ifInOctets.1"]
    assert rates == [pytest.approx(125_000, rel=0.5)]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", 'd.toml: write one [[device]] table with url = "snmp://…" per device'),
        ('[[device]]\nurl = "ssh://h"\n',
         "d.toml:1: 'ssh://h': write a URL such as snmp://192.0.2.1"),
        ('[[device]]\nurl = "snmp://h"\n',
         "d.toml:1: needs user or community-file, here or in [defaults]"),
        ('[[device]]\nurl = "snmp://h"\nuser = "u"\nobjects = ["sysNmae"]\n',
         "d.toml:1: unknown object 'sysNmae': did you mean sysName?"),
        ('[[device]]\nurl = "snmp://h"\nuser = "u"\n' * 2,
         "d.toml:4: the name 'snmp://h:161' is that of d.toml:1: add name = …"),
        ('[[device]]\nurl = "snmp://h"\nuser = "u"\nevery = 0\n',
         "d.toml:1: every: write a number from 1 to 86400, not 0"),
    ],
    ids=["empty", "scheme", "credential", "object", "name", "every"],
)  # fmt: skip
def test_each_mistake_is_one_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        read("d.toml", text)
    assert str(caught.value) == says


def test_the_formats(tmp_path: Path) -> None:
    poll = Poll(
        schema="seventh.poll/1", device="r1", at="2026-12-01T00:00:00.000000Z", seconds=0.0101,
        complete=False, error="no-reply: nothing", requests=2, late_seconds=0.0, values=(),
    )  # fmt: skip
    assert as_text(poll) == (
        "2026-12-01T00:00:00.000000Z  r1  0 objects in 0.010 s: no-reply: nothing\n"
    )
    assert as_json(poll).endswith('"requests":2,"late_seconds":0.0,"values":[]}\n')
    assert as_csv(poll) == ""
