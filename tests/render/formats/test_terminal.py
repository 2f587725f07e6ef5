"""The terminal format: 80 columns, no colour in a pipe, fixes whole."""

from __future__ import annotations

import io
import re
import unicodedata

import msgspec
import pytest

from seventh.model.facts import Facts
from seventh.model.phase import Phase
from seventh.model.severity import Severity
from seventh.render import View, render
from seventh.render.phase_lines import bar
from seventh.render.summary import duration
from seventh.render.view import view_for
from tests.render.samples import (
    BROKEN,
    CLEAN,
    EMPTY,
    FOUND,
    PHASES,
    SHAPES,
    SLOW,
    WEAK,
    document,
    report,
)

pytestmark = pytest.mark.usefixtures("demo_room")
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


def shown(*reports: object, **view: object) -> str:
    return render("terminal", document(*reports), View(**view))  # type: ignore[arg-type]


def cells(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("verbose", [False, True])
def test_every_line_fits_and_carries_nothing_invisible(width: int, verbose: bool) -> None:
    for line in shown(*SHAPES, width=width, verbose=verbose, lang="ko").splitlines():
        assert cells(line) <= width or "Algorithms strong-one" in line
        assert line == line.rstrip()
        assert "\x1b" not in line


def test_a_fix_is_never_wrapped_or_cut() -> None:
    many = tuple(f"weak-algorithm-number-{n}" for n in range(40))
    text = shown(report(findings=(msgspec.structs.replace(WEAK, params={"algorithms": many}),)))
    line = next(line for line in text.splitlines() if "Algorithms strong-one" in line)
    assert line.strip() == f"Algorithms strong-one,strong-two  # not {', '.join(many)}"


def test_a_fix_in_prose_is_wrapped_between_words() -> None:
    lines = shown(FOUND).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("  fix       Answer sooner."))
    assert lines[first + 1].startswith(" " * 12 + "give it less to do,")
    assert lines[first + 1].endswith(" a-long-word-kept-whole.")


def test_many_facts_are_cut_unless_verbose() -> None:
    kind = msgspec.defstruct(
        "Many", [(f"field_{n}", str, "") for n in range(30)], bases=(Facts,), frozen=True
    )
    facts = kind(**{f"field_{n}": f"value{n:02}" for n in range(30)})
    assert "… 18 more (-v)" in shown(report(facts={"demo": facts}))
    assert "value29" in shown(report(facts={"demo": facts}), verbose=True)


def test_what_an_operator_needs_is_there() -> None:
    text = shown(BROKEN)
    assert text.startswith("✖ critical  demo://broken.example:7 → 127.0.0.1")
    for word in ("41.2 ms", "tls-certificate-expired in tls", "3 days ago", "the peer",
                 "ssh.banner", "22.1 ms  kernel", "3.10 ms  user   ✖", "DEMO-SLOW",
                 "Answer sooner.", "OpenSSH_9.2p1", "strict yes", "key 3072 bit",
                 "CN=leaf ← CN=middle ← CN=root"):  # fmt: skip
        assert word in text


def test_skipped_rules_are_counted_and_with_verbose_explained() -> None:
    assert "1 skipped (-v shows why)" in shown(FOUND)
    assert "nothing was told" not in shown(FOUND)
    assert "DEMO-TOLD  nothing was told" in shown(FOUND, verbose=True)


def test_a_long_target_is_wrapped_and_kept_whole() -> None:
    target = f"demo://[2001:db8:1234:5678:9abc:def0:1234:5678]:40000/{'path/' * 12}"
    head = shown(report(target=target)).split("─")[0]
    assert "".join(head.split()).startswith(f"✔ok{target}→127.0.0.1".replace(" ", ""))
    assert max(map(len, head.splitlines())) <= 80


def test_a_room_with_a_long_name_stands_on_its_own_line() -> None:
    lines = shown(report(facts={"a-very-long-room-name": CLEAN.facts["demo"]})).splitlines()
    assert "  a-very-long-room-name" in lines


def test_the_transcript_comes_with_verbose() -> None:
    assert "> hello" not in shown(FOUND)
    assert "│ > hello\n  │ < hi there" in shown(FOUND, verbose=True)


def test_many_targets_end_in_a_summary_and_one_does_not() -> None:
    assert "4 targets: 2 critical, 1 unknown, 1 ok" in shown(CLEAN, FOUND, BROKEN, EMPTY)
    assert "target" not in shown(CLEAN)


