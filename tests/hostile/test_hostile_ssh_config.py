"""Strange and hostile SSH configuration: typed, bounded in time, and the rest of it judged."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.engine.lint import Wanted, lint_file, lint_text
from seventh.lint import kinds
from seventh.lint.openssh import views
from seventh.lintkit.files import Files
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.protocols.ssh.client.config import reading

KINDS = [name for name, kind in kinds().items() if kind.product == "openssh"]
SECONDS = 30
"""More than twenty times what this takes here; a bound that does not hold takes hours."""


def problems(report: Report) -> list[str]:
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return [str(problem) for problem in facts.problems]


def judged(path: Path, kind: str) -> Report:
    begun = time.monotonic()
    report = lint_file(path, Wanted(kind=kind))
    assert time.monotonic() - begun < SECONDS
    return report


def has(report: Report, rule: str) -> bool:
    return any(finding.id == rule for finding in report.findings)


def test_an_include_cycle(tmp_path: Path) -> None:
    main, other = tmp_path / "sshd_config", tmp_path / "other"
    main.write_text("PermitEmptyPasswords yes\nInclude other\nGatewayPorts yes\n")
    other.write_text("Include sshd_config\nInclude other\n")
    report = judged(main, "sshd_config")
    assert sum("includes itself" in problem for problem in problems(report)) == 2
    assert has(report, "SSH-FWD-OPEN")
    assert has(report, "SSH-NOAUTH")


def test_an_include_tree_that_doubles_at_every_step(tmp_path: Path) -> None:
    for depth in range(20):
        again = f"Include f{depth + 1}\n" * 2
        (tmp_path / f"f{depth}").write_text(again + f"AllowUsers u{depth}\n")
    (tmp_path / "f20").write_text("UseDNS yes\n")
    report = judged(tmp_path / "f0", "sshd_config")
    assert any("deep" in problem for problem in problems(report))
    report = judged(tmp_path / "f0", "ssh_config")
    assert problems(report)


@pytest.mark.parametrize("kind", ["sshd_config", "ssh_config"])
def test_a_glob_that_walks_the_whole_machine(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "config"
    file.write_text(
        "Include /*/*/*/*/*/*/*/nothing-here\nInclude " + "*a" * 3000 + "\nCiphers +3des-cbc\n"
    )
    report = judged(file, kind)
    assert has(report, "SSH-CIPHER-WEAK")


def test_nuls_and_long_lines(tmp_path: Path) -> None:
    file = tmp_path / "sshd_config"
    file.write_bytes(
        b"Ci\0phers +3des-cbc\nAllowUsers " + b"x" * 10_000_000 + b"\nGatewayPorts yes\n"
    )
    report = judged(file, "sshd_config")
    assert any("NUL" in problem for problem in problems(report))
    assert any("was cut" in problem for problem in problems(report))
    assert has(report, "SSH-CIPHER-WEAK")
    assert has(report, "SSH-FWD-OPEN")


def test_an_unreadable_include(tmp_path: Path) -> None:
    (tmp_path / "secret").symlink_to("secret")  # a circle of links: not even root can open it
    main = tmp_path / "sshd_config"
    main.write_text("Include secret\nGatewayPorts yes\n")
    report = judged(main, "sshd_config")
    assert any("cannot be read" in problem for problem in problems(report))
    assert has(report, "SSH-FWD-OPEN")


def test_an_include_of_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    main = tmp_path / "sshd_config"
    main.write_text("Include pipe folder /dev/zero\nGatewayPorts yes\n")
    report = judged(main, "sshd_config")
    assert len(problems(report)) == 3
    assert has(report, "SSH-FWD-OPEN")


BLOCKS = {
    "sshd_config": "Match User u{n}\n MaxAuthTries {digit}\n GatewayPorts yes\n",
    "ssh_config": "Host h{n} *{n}* ?{n}\n Port {digit}\n ForwardAgent yes\n",
}


def with_blocks(kind: str, count: int) -> bytes:
    return "".join(BLOCKS[kind].format(n=n, digit=n % 9 + 1) for n in range(count)).encode()


@pytest.mark.parametrize(("kind", "rule"), [
    ("sshd_config", "SSH-FWD-OPEN"), ("ssh_config", "SSH-AGENTFWD"),
])  # fmt: skip
def test_thirty_thousand_blocks(kind: str, rule: str, tmp_path: Path) -> None:
    file = tmp_path / kind
    file.write_bytes(with_blocks(kind, 30_000))
    report = judged(file, kind)
    assert any("blocks checked separately" in problem for problem in problems(report))
    assert has(report, rule)


@pytest.mark.parametrize("kind", BLOCKS)
def test_work_grows_no_faster_than_the_file(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls are counted and not seconds; as few blocks as may be are checked separately."""
    monkeypatch.setattr(views, "MAX_WORK", 0)

    def calls(blocks: int) -> int:
        count = 0

        def called(frame: FrameType, event: str, argument: object) -> None:
            nonlocal count
            count += 1

        sys.setprofile(called)
        try:
            lint_text(kind, with_blocks(kind, blocks), Wanted(kind=kind))
        finally:
            sys.setprofile(None)
        return count

    calls(1)  # what is loaded and cached once
    few, some, many = (calls(500 * times) for times in (1, 2, 3))
    assert many - some == pytest.approx(some - few, rel=0.05)


