"""The forwardings of ``--forward`` on the lab's servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import UsageError
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import RequestedForward
from seventh.protocols.ssh.host_alias import resolve_alias
from seventh.protocols.ssh.lab.keys import LoginKeys
from seventh.protocols.ssh.lab.session import honest
from seventh.protocols.ssh.prepare import prepare
from seventh.protocols.ssh.probe import session as session_probe
from tests.options import options_with
from tests.protocols.ssh.sessions import logged_in


async def tried(
    login_keys: LoginKeys, folder: Path, *forwards: str, **permissions: bool
) -> tuple[RequestedForward, ...]:
    async with (
        honest(login_keys, folder, **permissions) as port,
        logged_in(port, login_keys, allow_write=True, forward=forwards) as (ctx, session),
    ):
        await session_probe.check(ctx, session)
    return _forwards(ctx)


def _forwards(ctx: ProbeContext) -> tuple[RequestedForward, ...]:
    facts = ctx.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.unknown == {}
    assert facts.session is not None
    return facts.session.forwards


async def test_a_local_one_shows_the_first_bytes_of_its_destination(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    async def greet(_: object, writer: object) -> None:
        writer.write(b"220 here\r\n")  # type: ignore[attr-defined]

    closed = free_port()
    async with tcp_server(greet, "127.0.0.1") as port:  # type: ignore[arg-type]
        found = await tried(
            login_keys, tmp_path, f"L:127.0.0.1:{port}", f"L:1:127.0.0.1:{closed}", "D:1080"
        )
    greeted, refused, dynamic = found
    assert greeted == RequestedForward(
        text=f"L:127.0.0.1:{port}", kind="local", result="granted", received_bytes=10
    )
    assert (refused.result, refused.received_bytes) == ("unreachable", None)
    assert refused.detail == (
        f"connect failed: [Errno 111] Connect call failed ('127.0.0.1', {closed})"
    )
    assert (dynamic.kind, dynamic.result) == ("dynamic", "granted")
    assert dynamic.received_bytes is not None
    assert dynamic.received_bytes >= len("SSH-2.0-")


async def test_a_remote_one_carries_bytes_both_ways_and_is_cancelled(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    port = free_port()
    (loopback,) = await tried(login_keys, tmp_path, f"R:{port}:localhost:22")
    assert loopback == RequestedForward(
        text=f"R:{port}:localhost:22", kind="remote", result="granted", listens="loopback",
        port=port, received_bytes=16, cancelled=True,
    )  # fmt: skip


async def test_one_for_other_hosts_is_used_from_outside(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    (everywhere,) = await tried(
        login_keys, tmp_path, "R:0.0.0.0:0:localhost:22", everywhere=True, local=False
    )
    assert (everywhere.result, everywhere.listens) == ("granted", "open")
    assert (everywhere.received_bytes, everywhere.cancelled) == (16, True)


async def test_without_a_way_to_its_port_a_granted_one_stays_unsettled(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    (found,) = await tried(login_keys, tmp_path, "R:0:localhost:22", local=False)
    assert (found.result, found.listens, found.cancelled) == ("unsettled", "loopback", True)


async def test_a_refused_one_and_a_port_that_is_in_use(
    login_keys: LoginKeys, tmp_path: Path
) -> None:
    async def nothing(_: object, __: object) -> None:
        """Keep the port."""

    async with tcp_server(nothing, "127.0.0.1") as taken:  # type: ignore[arg-type]
        refused, used = await tried(
            login_keys, tmp_path, "R:0.0.0.0:2222:localhost:22", f"R:127.0.0.1:{taken}:h:1"
        )
    assert (refused.result, refused.cancelled) == ("refused", None)
    assert (used.result, used.cancelled) == ("port", True)


@pytest.mark.parametrize("text", ["L:x", "R:1:h:0", "config "])
def test_a_wrong_one_is_an_error_before_any_connection(text: str) -> None:
    with pytest.raises(UsageError, match="--forward "):
        prepare(options_with(forward=(text,)))
    prepare(options_with(forward=("config", "D:1080")))


def test_those_of_the_host_s_ssh_config(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        "Host a\n LocalForward *:8080 db:80\n LocalForward /tmp/s db:1\n RemoteForward 9 h:1\n"
        " RemoteForward 1081\n DynamicForward [::1]:1080\n"
    )
    options = options_with(forward=("L:b:1", "config"), ssh_config=str(file))
    target = Target(scheme="ssh", host="a", port=22)
    _, made = resolve_alias(target, options)
    (own,) = (room for room in made.rooms if hasattr(room, "forward"))
    assert own.forward == ("L:b:1", "L:*:8080:db:80", "R:9:h:1", "R:1081", "D:[::1]:1080")
    for name in ("b", "none"):
        where = {"ssh_config": str(file) if name == "b" else "none"}
        with pytest.raises(UsageError, match="no forwarding of TCP"):
            resolve_alias(
                Target(scheme="ssh", host=name, port=22), options_with(forward=("config",), **where)
            )
