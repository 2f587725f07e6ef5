"""A host that answers over QUIC and accepts no TCP, and hosts that answer at some addresses."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Literal

import pytest

from seventh.engine.check import check_one
from seventh.labkit.names import name_server
from seventh.labkit.serve import Kit, free_port, has_ipv6
from seventh.labkit.web.h3 import serve_h3
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import TlsFacts
from seventh.protocols.http import lab
from seventh.protocols.http.lab.setup import Setup
from seventh.web.message import Request
from tests.options import changed, options_with
from tests.protocols.http.rules.looks import job
from tests.reports import found
from tests.reports import http_facts as facts_of

THERE = "127.0.0.2"


async def hello(_: Request) -> Answer:
    return Answer(body=b"ok", headers=(("Content-Type", "text/plain"),))


@contextlib.contextmanager
def deaf(host: str, port: int) -> Iterator[None]:
    """A port whose queue is full: the kernel drops every further SYN, as a firewall would."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(2):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield


@contextlib.asynccontextmanager
async def quic_alone(kit: Kit) -> AsyncIterator[tuple[Target, Options, int]]:
    """HTTP/3 that nothing announces."""
    issued, port = kit.authority.issue(lab.NAME), free_port(host=THERE)
    async with (
        serve_h3(hello, issued, port=port, host=THERE),
        name_server({lab.NAME: {"A": (THERE,)}}) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        yield Target(scheme="https", host=lab.NAME, port=port), options, port


async def test_announced_by_its_record(kit: Kit) -> None:
    """Browsers come in; everybody else does not."""
    async with lab.site(Setup(tcp=False), kit) as served:
        report = await check_one(*job(served))
    facts = facts_of(report)
    assert report.failure is None
    assert (facts.version, facts.status, facts.working) == ("3", 200, ("3",))
    rows = [(c.version, c.temperature, c.outcome) for c in facts.cells]
    assert len(rows) == len(set(rows))
    assert set(rows) == {
        ("2", "cold", "failed"), ("1.1", "cold", "failed"),
        *(("3", t, "ok") for t in ("cold", "warm", "resumed", "0-rtt")),
    }  # fmt: skip
    fallback = next(f for f in report.findings if f.id == "HTTP-FALLBACK")
    assert fallback.severity == "high" and fallback.params["rungs"] == ("broken",)
    assert not found(report) & {"HTTP-NO-H2", "HTTP-H3-DEAD", "HTTP-H3-HIDDEN", "HTTP-NO-H3"}
    assert facts.h3 is not None and facts.h3.ping_seconds and facts.content is not None
    tls = report.facts["tls"]
    assert isinstance(tls, TlsFacts) and tls.chain_state == "trusted" and tls.host_matches
    names = [phase.name for phase in report.phases if phase.outcome == "ok"]
    assert {"quic", "quic.hello", "http.ttfb", "http.download"} <= set(names)
    assert [p.outcome for p in report.phases if p.name == "connect"] == ["failed"]


async def test_announced_by_nothing(kit: Kit) -> None:
    """Without TCP no client ever hears of it: the failure stays, and so does what was measured."""
    async with quic_alone(kit) as (target, options, _):
        report = await check_one(target, options)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.CONNECT_REFUSED, "connect")
    facts = facts_of(report)
    assert facts.working == ("3",) and facts.status == 200
    assert {"HTTP-FALLBACK", "HTTP-H3-HIDDEN"} <= found(report)


async def test_tcp_is_dropped_by_a_firewall(kit: Kit) -> None:
    async with quic_alone(kit) as (target, options, port):
        with deaf(THERE, port):
            report = await check_one(target, options.replace(timeout_seconds=4))
    assert report.failure is not None and report.failure.reason is Reason.CONNECT_TIMEOUT
    assert facts_of(report).working == ("3",)
    assert "HTTP-FALLBACK" in found(report)


async def test_nothing_answers_at_all(kit: Kit) -> None:
    port = free_port(host=THERE)
    report = await check_one(
        Target(scheme="https", host=THERE, port=port),
        Options(timeout_seconds=5, ca_file=str(kit.authority.ca_file)),
    )
    assert report.failure is not None and report.failure.reason is Reason.CONNECT_REFUSED
    assert "HTTP-FALLBACK" not in found(report)


async def test_a_bad_certificate_over_quic_is_no_way_in(kit: Kit) -> None:
    async with quic_alone(kit) as (target, options, _):
        report = await check_one(target, options.replace(ca_file=None))
    assert report.failure is not None and report.failure.reason is Reason.CONNECT_REFUSED


async def test_only_tcp_was_wanted(kit: Kit) -> None:
    async with quic_alone(kit) as (target, options, _):
        report = await check_one(target, changed(options, http_version="2"))
    assert report.failure is not None and report.failure.reason is Reason.CONNECT_REFUSED
    assert not {p.name for p in report.phases} & {"quic"}


@pytest.mark.skipif(not has_ipv6(), reason="needs the address ::1")
async def test_ipv4_alone_of_two_families(kit: Kit) -> None:
    """IPv6 is broken, once; HTTP/3 is asked where TCP answers, and is not dead for it."""
    port = free_port()
    issued = kit.authority.issue(lab.NAME)

    async def handler(_: Request) -> Answer:
        return Answer(body=b"ok", headers=(("Alt-Svc", f'h3=":{port}"'),))

    async with (
        web_server(handler, issued=issued, port=port),
        serve_h3(handler, issued, port=port),
        name_server({lab.NAME: {"A": ("127.0.0.1",), "AAAA": ("::1",)}}) as resolver,
    ):
        options = options_with(resolver=resolver, ca_file=str(kit.authority.ca_file))
        report = await check_one(Target(scheme="https", host=lab.NAME, port=port), options)
    assert report.failure is None
    facts, net = facts_of(report), report.facts["net"]
    assert facts.working == ("3", "2", "1.1")
    assert [(a.address, a.outcome) for a in facts.alternatives] == [("127.0.0.1", "works")]
    assert isinstance(net, NetFacts)
    tried = {(a.address, a.transport): a.outcome for a in net.attempts}
    assert tried == {
        ("::1", "tcp"): "refused", ("127.0.0.1", "tcp"): "open", ("127.0.0.1", "udp"): "open",
    }  # fmt: skip
    assert {"NET-IPV6-BROKEN", "NET-PORT-STATE"} <= found(report)
    assert not found(report) & {"HTTP-H3-DEAD", "HTTP-FALLBACK"}


@pytest.mark.skipif(not has_ipv6(), reason="needs the address ::1")
@pytest.mark.parametrize("version", [None, "3"])
async def test_quic_at_the_second_address_alone(version: Literal["3"] | None, kit: Kit) -> None:
    """No TCP anywhere, and QUIC over IPv4 alone, which comes second."""
    port = free_port()
    issued = kit.authority.issue(lab.NAME)
    async with (
        serve_h3(hello, issued, port=port),
        name_server({lab.NAME: {"A": ("127.0.0.1",), "AAAA": ("::1",)}}) as resolver,
    ):
        options = options_with(
            resolver=resolver, ca_file=str(kit.authority.ca_file), http_version=version
        )
        report = await check_one(Target(scheme="https", host=lab.NAME, port=port), options)
    facts = facts_of(report)
    assert facts.working == ("3",) and facts.h3 is not None and facts.h3.address == "127.0.0.1"
    assert (report.failure is None) == (version == "3")
