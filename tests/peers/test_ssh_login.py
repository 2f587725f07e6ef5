"""Logging in to OpenSSH, with ssh -vvv and OpenSSH's own tools as oracles."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.engine.check import check_one
from seventh.model.failure import Blame, Reason
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.model.target import Target
from seventh.protocols.ssh.client.known_hosts import read_known_hosts
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.login import Login
from tests.options import changed
from tests.peers import need_binary
from tests.peers.keys import certify, make_key, public
from tests.peers.sshd_users import PASSWORD, USER, LoginSshd, login_sshd

pytestmark = pytest.mark.peer


@pytest.fixture(autouse=True)
def _no_agent_of_mine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.delenv("SEVENTH_PASSWORD", raising=False)


async def check(server: LoginSshd, options: Options | None = None) -> Report:
    return await check_one(server.target, options or server.options())


def login_of(report: Report) -> Login:
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.login is not None
    return facts.login


def found(report: Report) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in report.findings}


def password_file(folder: Path, password: str = PASSWORD) -> str:
    file = folder / "password"
    file.write_text(f"{password}\n")
    return str(file)


# -- keys ------------------------------------------------------------------------------------------


async def test_a_key_logs_in_and_the_session_changes_its_keys(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "DebianBanner no") as server:
        report = await check(server)
        log = "".join(server.log)
    assert report.failure is None, report.failure
    login = login_of(report)
    assert (login.outcome, login.method, login.rekeys) == ("granted", "publickey", 1)
    assert login.methods == ("publickey",)
    assert login.rekey_seconds is not None
    for rule in ("SSH-PASSWORD-ON", "SSH-PUBKEY-OFF", "SSH-NOAUTH", "SSH-REKEY-FAIL",
                 "SSH-AUTH-SLOW", "SSH-HOSTKEY-CHANGED", "SSH-ROOT-PASSWORD"):  # fmt: skip
        assert rule in report.passed
    assert f"Accepted publickey for {USER}" in log
    assert "Failed" not in log, "nothing is counted against us"


@pytest.mark.parametrize(
    ("kind", "pem"), [("rsa-2048", False), ("ecdsa-384", False), ("rsa-2048", True)]
)
async def test_other_keys_log_in_too(tmp_path: Path, kind: str, pem: bool) -> None:
    async with login_sshd(tmp_path) as server:
        key = make_key(tmp_path / "other", kind, pem=pem)
        server.authorize(public(key))
        report = await check(server, server.options(identities=(str(key),)))
    login = login_of(report)
    assert login.outcome == "granted"
    if kind.startswith("rsa"):
        assert login.steps[-1].algorithm == "rsa-sha2-512"


async def test_an_encrypted_key_logs_in_with_its_passphrase(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "PasswordAuthentication yes") as server:
        key = make_key(tmp_path / "locked", passphrase="open sesame")
        server.authorize(public(key))
        options = server.options(identities=(str(key),))
        opened = await check(
            server, options.replace(password_file=password_file(tmp_path, "open sesame"))
        )
        wrong = await check(server, options.replace(password_file=password_file(tmp_path, "no")))
        without = await check(server, options.replace(password_file=None))
        log = "".join(server.log)
    assert login_of(opened).outcome == "granted"
    for report in (wrong, without):
        assert report.failure is not None
        assert report.failure.reason is Reason.OPTIONS_UNUSABLE
        assert "encrypted" in report.failure.detail
    assert "Failed password" not in log, "a passphrase is no password"


async def test_a_certificate_logs_in(tmp_path: Path) -> None:
    authority = make_key(tmp_path / "ca")
    async with login_sshd(tmp_path, f"TrustedUserCAKeys {authority}.pub") as server:
        key = make_key(tmp_path / "certified")
        certify(key, authority, USER)
        report = await check(server, server.options(identities=(str(key),)))
    login = login_of(report)
    assert login.outcome == "granted"
    assert login.steps[-1].algorithm == "ssh-ed25519-cert-v01@openssh.com"


@contextlib.asynccontextmanager
async def ssh_agent(folder: Path) -> AsyncIterator[dict[str, str]]:
    """A real agent; gives the environment that names it."""
    path = folder / "agent.sock"
    process = await asyncio.create_subprocess_exec(
        need_binary("ssh-agent"), "-D", "-a", str(path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(10):
            assert b"SSH_AUTH_SOCK" in await process.stdout.readline()
        yield {"SSH_AUTH_SOCK": str(path)}
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize("kind", ["ed25519", "rsa-2048"])
async def test_an_agent_logs_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    async with login_sshd(tmp_path) as server, ssh_agent(tmp_path) as environment:
        key = make_key(tmp_path / "held", kind)
        server.authorize(public(key))
        await run(need_binary("ssh-add"), "-q", str(key), env={**os.environ, **environment})
        monkeypatch.setenv("SSH_AUTH_SOCK", environment["SSH_AUTH_SOCK"])
        granted = await check(server, server.options(identities=(), agent=True))
        denied = await check(server, server.options(identities=(), agent=False))
    assert login_of(granted).outcome == "granted"
    assert "agent:" in login_of(granted).steps[-1].key
    assert login_of(denied).outcome == "untried"


async def run(*command: str, env: dict[str, str] | None = None) -> str:
    """A program's output and errors together, whatever its exit code."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(20):
        out, _ = await process.communicate()
    return out.decode(errors="replace")


