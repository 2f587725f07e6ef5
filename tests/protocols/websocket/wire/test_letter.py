"""The handshake's letter over a socket: which answers open it, which must not, and what is odd.

RFC 6455 §4.1 and §4.2.2 with its errata, RFC 7692 §7.1, RFC 9110 and 9112 for the HTTP around them.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Kit, tcp_server
from seventh.labkit.web.h3 import serve_h3
from seventh.labkit.web.handler import Answer as AnswerOf
from seventh.labkit.web.serve import web_server
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.websocket.facts import Handshake, WebSocketFacts
from seventh.protocols.websocket.lab.hub import Hub
from seventh.protocols.websocket.lab.setup import Setup
from seventh.web.message import Request
from tests.options import options_with
from tests.protocols.websocket.wire.player import GUID, read_frame

CRLF = b"\r\n"
STATUS = b"HTTP/1.1 101 Switching Protocols\r\n"
UPGRADE = b"Upgrade: websocket\r\n"
CONNECTION = b"Connection: Upgrade\r\n"
Answer = Callable[[bytes], bytes]
"""From the right Sec-WebSocket-Accept to what is sent."""


@contextlib.asynccontextmanager
async def answering(make: Answer, seen: list[bytes] | None = None) -> AsyncIterator[int]:
    """A server that answers so, and then every ping and close frame as it should."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(request)
        lines = (line.partition(b": ") for line in request.split(CRLF))
        key = next((v for n, _, v in lines if n.lower() == b"sec-websocket-key"), b"")
        digest = hashlib.sha1(key + GUID, usedforsecurity=False).digest()
        writer.write(make(base64.b64encode(digest)))
        while True:
            frame = await read_frame(reader)
            if frame.opcode in {8, 9}:
                answer = 0x88 if frame.opcode == 8 else 0x8A
                writer.write(bytes([answer, len(frame.data)]) + frame.data)
            if frame.opcode == 8:
                return

    async with tcp_server(handle) as port:
        yield port


def field(accept: bytes) -> bytes:
    return b"Sec-WebSocket-Accept: " + accept + CRLF


def told(*lines: bytes, status: bytes = STATUS) -> Answer:
    """A 101 with its three fields in order and ``lines`` besides."""
    more = b"".join(line + CRLF for line in lines)
    return lambda accept: status + UPGRADE + CONNECTION + field(accept) + more + CRLF


async def asked(make: Answer, **options: object) -> tuple[Report, Handshake | None]:
    async with answering(make) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await pulse_one(target, options_with(timeout_seconds=5.0, **options))
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts)
    return report, facts.handshake


OPENS: dict[str, Answer] = {
    "as the standard shows it": told(),
    "no reason phrase": told(status=b"HTTP/1.1 101 \r\n"),
    "any case": lambda a: (
        STATUS + b"UPGRADE:WebSocket\r\nconnection: UPGRADE\r\n" + field(a) + CRLF
    ),
    "a list in Connection": lambda a: (
        STATUS + UPGRADE + b"Connection: keep-alive , Upgrade\r\n" + field(a) + CRLF
    ),
    "two Connection fields": lambda a: (
        STATUS + UPGRADE + b"Connection: keep-alive\r\n" + CONNECTION + field(a) + CRLF
    ),
    "space around the accept key": lambda a: (
        STATUS + UPGRADE + CONNECTION + field(b" \t " + a + b" \t") + CRLF
    ),
    "fields that mean nothing here": told(b"Sec-WebSocket-Version: 13", b"Date: today", b"X: y"),
    "100 before it": lambda a: b"HTTP/1.1 100 Continue\r\n\r\n" + told()(a),
    "103 before it": lambda a: b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + told()(a),
    "a frame right behind it": lambda a: told()(a) + b"\x81\x02hi",
}


@pytest.mark.parametrize("name", OPENS)
async def test_what_opens(name: str) -> None:
    report, handshake = await asked(OPENS[name])
    assert report.failure is None, report.failure
    assert handshake is not None and handshake.sound
    assert handshake.oddities == ()


