"""``seventh link``: lists, pages of profiles, summaries."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from seventh.cli import link as verb
from seventh.cli.main import main
from seventh.link import run as run_module
from seventh.link.emulator import Wanted
from seventh.link.lateness import Late
from seventh.link.messages import Statistics
from seventh.link.profile import Profile, names
from seventh.link.run import Result
from seventh.link.validate import Check
from seventh.link.way import Cause, Counts
from tests.cli.test_typos import said

RESULT = Result(
    profile="lte", seed=3, command=("true",), exit_code=5, valid=False,
    reasons=("2 packets were dropped before the link: it was not fast enough",),
    carrier="TUN, root", realtime=True, congestion="cubic",
    checks=(
        Check(what="delay up", unit="ms", asked=35, measured=35.08, ok=True),
        Check(what="rate up", unit="kbit/s", asked=12_000, measured=None, ok=False),
    ),
    statistics=Statistics(
        seconds=1.25,
        up=Counts(packets=5, bytes=500, sent=3, sent_bytes=300, queued=1, dropped={Cause.LOSS: 1}),
        down=Counts(packets=2, bytes=90, sent=3, sent_bytes=135, duplicates=1),
        late=Late(p50_ms=0.01, p99_ms=0.1, p999_ms=0.2, max_ms=0.25), missed=2, rebinds=1, wakes=2,
    ),
)  # fmt: skip
SUMMARY = """\
link lte: 1.2 s, TUN, root, SCHED_FIFO, cubic, seed 3
  up    5 packets, 500 bytes; 3 sent; 1 under way at the end; dropped: loss 1
  down  2 packets, 90 bytes; 3 sent; 1 duplicates; none dropped
  late  p50 0.010 ms, p99 0.100 ms, p99.9 0.200 ms, maximum 0.250 ms
  validated at the start, with what was asked for: delay up 35.08 (35 ms), rate up nothing \
(12000 kbit/s)
  radio woken 2 times
  1 UDP flows got another port or address
  INVALID: 2 packets were dropped before the link: it was not fast enough
"""


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Profile, list[str], int]]:
    """The calls instead of runs."""
    calls: list[tuple[Profile, list[str], int]] = []

    def run(profile: Profile, command: list[str], seed: int, wanted: Wanted) -> Result:
        assert wanted == Wanted()
        calls.append((profile, command, seed))
        return RESULT

    monkeypatch.setattr(run_module, "run", run)
    return calls


def test_the_list_has_a_line_for_each_profile(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["PROFILE", "DOWN/UP", "RTT", "LOSS", "TITLE"]
    assert [line.split()[0] for line in lines[1:]] == names()
    cable = lines[1 + names().index("cable")]
    assert cable.split("  ")[0] == "cable"
    assert " ".join(cable.split()) == "cable 5 Mbit/s/1 Mbit/s 28 ms 0 % Cable"


def test_a_page_has_every_figure_of_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("""
title = "Mine"
sources = ["a page"]
assumptions = ["a guess"]
[down]
rate-kbit = 1500
delay-ms = 10
jitter-ms = 2
reorder = true
loss-percent = 2
burst-packets = 8
burst-loss-percent = 80
duplicate-percent = 1
mtu = 1400
[up]
loss-percent = 1
jitter-ms = 1
[allow]
tcp-ports = [443, 80]
udp-ports = []
[nat]
udp-idle-seconds = 30
tcp-idle-seconds = 60
[radio]
wake-ms = 260
tail-seconds = 11.6
[[event]]
at-seconds = 5
for-seconds = 1
every-seconds = 20
outage = true
[[event]]
at-seconds = 9
new-address = true
up = { delay-ms = 30 }
""")
    assert main(["link", "show", str(file)]) == 0
    assert (
        capsys.readouterr().out
        == """\
mine: Mine
  down  1.5 Mbit/s, delay 10 ms, jitter ± 2 ms (may reorder), loss 2 % in bad states of 8 packets \
(80 % of them lost), duplicates 1 %, queue 150000 bytes, MTU 1400
  up    no limit, delay 0 ms, jitter ± 1 ms (order kept), loss 1 %
  TCP ports that pass: 443, 80; the rest is dropped
  UDP ports that pass: none; the rest is dropped
  NAT: UDP flows are forgotten after 30 s without a packet
  NAT: TCP flows are forgotten after 60 s without a packet
  radio: asleep after 11.6 s without a packet, 260 ms to wake it
  at 5 s, then every 20 s for 1 s: outage
  at 9 s: another address, up delay-ms 30
  source: a page
  assumption: a guess
"""
    )


def test_the_summary_is_on_standard_error_and_the_exit_code_is_the_commands(
    ran: list[tuple[Profile, list[str], int]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["link", "run", "lte", "--seed", "3", "--", "true", "-x"]) == 5
    out, err = capsys.readouterr()
    assert (out, err) == ("", SUMMARY)
    assert [(profile.name, command, seed) for profile, command, seed in ran] == [
        ("lte", ["true", "-x"], 3)
    ]


def test_the_summary_as_json_in_a_file(
    ran: list[tuple[Profile, list[str], int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "summary.json"
    words = ["link", "run", "lte", "--format", "json", "--output", str(file), "--", "true"]
    assert main(words) == 5
    assert capsys.readouterr() == ("", "")
    assert msgspec.json.decode(file.read_bytes(), type=Result) == RESULT
    assert msgspec.json.decode(file.read_bytes())["schema"] == "seventh.link/1"
    assert len(ran) == 1


def test_a_file_that_cannot_be_written_is_found_before_the_run(
    ran: list[tuple[Profile, list[str], int]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = said(capsys, "link", "run", "lte", "--output", str(tmp_path / "a" / "b"), "--", "true")
    assert str(tmp_path / "a" / "b") in text
    assert ran == []


@pytest.mark.parametrize("name", sorted(verb.VERBS))
def test_each_verb_has_its_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", name, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith(f"usage: seventh link {name}")
    assert " ".join(verb.VERBS[name][0].split()) in text
