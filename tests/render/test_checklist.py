"""A debugging checklist as each format shows it: verdict, evidence, and what to type next."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from seventh import protocols
from seventh.model.checklist import CheckLine
from seventh.model.failure import Blame, Failure, Reason
from seventh.model.report import Report, SkipCause, Skipped
from seventh.render import View, render
from tests.render.samples import BROKEN, FACTS, FAILURE, SLOW, WEAK, document, report

pytestmark = pytest.mark.usefixtures("demo_room")

LATE = Skipped(id="DEMO-SLOW", reason="no answer was timed")
DENIED = Skipped(id="DEMO-WEAK", reason="tier 1 denied", cause=SkipCause.NOT_PERMITTED)
IDLE = Skipped(id="DEMO-SLOW", reason="nothing is asked", cause=SkipCause.NOT_APPLICABLE)
HALF = report(findings=(WEAK,), skipped=(LATE,))
GOOD = report(passed=("DEMO-WEAK", "DEMO-SLOW"))


def shown(format_: str, *reports: Report, width: int = 80, **view: bool) -> str:
    return render(format_, document(*reports), View(checklist=True, width=width, **view))


def lines_of(*reports: Report) -> list[dict[str, object]]:
    made = json.loads(shown("json", *reports))
    lines: list[dict[str, object]] = made["reports"][0]["checklist"]
    return lines


@pytest.mark.parametrize("format_", ["terminal", "markdown", "html"])
def test_no_format_has_it_unasked(format_: str) -> None:
    assert "hecklist" not in re.sub(r"<style>.*</style>", "", plain(format_), flags=re.DOTALL)


def plain(format_: str) -> str:
    return render(format_, document(HALF), View())


def test_json_has_every_line_with_what_decides_it() -> None:
    named, weak, soon, _ = lines_of(HALF)
    assert weak == {
        "room": "demo",
        "line": "Algorithms are strong",
        "verdict": "fail",
        "evidence": "DEMO-WEAK: offers weak, weaker",
        "look": "",
        "rules": ["DEMO-WEAK"],
        "found": ["DEMO-WEAK"],
    }
    assert (named["verdict"], named["evidence"]) == ("pass", f"software {FACTS.software}")
    assert (soon["verdict"], soon["evidence"], soon["look"]) == (
        "not-looked-at", "no answer was timed", "--timeout SECONDS",
    )  # fmt: skip


def test_a_pass_shows_its_fact_or_its_rules() -> None:
    _, strong, soon, _ = lines_of(GOOD)
    assert strong["evidence"] == "algorithms " + ", ".join(FACTS.algorithms[:3]) + " (+1)"
    assert soon["evidence"] == "passed: DEMO-SLOW"


def test_what_does_not_apply_says_why() -> None:
    _, _, soon, _ = lines_of(report(passed=("DEMO-WEAK",), skipped=(IDLE,)))
    assert (soon["verdict"], soon["evidence"], soon["look"]) == (
        "not-applicable", "nothing is asked", "",
    )  # fmt: skip


def test_a_conversation_that_ended_says_where() -> None:
    ended = report(failure=FAILURE, skipped=(LATE, DENIED))
    _, strong, soon, _ = lines_of(ended)
    assert strong["evidence"] == "tier 1 denied"
    assert soon["evidence"] == "the check ended in tls (tls-certificate-expired)"
    assert soon["look"] == ""


def test_a_terminal_shows_it_before_the_phases_in_words() -> None:
    text = shown("terminal", HALF)
    assert text.index("checklist  1 pass, 1 fail, 2 not checked") < text.index("connect")
    assert f"  PASS            The server names its software  software {FACTS.software}" not in text
    rows = text.splitlines()
    at = rows.index("  FAIL            Algorithms are strong")
    assert rows[at + 1] == " " * 18 + "DEMO-WEAK: offers weak, weaker"
    assert rows[at + 2] == " " * 18 + "fix: see below, or seventh explain DEMO-WEAK"


def test_lines_in_a_row_that_lack_the_same_say_it_once() -> None:
    rows = shown("terminal", HALF).splitlines()
    at = rows.index("  NOT CHECKED     The answer comes soon")
    assert rows[at + 1 : at + 4] == [
        "  NOT CHECKED     The answer comes soon enough",
        " " * 18 + "no answer was timed",
        " " * 18 + "to check: --timeout SECONDS",
    ]


def test_the_evidence_of_a_pass_stands_beside_it_where_there_is_room() -> None:
    beside = f"  PASS            The server names its software  software {FACTS.software}"
    assert beside in shown("terminal", HALF, width=100).splitlines()
    assert beside not in shown("terminal", HALF, width=80)


@pytest.mark.parametrize("width", [40, 80, 120])
def test_every_line_fits(width: int) -> None:
    for line in shown("terminal", BROKEN, GOOD, width=width).splitlines():
        assert len(line) <= width


def test_colour_says_nothing_that_words_do_not() -> None:
    coloured = shown("terminal", HALF, color=True)
    assert "\x1b[1;31m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == shown("terminal", HALF)


def test_markdown_has_a_table() -> None:
    made = shown("markdown", HALF)
    assert "### Checklist: 1 pass, 1 fail, 2 not checked" in made
    rows = [row for row in made.splitlines() if " NOT CHECKED |" in row]
    assert len(rows) == 2
    assert all(row.endswith("| no answer was timed | `--timeout SECONDS` |") for row in rows)
    assert "| DEMO-WEAK: offers weak, weaker | `seventh explain DEMO-WEAK` |" in made


class _Table(HTMLParser):
    """The text of each row of the checklist."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.rows: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = self.inside or ("class", "checklist") in attrs
        self.tags.add(tag)
        if self.inside and tag == "tr":
            self.rows.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "table"

    def handle_data(self, data: str) -> None:
        if self.inside and self.rows:
            self.rows[-1] += f"{data} "


