"""A drop-in is judged for what it says; what it leaves alone is its main file's to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file
from seventh.engine.lint_folder import lint_folder

pytestmark = pytest.mark.field

NOTHING = {
    "one method off": "PasswordAuthentication no\n",
    "the other method off": "KbdInteractiveAuthentication no\n",
    "root": "PermitRootLogin yes\n",
    "no forwarding": "AllowTcpForwarding no\n",
    "X11": "X11Forwarding no\n",
    "another subsystem": "Subsystem backup /usr/lib/backup-server\n",
    "ciphers alone": "Ciphers aes256-gcm@openssh.com,aes256-ctr\n",
    "key exchange alone": "KexAlgorithms sntrup761x25519-sha512@openssh.com,"
    "curve25519-sha256,curve25519-sha256@libssh.org\n",
    "MACs alone": "MACs hmac-sha2-512-etm@openssh.com\n",
    "PAM": "UsePAM yes\n",
    "a block": "Match Group sftp\n\tForceCommand internal-sftp\n\tPasswordAuthentication no\n",
    "keys": "AuthorizedKeysFile /etc/ssh/keys/%u\n",
}
NO_SECRETS = "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
FOUND = {
    "PasswordAuthentication yes\n": {"SSH-PASSWORD-ON"},
    "passwordauthentication=yes\n": {"SSH-PASSWORD-ON"},
    "KbdInteractiveAuthentication yes\n": {"SSH-PASSWORD-ON"},
    "PermitEmptyPasswords yes\n": {"SSH-NOAUTH"},
    "PubkeyAuthentication no\n": {"SSH-PUBKEY-OFF"},
    "PermitRootLogin yes\nPasswordAuthentication yes\n": {"SSH-PASSWORD-ON", "SSH-ROOT-PASSWORD"},
    "KexAlgorithms +diffie-hellman-group1-sha1\n": {"SSH-KEX-WEAK"},
    "KexAlgorithms sntrup761x25519-sha512@openssh.com\n": {"SSH-CLIENTS-CUT"},
    "MACs hmac-sha1\n": {"SSH-MAC-WEAK"},
    "MACs umac-128-etm@openssh.com\n": set(),
    "Ciphers aes128-ctr\nMACs umac-128-etm@openssh.com\n": {"SSH-CLIENTS-CUT"},
    "GatewayPorts yes\n": {"SSH-FWD-OPEN"},
    "MaxStartups 5000\n": {"SSH-THROTTLE"},
    "Match User a\n PasswordAuthentication yes\n": {"SSH-PASSWORD-ON"},
}


def ids(folder: Path, name: str, text: str) -> set[str]:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    report = lint_file(file, Wanted())
    assert report.failure is None, report.failure
    (alone,) = lint_folder(folder, Wanted())
    assert [f.id for f in alone.findings] == [f.id for f in report.findings]
    return {finding.id for finding in report.findings}


@pytest.mark.parametrize("case", NOTHING)
def test_what_a_drop_in_does_not_say_is_not_held_against_it(case: str, tmp_path: Path) -> None:
    assert ids(tmp_path, "sshd_config.d/50-x.conf", NOTHING[case]) == set()


@pytest.mark.parametrize("text", FOUND)
def test_what_a_drop_in_sets_is_judged(text: str, tmp_path: Path) -> None:
    assert ids(tmp_path, "sshd_config.d/50-x.conf", text) == FOUND[text]


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("PermitRootLogin yes\n", False), ("PermitRootLogin no\n", True),
        ("PermitRootLogin prohibit-password\n", True),
        ("PermitRootLogin yes\nPubkeyAuthentication yes\n", False),
        ("PermitRootLogin yes\nPubkeyAuthentication yes\nPasswordAuthentication no\n", False),
        (f"PermitRootLogin yes\nPubkeyAuthentication yes\n{NO_SECRETS}", True),
    ],
)  # fmt: skip
def test_root_s_methods_are_verified_only_by_what_is_set(
    text: str, passes: bool, tmp_path: Path
) -> None:
    (tmp_path / "sshd_config.d").mkdir()
    file = tmp_path / "sshd_config.d" / "1.conf"
    file.write_text(text)
    report = lint_file(file, Wanted())
    assert ("SSH-ROOT-PASSWORD" in report.passed) is passes
    assert ("SSH-ROOT-PASSWORD" in {skip.id for skip in report.skipped}) is not passes


def test_a_drop_in_is_one_from_within_its_folder_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sshd_config.d").mkdir()
    (tmp_path / "sshd_config.d/1.conf").write_text("PasswordAuthentication no\n")
    monkeypatch.chdir(tmp_path / "sshd_config.d")
    assert not lint_file(Path("1.conf"), Wanted()).findings


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Host inner\n ProxyJump bastion\n", set()),
        ("Host inner\n ProxyJump bastion\n ControlMaster no\n", {"SSH-NOMUX"}),
        ("Host *\n SendEnv LANG\n HashKnownHosts yes\n", set()),
        ("Host *\n KexAlgorithms +diffie-hellman-group14-sha1\n", {"SSH-KEX-WEAK"}),
        ("Host *\n Ciphers aes256-ctr\n", set()),
        ("Host *\n ForwardAgent yes\n", {"SSH-AGENTFWD"}),
    ],
)
def test_a_client_s_drop_in(text: str, wanted: set[str], tmp_path: Path) -> None:
    assert ids(tmp_path, "ssh_config.d/20-x.conf", text) == wanted
