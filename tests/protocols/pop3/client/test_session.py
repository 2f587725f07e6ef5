"""One connection, fed with what a server may say."""

from __future__ import annotations

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.pop3.client.session import Session
from seventh.wire.sasl import Client, Credentials, LoginClient, PlainClient, ScramClient
from tests.hostile.servers import Reader, Writer


async def authenticated(
    client: Client, answers: list[bytes]
) -> tuple[list[bytes], bool, Failed | None]:
    """What was sent to a server that answers so, line by line, and how it ended."""
    sent: list[bytes] = []

    async def serve(reader: Reader, writer: Writer) -> None:
        writer.write(b"+OK ready\r\n")
        for answer in answers:
            sent.append(await reader.readline())
            writer.write(answer + b"\r\n")
        await writer.drain()
        await reader.read(1)

    async with tcp_server(serve) as port:
        ctx = ProbeContext(Target(scheme="pop3", host="127.0.0.1", port=port), Options())
        session = Session(ctx, await ctx.connect())
        await session.greet()
        try:
            with ctx.watch.phase("pop3.auth") as timer:
                status = await session.authenticate(client, timer)
        except Failed as failed:
            return sent, False, failed
        finally:
            ctx.close()
    return sent, status.ok, None


WHO = Credentials("anna", password=b"pw")


async def test_an_initial_response_is_sent_at_once() -> None:
    sent, ok, _ = await authenticated(PlainClient(WHO), [b"+OK"])
    assert (sent, ok) == ([b"AUTH PLAIN AGFubmEAcHc=\r\n"], True)


async def test_a_long_one_is_sent_when_asked_for() -> None:
    long = Credentials("anna", password=b"p" * 200)
    sent, ok, _ = await authenticated(PlainClient(long), [b"+ ", b"-ERR [AUTH] no"])
    assert sent[0] == b"AUTH PLAIN\r\n"
    assert len(sent[1]) > 255
    assert not ok


async def test_prompts_are_answered() -> None:
    sent, ok, _ = await authenticated(LoginClient(WHO), [b"+ VXNlcg==", b"+ UGFzcw==", b"+OK"])
    assert (sent, ok) == ([b"AUTH LOGIN\r\n", b"YW5uYQ==\r\n", b"cHc=\r\n"], True)


@pytest.mark.parametrize("challenge", [b"+ UGFzc3dvcmQ6", b"+", b"+ ?"])
async def test_a_server_that_asks_for_more_gets_nothing(challenge: bytes) -> None:
    sent, _, failed = await authenticated(PlainClient(WHO), [challenge, b"+ QQ=="])
    assert sent[1:] == [b"*\r\n"]
    assert failed is not None
    assert failed.reason is Reason.PROTOCOL_VIOLATION


async def test_success_without_the_servers_proof_is_none() -> None:
    _, _, failed = await authenticated(ScramClient("SCRAM-SHA-256", WHO), [b"+OK welcome"])
    assert failed is not None
    assert failed.detail == (
        "SCRAM-SHA-256 succeeded without the server's proof that it knows the password"
    )
