"""Who may ask: tokens, hosts, other pages, rates, and connections that stall."""

from __future__ import annotations

import asyncio
import ssl
from http import HTTPStatus
from pathlib import Path

import pytest

from seventh.labkit.ca import Authority
from seventh.model.failure import UsageError
from seventh.serve import listen
from seventh.serve.app import Access
from seventh.serve.guard import Guard
from seventh.serve.limits import Rates
from seventh.serve.listen import Place, open_socket, place_of, tls_context
from seventh.serve.sessions import Sessions, token_hash
from tests.serve.made import served, target

TOKEN = "correct horse"


def guard(
    *,
    needs_token: bool = False,
    clock: list[float] | None = None,
    tokens: tuple[str, ...] = (token_hash("other"), token_hash(TOKEN).upper()),
) -> Guard:
    async def app(scope: object, receive: object, send: object) -> None:
        assert isinstance(scope, dict)
        await send({"type": "http.response.start", "status": 200, "headers": []})  # type: ignore[operator]
        text = b"trusted" if scope["state"]["trusted"] else b"anyone"
        await send({"type": "http.response.body", "body": text})  # type: ignore[operator]

    def now() -> float:
        return clock[0] if clock else 0.0

    return Guard(
        app, sessions=Sessions(tokens, now), hosts=("mon.example",), needs_token=needs_token,
        now=now, of_job=lambda name: (token_hash("job").upper(),) if name == "back/up" else (),
    )  # fmt: skip


async def answer(
    it: Guard,
    path: str = "/metrics",
    client: str = "192.0.2.1",
    method: str = "GET",
    **fields: str,
) -> tuple[int, str]:
    headers = {"host": "127.0.0.1:1"} | {k.replace("_", "-"): v for k, v in fields.items()}
    scope = {
        "type": "http", "path": path, "client": (client, 1), "method": method,
        "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
    }  # fmt: skip
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await it(scope, None, send)  # type: ignore[arg-type]
    status, body = sent[0]["status"], sent[1]["body"]
    assert isinstance(status, int)
    assert isinstance(body, bytes)
    return status, body.decode().rstrip("\n")


NEEDED = (401, "a token is required: Authorization: Bearer …")
FOREIGN = (403, "requests of other web pages are not answered")
ANYONE, TRUSTED, UNKNOWN = (200, "anyone"), (200, "trusted"), (401, "unknown token")


def unexpected(host: str) -> tuple[int, str]:
    return 421, f'unexpected host "{host}": add it to hosts in [serve], or use an address'


@pytest.mark.parametrize(
    ("fields", "open_to_all", "behind"),
    [
        ({}, ANYONE, NEEDED),
        ({"host": "localhost"}, ANYONE, NEEDED),
        ({"host": "[::1]:9"}, ANYONE, NEEDED),
        ({"host": "MON.example:9"}, ANYONE, NEEDED),
        ({"host": "evil.example"}, unexpected("evil.example"), NEEDED),
        ({"host": "127.0.0.1.evil.example:9"}, unexpected("127.0.0.1.evil.example"), NEEDED),
        ({"host": ""}, unexpected(""), NEEDED),
        ({"origin": "http://127.0.0.1:1"}, ANYONE, NEEDED),
        ({"origin": "http://127.0.0.1:2"}, FOREIGN, NEEDED),
        ({"origin": "null"}, FOREIGN, NEEDED),
        ({"sec_fetch_site": "cross-site"}, FOREIGN, NEEDED),
        ({"sec_fetch_site": "same-site"}, FOREIGN, NEEDED),
        ({"sec_fetch_site": "same-origin"}, ANYONE, NEEDED),
        ({"sec_fetch_site": "none"}, ANYONE, NEEDED),
        ({"authorization": f"Bearer {TOKEN}"}, TRUSTED, TRUSTED),
        ({"authorization": f"bearer  {TOKEN} "}, TRUSTED, TRUSTED),
        ({"authorization": "Bearer other", "host": "evil.example"}, TRUSTED, TRUSTED),
        ({"authorization": f"Basic {TOKEN}"}, UNKNOWN, UNKNOWN),
        ({"authorization": f"Bearer {TOKEN}x"}, UNKNOWN, UNKNOWN),
        ({"authorization": "Bearer"}, UNKNOWN, UNKNOWN),
        ({"authorization": f"Bearer {token_hash(TOKEN)}"}, UNKNOWN, UNKNOWN),
        ({"authorization": "Bearer \xff"}, UNKNOWN, UNKNOWN),
    ],
)  # fmt: skip
async def test_who_may_ask(
    fields: dict[str, str], open_to_all: tuple[int, str], behind: tuple[int, str]
) -> None:
    assert await answer(guard(), **fields) == open_to_all
    assert await answer(guard(needs_token=True), **fields) == behind


