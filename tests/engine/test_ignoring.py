"""What a comment accepts counts for nothing; a comment that accepts nothing is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_file
from seventh.model.lintfacts import LintFacts
from seventh.model.report import Report
from seventh.model.severity import Status
from seventh.rules.run import Selection

WEAK = "Ciphers aes128-cbc,aes256-ctr"
UNKNOWN = "unknown rule 'SSH-CIPHER-WEEK': did you mean SSH-CIPHER-WEAK? `seventh rules` lists them"
ONLY = ("SSH-CIPHER-WEAK", "SSH-NO-KEEPALIVE", "SSH-HOSTKEY-WEAK")


def linted(folder: Path, text: str, **more: str) -> Report:
    for name, content in {"sshd_config": text, **more}.items():
        (folder / name).write_text(content)
    selection = Selection(only=frozenset(ONLY))
    return lint_file(folder / "sshd_config", Wanted(selection=selection))


def known(report: Report, folder: Path) -> dict[str, str]:
    return {each.id: each.known.replace(f"{folder}/", "") for each in report.findings}


def notes(report: Report) -> list[str]:
    facts = report.facts["lint"]
    assert isinstance(facts, LintFacts)
    return [f"{note.line}: {note.text}" for note in facts.notes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{WEAK}\n", {"SSH-CIPHER-WEAK": "", "SSH-NO-KEEPALIVE": ""}),
        (
            f"{WEAK} # seventh: ignore=SSH-CIPHER-WEAK old scanner\n",
            {"SSH-NO-KEEPALIVE": "", "SSH-CIPHER-WEAK": "sshd_config:1: old scanner"},
        ),
        (
            f"# seventh: ignore=SSH-CIPHER-WEAK\n{WEAK}\n",
            {"SSH-NO-KEEPALIVE": "", "SSH-CIPHER-WEAK": "sshd_config:1: no reason given"},
        ),
        (
            f"Port 22 # seventh: ignore=SSH-CIPHER-WEAK,SSH-NO-KEEPALIVE wrong line\n{WEAK}\n",
            {"SSH-CIPHER-WEAK": "", "SSH-NO-KEEPALIVE": "sshd_config:1: wrong line"},
        ),
    ],
)
def test_what_is_accepted(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    report = linted(tmp_path, text)
    assert list(known(report, tmp_path).items()) == list(expected.items())


def test_only_what_is_not_accepted_counts(tmp_path: Path) -> None:
    both = "# seventh: ignore=SSH-CIPHER-WEAK,SSH-NO-KEEPALIVE it is fine\n"
    assert linted(tmp_path, f"{WEAK}\n").status is Status.CRITICAL
    assert linted(tmp_path, f"{both}{WEAK}\n").status is Status.OK


def test_a_comment_of_an_included_file(tmp_path: Path) -> None:
    report = linted(
        tmp_path, f"Include {tmp_path}/more\n",
        more=f"{WEAK} # seventh: ignore=SSH-CIPHER-WEAK here\n",
    )  # fmt: skip
    assert known(report, tmp_path)["SSH-CIPHER-WEAK"] == "more:1: here"


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("SSH-CIPHER-WEAK x", []),
        (
            "SSH-CIPHER-WEEK x",
            [f"1: ignore=SSH-CIPHER-WEEK: {UNKNOWN}"],
        ),
        ("SSH-HOSTKEY-WEAK x", []),  # skipped: the keys are not here
        ("SSH-MAC-WEAK x", []),  # not selected
        ("NTP-SPOOF x", []),  # of another protocol, which this file does not decide
    ],
)
def test_what_accepts_nothing(tmp_path: Path, comment: str, expected: list[str]) -> None:
    report = linted(tmp_path, f"# seventh: ignore={comment}\n{WEAK}\n")
    assert notes(report) == expected


def test_a_comment_that_is_not_needed_any_more(tmp_path: Path) -> None:
    clean = "Ciphers aes256-ctr # seventh: ignore=SSH-CIPHER-WEAK old\n"
    note = "1: ignore=SSH-CIPHER-WEAK is not needed: the rule finds nothing here"
    assert notes(linted(tmp_path, clean)) == [note]
    assert notes(linted(tmp_path, f"Port 22 # seventh: ignore=SSH-CIPHER-WEAK\n{WEAK}\n")) == [note]
