"""Judging files: recognising them, reading them within bounds, pointing at their lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.engine.lint_folder import lint_folder
from seventh.engine.recognise import by_content, by_name
from seventh.lintkit.linted import parse_software
from seventh.model.failure import Reason
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.rules.run import Selection

SSHD = b"PasswordAuthentication yes\nPermitRootLogin yes\nSubsystem sftp internal-sftp\n"
CHRONY = b"server a.example iburst\ndriftfile /var/lib/chrony/drift\nmakestep 1 3\nrtcsync\n"
OPENSSH = Wanted(software=(parse_software("openssh=9.2"),))


def ids(report: Report) -> set[str]:
    return {finding.id for finding in report.findings}


def facts(report: Report) -> LintFacts:
    known = report.facts["lint"]
    assert isinstance(known, LintFacts)
    return known


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("/etc/ssh/sshd_config", "sshd_config"),
        ("sshd_config.d/50-cloud.conf", "sshd_config"),
        ("/home/x/.ssh/config", "ssh_config"),
        ("/etc/ssh/ssh_config", "ssh_config"),
        (".ssh/authorized_keys", "authorized_keys"),
        ("/etc/chrony/chrony.conf", "chrony.conf"),
        ("/etc/chrony.conf", "chrony.conf"),
        ("/etc/ntp.conf", "ntp.conf"),
        ("/etc/nginx/nginx.conf", "nginx.conf"),
        ("/etc/nginx/sites-enabled/default", "nginx.conf"),
        ("/etc/nginx/conf.d/a.conf", "nginx.conf"),
    ],
)
def test_a_name_tells_the_kind(name: str, kind: str) -> None:
    found = by_name(Path(name))
    assert found is not None
    assert found.name == kind


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (SSHD, "sshd_config"),
        (CHRONY, "chrony.conf"),
        (
            b"Host *\n  ForwardAgent yes\n  ControlMaster auto\n  ProxyJump b",
            "ssh_config",
        ),
        (b"driftfile /d\nrestrict default kod nomodify noquery\nserver 127.127.1.0\n", "ntp.conf"),
    ],
)
def test_content_tells_the_kind_of_a_file_of_another_name(data: bytes, kind: str) -> None:
    found = by_content(tuple(data.decode().splitlines()))
    assert found is not None
    assert found.name == kind
    assert facts(lint_text("-", data, Wanted())).kind == kind


@pytest.mark.parametrize(
    "data", [b"", b"# only a comment\n", b"Dear reader,\nthis is prose.\n", b"<html>\n", b"a=1\n"]
)
def test_what_looks_like_nothing_asks_for_the_kind(data: bytes) -> None:
    report = lint_text("-", data, Wanted())
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert "--kind" in report.failure.detail
    assert report.status is Status.UNKNOWN


def test_a_finding_stands_on_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(SSHD)
    report = lint_file(path, OPENSSH)
    assert report.target == f"file:{path}"
    assert report.protocol == "ssh"
    (finding,) = [f for f in report.findings if f.id == "SSH-PASSWORD-ON"]
    assert finding.product == "openssh"
    assert any((s.file, s.line) == (str(path), 1) for s in finding.source)
    assert facts(report).software == "openssh 9.2"
    assert not facts(report).software_assumed


def test_a_default_is_shown_with_its_version(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(b"Port 22\n")
    (finding,) = [f for f in lint_file(path, OPENSSH).findings if f.id == "SSH-PASSWORD-ON"]
    first = finding.source[0]
    assert first.line is None
    assert "9.2" in first.text


def test_a_match_block_is_judged_and_named(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(
        b"PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        b"Match User guest\n  PasswordAuthentication yes\n"
    )
    report = lint_file(path, OPENSSH)
    (finding,) = [f for f in report.findings if f.id == "SSH-PASSWORD-ON"]
    assert "guest" in finding.view
    assert any(s.line == 4 for s in finding.source)
    assert len(facts(report).views) == 2


def test_a_file_decides_what_is_another_room_s_business(tmp_path: Path) -> None:
    path = tmp_path / "nginx.conf"
    path.write_text(
        "events { }\nhttp { server { listen 443 ssl; ssl_certificate c;\n"
        "ssl_protocols TLSv1.1;\nlocation /ws { proxy_pass http://127.0.0.1; } } }\n"
    )
    report = lint_file(path, Wanted())
    by_id = {finding.id: finding for finding in report.findings}
    assert report.protocol == "http"
    assert by_id["TLS-LEGACY"].room == "tls"
    assert by_id["TLS-LEGACY"].product == "nginx"
    assert [line.line for line in by_id["TLS-LEGACY"].source] == [3]
    assert by_id["WS-STRIPPED"].room == "websocket"
    assert {"http", "tls", "lint"} <= set(report.facts)
    judged = set(by_id) | {s.id for s in report.skipped} | set(report.passed)
    assert "TLS-CERT-EXPIRED" not in judged, "no file decides it"
    only = lint_file(path, Wanted(selection=Selection(only=frozenset({"TLS-LEGACY"}))))
    assert ids(only) == {"TLS-LEGACY"}


def test_only_and_skip_select(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(SSHD)
    only = lint_file(path, Wanted(selection=Selection(only=frozenset({"SSH-PASSWORD-ON"}))))
    assert ids(only) == {"SSH-PASSWORD-ON"}
    skip = lint_file(path, Wanted(selection=Selection(skip=frozenset({"SSH-PASSWORD-ON"}))))
    assert "SSH-PASSWORD-ON" not in ids(skip)


def test_no_rule_that_only_the_wire_decides_is_even_skipped(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(SSHD)
    report = lint_file(path, OPENSSH)
    named = ids(report) | {s.id for s in report.skipped} | set(report.passed)
    assert "SSH-BANNER-SLOW" not in named
    assert "NTP-OFFSET" not in named


def test_a_missing_file_is_unreadable_not_bad(tmp_path: Path) -> None:
    report = lint_file(tmp_path / "sshd_config", Wanted())
    assert report.failure is not None
    assert report.failure.reason is Reason.FILE_UNREADABLE
    assert report.status is Status.UNKNOWN


def test_what_could_not_be_read_does_not_hide_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(SSHD + b"x" * 100_000 + b"\n")
    report = lint_file(path, OPENSSH)
    assert report.failure is not None
    assert report.status is Status.CRITICAL
    assert "SSH-PASSWORD-ON" in ids(report)


def test_a_folder_is_searched_and_what_is_included_judged_once(tmp_path: Path) -> None:
    (tmp_path / "ssh" / "sshd_config.d").mkdir(parents=True)
    (tmp_path / "ssh" / "sshd_config").write_text("Include sshd_config.d/*.conf\n")
    (tmp_path / "ssh" / "sshd_config.d" / "a.conf").write_text("PermitRootLogin yes\n")
    (tmp_path / "time").mkdir()
    (tmp_path / "time" / "chrony.conf").write_bytes(CHRONY)
    (tmp_path / "notes.txt").write_text("Dear reader,\n")
    (tmp_path / "binary").write_bytes(b"\0\1\2")
    reports = list(lint_folder(tmp_path, Wanted()))
    assert {Path(r.target).name for r in reports} == {"sshd_config", "chrony.conf"}
    by_room = {r.protocol: r for r in reports}
    assert len(facts(by_room["ssh"]).files) == 2


def test_the_gravest_comes_first(tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_bytes(SSHD + b"Protocol 2\nPermitEmptyPasswords yes\n")
    ranks = [finding.severity.rank for finding in lint_file(path, OPENSSH).findings]
    assert ranks == sorted(ranks, reverse=True)
    assert len(set(ranks)) > 1
