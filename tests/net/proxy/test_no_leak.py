"""With a proxy, nothing goes to the target or to a name server directly, in any protocol."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from threading import current_thread
from typing import Any

import pytest
from msgspec.structs import replace

from seventh.engine.check import check_one, pulse_one
from seventh.lab import start
from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.target import Target
from tests.net.proxy.relay import relaying
from tests.options import changed, options_with

NAME, ADDRESS = "behind.seventh.invalid", "192.0.2.7"
"""What only the proxy can reach: a name that does not exist, and an address of RFC 5737."""
RESOLVER = "127.0.0.9:53"
"""A name server unlike any other address here, so that a query to it is seen."""
_EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0}
"""Audit events, with the place of the address among their arguments."""

_NAMES = {"http": "www.lab.test"}
"""By room: the name in its lab's certificate."""


class Traffic:
    """The addresses that sockets of this process were given while it listens."""

    def __init__(self) -> None:
        self.listening = False
        self.seen: list[Any] = []
        sys.addaudithook(self._hook)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.listening and event in _EVENTS and not _by_asyncio():
            address = arguments[_EVENTS[event]]
            self.seen.append(address[0] if isinstance(address, tuple) else address)


def _by_asyncio() -> bool:
    """Whether asyncio connects or resolves: labs and proxies use it, Seventh never does."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_code.co_name == "create_connection":
            return True
        frame = frame.f_back
    return current_thread().name.startswith("asyncio_")


@pytest.fixture(scope="module")
def hooked() -> Traffic:
    """An audit hook cannot be removed: one for all tests."""
    return Traffic()


@pytest.fixture
def traffic(hooked: Traffic) -> Iterator[Traffic]:
    hooked.seen.clear()
    hooked.listening = True
    yield hooked
    hooked.listening = False


@pytest.mark.parametrize("host", [NAME, ADDRESS])
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
@pytest.mark.parametrize("room", ["ssh", "tls", "http", "websocket", "net"])
async def test_no_packet_of_any_protocol(
    kit: Kit, traffic: Traffic, room: str, scheme: str, host: str
) -> None:
    async with start.serving(room, None, kit) as served:
        target, options = start.job(served, Options(timeout_seconds=20))
        async with relaying(scheme, target.port) as (url, relay):
            there = replace(target, host=host)
            options = changed(options, resolver=RESOLVER, proxy=url, intrusive=True,
                              i_own_this=True, allow_write=True,
                              server_name=_NAMES.get(room, "lab.test"))  # fmt: skip
            report = await check_one(there, options)
            pulse = await pulse_one(there, options)
    assert set(traffic.seen) <= {"127.0.0.1"}, traffic.seen
    assert set(relay.asked) == {(host, target.port)}
    assert report.failure is None, report.failure
    assert pulse.failure is None, pulse.failure
    net = report.facts["net"]
    assert isinstance(net, NetFacts)
    assert {a.transport for a in net.attempts} == {"proxy"}
    assert not any(a.rtt_seconds or a.path_mtu_bytes for a in net.attempts)


@pytest.mark.parametrize("route", ["proxy", "via"])
async def test_no_question_of_a_mail_domain(traffic: Traffic, route: str) -> None:
    target = Target(scheme="mail", host=NAME, port=0)
    urls = {"proxy": "socks5h://127.0.0.1:9", "via": "ssh://127.0.0.1:9"}
    report = await check_one(target, options_with(**{route: urls[route]}, resolver=RESOLVER))
    assert traffic.seen == []
    assert report.failure is not None
    assert (report.failure.reason, report.failure.detail) == (
        Reason.OPTIONS_UNUSABLE,
        (
            f"--{route} does not carry the questions that mail:{NAME} asks DNS: remove it, or "
            "use --from"
        ),
    )


@pytest.mark.parametrize("scheme", ["ntp", "nts"])
async def test_no_packet_of_udp(traffic: Traffic, scheme: str) -> None:
    target = Target(scheme=scheme, host=NAME, port=4460)
    async with relaying("http", free_port()) as (url, relay):
        report = await check_one(target, options_with(proxy=url, resolver=RESOLVER))
    assert set(traffic.seen) <= {"127.0.0.1"}, traffic.seen
    assert report.failure is not None
    if scheme == "ntp":
        assert report.failure.reason is Reason.OPTIONS_UNUSABLE
        assert report.failure.detail == (
            f"--proxy carries TCP only, and {target} uses UDP: remove --proxy"
        )
        assert relay.asked == []
        assert not report.findings
    else:
        assert relay.asked == [(NAME, 4460)], "keys are established over TCP"