async def test_methods_still_required_after_a_refused_key(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "PasswordAuthentication yes") as server:
        stranger = make_key(tmp_path / "stranger")
        report = await check(server, server.options(identities=(str(stranger),)))
    assert report.failure is not None
    assert (report.failure.reason, report.failure.phase) == (Reason.AUTH_REJECTED, "ssh.auth")
    assert "still required: publickey, password" in report.failure.detail
    assert login_of(report).outcome == "rejected"
    assert login_of(report).still_wanted == ("publickey", "password")


GSSAPI = "\n".join(
    ["GSSAPIAuthentication yes", "PubkeyAuthentication no", "PasswordAuthentication no"]
)


async def test_a_server_with_gssapi_alone(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, GSSAPI) as server:
        with_key = await check(server)
        without = await check(server, server.options(identities=(), agent=False))
        hop = f"ssh://{USER}@127.0.0.1:{server.target.port}"
        behind = Target(scheme="tcp", host="127.0.0.1", port=server.target.port)
        through = await check_one(behind, changed(server.options(), via=hop))
    methods = login_of(with_key).methods
    # Debian's OpenSSH has gssapi-keyex, too.
    assert methods in (("gssapi-keyex", "gssapi-with-mic"), ("gssapi-with-mic",))
    only = (
        f"the server accepts only {', '.join(methods)} (Kerberos), which Seventh does not support"
    )
    assert with_key.failure is not None
    assert with_key.failure.reason is Reason.AUTH_REQUIRED
    assert (with_key.failure.blame, with_key.failure.detail) == (Blame.SEVENTH, only)
    assert with_key.status == "unknown"
    facts = without.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert without.failure is None
    assert facts.unknown[Topic.LOGIN] == only
    assert through.failure is not None
    assert through.failure.blame is Blame.SEVENTH
    port = server.target.port
    assert through.failure.detail == (
        f"the jump host 127.0.0.1:{port}: {only}; run kinit and ssh -N -D 1080 -p {port} "
        f"{USER}@127.0.0.1, then add --proxy socks5h://127.0.0.1:1080 instead of --via"
    )


async def test_gssapi_beside_another_method_is_no_obstacle(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "GSSAPIAuthentication yes") as server:
        report = await check(server)
    assert {"publickey", "gssapi-with-mic"} <= {*(login_of(report).methods or ())}
    assert login_of(report).outcome == "granted"


async def test_too_many_failures_are_a_rejection(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "MaxAuthTries 2") as server:
        strangers = tuple(str(make_key(tmp_path / f"k{n}")) for n in range(4))
        report = await check(server, server.options(identities=strangers))
    assert report.failure is not None
    assert report.failure.reason is Reason.AUTH_REJECTED
    assert "Too many authentication failures" in report.failure.detail


