"""Each fix line, applied as it says: its finding goes, no other comes, OpenSSH takes the file."""

from __future__ import annotations

import functools
import shutil
import subprocess
from importlib import import_module
from pathlib import Path

import pytest

from seventh import protocols
from seventh.engine.lint import Wanted, lint_file
from seventh.lintkit.linted import parse_software
from seventh.protocols.ssh.client.config import directives
from seventh.render.formats import FORMATS
from seventh.render.view import Document, View
from tests.lintkit.fixing import assert_fixed, shown

pytestmark = pytest.mark.field

GOOD = """MACs hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com
KbdInteractiveAuthentication no
PasswordAuthentication no
AllowUsers ops
AllowAgentForwarding no
ClientAliveInterval 30
Subsystem sftp internal-sftp
"""
OLD_KEX = "diffie-hellman-group14-sha1"

# rule, version, the file; GOOD follows where there is no Match line, {GOOD} stands for it elsewhere
SERVER = [
    ("SSH-KEX-WEAK", "9.2", f"KexAlgorithms +{OLD_KEX}\n"),
    ("SSH-KEX-WEAK", "9.2", f"KexAlgorithms +{OLD_KEX},diffie-hellman-group18-sha512\n"),
    ("SSH-KEX-WEAK", "9.2", f"KexAlgorithms ^{OLD_KEX}\n"),
    ("SSH-KEX-WEAK", "9.2", f"KexAlgorithms curve25519-sha256,{OLD_KEX}\n"),
    ("SSH-KEX-WEAK", "9.2", f"KexAlgorithms {OLD_KEX}\n"),
    ("SSH-KEX-WEAK", "9.2", f'KexAlgorithms="{OLD_KEX},curve25519-sha256" # for the old box\n'),
    ("SSH-KEX-WEAK", "7.4", ""),
    ("SSH-KEX-NOPQ", "9.2", "KexAlgorithms curve25519-sha256\n"),
    ("SSH-KEX-NOPQ", "10.0", "KexAlgorithms -mlkem*,sntrup*\n"),
    ("SSH-CIPHER-WEAK", "9.2", "Ciphers +3des-cbc\n"),
    ("SSH-CIPHER-WEAK", "9.2", "Ciphers aes128-cbc,aes256-gcm@openssh.com\n"),
    ("SSH-CIPHER-WEAK", "9.2", "Ciphers 3des-cbc\n"),
    ("SSH-MAC-WEAK", "9.2", "MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-512\n"),
    ("SSH-MAC-WEAK", "9.2", "MACs hmac-sha1\n"),
    ("SSH-MAC-WEAK", "9.2", "MACs -hmac-sha2-512\n"),
    ("SSH-MAC-WEAK", "9.2", "MACs ^hmac-sha2-512\n"),
    ("SSH-MAC-WEAK", "7.4", "MACs +hmac-md5\n"),
    ("SSH-HOSTKEY-WEAK", "9.2",
     "HostKeyAlgorithms +ssh-dss\nHostKey /etc/ssh/ssh_host_dsa_key\n"),
    ("SSH-HOSTKEY-NOED25519", "9.2", "HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256\n"),
    ("SSH-HOSTKEY-NOED25519", "9.2", "HostKey /etc/ssh/ssh_host_rsa_key\n"),
    ("SSH-HOSTSIG-SHA1", "9.2", "HostKeyAlgorithms ssh-ed25519,ssh-rsa\n"),
    ("SSH-USERSIG-SHA1", "9.2", "PubkeyAcceptedAlgorithms +ssh-rsa\n"),
    ("SSH-USERSIG-SHA1", "9.2", "PubkeyAcceptedAlgorithms ssh-ed25519,ssh-rsa\n"),
    ("SSH-USERSIG-SHA1", "9.2", "PubkeyAcceptedAlgorithms ssh-ed25519\n"),
    ("SSH-USERSIG-SHA1", "9.2", "PubkeyAcceptedKeyTypes ssh-ed25519,rsa-sha2-512,ssh-rsa\n"),
    ("SSH-USERSIG-SHA1", "8.0", ""),
    ("SSH-CLIENTS-CUT", "9.2", "KexAlgorithms sntrup761x25519-sha512@openssh.com\n"),
    ("SSH-CLIENTS-CUT", "9.2", "HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com\n"),
    ("SSH-CLIENTS-CUT", "9.2", "Ciphers chacha20-poly1305@openssh.com\n"),
    ("SSH-CLIENTS-CUT", "9.2", "Ciphers aes128-ctr\nMACs umac-128-etm@openssh.com\n"),
    ("SSH-COMP-PREAUTH", "7.3", "Compression yes\n"),
    ("SSH-PROTO1", "7.2", "Protocol 2,1\n"),
    ("SSH-BANNER-LEAK", "9.2", "VersionAddendum Debian-2+deb12u3\n"),
    ("SSH-PASSWORD-ON", "9.2", "PasswordAuthentication yes\n"),
    ("SSH-PASSWORD-ON", "9.2", "UsePAM yes\nKbdInteractiveAuthentication yes\n"),
    ("SSH-PASSWORD-ON", "8.0", "UsePAM yes\nChallengeResponseAuthentication yes\n"),
    ("SSH-PASSWORD-ON", "9.2", "PubkeyAuthentication no\nPasswordAuthentication yes\n"),
    ("SSH-PASSWORD-ON", "9.2",
     "PasswordAuthentication yes\nAuthenticationMethods password,publickey publickey\n"),
    ("SSH-PASSWORD-ON", "9.2", "PasswordAuthentication yes\nAuthenticationMethods password\n"),
    ("SSH-PASSWORD-ON", "9.2", "{GOOD}Match Address 192.0.2.0/24\n PasswordAuthentication yes\n"),
    ("SSH-PASSWORD-ON", "9.2",
     "{GOOD}Match Group a\n X11Forwarding no\nMatch Group b\n PasswordAuthentication=yes\n"),
    ("SSH-PASSWORD-ON", "9.2",
     "PasswordAuthentication yes\n{GOOD}Match User c\n PasswordAuthentication no\n"),
    ("SSH-ROOT-PASSWORD", "9.2", "PermitRootLogin yes\nPasswordAuthentication yes\n"),
    ("SSH-ROOT-PASSWORD", "9.2",
     "{GOOD}Match Address 192.0.2.7\n PasswordAuthentication yes\n PermitRootLogin yes\n"),
    ("SSH-PUBKEY-OFF", "9.2", "PasswordAuthentication yes\nPubkeyAuthentication no\n"),
    ("SSH-PUBKEY-OFF", "9.2", "PasswordAuthentication yes\nAuthenticationMethods password\n"),
    ("SSH-NOAUTH", "9.2", "PasswordAuthentication yes\nPermitEmptyPasswords yes\n"),
    ("SSH-NO-KEEPALIVE", "9.2", "ClientAliveInterval 0\n"),
    ("SSH-NO-KEEPALIVE", "9.2", "{GOOD}Match User root\n ClientAliveInterval 0\n"),
    ("SSH-SFTP-OFF", "9.2", "MACs hmac-sha2-256-etm@openssh.com\nPasswordAuthentication no\n"),
    ("SSH-FWD-OPEN", "9.2", "GatewayPorts yes\n"),
    ("SSH-FWD-OPEN", "9.2", "GatewayPorts clientspecified\nPermitListen 8080\n"),
    ("SSH-FWD-OPEN", "9.2", "{GOOD}Match Group dev\n GatewayPorts yes\n"),
    ("SSH-AGENTFWD", "9.2", "AllowAgentForwarding yes\n"),
    ("SSH-ALLOWLIST", "9.2", "MACs hmac-sha2-256-etm@openssh.com\nSubsystem sftp internal-sftp\n"),
    ("SSH-THROTTLE", "9.2", "MaxStartups 1000\nLoginGraceTime 0\n"),
    ("SSH-THROTTLE", "10.2", "PerSourcePenalties no\n"),
    ("SSH-CONF-OBSOLETE", "9.2", "UsePrivilegeSeparation sandbox\nProtocol 2\n"),
    ("SSH-CONF-OBSOLETE", "9.2", "Ciphers aes256-gcm@openssh.com\n"),
    ("SSH-CONF-OVERRIDDEN", "9.2", "PermitTTY yes\nPermitTTY no\n"),
    ("SSH-CONF-OVERRIDDEN", "9.2", "{GOOD}Match User a\n Banner x\nMatch User a\n Banner y\n"),
    ("SSH-CONF-OVERRIDDEN", "9.2", "FingerprintHash md5\nFingerprintHash sha256\n"),
    ("SSH-TERRAPIN", "9.2", "Ciphers chacha20-poly1305@openssh.com\n"),
]  # fmt: skip

