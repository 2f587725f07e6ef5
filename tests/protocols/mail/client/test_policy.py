"""Fetching a policy: by RFC 8461's rules, from servers that do not keep to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from seventh.labkit.serve import Kit, free_port, tcp_server
from seventh.labkit.tlsserve import TlsPeer, server_context, tls_server
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.serve import web_server
from seventh.model.failure import Blame, Failed, Reason
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.mail.client import policy
from seventh.protocols.mail.client.policy import Fetched, fetch
from seventh.protocols.mail.wire.mta_sts import MAX_BYTES
from seventh.web.message import Request
from tests.options import options_with

HOST = "mta-sts.lab.test"
HERE = ("127.0.0.1",)
PLAIN = (("Content-Type", "text/plain"),)
POLICY_RULE = "not followed"


async def fetched(
    kit: Kit, port: int, addresses: tuple[str, ...] = HERE, *, internal: bool = True
) -> Fetched:
    """What came, without the time, which differs."""
    options = options_with(ca_file=str(kit.authority.ca_file), timeout_seconds=20.0)
    ctx = ProbeContext(Target(scheme="mail", host="lab.test", port=0), options)
    try:
        found = await fetch(ctx, HOST, addresses, port, internal=internal)
    finally:
        ctx.close()
    assert (found.seconds is not None) == (found.status is not None)
    assert 0 < (found.seconds or 1) < 20
    return Fetched(**{n: getattr(found, n) for n in found.__struct_fields__ if n != "seconds"})


async def from_web(kit: Kit, answer: Answer, *names: str) -> tuple[Fetched, list[Request]]:
    """What comes from a web server, and the requests that it got."""
    requests = []

    async def handle(request: Request) -> Answer:
        requests.append(request)
        return answer

    issued = kit.authority.issue(*(names or (HOST,)))
    # Whoever does not ask for HTTP/1.1 gets HTTP/2.
    async with web_server(handle, issued=issued, versions=("1.1", "2")) as port:
        return await fetched(kit, port), requests


async def from_tls(
    kit: Kit, application: Callable[[TlsPeer], Awaitable[None]], addresses: tuple[str, ...] = HERE
) -> Fetched:
    """What comes from a server that does after its handshake what ``application`` does."""
    context = server_context(kit.authority.issue(HOST))
    async with tls_server(context, application=application) as port:
        return await fetched(kit, port, addresses)


async def test_the_request_and_the_policy(kit: Kit) -> None:
    found, requests = await from_web(kit, Answer(headers=PLAIN, body=b"version: STSv1"))
    assert found == Fetched(state="ok", status=200, media_type="text/plain", body=b"version: STSv1")
    (request,) = requests
    assert (request.method, request.scheme, request.authority, request.path, request.body) == (
        "GET", "https", HOST, "/.well-known/mta-sts.txt", b"",
    )  # fmt: skip
    assert (request.get("user-agent"), request.get("accept")) == ("seventh", "text/plain")


async def test_a_redirect_is_not_followed(kit: Kit) -> None:
    answer = Answer(status=308, headers=(("Location", "https://127.0.0.1/secret"),))
    found, requests = await from_web(kit, answer)
    assert found == Fetched(state="redirect", status=308, location="https://127.0.0.1/secret")
    assert len(requests) == 1


@pytest.mark.parametrize(
    ("status", "state"), [(201, "status"), (299, "status"), (300, "redirect"), (399, "redirect"),
                          (400, "status"), (404, "status"), (503, "status")],
)  # fmt: skip
async def test_other_statuses(status: int, state: str, kit: Kit) -> None:
    found, _ = await from_web(kit, Answer(status=status, headers=PLAIN, body=b"x"))
    assert (found.state, found.status, found.body) == (state, status, b"")


@pytest.mark.parametrize(
    ("length", "state"),
    [(MAX_BYTES, "ok"), (MAX_BYTES + 1, "long"), (10_000_000, "long")],
)
async def test_the_longest_policy(length: int, state: str, kit: Kit) -> None:
    found, _ = await from_web(kit, Answer(headers=PLAIN, body=b"#" * length))
    assert (found.state, len(found.body)) == (state, length if state == "ok" else 0)


async def test_a_body_without_end(kit: Kit) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield b"#" * 1000

    found, _ = await from_web(kit, Answer(headers=PLAIN, body=pieces))
    assert found == Fetched(state="long", status=200)


async def test_a_certificate_for_another_name(kit: Kit) -> None:
    found, requests = await from_web(kit, Answer(headers=PLAIN), "lab.test", "*.mta-sts.lab.test")
    assert found == Fetched(
        state="certificate",
        detail="the certificate is for lab.test, *.mta-sts.lab.test, not for mta-sts.lab.test",
    )
    assert requests == []


async def test_a_wildcard_certificate_is_right(kit: Kit) -> None:
    found, _ = await from_web(kit, Answer(headers=PLAIN, body=b"x"), "*.lab.test")
    assert found.state == "ok"


async def test_addresses_that_a_public_domain_must_not_name(kit: Kit) -> None:
    contacted = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        contacted.append(writer)

    async with tcp_server(accept) as port:
        for address in ("127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"):
            for addresses in ((address,), ("192.88.99.1", address)):
                found = await fetched(kit, port, addresses, internal=False)
                assert (found.state, found.detail.rpartition(": ")[2]) == ("address", POLICY_RULE)
        found = await fetched(kit, port, ("169.254.169.254",))
        assert (found.state, found.detail.rpartition(": ")[2]) == ("address", POLICY_RULE)
    assert contacted == []


async def test_a_server_that_is_not_there(kit: Kit) -> None:
    found = await fetched(kit, free_port())
    assert found.state == "unreachable"


@pytest.mark.parametrize(("dead", "state"), [(1, "ok"), (3, "ok"), (4, "unreachable")])
async def test_four_addresses_are_tried(dead: int, state: str, kit: Kit) -> None:
    async def answer(peer: TlsPeer) -> None:
        await peer.receive()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

    found = await from_tls(kit, answer, (*(f"127.0.0.{70 + n}" for n in range(dead)), *HERE))
    assert (found.state, found.body) == (state, b"x" if state == "ok" else b"")


async def test_a_server_without_tls(kit: Kit) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async with tcp_server(greet) as port:
        found = await fetched(kit, port)
    assert found.state == "tls"


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nx", b"SSH-2.0-x\r\n", b"\0" * 99]
)
async def test_what_is_no_response(said: bytes, kit: Kit) -> None:
    async def answer(peer: TlsPeer) -> None:
        await peer.receive()
        if said:
            await peer.send(said)

    assert (await from_tls(kit, answer)).state == "http"


@pytest.mark.parametrize(
    ("reason", "blame", "phase", "state"),
    [
        (Reason.CONNECT_TIMEOUT, None, "", "unknown"),
        (Reason.CONNECT_UNREACHABLE, None, "", "unknown"),
        (Reason.PEER_SILENT, None, "tls", "unknown"),
        (Reason.BUDGET_EXCEEDED, None, "", "unknown"),
        (Reason.LOCAL_RESOURCE, None, "", "unknown"),
        (Reason.INTERNAL, None, "", "unknown"),
        (Reason.TLS_CERTIFICATE_INVALID, Blame.LOCAL, "tls", "unknown"),
        (Reason.TLS_CERTIFICATE_INVALID, None, "tls", "certificate"),
        (Reason.ADDRESS_POLICY, None, "", "address"),
        (Reason.CONNECT_REFUSED, None, "", "unreachable"),
        (Reason.CONNECT_RESET, None, "", "unreachable"),
        (Reason.TLS_HANDSHAKE, None, "tls", "tls"),
        (Reason.PEER_CLOSED, None, "tls", "tls"),
        (Reason.PEER_CLOSED, None, "", "http"),
    ],
)
def test_what_a_failure_says(reason: Reason, blame: Blame | None, phase: str, state: str) -> None:
    assert policy.state_of(Failed(reason, "why", blame=blame, phase=phase)) == state


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\n\r\nx"])
async def test_a_slow_server_is_not_called_broken(
    said: bytes, kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "SECONDS", 0.3)

    async def answer(peer: TlsPeer) -> None:
        await peer.receive()
        for byte in said:
            await peer.send(bytes([byte]))
        await asyncio.Event().wait()

    found = await from_tls(kit, answer)
    assert found == Fetched(state="unknown", detail="no complete response within 0.3 s")