def test_colour_only_adds_escapes() -> None:
    colored = shown(*SHAPES, color=True)
    assert "\x1b[" in colored
    assert ESCAPE.sub("", colored) == shown(*SHAPES)


def test_an_ascii_reader_gets_ascii() -> None:
    text = shown(*SHAPES, ascii=True, lang="ko", verbose=True)
    assert text.isascii()
    assert text.startswith("+ ok")
    assert "#" in text


@pytest.mark.parametrize("width", [48, 80])
def test_ascii_ends_in_the_same_columns(width: int) -> None:
    """Also where a name was shortened, and after the arrow of the address."""
    phases = (*PHASES, msgspec.structs.replace(PHASES[0], name="a.very.long.name." * 4))
    made = report(target="demo://h.example:7", phases=phases, facts={})
    utf8, ascii_ = (shown(made, width=width, ascii=ascii_) for ascii_ in (False, True))
    assert [len(line) for line in ascii_.splitlines()] == [len(line) for line in utf8.splitlines()]
    assert "h.example:7 -> 127.0.0.1" in ascii_
    assert "~" in ascii_


def test_each_sign_has_its_ascii() -> None:
    target = "…→←—–·µ≥≤’“”×±─§│◀▶━é"
    head = shown(report(target=target, phases=()), ascii=True).splitlines()[0]
    said = head.removeprefix("+ ok  ").removesuffix("41.2 ms").rstrip()
    assert said == """~-><----|u>=<='""x+/--s.|<>=\\xe9"""


LONGEST = "x" * 70


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["Write words that are well-known and not", LONGEST, "yet."]),
        (40, ["Write words that are", "well-known and not", LONGEST, "yet."]),
    ],
)
def test_a_word_of_a_fix_is_never_broken(width: int, lines: list[str]) -> None:
    prose = f"Write words that are well-known and not {LONGEST} yet."
    made = report(findings=(msgspec.structs.replace(SLOW, fixes={"any": (prose,)}),))
    text = shown(made, width=width).splitlines()
    first = next(number for number, line in enumerate(text) if line.startswith("  fix  "))
    assert [line[12:] for line in text[first : text.index("", first)]] == lines


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        # 12 columns for the label, 3 for each separator: "aaaa 1 · bbbb 2 · cccc 3" has 24
        (80, ["aaaa 1 · bbbb 2 · cccc 3 · dddddddddddddddddddddddddddddddd 4 · ee 5"]),
        (79, ["aaaa 1 · bbbb 2 · cccc 3 · dddddddddddddddddddddddddddddddd 4", "ee 5"]),
        (73, ["aaaa 1 · bbbb 2 · cccc 3 · dddddddddddddddddddddddddddddddd 4", "ee 5"]),
        (72, ["aaaa 1 · bbbb 2 · cccc 3", "dddddddddddddddddddddddddddddddd 4 · ee 5"]),
        (53, ["aaaa 1 · bbbb 2 · cccc 3", "dddddddddddddddddddddddddddddddd 4 · ee 5"]),
        (52, ["aaaa 1 · bbbb 2 · cccc 3", "dddddddddddddddddddddddddddddddd 4", "ee 5"]),
        (46, ["aaaa 1 · bbbb 2 · cccc 3", "dddddddddddddddddddddddddddddddd 4", "ee 5"]),
    ],
)
def test_facts_break_between_each_other_where_no_more_fits(width: int, lines: list[str]) -> None:
    names = ("aaaa", "bbbb", "cccc", "d" * 32, "ee")
    kind = msgspec.defstruct("Wide", [(n, int, 0) for n in names], bases=(Facts,), frozen=True)
    made = report(phases=(), facts={"demo": kind(**{n: i for i, n in enumerate(names, 1)})})
    text = shown(made, width=width).splitlines()
    assert [line[12:] for line in text[2:-2]] == lines


def test_the_summary_cuts_a_target_where_its_result_begins() -> None:
    """46 columns are kept for the status, the time and the result."""
    target = f"demo://{'a' * 27}"
    for width, said in (
        (80, target), (79, f"demo://{'a' * 9}…{'a' * 16}"), (65, "demo://aa…aaaaaaaaaa"),
        (60, "demo://aa…aaaaaaaaaa"),
    ):  # fmt: skip
        last = shown(report(target=target), CLEAN, width=width).splitlines()[-2]
        assert last == f"✔ ok       {said}  41.2 ms  no findings"