SHUT: dict[str, tuple[Answer, str]] = {
    "HTTP/1.0": (told(status=b"HTTP/1.0 101 Switching Protocols\r\n"), "has no Upgrade"),
    "no Upgrade": (lambda a: STATUS + CONNECTION + field(a) + CRLF, "Upgrade is missing"),
    "Upgrade to something else": (
        lambda a: STATUS + b"Upgrade: h2c\r\n" + CONNECTION + field(a) + CRLF, "Upgrade is h2c"
    ),
    "Upgrade to two things": (
        lambda a: STATUS + b"Upgrade: websocket, h2c\r\n" + CONNECTION + field(a) + CRLF,
        "Upgrade is websocket, h2c",
    ),
    "Upgrade twice": (told(b"Upgrade: websocket"), "Upgrade is websocket, websocket"),
    "no Connection": (lambda a: STATUS + UPGRADE + field(a) + CRLF, "Connection is missing"),
    "Connection without Upgrade": (
        lambda a: STATUS + UPGRADE + b"Connection: keep-alive\r\n" + field(a) + CRLF,
        "Connection is keep-alive",
    ),
    "no accept key": (lambda a: STATUS + UPGRADE + CONNECTION + CRLF, "Accept is missing"),
    "another's accept key": (
        lambda a: STATUS + UPGRADE + CONNECTION + field(b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") + CRLF,
        "Accept is wrong",
    ),
    "the accept key in small letters": (
        lambda a: STATUS + UPGRADE + CONNECTION + field(a.swapcase()) + CRLF, "Accept is wrong"
    ),
    "the accept key twice": (lambda a: told(field(a)[:-2])(a), "Accept is wrong"),
    "two accept keys": (told(field(b"AAAA")[:-2]), "Accept is wrong"),
    "a subprotocol that was not offered": (
        told(b"Sec-WebSocket-Protocol: soap"), "soap was not offered"
    ),
    "two subprotocols": (told(b"Sec-WebSocket-Protocol: a, b"), "2 subprotocols"),
    "an empty subprotocol": (told(b"Sec-WebSocket-Protocol:"), "is not a token"),
    "an extension that was not offered": (
        told(b"Sec-WebSocket-Extensions: permessage-bzip2"), "permessage-bzip2"
    ),
    "compression that was not offered": (
        told(b"Sec-WebSocket-Extensions: permessage-deflate"), "permessage-deflate"
    ),
    "no extension at all": (told(b"Sec-WebSocket-Extensions:"), "(empty)"),
}  # fmt: skip


@pytest.mark.parametrize("name", SHUT)
async def test_what_must_not_open(name: str) -> None:
    make, word = SHUT[name]
    report, handshake = await asked(make)
    assert report.failure is not None and report.failure.reason == "protocol-violation"
    assert word in report.failure.detail, report.failure
    assert handshake is not None and not handshake.sound


async def test_subprotocols_are_compared_letter_by_letter() -> None:
    chosen = told(b"Sec-WebSocket-Protocol: Chat.V2")
    report, handshake = await asked(chosen, subprotocols=("chat.v2",))
    assert report.failure is not None
    assert handshake is not None and handshake.foreign_subprotocol == "Chat.V2"


ODD: dict[str, tuple[Answer, str]] = {
    "a length": (told(b"Content-Length: 0"), "Content-Length"),
    "chunks": (told(b"Transfer-Encoding: chunked"), "Transfer-Encoding"),
    "close": (
        lambda a: STATUS + UPGRADE + b"Connection: Upgrade, close\r\n" + field(a) + CRLF, "close"
    ),
    "LF alone": (lambda a: told()(a).replace(CRLF, b"\n"), "LF alone"),
    "a folded field": (
        lambda a: STATUS + UPGRADE + CONNECTION + b"Sec-WebSocket-Accept:\r\n " + a + CRLF + CRLF,
        "folded",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
async def test_what_is_odd_and_opens(name: str) -> None:
    make, word = ODD[name]
    report, handshake = await asked(make)
    assert report.failure is None, report.failure
    assert handshake is not None and handshake.sound
    assert any(word in text for text in handshake.oddities), handshake.oddities


async def test_a_subprotocol_that_is_not_chosen_is_odd() -> None:
    report, handshake = await asked(told(), subprotocols=("chat.v2",))
    assert report.failure is None
    assert handshake is not None and "browsers fail" in handshake.oddities[0]


async def test_what_came_right_behind_the_answer_is_read() -> None:
    async with answering(OPENS["a frame right behind it"]) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await check_one(target, Options(timeout_seconds=5.0))
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts)
    assert facts.greeting_bytes == 2
    assert facts.greeting_seconds == pytest.approx(0.0, abs=0.2)


# -- answers of compression (RFC 7692 §7.1) -------------------------------------------------------

AGREES = {
    "": True,
    "; server_no_context_takeover": True,
    "; client_no_context_takeover; server_no_context_takeover": True,
    "; server_max_window_bits=8": True,
    '; server_max_window_bits="15"': True,
    "; client_max_window_bits=8": True,
    "; client_max_window_bits=15": True,
    "; client_max_window_bits": False,
    "; server_max_window_bits": False,
    "; server_max_window_bits=7": False,
    "; server_max_window_bits=16": False,
    "; server_max_window_bits=08": False,
    "; server_no_context_takeover=1": False,
    "; server_no_context_takeover; server_no_context_takeover": False,
    "; client_max_window_bits=9; client_max_window_bits=9": False,
    "; level=9": False,
    ", permessage-deflate": False,
    ", x-webkit-deflate-frame": False,
}


@pytest.mark.parametrize(("said", "sound"), AGREES.items())
async def test_answers_to_our_offer(said: str, sound: bool) -> None:
    answer = told(f"Sec-WebSocket-Extensions: permessage-deflate{said}".encode())
    async with answering(answer) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await check_one(target, Options(timeout_seconds=5.0))
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts) and facts.handshake is not None
    assert facts.handshake.sound == sound, facts.handshake
    assert ("WS-EXT" in {finding.id for finding in report.findings}) != sound


async def test_the_offer_and_its_answer_in_two_fields() -> None:
    """Erratum 3433 lets a response have the field more than once."""
    seen: list[bytes] = []
    both = told(b"Sec-WebSocket-Extensions: permessage-deflate", b"Sec-WebSocket-Extensions: x")
    async with answering(both, seen) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await check_one(target, Options(timeout_seconds=5.0))
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts) and facts.handshake is not None
    assert facts.handshake.extensions == ("permessage-deflate", "x")
    assert facts.handshake.foreign_extensions == ("x",)
    assert b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" in seen[0]


