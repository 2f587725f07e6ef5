"""``seventh local ssh`` beside a real sshd: its settings, its key files, its log, its program."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from seventh.engine.local import Wanted, look
from seventh.labkit.serve import free_port
from seventh.localkit.machine import Machine
from seventh.model.report import Finding, Report
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.local import LoginCause, SshLocalFacts
from tests.peers import need_binary
from tests.peers.journal import written
from tests.peers.keys import make_key, public
from tests.peers.local_tree import machine_tree
from tests.peers.sshd_users import USER, LoginSshd, login_sshd
from tests.peers.test_local_time import fired, shell, until
from tests.peers.test_ssh import make_privilege_separation_folder
from tests.peers.test_ssh_certificates import keygen

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(os.geteuid() != 0, reason="sshd lets other users log in as root only"),
]
LOG = "var/log/auth.log"


async def seen(
    root: Path, arguments: Mapping[str, tuple[str, ...]] = {}
) -> tuple[Report, SshLocalFacts]:
    machine = Machine(root=root, arguments=arguments)
    report = await look(Wanted(areas=("ssh",)), machine, host="here")
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.local is not None
    return report, facts.local


def one(report: Report, rule: str) -> Finding:
    (finding,) = (each for each in report.findings if each.id == rule)
    return finding


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def write_log(server: LoginSshd) -> None:
    """Write what sshd has logged as syslog does."""
    lines = (f"Mar  1 10:00:00 web1 sshd[7]: {line.strip()}\n" for line in server.log)
    write(server.folder, LOG, "".join(lines))


async def login(server: LoginSshd, user: str = USER, *options: str) -> int:
    process = await asyncio.create_subprocess_exec(
        need_binary("ssh"), "-F", "none", *options, "-p", str(server.port), "-i", str(server.key),
        "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "IdentityAgent=none",
        "-o", f"UserKnownHostsFile={server.known_hosts}", f"{user}@127.0.0.1", "true",
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return await process.wait()


def start(log: Path, *words: str) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(words, stderr=output)


def machine_of(server: LoginSshd) -> Path:
    """Make the server's folder a machine on which only it runs."""
    assert server.process is not None
    machine_tree(server.folder, {server.process.pid: {}})
    write(server.folder, "etc/passwd", f"{USER}:x:0:0::/home:/bin/sh\n")
    return server.folder


async def test_a_key_that_is_refused_for_its_modes(tmp_path: Path) -> None:
    lines = ("StrictModes yes", "AuthorizedKeysFile .ssh/authorized_keys", "X11Forwarding no")
    async with login_sshd(tmp_path, *lines) as server:
        root = machine_of(server)
        home = tmp_path / "home"
        (home / ".ssh").mkdir(mode=0o700)
        shutil.copy(tmp_path / "authorized_keys", home / ".ssh")
        home.chmod(0o777)
        assert await login(server) == 255
        assert await login(server, "nobody-of-this-name") == 255
        await server.logged("Invalid user nobody-of-this-name")
        write_log(server)
        report, local = await seen(root)
        assert fired(report)["SSH-LOGIN-REFUSED"].value == "medium"
        assert local.refused_logins is not None
        counts = {each.cause: each.count for each in local.refused_logins}
        assert counts[LoginCause.NO_SUCH_USER] == 1
        assert counts[LoginCause.KEY_MODES] >= 1
        assert "nobody-of-this-name" not in repr(report)
        numbers = {each.labels: each.value for each in report.metrics}
        assert numbers[(("cause", "no-such-user"), ("source", "local"))] == 1.0
        modes = one(report, "SSH-AUTHKEYS-PERM")
        assert modes.params["wrong"] == ("/home: mode 0777",)
        assert modes.fixes["openssh"] == ("chmod go-w /home",)
        (line, *_) = one(report, "SSH-LOGIN-REFUSED").fixes["openssh"]
        assert line.startswith(f"chmod go-w {home}   #")
        await shell(line)
        assert await login(server) == 0
        report, local = await seen(root)
        assert "SSH-AUTHKEYS-PERM" in report.passed
        assert local.users_with_keys == 1
        home.chmod(0o777)
        await shell(modes.fixes["openssh"][0].replace("/home", str(home)))
        assert home.stat().st_mode & 0o777 == 0o755


async def test_the_settings_of_the_running_sshd_are_judged(tmp_path: Path) -> None:
    weak = ("PermitEmptyPasswords yes", "PasswordAuthentication yes", "MaxStartups 1000")
    async with login_sshd(tmp_path, *weak) as server:
        report, local = await seen(machine_of(server))
        assert (local.running, local.replaced) == (True, False)
        assert local.installed.startswith("OpenSSH_")
        throttle = one(report, "SSH-THROTTLE")
        assert throttle.source[0].file == "sshd -T"
        (line,) = (each for each in throttle.fixes["openssh"] if each.startswith("MaxStartups"))
        assert "SSH-PASSWORD-ON" in fired(report)
        conf = tmp_path / "sshd_config"
        kept = [each for each in conf.read_text().splitlines() if "MaxStartups" not in each]
        conf.write_text("\n".join(("PasswordAuthentication no", *kept, line)) + "\n")
        report, _ = await seen(tmp_path)
        assert {"SSH-THROTTLE", "SSH-PASSWORD-ON"} <= {*report.passed}
        conf.write_text("Nonsense yes\n")
        report, local = await seen(tmp_path)
        (unread,) = (each for each in local.unread if each.name == "sshd -T")
        assert "exit code 255" in unread.detail
        assert "SSH-THROTTLE" not in {*report.passed, *fired(report)}


