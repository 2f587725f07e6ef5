"""OpenSSH's certificates: sshd presents what ssh-keygen signed, and rejects what has expired."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.engine.check import check_one
from seventh.protocols.ssh.facts import SshFacts
from tests.options import options_with
from tests.peers import need_binary
from tests.peers.keys import make_key
from tests.peers.test_ssh_login import USER, check, login_of, login_sshd
from tests.peers.test_ssh_servers import sshd

pytestmark = pytest.mark.peer
RULES = {rule.id: rule for rule in protocols.rules("ssh")}
ID = ("-I", "lab")


def keygen(folder: Path, *words: str) -> None:
    """Run ssh-keygen."""
    done = subprocess.run(
        [need_binary("ssh-keygen"), "-q", *words], cwd=folder, check=False, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def findings(report: Any, name: str) -> list[tuple[str, dict[str, Any]]]:
    return [(f.severity.value, dict(f.params)) for f in report.findings if f.id == name]


@pytest.mark.parametrize(
    ("how", "problems", "severity"),
    [
        (("-n", "127.0.0.1"), (), ""),
        (("-n", "localhost", "-V", "-1d:+52w"), (), ""),
        (("-n", "127.0.0.1", "-V", "20200101:20210101"), ("expired",), "high"),
        (("-n", "127.0.0.1", "-V", "+1d:+2d"), ("early",), "high"),
        (("-n", "127.0.0.1", "-V", "-52w:+2d"), ("expiring",), "medium"),
        (("-n", "127.0.0.1", "-O", "critical:x@y=z"), ("critical",), "high"),
        ((), ("no-principals",), "high"),
    ],
)
async def test_a_host_certificate(
    tmp_path: Path, how: tuple[str, ...], problems: tuple[str, ...], severity: str
) -> None:
    make_key(tmp_path / "ca")
    key = make_key(tmp_path / "host_ed25519")
    keygen(tmp_path, "-s", "ca", "-h", *ID, "-z", "7", *how, f"{key}.pub")
    config = f"\nHostKey {key}\nHostCertificate {key}-cert.pub\n"
    async with sshd(tmp_path, config) as server:
        report = await check_one(server.target, options_with(timeout_seconds=10))
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    (seen,) = facts.host_certificates
    assert (seen.kind, seen.serial, seen.key_id) == ("host", 7, "lab")
    assert seen.key in {f"{one.type} {one.sha256}" for one in facts.host_keys}
    found = findings(report, "SSH-HOSTCERT")
    assert [(found[0], found[1]["problems"]) for found in found] == (
        [(severity, problems)] if problems else []
    )


async def test_every_type_of_key_has_its_certificate(tmp_path: Path) -> None:
    make_key(tmp_path / "ca")
    config = ""
    for kind in ("ed25519", "ecdsa", "rsa-3072"):
        key = make_key(tmp_path / f"certified_{kind}", kind)
        days = "20200101:20210101" if kind == "ecdsa" else "-1d:+52w"
        keygen(tmp_path, "-s", "ca", "-h", *ID, "-n", "127.0.0.1", "-V", days, f"{key}.pub")
        config += f"\nHostKey {key}\nHostCertificate {key}-cert.pub\n"
    async with sshd(tmp_path, config) as server:
        report = await check_one(server.target, options_with(timeout_seconds=10))
    facts = report.facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.unknown == {}
    kinds = {one.key.split()[0] for one in facts.host_certificates}
    assert kinds == {"ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"}
    ((severity, params),) = findings(report, "SSH-HOSTCERT")
    assert (severity, params["key"].split()[0]) == ("high", "ecdsa-sha2-nistp256")


async def test_the_fix_for_a_host_certificate(tmp_path: Path) -> None:
    key = make_key(tmp_path / "ssh_host_ed25519_key")
    make_key(tmp_path / "host_ca")
    fix = RULES["SSH-HOSTCERT"].words.fix["openssh"]
    command = fix.partition("ssh-keygen ")[2].partition(",")[0]
    command = command.replace("/etc/ssh/ssh_host_ed25519_key", str(key))
    command = command.replace("HOST", "127.0.0.1")
    config = f"\nHostKey {key}\nHostCertificate {key}-cert.pub\n"
    old = ("-s", "host_ca", "-h", *ID, "-n", "127.0.0.1", "-V", "20200101:20210101", f"{key}.pub")
    seen = []
    for words in (old, tuple(command.split())):
        keygen(tmp_path, *words)
        async with sshd(tmp_path, config) as server:
            report = await check_one(server.target, options_with(timeout_seconds=10))
        seen.append([severity for severity, _ in findings(report, "SSH-HOSTCERT")])
    assert seen == [["high"], []]


@pytest.mark.parametrize(
    ("how", "problem", "says"),
    [
        (("-n", USER, "-V", "20200101:20210101"), "expired", "its certificate expired on 2021-01"),
        (("-n", USER, "-V", "+1d:+2d"), "early", "its certificate is not valid before"),
        (("-n", "other,more"), "principal", "is for other, more"),
        ((), "no-principals", "has no principals"),
    ],
)
async def test_a_user_certificate_that_is_rejected(
    tmp_path: Path, how: tuple[str, ...], problem: str, says: str
) -> None:
    authority = make_key(tmp_path / "ca")
    async with login_sshd(tmp_path, f"TrustedUserCAKeys {authority}.pub") as server:
        key = make_key(tmp_path / "certified")
        keygen(tmp_path, "-s", "ca", *ID, *how, f"{key}.pub")
        report = await check(server, server.options(identities=(str(key),)))
    assert report.failure is not None
    assert says in report.failure.detail
    assert login_of(report).outcome == "rejected"
    ((severity, params),) = findings(report, "SSH-USERCERT")
    assert (severity, params["problems"], params["source"]) == ("high", (problem,), str(key))


async def test_the_fix_for_a_user_certificate(tmp_path: Path) -> None:
    authority = make_key(tmp_path / "user_ca")
    fix = RULES["SSH-USERCERT"].words.fix["any"]
    command = fix.partition("ssh-keygen ")[2].partition(",")[0]
    words = command.replace("USER", USER).replace("NAME", "lab").split()
    async with login_sshd(tmp_path, f"TrustedUserCAKeys {authority}.pub") as server:
        key = make_key(tmp_path / "id_ed25519")
        keygen(tmp_path, *words)
        report = await check(server, server.options(identities=(str(key),)))
    assert login_of(report).outcome == "granted"
    assert "SSH-USERCERT" in report.passed


async def test_the_server_maps_principals_to_users(tmp_path: Path) -> None:
    authority = make_key(tmp_path / "ca")
    principals = tmp_path / "principals"
    principals.write_text("team\n")
    lines = f"TrustedUserCAKeys {authority}.pub\nAuthorizedPrincipalsFile {principals}"
    async with login_sshd(tmp_path, lines) as server:
        key = make_key(tmp_path / "certified")
        keygen(tmp_path, "-s", "ca", *ID, "-n", "team", "-O", "force-command=true", f"{key}.pub")
        report = await check(server, server.options(identities=(str(key),)))
    login = login_of(report)
    assert login.outcome == "granted"
    assert login.certificates[0].critical_options == ("force-command",)
    assert login.certificates[0].faults == ("principal",)
    assert "SSH-USERCERT" in report.passed
