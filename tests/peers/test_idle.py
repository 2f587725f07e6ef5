"""Idle connections to real servers, through a NAT that forgets them, and without one."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path as Folder
from typing import Any

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.labkit.web.h3 import serve_h3
from seventh.labkit.web.handler import Answer
from seventh.model.idlefacts import Idle
from seventh.model.netfacts import NetFacts
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.websocket.lab import serve_setup
from seventh.protocols.websocket.lab.setup import Setup
from seventh.web.message import Request
from tests import path
from tests.options import options_with
from tests.path import FAR, NEAR, Path
from tests.peers.sshd_users import login_sshd
from tests.peers.test_http import nginx
from tests.peers.test_ssh import sshd
from tests.reports import found

pytestmark = pytest.mark.peer
FORGETS_SECONDS = 2.0
HOLD_SECONDS = 4.0
"""Connections are used after 1.1 and 4.4 s."""


async def check(scheme: str, host: str, port: int, **more: Any) -> Report:
    target = Target(scheme=scheme, host=host, port=port)
    given = {"hold_seconds": HOLD_SECONDS, "intrusive": True, "i_own_this": True, **more}
    return await check_one(target, options_with(**given))


def idle_of(report: Report) -> tuple[Idle, ...]:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    return facts.idle


def endings(idle: Idle) -> list[tuple[str, str, int]]:
    return [(each.ending, each.when, round(each.seconds)) for each in idle.held]


@path.NEEDED
@pytest.mark.parametrize(("how", "ending"), [("silent", "silent"), ("reset", "reset")])
@pytest.mark.parametrize("scheme", ["tls", "https", "tcp"])
def test_a_nat_in_front_of_nginx(
    tmp_path: Folder, kit: Kit, scheme: str, how: Any, ending: str
) -> None:
    nat = Path(idle_seconds=FORGETS_SECONDS, how=how)
    issued = kit.authority.issue("lab.test", FAR)

    async def work() -> Report:
        more = f"listen {NEAR}:8443 ssl http2; keepalive_timeout 60s;"
        async with nginx(tmp_path, issued, more=more):
            return await check(
                scheme, FAR, 8443, ca_file=str(kit.authority.ca_file), timeout_seconds=30.0
            )

    report = path.inside(nat, work())
    (idle,) = idle_of(report)
    assert endings(idle) == [("alive", "use", 1), (ending, "use", 4)]
    assert "NET-IDLE-CUT" in found(report)
    assert nat.forgotten > 0


@path.NEEDED
def test_a_nat_in_front_of_openssh_before_the_login(tmp_path: Folder) -> None:
    async def work() -> Report:
        # The server learns nothing of the connections' end, and gives them up after a while.
        lines = f"\nListenAddress {NEAR}\nLoginGraceTime 8\n"
        async with sshd(tmp_path, lines, "ed25519") as server:
            return await check("ssh", FAR, server.port, timeout_seconds=30.0)

    report = path.inside(Path(idle_seconds=FORGETS_SECONDS), work())
    (idle,) = idle_of(report)
    assert endings(idle) == [("alive", "use", 1), ("silent", "use", 4)]
    assert "NET-IDLE-CUT" in found(report)


def end_children(pid: int) -> None:
    """End the sessions of a server, which never learns that their path is gone."""
    for child in Folder(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            os.kill(int(child), signal.SIGTERM)


@path.NEEDED
def test_a_nat_in_front_of_an_ssh_session(tmp_path: Folder) -> None:
    async def work() -> Report:
        async with login_sshd(tmp_path, f"ListenAddress {NEAR}") as server:
            known = server.known_hosts.read_text().replace("127.0.0.1", FAR)
            server.known_hosts.write_text(known)
            options = server.options(
                hold_seconds=HOLD_SECONDS, intrusive=True, i_own_this=True, timeout_seconds=30.0
            )
            target = Target(scheme="ssh", host=FAR, port=server.port)
            try:
                return await check_one(target, options)
            finally:
                assert server.process is not None
                end_children(server.process.pid)

    report = path.inside(Path(idle_seconds=FORGETS_SECONDS, how="reset"), work())
    (idle,) = idle_of(report)
    assert idle.own_seconds is None
    assert endings(idle) == [("alive", "use", 1), ("reset", "use", 4)]
    assert "NET-IDLE-CUT" in found(report)


async def test_a_session_stays_usable(tmp_path: Folder) -> None:
    async with login_sshd(tmp_path) as server:
        report = await check_one(
            server.target, server.options(hold_seconds=0.4, intrusive=True, timeout_seconds=30.0)
        )
    (idle,) = idle_of(report)
    assert endings(idle) == [("alive", "use", 0), ("alive", "use", 0)]
    assert "NET-IDLE-CUT" in report.passed


async def test_login_grace_time_is_the_servers_own(tmp_path: Folder) -> None:
    async with sshd(tmp_path, "\nLoginGraceTime 2\n", "ed25519") as server:
        report = await check("ssh", "127.0.0.1", server.port, timeout_seconds=30.0)
    (idle,) = idle_of(report)
    assert idle.own_seconds == 120.0
    assert endings(idle) == [("alive", "use", 1), ("closed", "idle", 2)]
    assert "NET-IDLE-CUT" in report.passed


@pytest.mark.parametrize("scheme", ["https", "tls"])
async def test_keepalive_timeout_is_the_servers_own(
    tmp_path: Folder, kit: Kit, scheme: str
) -> None:
    """Before the first request, which a check of TLS never makes, another timeout counts."""
    more = "keepalive_timeout 2s; client_header_timeout 2s;"
    async with nginx(tmp_path, kit.authority.issue("lab.test"), more=more) as port:
        report = await check(
            scheme, "127.0.0.1", port, timeout_seconds=30.0, server_name="lab.test",
            ca_file=str(kit.authority.ca_file),
        )  # fmt: skip
    (idle,) = idle_of(report)
    assert endings(idle) == [("alive", "use", 1), ("closed", "idle", 2)]
    assert "NET-IDLE-CUT" in report.passed


@path.NEEDED
@pytest.mark.parametrize(
    ("how", "ending", "rule"), [("silent", "silent", "found"), ("rebind", "alive", "passed")]
)
def test_a_nat_in_front_of_quic(kit: Kit, how: Any, ending: str, rule: str) -> None:
    """A server follows a client to its new port: that is no death."""
    issued = kit.authority.issue("lab.test", FAR)

    async def work() -> Report:
        async with serve_h3(_answer, issued, host=NEAR) as (_, port):
            return await check(
                "https", FAR, port, http_version="3", ca_file=str(kit.authority.ca_file),
                timeout_seconds=30.0,
            )  # fmt: skip

    nat = Path(idle_seconds=FORGETS_SECONDS, how=how)
    report = path.inside(nat, work())
    (idle,) = idle_of(report)
    assert (idle.transport, idle.own_seconds) == ("quic", 60.0)
    assert endings(idle) == [("alive", "use", 1), (ending, "use", 4)]
    assert ("NET-IDLE-CUT" in found(report)) == (rule == "found")
    assert ("NET-IDLE-CUT" in report.passed) == (rule == "passed")
    assert nat.forgotten > 0


async def _answer(request: Request) -> Answer:
    return Answer(body=b"idle")


@path.NEEDED
def test_a_nat_in_front_of_websocket(kit: Kit) -> None:
    async def work() -> Report:
        setup = Setup(host=NEAR, ping_seconds=None)
        async with serve_setup(setup, kit) as served:
            port = int(served.target.rpartition(":")[2].partition("/")[0])
            target = Target(scheme="ws", host=FAR, port=port, path="/hub")
            options = options_with(
                hold_seconds=HOLD_SECONDS, intrusive=True, i_own_this=True, timeout_seconds=60.0,
                origin=f"http://{NEAR}:{port}",
            )  # fmt: skip
            return await check_one(target, options)

    report = path.inside(Path(idle_seconds=FORGETS_SECONDS), work())
    (idle,) = idle_of(report)
    assert endings(idle) == [("alive", "use", 1), ("silent", "use", 4)]
    assert "NET-IDLE-CUT" in found(report)
