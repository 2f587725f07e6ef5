"""One bare hello, and every way in which it can be answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest

from seventh.labkit.serve import tcp_server
from seventh.model.alert import Alert
from seventh.model.failure import Failed, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.tlsfacts import Starttls, TlsFacts, Topic
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


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason.PEER_RESET, Answer(outcome="refused")),
        (Reason.PEER_CLOSED, Answer(outcome="refused")),
        (Reason.PEER_SILENT, Answer(outcome="unclear", why="no answer to this ClientHello")),
        (Reason.BUDGET_EXCEEDED, None),
    ],
)
async def test_a_connection_that_ends(reason: Reason, expected: Answer | None) -> None:
    stream = Mock(send=AsyncMock(), receive=AsyncMock(side_effect=Failed(reason, "ended")))
    if expected is not None:
        assert await exchange(stream, b"") == expected
        return
    with pytest.raises(Failed) as raised:
        await exchange(stream, b"")
    assert raised.value.reason is reason


# -- what is made of the answers ---------------------------------------------------------------


def hello(version: int = n.TLS12, suite: int = 0xC02B, **more: Any) -> Answer:
    said = tlshello.ServerHello(version=version, random=b"r" * 32, suite=suite, **more)
    return Answer(outcome="hello", hello=said)


def refusal(alert: Alert | None = None) -> Answer:
    return Answer(outcome="refused", alert=alert)


def offers_groups(sent: tlshello.ClientHello) -> bool:
    return 10 in {kind for kind, _ in sent.extensions or ()}  # supported_groups, RFC 8422 §5.1


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
    assert [offers_groups(h) for h in script.hellos] == [True, False, True, True]
    assert (questions.learnt.broken, questions.learnt.obsolete) == ([0x0005], [])


@pytest.mark.parametrize(("answer", "bits"), [(refusal(), 0), (UNCLEAR, None), (hello(), None)])
async def test_without_a_prime(
    monkeypatch: pytest.MonkeyPatch, answer: Answer, bits: int | None
) -> None:
    script = Script(monkeypatch, answer, refusal())
    questions = script.questions()
    await questions.finite_field()
    assert questions.learnt.dh_bits == bits
    why = {
        "refused": {},
        "unclear": {Topic.FINITE_FIELD: "no answer"},
        "hello": {
            Topic.FINITE_FIELD: "the server accepts a DHE suite, but sends no readable prime"
        },
    }
    assert questions.learnt.unknown == why[answer.outcome]
    assert len(script.answers) == 1, "one question"
    assert not offers_groups(script.hellos[0]), "a server would choose a group of RFC 7919 by them"


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


# -- all questions to one server ---------------------------------------------------------------


async def asked(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[tlshello.ClientHello], Answer], **known: Any
) -> tuple[TlsFacts, list[tuple[tlshello.ClientHello, dict[str, bool]]]]:
    """Ask a server that answers by the hello, of which a handshake has shown ``known``."""
    sent: list[tuple[tlshello.ClientHello, dict[str, bool]]] = []

    async def exchange(_: object, data: bytes, **how: bool) -> Answer:
        sent.append((tlshello.parse_client_hello(data[9:]), how))
        return answer(sent[-1][0])

    async def open_stream() -> Any:
        return contextlib.nullcontext()

    monkeypatch.setattr(bare_hellos, "exchange", exchange)
    ctx = ProbeContext(Target(scheme="tls", host="host.example", port=443), Options())
    ctx.notes(TlsFacts).learn(**known)
    await bare_hellos.check_bare_hellos(ctx, open_stream, "host.example")
    ctx.close()
    return ctx.notes(TlsFacts).facts, sent


async def test_a_modern_server_that_refuses_all(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, sent = await asked(
        monkeypatch, lambda _: refusal(VERSION), version="TLSv1.3", group="X25519MLKEM768"
    )
    assert facts.versions == ("TLSv1.3",)
    assert facts.versions_refused == ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2")
    assert (facts.broken_suites, facts.obsolete_suites, facts.all_suites) == ((), (), True)
    assert (facts.dh_bits, facts.hybrid_group) == (0, "X25519MLKEM768")
    assert [hello.version for hello, _ in sent] == [n.TLS11, *[n.TLS12] * 4]
    assert all(hello.extension(0) == b"\0\x0f\0\0\x0chost.example" for hello, _ in sent)
    assert [how["in_clear"] for _, how in sent] == [False] * 5


@pytest.mark.parametrize(
    ("version", "accepted", "refused", "questions"),
    [
        ("TLSv1.3", ("TLSv1.3",), ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.2"), 6),
        ("TLSv1.2", ("TLSv1.2",), ("SSLv3", "TLSv1.0", "TLSv1.1", "TLSv1.3"), 7),
        ("TLSv1.1", ("TLSv1.1",), ("SSLv3", "TLSv1.0", "TLSv1.2", "TLSv1.3"), 8),
        (None, (), (), 8),  # refusals of a server that answers nothing
    ],
)
async def test_what_the_main_handshake_has_shown_counts(
    monkeypatch: pytest.MonkeyPatch,
    version: str | None,
    accepted: tuple[str, ...],
    refused: tuple[str, ...],
    questions: int,
) -> None:
    """A server of TLS 1.1 or less is asked for each old version; a modern one once."""
    facts, sent = await asked(
        monkeypatch,
        lambda _: refusal(VERSION),
        version=version,
        group="X25519",
        starttls=Starttls(protocol="smtp"),
    )
    assert (facts.versions, facts.versions_refused, len(sent)) == (accepted, refused, questions)
    assert all(how["in_clear"] for _, how in sent)
    unknown = {} if version else {Topic.HELLOS: "no answer to any ClientHello"}
    assert facts.unknown == unknown
    assert facts.broken_suites == (() if version else None)
    assert facts.hybrid_group == ("" if version else None)


@pytest.mark.parametrize(
    ("shown", "bits", "least"),
    [(None, 2048, 2048), (1024, 2048, 1024), (2048, 1024, 1024), (2048, None, 2048)],
)
async def test_the_least_prime_of_all_counts(
    monkeypatch: pytest.MonkeyPatch, shown: int | None, bits: int | None, least: int
) -> None:
    def answer(sent: tlshello.ClientHello) -> Answer:
        if bits is None or offers_groups(sent):
            return refusal()
        said = hello(suite=sent.suites[0]).hello
        return Answer(outcome="hello", hello=said, key=tlshello.KeyExchange(prime_bits=bits))

    facts, _ = await asked(monkeypatch, answer, version="TLSv1.2", dh_bits=shown)
    assert facts.dh_bits == least


async def test_silence_is_told_of_each_question(monkeypatch: pytest.MonkeyPatch) -> None:
    facts, sent = await asked(monkeypatch, lambda _: UNCLEAR, version="TLSv1.2")
    assert len(sent) == 9
    topics = [
        Topic.TLS11, Topic.TLS10, Topic.SSL3, Topic.BROKEN_SUITES, Topic.OBSOLETE_SUITES,
        Topic.TLS12, Topic.FINITE_FIELD, Topic.HYBRID_GROUP, Topic.ALL_SUITES,
    ]  # fmt: skip
    assert facts.unknown == dict.fromkeys(topics, "no answer")
    assert (facts.versions, facts.versions_refused) == (("TLSv1.2",), ("TLSv1.3",))
    assert (facts.broken_suites, facts.obsolete_suites, facts.all_suites) == (None, None, None)
    assert (facts.dh_bits, facts.hybrid_group, facts.compression) == (None, None, None)
    assert facts.suites is None