# -- passwords -------------------------------------------------------------------------------------


async def test_a_password_logs_in(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "PasswordAuthentication yes") as server:
        options = server.options(identities=(), password_file=password_file(tmp_path))
        report = await check(server, options)
        wrong = await check(
            server, options.replace(password_file=password_file(tmp_path, "incorrect horse"))
        )
    assert login_of(report).method == "password"
    assert found(report)["SSH-PASSWORD-ON"] is Severity.HIGH
    assert wrong.failure is not None
    assert wrong.failure.reason is Reason.AUTH_REJECTED
    assert "incorrect horse" not in str(wrong)


async def test_keyboard_interactive_logs_in(tmp_path: Path) -> None:
    lines = ("UsePAM yes", "KbdInteractiveAuthentication yes")
    async with login_sshd(tmp_path, *lines) as server:
        options = server.options(identities=(), password_file=password_file(tmp_path))
        report = await check(server, options)
    login = login_of(report)
    assert login.methods == ("publickey", "keyboard-interactive")
    assert (login.outcome, login.method) == ("granted", "keyboard-interactive"), report.failure


async def test_a_key_and_a_password_together(tmp_path: Path) -> None:
    lines = ("PasswordAuthentication yes", "AuthenticationMethods publickey,password")
    async with login_sshd(tmp_path, *lines) as server:
        both = server.options(password_file=password_file(tmp_path))
        report = await check(server, both)
        alone = await check(server)
    login = login_of(report)
    assert (login.outcome, login.method, login.partial) == ("granted", "publickey+password", True)
    assert login.methods == ("publickey",)
    assert "SSH-PASSWORD-ON" in report.passed, "no password can be tried without the key"
    assert alone.failure is not None
    assert "partial success: publickey" in alone.failure.detail
    assert "still required: password" in alone.failure.detail


async def test_an_empty_password_lets_anybody_in(tmp_path: Path) -> None:
    lines = ("PasswordAuthentication yes", "PermitEmptyPasswords yes")
    async with login_sshd(tmp_path, *lines) as server:
        report = await check(server, server.options(user="blank", identities=()))
    assert found(report)["SSH-NOAUTH"] is Severity.CRITICAL
    assert login_of(report).none_accepted == ("blank",)


# -- root ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permit", ["yes", "prohibit-password", "no"])
async def test_what_openssh_lists_for_root_does_not_depend_on_permitrootlogin(
    tmp_path: Path, permit: str
) -> None:
    lines = ("PasswordAuthentication yes", f"PermitRootLogin {permit}")
    async with login_sshd(tmp_path, *lines) as server:
        report = await check(server, server.options(user=USER))
        listed = methods_in(await ssh(server, "true", user="root"))
    assert login_of(report).root_methods == listed[0] == ("publickey", "password")
    (skip,) = [skip for skip in report.skipped if skip.id == "SSH-ROOT-PASSWORD"]
    assert "PermitRootLogin" in skip.reason


async def test_a_match_block_for_root_shows(tmp_path: Path) -> None:
    lines = ("PasswordAuthentication yes", "Match User root\n  PasswordAuthentication no")
    async with login_sshd(tmp_path, *lines) as server:
        report = await check(server)
    assert login_of(report).root_methods == ("publickey",)
    assert "SSH-ROOT-PASSWORD" in report.passed
    assert "SSH-PASSWORD-ON" in found(report)


async def test_no_keys_at_all(tmp_path: Path) -> None:
    lines = ("PasswordAuthentication yes", "PubkeyAuthentication no")
    async with login_sshd(tmp_path, *lines) as server:
        report = await check(server)
    assert found(report)["SSH-PUBKEY-OFF"] is Severity.MEDIUM


# -- host keys -------------------------------------------------------------------------------------