# -- refusals --------------------------------------------------------------------------------------


def refusal(status: str, *lines: str, body: str = "") -> Answer:
    head = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines, "", body)
    return lambda _: "\r\n".join(head).encode()


REFUSED = {
    "401": (refusal("401 Unauthorized", 'WWW-Authenticate: Bearer realm="secret place"'),
            "auth-required", ("the server requires a credential", "(Bearer)")),
    "407": (refusal("407 Proxy Authentication Required", "Proxy-Authenticate: Basic realm=x"),
            "auth-required", ("a proxy requires a credential", "(Basic)")),
    "403": (refusal("403 Forbidden"), "auth-rejected", ("the origin or the credential",)),
    "404": (refusal("404 Not Found"), "protocol-mismatch", ("no WebSocket at this path",)),
    "429": (refusal("429 Too Many Requests", "Retry-After: 30"), "negotiation-failed",
            ("too many requests", "retry after 30")),
    "503": (refusal("503 Service Unavailable", "Retry-After: 120", body="busy"),
            "negotiation-failed", ("retry after 120", "busy")),
    "200": (refusal("200 OK", "Upgrade: websocket"), "protocol-mismatch", ("answers in HTTP",)),
    "307": (refusal("307 Temporary Redirect", "Location: /there?token=abc"),
            "negotiation-failed", ("a redirect to /there, which is not followed",)),
    "102 alone": (lambda _: b"HTTP/1.1 102 Processing\r\n\r\n" + refusal("200 OK")(b""),
                  "protocol-mismatch", ("HTTP 200",)),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
async def test_refusals(name: str) -> None:
    make, reason, words = REFUSED[name]
    report, handshake = await asked(make)
    assert report.failure is not None and report.failure.reason == reason, report.failure
    assert all(word in report.failure.detail for word in words), report.failure
    assert handshake is not None and handshake.outcome == "refused"
    assert "secret place" not in str(report) and "token=abc" not in str(report)


@pytest.mark.parametrize("status", ["301", "302", "303", "307", "308"])
async def test_credentials_never_follow_a_redirect(status: str) -> None:
    elsewhere: list[bytes] = []
    async with answering(told(), elsewhere) as other:
        moved = refusal(f"{status} Moved", f"Location: ws://127.0.0.1:{other}/")
        report, handshake = await asked(moved, headers=("Authorization: Bearer abcdefgh",))
    assert report.failure is not None and report.failure.reason == "negotiation-failed"
    assert handshake is not None and handshake.location == f"ws://127.0.0.1:{other}"
    assert elsewhere == [], "nobody went there"


async def test_a_credential_that_is_refused_is_named_and_not_shown() -> None:
    refused = refusal("401 Unauthorized", "WWW-Authenticate: Bearer", body="no abcdefgh here")
    report, _ = await asked(refused, headers=("Authorization: Bearer abcdefgh",))
    assert report.failure is not None and report.failure.reason == "auth-rejected"
    assert "the field Authorization is not accepted" in report.failure.detail
    assert "abcdefgh" not in str(report)


async def test_a_ping_without_a_pong_is_a_pulse_that_failed() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = request.partition(b"Sec-WebSocket-Key: ")[2].partition(CRLF)[0]
        digest = hashlib.sha1(key + GUID, usedforsecurity=False).digest()
        writer.write(told()(base64.b64encode(digest)))
        await reader.read(-1)

    async with tcp_server(handle) as port:
        target = Target(scheme="ws", host="127.0.0.1", port=port)
        report = await pulse_one(target, Options(timeout_seconds=1.0))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == ("peer-silent", "ws.ping")


# -- inside HTTP/2 and HTTP/3 (RFC 8441, RFC 9220) ------------------------------------------------


async def inside(kit: Kit, setup: Setup, *, h3: bool = False) -> tuple[Report, WebSocketFacts]:
    """A hub that is in order over HTTP/1.1, and has ``setup`` over the later versions."""
    good, other = Hub(Setup(origins="any")), Hub(msgspec.structs.replace(setup, origins="any"))

    async def handle(request: Request) -> AnswerOf:
        return await (other if request.method == "CONNECT" else good).handle(request)

    issued = kit.authority.issue()
    async with contextlib.AsyncExitStack() as stack:
        port = await stack.enter_async_context(web_server(handle, issued=issued))
        if h3:
            await stack.enter_async_context(serve_h3(handle, issued, port=port))
        target = Target(scheme="wss", host="127.0.0.1", port=port)
        options = Options(timeout_seconds=10.0, ca_file=str(kit.authority.ca_file))
        report = await check_one(target, options)
    facts = report.facts["websocket"]
    assert isinstance(facts, WebSocketFacts)
    return report, facts


@pytest.mark.parametrize("h3", [False, True])
async def test_a_2xx_opens_and_no_accept_key_is_looked_for(kit: Kit, h3: bool) -> None:
    _, facts = await inside(kit, Setup(accept="wrong"), h3=h3)
    seen = facts.h3 if h3 else facts.h2
    assert seen is not None and seen.handshake is not None
    assert (seen.handshake.accept, seen.handshake.sound) == ("not-used", True)
    assert seen.ping_seconds is not None


@pytest.mark.parametrize("h3", [False, True])
@pytest.mark.parametrize(
    "setup", [Setup(extension="x-webkit-deflate-frame"), Setup(subprotocol="soap")]
)
async def test_what_nobody_offered_fails_there_too(kit: Kit, setup: Setup, h3: bool) -> None:
    report, facts = await inside(kit, setup, h3=h3)
    seen = facts.h3 if h3 else facts.h2
    assert seen is not None and seen.handshake is not None
    assert not seen.handshake.sound
    assert seen.ping_seconds is None, "such a socket is not used"
    assert ("WS-NO-H3" if h3 else "WS-NO-H2") in {finding.id for finding in report.findings}


async def test_a_refusal_of_extended_connect(kit: Kit) -> None:
    report, facts = await inside(kit, Setup(answers=AnswerOf(status=403)))
    assert facts.h2 is not None and facts.h2.status == 403
    (hit,) = [finding for finding in report.findings if finding.id == "WS-NO-H2"]
    assert (hit.params["what"], hit.params["status"]) == ("refused", 403)
