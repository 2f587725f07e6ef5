"""``seventh read``: files and standard input, every format, one line for what it cannot read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from seventh.cli.main import main
from tests.conformance.test_lab import SCHEMA
from tests.protocols.mail.wire.test_aggregate import META, record

MESSAGE = b"From: Anna <anna@example.org>\nSubject: Tea\nTo: bob@example.net\n\nTea?\n"
REPORT = f"<feedback>{META}{record(count='2', dkim='pass', spf='pass')}</feedback>".encode()
READS = "not a message (RFC 5322), a DMARC aggregate report (XML), a TLS report (JSON)"


def ran(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["read", *words])
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "m.eml").write_bytes(MESSAGE)
    (tmp_path / "mail.bin").write_bytes(gzip.compress(REPORT))  # the content decides, not the name
    (tmp_path / "junk.eml").write_bytes(b"\0\1\2")
    return tmp_path


def test_messages_and_reports_in_one_document(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(folder / "m.eml"), str(folder / "mail.bin")]
    code, out, err = ran(capsys, *names, "--offline", "--format", "json")
    assert (code, err) == (3, "")
    SCHEMA.validate(json.loads(out))
    message, report = json.loads(out)["reports"]
    assert [message["status"], report["status"]] == ["unknown", "ok"]
    assert [message["target"], report["target"]] == [f"file:{name}" for name in names]
    assert message["protocol"] == report["protocol"] == "mail"
    assert message["facts"]["received"]["message"]["from_domain"] == "example.org"
    assert report["facts"]["received"]["aggregate"]["messages"] == 2
    assert report["passed"] == ["DMARC-ALIGN"]


@pytest.mark.parametrize("style", ["html", "junit", "markdown", "nagios", "terminal"])
def test_every_format(style: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, str(folder / "mail.bin"), "--format", style, "-v")
    assert (code, err) == (0, "")
    assert "mail.bin" in "".join(out.split())  # a long path is folded


@pytest.mark.parametrize("style", ["html", "junit", "markdown", "nagios", "terminal"])
def test_an_unverified_message_is_not_ok_in_any_format(
    style: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = ran(capsys, str(folder / "m.eml"), "--offline", "--format", style)
    assert (code, err) == (3, "")
    assert "DMARC not verified: --offline was given" in out


def test_what_cannot_be_read_is_one_line_and_the_rest_is_read(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    junk, nothing, good = (str(folder / name) for name in ("junk.eml", "none", "m.eml"))
    code, out, err = ran(capsys, junk, nothing, str(folder), "/dev/zero", good, "--offline")
    assert code == 3
    assert err.splitlines() == [
        f"seventh: {junk}: {READS}",
        f"seventh: {nothing}: No such file or directory",
        f"seventh: {folder}: Is a directory",
        "seventh: /dev/zero: not a regular file; write `seventh read -` to read a pipe",
    ]
    assert f"file:{good}" in out.replace("\n    ", "")  # however long the folder's name is
    assert ran(capsys, junk) == (3, "", f"seventh: {junk}: {READS}\n")


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [(MESSAGE, 3, ""), (REPORT, 0, ""), (b"", 3, f"seventh: -: empty; {READS}\n"),
     (b"x", 3, f"seventh: -: {READS}\n")],
)  # fmt: skip
def test_standard_input(
    data: bytes, code: int, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    piped = tmp_path / "in"
    piped.write_bytes(data)
    with piped.open("rb") as file:
        monkeypatch.setattr("sys.stdin", file)
        assert ran(capsys, "-", "--offline")[::2] == (code, line)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ([], "the following arguments are required: FILE; see `seventh read --help`"),
        (["--only", "NO-RULE", "x"], "unknown rule"),
        (["--timeout", "0", "x"], "--timeout"),
        (["--resolver", "nowhere", "x"], "--resolver"),
        (["--user", "x"], "unknown option --user"),
    ],
)
def test_mistakes(words: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = ran(capsys, *words)
    assert (code, out) == (3, "")
    assert err.startswith(f"seventh: {line}")
    assert err.count("\n") == 1
