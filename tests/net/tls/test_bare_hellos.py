"""One bare hello, and every way in which it can be answered."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.alert import Alert
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import Topic
from seventh.net.probe_context import ProbeContext
from seventh.net.tls import bare_hellos
from seventh.net.tls.bare_hellos import Answer, BareHellos, exchange
from seventh.wire import tlshello
from seventh.wire import tlsnames as n

HELLO = tlshello.ServerHello(version=n.TLS12, random=b"r" * 32, suite=0x009E)
SAID = tlshello.encode_server_hello(HELLO)
KEY = b"\x00\x02\x7f\xff" + b"\x00\x01\x02" + b"\x00\x01\x05"


async def answered(reply: bytes, *, key: bool = False, in_clear: bool = False) -> Answer:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(reply)
        await writer.drain()

    async with tcp_server(handler) as port:
        ctx = ProbeContext(Target(scheme="tls", host="127.0.0.1", port=port), Options())
        try:
            hello = tlshello.offer(n.TLS12, n.DHE_SUITES, b"c" * 32)
            return await exchange(await ctx.connect(), hello, key=key, in_clear=in_clear)
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


async def test_after_starttls_an_error_in_clear_is_a_refusal() -> None:
    for reply in (b"421 TLS handshake failed\r\n", b"\x16\0\0\x02\xff\x13\x04#08S01Bad handshake"):
        assert (await answered(reply, in_clear=True)).outcome == "refused"
        assert (await answered(reply)).outcome == "unclear"
    broken = tlshello.record(n.HANDSHAKE, tlshello.message(n.SERVER_KEY_EXCHANGE, KEY))
    assert (await answered(broken, in_clear=True)).outcome == "unclear"


# -- what is made of the answers ---------------------------------------------------------------


def hello(version: int = n.TLS12, suite: int = 0xC02B, **more: Any) -> Answer:
    said = tlshello.ServerHello(version=version, random=b"r" * 32, suite=suite, **more)
    return Answer(outcome="hello", hello=said)


def refusal(alert: Alert | None = None) -> Answer:
    return Answer(outcome="refused", alert=alert)


UNCLEAR = Answer(outcome="unclear", why="no answer")


class Script:
    """Answers in turn, and the hellos that they were given to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Answer) -> None:
        self.answers = list(answers)
        self.hellos: list[tlshello.ClientHello] = []
        monkeypatch.setattr(bare_hellos, "exchange", self.exchange)

    async def exchange(self, _: object, hello: bytes, **how: bool) -> Answer:
        self.hellos.append(tlshello.parse_client_hello(hello[9:]))
        return self.answers.pop(0)

    def questions(self, *, modern: bool = True) -> BareHellos:
        async def open_stream() -> Any:
            return contextlib.nullcontext()

        return BareHellos(open_stream, None, modern=modern)


VERSION, FAILURE = Alert.PROTOCOL_VERSION, Alert.HANDSHAKE_FAILURE
ALL_OLD = {n.SSL3, n.TLS10, n.TLS11}


@pytest.mark.parametrize(
    ("modern", "answers", "accepted", "refused"),
    [
        (True, (refusal(VERSION),), set(), ALL_OLD),
        (True, (refusal(FAILURE),) * 3, set(), ALL_OLD),
        (False, (refusal(VERSION),) * 3, set(), ALL_OLD),
        (True, (hello(n.TLS11), refusal(VERSION)), {n.TLS11}, {n.SSL3, n.TLS10}),
        (True, (hello(n.TLS10), refusal(VERSION)), {n.TLS10}, {n.SSL3, n.TLS11}),
        (True, (hello(n.SSL3),), {n.SSL3}, {n.TLS10, n.TLS11}),
        (True, (UNCLEAR, refusal(VERSION)), set(), {n.SSL3, n.TLS10}),
        (True, (UNCLEAR, UNCLEAR, hello(n.SSL3)), {n.SSL3}, set()),
    ],
)
async def test_versions(
    monkeypatch: pytest.MonkeyPatch,
    modern: bool,
    answers: tuple[Answer, ...],
    accepted: set[int],
    refused: set[int],
) -> None:
    script = Script(monkeypatch, *answers)
    questions = script.questions(modern=modern)
    await questions.versions()
    assert (questions.learnt.accepted, questions.learnt.refused) == (accepted, refused)
    assert not script.answers


