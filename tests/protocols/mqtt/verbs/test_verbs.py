"""pub, sub and tree at the lab's broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seventh import protocols
from seventh.engine.work import do
from seventh.lab import start
from seventh.labkit.serve import Kit, free_port
from seventh.model.failure import Failure, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.protocols.mqtt.lab import Broker, serve_setup
from seventh.protocols.mqtt.lab.client import Client
from seventh.protocols.mqtt.lab.setup import USER, Rights, Setup
from seventh.protocols.mqtt.verbs import publisher
from seventh.protocols.mqtt.verbs.link import Backoff
from seventh.protocols.mqtt.verbs.pub import Published, Refusal, Stored
from seventh.protocols.mqtt.verbs.sub import Received
from seventh.protocols.mqtt.wire.packets import (
    Packet,
    Puback,
    Pubcomp,
    Publish,
    Pubrec,
)
from tests.options import changed

VERBS = {verb.name: verb for verb in protocols.rooms()["mqtt"].verbs}


class Done(msgspec.Struct):
    """What a verb did."""

    code: int
    failure: Failure | None
    shown: list[Any]
    said: list[str]

    @property
    def payloads(self) -> list[Any]:
        return [each.payload for each in self.shown if isinstance(each, Received)]


Run = Callable[..., Any]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Backoff, "FIRST", 0.01)
    monkeypatch.setattr(Backoff, "LAST", 0.05)


async def run(
    target: Target, options: Options, name: str, *words: str,
    show: Callable[[Any], None] | None = None, **more: Any,
) -> Done:  # fmt: skip
    done = Done(0, None, [], [])

    def shown(result: Any) -> None:
        done.shown.append(result)
        if show is not None:
            show(result)

    verb = VERBS[name]
    one, *rest = verb.arguments
    given = {one.name: words[:1], rest[0].name: words[1:]} if rest else {one.name: words}
    done.code, done.failure = await do(
        target, changed(options, **more), verb, given, shown, lambda *_: None,
        say=done.said.append,
    )  # fmt: skip
    return done


@contextlib.asynccontextmanager
async def broker(kit: Kit, setup: Setup, state: Broker | None = None) -> AsyncIterator[Run]:
    async with serve_setup(setup, kit, state) as served:
        target, options = start.job(served, Options())

        async def here(name: str, *words: str, **more: Any) -> Done:
            return await run(target, options, name, *words, **more)

        yield here


async def subscribed(here: Run, *words: str, **more: Any) -> asyncio.Task[Done]:
    """Begin ``sub`` and return when the broker has its subscription: a retained message came."""
    ready = asyncio.Event()
    await here("pub", "ready", "now", retain=True)
    task = asyncio.ensure_future(here("sub", "ready", *words, show=lambda _: ready.set(), **more))
    await asyncio.wait((task, asyncio.ensure_future(ready.wait())),
                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    return task


@pytest.mark.parametrize(
    "setup",
    [Setup(), Setup(websocket=True), Setup(versions=(4,)), Setup(secure=False,
     options={"allow_plaintext": True}), Setup(receive_maximum=1)],
    ids=["tls", "websocket", "3.1.1", "clear", "one-at-a-time"],
)  # fmt: skip
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_messages_arrive_in_their_order(kit: Kit, setup: Setup, qos: int) -> None:
    async with broker(kit, setup) as here:
        task = await subscribed(here, "a/#", count=301, max_qos=2)
        words = [f"m{n}" for n in range(300)]
        done = await here("pub", "a/b/c", *words, qos=qos)
        received = await task
    assert (done.code, done.failure, done.said) == (0, None, [])
    assert done.shown == [Published(accepted=300, delivered=300)]
    assert received.payloads == ["now", *words]
    assert {each.qos for each in received.shown[1:]} == {qos}


async def test_what_a_message_has(kit: Kit) -> None:
    async with broker(kit, Setup()) as here:
        task = await subscribed(here, "a/+", count=2)
        await here(
            "pub", "a/b", '{"v": 1}', expiry_seconds=60, content_type="application/json",
            user_properties=("unit=K", "from=a=b"),
        )  # fmt: skip
        (_, message) = (await task).shown
    assert msgspec.structs.replace(message, at=0.0) == Received(
        topic="a/b", at=0.0, qos=1, retain=False, bytes=8, encoding="json", payload={"v": 1},
        content_type="application/json", expiry_seconds=60,
        properties=(("unit", "K"), ("from", "a=b")),
    )  # fmt: skip
    assert str(message) == 'a/b {"v":1}'


async def test_sub_ends_and_skips_what_was_retained(kit: Kit) -> None:
    async with broker(kit, Setup()) as here:
        await here("pub", "a/b", "old", retain=True)
        shown = await here("sub", "a/b", count=1)
        skipped = await here("sub", "a/b", retained="skip", for_seconds=0.2)
    assert [str(each) for each in shown.shown] == ["a/b (retained) old"]
    assert (skipped.code, skipped.failure, skipped.shown) == (0, None, [])


async def test_a_session_that_is_kept_has_what_came_meanwhile(kit: Kit) -> None:
    async with broker(kit, Setup()) as here:
        given = {"subscriber_id": "seventh-test", "keep_seconds": 60, "max_qos": 2}
        await here("sub", "a/b", for_seconds=0.2, **given)
        await here("pub", "a/b", *map(str, range(5)), qos=2)
        later = await here("sub", "a/b", count=5, **given)
    assert later.payloads == list(range(5))


@pytest.mark.parametrize(
    ("verb", "words", "options", "said"),
    [
        ("pub", ["a/b"], {},
         ("seventh mqtt pub: a message is required: an argument, --file FILE or --lines FILE (- is "
          "standard input)")),
        ("pub", ["a/#", "x"], {},
         "topic 'a/#': give one without + and #, such as site/device/temperature"),
        ("pub", ["a", "x"], {"user_properties": ("x",)}, "--property 'x': write NAME=VALUE"),
        ("sub", [], {}, "seventh mqtt sub: a filter is required, such as site/+/temperature"),
        ("sub", ["a/#/b"], {},
         ("filter 'a/#/b': + and # must be whole levels, and # the last, such as "
          "site/+/temperature or site/#")),
        ("sub", ["$share//a"], {},
         ("filter '$share//a': + and # must be whole levels, and # the last, such as "
          "site/+/temperature or site/#")),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_a_command(
    kit: Kit, verb: str, words: list[str], options: dict[str, Any], said: str
) -> None:
    async with broker(kit, Setup()) as here:
        done = await here(verb, *words, **options)
    assert done.failure is not None
    assert (done.failure.reason, done.failure.detail) == (Reason.OPTIONS_UNUSABLE, said)
    assert done.shown == []


async def test_a_password_is_not_sent_in_clear(kit: Kit) -> None:
    async with broker(kit, Setup(secure=False)) as here:
        done = await here("pub", "a", "x")
    assert done.failure is not None
    assert done.failure.detail == (
        "mqtt:// would send the password in clear: use mqtts://, or --allow-plaintext"
    )


@pytest.mark.parametrize("verb", ["pub", "sub", "tree"])
async def test_a_refusal_has_its_cause(kit: Kit, verb: str) -> None:
    async with broker(kit, Setup(password="other")) as here:
        done = await here(verb, "a/b", *(["x"] if verb == "pub" else []))
    assert done.failure is not None
    assert (done.failure.reason, done.failure.phase) == (Reason.AUTH_REJECTED, "mqtt.connack")


async def test_a_filter_and_a_topic_that_are_not_permitted(kit: Kit, tmp_path: Path) -> None:
    rights = {USER: Rights(read=("a/b",), write=("a/b",))}
    async with broker(kit, Setup(rights=rights)) as here:
        reading = await here("sub", "a/b", "c")
        writing = await here("pub", "c/d", "x", "y", spool=str(tmp_path))
    assert reading.failure is not None
    assert (reading.failure.reason, reading.failure.detail) == (
        Reason.AUTH_REJECTED, "the broker refuses the filter 'c' with 0x87 (not authorized)",
    )  # fmt: skip
    assert writing.code == 2
    assert writing.shown == [
        Refusal(topic="c/d", number=1, reason="0x87 (not authorized)"),
        Refusal(topic="c/d", number=2, reason="0x87 (not authorized)"),
        Published(accepted=2, delivered=0, refused=2, spool=str(tmp_path)),
    ]
    assert (tmp_path / "refused").stat().st_size > 0


async def test_a_message_larger_than_the_broker_permits(kit: Kit) -> None:
    async with broker(kit, Setup(maximum_packet_bytes=1000)) as here:
        done = await here("pub", "a/b", "x" * 1000, "small")
    assert done.code == 2
    assert done.shown == [
        Refusal(topic="a/b", number=1, reason="1011 bytes, and the broker permits 1000"),
        Published(accepted=2, delivered=1, refused=1),
    ]


# -- the spool -------------------------------------------------------------------------------------


async def test_a_spool_delivers_after_an_outage_in_order(kit: Kit, tmp_path: Path) -> None:
    spool = str(tmp_path / "spool")
    closed = Target(scheme="mqtt", host="127.0.0.1", port=free_port())
    words = [f"m{n}" for n in range(50)]
    first = await run(
        closed, Options(), "pub", "a/b", *words, spool=spool, receipts=True, wait_seconds=0.1
    )
    again = await run(closed, Options(), "pub", "a/b", "m50", spool=spool, wait_seconds=0.1)
    async with broker(kit, Setup()) as here:
        task = await subscribed(here, "a/b", count=53, max_qos=2)
        last = await here("pub", "a/b", "m51", spool=spool, qos=2)
        received = await task
    key = first.shown[0].key.removesuffix("-1")
    assert first.shown == [
        *(Stored(number=n, key=f"{key}-{n}") for n in range(1, 51)),
        Published(accepted=50, delivered=0, waiting=50, spool=spool),
    ]
    assert (first.code, first.failure, len(first.said)) == (1, None, 1)
    assert first.said[0].startswith("connect-refused in connect: 127.0.0.1 port ")
    assert (again.code, again.shown) == (
        1, [Published(accepted=1, delivered=0, waiting=51, spool=spool)],
    )  # fmt: skip
    assert (last.code, last.shown) == (
        0, [Published(accepted=1, delivered=52, spool=spool)],
    )  # fmt: skip
    assert received.payloads == ["now", *words, "m50", "m51"]
    assert [each.properties for each in received.shown[1:]] == [
        (("idempotency-key", f"{key}-{n}"),) for n in range(1, 53)
    ]


class Deaf(Broker):
    """A broker that ends the connection instead of sending the ``nth`` packet of a type."""

    def __init__(self, setup: Setup, kind: type[Packet], nth: int) -> None:
        super().__init__(setup)
        self.kind, self.left = kind, nth
        self.received: list[str] = []

    async def publish(self, message: Publish, sender: str) -> bool:
        self.received.append(message.payload.decode())
        return await super().publish(message, sender)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    send = Client.send

    async def maybe(client: Client, packet: Packet) -> None:
        broker = client._broker
        if isinstance(broker, Deaf) and isinstance(packet, broker.kind):
            broker.left -= 1
            if broker.left == 0:
                raise ConnectionResetError
        await send(client, packet)

    monkeypatch.setattr(Client, "send", maybe)


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize(
    ("kind", "qos", "most"), [(Puback, 1, 20), (Pubrec, 2, 0), (Pubcomp, 2, 0)],
    ids=["puback", "pubrec", "pubcomp"],
)  # fmt: skip
@pytest.mark.parametrize("killed", [False, True], ids=["reconnects", "next-run"])
async def test_a_connection_that_ends_in_the_middle(
    kit: Kit, tmp_path: Path, kind: type[Packet], qos: int, most: int, killed: bool
) -> None:
    """QoS 2 arrives once, QoS 1 at least once, both in their order."""
    setup = Setup()
    state = Deaf(setup, kind, 30)
    spool, words = str(tmp_path), [f"m{n}" for n in range(60)]
    async with broker(kit, setup, state) as here:
        if killed:
            task = asyncio.ensure_future(here("pub", "a/b", *words, qos=qos, spool=spool))
            while state.left > 0:  # noqa: ASYNC110 - what is awaited is the fault
                await asyncio.sleep(0)
            task.cancel()
            await task
        done = await here("pub", *([] if killed else ["a/b", *words]), qos=qos, spool=spool)
    assert (done.code, done.shown[-1].waiting) == (0, 0)
    assert list(dict.fromkeys(state.received)) == words
    assert 0 <= len(state.received) - len(words) <= most
    assert state.states == {}  # the session of QoS 2 was ended, too


@pytest.mark.usefixtures("deaf")
async def test_a_broker_that_lost_the_session_gets_what_it_may_lack(
    kit: Kit, tmp_path: Path
) -> None:
    setup = Setup()
    state = Deaf(setup, Pubcomp, 1)
    words = [f"m{n}" for n in range(5)]
    async with broker(kit, setup, state) as here:
        task = asyncio.ensure_future(here("pub", "a/b", *words, qos=2, spool=str(tmp_path)))
        while state.left > 0:  # noqa: ASYNC110 - what is awaited is the fault
            await asyncio.sleep(0)
        task.cancel()
        await task
        state.states.clear()
        done = await here("pub", spool=str(tmp_path))
    assert done.code == 0
    assert list(dict.fromkeys(state.received)) == words


async def test_messages_that_are_too_old_are_counted_and_not_sent(
    kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = str(tmp_path)
    closed = Target(scheme="mqtt", host="127.0.0.1", port=free_port())
    now = publisher.time.time()
    for age, word in ((100.0, "old"), (30.0, "short"), (0.0, "new")):
        with monkeypatch.context() as context:
            context.setattr(publisher.time, "time", lambda age=age: now - age)
            await run(closed, Options(), "pub", "a/b", word, spool=spool, wait_seconds=0.05,
                      expiry_seconds=20 if word == "short" else None)  # fmt: skip
    async with broker(kit, Setup()) as here:
        task = await subscribed(here, "a/b", count=2)
        done = await here("pub", spool=spool, spool_age_seconds=60.0)
        received = await task
    assert (done.code, done.shown[-1]) == (
        2, Published(accepted=0, delivered=1, expired=2, spool=spool),
    )  # fmt: skip
    assert received.payloads == ["now", "new"]


@pytest.mark.parametrize("policy", ["wait", "drop-oldest"])
async def test_a_full_spool(kit: Kit, tmp_path: Path, policy: str) -> None:
    spool, lines = str(tmp_path / "s"), tmp_path / "lines"
    words = [f"{n:04} {'x' * 1000}" for n in range(300)]
    lines.write_text("".join(f"{word}\n" for word in words))
    closed = Target(scheme="mqtt", host="127.0.0.1", port=free_port())
    given = {"lines": str(lines), "spool": spool, "spool_full": policy, "spool_bytes": 128 << 10}
    state = Deaf(Setup(), Puback, -1)
    task = asyncio.ensure_future(run(closed, Options(), "pub", "a/b", **given, wait_seconds=0.05))
    if policy == "wait":
        await asyncio.wait((task,), timeout=0.5)
        task.cancel()
    first = await task
    async with broker(kit, Setup(), state) as here:
        last = await here("pub", spool=spool)
    (result,) = first.shown
    assert last.shown[-1].delivered == result.waiting
    if policy == "wait":
        assert any("is full" in said for said in first.said)
        assert result.dropped == 0
        assert state.received == words[: result.accepted]
        assert 0 < result.accepted < 300
    else:
        assert (result.accepted, result.dropped > 0) == (300, True)
        assert state.received == words[result.dropped :]


async def test_a_rate_for_what_has_waited(kit: Kit, tmp_path: Path) -> None:
    spool = str(tmp_path)
    closed = Target(scheme="mqtt", host="127.0.0.1", port=free_port())
    await run(closed, Options(), "pub", "a", *map(str, range(20)), spool=spool, wait_seconds=0.05)
    async with broker(kit, Setup()) as here:
        begun = asyncio.get_running_loop().time()
        done = await here("pub", spool=spool, spool_rate=50.0)
        took = asyncio.get_running_loop().time() - begun
    assert done.code == 0
    assert took >= 0.25  # 19 pauses of 20 ms, of which the first 100 ms may be made up for


# -- tree ------------------------------------------------------------------------------------------


async def test_tree_shows_topics_and_judges_them(kit: Kit) -> None:
    async with broker(kit, Setup()) as here:
        for topic in ("berlin/pump-1/temperature", "berlin/pump-2/temperature", "/x y"):
            await here("pub", topic, "21.5", retain=True)
        done = await here("tree", tree_seconds=0.3, lint=True)
        good = await here("tree", "berlin/#", tree_seconds=0.3, lint=True, depth=1)
    forest, *faults = done.shown
    assert done.code == 1
    assert [(b.topic, b.messages, b.topics, b.retained, b.last_bytes) for b in forest.branches] == [
        ("", 1, 1, 1, None), ("/x y", 1, 1, 1, 4), ("berlin", 2, 2, 2, None),
        ("berlin/pump-1", 1, 1, 1, None), ("berlin/pump-1/temperature", 1, 1, 1, 4),
        ("berlin/pump-2", 1, 1, 1, None), ("berlin/pump-2/temperature", 1, 1, 1, 4),
    ]  # fmt: skip
    assert [str(each) for each in faults] == [
        "MQTT-TOPIC: 1 begin with /, such as '/x y': the first level is empty",
        "MQTT-TOPIC: 1 contain blanks, such as '/x y'",
        "MQTT-TOPIC: 1 have fewer than 3 levels, such as '/x y'",
    ]
    assert good.code == 0
    assert str(good.shown[0]).splitlines()[1].split() == [
        "berlin", "2", "0.00/s", "4", "B", "2", "topics", "2", "retained",
    ]  # fmt: skip
