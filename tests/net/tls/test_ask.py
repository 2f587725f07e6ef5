"""One bare hello, and every way in which it can be answered."""

from __future__ import annotations

import asyncio

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.net.tls.ask import MAX_QUESTIONS, Answer, Asker, question
from seventh.wire import tlshello
from seventh.wire import tlsnames as n

HELLO = tlshello.ServerHello(version=n.TLS12, random=b"r" * 32, suite=0x009E)
SAID = tlshello.encode_server_hello(HELLO)
KEY = b"\x00\x02\x7f\xff" + b"\x00\x01\x02" + b"\x00\x01\x05"


async def answered(reply: bytes, *, key: bool = False) -> Answer:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(reply)
        await writer.drain()

    async with tcp_server(handler) as port:
        ctx = ProbeContext(Target(scheme="tls", host="127.0.0.1", port=port), Options())
        try:
            hello = tlshello.offer(n.TLS12, n.DHE_SUITES, b"c" * 32)
            return await question(await ctx.connect(), hello, key=key)
        finally:
            ctx.close()


def record(*messages: bytes) -> bytes:
    return tlshello.record(n.HANDSHAKE, b"".join(messages))


@pytest.mark.parametrize(
    ("reply", "key", "outcome", "detail"),
    [
        (record(SAID), False, "hello", ""),
        (b"", False, "refused", "no alert"),
        (tlshello.alert(40), False, "refused", "HANDSHAKE_FAILURE"),
        (tlshello.record(n.ALERT, b"\x01\x70") + record(SAID), False, "hello", ""),
        (b"HTTP/1.1 400 Bad\r\n", False, "unclear", "does not exist in TLS"),
        (record(SAID, tlshello.message(n.SERVER_KEY_EXCHANGE, KEY)), True, "hello", "15 bits"),
        (record(SAID, tlshello.message(n.SERVER_HELLO_DONE, b"")), True, "hello", "no key"),
        (record(SAID), True, "hello", "no key"),
        (record(SAID) + tlshello.record(n.APPLICATION_DATA, b"x"), True, "hello", "no key"),
    ],
)
async def test_answers(reply: bytes, key: bool, outcome: str, detail: str) -> None:
    answer = await answered(reply, key=key)
    assert answer.outcome == outcome
    if outcome == "hello":
        assert answer.hello == HELLO
    bits = f"{answer.key.prime_bits} bits" if answer.key is not None else "no key"
    alert = answer.alert.name if answer.alert is not None else "no alert"
    assert detail in f"{alert} {answer.why} {bits}"


async def test_no_more_questions_than_allowed() -> None:
    opened = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        sent = tlshello.parse_client_hello((await reader.read(65536))[9:])
        said = tlshello.ServerHello(version=n.TLS12, random=b"r" * 32, suite=sent.suites[0])
        writer.write(record(tlshello.encode_server_hello(said)))

    async with tcp_server(handler) as port:
        target = Target(scheme="tls", host="127.0.0.1", port=port)
        ctx = ProbeContext(target, Options(), connections=40)
        (address,) = await ctx.addresses()
        asker = Asker(lambda: ctx.connect_again(address), None, modern=True)
        for ask in (asker.broken_suites, asker.obsolete_suites, asker.more_suites):
            await ask()
        ctx.close()
    assert opened == MAX_QUESTIONS
    assert asker.left == 0
    assert len(asker.learnt.broken or ()) == MAX_QUESTIONS - 1