async def test_health_needs_no_token_but_a_host_of_ours() -> None:
    it = guard(needs_token=True)
    assert await answer(it, "/-/healthy") == ANYONE
    assert await answer(it, "/-/ready") == ANYONE
    assert await answer(it, "/-/reload") == NEEDED
    assert await answer(it, "/-/ready", host="evil.example") == unexpected("evil.example")


async def test_changes_need_a_token_where_there_is_one() -> None:
    for method in ("POST", "PUT", "DELETE"):
        assert await answer(guard(), method=method) == NEEDED
        assert await answer(guard(), method=method, authorization=f"Bearer {TOKEN}") == TRUSTED
        assert await answer(guard(tokens=()), method=method) == ANYONE
    assert await answer(guard(), "/heartbeat/other", method="POST") == ANYONE


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_job_with_a_token_reports_with_it_alone(method: str) -> None:
    own = {"authorization": "Bearer job"}
    for it in (guard(), guard(needs_token=True), guard(tokens=())):
        path = "/heartbeat/back/up"
        assert await answer(it, path, method=method) == NEEDED
        assert await answer(it, path, method=method, **own) == ANYONE
        assert await answer(it, path, method=method, authorization="Bearer x") == UNKNOWN
        assert await answer(it, "/heartbeat/other", method=method, **own) == UNKNOWN
        assert await answer(it, "/metrics", method=method, **own) == UNKNOWN
    trusted = {"authorization": f"Bearer {TOKEN}"}
    assert await answer(guard(), "/heartbeat/back/up", method=method, **trusted) == TRUSTED


async def test_others_may_be_admitted() -> None:
    it = guard()
    it.admit((token_hash("new"),), ("new.example",))
    assert await answer(it, authorization="Bearer new") == TRUSTED
    assert await answer(it, authorization=f"Bearer {TOKEN}") == UNKNOWN
    assert await answer(it, host="new.example") == ANYONE
    assert await answer(it, host="mon.example") == unexpected("mon.example")


async def test_tokens_cannot_be_guessed_quickly() -> None:
    clock = [0.0]
    it = guard(clock=clock)
    wait = (429, "too many wrong tokens: wait")
    guesses = [await answer(it, authorization=f"Bearer {n}") for n in range(11)]
    assert guesses == [UNKNOWN] * 10 + [wait]
    assert await answer(it, authorization=f"Bearer {TOKEN}") == wait
    assert await answer(it, authorization=f"Bearer {TOKEN}", client="192.0.2.2") == TRUSTED
    assert await answer(it) == ANYONE
    clock[0] = 5.0
    assert await answer(it, authorization=f"Bearer {TOKEN}") == TRUSTED


async def test_one_client_cannot_ask_without_end() -> None:
    clock = [0.0]
    it = guard(clock=clock)
    answers = [await answer(it) for _ in range(401)]
    assert answers == [ANYONE] * 400 + [(429, "too many requests: ask less often")]
    assert await answer(it, client="192.0.2.2") == ANYONE
    clock[0] = 0.005
    assert [await answer(it), (await answer(it))[0]] == [ANYONE, 429]


def test_rates_forget_the_least_recent_client() -> None:
    rates = Rates(per_second=1, burst=1, most=2)
    assert [rates.take(client, 0) for client in "aab"] == [True, False, True]
    assert rates.left("a", 0.5) == 0.5
    assert rates.left("a", 9) == 1
    assert rates.left("a", -1) == 0  # a clock that went back gives nothing
    assert rates.take("c", 0)
    assert rates.left("a", 0) == 1
    assert rates.left("b", 0) == 0


@pytest.mark.parametrize(
    ("text", "place"),
    [("127.0.0.1:9", Place("127.0.0.1", 9)), (":0", Place("127.0.0.1", 0)),
     ("[::1]:65535", Place("::1", 65535)), ("mon.example:80", Place("mon.example", 80))],
)  # fmt: skip
def test_places(text: str, place: Place) -> None:
    assert place_of(text) == place
    assert str(place_of(str(place))) == str(place)


@pytest.mark.parametrize("text", ["9", "a:", "a:65536", "a:-1", "::1:9", "a:٣", "a:1 "])
def test_a_place_that_is_none(text: str) -> None:
    with pytest.raises(UsageError) as wrong:
        place_of(text)
    assert str(wrong.value) == f"--listen {text!r}: write HOST:PORT, such as 127.0.0.1:9707"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("192.0.2.1", False), ("mon.example", False)],
)  # fmt: skip
def test_what_only_this_machine_reaches(host: str, loopback: bool) -> None:
    assert Place(host, 1).loopback is loopback


