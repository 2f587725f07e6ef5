"""Connections without a login: how many are kept open, and that each is closed."""

from __future__ import annotations

import asyncio

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519

from seventh.engine.check import check_one
from seventh.labkit.serve import tcp_server
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ssh.facts import Startups
from seventh.protocols.ssh.lab.server import RawServer, Setup
from seventh.protocols.ssh.probe import startups
from seventh.protocols.ssh.wire.hostkeys import Signer
from tests.reports import ssh_facts as facts_of

OPTIONS = Options(timeout_seconds=10, intrusive=True)
MOST = startups.MOST


def setup(**changes: object) -> Setup:
    signer = Signer(ed25519.Ed25519PrivateKey.generate())
    return Setup(signers=(signer,), **changes)  # type: ignore[arg-type]


async def look(port: int, options: Options = OPTIONS) -> Report:
    return await check_one(Target(scheme="ssh", host="127.0.0.1", port=port), options)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, Startups(held=MOST)),
        ({"max_connections": MOST}, Startups(held=MOST)),
        ({"max_connections": MOST - 1}, Startups(held=MOST - 1, refusal="Exceeded MaxStartups")),
        ({"max_connections": 1}, Startups(held=1, refusal="Exceeded MaxStartups")),
        # Lines before the identification string are no refusal.
        ({"before_ident": b"hello\r\n" * 3}, Startups(held=MOST)),
    ],
)
async def test_how_many_are_kept_open(changes: dict[str, object], found: Startups) -> None:
    server = RawServer(setup(**changes))
    async with tcp_server(server.handle) as port:
        report = await look(port)
    assert facts_of(report).startups == found
    throttled = found.refusal is not None
    assert ("SSH-THROTTLE" in report.passed) is throttled
    assert ("SSH-THROTTLE" in {one.id for one in report.findings}) is not throttled
    assert server.open == 0, "each connection was closed"


async def test_none_is_opened_without_leave() -> None:
    server = RawServer(setup())
    async with tcp_server(server.handle) as port:
        report = await look(port, Options(timeout_seconds=10))
    assert facts_of(report).startups is None
    (skipped,) = (one for one in report.skipped if one.id == "SSH-THROTTLE")
    assert skipped.reason == (
        "only --intrusive or a configuration file shows it; run `seventh lint FILE`"
    )


@pytest.mark.parametrize(
    ("data", "refusal"),
    [(b"", "closed at once"), (b"Not allowed at this time\r\n", "Not allowed at this time"),
     (b"x" * startups.MAX_BYTES, None)],
)  # fmt: skip
async def test_what_counts_as_a_refusal(data: bytes, refusal: str | None) -> None:
    """After the check's own connections the server answers in another way."""
    good = RawServer(setup())
    seen = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal seen
        seen += 1
        if seen > 1:
            writer.write(data)
            await writer.drain()
            return
        await good.handle(reader, writer)

    async with tcp_server(serve) as port:
        found = facts_of(await look(port)).startups
    assert found == Startups(held=0 if refusal else MOST, refusal=refusal)