def table(*reports: Report) -> _Table:
    parsed = _Table()
    parsed.feed(shown("html", *reports))
    return parsed


def test_html_has_a_table() -> None:
    _, named, weak, soon, _ = table(HALF).rows
    assert named.startswith("PASS The server names its software")
    assert weak.startswith("FAIL Algorithms are strong DEMO-WEAK: offers weak, weaker")
    assert "seventh explain DEMO-WEAK" in weak
    assert "--timeout SECONDS" in soon


def test_what_a_peer_sent_is_no_markup() -> None:
    nasty = "<b>x</b>|**y**\x1b[2J\n# z"
    hostile = report(facts={"demo": FACTS.learn(software=nasty)}, skipped=(LATE,))
    assert "\x1b" not in shown("terminal", hostile)
    assert "b" not in table(hostile).tags
    made, harmless = (
        [token.type for token in MarkdownIt().enable("table").parse(shown("markdown", each))]
        for each in (hostile, report(skipped=(LATE,)))
    )
    assert made == harmless


def test_a_low_finding_fails_its_line_all_the_same() -> None:
    *_, soon = lines_of(report(findings=(SLOW,)))
    assert soon["verdict"] == "fail"


BOTH = ("DEMO-WEAK", "DEMO-SLOW")
GONE = Failure(reason=Reason.PEER_CLOSED, phase="demo.hello", blame=Blame.PEER, detail="it closed")


@pytest.mark.parametrize(
    ("line", "changes", "verdict", "evidence"),
    [
        # a pass: its facts, else its rules, and what does not apply
        (CheckLine("x", rules=BOTH), {"passed": BOTH}, "pass", "passed: DEMO-WEAK, DEMO-SLOW"),
        (CheckLine("x", rules=BOTH), {"passed": BOTH[:1], "skipped": (IDLE,)}, "pass",
         "passed: DEMO-WEAK; not applicable: DEMO-SLOW"),
        (CheckLine("x", rules=BOTH[:1], facts=("software", "banner_seconds", "nested.days_left")),
         {"passed": BOTH}, "pass",
         "software OpenSSH_9.2p1 Debian-2+deb12u7, banner 22.1 ms, days left 12.5"),
        # a fail: the findings, else the failure, else a fact that is False
        (CheckLine("x", rules=BOTH), {"findings": (WEAK, SLOW), "passed": ()}, "fail",
         "DEMO-WEAK: offers weak, weaker; DEMO-SLOW: waited 4.2 s"),
        (CheckLine("x", rules=BOTH, phases=("demo.hello",)),
         {"findings": (SLOW,), "passed": BOTH[:1], "failure": GONE}, "fail",
         "DEMO-SLOW: waited 4.2 s"),
        (CheckLine("x", phases=("demo.hello",)), {"failure": GONE}, "fail",
         "peer-closed: it closed"),
        (CheckLine("x", facts=("strict",)), {"facts": {"demo": FACTS.learn(strict=False)}}, "fail",
         "strict no"),
        (CheckLine("x", facts=("strict",), phases=("other",)),
         {"facts": {"demo": FACTS.learn(strict=False)}, "failure": GONE}, "fail", "strict no"),
        # unknown: what is missing, and what passed
        (CheckLine("x", rules=BOTH), {"passed": BOTH[:1], "skipped": (LATE,)}, "not-looked-at",
         "no answer was timed; passed: DEMO-WEAK"),
        (CheckLine("x", rules=BOTH), {"passed": (), "skipped": (DENIED, LATE)}, "not-looked-at",
         "tier 1 denied; no answer was timed"),
        (CheckLine("x", rules=BOTH),
         {"passed": (), "skipped": (DENIED, LATE), "failure": GONE}, "not-looked-at",
         "tier 1 denied; the check ended in demo.hello (peer-closed)"),
        (CheckLine("x", rules=BOTH[1:], look="seventh lint FILE"),
         {"skipped": (LATE,), "failure": GONE}, "not-looked-at", "no answer was timed"),
        (CheckLine("x", facts=("key_bits", "nested.bits", "days.left_over")), {"facts": {}},
         "not-looked-at", "not learnt: key bits, bits, left over"),
        (CheckLine("x", rules=BOTH[:1], facts=("drift",)), {"passed": BOTH, "failure": GONE},
         "not-looked-at", "the check ended in demo.hello (peer-closed); passed: DEMO-WEAK"),
        # what does not apply
        (CheckLine("x", rules=BOTH), {"passed": (), "skipped": (
            IDLE, Skipped(id="DEMO-WEAK", reason="no such", cause=SkipCause.NOT_APPLICABLE))},
         "not-applicable", "no such; nothing is asked"),
    ],
)  # fmt: skip
def test_the_evidence_of_each_verdict(
    line: CheckLine, changes: dict[str, Any], verdict: str, evidence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(protocols, "checklist", lambda room: (line,))
    (made,) = lines_of(report(**changes))
    assert (made["verdict"], made["evidence"]) == (verdict, evidence)
