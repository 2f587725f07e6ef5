"""Every fix of an SSH rule that OpenSSH's server can be made to deserve: applied, it is enough.

The rule is then silent, sshd takes the lines, and nothing is worse than before.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from seventh import protocols
from seventh.engine.check import check_one
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.render.wording import Wording
from tests.peers import need_binary
from tests.peers.sshd_users import login_sshd
from tests.peers.test_ssh import sshd
from tests.peers.test_ssh_channels import INTERNAL, host

pytestmark = [pytest.mark.peer, pytest.mark.field]

RULES = {rule.id: rule for rule in protocols.rules("ssh")}
GEX = "diffie-hellman-group-exchange-sha256"
ETM = "hmac-sha2-256-etm@openssh.com"


class Provoked(NamedTuple):
    """A server that deserves the finding, and how its fix becomes its configuration."""

    config: str
    keys: tuple[str, ...] = ("ed25519",)
    apply: Callable[[str, str, Path], str] | None = None
    """(configuration, fix, folder) → configuration; None: the lines of the fix in it."""


def put(config: str, fix: str, _: Path | None = None) -> str:
    """The directives of a fix in place of those that are there, which would win over them."""
    lines = config.split("\n")
    found = re.findall(r"(?m)(?:^|: |, )([A-Z][A-Za-z]+[a-z]) ((?:sftp )?[^\s,][^\s]*)", fix)
    assert found, fix
    for name, value in found:
        lines = [line for line in lines if line.split()[:1] != [name]]
        lines.append(f"{name} {value.rstrip(';.')}")
    return "\n".join(lines)


def without(name: str) -> Callable[[str, str, Path], str]:
    """A fix that says to remove a line."""

    def apply(config: str, fix: str, _: Path) -> str:
        assert f"{name} line" in fix
        return "\n".join(line for line in config.split("\n") if line.split()[:1] != [name])

    return apply


def _make_ed25519(config: str, fix: str, folder: Path) -> str:
    """The command of SSH-HOSTKEY-WEAK, for another folder than /etc/ssh."""
    command = fix.partition("\n")[0].replace("/etc/ssh", str(folder))
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602 - our own
    return f"{config}\nHostKey {folder}/ssh_host_ed25519_key"


def _make_all(config: str, fix: str, folder: Path) -> str:
    """``ssh-keygen -A``, below another root."""
    assert fix.startswith("ssh-keygen -A\n")
    assert fix.endswith("\nHostKey /etc/ssh/ssh_host_ed25519_key")
    (folder / "etc/ssh").mkdir(parents=True)
    keygen = need_binary("ssh-keygen")
    subprocess.run([keygen, "-A", "-f", str(folder)], check=True, capture_output=True)
    return f"{config}\nHostKey {folder}/etc/ssh/ssh_host_ed25519_key"


def _filter(config: str, fix: str, folder: Path) -> str:
    """SSH-GEX-SMALL's command on a copy of the machine's moduli."""
    command = fix.replace("/etc/ssh/moduli", f"{folder}/moduli")
    subprocess.run(command, shell=True, check=True)  # noqa: S602 - our own
    return config


_PLAIN = "Ciphers aes256-gcm@openssh.com,aes256-ctr\n"
WIRE: dict[str, dict[str, Provoked]] = {
    "SSH-KEX-WEAK": {
        "added": Provoked("KexAlgorithms +diffie-hellman-group14-sha1"),
        "own list": Provoked("KexAlgorithms curve25519-sha256,diffie-hellman-group14-sha1"),
        "nothing else": Provoked("KexAlgorithms diffie-hellman-group1-sha1"),
    },
    "SSH-KEX-NOPQ": {
        "": Provoked("KexAlgorithms curve25519-sha256"),
        "with others": Provoked("KexAlgorithms curve25519-sha256,ecdh-sha2-nistp256"),
    },
    "SSH-CLIENTS-CUT": {
        "ciphers": Provoked("Ciphers chacha20-poly1305@openssh.com"),
        "MACs": Provoked("Ciphers aes256-ctr\nMACs umac-128-etm@openssh.com"),
        "methods": Provoked("KexAlgorithms diffie-hellman-group18-sha512"),
        "host keys": Provoked("HostKeyAlgorithms ssh-rsa", keys=("rsa-3072", "ed25519")),
    },
    "SSH-CIPHER-WEAK": {
        "added": Provoked("Ciphers +3des-cbc,aes128-cbc"),
        "own list": Provoked(f"Ciphers aes256-gcm@openssh.com,aes128-cbc\nMACs {ETM}"),
        "nothing else": Provoked(f"Ciphers aes128-cbc\nMACs {ETM}"),
    },
    "SSH-MAC-WEAK": {
        "default": Provoked(""),
        "own list": Provoked(f"{_PLAIN}MACs {ETM},hmac-sha2-256"),
        "nothing else": Provoked(f"{_PLAIN}MACs hmac-sha1"),
    },
    "SSH-HOSTKEY-WEAK": {
        "": Provoked("", ("rsa-1024",), _make_ed25519),
        "rsa-2048": Provoked("", ("rsa-2048",), _make_ed25519),
    },
    "SSH-HOSTKEY-NOED25519": {"": Provoked("", ("rsa-3072",), _make_all)},
    "SSH-HOSTSIG-SHA1": {
        "": Provoked("HostKeyAlgorithms ssh-rsa", ("rsa-3072",), without("HostKeyAlgorithms")),
    },
    "SSH-USERSIG-SHA1": {"": Provoked("PubkeyAcceptedAlgorithms +ssh-rsa")},
    "SSH-BANNER-LEAK": {"": Provoked("")},
    "SSH-GEX-SMALL": {
        "": Provoked(f"KexAlgorithms {GEX},curve25519-sha256\nModuliFile MODULI", apply=_filter),
    },
}  # fmt: skip
LOGIN: dict[str, tuple[tuple[str, ...], dict[str, object]]] = {
    "SSH-PASSWORD-ON": (("PasswordAuthentication yes", "KbdInteractiveAuthentication yes"), {}),
    "SSH-PUBKEY-OFF": (("PubkeyAuthentication no", "PasswordAuthentication yes"), {}),
    "SSH-NOAUTH": (
        ("PermitEmptyPasswords yes", "PasswordAuthentication yes"),
        {"user": "blank", "identities": ()},
    ),
}
SESSION: dict[str, tuple[str, ...]] = {
    "SSH-SFTP-OFF": ("Subsystem sftp /does/not/exist",),
    "SSH-FWD-OPEN": (INTERNAL, "GatewayPorts yes"),
}
NOT_PROVOKED = {
    "SSH-PROTO1": "no sshd that is packaged has protocol 1",
    "SSH-TERRAPIN": "every sshd that is packaged has strict key exchange",
    "SSH-COMP-PREAUTH": "no sshd since 7.4 compresses before the login",
    "SSH-AUTH-SLOW": "a resolver or PAM that is slow is not sshd's",
    "SSH-BANNER-SLOW": "likewise",
    "SSH-KEX-SLOW": "a slow machine cannot be configured",
    "SSH-REKEY-FAIL": "no sshd fails here",
    "SSH-HOSTKEY-CHANGED": "a command for a person who compares keys",
    "SSH-HOSTKEY-SPLIT": "files to copy between machines",
    "SSH-SSHFP": "a record of a zone",
    "SSH-NO-KEEPALIVE": "its lint says what the wire shows after a long wait",
    "SSH-ROOT-PASSWORD": "OpenSSH's wire does not show PermitRootLogin: its lint does",
    "SSH-AGENTFWD": "lint", "SSH-ALLOWLIST": "lint", "SSH-AUTHKEYS-PERM": "lint",
    "SSH-HOSTCERT": "test_ssh_certificates.py applies it",
    "SSH-CONF-KEYCHAIN": "lint",
    "SSH-FWD-REFUSED": "test_ssh_forwards",
    "SSH-CONF-OBSOLETE": "lint", "SSH-CONF-OVERRIDDEN": "lint",
    "SSH-NOMUX": "lint", "SSH-THROTTLE": "lint",
    "SSH-RESTART": "test_local_ssh", "SSH-LOGIN-REFUSED": "test_local_ssh",
}  # fmt: skip


def test_every_fix_for_openssh_is_applied_or_named() -> None:
    have = {name for name, rule in RULES.items() if "openssh" in rule.words.fix}
    assert have == {*WIRE, *LOGIN, *SESSION} | set(NOT_PROVOKED)


def fix_of(report: Report, name: str) -> str:
    """The fix as a person reads it; the test is skipped where this sshd does not deserve it."""
    found = [finding for finding in report.findings if finding.id == name]
    if not found:
        skipped = [skip.reason for skip in report.skipped if skip.id == name]
        pytest.skip(f"{name} does not fire on this sshd: {skipped or 'it passes'}")
    return Wording().words(found[0]).fix["openssh"]


def no_worse(before: Report, after: Report, name: str) -> None:
    """The rule passes, and no finding is new or graver."""
    assert after.failure is None, after.failure
    assert name in after.passed, [s for s in after.skipped if s.id == name] or after.findings
    was = {finding.id: finding.severity for finding in before.findings}
    for finding in after.findings:
        assert finding.id in was, finding
        assert was[finding.id].reaches(finding.severity), finding


def _own_moduli(folder: Path) -> Path:
    """A copy of the machine's moduli, to be changed."""
    moduli = Path("/etc/ssh/moduli")
    if not moduli.is_file():
        pytest.skip("no /etc/ssh/moduli on this machine")
    copy = folder / "moduli"
    copy.write_bytes(moduli.read_bytes())
    return copy


