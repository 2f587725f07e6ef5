"""What a login may do on OpenSSH: commands, SFTP, forwarding, jump hosts; ssh(1) is the oracle."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit, free_port
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.failure import Reason
from seventh.model.netfacts import NetFacts
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import SessionFacts
from tests.options import changed, options_with
from tests.peers import account_home, need_binary
from tests.peers.keys import make_key
from tests.peers.test_ssh import Sshd, sshd
from tests.reports import found

pytestmark = pytest.mark.peer

USER = getpass.getuser()
INTERNAL = "Subsystem sftp internal-sftp"


class Host:
    """A running sshd that lets this user in with a key of its own."""

    def __init__(self, server: Sshd, identity: Path, known: Path) -> None:
        self.port = server.port
        self.target = server.target
        self.identity = identity
        self.known = known

    @property
    def options(self) -> Options:
        return options_with(
            timeout_seconds=15, user=USER, identities=(str(self.identity),), agent=False,
            known_hosts=str(self.known), ssh_config="none",
        )  # fmt: skip

    def ssh(self, *words: str) -> list[str]:
        """ssh(1) with the same key and the same known hosts."""
        return [
            need_binary("ssh"), "-F", "none", "-i", str(self.identity), "-o", "BatchMode=yes",
            "-o", f"UserKnownHostsFile={self.known}", "-o", "StrictHostKeyChecking=yes",
            "-p", str(self.port), *words, f"{USER}@127.0.0.1",
        ]  # fmt: skip


def make_identity(folder: Path) -> Path:
    """A key to log in with."""
    folder.mkdir(exist_ok=True)
    return make_key(folder / "id_user")


def put(file: Path, text: str) -> None:
    """Add text to a file, whose folder is made where it is missing."""
    file.parent.mkdir(exist_ok=True)
    with file.open("a") as opened:
        opened.write(text)


@contextlib.asynccontextmanager
async def host(
    folder: Path, *lines: str, beside: Host | None = None, environment: str = ""
) -> AsyncIterator[Host]:
    """sshd with these lines; ``beside`` lends its keys' folder to a second one.

    Its shells have an empty home: what this account's own start-up files do is none of the tests'
    business, and can take a minute.
    """
    identity = beside.identity if beside is not None else make_identity(folder)
    keys = folder / "authorized_keys"
    put(keys, identity.with_suffix(".pub").read_text())
    config = (
        f"AuthorizedKeysFile {keys}", "PermitRootLogin yes", "StrictModes no",
        "PasswordAuthentication no", "KbdInteractiveAuthentication no", "DebianBanner no",
        "AcceptEnv none", f"SetEnv HOME={folder / 'home'} {environment}", *lines,
    )  # fmt: skip
    known = beside.known if beside is not None else folder / "known_hosts"
    async with sshd(folder, "\n" + "\n".join(config) + "\n", "ed25519") as server:
        kind, blob = server.keys[0].with_suffix(".pub").read_text().split()[:2]
        put(known, f"[127.0.0.1]:{server.port} {kind} {blob}\n")
        yield Host(server, identity, known)


def session_of(report: Report) -> SessionFacts:
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.session is not None, (report.failure, facts.unknown)
    return facts.session


async def ended(*command: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(20):
        out, err = await process.communicate()
    return process.returncode or 0, out + err


# -- commands and SFTP -----------------------------------------------------------------------------


async def test_everything_that_a_plain_account_may_do(tmp_path: Path) -> None:
    async with host(tmp_path, INTERNAL) as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
        code, _ = await ended(*server.ssh(), "true")
    assert code == 0
    assert report.failure is None
    session = session_of(report)
    assert (session.exec_granted, session.exec_status, session.exec_output_bytes) == (True, 0, 0)
    assert (session.pty_granted, session.shell_granted) == (True, True)
    assert (session.sftp, session.sftp_version) == ("works", 3)
    assert "posix-rename@openssh.com" in session.sftp_extensions
    assert session.sftp_home == str(account_home())
    assert (session.read_from, session.read_bytes) == ("SFTP /dev/zero", 1024 * 1024)
    assert session.write_bytes == 512 * 1024
    assert not list(account_home().glob(".seventh-*")), "the temporary file is gone"
    assert session.peer_channels == {}
    assert session.mux_saves_seconds is not None
    assert session.second_channel_seconds is not None
    assert session.fresh_seconds is not None
    # A key exchange and a login cost more than a channel on a connection that stands.
    assert session.second_channel_seconds < session.fresh_seconds
    assert not found(report) & {"SSH-SFTP-OFF", "SSH-FWD-OPEN"}
    assert {"SSH-SFTP-OFF", "SSH-FWD-OPEN"} <= set(report.passed)


async def test_without_a_word_nothing_is_written(tmp_path: Path) -> None:
    async with host(tmp_path, INTERNAL) as server:
        report = await check_one(server.target, server.options)
    session = session_of(report)
    assert session.sftp == "works"
    assert session.write_bytes is None
    assert session.local_forward is None
    assert session.remote_forward_all is None
    assert "SSH-FWD-OPEN" in {skip.id for skip in report.skipped}


async def test_sftp_off(tmp_path: Path) -> None:
    async with host(tmp_path) as server:
        report = await check_one(server.target, server.options)
        code, said = await ended(
            need_binary("sftp"), "-F", "none", "-i", str(server.identity), "-o", "BatchMode=yes",
            "-o", f"UserKnownHostsFile={server.known}", "-P", str(server.port), f"{USER}@127.0.0.1",
        )  # fmt: skip
    assert code != 0
    assert b"subsystem request failed" in said
    assert session_of(report).sftp == "refused"
    assert "SSH-SFTP-OFF" in found(report)
    # The throughput is then that of a command.
    assert session_of(report).read_bytes == 1024 * 1024
    assert (session_of(report).read_from or "").startswith("exec head")


async def test_a_subsystem_without_a_program(tmp_path: Path) -> None:
    async with host(tmp_path, "Subsystem sftp /does/not/exist") as server:
        report = await check_one(server.target, server.options)
    assert session_of(report).sftp == "broken"
    assert "SSH-SFTP-OFF" in found(report)
    assert report.failure is None


async def test_sftp_only_by_a_forced_command(tmp_path: Path) -> None:
    lines = (INTERNAL, "ForceCommand internal-sftp", "PermitTTY no", "AllowTcpForwarding no")
    async with host(tmp_path, *lines) as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
    session = session_of(report)
    assert report.failure is None
    assert session.pty_granted is False
    assert session.sftp == "works"
    words = b"This service allows sftp connections only.\n"
    assert (session.exec_status, session.exec_output_bytes) == (1, len(words))
    assert (session.local_forward, session.dynamic_forward) == ("forbidden", "forbidden")
    assert (session.remote_forward, session.remote_forward_all) == ("refused", "refused")
    assert "SSH-FWD-OPEN" in report.passed


async def test_a_forced_command_is_found_by_its_output(tmp_path: Path) -> None:
    async with host(tmp_path, INTERNAL, "ForceCommand echo only this; exit 3") as server:
        report = await check_one(server.target, server.options)
    session = session_of(report)
    assert (session.exec_status, session.exec_output_bytes) == (3, len("only this\n"))
    assert session.sftp == "broken"
    assert report.failure is None or report.failure.reason is Reason.PROTOCOL_VIOLATION


# -- forwarding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lines", "loopback", "everywhere"), [
    pytest.param((), "loopback", "loopback", id="default"),
    pytest.param(("GatewayPorts yes",), "open", "open", id="GatewayPorts yes"),
    pytest.param(("GatewayPorts clientspecified",), "loopback", "open", id="clientspecified"),
    pytest.param(("AllowTcpForwarding no",), "refused", "refused", id="AllowTcpForwarding no"),
    pytest.param(("AllowTcpForwarding local",), "refused", "refused", id="local only"),
    pytest.param(("GatewayPorts clientspecified", "PermitListen localhost:*"),
                 "loopback", "refused", id="PermitListen"),
])  # fmt: skip
async def test_where_a_remote_forwarding_listens(
    tmp_path: Path, lines: tuple[str, ...], loopback: str, everywhere: str
) -> None:
    async with host(tmp_path, INTERNAL, *lines) as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
        code, _ = await ended(
            *server.ssh("-o", "ExitOnForwardFailure=yes", "-R", "0.0.0.0:0:127.0.0.1:9"), "true"
        )
    session = session_of(report)
    assert (session.remote_forward, session.remote_forward_all) == (loopback, everywhere)
    # ssh(1) says no more than whether it was granted.
    assert (code == 0) is (everywhere != "refused")
    assert session.forward_cancelled is (None if everywhere == loopback == "refused" else True)
    assert ("SSH-FWD-OPEN" in found(report)) is ("open" in {loopback, everywhere})


@pytest.mark.parametrize(("line", "local", "dynamic"), [
    ("AllowTcpForwarding yes", "allowed", "allowed"),
    ("AllowTcpForwarding remote", "forbidden", "forbidden"),
    ("PermitOpen localhost:*", "allowed", "forbidden"),
])  # fmt: skip
async def test_which_places_may_be_reached(
    tmp_path: Path, line: str, local: str, dynamic: str
) -> None:
    async with host(tmp_path, INTERNAL, line) as server:
        report = await check_one(server.target, server.options.replace(allow_write=True))
        code, _ = await ended(*server.ssh("-W", f"localhost:{server.port}"))
    session = session_of(report)
    assert (session.local_forward, session.dynamic_forward) == (local, dynamic)
    assert (code == 0) is (local == "allowed")


# -- jump hosts ------------------------------------------------------------------------------------


def hops_of(report: Report) -> NetFacts:
    facts = report.facts["net"]
    assert isinstance(facts, NetFacts)
    return facts


async def test_tls_through_two_jump_hosts(tmp_path: Path, kit: Kit) -> None:
    async with (
        host(tmp_path / "one") as one,
        host(tmp_path / "two", beside=one) as two,
        tls_server(server_context(kit.authority.issue("127.0.0.1"))) as port,
    ):
        via = f"ssh://127.0.0.1:{one.port},ssh://127.0.0.1:{two.port}"
        options = changed(one.options, via=via, ca_file=str(kit.authority.ca_file))
        target = Target(scheme="tls", host="127.0.0.1", port=port)
        report = await check_one(target, options)
        straight = await check_one(target, changed(options, via=None))
    assert report.failure is None
    assert found(report) == found(straight)
    net = hops_of(report)
    assert [(hop.port, hop.host_key_known, hop.auth_method) for hop in net.hops] == [
        (one.port, "known", "publickey"), (two.port, "known", "publickey"),
    ]  # fmt: skip
    assert {attempt.transport for attempt in net.attempts} == {"via"}
    names = [(phase.name, phase.address) for phase in report.phases if phase.name.startswith("via")]
    steps = ("via.connect", "via.ssh.banner", "via.ssh.kex", "via.ssh.auth")
    assert names == [
        (step, f"127.0.0.1:{hop.port}") for hop in (one, two) for step in steps
    ]  # fmt: skip


async def test_ssh_through_two_jump_hosts_as_ssh_j_does(tmp_path: Path) -> None:
    async with (
        host(tmp_path / "one") as one,
        host(tmp_path / "two", beside=one) as two,
        host(tmp_path / "three", INTERNAL, beside=one) as three,
    ):
        via = f"ssh://127.0.0.1:{one.port},ssh://127.0.0.1:{two.port}"
        report = await check_one(three.target, changed(three.options, via=via))
        # ssh -J takes no -i for its hops, but an ssh_config.
        config = tmp_path / "config"
        config.write_text(
            f"Host *\nIdentityFile {one.identity}\nUserKnownHostsFile {one.known}\nBatchMode yes\n"
        )
        jumps = f"{USER}@127.0.0.1:{one.port},{USER}@127.0.0.1:{two.port}"
        code, said = await ended(
            need_binary("ssh"), "-F", str(config), "-J", jumps, "-p", str(three.port),
            f"{USER}@127.0.0.1", "true",
        )  # fmt: skip
    assert code == 0, said
    assert report.failure is None
    session = session_of(report)
    assert (session.exec_status, session.sftp) == (0, "works")
    assert session.read_bytes == 1024 * 1024


async def test_a_jump_host_that_forbids_it(tmp_path: Path) -> None:
    async with host(tmp_path, "AllowTcpForwarding no") as bastion:
        port = free_port()
        target = Target(scheme="tcp", host="127.0.0.1", port=port)
        options = changed(bastion.options, via=f"ssh://127.0.0.1:{bastion.port}")
        report = await check_one(target, options)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.CONNECT_FORBIDDEN, "connect")
    assert "administratively prohibited" in report.failure.detail
    assert f"jump host 127.0.0.1:{bastion.port}" in report.failure.detail
    assert hops_of(report).hops[0].auth_method == "publickey"


async def test_a_closed_port_behind_a_jump_host(tmp_path: Path) -> None:
    async with host(tmp_path) as bastion:
        target = Target(scheme="tcp", host="127.0.0.1", port=free_port())
        options = changed(bastion.options, via=f"ssh://127.0.0.1:{bastion.port}")
        report = await check_one(target, options)
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.CONNECT_REFUSED, "connect")
    (attempt,) = hops_of(report).attempts
    assert (attempt.outcome, attempt.transport) == ("refused", "via")


async def test_a_jump_host_whose_key_has_changed(tmp_path: Path) -> None:
    async with host(tmp_path / "one") as one, host(tmp_path / "two") as two:
        # Two's known_hosts says of one's port that its key is two's.
        blob = two.known.read_text().split(" ", 1)[1]
        two.known.write_text(f"[127.0.0.1]:{one.port} {blob}")
        options = changed(
            one.options, via=f"ssh://127.0.0.1:{one.port}", known_hosts=str(two.known)
        )
        report = await check_one(two.target, options)
    assert report.failure is not None
    assert report.failure.reason is Reason.HOST_KEY_UNTRUSTED
    (hop,) = hops_of(report).hops
    assert (hop.host_key_known, hop.auth_method) == ("changed", "")
