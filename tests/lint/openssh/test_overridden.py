"""Which lines of sshd_config and ssh_config others override, each with the line that decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.openssh import ssh_config, sshd
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, parse_software
from seventh.protocols.ssh.facts import SshFacts

# the lines, without their newlines; the pairs of a line without effect and the one that decides
SERVER: dict[str, tuple[list[str], list[tuple[int, int]]]] = {
    "the first line counts": (["PermitTTY no", "PermitTTY yes"], [(2, 1)]),
    "the same value": (["PermitTTY no", "PermitTTY no"], []),
    "the same value otherwise": (["LoginGraceTime 60", "LoginGraceTime 1m"], []),
    "another spelling": (["KbdInteractiveAuthentication no",
                          "ChallengeResponseAuthentication yes"], [(2, 1)]),
    "lines that add up": (["AllowUsers a", "AllowUsers b", "Port 1", "Port 2",
                           "PerSourcePenalties crash:9s", "PerSourcePenalties noauth:9s",
                           "Subsystem a /a", "Subsystem b /b"], []),
    "the last line counts": (["FingerprintHash md5", "FingerprintHash sha256",
                              "FingerprintHash md5"], [(2, 3)]),
    "obsolete": (["Protocol 2", "Protocol 1"], []),
    "a block replaces what is outside": (["PermitTTY no", "Match User a", "PermitTTY yes"], []),
    "twice in a block": (["Match User a", "PermitTTY no", "PermitTTY yes"], [(3, 2)]),
    "in the same block again": (["Match User a", "PermitTTY no", "Match User a", "PermitTTY yes"],
                                [(4, 2)]),
    "criteria in another order": (["Match User a Host b", "PermitTTY no", "Match Host b User a",
                                   "PermitTTY yes"], [(4, 2)]),
    "other criteria": (["Match User a", "PermitTTY no", "Match User b", "PermitTTY yes"], []),
    "all, then a block": (["Match all", "PermitTTY no", "Match User b", "PermitTTY yes"], [(4, 2)]),
    "a block, then all": (["Match User b", "PermitTTY no", "Match all", "PermitTTY yes"], []),
    "outside, then all": (["PermitTTY no", "Match all", "PermitTTY yes"], []),
}  # fmt: skip
CLIENT: dict[str, tuple[list[str], list[tuple[int, int]]]] = {
    "the first line counts": (["User a", "User b", "User c"], [(2, 1), (3, 1)]),
    "for all hosts first": (["Host *", "User a", "Host x", "User b"], [(4, 2)]),
    "for all hosts last": (["Host x", "User b", "Host *", "User a"], []),
    "match all": (["Match all", "User a", "Host x", "User b"], [(4, 2)]),
    "a wildcard first": (["Host *.b", "User a", "Host x.b y.b", "User b"], [(4, 2)]),
    "a wildcard for one of two": (["Host *.b", "User a", "Host x.b y", "User b"], []),
    "a wildcard but for one": (["Host *.b !x.b", "User a", "Host x.b", "User b"], []),
    "a wildcard last": (["Host x.b", "User a", "Host *.b", "User b"], []),
    "names of two blocks": (["Host a", "User a", "Host b", "User b", "Host b a", "User c"],
                            [(6, 4)]),
    "a name of two": (["Host a b", "User a", "Host a", "User c"], [(4, 2)]),
    "two names of one": (["Host a", "User a", "Host a b", "User c"], []),
    "another case is another name": (["Host a", "User a", "Host A", "User c"], []),
    "the same patterns": (["Host a*", "User a", "Host a*", "User c"], [(4, 2)]),
    "the same criteria": (["Match user x", "Port 1", "Match user x", "Port 2"], []),
    "twice in a Match block": (["Match user x", "Port 1", "Port 2"], [(3, 2)]),
    "lines that add up": (["SendEnv A", "SendEnv B", "IdentityFile a", "IdentityFile b"], []),
    "one variable, then another": (["SetEnv A=1", "SetEnv B=1"], [(2, 1)]),
    "a jump host, then a command": (["ProxyJump j", "Host x", "ProxyCommand nc %h %p"], [(3, 1)]),
    "a command, then none": (["ProxyCommand nc %h %p", "ProxyJump none"], [(2, 1)]),
    "flags by another word": (["ForwardAgent yes", "ForwardAgent true"], []),
}  # fmt: skip


def lint(text: str, side: str, files: Files | None = None) -> Linted:
    files = files or Files(base=Path("/nonexistent"))
    lint = sshd.lint if side == "server" else ssh_config.lint
    return lint(files.take("config", text.encode()), files, parse_software("openssh=9.2"))


def pairs(linted: Linted) -> list[tuple[int | None, int | None]]:
    """The lines without effect, and those that decide."""
    facts = linted.views[0].facts["ssh"]
    assert isinstance(facts, SshFacts)
    assert facts.config is not None
    return [(one.line.line, one.winner.line) for one in facts.config.overridden or ()]


@pytest.mark.parametrize("name", SERVER)
def test_lines_of_sshd_config(name: str) -> None:
    lines, found = SERVER[name]
    assert pairs(lint("\n".join(lines), "server")) == found


@pytest.mark.parametrize("name", CLIENT)
def test_lines_of_ssh_config(name: str) -> None:
    lines, found = CLIENT[name]
    assert pairs(lint("\n".join(lines), "client")) == found


def test_an_included_file_decides_and_both_lines_are_shown(tmp_path: Path) -> None:
    (tmp_path / "50-cloud.conf").write_text("PasswordAuthentication yes\n")
    text = f"Include {tmp_path}/*.conf\nPasswordAuthentication no\n"
    view = lint(text, "server").views[0]
    assert [str(one.at) for one in view.settings["overridden"]] == [
        "config:2: PasswordAuthentication no",
        f"{tmp_path}/50-cloud.conf:1: PasswordAuthentication yes",
    ]


def test_a_long_list_is_cut_and_its_order_is_the_file_s() -> None:
    many = ["PermitTTY yes", *["PermitTTY no"] * 70, "MaxSessions 1", "MaxSessions 2"]
    assert pairs(lint("\n".join(many), "server")) == [(number, 1) for number in range(2, 66)]


_BUT = "is not indented, but belongs to"
SWALLOWED = [
    ("Match User a\n  PermitTTY no\nX11Forwarding no\nBanner x\n", "server",
     [f"config:3: X11Forwarding {_BUT} Match User a of line 1 and applies there only"]),
    ("Match User a\nPermitTTY no\nX11Forwarding no\n", "server", []),
    ("Match User a\nPermitTTY no\n  X11Forwarding no\n", "server", []),
    ("Match all\n  PermitTTY no\nX11Forwarding no\n", "server", []),
    ("Host a\n\tPort 1\nHost b\n\tPort 2\nUser x\n", "client",
     [f"config:5: User {_BUT} Host b of line 3 and applies there only"]),
    ("Host *\n  Port 1\nUser x\n", "client", []),
    ("Host *\n  Port 1\nHost b\n\tPort 2\nUser x\n", "client",
     [f"config:5: User {_BUT} Host b of line 3 and applies there only"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "side", "notes"), SWALLOWED)
def test_a_line_that_is_in_a_block_and_does_not_look_like_it(
    text: str, side: str, notes: list[str]
) -> None:
    files = Files(base=Path("/nonexistent"))
    lint(text, side, files)
    assert [str(note) for note in files.notes] == notes