async def test_host_certificates_in_files(tmp_path: Path) -> None:
    make_key(tmp_path / "host_ca")
    key, other = make_key(tmp_path / "certified"), make_key(tmp_path / "other", "ecdsa")
    certificate = f"{key}-cert.pub"
    made = ("-s", "host_ca", "-h", "-I", "web 1", "-n", "web1,web1.lab.test")
    lines = (f"HostKey {key}", f"HostCertificate {certificate}")
    keygen(tmp_path, *made, "-V", "-52w:+2d", f"{key}.pub")
    async with login_sshd(tmp_path, *lines) as server:
        root = machine_of(server)
        # What sshd -T names is where it is on the whole machine.
        (root / str(tmp_path).lstrip("/")).parent.mkdir(parents=True)
        (root / str(tmp_path).lstrip("/")).symlink_to(tmp_path)
        report, local = await seen(root)
        assert local.certificate_files == (certificate,)
        facts = report.facts["ssh"]
        assert isinstance(facts, SshFacts)
        (read,) = facts.host_certificates
        assert (read.source, read.key_id, read.principals, read.faults) == (
            certificate, "web 1", ("web1", "web1.lab.test"), (),
        )  # fmt: skip
        finding = one(report, "SSH-HOSTCERT")
        assert (finding.severity.value, finding.params["problems"]) == ("medium", ("expiring",))
        line = finding.fixes["openssh"][1]
        assert line == (
            "ssh-keygen -s host_ca -h -I 'web 1' -n web1,web1.lab.test -V +52w " + f"{key}.pub"
        )
        keygen(tmp_path, *shlex.split(line)[1:])
        report, _ = await seen(root)
        assert "SSH-HOSTCERT" in report.passed

        keygen(tmp_path, *made, "-V", "20200101:20210101", f"{other}.pub")
        shutil.copy(f"{other}-cert.pub", certificate)
        report, _ = await seen(root)
        finding = one(report, "SSH-HOSTCERT")
        assert (finding.severity.value, finding.params["problems"]) == (
            "high", ("expired", "other-key"),
        )  # fmt: skip
        write(tmp_path, Path(certificate).name, "ssh-ed25519-cert-v01@openssh.com AAAA\n")
        report, local = await seen(root)
        (skip,) = (each for each in report.skipped if each.id == "SSH-HOSTCERT")
        (unread,) = (each for each in local.unread if each.name == certificate)
        assert skip.reason == f"{certificate}: unexpected output: {unread.detail}"


async def test_causes_that_sshd_words_itself(tmp_path: Path) -> None:
    lines = ("DenyUsers blank", "PubkeyAcceptedAlgorithms ssh-ed25519")
    async with login_sshd(tmp_path, *lines) as server:
        root = machine_of(server)
        other = make_key(tmp_path / "other", "ecdsa")
        server.authorize(public(other))
        assert await login(server, "blank") == 255
        assert await login(server, USER, "-o", "IdentitiesOnly=yes", "-i", str(other)) == 0
        await login(server, USER, "-o", "Ciphers=3des-cbc")
        await server.logged("not allowed because listed in DenyUsers")
        await server.logged("no matching cipher")
        write_log(server)
        _, local = await seen(root)
        assert local.refused_logins is not None
        found = {each.cause: each.about for each in local.refused_logins}
        assert found[LoginCause.KEY_ALGORITHM] == ("ecdsa-sha2-nistp256",)
        assert found[LoginCause.NOT_ALLOWED] == ("blank",)
        assert found[LoginCause.NO_COMMON_ALGORITHM] == ("cipher",)
        # The same from a journal, among others' entries.
        lines_of_sshd = (("sshd", line.strip()) for line in server.log)
        entries = [("cron", "Invalid user a from 192.0.2.1"), *lines_of_sshd]
        (root / LOG).unlink()
        folder = written(tmp_path / "journal", entries)
        _, again = await seen(root, {"journalctl": ("-D", str(folder))})
        assert again.log == "journalctl"
        assert again.refused_logins == local.refused_logins


async def test_a_program_that_was_replaced(tmp_path: Path) -> None:
    make_privilege_separation_folder()
    program, port = tmp_path / "sshd", free_port()
    shutil.copy(need_binary("sshd"), program)
    conf = tmp_path / "sshd_config"
    conf.write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nPidFile {tmp_path}/pid\n"
        f"HostKey {make_key(tmp_path / 'host')}\n"
    )
    log = tmp_path / "log"
    server = start(log, str(program), "-D", "-e", "-f", str(conf))
    try:
        until(lambda: "Server listening" in log.read_text(), log)
        new = tmp_path / "new"
        shutil.copy(program, new)
        new.replace(program)
        report, local = await seen(machine_tree(tmp_path / "old", {server.pid: {}}))
        assert local.replaced is True
        (line,) = one(report, "SSH-RESTART").fixes["openssh"]
        assert line.startswith(f"kill -HUP {server.pid} ")
        await shell(line)
        exe = Path(f"/proc/{server.pid}/exe")
        until(lambda: str(exe.readlink()) == str(program), log)
        until(lambda: "[listener]" in Path(f"/proc/{server.pid}/cmdline").read_text(), log)
        report, local = await seen(machine_tree(tmp_path / "new-tree", {server.pid: {}}))
        assert "SSH-RESTART" in report.passed
    finally:
        server.terminate()
        server.wait(10)
