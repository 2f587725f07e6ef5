"""The clients of ``--as``, against servers that answer a ClientHello by a rule of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.alert import Alert
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsclients import TlsChoice, TlsFit
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.protocols.tls.as_client import judge_clients
from seventh.protocols.tls.rules.hellos import hello_of
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.reader import Reader

Policy = Callable[[tlshello.ClientHello], bytes]
CAMELLIA, RSA_AES, RC4 = 0x0041, 0x002F, 0x0005
X448 = 0x001E
REFUSED = tlshello.alert(Alert.HANDSHAKE_FAILURE)


async def fit_of(policy: Policy, client: str = "openssl=3.0", **learnt: Any) -> TlsFit:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readexactly(5)
        body = await reader.readexactly(int.from_bytes(head[3:], "big"))
        writer.write(policy(tlshello.parse_client_hello(body[4:])))
        writer.close()

    async with tcp_server(answer) as port:
        target = Target(scheme="tls", host="127.0.0.1", port=port)
        # One for the address; the others are granted.
        ctx = ProbeContext(target, Options(timeout_seconds=5), connections=1)
        with await ctx.connect() as first:
            address = first.address
        ctx.notes(TlsFacts).learn(**learnt)
        await judge_clients(ctx, [hello_of(client)], lambda: ctx.connect_again(address), "lab.test")
    (found,) = ctx.notes(TlsFacts).facts.as_clients
    return found


def selects(suite: int, version: int = n.TLS12) -> bytes:
    hello = tlshello.ServerHello(
        version=version, random=bytes(32), session_id=b"", suite=suite, compression=0
    )
    return tlshello.record(n.HANDSHAKE, tlshello.encode_server_hello(hello))


def groups(hello: tlshello.ClientHello) -> tuple[int, ...]:
    reader = Reader(hello.extension(n.SUPPORTED_GROUPS) or b"\0\0", "groups").nested(2, "groups")
    return tuple(reader.u16() for _ in range(reader.left // 2))


def wants(suite: int, group: int | None = None) -> Policy:
    def policy(hello: tlshello.ClientHello) -> bytes:
        has = suite in hello.suites and (group is None or group in groups(hello))
        return selects(suite) if has else REFUSED

    return policy


async def test_what_is_selected() -> None:
    assert await fit_of(wants(RSA_AES)) == TlsFit(
        client="OpenSSL 3.0",
        choice=TlsChoice(version="TLSv1.2", suite="TLS_RSA_WITH_AES_128_CBC_SHA"),
    )


async def test_a_suite_that_it_lacks() -> None:
    """Of what the server accepts, the client's own suites are left out: they did not help."""
    found = await fit_of(
        wants(CAMELLIA),
        obsolete_suites=("TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_SEED_CBC_SHA"),
        broken_suites=("TLS_RSA_WITH_RC4_128_SHA",),
    )
    assert found.choice is None
    assert (found.lacking, found.detail) == ("suite", "handshake_failure")
    assert found.server_list == (
        "TLS_RSA_WITH_SEED_CBC_SHA",
        "TLS_RSA_WITH_RC4_128_SHA",
        "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
    )
    assert found.client_list[:2] == ("TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    assert found.client_sets == {"CipherString": "ALL:!aNULL"}


@pytest.mark.parametrize(
    ("client", "suite"), [("openssl=3.0", RC4), ("java", CAMELLIA), ("openssl=1.0.2", 0x1301)]
)
async def test_no_line_for_a_client_that_cannot_be_told(client: str, suite: int) -> None:
    found = await fit_of(wants(suite), client)
    assert (found.lacking, found.client_sets) == ("suite", {})


async def test_a_group_that_it_lacks() -> None:
    found = await fit_of(wants(RSA_AES, X448), "go")
    assert (found.lacking, found.client_list[-1]) == ("suite", "TLS_CHACHA20_POLY1305_SHA256")
    found = await fit_of(wants(0xC02F, X448), "go")
    assert (found.lacking, found.client_list) == ("group", (
        "X25519MLKEM768", "SecP256r1MLKEM768", "SecP384r1MLKEM1024", "x25519", "secp256r1",
        "secp384r1", "secp521r1",
    ))  # fmt: skip
    assert found.server_list == (), "its ServerKeyExchange was not sent"


async def test_the_group_is_in_the_servers_key_exchange() -> None:
    """Before TLS 1.3: curve type 3 is a named one (RFC 8422 §5.4)."""
    key = tlshello.record(
        n.HANDSHAKE, tlshello.message(n.SERVER_KEY_EXCHANGE, bytes([3, 0, X448, 0]))
    )

    def policy(hello: tlshello.ClientHello) -> bytes:
        return selects(0xC02F) + key if X448 in groups(hello) else REFUSED

    found = await fit_of(policy, "go")
    assert (found.lacking, found.server_list) == ("group", ("x448",))
    assert (await fit_of(policy, "node")).choice == TlsChoice(
        version="TLSv1.2", suite="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", group="x448"
    )


async def test_two_lists_are_named_by_the_first() -> None:
    found = await fit_of(wants(CAMELLIA, 0x001F))
    assert (found.lacking, found.client_sets) == ("suite", {"CipherString": "ALL:!aNULL"})


async def test_a_signature_algorithm_that_it_lacks() -> None:
    def policy(hello: tlshello.ClientHello) -> bytes:
        reader = Reader(hello.extension(n.SIGNATURE_ALGORITHMS) or b"", "a list").nested(
            2, "a list"
        )
        known = [reader.u16() for _ in range(reader.left // 2)]
        return selects(0xC02F) if 0x0807 in known else REFUSED

    found = await fit_of(policy, "openssl=1.0.2")
    assert (found.lacking, found.server_list) == ("signature", ())
    assert found.client_list[0] == "0x0601"


@pytest.mark.parametrize(
    ("policy", "detail"),
    [
        (lambda _: REFUSED, "refused: handshake_failure"),
        (lambda _: b"", "refused"),
    ],
)
async def test_a_refusal_of_everything_has_no_list_at_fault(policy: Policy, detail: str) -> None:
    found = await fit_of(policy)
    assert (found.choice, found.lacking) == (None, None)
    assert found.detail == detail


@pytest.mark.parametrize(
    ("policy", "client", "versions", "sets"),
    [
        pytest.param(lambda _: tlshello.alert(Alert.PROTOCOL_VERSION), "go", (), {}, id="alert"),
        pytest.param(lambda _: REFUSED, "go", ("TLSv1.0",), {}, id="known versions"),
        pytest.param(
            lambda _: selects(RSA_AES, n.TLS10), "openssl=3.0", ("TLSv1.0", "TLSv1.1"),
            {"MinProtocol": "TLSv1.1", "CipherString": "DEFAULT@SECLEVEL=0"}, id="too old",
        ),
        pytest.param(lambda _: REFUSED, "openssl=1.0.2", ("TLSv1.3",), {}, id="too new"),
        pytest.param(lambda _: REFUSED, "openssl=3.0", ("SSLv3",), {}, id="far too old"),
    ],
)  # fmt: skip
async def test_a_version_that_it_lacks(
    policy: Policy, client: str, versions: tuple[str, ...], sets: dict[str, str]
) -> None:
    found = await fit_of(policy, client, versions=versions)
    assert (found.choice, found.lacking) == (None, "version")
    assert found.server_list == versions[::-1]
    assert found.client_sets == sets
    expected = {"go": ("TLSv1.3", "TLSv1.2"), "openssl=3.0": ("TLSv1.3", "TLSv1.2"),
                "openssl=1.0.2": ("TLSv1.2", "TLSv1.1", "TLSv1.0")}  # fmt: skip
    assert found.client_list == expected[client]


async def test_old_versions_are_no_fault_of_a_client_that_completes_them() -> None:
    found = await fit_of(lambda _: selects(RSA_AES, n.TLS10), "openssl=1.1.1")
    assert found.choice == TlsChoice(version="TLSv1.0", suite="TLS_RSA_WITH_AES_128_CBC_SHA")
