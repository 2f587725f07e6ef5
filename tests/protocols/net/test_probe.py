"""The network's probe against the lab."""

from __future__ import annotations

import asyncio

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, tcp_server
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.net import lab
from tests.options import changed, options_with


def net_of(report: Report) -> NetFacts:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    return facts


async def test_the_kernel_times_the_connection(kit: Kit) -> None:
    async with lab.serve(None, kit) as served:
        host, port = served.target.removeprefix("tcp://").split(":")
        target = Target(scheme="tcp", host=host, port=int(port))
        options = changed(Options(timeout_seconds=5), **served.options)
        report = await pulse_one(target, options)
    (attempt,) = net_of(report).attempts
    assert attempt.outcome == "open"
    assert attempt.rtt_seconds is not None
    assert [p.name for p in report.phases] == ["resolve", "connect"]
    assert report.phases[1].clock == attempt.clock


async def test_what_changes_at_every_connection_is_no_drift() -> None:
    count = 0

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        writer.write(b"220 mx%d.example ESMTP id=%d\r\n" % (count, count))
        await reader.read()

    zone = {"lab.test": {"A": ("127.0.0.1", "127.0.0.2")}}
    async with (
        name_server(zone) as resolver,
        tcp_server(greet) as port,
        tcp_server(greet, "127.0.0.2", port),
    ):
        target = Target(scheme="tcp", host="lab.test", port=port)
        report = await check_one(target, options_with(timeout_seconds=5, resolver=resolver))
    assert count == 2
    assert net_of(report).compared
    assert net_of(report).differences == ()
