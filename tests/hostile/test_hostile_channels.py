"""SSH servers that let us in and abuse channels: typed, in time, bounded, the rest kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import tcp_server
from seventh.model.failure import Reason
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.lab.channels import ChannelSetup, channel_server
from seventh.protocols.ssh.lab.keys import LoginKeys, make_login_keys
from seventh.protocols.ssh.wire import channel_messages as cm
from seventh.protocols.ssh.wire.messages import Message
from seventh.wire.reader import vector
from tests.hostile.bounds import bounded
from tests.options import options_with

TIMEOUT_SECONDS = 2.0
MAX_MEBIBYTES = 64
BIG = 2**31 - 1


@pytest.fixture
def login_keys(tmp_path: Path) -> LoginKeys:
    return make_login_keys(tmp_path / "door")


async def look(login_keys: LoginKeys, setup: ChannelSetup) -> Report:
    async with channel_server(login_keys, setup) as port:
        options = options_with(**{"timeout_seconds": TIMEOUT_SECONDS, **login_keys.options(port)})
        with bounded(TIMEOUT_SECONDS, MAX_MEBIBYTES):
            report = await check_one(Target(scheme="ssh", host="127.0.0.1", port=port), options)
    assert report.failure is None or report.failure.reason is not Reason.INTERNAL, report.failure
    # What was learnt before the channels is kept.
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.ident is not None
    assert facts.login is not None
    assert facts.login.outcome == "granted"
    return report


FLOODS: dict[str, Message] = {
    "opens": cm.ChannelOpen(b"x11", 1, BIG, BIG),
    "agent": cm.ChannelOpen(b"auth-agent@openssh.com", 1, BIG, BIG),
    "forwarded": cm.ChannelOpen(b"forwarded-tcpip", 1, BIG, BIG, vector(4, b"x") + bytes(4)),
    "confirmations": cm.OpenConfirmation(0, 0, BIG, 1),
    "refusals": cm.OpenFailure(0, 1, b"no"),
    "adjusts": cm.WindowAdjust(0, 2**32 - 1),
    "small-adjusts": cm.WindowAdjust(0, 0),
    "data": cm.ChannelData(0, bytes(32768)),
    "small-data": cm.ChannelData(0, b"x"),
    "empty-data": cm.ChannelData(0, b""),
    "giant-data": cm.ChannelData(0, bytes(100_000)),
    "stderr": cm.ExtendedData(0, 1, bytes(1000)),
    "empty-stderr": cm.ExtendedData(0, 7, b""),
    "requests": cm.ChannelRequest(0, b"keepalive@openssh.com", True),
    "exit-statuses": cm.ChannelRequest(0, b"exit-status", False, bytes(4)),
    "short-exit-status": cm.ChannelRequest(0, b"exit-status", False, bytes(3)),
    "long-exit-signal": cm.ChannelRequest(0, b"exit-signal", False, b"\x7f\xff\xff\xff"),
    "answers": cm.ChannelSuccess(0),
    "failures": cm.ChannelFailure(0),
    "global-answers": cm.RequestSuccess(b"\x00" * 4),
    "global-requests": cm.GlobalRequest(b"hostkeys-00@openssh.com", True, bytes(100)),
    "ends": cm.ChannelEof(0),
    "closes": cm.ChannelClose(0),
    "elsewhere": cm.ChannelData(77, b"x"),
}


@pytest.mark.parametrize("name", FLOODS)
async def test_a_flood_of(name: str, login_keys: LoginKeys) -> None:
    report = await look(login_keys, ChannelSetup(floods=FLOODS[name]))
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    if name not in {"ends", "stderr", "small-data", "data"}:
        assert report.failure is not None
        assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert facts.unknown["second channel"]


SFTP = {
    "a-length-of-2-GiB": b"\x7f\xff\xff\xff\x02",
    "no-length": bytes(4),
    "words": b"Welcome to this machine!\r\n",
    "an-answer-before-the-version": vector(4, b"\x65" + bytes(16)),
    "a-version-cut-short": vector(4, b"\x02\x00"),
    "extensions-that-lie": vector(4, b"\x02\x00\x00\x00\x03" + b"\x7f\xff\xff\xff"),
    "extensions-without-end": vector(
        4,
        b"\x02\x00\x00\x00\x03"
        + b"".join(vector(4, b"%d" % n) + vector(4, b"") for n in range(2000)),
    ),
    "several-versions": vector(4, b"\x02\x00\x00\x00\x03") * 50,
}


@pytest.mark.parametrize("name", SFTP)
async def test_an_sftp_server_that_says(name: str, login_keys: LoginKeys) -> None:
    report = await look(login_keys, ChannelSetup(sftp_packet=SFTP[name]))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.PROTOCOL_VIOLATION, "ssh.sftp")
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.session is not None
    assert facts.session.exec_status == 0


@pytest.mark.parametrize("request_", [b"exec", b"pty-req", b"shell", b"subsystem"])
@pytest.mark.parametrize("way", ["leaves", "ignores"])
async def test_a_server_that_gives_up_at(request_: bytes, way: str, login_keys: LoginKeys) -> None:
    leaves = way == "leaves"
    setup = ChannelSetup(leaves_at=request_) if leaves else ChannelSetup(ignores=request_)
    report = await look(login_keys, setup)
    assert report.failure is None or report.failure.reason in {
        Reason.PEER_CLOSED, Reason.PEER_RESET, Reason.PEER_SILENT,
    }  # fmt: skip


@pytest.mark.parametrize("after", [0, 30, 700, 1500, 2600, 6000])
async def test_a_bastion_that_dies_at_any_moment(after: int, login_keys: LoginKeys) -> None:
    async with (
        channel_server(login_keys, ChannelSetup()) as port,
        channel_server(login_keys, ChannelSetup(carries_bytes=after)) as bastion,
    ):
        given = {
            "timeout_seconds": TIMEOUT_SECONDS, **login_keys.options(port, bastion),
            "via": f"ssh://127.0.0.1:{bastion}",
        }  # fmt: skip
        report = await check_one(
            Target(scheme="ssh", host="127.0.0.1", port=port), options_with(**given)
        )  # fmt: skip
    net = report.facts["net"]
    assert net.hops[0].auth_method == "publickey"  # type: ignore[attr-defined]
    facts = report.facts.get("ssh")
    told = [report.failure.detail] if report.failure is not None else []
    if isinstance(facts, SshFacts):
        told += facts.unknown.values()
    assert any(f"the jump host 127.0.0.1:{bastion}: the server closed" in text for text in told)


async def test_a_bastion_that_floods_is_named(login_keys: LoginKeys) -> None:
    """It opens channels towards us, which no jump host has to."""

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    setup = ChannelSetup(opens=(b"auth-agent@openssh.com", 1000))
    async with tcp_server(quiet) as port, channel_server(login_keys, setup) as bastion:
        given = {
            "timeout_seconds": TIMEOUT_SECONDS, **login_keys.options(bastion),
            "via": f"ssh://127.0.0.1:{bastion}",
        }  # fmt: skip
        report = await check_one(
            Target(scheme="tls", host="127.0.0.1", port=port), options_with(**given)
        )  # fmt: skip
    assert report.failure is not None
    assert report.failure.reason is Reason.PROTOCOL_VIOLATION
    assert f"the jump host 127.0.0.1:{bastion}" in report.failure.detail
