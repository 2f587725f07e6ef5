"""``--forward`` on OpenSSH's server: granted, narrowed, refused, and gone afterwards."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import free_port
from seventh.model.failure import Failed, Reason
from seventh.model.report import Report
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.session import RequestedForward
from seventh.protocols.ssh.probe import requested
from seventh.render.wording import Wording
from tests.options import changed
from tests.peers.test_ssh_channels import INTERNAL, Host, ended, host, session_of
from tests.reports import found

pytestmark = pytest.mark.peer

RULE = "SSH-FWD-REFUSED"


async def checked(server: Host, *forwards: str) -> tuple[RequestedForward, ...]:
    report = await report_of(server, *forwards)
    assert report.failure is None
    return session_of(report).forwards


async def report_of(server: Host, *forwards: str) -> Report:
    options = changed(server.options.replace(allow_write=True), forward=forwards)
    return await check_one(server.target, options)


async def is_closed(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


@pytest.mark.parametrize(("lines", "bind", "result", "listens"), [
    pytest.param((), "", "granted", "loopback", id="default"),
    pytest.param((), "0.0.0.0:", "narrowed", "loopback", id="default, all"),
    pytest.param((), "*:", "narrowed", "loopback", id="default, star"),
    pytest.param(("GatewayPorts yes",), "", "granted", "open", id="GatewayPorts yes"),
    pytest.param(("GatewayPorts clientspecified",), "", "granted", "loopback", id="own"),
    pytest.param(("GatewayPorts clientspecified",), "0.0.0.0:", "granted", "open", id="own, all"),
    pytest.param(("AllowTcpForwarding no",), "", "refused", None, id="no"),
    pytest.param(("AllowTcpForwarding local",), "", "refused", None, id="local only"),
    pytest.param(("AllowTcpForwarding remote",), "", "unsettled", "loopback", id="remote only"),
    pytest.param(("PermitListen localhost:*",), "", "granted", "loopback", id="PermitListen"),
    pytest.param(("PermitListen none",), "", "refused", None, id="PermitListen none"),
])  # fmt: skip
async def test_remote(
    tmp_path: Path, lines: tuple[str, ...], bind: str, result: str, listens: str | None
) -> None:
    port = free_port()
    text = f"R:{bind}{port}:localhost:22"
    async with host(tmp_path, INTERNAL, *lines) as server:
        (forward,) = await checked(server, text)
        assert await is_closed(port)
        code, _ = await ended(
            *server.ssh("-o", "ExitOnForwardFailure=yes", "-R", text.removeprefix("R:")), "true"
        )
    granted = result != "refused"
    assert forward == RequestedForward(
        text=text, kind="remote", result=result, listens=listens, port=port if granted else None,  # type: ignore[arg-type]
        received_bytes={"refused": None, "unsettled": 0}.get(result, 16),
        cancelled=True if granted else None,
    )  # fmt: skip
    assert (code == 0) is granted  # ssh(1) says no more


@pytest.mark.parametrize(("lines", "local", "dynamic"), [
    pytest.param((), "granted", "granted", id="default"),
    pytest.param(("AllowTcpForwarding no",), "refused", "refused", id="no"),
    pytest.param(("AllowTcpForwarding remote",), "refused", "refused", id="remote only"),
    pytest.param(("PermitOpen localhost:*",), "granted", "refused", id="PermitOpen"),
])  # fmt: skip
async def test_local_and_dynamic(
    tmp_path: Path, lines: tuple[str, ...], local: str, dynamic: str
) -> None:
    closed = free_port()
    async with host(tmp_path, INTERNAL, *lines) as server:
        one, none, two = await checked(
            server, f"L:8080:localhost:{server.port}", f"L:localhost:{closed}", "D:1080"
        )
    assert (one.result, two.result) == (local, dynamic)
    assert none.result == ("unreachable" if local == "granted" else "refused")
    for forward in (one, two):  # sshd greets first
        assert bool(forward.received_bytes) is (forward.result == "granted")


async def test_a_port_in_use(tmp_path: Path) -> None:
    # By default sshd listens on ::1, too, and grants what it can listen on there alone.
    async with host(tmp_path, INTERNAL, "GatewayPorts clientspecified") as server:
        report = await report_of(server, f"R:127.0.0.1:{server.port}:localhost:22")
    (forward,) = session_of(report).forwards
    assert (forward.result, forward.cancelled) == ("port", True)
    assert RULE in found(report)


async def test_what_was_granted_is_cancelled_after_a_failure_half_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise Failed(Reason.BUDGET_EXCEEDED, "half-way")

    monkeypatch.setattr(requested, "_echo", fails)
    port = free_port()
    async with host(tmp_path, INTERNAL) as server:
        report = await report_of(server, f"R:{port}:localhost:22")
        assert await is_closed(port)
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.unknown[Topic.REQUESTED_FORWARDS] == "half-way"
    assert session_of(report).forward_cancelled is True


FIXED = {
    "all": (("AllowTcpForwarding no",), ("R:0:h:1", "D:1080", "L:localhost:PORT"), set[str]()),
    "destinations": (("PermitOpen none",), ("L:localhost:PORT",), set[str]()),
    "listening": (("PermitListen none",), ("R:0:h:1",), set[str]()),
    # What was wanted is open to other hosts, which is a finding of its own.
    "narrowed": (("GatewayPorts no",), ("R:0.0.0.0:0:h:1",), {"SSH-FWD-OPEN"}),
}


@pytest.mark.parametrize("case", FIXED)
async def test_its_fix_is_enough(tmp_path: Path, case: str) -> None:
    lines, forwards, came = FIXED[case]
    async with host(tmp_path, INTERNAL, *lines) as server:
        texts = [text.replace("PORT", str(server.port)) for text in forwards]
        before = await report_of(server, *texts)
    (finding,) = (one for one in before.findings if one.id == RULE)
    fix = [line for line in Wording().words(finding).fix["openssh"].splitlines() if line[0] != "#"]
    names = {line.split()[0] for line in fix}
    kept = [line for line in lines if line.split()[0] not in names]
    again = tmp_path / "again"
    again.mkdir()
    async with host(again, INTERNAL, *kept, *fix) as server:
        texts = [text.replace("PORT", str(server.port)) for text in forwards]
        after = await report_of(server, *texts)
    assert RULE in after.passed
    assert set(found(after)) - set(found(before)) == came
