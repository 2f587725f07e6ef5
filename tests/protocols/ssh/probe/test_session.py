"""What a login may do, learnt from the lab's servers, good and bad."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.model.failure import Reason
from seventh.model.target import Target, parse_target
from seventh.net.probe_context import ProbeContext
from seventh.protocols import schemes
from seventh.protocols.ssh import lab
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.protocols.ssh.lab import session as lab_session
from seventh.protocols.ssh.lab.channels import ChannelSetup, channel_server
from seventh.protocols.ssh.lab.keys import LoginKeys
from seventh.protocols.ssh.lab.session import honest
from seventh.protocols.ssh.probe import session as session_probe
from tests.options import options_with
from tests.protocols.ssh.sessions import conducting, logged_in


def ssh_of(ctx: ProbeContext) -> SshFacts:
    facts = ctx.facts["ssh"]
    assert isinstance(facts, SshFacts)
    return facts


def session_of(ctx: ProbeContext) -> SessionFacts:
    session = ssh_of(ctx).session
    assert session is not None
    return session


async def test_all_is_learnt_from_a_good_server(login_keys: LoginKeys, tmp_path: Path) -> None:
    async with (
        honest(login_keys, tmp_path) as port,
        logged_in(port, login_keys, allow_write=True) as (ctx, session),
    ):
        ctx.notes(SshFacts).learn(login=Login(total_seconds=0.5))
        await session_probe.check(ctx, session)
        await session.rekey()
    learnt = session_of(ctx)
    assert ssh_of(ctx).unknown == {}
    assert ctx.failure is None
    assert (learnt.exec_status, learnt.exec_output_bytes) == (0, 0)
    assert (learnt.pty_granted, learnt.shell_granted, learnt.sftp) == (True, True, "works")
    assert (learnt.read_bytes, learnt.write_bytes) == (1024 * 1024, 512 * 1024)
    assert (learnt.local_forward, learnt.dynamic_forward) == ("allowed", "allowed")
    assert (learnt.remote_forward, learnt.remote_forward_all) == ("loopback", "refused")
    assert learnt.forward_cancelled is True
    unlearnt = {f for f in learnt.__struct_fields__ if getattr(learnt, f) is None}
    assert unlearnt == {"exec_signal", "mosh"}
    assert learnt.programs == {"rsync": "3.2.7", "scp": "", "mosh-server": None}
    for field in ("channel", "exec", "second_channel", "second_exec", "sftp", "sftp_stat",
                  "read", "write"):  # fmt: skip
        assert 0 <= getattr(learnt, f"{field}_seconds") < 5
    assert learnt.read_from == "SFTP /dev/zero"
    for way in ("read", "write"):
        count, seconds = getattr(learnt, f"{way}_bytes"), getattr(learnt, f"{way}_seconds")
        assert getattr(learnt, f"{way}_bytes_per_second") == count / seconds
    assert learnt.fresh_seconds == 0.5 + (learnt.channel_seconds or 0)
    assert learnt.mux_saves_seconds == pytest.approx(
        learnt.fresh_seconds - (learnt.second_channel_seconds or 0)
    )
    assert not any((tmp_path / "ssh-home").iterdir()), "the temporary file is gone"
    names = [phase.name for phase in ctx.watch.phases]
    assert names == [
        "connect", "ssh.channel", "ssh.exec", "ssh.second_channel", "ssh.sftp", "ssh.forward",
    ]  # fmt: skip
    times = [phase for phase in ctx.watch.phases if phase.name != "ssh.forward"]
    assert {phase.clock for phase in times} == {"kernel"}


async def test_without_sftp_a_command_is_read(login_keys: LoginKeys, tmp_path: Path) -> None:
    async with (
        honest(login_keys, tmp_path, sftp=False) as port,
        logged_in(port, login_keys) as (ctx, session),
    ):
        await session_probe.check(ctx, session)
    learnt = session_of(ctx)
    assert learnt.sftp == "refused"
    assert learnt.read_from == "exec head -c 1048576 /dev/zero"
    assert learnt.read_bytes == session_probe.READ_BYTES
    assert learnt.read_seconds is not None
    assert learnt.read_bytes_per_second == learnt.read_bytes / learnt.read_seconds


async def test_without_permission_nothing_is_written_and_nothing_forwarded(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    async with honest(login_keys, tmp_path) as port, logged_in(port, login_keys) as (ctx, session):
        await session_probe.check(ctx, session)
    learnt = session_of(ctx)
    assert learnt.write_bytes is None
    assert learnt.local_forward is None
    assert learnt.remote_forward is None
    assert ssh_of(ctx).unknown == {
        "forwarding": "tier 3 needs --allow-write", "SFTP write": "tier 3 needs --allow-write",
    }  # fmt: skip


async def test_who_forbids_by_saying_that_connecting_failed_stays_unsettled(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    async with (
        honest(login_keys, tmp_path, local=False) as port,
        logged_in(port, login_keys, allow_write=True) as (ctx, session),
    ):
        await session_probe.check(ctx, session)
    learnt = session_of(ctx)
    assert (learnt.local_forward, learnt.dynamic_forward) == ("unsettled", "unsettled")


async def test_a_few_channels_opened_towards_us_are_refused_and_counted(
    login_keys: LoginKeys,
) -> None:
    setup = ChannelSetup(opens=(b"auth-agent@openssh.com", 3))
    async with conducting(login_keys, setup) as (ctx, session):
        await session_probe.check(ctx, session)
    assert session_of(ctx).peer_channels == {"auth-agent@openssh.com": 3}
    assert session_of(ctx).exec_status == 0
    assert ctx.failure is None


async def test_a_violation_is_the_reports_failure_and_what_was_learnt_stands(
    login_keys: LoginKeys,
) -> None:
    async with conducting(login_keys, ChannelSetup(lies_in_data=True)) as (ctx, session):
        await session_probe.check(ctx, session)
    assert ctx.failure is not None
    assert ctx.failure.reason is Reason.PROTOCOL_VIOLATION
    assert ctx.failure.phase == "ssh.sftp"
    learnt = session_of(ctx)
    assert (learnt.exec_status, learnt.sftp, learnt.sftp_home) == (0, "works", "/")
    assert learnt.read_bytes is None


async def test_a_server_that_ends_in_the_middle_costs_only_what_comes_after(
    login_keys: LoginKeys,
) -> None:
    async with conducting(login_keys, ChannelSetup(leaves_at=b"pty-req")) as (ctx, session):
        await session_probe.check(ctx, session)
    assert ctx.failure is None
    learnt = session_of(ctx)
    assert (learnt.exec_status, learnt.pty_granted, learnt.sftp) == (0, None, None)
    assert ssh_of(ctx).unknown["terminal"] == "the server closed the connection"


async def test_a_server_that_never_answers_costs_its_share_of_the_time(
    login_keys: LoginKeys,
) -> None:
    async with conducting(login_keys, ChannelSetup(ignores=b"exec"), timeout_seconds=1.0) as (
        ctx,
        session,
    ):
        async with asyncio.timeout(3):
            await session_probe.check(ctx, session)
    assert ctx.failure is None
    assert session_of(ctx).channel_seconds is not None
    assert session_of(ctx).exec_granted is None
    assert "no answer on a channel" in ssh_of(ctx).unknown["exec"]
    # The others have had their turn.
    assert session_of(ctx).sftp == "works"


async def test_a_bastion_that_dies_is_named_and_what_was_learnt_stands(kit: Kit) -> None:
    fault = lab_session.CASES["bastion-dies"].fault
    async with lab.serve(fault, kit) as served:
        (target,) = parse_target(served.target, schemes())
        report = await check_one(target, options_with(**served.options))
    assert report.failure is not None
    assert report.failure.detail.startswith("the jump host 127.0.0.1:")
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.ident == "SSH-2.0-SeventhLab"
    assert report.facts["net"].hops[0].auth_method == "publickey"  # type: ignore[attr-defined]


async def test_several_logins_at_once_do_not_disturb_each_other(login_keys: LoginKeys) -> None:
    async with channel_server(login_keys, ChannelSetup()) as port:
        options = options_with(timeout_seconds=10.0, **login_keys.options(port))  # type: ignore[arg-type]
        target = Target(scheme="ssh", host="127.0.0.1", port=port)
        reports = await asyncio.gather(*(check_one(target, options) for _ in range(6)))
    for report in reports:
        assert report.failure is None
        facts = report.facts["ssh"]
        assert isinstance(facts, SshFacts)
        assert facts.session is not None
        assert facts.session.exec_status == 0