CLIENT = [
    ("SSH-KEX-WEAK", f"Host old\n KexAlgorithms +{OLD_KEX}\n"),
    ("SSH-KEX-NOPQ", "Host *\n KexAlgorithms ecdh-sha2-nistp256\n"),
    ("SSH-CIPHER-WEAK", "Ciphers ^aes128-cbc\nHost a\n User x\n"),
    ("SSH-CIPHER-WEAK", "Host a\n  Ciphers=3des-cbc\nHost *\n User x\n"),
    ("SSH-MAC-WEAK", "MACs hmac-sha2-512\n"),
    ("SSH-MAC-WEAK", "Host a b\n\tMACs hmac-md5,hmac-sha2-512-etm@openssh.com\n"),
    ("SSH-AGENTFWD", "ForwardAgent yes\n"),
    ("SSH-AGENTFWD", "Host *.example.net\n ForwardAgent yes\n"),
    ("SSH-AGENTFWD", "User x\nMatch user root\n User y\nHost *\n ForwardAgent yes\n"),
    ("SSH-NOMUX", "Host inner\n ProxyJump bastion\n"),
    ("SSH-NOMUX", "ProxyCommand ssh -W %h:%p bastion\n"),
    ("SSH-FWD-OPEN", "Host a\n LocalForward 0.0.0.0:8080 inner:80\n DynamicForward *:1080\n"),
    ("SSH-FWD-OPEN", "GatewayPorts yes\nLocalForward 8080 inner:80\n"),
    ("SSH-FWD-OPEN", "RemoteForward [::]:2222 localhost:22\n"),
    ("SSH-CONF-OBSOLETE", "Protocol 2\nUseRoaming no\n"),
    ("SSH-NO-KEEPALIVE", "Host inner\n ProxyJump bastion\n"),
    ("SSH-NO-KEEPALIVE", "ServerAliveInterval 0\nProxyCommand nc -X connect -x p:3128 %h %p\n"),
    ("SSH-CONF-KEYCHAIN", "Host a\n UseKeychain yes\nHost b\n Port 1\n"),
    ("SSH-CONF-KEYCHAIN", "IgnoreUnknown XAuth*\nHost a\n UseKeychain yes\n"),
    ("SSH-CONF-KEYCHAIN", "Host b\n IgnoreUnknown UseKeychain\nHost a\n UseKeychain no\n"),
    ("SSH-CONF-KEYCHAIN", "UseKeychain yes\nIgnoreUnknown UseKeychain\n"),
    ("SSH-CONF-OVERRIDDEN", "Host *\n User x\nHost a\n User y\n"),
    ("SSH-CONF-OVERRIDDEN", "ProxyJump none\nHost a\n ProxyCommand nc %h %p\n"),
]


