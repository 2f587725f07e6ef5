"""What a version does not support, where a fix belongs, and the lines behind a finding."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.openssh import ssh_config, sshd
from seventh.lint.openssh.views import default_settings, release_of, views_allowed
from seventh.lintkit.files import Files
from seventh.lintkit.linted import parse_software
from seventh.model.source import Line


def refused(text: str, version: str, side: str = "server") -> list[str]:
    files = Files(base=Path("/nonexistent"))
    said = parse_software(f"openssh={version}") if version else None
    lint = sshd.lint if side == "server" else ssh_config.lint
    found = lint(files.take(f"{side}.conf", text.encode()), files, said).problems
    return [f"{line.line}: {line.text}" for line in found]


@pytest.mark.parametrize(
    ("side", "line", "first", "before", "why"),
    [
        ("client", "Match tagged x", "9.4", "9.3", "Match tagged"),
        ("client", "Match !tagged x", "9.4", "9.3", "Match !tagged"),
        ("client", "Match localnetwork 192.0.2.0/24", "9.4", "9.3", "Match localnetwork"),
        ("server", "Match invalid-user", "9.9", "9.8", "Match invalid-user"),
        ("client", "Match command x", "10.0", "9.9", "Match command"),
        ("client", "Match sessiontype shell", "10.0", "9.9", "Match sessiontype"),
        ("client", "Match version OpenSSH_10*", "10.0", "9.9", "Match version"),
        ("server", "Include x", "8.2", "8.1", "Include"),
        ("client", "Include x", "7.3", "7.2", "Include"),
        ("server", "PerSourcePenalties no", "9.8", "9.7", "PerSourcePenalties"),
        ("server", "PubkeyAcceptedAlgorithms ssh-ed25519", "8.5", "8.4",
         "PubkeyAcceptedAlgorithms"),
    ],
)  # fmt: skip
def test_what_a_version_brought(side: str, line: str, first: str, before: str, why: str) -> None:
    if line.startswith("Match"):
        line += "\n  LogLevel INFO"
    assert refused(line, first, side) == []
    assert refused(line, before, side) == [f"1: {why} requires OpenSSH {first}"]
    assert refused(line, "", side) == []


def test_an_older_name_is_known_to_older_versions() -> None:
    assert refused("PubkeyAcceptedKeyTypes ssh-ed25519", "8.4") == []


@pytest.mark.parametrize(
    ("line", "stated", "assumed"),
    [
        ("Colour red", ["unknown directive Colour"], None),
        ("Ciphers aes9,aes128-ctr", ["Ciphers: unknown algorithm aes9"], None),
        ("Ciphers aes9,aes8",
         ["Ciphers: unknown algorithm aes9", "Ciphers: unknown algorithm aes8"], None),
        ("Ciphers arcfour", ["Ciphers: unknown algorithm arcfour"], []),
        ("Ciphers aes128-*", ["Ciphers: patterns can only remove algorithms: -aes128-*"], None),
        ("MACs +hmac-md?", ["MACs: patterns can only remove algorithms: -hmac-md?"], None),
        ("MACs ^umac-*", ["MACs: patterns can only remove algorithms: -umac-*"], None),
        ("MACs -umac-*", [], None),
        ("MACs -nothing", [], None),
        ("HostKeyAlgorithms ssh-*", [], None),
        ("HostKeyAlgorithms !ssh-rsa",
         ["HostKeyAlgorithms: !ssh-rsa: negated names are not allowed in this list",
          "HostKeyAlgorithms: unknown algorithm !ssh-rsa"], None),
        ("KexAlgorithms gss-group14-sha256-x", [], None),
        ("KexAlgorithms gssx", ["KexAlgorithms: unknown algorithm gssx"], None),
        ("CASignatureAlgorithms x", ["CASignatureAlgorithms: unknown algorithm x"], None),
        ("HostbasedAcceptedAlgorithms x",
         ["HostbasedAcceptedAlgorithms: unknown algorithm x"], None),
    ],
)  # fmt: skip
def test_lists_that_openssh_refuses(
    line: str, stated: list[str], assumed: list[str] | None
) -> None:
    for version, why in (("9.2", stated), ("", stated if assumed is None else assumed)):
        assert refused(line, version) == [f"1: {each}" for each in why]


@pytest.mark.parametrize(
    ("said", "version", "stated"),
    [
        ("openssh=9", (9, 0), True), ("openssh=9.2", (9, 2), True), ("openssh=9.2.1", (9, 2), True),
        ("", (10, 5), False),
    ],
)  # fmt: skip
def test_the_version_that_applies(said: str, version: tuple[int, int], stated: bool) -> None:
    release = release_of(parse_software(said) if said else None)
    assert (release.version, release.stated) == (version, stated)
    assert str(release) == f"openssh {version[0]}.{version[1]}"


def lines(text: str, key: str, version: str = "9.2") -> list[tuple[str, str]]:
    files = Files(base=Path("/nonexistent"))
    said = parse_software(f"openssh={version}")
    view = sshd.lint(files.take("sshd_config", text.encode()), files, said).views[0]
    return [(setting.value, setting.at.text) for setting in view.settings[key]]


def test_a_list_that_changes_the_default_is_shown_with_the_result() -> None:
    default = "ssh-ed25519,ecdsa-sha2-nistp256"
    for text, shown in (
        ("CASignatureAlgorithms +ssh-rsa", "CASignatureAlgorithms +ssh-rsa"),
        ("KexAlgorithms curve25519-sha256", "KexAlgorithms curve25519-sha256"),
        ("Ciphers -aes*,chacha*", "Ciphers -aes*,chacha* (in effect: )"),
        ("Ciphers = -aes*", "Ciphers -aes* (in effect: chacha20-poly1305@openssh.com)"),
        ("MACs -hmac-*,umac-64*",
         "MACs -hmac-*,umac-64* (in effect: umac-128-etm@openssh.com,umac-128@openssh.com)"),
        (f"HostKeyAlgorithms {default}", f"HostKeyAlgorithms {default}"),
    ):  # fmt: skip
        key = text.partition(" ")[0].lower()
        assert [at for _, at in lines(text, key)] == [shown]
    for sign in "+^":
        ((_, at),) = lines(f"MACs {sign}hmac-md5", "macs")
        assert at.startswith(f"MACs {sign}hmac-md5 (in effect: ")


def test_a_directive_s_value_or_what_follows_it() -> None:
    assert lines("UseDNS no", "usedns") == [("no", "UseDNS no")]
    assert lines("ForceCommand a  'b", "forcecommand") == [("a  'b", "ForceCommand a  'b")]


def test_defaults_as_evidence() -> None:
    found = default_settings("server", (9, 2), "f")
    shown = {
        "clientaliveinterval": ("0", "ClientAliveInterval 0 (default of openssh 9.2)"),
        "allowusers": ("", "no AllowUsers line"),
        "allowgroups": ("", "no AllowGroups line"),
        "subsystem": ("", "no Subsystem line"),
    }
    for name, (value, text) in shown.items():
        (setting,) = found[name]
        assert (setting.value, setting.at) == (value, Line(file="f", line=None, text=text))
    assert "allowusers" not in default_settings("client", (9, 2), "f")
    ((_, at),) = lines(f"KexAlgorithms +{'x' * 300}", "kexalgorithms")
    assert (len(at), at[-1]) == (601, "…")


@pytest.mark.parametrize(
    ("blocks", "read", "allowed", "problem"),
    [
        (256, 0, 256, ""),
        (257, 1, 256, "only the first 256 of 257 Host blocks checked separately"),
        (200, 2000, 200, ""),
        (201, 2000, 200, "only the first 200 of 201 Host blocks checked separately"),
        (8, 10**6, 8, ""),
        (9, 10**6, 8, "only the first 8 of 9 Host blocks checked separately"),
    ],
)
def test_how_many_blocks_are_checked(blocks: int, read: int, allowed: int, problem: str) -> None:
    files = Files()
    assert views_allowed(blocks, read, files, "f", "Host") == allowed
    assert files.problems == ([Line(file="f", line=None, text=problem)] if problem else [])
