"""One connection, fed with what a server may say."""

from __future__ import annotations

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.imap.client import session as client
from seventh.protocols.imap.client.session import Session
from seventh.wire.sasl import Credentials, ScramClient
from tests.hostile.servers import Reader, Writer


async def after(said: bytes, *, command: bytes = b"NOOP") -> client.Answer:
    """The answer to a command of a server that has said everything before."""

    async def serve(reader: Reader, writer: Writer) -> None:
        writer.write(b"* OK ready\r\n")
        await reader.readline()
        writer.write(said)
        await writer.drain()
        await reader.read(1)

    async with tcp_server(serve) as port:
        ctx = ProbeContext(Target(scheme="imap", host="127.0.0.1", port=port), Options())
        session = Session(ctx, await ctx.connect())
        await session.greet()
        try:
            return await session.command(command)
        finally:
            ctx.close()


async def test_an_answer_has_what_came_before_it() -> None:
    answer = await after(b"* CAPABILITY A B\r\n* 3 EXISTS\r\ns1 OK [CAPABILITY C] done\r\n")
    assert answer.ok
    assert [each.number for each in answer.named("EXISTS")] == [3]
    assert answer.capabilities == ("C",)
    assert (await after(b"s1 NO\r\n")).capabilities is None


@pytest.mark.parametrize(
    ("said", "reason", "detail"),
    [
        (b"s2 OK\r\n", Reason.PROTOCOL_VIOLATION,
         "a response with the tag s2 that must not come"),
        (b"+ go on\r\n", Reason.PROTOCOL_VIOLATION, "a response with the tag + that must not come"),
        (b"* BYE \x1b[1m\r\n", Reason.PEER_CLOSED, "the server ended the session: '\\x1b[1m'"),
    ],
)  # fmt: skip
async def test_what_must_not_come(said: bytes, reason: Reason, detail: str) -> None:
    with pytest.raises(Failed) as caught:
        await after(said)
    assert (caught.value.reason, caught.value.detail) == (reason, detail)


async def test_untagged_responses_have_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MAX_UNTAGGED", 3)
    assert (await after(b"* 1 X\r\n" * 3 + b"s1 OK\r\n")).ok
    with pytest.raises(Failed, match="more than 3 responses to one command"):
        await after(b"* 1 X\r\n" * 4 + b"s1 OK\r\n")


async def authenticated(
    challenges: list[bytes], result: bytes
) -> tuple[list[bytes], Failed | None]:
    """What was sent to a server that answers AUTHENTICATE so, and the failure."""
    sent: list[bytes] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        writer.write(b"* OK ready\r\n")
        sent.append(await reader.readline())
        for challenge in challenges:
            writer.write(b"+ " + challenge + b"\r\n")
            sent.append(await reader.readline())
        writer.write(result)
        await writer.drain()
        await reader.read(1)

    async with tcp_server(serve) as port:
        ctx = ProbeContext(Target(scheme="imap", host="127.0.0.1", port=port), Options())
        session = Session(ctx, await ctx.connect())
        await session.greet()
        scram = ScramClient("SCRAM-SHA-256", Credentials("u", password=b"p"), nonce="ours")
        failed: Failed | None = None
        try:
            with ctx.watch.phase("imap.login") as timer:
                await session.authenticate(scram, has_initial=False, timer=timer)
        except Failed as error:
            failed = error
        finally:
            ctx.close()
    return sent, failed


async def test_a_server_that_asks_for_the_password_gets_none() -> None:
    sent, failed = await authenticated([b"", b"UGFzc3dvcmQ6"], b"s1 BAD\r\n")
    assert sent == [b"s1 AUTHENTICATE SCRAM-SHA-256\r\n", b"biwsbj11LHI9b3Vycw==\r\n", b"*\r\n"]
    assert failed is not None
    assert failed.reason is Reason.PROTOCOL_VIOLATION
    assert failed.detail == "a malformed SCRAM-SHA-256 message: 'Password:'"


async def test_endless_challenges_end() -> None:
    sent, failed = await authenticated([b"", b"QQ==", b"QQ==", b"QQ=="], b"")
    assert sent[2:] == [b"*\r\n"]
    assert failed is not None
    assert failed.reason is Reason.PROTOCOL_VIOLATION


async def test_success_without_the_servers_proof_is_none() -> None:
    _, failed = await authenticated([b""], b"s1 OK welcome\r\n")
    assert failed is not None
    assert failed.detail == (
        "SCRAM-SHA-256 succeeded without the server's proof that it knows the password"
    )
