"""``seventh check`` in parts: the rules selected, the targets at once, progress and exit codes."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from seventh import __version__
from seventh.cli import check, lint, show, signals
from seventh.cli.arguments import parse
from seventh.cli.main import main
from seventh.lint import kinds
from seventh.model.failure import UsageError
from seventh.model.host import Host
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.model.severity import Severity
from seventh.rules.run import Selection
from tests.render.samples import CLEAN, FAILURE, FOUND, SLOW, report


def test_rules_are_selected_by_id() -> None:
    parsed = parse(["check", "x", "--only", "net-pmtu,NET-DNS-SLOW", "--skip", "ssh-kex-weak"])
    assert check.selection_of(parsed) == Selection(
        only=frozenset({"NET-PMTU", "NET-DNS-SLOW"}), skip=frozenset({"SSH-KEX-WEAK"})
    )
    assert check.selection_of(parse(["check", "x"])) == Selection()
    for option in ("--only", "--skip"):
        with pytest.raises(UsageError, match="unknown rule 'NET-PMT': did you mean NET-PMTU"):
            check.selection_of(parse(["check", "x", option, "NET-PMT"]))


@pytest.mark.parametrize(
    ("fit", "parallel", "jobs", "says"),
    [
        (16, 16, 99, ""),
        (3, 16, 99, ("seventh: checking 3 targets at a time, not 16: this process may open only 64 "
         "files (`ulimit -n` raises the limit)\n")),
        (3, 16, 3, ""),
        (2, 16, 3, ("seventh: checking 2 targets at a time, not 16: this process may open only 64 "
         "files (`ulimit -n` raises the limit)\n")),
        (2, 2, 3, ""),
    ],
)  # fmt: skip
def test_fewer_targets_at_once_than_asked_for_are_announced(
    fit: int, parallel: int, jobs: int, says: str, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr(check, "fitting", lambda given, wanted: (fit, 64))
    made: Any = [None] * jobs
    assert check._side_by_side(made, parallel) == fit
    assert capsys.readouterr().err == says


def test_progress_is_for_terminals_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = check.progress(["a"], "targets")
    shown(CLEAN)
    shown(None)
    assert capsys.readouterr() == ("", "")

    class Screen(io.StringIO):
        def isatty(self) -> bool:
            return True

    for names, first in ((["ssh://h"], "checking ssh://h"), (["a", "b"], "checking 2 targets")):
        screen = Screen()
        monkeypatch.setattr(sys, "stderr", screen)
        shown = check.progress(names, "targets")
        shown(CLEAN)
        shown(None)
        text = screen.getvalue()
        assert first in text
        assert f"{CLEAN.target}: ok" in text
        assert f"1/{len(names)}" in text


def test_a_document_has_the_time_and_the_version() -> None:
    made = show.document([CLEAN], [Host(name="h", ports=())])
    assert (made.version, made.reports, len(made.hosts)) == (__version__, (CLEAN,), 1)
    assert len(made.generated_at) == len("2026-11-22T06:00:01Z")
    assert made.generated_at[10] + made.generated_at[-1] == "TZ"


@pytest.mark.parametrize(
    ("reports", "bar", "whole", "code"),
    [
        ([], Severity.MEDIUM, True, 3),
        ([CLEAN], Severity.MEDIUM, True, 0),
        ([CLEAN], Severity.MEDIUM, False, 3),
        ([CLEAN, FOUND], Severity.MEDIUM, True, 2),
        ([CLEAN, FOUND], Severity.MEDIUM, False, 2),
        ([CLEAN, FOUND], Severity.CRITICAL, True, 0),
        ([report(findings=(SLOW,))], Severity.LOW, True, 1),
        ([report(findings=(SLOW,))], Severity.MEDIUM, True, 0),
        ([report(failure=FAILURE)], Severity.CRITICAL, True, 2),
    ],
)
def test_the_exit_code_is_the_worst_status(
    reports: list[Report], bar: Severity, whole: bool, code: int
) -> None:
    assert show.worst_exit(reports, bar, whole=whole) == code


def emitted(words: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[str]]:
    """What a report is printed as, and the encodings that standard output was set to."""
    set_to: list[str] = []
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(show, "write_utf8", lambda: set_to.append("utf-8"))
    parsed = parse(["check", "x", *words.split()])
    show.emit(show.document([FOUND]), parsed)
    return stream.getvalue(), set_to


def test_a_report_is_printed_as_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    text, set_to = emitted("", monkeypatch)
    assert text.startswith("✖ critical  demo://weak.example:7")
    assert set_to == []
    assert "DEMO-TOLD  nothing was told" in emitted("-v", monkeypatch)[0]
    assert emitted("--fail-on critical", monkeypatch)[0].startswith("✔ ok")
    text, set_to = emitted("--format json --checklist", monkeypatch)
    assert json.loads(text)["reports"][0]["checklist"] == []
    assert set_to == ["utf-8"]
    text, set_to = emitted(f"--format json --output {tmp_path}/o", monkeypatch)
    assert (text, set_to) == ("", [])
    assert (
        json.loads((tmp_path / "o").read_text(encoding="utf-8"))["reports"][0]["checklist"] is None
    )


def test_a_loop_returns_what_its_main_does() -> None:
    async def main() -> int:
        await asyncio.sleep(0)
        return 7

    assert check.run_loop(main()) == 7


# -- the verb --------------------------------------------------------------------------------------


@pytest.fixture
def handlers() -> Iterator[None]:
    """The signals' handlers are put back; a command leaves the system's after a signal."""
    before = {each: signal.getsignal(each) for each in signals.ENDING}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def checked(
    words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *,
    interrupt: bool = False,
) -> tuple[int, list[str], str, list[Any]]:  # fmt: skip
    """Run a check of which no probe runs: exit code, targets reported, errors, what was given."""
    given: list[Any] = []

    async def check_many(
        jobs: list[Any], selection: Selection, *, parallel: int, stop: asyncio.Event
    ) -> AsyncIterator[tuple[int, Report]]:
        given.append((selection, parallel))
        for index, (target, options) in enumerate(jobs):
            given.append(options)
            if interrupt and index == 1:
                signal.raise_signal(signal.SIGTERM)
                await stop.wait()
                return
            yield index, report(target=str(target), protocol=target.scheme)

    def together(reports: list[Report], selection: Selection) -> list[Report]:
        return [report(target="together")]

    monkeypatch.setattr(check, "check_many", check_many)
    monkeypatch.setattr("seventh.engine.together.together", together)
    code = main(["check", *words.split(), "--format", "json"])
    out, err = capsys.readouterr()
    targets = [made["target"] for made in json.loads(out)["reports"]] if out else []
    return code, targets, err, given


def test_every_target_is_checked_and_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, targets, err, given = checked(
        "tcp://a:1 tcp://b:2 --parallel 5 --only NET-PMTU --timeout 3 -v", monkeypatch, capsys
    )
    assert (code, err) == (0, "")
    assert targets == ["tcp://a:1", "tcp://b:2", "together"]
    assert given == [
        (Selection(only=frozenset({"NET-PMTU"})), 5),
        *[Options(timeout_seconds=3.0, transcript=True)] * 2,
    ]


@pytest.mark.usefixtures("handlers")
def test_after_a_signal_nothing_is_compared_and_the_rest_is_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, targets, err, _ = checked(
        "tcp://a:1 tcp://b:2 tcp://c:3", monkeypatch, capsys, interrupt=True
    )
    assert (code, targets) == (3, ["tcp://a:1"])
    assert err == "seventh: interrupted by SIGTERM; 2 of 3 targets were not checked\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("tcp://a:1 --samples 3", ("--samples: no target uses it; it is an option of ntp "
         "(`seventh check --help net` lists the options of net)")),
        ("tls://a:1 --ca {here}", "--ca {here}: no PEM certificate found"),
        ("tls://a:1 --cert {here} --key {here}", "--cert {here}: no PEM certificate found"),
        ("tls://a:1 --ca-store {here}", "CA store {here}: no readable PEM certificates"),
        ("https://a --header X:env:NOT_SET_HERE", ("--header X: the environment variable "
         "NOT_SET_HERE is not set")),
        ("tcp://a:1 --output /no/such/x", "--output /no/such/x: cannot be written: "),
        ("tcp://a:1 --only NO-SUCH", "unknown rule 'NO-SUCH'"),
        ("", "no target: name one"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_before_any_check(
    words: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words, says = words.replace("{here}", __file__), says.replace("{here}", __file__)
    code, targets, err, given = checked(words, monkeypatch, capsys)
    assert (code, targets, given) == (3, [], [])
    assert says in err
    assert err.count("\n") == 1


# -- lint ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("x --kind zz", "--kind: unknown kind 'zz': "),
        ("x --software zz=1", "--software: unknown product 'zz': write "),
        ("x --software opensh=9", "--software: unknown product 'opensh': did you mean openssh?"),
        (
            "x --software openssh",
            "--software 'openssh': write PRODUCT=VERSION, such as openssh=9.2",
        ),
    ],
)
def test_what_lint_refuses(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", *words.split()]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"seventh: {says}")


def test_lint_reads_files_folders_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/sshd_config").write_text("UsePAM yes\n", encoding="utf-8")
    (tmp_path / "named").write_text("UsePAM yes\n", encoding="utf-8")
    asked: list[int] = []
    monkeypatch.setattr(lint, "stdin_bytes", lambda count: asked.append(count) or b"UsePAM yes\n")
    words = ["lint", str(tmp_path / "etc"), str(tmp_path / "named"), "-", "--kind", "sshd_config",
             "--software", "openssh=9.2p1", "--format", "json"]  # fmt: skip
    main(words)
    reports = json.loads(capsys.readouterr().out)["reports"]
    assert [made["target"] for made in reports] == [
        f"file:{tmp_path}/etc/sshd_config", f"file:{tmp_path}/named", "file:-",
    ]  # fmt: skip
    assert {made["facts"]["lint"]["software"] for made in reports} == {"openssh 9.2"}
    assert asked == [16 * 1024 * 1024 + 1]


def test_a_folder_without_files_names_the_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lint", str(tmp_path)]) == 3
    assert capsys.readouterr() == (
        "", (f"seventh: {tmp_path}: contains no recognised file; name a file with --kind "
        f"({', '.join(sorted(kinds()))})\n"),
    )  # fmt: skip


def test_an_interrupted_lint_shows_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = iter([CLEAN])

    def lint_file(path: Path, wanted: object) -> Report:
        try:
            return next(made)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr(lint, "lint_file", lint_file)
    parsed: argparse.Namespace = parse(["lint", "a", "b", "c", "--format", "nagios"])
    assert lint.run(parsed) == 3
    out, err = capsys.readouterr()
    assert out.startswith("SEVENTH OK - ")
    assert err == "seventh: interrupted; the remaining files were not checked\n"


def test_a_failure_of_a_file_is_no_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lint", "/no/such/sshd_config", "--format", "nagios"]) == 3
    out, err = capsys.readouterr()
    assert err == ""
    assert out.startswith("SEVENTH UNKNOWN - file:/no/such/sshd_config file-unreadable in lint: ")
