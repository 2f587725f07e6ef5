"""The answer that is judged is the service's own, the final one, and what it says that it is."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import zlib
from collections.abc import Callable

import pytest
from OpenSSL import SSL

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Handler, Kit, tcp_server
from seventh.labkit.tlsserve import TlsPeer, server_context
from seventh.model.failure import Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from tests.options import options_with
from tests.reports import found
from tests.reports import http_facts as facts_of

pytestmark = pytest.mark.field
Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
Say = Callable[[str, bytes], bytes]
TEXT = b"<html>" + b"<p>words of a page</p>\n" * 60 + b"</html>"
CLEAR_400 = b"HTTP/1.0 400 Bad Request\r\n\r\nThis port has TLS.\n"


def answer(*fields: bytes, body: bytes = TEXT, status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d" % len(body)
    head = b"\r\n".join((b"HTTP/1.1 " + status, b"Content-Type: text/html", length, *fields))
    return head + b"\r\n\r\n" + body


def served(say: Say, *, requests: int = 1000) -> Handler:
    """A server of HTTP/1.1 that ends a connection after so many requests, and does not say so."""

    async def serve(reader: Reader, writer: Writer) -> None:
        for _ in range(requests):
            head = await reader.readuntil(b"\r\n\r\n")
            method, path, _ = head.split(b" ", 2)
            said = say(path.decode(), head)
            writer.write(said.split(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == b"HEAD" else said)
            await writer.drain()

    return serve


async def look(handler: Handler, path: str = "/", **options: object) -> Report:
    async with tcp_server(handler) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port, path=path)
        return await check_one(target, options_with(**options))


def severities(report: Report) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in report.findings}


# -- the port has TLS ------------------------------------------------------------------------------


def tls_port(kit: Kit, in_clear: bytes) -> Handler:
    """TLS, and ``in_clear`` for those who do not begin it."""
    context = server_context(kit.authority.issue("www.lab.test"))

    async def serve(reader: Reader, writer: Writer) -> None:
        first = await reader.read(65536)
        if first[:1] == b"\x16":
            with contextlib.suppress(SSL.Error, asyncio.IncompleteReadError):
                await TlsPeer(reader, writer, context).shake_hands(first)
        else:
            writer.write(in_clear)

    return serve


@pytest.mark.parametrize("in_clear", [CLEAR_400, b"\x15\x03\x01\x00\x02\x02\x46", b""])
@pytest.mark.parametrize("verb", [check_one, pulse_one])
async def test_a_port_that_has_tls(kit: Kit, in_clear: bytes, verb: Callable[..., object]) -> None:
    async with tcp_server(tls_port(kit, in_clear)) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port)
        report = await verb(target, Options())  # type: ignore[misc]
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_MISMATCH
    assert f"the port serves TLS, not HTTP: use https://127.0.0.1:{port}" in report.failure.detail


async def test_a_400_of_the_service_is_its_own() -> None:
    report = await look(served(lambda *_: answer(status=b"400 Bad Request")))
    assert report.failure is None
    assert severities(report)["HTTP-STATUS"] == "medium"


# -- the status ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "end"),
    [(b"200 OK", ""), (b"401 No", "warning"), (b"404 No", "warning"), (b"429 No", "warning"),
     (b"500 No", "critical"), (b"502 No", "critical")],
)  # fmt: skip
@pytest.mark.parametrize("redirected", [False, True])
async def test_the_final_status_counts(status: bytes, end: str, redirected: bool) -> None:
    def say(path: str, _: bytes) -> bytes:
        if redirected and path == "/":
            return answer(b"Location: /there", status=b"302 Found", body=b"")
        fields = (b'ETag: "a"', b"Cache-Control: no-store", b"Retry-After: 9")
        return answer(*fields, status=status, body=b"short")

    report = await look(served(say))
    assert not end or report.status == end
    assert ("HTTP-STATUS" in found(report)) is (end == "warning")


async def test_an_expected_status_is_right() -> None:
    handler = served(lambda *_: answer(b"Retry-After: 9", status=b"404 Gone", body=b"no"))
    report = await look(handler, expect_status=404)
    assert report.status == "ok" and "HTTP-STATUS" not in found(report)


# -- content against its fields --------------------------------------------------------------------

PACKED = gzip.compress(TEXT, mtime=0)
RAW = zlib.compress(TEXT)


@pytest.mark.parametrize(
    ("coding", "body", "severity"),
    [
        (b"gzip", PACKED, None), (b"x-gzip", PACKED, None), (b"deflate", RAW, None),
        (b"gzip, gzip", gzip.compress(PACKED, mtime=0), None), (b"identity", TEXT, None),
        (b"gzip", TEXT, "high"), (b"deflate", TEXT, "high"), (b"br", TEXT, "high"),
        (b"zstd", TEXT, "high"), (b"gzip", PACKED[:-20], "high"), (b"gzip", PACKED[:-8], "high"),
        (b"gzip", gzip.compress(PACKED, mtime=0), "high"), (b"identity", PACKED, "high"),
        (b"gzip", PACKED[:30] + bytes(20) + PACKED[50:], "high"),
        (b"utf-8", TEXT, "medium"), (b"none", TEXT, "medium"),
    ],
)  # fmt: skip
async def test_a_coding_and_its_content(coding: bytes, body: bytes, severity: str | None) -> None:
    handler = served(lambda *_: answer(b"Content-Encoding: " + coding, body=body))
    report = await look(handler)
    assert severities(report).get("HTTP-CODING") == severity
    assert "Error -" not in str(facts_of(report).content)


async def test_a_false_coding_of_large_content_is_seen_at_its_beginning() -> None:
    handler = served(lambda *_: answer(b"Content-Encoding: gzip", body=TEXT * 90))
    report = await look(handler, max_body_bytes=20_000)
    assert severities(report)["HTTP-CODING"] == "high"


async def test_an_archive_is_no_contradiction() -> None:
    body = gzip.compress(PACKED, mtime=0)
    said = answer(b"Content-Encoding: gzip", body=body).replace(b"text/html", b"application/gzip")
    assert "HTTP-CODING" not in found(await look(served(lambda *_: said)))


@pytest.mark.parametrize(
    ("method", "said"),
    [("GET", answer(body=TEXT).replace(b"%d" % len(TEXT), b"100")),
     ("GET", b"HTTP/1.1 204 No Content\r\n\r\nhello"), ("HEAD", answer())],
)  # fmt: skip
async def test_more_than_is_announced(method: str, said: bytes) -> None:
    async def serve(reader: Reader, writer: Writer) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            asked = head.split(b" ", 1)[0].decode()
            writer.write(said if asked == method or method == "GET" else answer())

    report = await look(serve, method=method)
    assert severities(report)["HTTP-LENGTH"] == "high"


async def test_what_is_overlooked_is_said() -> None:
    report = await look(served(lambda *_: answer(b"X-Odd : a", b"Connection: keep-alive")))
    assert report.failure is None
    assert severities(report)["HTTP-GRAMMAR"] == "low"


# -- connections -----------------------------------------------------------------------------------


async def test_a_kept_connection_that_has_ended_is_no_fault() -> None:
    """Each third request finds its connection closed; the visit asks again and loses nothing."""
    report = await look(served(lambda *_: answer(b'ETag: "a"'), requests=2))
    content = facts_of(report).content
    assert report.failure is None and content is not None
    assert not content.unknown
    assert all(cell.outcome == "ok" for cell in facts_of(report).cells)


async def test_408_on_a_kept_connection_is_no_answer() -> None:
    late = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

    async def serve(reader: Reader, writer: Writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(b'ETag: "a"', body=b"" if head.startswith(b"HEAD") else TEXT))
        await reader.readuntil(b"\r\n\r\n")
        writer.write(late)

    report = await look(serve)
    assert report.failure is None
    assert {cell.status for cell in facts_of(report).cells} == {200}
    assert "HTTP-LENGTH" not in found(report)


async def test_one_worker_that_waits_for_our_end() -> None:
    """As gunicorn's sync worker does after ``Connection: close``."""
    worker = asyncio.Lock()
    body = answer(b"Connection: close")

    async def serve(reader: Reader, writer: Writer) -> None:
        async with worker:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(body)
            await reader.read()

    report = await look(serve, timeout_seconds=8.0)
    assert report.duration_seconds < 4
    assert "HTTP-NO-REUSE" in found(report)
    assert "HTTP-TTFB" in report.passed


async def test_http_1_0_keep_alive_is_kept_alive() -> None:
    said = answer(b"Connection: keep-alive").replace(b"HTTP/1.1", b"HTTP/1.0")
    report = await look(served(lambda *_: said))
    assert "HTTP-NO-REUSE" in report.passed


async def test_a_drip_is_no_silence() -> None:
    async def serve(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x" * 20)
            await writer.drain()
            await asyncio.sleep(0.02)

    report = await look(serve, timeout_seconds=1.0)
    assert report.failure is not None
    assert report.failure.reason is Reason.BUDGET_EXCEEDED
    assert "the peer was still sending" in report.failure.detail
