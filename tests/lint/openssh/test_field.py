"""Kinds of input that real files showed: what is valid is judged, what is unknown is a note."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file
from seventh.lintkit.linted import parse_software
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report

pytestmark = pytest.mark.field


def lint(folder: Path, name: str, text: str, version: str = "9.2") -> Report:
    file = folder / name
    file.write_text(text)
    return lint_file(file, Wanted(software=(parse_software(f"openssh={version}"),)))


def notes(report: Report) -> list[str]:
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return [note.text for note in facts.notes]


@pytest.mark.parametrize("sign", ["-*", "-*,x", "-hmac-*,umac-*"])
def test_a_list_may_remove_everything(sign: str, tmp_path: Path) -> None:
    report = lint(tmp_path, "sshd_config", f"Ciphers chacha20-poly1305@openssh.com\nMACs {sign}\n")
    assert report.failure is None
    assert "SSH-MAC-WEAK" in report.passed


@pytest.mark.parametrize(
    "line",
    ['Match host a exec "test -e /x"', "Match exec true", "Match !exec false",
     "Match localnetwork 192.0.2.0/24", "Match command x"],
)  # fmt: skip
def test_what_only_the_machine_decides_is_a_note(line: str, tmp_path: Path) -> None:
    report = lint(tmp_path, "ssh_config", f"{line}\n  User a\nHost b\n  Port 22\n", "10.2")
    assert report.failure is None
    assert len(notes(report)) == 1


def test_keyboard_interactive_without_pam_cannot_succeed(tmp_path: Path) -> None:
    for pam, wanted in (("no", False), ("yes", True)):
        text = f"UsePAM {pam}\nPasswordAuthentication no\nKbdInteractiveAuthentication yes\n"
        report = lint(tmp_path, "sshd_config", text)
        assert ("SSH-PASSWORD-ON" in {f.id for f in report.findings}) is wanted


def test_a_key_that_comes_second_is_a_key(tmp_path: Path) -> None:
    text = "PasswordAuthentication yes\nAuthenticationMethods password,publickey\n"
    ids = {finding.id for finding in lint(tmp_path, "sshd_config", text).findings}
    assert "SSH-PASSWORD-ON" in ids
    assert "SSH-PUBKEY-OFF" not in ids


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("9.2", "PerSourcePenalties no\n"), ("8.1", "Include x\n"),
        ("9.2", "Match invalid-user\n PermitTTY no\n"),
        ("9.4", "Subsystem sftp a\nSubsystem sftp b\n"),
    ],
)  # fmt: skip
def test_what_an_older_version_does_not_know_is_refused(
    version: str, text: str, tmp_path: Path
) -> None:
    failure = lint(tmp_path, "sshd_config", text, version).failure
    assert failure is not None
    assert failure.reason is Reason.FILE_MALFORMED
    newer = lint(tmp_path, "sshd_config", text.replace("Include x", ""), "10.2")
    assert newer.failure is None


def test_each_server_that_rests_on_a_default_is_reported(tmp_path: Path) -> None:
    server = "server {{ listen 443 ssl; server_name {0}; ssl_certificate c; location /x {{ }} }}\n"
    text = "events {}\nhttp {\n" + server.format("a.example") + server.format("b.example") + "}\n"
    (tmp_path / "nginx.conf").write_text(text)
    report = lint_file(tmp_path / "nginx.conf", Wanted(software=(parse_software("nginx=1.22.1"),)))
    (finding,) = (finding for finding in report.findings if finding.id == "TLS-NO13")
    assert [view.partition(" (")[0] for view in (finding.view, *finding.also)] == [
        "server a.example", "server b.example",
    ]  # fmt: skip


def test_what_a_block_inherits_from_the_whole_file_is_reported_once(tmp_path: Path) -> None:
    text = "UsePAM no\nMatch User a\n X11Forwarding no\n AllowTcpForwarding no\n"
    report = lint(tmp_path, "sshd_config", text)
    ids = [finding.id for finding in report.findings]
    assert len(ids) == len(set(ids))
