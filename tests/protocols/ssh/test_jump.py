"""Jump hosts: any protocol through one or several, and everything that a hop may do wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seventh.engine.check import check_one, pulse_one
from seventh.labkit.serve import Handler, Kit, free_port, tcp_server
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Blame, Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.lab.channels import ChannelSetup, channel_server
from seventh.protocols.ssh.lab.keys import LoginKeys, make_login_keys
from tests.options import changed, options_with

STEPS = ["via.connect", "via.ssh.banner", "via.ssh.kex", "via.ssh.auth"]


def via(login_keys: LoginKeys, *hops: int, **changes: Any) -> Options:
    text = ",".join(f"ssh://127.0.0.1:{port}" for port in hops)
    given: dict[str, Any] = {"timeout_seconds": 5.0, **login_keys.options(*hops), "via": text}
    return options_with(**{**given, **changes})


def target(port: int, scheme: str = "tcp") -> Target:
    return Target(scheme=scheme, host="127.0.0.1", port=port)


def net_of(report: Report) -> NetFacts:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    return facts


@contextlib.asynccontextmanager
async def chain(login_keys: LoginKeys, *conducts: ChannelSetup) -> AsyncIterator[list[int]]:
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(channel_server(login_keys, c)) for c in conducts]


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 hello\r\n")
    await reader.read()


@pytest.mark.parametrize("count", [1, 2, 4])
async def test_any_number_of_hops(login_keys: LoginKeys, count: int) -> None:
    async with chain(login_keys, *[ChannelSetup()] * count) as hops, tcp_server(greets) as port:
        report = await check_one(target(port), via(login_keys, *hops))
    assert report.failure is None
    net = net_of(report)
    assert [hop.port for hop in net.hops] == hops
    for hop in net.hops:
        assert (hop.user, hop.auth_method, hop.host_key_known) == ("lab", "publickey", "known")
        assert hop.software == "SeventhLab"
        assert hop.host_key.startswith("ssh-ed25519 SHA256:")
        assert hop.seconds is not None
    # Only the first was reached by an address of our own finding.
    assert [bool(hop.address) for hop in net.hops] == [True] + [False] * (count - 1)
    (attempt,) = net.attempts
    assert (attempt.transport, attempt.outcome) == ("via", "open")
    phases = [p for p in report.phases if p.name.startswith("via")]
    assert [p.name for p in phases] == STEPS * count
    assert {p.address for p in phases} == {f"127.0.0.1:{port}" for port in hops}


async def test_tls_through_a_hop_says_what_it_says_without(login_keys: LoginKeys, kit: Kit) -> None:
    context = server_context(kit.authority.issue("127.0.0.1"))
    async with chain(login_keys, ChannelSetup()) as hops, tls_server(context) as port:
        options = via(login_keys, *hops, ca_file=str(kit.authority.ca_file))
        through = await check_one(target(port, "tls"), options)
        straight = await check_one(target(port, "tls"), changed(options, via=None))
        pulse = await pulse_one(target(port, "tls"), options)
    assert through.failure is straight.failure is pulse.failure is None
    assert [f.id for f in through.findings] == [f.id for f in straight.findings]
    assert len(net_of(through).hops) == 1, "one login carries every connection of a check"
    assert sum(phase.name == "via.ssh.auth" for phase in through.phases) == 1


async def test_ssh_through_a_hop_logs_in_behind_it(login_keys: LoginKeys) -> None:
    async with chain(login_keys, ChannelSetup(), ChannelSetup()) as (hop, port):
        options = via(login_keys, hop, **login_keys.options(hop, port))
        report = await check_one(target(port, "ssh"), options)
    assert report.failure is None
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.session is not None
    assert facts.session.exec_status == 0


async def test_what_the_hop_cannot_reach_is_told_in_its_words(login_keys: LoginKeys) -> None:
    async with chain(login_keys, ChannelSetup()) as hops:
        report = await check_one(target(free_port()), via(login_keys, *hops))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.CONNECT_REFUSED, "connect")
    assert f"the jump host 127.0.0.1:{hops[0]}: connect failed" in report.failure.detail


async def test_a_hop_that_refuses_all_channels_forbids(login_keys: LoginKeys) -> None:
    async with chain(login_keys, ChannelSetup(prohibits=True)) as hops:
        report = await check_one(target(free_port()), via(login_keys, *hops))
    assert report.failure is not None
    assert report.failure.reason is Reason.CONNECT_FORBIDDEN
    # Not this machine's firewall: whoever runs the jump host must mend it.
    assert report.failure.blame is Blame.PEER


async def test_a_hop_that_is_not_there(login_keys: LoginKeys) -> None:
    port = free_port()
    report = await check_one(target(free_port()), via(login_keys, port))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.CONNECT_REFUSED, "via.connect")
    assert f"the jump host 127.0.0.1:{port}" in report.failure.detail
    assert [hop.port for hop in net_of(report).hops] == [port]


async def test_a_second_hop_that_is_not_there(login_keys: LoginKeys) -> None:
    port = free_port()
    async with chain(login_keys, ChannelSetup()) as (hop,):
        report = await check_one(target(free_port()), via(login_keys, hop, port))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.CONNECT_REFUSED, "via.connect")
    assert f"the jump host 127.0.0.1:{hop}:" in report.failure.detail
    assert [hop.auth_method for hop in net_of(report).hops] == ["publickey", ""]


async def test_a_hop_that_does_not_let_us_in(login_keys: LoginKeys, tmp_path: Path) -> None:
    stranger = make_login_keys(tmp_path / "stranger", host_key=login_keys.host_key)
    async with chain(login_keys, ChannelSetup()) as (hop,):
        report = await check_one(target(free_port()), via(stranger, hop))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.AUTH_REJECTED, "via.ssh.auth")
    assert report.failure.detail.startswith(f"the jump host 127.0.0.1:{hop}: ")


async def test_a_hop_with_another_key_gets_nothing(login_keys: LoginKeys, tmp_path: Path) -> None:
    other = make_login_keys(tmp_path / "other")
    async with chain(login_keys, ChannelSetup()) as (hop,):
        report = await check_one(target(free_port()), via(other, hop))
    assert report.failure is not None
    assert report.failure.reason is Reason.HOST_KEY_UNTRUSTED
    (seen,) = net_of(report).hops
    assert (seen.host_key_known, seen.auth_method) == ("changed", "")


def some_known(login_keys: LoginKeys, port: int, folder: Path) -> Path:
    """A known_hosts file that has this hop alone."""
    known = Path(str(login_keys.options(port)["known_hosts"]))
    return known.rename(folder / "some")


@pytest.mark.field
@pytest.mark.parametrize("unknown", [0, 1])
async def test_nothing_goes_through_a_hop_with_an_unknown_key(
    login_keys: LoginKeys, tmp_path: Path, unknown: int
) -> None:
    """The first or the second of two."""
    reached: list[bytes] = []

    async def counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(b"")
        await greets(reader, writer)

    async with (
        chain(login_keys, ChannelSetup(), ChannelSetup()) as hops,
        tcp_server(counts) as port,
    ):
        known = some_known(login_keys, hops[1 - unknown], tmp_path)
        options = via(login_keys, *hops)
        refused = await check_one(target(port), changed(options, known_hosts=str(known)))
        assert reached == []
        options = changed(options, known_hosts=str(known), accept_new_host_keys=True)
        accepted = await check_one(target(port), options)
    assert refused.failure is not None
    assert refused.failure.reason is Reason.HOST_KEY_UNTRUSTED
    assert refused.failure.phase == "via.ssh.auth"
    assert f"ssh-keyscan -p {hops[unknown]} 127.0.0.1" in refused.failure.detail
    assert "--accept-new-host-keys" in refused.failure.detail
    assert refused.failure.detail.startswith(f"the jump host 127.0.0.1:{hops[unknown]}: ")
    assert net_of(refused).hops[unknown].auth_method == ""
    assert accepted.failure is None or accepted.failure.phase != "via.ssh.auth"
    seen = [(hop.host_key_known, hop.host_key_accepted) for hop in net_of(accepted).hops]
    assert seen[unknown] == ("unknown", True)
    assert seen[1 - unknown] == ("known", False)
    (said,) = net_of(accepted).accepted_host_keys
    assert said.startswith(f"127.0.0.1 port {hops[unknown]}: ssh-ed25519 SHA256:")
    assert reached


@pytest.mark.field
async def test_an_accepted_key_gets_no_password_and_a_changed_one_is_never_accepted(
    login_keys: LoginKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = tmp_path / "known"
    empty.touch()
    monkeypatch.setenv("SEVENTH_PASSWORD", "only for whom we know")
    other = make_login_keys(tmp_path / "other")
    async with chain(login_keys, ChannelSetup()) as (hop,), tcp_server(greets) as port:
        options = via(login_keys, hop, identities=(), accept_new_host_keys=True)
        unknown = await check_one(target(port), changed(options, known_hosts=str(empty)))
        changed_key = await check_one(target(port), via(other, hop, accept_new_host_keys=True))
    for report, reason in (
        (unknown, Reason.AUTH_REQUIRED), (changed_key, Reason.HOST_KEY_UNTRUSTED),
    ):  # fmt: skip
        assert report.failure is not None
        assert report.failure.reason is reason
    assert unknown.failure is not None
    assert "password not offered" in unknown.failure.detail
    (hop_seen,) = net_of(changed_key).hops
    assert (hop_seen.host_key_known, hop_seen.host_key_accepted) == ("changed", False)


async def test_a_hop_without_a_user_is_asked_for(login_keys: LoginKeys) -> None:
    report = await check_one(target(free_port()), via(login_keys, 22, user=None, identities=()))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert "ssh://USER@127.0.0.1" in report.failure.detail


async def test_the_hops_own_user_goes_first(login_keys: LoginKeys) -> None:
    async with chain(login_keys, ChannelSetup()) as (hop,), tcp_server(greets) as port:
        options = changed(via(login_keys, hop), via=f"ssh://else@127.0.0.1:{hop}")
        report = await check_one(target(port), options)
    assert net_of(report).hops[0].user == "else"


async def test_a_hop_may_be_an_alias(login_keys: LoginKeys, tmp_path: Path) -> None:
    async with chain(login_keys, ChannelSetup()) as (hop,), tcp_server(greets) as port:
        config = tmp_path / "config"
        config.write_text(
            f"Host inner-*\n HostName 127.0.0.1\n Port {hop}\n User fileuser\n"
            f" IdentityFile {login_keys.identity}\n"
        )
        options = changed(
            via(login_keys, hop), via="ssh://inner-one", ssh_config=str(config), identities=()
        )
        report = await check_one(target(port), options)
    assert report.failure is None
    (seen,) = net_of(report).hops
    assert (seen.host, seen.port, seen.user) == ("127.0.0.1", hop, "fileuser")
    assert {p.address for p in report.phases if p.name == "via.ssh.auth"} == {"inner-one"}


async def says_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)
    writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def closes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(100)


@pytest.mark.parametrize(("handler", "reason"), [
    (says_http, Reason.PROTOCOL_MISMATCH), (says_nothing, Reason.PEER_SILENT),
    (closes, Reason.PEER_CLOSED),
])  # fmt: skip
@pytest.mark.parametrize("before", [0, 1])
async def test_a_hop_that_is_something_else(
    login_keys: LoginKeys, handler: Handler, reason: Reason, before: int
) -> None:
    """Reached from here, or through a good hop: the failure names the one that is wrong."""
    async with chain(login_keys, *[ChannelSetup()] * before) as hops, tcp_server(handler) as wrong:
        options = via(login_keys, *hops, wrong, timeout_seconds=1.0)
        report = await check_one(target(free_port()), options)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (reason, "via.ssh.banner")
    assert f"127.0.0.1:{wrong}" in report.failure.detail


async def test_an_earlier_hop_that_dies_is_the_one_that_is_named(login_keys: LoginKeys) -> None:
    async with chain(
        login_keys, ChannelSetup(carries_bytes=3000), ChannelSetup(), ChannelSetup()
    ) as (*hops, port):
        report = await check_one(target(port, "ssh"), via(login_keys, *hops))
    assert report.failure is not None
    assert report.failure.reason is Reason.PEER_CLOSED
    assert f"the jump host 127.0.0.1:{hops[0]}:" in report.failure.detail
    assert str(hops[1]) not in report.failure.detail


async def test_datagrams_do_not_go_through(login_keys: LoginKeys) -> None:
    report = await check_one(target(123, "ntp"), via(login_keys, free_port()))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE


async def test_no_task_outlives_a_check(login_keys: LoginKeys) -> None:
    async with (
        chain(login_keys, ChannelSetup(), ChannelSetup()) as hops,
        tcp_server(greets) as port,
    ):
        before = asyncio.all_tasks()
        await check_one(target(port), via(login_keys, *hops))
        left = [task for task in asyncio.all_tasks() - before if "Mux." in repr(task.get_coro())]
        await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), 1)
        assert not [t for t in asyncio.all_tasks() if "Mux." in repr(t.get_coro())]
