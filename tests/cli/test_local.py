"""``seventh local``: its arguments, its output, and what is wrong in one line."""

from __future__ import annotations

import json

import pytest

from seventh.cli.main import main
from seventh.render.local_page import explain_local


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_a_report_like_any_other(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(
        capsys, "local", "time", "--accuracy", "0.00005", "--format", "json",
        "--skip", "NTP-REACH", "--fail-on", "critical",
    )  # fmt: skip
    assert err == ""
    (report,) = json.loads(out)["reports"]
    assert code in {0, 2}  # 2 if this machine's clock is off by minutes
    assert report["protocol"] == "local"
    assert report["target"].startswith("local://")
    assert report["facts"]["local"]["areas"] == ["time"]
    assert report["facts"]["ntp"]["local"]["accuracy_seconds"] == 0.00005
    ids = {each["id"] for each in (*report["findings"], *report["skipped"])} | {*report["passed"]}
    assert "NTP-PTP-HINT" in ids
    assert "NTP-REACH" not in ids


@pytest.mark.parametrize("style", ["html", "junit", "markdown", "nagios", "terminal"])
def test_every_format(style: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, "local", "--format", style, "-v")
    assert code in {0, 1, 2}
    assert err == ""
    assert "local://" in out


def test_what_it_reads_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran(capsys, "explain", "local") == (0, explain_local(), "")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["local", "tme"],
         "unknown area 'tme': did you mean time? (`seventh explain local` lists them)"),
        (["local", "--accuracy", "0"],
         "--accuracy: '0' is not a number above 0, up to 3600; see `seventh local --help`"),
        (["local", "--only", "NTP-NOTHING"], "unknown rule"),
        (["local", "certificates", "--ca", "/nonexistent"],
         ("--ca /nonexistent: cannot be read: No such file or directory; check the path and its "
         "permissions")),
        (["local", "certificates", "--ca", "/dev/null"], "--ca"),
        (["local", "time", "--ca", "/dev/null"],
         "--ca: an option of the area certificates, which is not looked at"),
        (["check", "tls://127.0.0.1:1", "--local"],
         "--local needs a target that it can log in to: ssh://host"),
        (["check", "127.0.0.1", "--local"],
         "--local needs a target that it can log in to: ssh://host"),
        (["check", "ssh://127.0.0.1:1", "--local", "--from", "ssh://127.0.0.1"],
         "--local: not with --from; it logs in to the targets themselves"),
        (["check", "ssh://127.0.0.1:1", "--local", "--via", "ssh://127.0.0.1"],
         "--local: not with --via or --proxy; name jump hosts in ~/.ssh/config"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    words: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, *words)
    assert (code, out) == (3, "")
    assert err.startswith(f"seventh: {line}")
    assert err.count("\n") == 1