async def test_a_changed_host_key_gets_no_credential(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "PasswordAuthentication yes") as server:
        other = make_key(tmp_path / "before")
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(other)}")
        options = server.options(password_file=password_file(tmp_path))
        report = await check(server, options)
        log = "".join(server.log)
        said = await ssh(server, "true")
    assert found(report)["SSH-HOSTKEY-CHANGED"] is Severity.CRITICAL
    assert report.failure is not None
    assert report.failure.reason is Reason.HOST_KEY_UNTRUSTED
    assert USER not in log, "not even the name was told"
    assert "HOST IDENTIFICATION HAS CHANGED" in said


async def test_a_hashed_entry_by_ssh_keygen_is_found(tmp_path: Path) -> None:
    async with login_sshd(tmp_path) as server:
        await run(need_binary("ssh-keygen"), "-H", "-f", str(server.known_hosts))
        assert server.known_hosts.read_text().startswith("|1|")
        report = await check(server)
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert [trust.status for trust in facts.trust] == ["known"]


async def test_a_host_certificate_is_believed(tmp_path: Path) -> None:
    authority = make_key(tmp_path / "ca")
    certificate = tmp_path / "host-cert.pub"
    async with login_sshd(tmp_path, f"HostCertificate {certificate}") as server:
        # The daemon reads its certificate when it starts, so it is told again.
        certify(tmp_path / "host", authority, "127.0.0.1", kind="host")
        server.known_hosts.write_text(f"@cert-authority * {public(authority)}")
        await server.reload()
        report = await check(server)
        known = read_known_hosts(str(server.known_hosts))
    assert known.lines[0].marker == "cert-authority"
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    (trust,) = [trust for trust in facts.trust if trust.status == "known"]
    assert "authority" in trust.detail
    assert login_of(report).outcome == "granted"


# -- why it is slow --------------------------------------------------------------------------------


@pytest.mark.parametrize("use_dns", ["yes", "no"])
async def test_a_resolver_that_does_not_answer_makes_none_slow(
    tmp_path: Path, use_dns: str
) -> None:
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with silent:
        try:
            silent.bind(("127.0.0.253", 53))
        except OSError as error:
            pytest.skip(f"port 53 of 127.0.0.253 not available: {error}")
        etc = {
            "resolv.conf": "nameserver 127.0.0.253\noptions timeout:2 attempts:1\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n",
            "hosts": "\n",
        }
        async with login_sshd(tmp_path, f"UseDNS {use_dns}", etc=etc) as server:
            report = await check(server, server.options(timeout_seconds=20))
    login = login_of(report)
    assert login.outcome == "granted"
    assert login.none_seconds is not None
    if use_dns == "no":
        assert "SSH-AUTH-SLOW" in report.passed
        return
    assert login.none_seconds > 1.5
    assert found(report)["SSH-AUTH-SLOW"] is Severity.MEDIUM
    # The greeting and the key itself are not what is slow, and the report says so.
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.banner_seconds is not None
    assert facts.banner_seconds < 1
    assert login.auth_seconds is not None
    assert login.auth_seconds < 1


# -- sessions --------------------------------------------------------------------------------------


async def test_a_server_that_rekeys_by_itself_is_followed(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "RekeyLimit 64K") as server:
        report = await check(server)
    assert report.failure is None, report.failure
    login = login_of(report)
    assert login.peer_rekeys is not None
    assert login.peer_rekeys >= 3, "a megabyte was read in the session"
    assert login.rekey_seconds is not None


async def test_keepalives_are_those_of_clientaliveinterval(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "ClientAliveInterval 1") as server:
        report = await check(server, server.options(intrusive=True, hold_seconds=4.5))
    login = login_of(report)
    assert login.keepalives is not None
    assert login.keepalives >= 2
    # OpenSSH counts whole seconds: an interval of 1 is one to two.
    assert login.keepalive_seconds is not None
    assert 0.9 < login.keepalive_seconds < 2.2
    assert "SSH-NO-KEEPALIVE" in report.passed


async def test_no_keepalives_without_it(tmp_path: Path) -> None:
    async with login_sshd(tmp_path) as server:
        report = await check(server, server.options(intrusive=True, hold_seconds=1.2))
    assert found(report)["SSH-NO-KEEPALIVE"] is Severity.INFO