@pytest.mark.parametrize(("most", "complete"), [(4, True), (3, False)])
def test_so_many_directives_are_read_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, complete: bool
) -> None:
    monkeypatch.setattr(reading, "MAX_DIRECTIVES", most)
    file = tmp_path / "sshd_config"
    file.write_text("Port 22\nPort 23\nPort 24\nGatewayPorts yes\n")
    report = judged(file, "sshd_config")
    assert has(report, "SSH-FWD-OPEN") is complete
    assert (problems(report) == []) is complete


def test_patterns_that_would_backtrack(tmp_path: Path) -> None:
    pattern = "*a" * 400
    file = tmp_path / "config"
    file.write_text(
        f"Host {pattern}b\n Port 1\nMatch host {pattern}c\n Port 2\nHost {'a' * 250}\n Port 3\n"
    )
    judged(file, "ssh_config")
    file = tmp_path / "sshd_config"
    file.write_text(f"Ciphers -{pattern}\nMatch User {pattern}\n GatewayPorts yes\n")
    assert has(judged(file, "sshd_config"), "SSH-FWD-OPEN")


def test_a_hundred_thousand_keys(tmp_path: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "A" * 43
    file = tmp_path / "authorized_keys"
    file.write_text(f"{key} x\n" * 100_000)
    assert any("only the first" in problem for problem in problems(judged(file, "authorized_keys")))


def test_a_key_line_that_never_ends(tmp_path: Path) -> None:
    file = tmp_path / "authorized_keys"
    file.write_text('command="' + '\\"' * 3_000_000 + "\nfrom=" + "x," * 1_000_000 + "\n")
    assert len(problems(judged(file, "authorized_keys"))) >= 2


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.binary(max_size=400))
def test_no_bytes_raise(kind: str, data: bytes) -> None:
    report = lint_text("-", data, Wanted(kind=kind))
    assert report.facts["lint"]


_PIECES = st.sampled_from(
    ["Match ", "Host ", "Include ", "User ", "all", "!", "*", ",", "\n", "\n", " ", "=", '"', "'",
     "\\", "#", "Ciphers ", "MACs ", "-", "+", "^", "yes", "Address ", "::1/0", "%h", "${X}",
     "ProxyJump ", "HostName ", "IdentityFile ", "LocalForward ", "[", "]", ":", "Port ",
     "99999999999999", "MaxStartups ", "ssh-rsa ", "AAAA", "PermitListen ", "RekeyLimit ", "\0",
     "\f", "\r", "é", "\ud7ff", "ControlPath ", "GatewayPorts ", "AuthenticationMethods ",
     "HostKey ", "Protocol ", "1"]
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@given(pieces=st.lists(_PIECES, max_size=40))
def test_no_mixture_of_words_raises(kind: str, pieces: list[str]) -> None:
    data = "".join(pieces).encode()
    lint_text("-", data, Wanted(kind=kind))
    files = Files()
    kinds()[kind].lint(files.take("x", data), files, None)


def test_binary_junk_is_a_report(tmp_path: Path) -> None:
    file = tmp_path / "sshd_config"
    file.write_bytes(os.urandom(2_000_000))
    report = judged(file, "sshd_config")
    assert report.failure is not None
    assert len(problems(report)) <= 250
