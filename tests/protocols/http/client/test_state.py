"""What the site does with its state: where it connects, by which version, and what it keeps."""

from __future__ import annotations

import types
from typing import cast

import pytest
from msgspec.structs import replace

from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.model.target import Target
from seventh.net.address import Address
from seventh.net.probe_context import ProbeContext
from seventh.protocols.http.client import origin
from seventh.protocols.http.client.connect import Opened
from seventh.protocols.http.client.origin import Site
from seventh.protocols.http.probe.redirects import follow
from seventh.web.connection import HttpConnection
from seventh.web.message import Response

FIRST, SECOND, THIRD = (Address(ip=f"198.41.0.{n}", port=443) for n in (1, 2, 3))
AT = Mark(1, "user")
OK = Response(status=200, version="1.1", sent=AT, first=AT, last=AT)


class Connection:
    """A connection that carries every request, or was ended by the server."""

    def __init__(self, *, ended: bool = False) -> None:
        self.reusable = not ended
        self.stats = types.SimpleNamespace(spent="the server ends it" if ended else "")

    async def request(self, *_: object, **__: object) -> Response:
        """Answer at once."""
        return OK

    def close(self) -> None:
        """Do nothing."""


def opened(
    version: str, address: Address = FIRST, *, rtt: float | None = None, ended: bool = False
) -> Opened:
    connection = cast("HttpConnection", Connection(ended=ended))
    return Opened(
        connection=connection, version=version, address=address, ready_ns=0, connect_seconds=rtt
    )


class Network:
    """Takes the place of connecting, and notes what was asked of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: dict[str, object] = {}
        monkeypatch.setattr(origin, "over_tcp", self._tcp)
        monkeypatch.setattr(origin, "over_quic", self._quic)

    async def _tcp(
        self, _: ProbeContext, __: object, address: Address, alpn: tuple[str, ...], **more: object
    ) -> Opened:
        self.asked = {"address": address, "alpn": alpn, **more}
        return opened("2" if alpn == ("h2",) else "1.1", address)

    async def _quic(self, _: ProbeContext, __: object, address: Address, **more: object) -> Opened:
        self.asked = {"address": address, **more}
        return opened("3", address)


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    return Network(monkeypatch)


def site() -> Site:
    made = Site(ProbeContext(Target(scheme="https", host="www.example.org", port=443), Options()))
    made.move_to(FIRST)
    return made


async def test_http_3_carries_everything_where_tcp_carries_nothing(network: Network) -> None:
    target = site()
    target.take_over(opened("3", SECOND))
    carries = await target.opened(target.origin, None)
    assert (target.best, carries.version, network.asked["address"]) == ("3", "3", SECOND)


async def test_http_3_beside_tcp_is_not_preferred(network: Network) -> None:
    target = site()
    target.pool.keep(target.origin, opened("1.1"))
    target.use("2")
    target.take_over(opened("3", SECOND))
    assert (await target.opened(target.origin, None)).version == "2" == target.best
    await target.opened(target.origin, "3")
    assert network.asked["address"] == SECOND


@pytest.mark.parametrize(("broken", "version"), [((), "1.1"), (("2", "1.1"), "3")])
async def test_other_addresses_are_asked_by_tcp_unless_it_fails(
    broken: tuple[str, ...], version: str, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = site()
    target.take_over(opened("3"))
    for each in broken:
        target.mark_broken(each)
    used: list[str] = []
    carried = Opened.carried

    def note(self: Opened, method: str, response: Response) -> None:
        used.append(self.version)
        carried(self, method, response)

    monkeypatch.setattr(Opened, "carried", note)
    assert await target.get_at(THIRD) is OK
    assert (used, network.asked["address"], target.requests) == ([version], THIRD, 1)


async def test_a_server_that_refuses_every_protocol_is_offered_none(network: Network) -> None:
    target = site()
    await target.open(target.origin)
    assert network.asked["alpn"] == ("h2", "http/1.1")
    target.offer_no_alpn()
    await target.open(target.origin)
    assert network.asked["alpn"] == ()


async def test_only_the_own_origin_s_certificate_may_be_distrusted(network: Network) -> None:
    target = site()
    await target.connect(FIRST)
    assert network.asked["verify"] is True
    target.distrust()
    await target.connect(FIRST)
    assert network.asked["verify"] is False
    await target.connect(SECOND, origin=origin.Origin("https", "other.test", 443))
    assert network.asked["verify"] is True


async def test_the_least_round_trip_of_a_path_is_known_to_http_3(network: Network) -> None:
    target = site()
    for seconds in (0.02, 0.01, 0.03):
        target.learn_round_trip(opened("1.1", rtt=seconds))
    await target.connect_quic(FIRST)
    assert network.asked["path_rtt_seconds"] == 0.01
    await target.connect_quic(SECOND)
    assert network.asked["path_rtt_seconds"] is None


def test_the_first_connection_that_the_server_ended_shows_keep_alive() -> None:
    target = site()
    ended, after, last = opened("1.1", ended=True), opened("1.1", ended=True), opened("1.1")
    for each in (ended, after, last):
        target.pool.keep(target.origin, each)
    assert target.pool.keep_alive is ended and target.pool.reusable("1.1") is last


def test_a_connection_that_was_offered_an_upgrade_shows_no_keep_alive() -> None:
    target = site()
    upgraded, last = opened("1.1", ended=True), opened("1.1")
    upgraded.offered_upgrade()
    for each in (upgraded, last):
        target.pool.keep(target.origin, each)
    assert target.pool.keep_alive is last


async def test_the_preferred_address_comes_first_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def addresses(_: ProbeContext) -> tuple[Address, ...]:
        return FIRST, SECOND, THIRD

    monkeypatch.setattr(ProbeContext, "addresses", addresses)
    target = site()
    await target.resolve()
    target.prefer(SECOND)
    assert (target.address, target.addresses) == (SECOND, (SECOND, FIRST, THIRD))


@pytest.mark.usefixtures("network")
async def test_the_base_is_where_redirects_lead() -> None:
    target = site()
    await follow(target, replace(OK, status=302, headers=(("location", "/moved"),)))
    assert (target.url.path, target.base_url.path, target.base) == ("/", "/moved", OK)