def _accepts(main: Path, side: str) -> str:
    """What the installed OpenSSH says against the file; empty where it takes it."""
    program = shutil.which("sshd" if side == "server" else "ssh")
    if program is None:
        return ""
    key = main.parent / "ssh_host_ed25519_key"
    if not key.exists():
        subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)
    command = [program, "-t", "-f", str(main), "-h", str(key)]
    if side == "client":
        command = [program, "-G", "-F", str(main), "a"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def _wanted(version: str) -> Wanted:
    return Wanted(software=(parse_software(f"openssh={version}"),))


@pytest.mark.parametrize(("rule", "version", "text"), SERVER)
def test_a_fix_of_sshd_config_works(rule: str, version: str, text: str, tmp_path: Path) -> None:
    main = tmp_path / "ssh" / "sshd_config"
    main.parent.mkdir()
    alone = rule in {"SSH-SFTP-OFF", "SSH-ALLOWLIST"} or "Match" in text
    main.write_text(text.replace("{GOOD}", GOOD) if alone else text + GOOD)
    before = _accepts(main, "server")
    lint = functools.partial(lint_file, main, _wanted(version))
    if rule == "SSH-TERRAPIN":  # no file shows it: the rule is judged as for a wire
        pytest.skip("no file of a stated version is exposed")
    assert_fixed(rule, main, lint, directives.spelled("server"), etc="/etc/ssh")
    if not before and version == "9.2":
        assert not _accepts(main, "server"), main.read_text()


@pytest.mark.parametrize(("rule", "text"), CLIENT)
def test_a_fix_of_ssh_config_works(rule: str, text: str, tmp_path: Path) -> None:
    main = tmp_path / "ssh_config"
    main.write_text(text)
    before = _accepts(main, "client")
    lint = functools.partial(lint_file, main, _wanted("9.2"))
    assert_fixed(rule, main, lint, directives.spelled("client"))
    if not before:
        assert not _accepts(main, "client"), main.read_text()


MODES = {
    "authorized_keys": (".ssh/authorized_keys", 0o664, 0o775),
    "config": (".ssh/config", 0o646, 0o700),
    "home": (".ssh/authorized_keys", 0o600, 0o700),
}


@pytest.mark.parametrize("case", MODES)
def test_a_fix_of_modes_works(case: str, tmp_path: Path) -> None:
    name, mode, folder_mode = MODES[case]
    main = tmp_path / "the user's home" / name
    main.parent.mkdir(parents=True)
    main.parent.parent.chmod(0o777 if case == "home" else 0o755)
    main.write_text("" if "keys" in name else "Host a\n User b\n")
    main.chmod(mode)
    main.parent.chmod(folder_mode)
    assert_fixed("SSH-AUTHKEYS-PERM", main, functools.partial(lint_file, main, Wanted()), ())


def test_lines_of_a_fix_are_lines_in_every_format(tmp_path: Path) -> None:
    main = tmp_path / ".ssh" / "authorized_keys"
    main.parent.mkdir()
    main.write_text("")
    main.chmod(0o666)
    main.parent.chmod(0o777)
    report = lint_file(main, Wanted())
    commands = [f"chmod 600 {main}", f"chmod 700 {main.parent}"]
    document = Document(reports=(report,), version="0", generated_at="2026-01-01T00:00:00Z")
    for name in FORMATS:
        text = import_module(f"seventh.render.formats.{name}").render(document, View(width=200))
        assert r"\x0a" not in text
        if name != "json":
            assert all(any(command in line for line in text.splitlines()) for command in commands)
    (finding,) = shown(report).findings
    assert finding.fix["openssh"].splitlines() == commands


def test_every_rule_with_a_fix_that_a_file_decides_is_here() -> None:
    here = {rule for rule, *_ in [*SERVER, *CLIENT]} | {"SSH-AUTHKEYS-PERM"}
    wire_alone = {"SSH-AUTH-SLOW"}  # needs a timed login
    moduli = {"SSH-GEX-SMALL"}  # rewrites a moduli file: tests/peers runs it
    rules = {
        rule.id for rule in protocols.rules("ssh")
        if "openssh" in rule.directives and "openssh" in rule.words.fix
    }  # fmt: skip
    assert rules - wire_alone - moduli == here
