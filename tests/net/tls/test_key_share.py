"""A recurring look sends the key share that the server took last, and offers all the others."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.phase import Mark
from seventh.net.stream import TcpStream
from seventh.net.tls import key_share
from seventh.net.tls.stream import TlsStream
from seventh.wire import tlsnames as n
from tests.net.tls.test_handshake import probing, start

HYBRID_SHARE_BYTES = 1184
"""The ML-KEM-768 key in the hybrid's share; a hello without it is far shorter."""


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    key_share._taken.clear()
    yield
    key_share._taken.clear()


@pytest.fixture
def hellos(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The first flight of every connection."""
    seen: list[bytes] = []
    send = TcpStream.send
    begun: set[int] = set()

    async def noting(stream: TcpStream, data: bytes) -> Mark:
        if id(stream) not in begun:
            begun.add(id(stream))
            seen.append(data)
        return await send(stream, data)

    monkeypatch.setattr(TcpStream, "send", noting)
    return seen


async def looks(kit: Kit, groups: str, count: int) -> list[TlsStream]:
    made = []
    async with (
        tls_server(server_context(kit.authority.issue(), groups=groups)) as port,
        probing(port, ca_file=str(kit.authority.ca_file)) as ctx,
    ):
        for _ in range(count):
            stream = await start(ctx, recurring=True)
            made.append(stream)
            await stream.aclose()
    return made


async def test_a_server_of_x25519_gets_that_share_alone(kit: Kit, hellos: list[bytes]) -> None:
    first, second = await looks(kit, "X25519", 2)
    assert len(hellos[0]) > HYBRID_SHARE_BYTES > len(hellos[1])
    assert n.X25519MLKEM768.to_bytes(2, "big") in hellos[1], "it is offered all the same"
    for stream in (first, second):
        assert stream.hello is not None
        assert stream.hello.group == n.X25519
        assert len(stream.tap.every(n.SERVER_HELLO)) == 1, "no retry was needed"


async def test_a_hybrid_server_goes_on_being_asked_for_the_hybrid(
    kit: Kit, hellos: list[bytes]
) -> None:
    for stream in await looks(kit, "X25519MLKEM768:X25519", 2):
        assert stream.hello is not None
        assert stream.hello.group == n.X25519MLKEM768
        assert len(stream.tap.every(n.SERVER_HELLO)) == 1
    assert min(map(len, hellos)) > HYBRID_SHARE_BYTES


async def test_a_server_that_changed_its_mind_is_remembered_anew(
    kit: Kit, hellos: list[bytes]
) -> None:
    issued = kit.authority.issue()
    async with tls_server(server_context(issued, groups="X25519")) as port:
        async with probing(port, ca_file=str(kit.authority.ca_file)) as ctx:
            await (await start(ctx, recurring=True)).aclose()
            address = (await ctx.addresses())[0]
            key_share._taken[address.ip, address.port, "lab.test"] = "secp384r1"
            changed = await start(ctx, recurring=True)
            assert len(changed.tap.every(n.SERVER_HELLO)) == 2, "a retry and the answer"
            assert key_share.last_group(address, "lab.test") == "x25519"
            await changed.aclose()


async def test_other_looks_send_what_every_client_sends(kit: Kit, hellos: list[bytes]) -> None:
    async with (
        tls_server(server_context(kit.authority.issue(), groups="X25519")) as port,
        probing(port, ca_file=str(kit.authority.ca_file)) as ctx,
    ):
        for _ in range(2):
            await (await start(ctx)).aclose()
    assert min(map(len, hellos)) > HYBRID_SHARE_BYTES
    assert not key_share._taken


def test_only_so_many_servers_are_remembered() -> None:
    class Engine:
        def get_group_name(self) -> str:
            return "x25519"

    from seventh.net.address import Address

    for port in range(1, key_share.MOST + 2):
        key_share.remember(Address(ip="192.0.2.1", port=port), "h", Engine())  # type: ignore[arg-type]
    assert len(key_share._taken) == 1