@pytest.mark.parametrize(
    ("name", "how"),
    [pytest.param(name, how, id=f"{name}-{how}") for name in WIRE for how in WIRE[name]],
)
async def test_a_fix_for_the_transport_is_enough(name: str, how: str, tmp_path: Path) -> None:
    case = WIRE[name][how]
    config = "\n" + case.config
    if "MODULI" in config:
        config = config.replace("MODULI", str(_own_moduli(tmp_path)))
    options = Options(timeout_seconds=10)
    async with sshd(tmp_path, config, *case.keys) as server:
        before = await check_one(server.target, options)
    assert before.failure is None, before.failure
    fixed = (case.apply or put)(config, fix_of(before, name), tmp_path)
    # The weak key goes; any other stays.
    keys = () if name == "SSH-HOSTKEY-WEAK" else case.keys
    again = tmp_path / "again"
    again.mkdir()
    async with sshd(again, fixed, *keys) as server:
        after = await check_one(server.target, options)
    no_worse(before, after, name)


@pytest.mark.parametrize("name", LOGIN)
async def test_a_fix_for_logins_is_enough(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    lines, changes = LOGIN[name]
    async with login_sshd(tmp_path, *lines) as server:
        before = await check_one(server.target, server.options(**changes))
    fixed = put("\n".join(lines), fix_of(before, name)).split("\n")
    again = tmp_path / "again"
    again.mkdir()
    async with login_sshd(again, *fixed) as server:
        after = await check_one(server.target, server.options(**changes))
    if name == "SSH-NOAUTH":
        # The account without a password does not come in any more, which is the point of it.
        assert name in after.passed
        return
    no_worse(before, after, name)


@pytest.mark.parametrize("name", SESSION)
async def test_a_fix_for_sessions_is_enough(name: str, tmp_path: Path) -> None:
    lines = SESSION[name]
    async with host(tmp_path, *lines) as server:
        before = await check_one(server.target, server.options.replace(allow_write=True))
    fixed = put("\n".join(lines), fix_of(before, name)).split("\n")
    again = tmp_path / "again"
    again.mkdir()
    async with host(again, *fixed) as server:
        after = await check_one(server.target, server.options.replace(allow_write=True))
    no_worse(before, after, name)