async def test_a_banner_is_kept(tmp_path: Path) -> None:
    text = tmp_path / "motd"
    text.write_text("Authorised use only.\n")
    async with login_sshd(tmp_path, f"Banner {text}") as server:
        assert login_of(await check(server)).banner == "Authorised use only.\\x0a"


async def test_no_secret_is_in_the_transcript(tmp_path: Path) -> None:
    async with login_sshd(tmp_path, "PasswordAuthentication yes") as server:
        options = server.options(identities=(), password_file=password_file(tmp_path))
        report = await check(server, options.replace(transcript=True))
    assert login_of(report).outcome == "granted"
    shown = "\n".join(report.transcript).replace(" ", "")
    assert report.transcript
    assert PASSWORD.encode().hex() not in shown
    assert PASSWORD.replace(" ", "") not in shown


# -- ssh -vvv as oracle ----------------------------------------------------------------------------


async def ssh(server: LoginSshd, *command: str, user: str = USER) -> str:
    """What ssh says of a login with the same key."""
    return await run(
        need_binary("ssh"), "-vvv", "-F", "none", "-i", str(server.key), "-p", str(server.port),
        "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", "GlobalKnownHostsFile=none",
        "-o", f"UserKnownHostsFile={server.known_hosts}", "-o", "IdentityAgent=none",
        f"{user}@127.0.0.1", *command,
    )  # fmt: skip


def methods_in(said: str) -> list[tuple[str, ...]]:
    return [
        tuple(names.strip().split(","))
        for names in re.findall(r"Authentications that can continue: (\S+)", said)
    ]


EVENTS = {
    "ssh.banner": "Remote protocol version", "ssh.kexinit": "SSH2_MSG_KEXINIT received",
    "ssh.kex": "SSH2_MSG_NEWKEYS received", "ssh.service": "SSH2_MSG_SERVICE_ACCEPT received",
    "ssh.auth_none": "Authentications that can continue", "ssh.auth": "Authenticated to",
}  # fmt: skip


@pytest.mark.parametrize("lines", [
    (), ("PasswordAuthentication yes",), ("AuthenticationMethods publickey",),
    ("PasswordAuthentication yes", "KbdInteractiveAuthentication yes", "UsePAM yes"),
])  # fmt: skip
async def test_order_and_methods_are_those_of_ssh(tmp_path: Path, lines: tuple[str, ...]) -> None:
    async with login_sshd(tmp_path, *lines) as server:
        report = await check(server)
        said = await ssh(server, "true")
    assert login_of(report).methods == methods_in(said)[0]
    places = {phase: said.find(text) for phase, text in EVENTS.items()}
    assert -1 not in places.values(), places
    ours = [phase.name for phase in report.phases if phase.name in EVENTS]
    assert ours == sorted(EVENTS, key=lambda name: places[name])
    tried = [step.outcome for step in login_of(report).steps if step.method == "publickey"]
    # ssh asks whether the key would do, then signs, as we do.
    assert tried == ["wanted", "granted"]
    assert said.find("Server accepts key") < places["ssh.auth"]


async def test_ssh_and_we_pick_the_same_host_key(tmp_path: Path) -> None:
    ecdsa = make_key(tmp_path / "second", "ecdsa")
    async with login_sshd(tmp_path, f"HostKey {ecdsa}") as server:
        server.known_hosts.write_text(f"[127.0.0.1]:{server.port} {public(ecdsa)}")
        report = await check(server)
        said = await ssh(server, "true")
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    (trust,) = [trust for trust in facts.trust if trust.status == "known"]
    picked = re.search(r"Server host key: (\S+ \S+)", said)
    assert picked is not None
    assert trust.key == picked[1]


def test_nothing_of_asyncssh_is_loaded_to_log_in() -> None:
    code = (
        "import sys, seventh.protocols.ssh.probe.login; "
        "print([m for m in sys.modules if m.partition('.')[0] == 'asyncssh'])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