def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    before = shown(*SHAPES)
    for name, value in {"FORCE_COLOR": "1", "COLUMNS": "33", "TTY_COMPATIBLE": "1",
                        "TERM": "dumb", "JUPYTER_COLUMNS": "20"}.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    assert shown(*SHAPES) == before


class Screen(io.StringIO):
    encoding = "UTF-8"

    def isatty(self) -> bool:
        return True


class Latin(io.StringIO):
    encoding = "ANSI_X3.4-1968"


@pytest.mark.parametrize(
    ("stream", "environ", "color"),
    [
        (Screen(), {"TERM": "xterm"}, True),
        (Screen(), {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (Screen(), {"TERM": "xterm", "NO_COLOR": ""}, True),
        (Screen(), {"TERM": "dumb"}, False),
        (io.StringIO(), {"TERM": "xterm"}, False),
    ],
)
def test_colour_is_for_terminals(stream: io.StringIO, environ: dict[str, str], color: bool) -> None:
    assert view_for(stream, environ).color is color


def test_a_view_takes_its_width_and_encoding_from_the_stream() -> None:
    assert view_for(io.StringIO(), {}).width == 80
    assert view_for(Screen(), {"COLUMNS": "132"}).width == 132
    assert view_for(io.StringIO(), {"COLUMNS": "1"}).width == 40
    assert view_for(io.StringIO(), {"COLUMNS": "²"}).width == 80
    assert view_for(Latin(), {}).ascii
    assert not view_for(Screen(), {}).ascii
    made = view_for(Screen(), {}, View(lang="ko", verbose=True, bar=Severity.LOW))
    assert (made.lang, made.verbose, made.bar) == ("ko", True, Severity.LOW)


def test_bars_stand_where_their_phases_were() -> None:
    assert bar(0.0, 1.0, 10, ascii_only=False) == "█" * 10
    assert bar(0.5, 0.5, 10, ascii_only=False) == "     █████"
    assert bar(0.0, 0.25, 10, ascii_only=False) == "██▌       "
    assert bar(0.9999, 0.0, 10, ascii_only=False) == "         ▏"
    assert bar(1.0, 0.0, 10, ascii_only=True) == "         #"
    assert bar(0.2, 9.0, 10, ascii_only=True) == "  ########"


def test_phases_at_several_addresses_say_where() -> None:
    far = Phase(
        name="connect", start_seconds=0, seconds=5, clock="user", outcome="failed",
        address="2001:db8:1234:5678:9abc:def0:1234:5678",
    )  # fmt: skip
    text = shown(report(phases=(*PHASES, far)))
    assert "connect 127.0.0.1" in text
    assert "connect 2001:" in text
    assert "4:5678  " in text


def test_phases_of_one_name_share_a_line_unless_verbose() -> None:
    again = tuple(
        Phase(name="demo.again", start_seconds=start, seconds=0.01, clock="user", outcome="ok")
        for start in (0.0, 0.03)
    )
    (line,) = [text for text in shown(report(phases=again)).splitlines() if "demo.again" in text]
    assert re.fullmatch(r"  demo\.again ×2  █+\S? +█+\S? +20\.0 ms  user", line)
    assert shown(report(phases=again), verbose=True).count("demo.again ") == 2


def test_many_phases_are_cut_unless_verbose() -> None:
    phases = tuple(msgspec.structs.replace(PHASES[0], name=f"step.{n}") for n in range(40))
    assert "… and 16 phases more (-v)" in shown(report(phases=phases))
    assert "step.39" in shown(report(phases=phases), verbose=True)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"), (5e-9, "5 ns"), (1.5e-6, "1.50 µs"), (0.000312, "312 µs"), (0.0412, "41.2 ms"),
        (0.99996, "1.00 s"), (1.238, "1.24 s"), (59.96, "60.0 s"), (300, "5.0 min"),
        (86_400 * 12.5, "12.5 days"), (-0.0021, "-2.10 ms"), (float("nan"), "-"),
    ],
)  # fmt: skip
def test_durations_have_three_digits_and_a_unit(seconds: float, said: str) -> None:
    assert duration(seconds) == said
