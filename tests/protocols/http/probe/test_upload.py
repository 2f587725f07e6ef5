"""Uploads that are rejected: by a 413, by a reset without one, by a backend behind a proxy."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Handler, tcp_server
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.http.facts.write import Upload
from seventh.protocols.http.probe.upload import MIB
from tests.options import options_with
from tests.reports import found
from tests.reports import http_facts as facts_of

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter
OWN = 3 * MIB
RULE = "HTTP-BODY-LIMIT"


def line(status: int, *, close: bool = False) -> bytes:
    more = b"Connection: close\r\n" if close else b""
    return b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n%s\r\n" % (status, more)


def server(*, limit: int, tells: bool = True, large: int = 200, cuts: bool = False) -> Handler:
    """A server with a limit: ``tells`` it by 413, else ``cuts``, or answers ``large`` above it."""

    async def serve(reader: Reader, writer: Writer) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            size = int(length[1]) if length else 0
            expects = b"100-continue" in head
            if size > limit and tells and (expects or not cuts):
                writer.write(line(413, close=True))
                return
            if expects:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if size > limit and cuts:
                await reader.readexactly(1000)
                linger = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, linger
                )
                writer.transport.abort()
                return
            await reader.readexactly(size)
            writer.write(line(large if size > limit else 200))

    return serve


async def look(handler: Handler, folder: Path | None = None, **more: object) -> Report:
    options: dict[str, object] = {"allow_write": True, **more}
    if folder is not None:
        (folder / "body").write_bytes(bytes(OWN))
        options |= {"method": "PUT", "body_file": str(folder / "body")}
    async with tcp_server(handler) as port:
        target = Target(scheme="http", host="127.0.0.1", port=port, path="/")
        return await check_one(target, options_with(**options))


def upload_of(report: Report) -> Upload:
    write = facts_of(report).write
    assert write is not None and write.upload is not None
    return write.upload


CASES = {
    "a 413": (server(limit=MIB), Upload(
        method="PUT", bytes=OWN, status=413, accepted_bytes=MIB,
    ), True),
    "a cut whose length gets a 413": (server(limit=MIB, cuts=True), Upload(
        method="PUT", bytes=OWN, failure=Reason.PEER_RESET, short_status=200, declared_status=413,
        accepted_bytes=MIB, refused_bytes=10 * MIB,
    ), True),
    "a cut alone": (server(limit=MIB, cuts=True, tells=False), Upload(
        method="PUT", bytes=OWN, failure=Reason.PEER_RESET, short_status=200, declared_status=100,
        accepted_bytes=10 * MIB,
    ), True),
    "a backend that fails": (server(limit=MIB, large=502, tells=False), Upload(
        method="PUT", bytes=OWN, status=502, short_status=200,
        accepted_bytes=10 * MIB,
    ), True),
    "accepted": (server(limit=OWN), Upload(
        method="PUT", bytes=OWN, status=200, accepted_bytes=MIB, refused_bytes=10 * MIB,
    ), False),
    "all of it": (server(limit=100 * MIB), Upload(
        method="PUT", bytes=OWN, status=200, accepted_bytes=10 * MIB,
    ), False),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
async def test_the_own_request(name: str, tmp_path: Path) -> None:
    handler, expected, fires = CASES[name]
    report = await look(handler, tmp_path)
    assert upload_of(report) == expected
    assert (RULE in found(report), RULE in report.passed) == (fires, not fires)
    assert "HTTP-STATUS" not in found(report)


@pytest.mark.parametrize(
    ("limit", "accepted", "refused"),
    [(MIB - 1, None, MIB), (MIB, MIB, 10 * MIB), (10 * MIB - 1, MIB, 10 * MIB),
     (10 * MIB, 10 * MIB, None)],
)  # fmt: skip
async def test_without_content_lengths_are_declared(
    limit: int, accepted: int | None, refused: int | None
) -> None:
    report = await look(server(limit=limit))
    assert upload_of(report) == Upload(
        method="POST", accepted_bytes=accepted, refused_bytes=refused
    )


async def test_nothing_is_declared_without_leave() -> None:
    report = await look(server(limit=9), allow_write=False)
    assert facts_of(report).write is None
