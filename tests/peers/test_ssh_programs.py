"""rsync, scp and mosh-server behind OpenSSH's server."""

from __future__ import annotations

import asyncio
import os
import select
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.wire import mosh
from tests.peers import need_binary, need_version
from tests.peers.test_ssh_channels import INTERNAL, host, session_of
from tests.reports import found

pytestmark = pytest.mark.peer


async def test_the_versions_of_the_programs(tmp_path: Path) -> None:
    wanted = {name: need_version(name) for name in ("rsync", "mosh-server")}
    need_binary("scp")
    async with host(tmp_path, INTERNAL) as server:
        report = await check_one(server.target, server.options)
    assert session_of(report).programs == {**wanted, "scp": ""}
    assert session_of(report).mosh is None


async def test_a_program_outside_the_path_is_absent(tmp_path: Path) -> None:
    async with host(tmp_path, INTERNAL, environment="PATH=/nonexistent") as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    programs = session_of(report).programs
    # Without sh in the PATH it stays unknown.
    assert programs is None or set(programs.values()) == {None}
    if programs is None:
        assert Topic.PROGRAMS in facts.unknown


async def test_a_forced_command_is_not_run_for_it(tmp_path: Path) -> None:
    async with host(tmp_path, INTERNAL, f"ForceCommand echo x | tee -a {tmp_path}/ran") as server:
        report = await check_one(server.target, server.options)
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert session_of(report).programs is None
    assert Topic.PROGRAMS in facts.unknown


async def test_mosh_answers_and_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_binary("mosh-server")
    started: list[mosh.Started | None] = []
    parse = mosh.parse_started

    def noting(output: str) -> mosh.Started | None:
        started.append(parse(output))
        return started[-1]

    monkeypatch.setattr(mosh, "parse_started", noting)
    async with host(tmp_path, INTERNAL) as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
    facts = session_of(report).mosh
    assert facts is not None
    assert (facts.result, facts.ended) == ("answered", True)
    assert facts.port is not None
    assert facts.port >= 60001
    assert facts.answer_seconds is not None
    assert "SSH-MOSH-BLOCKED" in report.passed
    (one,) = started
    assert one is not None
    assert one.pid is not None
    assert await asyncio.to_thread(has_ended, one.pid)


def has_ended(pid: int) -> bool:
    """Wait for the end of a process that is no child of ours, ten seconds at most."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 10)[0])
    finally:
        os.close(handle)


async def test_mosh_behind_a_firewall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_binary("mosh-server")
    parse = mosh.parse_started

    def elsewhere(output: str) -> mosh.Started | None:
        one = parse(output)
        return one and mosh.Started(one.port, bytes(16), one.pid)  # it drops what it cannot read

    monkeypatch.setattr(mosh, "parse_started", elsewhere)
    monkeypatch.setattr("seventh.protocols.ssh.probe.programs.ANSWER_SECONDS", 0.05)
    async with host(tmp_path, INTERNAL) as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
    facts = session_of(report).mosh
    assert facts is not None
    assert (facts.result, facts.ended, facts.answer_seconds) == ("silent", True, None)
    assert "SSH-MOSH-BLOCKED" in found(report)
