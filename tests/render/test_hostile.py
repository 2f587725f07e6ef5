"""What a peer sent cannot act in any format: no escape codes, no markup, no broken structure."""

from __future__ import annotations

import json
import re
import unicodedata
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from seventh.model.failure import Blame, Failure, Reason
from seventh.model.phase import Phase
from seventh.model.report import Finding, Report, Skipped
from seventh.model.sample import Sample
from seventh.model.severity import Severity
from seventh.render import View, render
from seventh.render.schema import schema
from tests.render.formats.test_html import ATTRIBUTES, parsed
from tests.render.formats.test_nagios import perfdata
from tests.render.samples import Item, SampleFacts, document, report

pytestmark = [pytest.mark.usefixtures("demo_room"), pytest.mark.uncounted]

WEAPONS = st.sampled_from(
    [
        "\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\r\nok", "\u202eevil",
        "\u2066x\u2069", "\x00", "\x7f", "\ufffe", "\ud800",
        "</code></pre><script>alert(1)</script>",
        '"><img src=x onerror=y>', "<b>", "&lt;", "]]>", "[red]rich[/red]", "[link=x]y[/link]",
        "`" * 4,
        "```\n<script>", "| a | b |", "[x](http://e.example)", "http://e.example", "{algorithms}",
        "{0.__class__}", "{{", "%s", "'time'=9s;;;;", "|", "=", "\u2028", "\x85", ":rocket:",
    ]
)  # fmt: skip
TEXT = st.lists(st.one_of(WEAPONS, st.text(max_size=8)), max_size=4).map("".join)
SCHEMA = jsonschema.Draft202012Validator(schema())
HOSTILE_TAGS = {"script", "img", "b", "iframe"}


@st.composite
def hostile_reports(draw: st.DrawFn) -> Report:
    """A report in which a peer's text stands wherever a room could put it."""
    text = lambda: draw(TEXT)  # noqa: E731
    facts = SampleFacts(
        software=text(), algorithms=(text(), text()), chain=(Item(subject=text()),),
        table={text(): 1}, nested=Item(subject=text()),
    )  # fmt: skip
    return report(
        target="demo://h:7" + text(),
        vantage=text(),
        failure=Failure(reason=Reason.PROTOCOL_VIOLATION, phase="x" + text(), blame=Blame.PEER,
                        detail=text()),
        phases=(Phase(name="p" + text(), start_seconds=0, seconds=1, clock="user", outcome="ok",
                      address=text()),),
        facts={"demo": facts},
        metrics=(Sample("m", (("l", text()),), 1.5),),
        findings=(
            Finding(id="DEMO-WEAK", room="demo", severity=Severity.HIGH, tier=0,
                    params={"algorithms": (text(), text())}, references=(), seed=()),
            Finding(id="DEMO-GONE" + text(), room="gone", severity=Severity.LOW, tier=0,
                    params={"x": text()}, references=(text(),), seed=(text(),), product=text()),
        ),
        skipped=(Skipped(id="DEMO-TOLD" + text(), reason=text()),),
        transcript=(text(),),
    )  # fmt: skip


def assert_safe_to_show(text: str) -> None:
    for c in text:
        assert c == "\n" or unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}, repr(c)


calm = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


@calm
@given(hostile_reports(), st.booleans())
def test_terminal(made: Report, verbose: bool) -> None:
    text = render("terminal", document(made, made), View(verbose=verbose))
    assert_safe_to_show(text)
    colored = render("terminal", document(made, made), View(verbose=verbose, color=True))
    assert_safe_to_show(re.sub(r"\x1b\[[0-9;]*m", "", colored))
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == text


@calm
@given(hostile_reports())
def test_json(made: Report) -> None:
    text = render("json", document(made), View())
    assert_safe_to_show(text)
    SCHEMA.validate(json.loads(text))


@calm
@given(hostile_reports(), st.booleans())
def test_html(made: Report, verbose: bool) -> None:
    page = render("html", document(made, made), View(verbose=verbose))
    assert_safe_to_show(page)
    found = parsed(page)
    assert not found.tags & HOSTILE_TAGS
    assert {name for _, name, _ in found.attributes} <= ATTRIBUTES


@calm
@given(hostile_reports(), st.booleans())
def test_markdown(made: Report, verbose: bool) -> None:
    text = render("markdown", document(made, made), View(verbose=verbose))
    assert_safe_to_show(text)
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
    found = parsed(html)
    assert not found.tags & {*HOSTILE_TAGS, "a"}
    assert html.count("<h2>") == 2
    for table in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        header, *rows = re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
        assert rows
        assert {row.count("<td") for row in rows} == {header.count("<th")}


@calm
@given(hostile_reports(), st.booleans())
def test_nagios(made: Report, verbose: bool) -> None:
    text = render("nagios", document(made), View(verbose=verbose))
    assert_safe_to_show(text)
    assert len(perfdata(text)) == (3 if verbose else 2)


@calm
@given(hostile_reports())
def test_junit(made: Report) -> None:
    text = render("junit", document(made), View())
    assert_safe_to_show(text)
    suite = ET.fromstring(text.encode())[0]  # noqa: S314 - our own
    assert len(suite) == 1 + 2 + 1 + 1