async def test_an_old_server_is_asked_for_suites_with_its_own_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script = Script(monkeypatch, hello(n.TLS10), refusal(), hello(suite=0x0005), refusal())
    questions = script.questions(modern=False)
    await questions.versions()
    await questions.broken_suites()
    await questions.obsolete_suites()
    assert [h.version for h in script.hellos] == [n.TLS11, n.SSL3, n.TLS10, n.TLS10]
    assert (questions.learnt.broken, questions.learnt.obsolete) == ([0x0005], [])


@pytest.mark.parametrize(("answer", "bits"), [(refusal(), 0), (UNCLEAR, None), (hello(), None)])
async def test_without_a_prime(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, bits: int | None
) -> None:
    questions = Script(monkeypatch, answer, refusal()).questions()
    await questions.finite_field()
    assert questions.learnt.dh_bits == bits


@pytest.mark.parametrize(("first", "second", "least"), [(2048, 1024, 1024), (1024, 2048, 1024)])
async def test_the_shorter_of_two_primes(
    monkeypatch: pytest.MonkeyPatch, first: int, second: int, least: int
) -> None:
    def prime(bits: int, suite: int) -> Answer:
        said = hello(suite=suite).hello
        return Answer(outcome="hello", hello=said, key=tlshello.KeyExchange(prime_bits=bits))

    script = Script(monkeypatch, prime(first, 0x009F), prime(second, 0x009E))
    questions = script.questions()
    await questions.finite_field()
    assert questions.learnt.dh_bits == least
    taken, other = (set(h.suites) for h in script.hellos)
    assert 0x009F in taken and 0x009F not in other, "a suite of another cipher is asked for"


EMS, RENEGOTIATION = (n.EXTENDED_MASTER_SECRET, b""), (n.RENEGOTIATION_INFO, b"\x00")


@pytest.mark.parametrize(
    ("answer", "learnt"),
    [
        (hello(extensions=(EMS, RENEGOTIATION)), (True, True, False)),
        (hello(extensions=(EMS,), compression=1), (True, False, True)),
        (hello(extensions=(RENEGOTIATION,)), (False, True, False)),
        (refusal(), (None, None, None)),
        (UNCLEAR, (None, None, None)),
    ],
)
async def test_features(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, learnt: tuple[bool | None, ...]
) -> None:
    questions = Script(monkeypatch, answer).questions()
    await questions.features()
    found = questions.learnt
    assert learnt == (found.extended_master_secret, found.secure_renegotiation, found.compression)
    assert (n.TLS12 in found.accepted) is (answer.outcome == "hello")
    assert (n.TLS12 in found.refused) is (answer.outcome == "refused")


