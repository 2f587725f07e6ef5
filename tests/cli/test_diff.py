"""``seventh diff``, ``--against`` and ``--baseline``, as typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seventh.cli.main import main

WEAK = "Ciphers aes128-cbc,aes256-ctr\nMACs hmac-sha1\n"
CHANGED = "MACs hmac-sha1,hmac-md5\nCiphers aes256-ctr\n"
LINT = ("lint", "--only", "SSH-CIPHER-WEAK,SSH-MAC-WEAK,SSH-KEX-WEAK")


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sshd_config").write_text(WEAK)
    assert main([*LINT, "sshd_config", "--format", "json", "--output", "old.json"]) == 2
    Path("sshd_config").write_text(CHANGED)
    assert main([*LINT, "sshd_config", "--format", "json", "--output", "new.json"]) == 1


def changes(out: str) -> list[tuple[str, str, str]]:
    (target,) = json.loads(out)["targets"]
    return [(each["change"], each["id"], each["note"]) for each in target["changes"]]


EXPECTED = [("worse", "SSH-MAC-WEAK", "added: hmac-md5 (MD5)"), ("fixed", "SSH-CIPHER-WEAK", "")]


def test_two_reports(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "old.json", "new.json", "--format", "json"]) == 1
    assert changes(capsys.readouterr().out) == EXPECTED
    assert main(["diff", "old.json", "new.json", "--fail-on", "high"]) == 0
    assert main(["diff", "new.json", "old.json"]) == 2
    assert main(["diff", "new.json", "new.json", "--output", "same.txt"]) == 0
    assert "1 target: 1 same" in Path("same.txt").read_text()


def test_against(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LINT, "sshd_config", "--against", "old.json", "--format", "json"]) == 1
    assert changes(capsys.readouterr().out) == EXPECTED
    assert main([*LINT, "sshd_config", "--against", "new.json"]) == 0
    assert capsys.readouterr().out.startswith("1 target: 1 same")


def test_a_rule_that_was_not_selected_is_not_fixed(capsys: pytest.CaptureFixture[str]) -> None:
    only = ("lint", "--only", "SSH-MAC-WEAK", "sshd_config")
    assert main([*only, "--against", "old.json", "--format", "json"]) == 3
    assert changes(capsys.readouterr().out)[1][:2] == ("gone", "SSH-CIPHER-WEAK")


def test_a_check_against_an_earlier_one(capsys: pytest.CaptureFixture[str]) -> None:
    refused = ("check", "tcp://127.0.0.1:1")
    assert main([*refused, "--format", "json", "--output", "first.json"]) == 2
    assert main([*refused, "--against", "first.json"]) == 0
    assert "1 target: 2 same" in capsys.readouterr().out


def test_a_failure_is_never_known(capsys: pytest.CaptureFixture[str]) -> None:
    refused = ("check", "tcp://127.0.0.1:1")
    assert main([*refused, "--format", "json", "--output", "first.json"]) == 2
    assert main([*refused, "--baseline", "first.json"]) == 2
    assert "  known     NET-PORT-STATE  Port unreachable" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("format_", "expected"),
    [
        ("terminal", "  known     SSH-MAC-WEAK  Weak MACs offered (in the baseline)"),
        ("markdown", "### known medium: SSH-MAC-WEAK: Weak MACs offered"),
        ("html", '<span class="severity">known medium</span> Weak MACs offered'),
        ("nagios", "SEVENTH OK - file:sshd_config 1 known in"),
        ("junit", 'tests="4" failures="0"'),
        ("json", '"known": "in the baseline"'),
    ],
)
def test_what_the_baseline_has_does_not_count(
    format_: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*LINT, "sshd_config", "--baseline", "new.json", "--format", format_]
    assert main(words) == 0
    assert expected in capsys.readouterr().out


def test_what_is_worse_than_the_baseline_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*LINT, "sshd_config", "--baseline", "old.json"]) == 1
    assert "  medium    SSH-MAC-WEAK" in capsys.readouterr().out
    Path("sshd_config").write_text(WEAK + "KexAlgorithms diffie-hellman-group1-sha1\n")
    assert main([*LINT, "sshd_config", "--baseline", "old.json", "--format", "nagios"]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "SSH-KEX-WEAK" in lines[0]
    assert "and" not in lines[0].partition("SSH-KEX-WEAK")[2].partition(" in ")[0]
    assert lines[1].endswith(" 1 high, 2 known")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("diff", "-", "-"), "only one of the two reports can be standard input"),
        (("diff", "old.json"), "the following arguments are required: NEW"),
        (("diff", "none.json", "new.json"), "none.json: cannot be read: No such file"),
        (("diff", "sshd_config", "new.json"), "sshd_config: not a JSON report of Seventh"),
        (("check", "tcp://127.0.0.1:1", "--against", "none"), "none: cannot be read"),
        (("lint", "sshd_config", "--baseline", "sshd_config"), "sshd_config: not a JSON report"),
        (
            ("lint", "sshd_config", "--against", "old.json", "--format", "html"),
            "--against has no format html: write --format terminal or json",
        ),
        (
            ("lint", "sshd_config", "--against", "-", "--baseline", "-"),
            "only one of --against and --baseline can be standard input",
        ),
    ],
)
def test_mistakes_are_one_line(
    words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"seventh: {said}")
    assert err.count("\n") == 1
