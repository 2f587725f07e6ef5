"""``seventh history`` and ``seventh export``: the picture, JSON, files, mistakes in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from seventh.cli.main import main
from seventh.watch.history import compact
from seventh.watch.samples import Pulse
from tests.watch.history.made import NAMES, START, filled, now_ns
from tests.watch.history.test_compact import forget
from tests.watch.made import OURS, REFUSED, pulse

TIME = ("--since", "2024-10-04", "--until", "2024-10-04T02:00Z")


def pulses() -> list[Pulse]:
    """Two hours: good, slower, some failed, all failed, unknown, nothing."""
    found = []
    for minute in range(100):
        ms = 10 + minute // 20 * 10 + minute % 5
        cause = None
        if (40 <= minute < 60 and minute % 4 == 0) or 60 <= minute < 80:
            cause = REFUSED
        elif minute >= 80:
            cause = OURS
        phases = {} if cause else {"connect": ms * 10**6}
        found.append(pulse(START + minute * 60, cause, 1, **phases))
    return [*found, pulse(START, None, 2, connect=5)]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    filled(folder, pulses())
    forget(folder, list(compact.compact(folder, now_ns(1))))
    return folder


def shown(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


def test_the_picture(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = shown(capsys, "history", "ssh://a", *TIME, "--state", str(state))
    assert out == PICTURE


PICTURE = """\
ssh://a:22  all phases
 34.0 ms                      ━ ░━ ━░━━
                             ━ ━━ ━ ━

 22.6 ms            ━░░━ ━░░━
                   ━ ━━ ━ ━━

 15.1 ms
          ░░ ━ ░░ ━
         ░━░━ ░━░━
 10.0 ms ━ ━  ━ ━
   state ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▄▁▄▁▄▁▄▁▄▁██████████??????????
         2024-10-04T00:00:00Z                    2024-10-04T02:00:00Z
100 pulses, 68.75 % succeeded, 20 unknown, one column: 2.0 min
p5 about 10.4 ms, p50 about 20.8 ms, p95 about 34.9 ms, p99 about 34.9 ms
      25 connect-refused
      20 local-resource
━ p50  ░ p5 to p95  · p99
▁ all succeeded  ▄ some failed  █ most failed  ? unknown
"""


def test_targets_are_listed(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(capsys, "history", "--state", str(state)) == f"{NAMES[0]}\n{NAMES[1]}\n"


def test_json(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--phase", "connect", "--format", "json", "--state", str(state))
    found = json.loads(shown(capsys, "history", NAMES[0], *TIME, *words))
    spans = found.pop("spans")
    assert found == {
        "schema": "seventh.history/1", "target": NAMES[0], "phase": "connect",
        "since": "2024-10-04T00:00:00Z", "until": "2024-10-04T02:00:00Z", "span_seconds": 120,
    }  # fmt: skip
    assert len(spans) == 50
    assert spans[20] == {
        "at": "2024-10-04T00:40:00Z", "pulses": 2, "ok": 1, "failed": 1, "unknown": 0,
        "reasons": {"connect-refused": 1}, "exact": True,
        "p5": 0.03102, "p50": 0.03102, "p95": 0.03102, "p99": 0.03102,
    }  # fmt: skip
    assert spans[40] == {
        "at": "2024-10-04T01:20:00Z", "pulses": 2, "ok": 0, "failed": 0, "unknown": 2,
        "reasons": {"local-resource": 2}, "exact": True,
        "p5": None, "p50": None, "p95": None, "p99": None,
    }  # fmt: skip


CSV = """\
time,target,vantage,reason,phase,blame,lag_seconds,connect_seconds
2024-10-04T00:59:00.000Z,ssh://a:22,0,,,,0.0,0.03401
2024-10-04T01:00:00.000Z,ssh://a:22,0,connect-refused,connect,peer,0.0,
"""
BOUNDS = ("--since", "2024-10-04T00:59", "--until", "2024-10-04T01:00:01")


def test_an_export_appends_to_standard_output(state: Path, tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_text("before\n", encoding="utf-8")
    with path.open("ab") as file:
        words = ("export", NAMES[0], *BOUNDS, "--state", str(state))
        subprocess.run([sys.executable, "-m", "seventh", *words], stdout=file, check=True)
    assert path.read_text(encoding="utf-8") == f"before\n{CSV}"


def test_exports_to_files(state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("jsonl", "parquet"):
        path = str(tmp_path / form)
        words = ("--format", form, "--output", path, "--state", str(state))
        assert shown(capsys, "export", *BOUNDS, *words) == ""
    lines = (tmp_path / "jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[1]) == {
        "time": "2024-10-04T01:00:00.000Z", "target": NAMES[0], "vantage": 0,
        "reason": "connect-refused", "phase": "connect", "blame": "peer",
        "lag_seconds": 0.0, "connect_seconds": None,
    }  # fmt: skip
    with duckdb.connect() as database:
        query = f"SELECT epoch(time), connect_seconds FROM read_parquet('{tmp_path}/parquet')"  # noqa: S608
        assert database.execute(query).fetchall() == [
            (START + 3540, 0.03401), (START + 3600, None)
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["history", "ssh://b"], "the history has no target 'ssh://b': did you mean ssh://a:22?"),
        (["history", "zzz"], "the history has no target 'zzz'; `seventh history` lists them"),
        (["history", "ssh://a", "--since", "1x"], ("--since: '1x' is not a time: write 24h, 7d, "
         "2026-11-30 or 2026-11-30T12:00Z; see `seventh history --help`")),
        (["export", "--since", "1h", "--until", "2h"], "--since is not before --until"),
        (["export", "--format", "parquet"], "--format parquet: needs --output FILE"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(
    words: list[str], expected: str, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*words, "--state", str(state)]) == 3
    assert capsys.readouterr() == ("", f"seventh: {expected}\n")


def test_an_export_to_a_full_disk(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", *TIME, "--output", "/dev/full", "--state", str(state)]) == 3
    assert capsys.readouterr() == ("", "seventh: /dev/full: No space left on device\n")


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--state", f"{tmp_path}/none"]) == 3
    assert capsys.readouterr().err == (
        f"seventh: {tmp_path}/none: no such folder; `seventh watch` makes it, or name one with "
        "--state\n"
    )


def test_without_duckdb_one_line_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['duckdb'] = None\n"
        "from seventh.cli.main import main\n"
        f"sys.exit(main(['history', '--state', {str(tmp_path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (
        3, "", ("seventh: the history needs DuckDB: install it with `python3 -m pip install "
        "'seventh[watch]'`\n"),
    )  # fmt: skip