async def test_a_lower_version_refuses_tls_1_2(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = Script(monkeypatch, hello(n.TLS11)).questions()
    await questions.features()
    assert (questions.learnt.accepted, questions.learnt.refused) == ({n.TLS11}, {n.TLS12})


@pytest.mark.parametrize(
    ("answer", "group"),
    [
        (hello(extensions=((n.KEY_SHARE, b"\x11\xec"),)), "X25519MLKEM768"),
        (hello(extensions=((n.KEY_SHARE, b"\x00\x1d"),)), ""),
        (hello(), ""),
        (refusal(), ""),
        (UNCLEAR, None),
    ],
)
async def test_the_hybrid_group(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, group: str | None
) -> None:
    questions = Script(monkeypatch, answer).questions()
    await questions.hybrid_group()
    assert questions.learnt.hybrid == group


RC4, RC4_MD5 = 0x0005, 0x0004


class Accepting:
    """A server that accepts these suites: it selects the hello's first, or refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *suites: int) -> None:
        self.suites = suites
        self.asked = self.at_once = self.most_at_once = 0
        self.odd: Answer | None = None
        """What it answers where it would refuse, if it is odd."""
        monkeypatch.setattr(bare_hellos, "exchange", self.exchange)

    async def exchange(self, _: object, data: bytes, **how: bool) -> Answer:
        self.asked += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        offered = tlshello.parse_client_hello(data[9:]).suites
        selected = [code for code in offered if code in self.suites]
        return hello(suite=selected[0]) if selected else self.odd or refusal()

    def questions(self, *, in_clear: bool = False) -> BareHellos:
        async def open_stream() -> Any:
            return contextlib.nullcontext()

        return BareHellos(open_stream, None, modern=True, in_clear=in_clear)


async def all_of(questions: BareHellos, *, good: bool = False) -> bare_hellos.Answers:
    for ask in (questions.broken_suites, questions.obsolete_suites):
        await ask()
    await questions.all_suites(good=good)
    return questions.learnt


WEAK = (*n.BROKEN_SUITES[:9], *n.OBSOLETE_SUITES[:20])


@pytest.mark.parametrize(
    ("suites", "questions"),
    [
        ((), 2),
        ((RC4,), 2 + 4),
        ((RC4, RC4_MD5), 2 + 4 + 1),
        (n.GOOD_SUITES, 2),
        (WEAK, 2 + 4 + 8 + 4 + 19),
    ],
)
async def test_all_weak_suites_are_found(
    monkeypatch: pytest.MonkeyPatch, suites: tuple[int, ...], questions: int
) -> None:
    server = Accepting(monkeypatch, *suites)
    learnt = await all_of(server.questions())
    assert learnt.broken == [code for code in n.BROKEN_SUITES if code in suites]
    assert learnt.obsolete == [code for code in n.OBSOLETE_SUITES if code in suites]
    assert (learnt.unasked, learnt.good, server.asked) == (0, None, questions)
    assert server.most_at_once <= bare_hellos.LANES


async def test_the_good_ones_where_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = await all_of(Accepting(monkeypatch, 0xC02F, 0x009C, RC4).questions(), good=True)
    assert (learnt.good, learnt.broken, learnt.obsolete) == ([0xC02F], [RC4], [0x009C])
    assert (await all_of(Accepting(monkeypatch, RC4).questions(), good=True)).good == []


@pytest.mark.parametrize("odd", [UNCLEAR, hello(suite=RC4)])  # it selects what was not offered
async def test_what_is_not_refused_remains_unknown(
    monkeypatch: pytest.MonkeyPatch, odd: Answer
) -> None:
    server = Accepting(monkeypatch, 0x0005)
    questions = server.questions()
    questions.learnt.broken, questions.learnt.obsolete = [RC4], []
    server.odd = odd
    await questions.all_suites(good=False)
    assert questions.learnt.broken == [RC4]
    assert questions.learnt.unasked == len(n.BROKEN_SUITES) - 1


async def test_a_list_that_was_not_learnt_is_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = Script(monkeypatch).questions()
    questions.learnt.broken, questions.learnt.obsolete = [], None
    await questions.all_suites(good=False)
    assert questions.learnt.unasked is None


@pytest.mark.parametrize(("in_clear", "most"), [(False, 64), (True, 12)])
async def test_the_limit_of_questions(
    monkeypatch: pytest.MonkeyPatch, in_clear: bool, most: int
) -> None:
    everything = (*n.BROKEN_SUITES, *n.OBSOLETE_SUITES)
    server = Accepting(monkeypatch, *everything)
    learnt = await all_of(server.questions(in_clear=in_clear), good=True)
    assert server.asked == 2 + most
    assert learnt.unasked == len(everything) - 2 - most
    assert len(learnt.broken or ()) + len(learnt.obsolete or ()) == 2 + most
    assert learnt.good is None
    assert Topic.ALL_SUITES in learnt.unknown


async def test_the_limit_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bare_hellos, "MORE_SECONDS", 0.0)
    server = Accepting(monkeypatch, RC4, RC4_MD5)
    learnt = await all_of(server.questions())
    assert (server.asked, learnt.unasked) == (2, len(n.BROKEN_SUITES) - 1)