def test_what_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    taken = open_socket(Place("127.0.0.1", 0))
    port = taken.getsockname()[1]
    taken.listen()
    with pytest.raises(UsageError) as wrong:
        open_socket(Place("127.0.0.1", port))
    taken.close()
    assert str(wrong.value) == f"--listen 127.0.0.1:{port}: Address already in use"
    with pytest.raises(UsageError) as wrong:
        tls_context("none.pem", "none.key")
    assert str(wrong.value) == "tls-cert none.pem, tls-key none.key: No such file or directory"
    issued = Authority(tmp_path).issue("localhost")
    tls_context(str(issued.cert_file), str(issued.key_file))


async def read_all(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b"(reset)"


async def test_connections_that_stall_or_ask_too_much_are_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "_LOOK_SECONDS", 0.05)
    async with served(tmp_path, target(1)) as it:
        head = f"POST /-/reload HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n".encode()
        for begun in (b"", b"GET /", head, head + b"Content-Length: 9\r\n\r\nabc"):
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            writer.write(begun)
            assert b"200 OK" not in await read_all(reader)
            writer.close()
        too_big = await it.ask("/-/reload", "POST", b"x" * 65537)
        assert too_big.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(b"GET /" + b"a" * 300_000)
        assert b"200 OK" not in await read_all(reader)
        writer.close()
        monkeypatch.setattr(listen, "MAX_CONNECTIONS", 1)
        first = await asyncio.open_connection("127.0.0.1", it.port)
        first[1].write(b"GET /-/healthy HTTP/1.1\r\n")
        second = await asyncio.open_connection("127.0.0.1", it.port)
        assert await read_all(second[0]) in {b"", b"(reset)"}
        await read_all(first[0])
        first[1].close()
        second[1].close()
        assert (await it.ask("/-/healthy")).body == "healthy\n"


async def test_who_does_not_read_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listen, "_LOOK_SECONDS", 0.02)
    async with served(tmp_path, target(1)) as it:
        await it.pulsed()
        for number in range(100, 12_000):  # a page that no kernel buffers
            it.watcher.targets[number] = target(1, f"{number}", team="x" * 900)
        _, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(f"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:{it.port}\r\n\r\n".encode())
        closed = asyncio.Event()
        lost = listen.Connection.connection_lost

        def noted(self: listen.Connection, exc: Exception | None) -> None:
            lost(self, exc)
            closed.set()

        monkeypatch.setattr(listen.Connection, "connection_lost", noted)
        await asyncio.wait_for(closed.wait(), 20)
        writer.close()
        for number in range(100, 12_000):
            del it.watcher.targets[number]
        assert (await it.ask("/-/healthy")).body == "healthy\n"


async def test_a_token_opens_all(tmp_path: Path) -> None:
    access = Access(tokens=(token_hash(TOKEN),), needs_token=True)
    async with served(tmp_path, target(1), access=access) as it:
        refused = await it.ask("/metrics")
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert (await it.ask("/metrics", Authorization=f"Bearer {TOKEN}")).status == 200


async def test_it_is_served_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("localhost")
    context = tls_context(str(issued.cert_file), str(issued.key_file))
    async with served(tmp_path / "state", target(1), context=context) as it:
        trusting = ssl.create_default_context(cafile=str(authority.ca_file))
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", it.port, ssl=trusting, server_hostname="localhost"
        )
        writer.write(b"GET /-/healthy HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert (await read_all(reader)).endswith(b"\r\n\r\nhealthy\n")
        writer.close()


async def test_health_and_reload(tmp_path: Path) -> None:
    wrong: list[Exception] = []

    async def reload() -> str:
        if wrong:
            raise wrong.pop()
        return "2 targets"

    async with served(tmp_path, target(1), reload=reload) as it:
        await it.pulsed()
        ask = it.ask
        assert (await ask("/-/healthy"))[::2] == (200, "healthy\n")
        assert (await ask("/-/ready"))[::2] == (200, "ready\n")
        assert (await ask("/-/reload"))[0] == 405
        assert (await ask("/-/reload", "POST"))[::2] == (200, "reloaded: 2 targets\n")
        wrong.append(UsageError("s.toml:1: wrong"))
        assert (await ask("/-/reload", "POST"))[::2] == (400, "not reloaded: s.toml:1: wrong\n")
        it.watcher.health.store = "disk full"
        assert (await ask("/-/healthy"))[0] == 200
        assert (await ask("/-/ready"))[::2] == (503, "not ready: results cannot be stored\n")
        it.watcher.ready.clear()
        assert (await ask("/-/ready"))[::2] == (503, "not ready: the journal is being read\n")
        it.watcher.health.store = ""


async def test_without_a_file_there_is_nothing_to_reload(tmp_path: Path) -> None:
    async with served(tmp_path, target(1)) as it:
        answered = await it.ask("/-/reload", "POST")
    assert answered[::2] == (409, "not reloaded: there is no --config file\n")
