"""The places of ``--from``, and where their reports differ, in each format that shows them."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import msgspec
import pytest
from msgspec.structs import replace

from seventh.model.place import Aspect, Comparison, Difference, Place
from seventh.model.report import Report
from seventh.render import FORMATS, Document, render
from seventh.render.place_lines import places, targets
from seventh.render.view import View

HERE = Place(name="local", vantage="desk", seconds=0.5)
THERE = Place(name="ssh://a", vantage="web1", python="3.11.2", seconds=2.0)
LOST = Place(name="ssh://b", missing=2, failure="python3 not found there")
DIFFERS = Comparison(
    target="tcp://h:25",
    differences=(
        Difference(aspect=Aspect.PORT, values={"local": ("open",), "ssh://a": ("filtered",)}),
        Difference(aspect=Aspect.FINDINGS, values={"local": ("NET-X",), "ssh://a": ()}),
    ),
    filtered_near=("ssh://a",),
)
NEAR = (
    "filtered near ssh://a: the port is open from elsewhere, so a firewall between them, or a rule "
    "for the source address, drops the packets"
)


def document(*comparisons: Comparison) -> Document:
    reports = tuple(
        Report(
            target="tcp://h:25", protocol="net", vantage=place.vantage, place=place.name,
            started_seconds=0, duration_seconds=1, facts={},
        )
        for place in (HERE, THERE)
    )  # fmt: skip
    return Document(
        generated_at="2026-01-01T00:00:00Z", version="1", reports=reports,
        places=(HERE, THERE, LOST), comparisons=comparisons,
    )  # fmt: skip


def test_each_place_and_each_difference_is_a_line() -> None:
    assert [*places(document())] == [
        "local: desk, 500 ms",
        "ssh://a: web1, 2.00 s, Python 3.11.2",
        "ssh://b: no report of 2 targets: python3 not found there",
    ]
    assert [*targets(document(DIFFERS))] == [
        ("tcp://h:25", ("port: local open; ssh://a filtered", "findings: local NET-X; ssh://a none",
                        NEAR)),
    ]  # fmt: skip


def test_a_port_that_is_filtered_nowhere_has_no_line_of_its_own() -> None:
    same = msgspec.structs.replace(DIFFERS, differences=DIFFERS.differences[1:], filtered_near=())
    assert [*targets(document(same))] == [("tcp://h:25", ("findings: local NET-X; ssh://a none",))]


def test_text_and_markdown_show_them_after_and_before_the_reports() -> None:
    text = " ".join(render("terminal", document(DIFFERS), View(width=200)).split())
    assert "tcp://h:25 from ssh://a " in text
    assert text.endswith(f"differs: tcp://h:25 port: local open; ssh://a filtered findings: local "
                         f"NET-X; ssh://a none {NEAR}")  # fmt: skip
    assert render("terminal", document(), View()).endswith("no difference between the places\n")
    page = render("markdown", document(DIFFERS), View())
    assert "Differs: `tcp://h:25`" in page
    assert "from ssh://a (web1)" in page.replace("\\", "")
    assert "No difference between the places." in render("markdown", document(), View())


def test_html_shows_the_places_before_the_reports() -> None:
    page = render("html", document(DIFFERS), View())
    assert '<span class="badge unknown">' in page.partition("</header>")[0], "reports are missing"
    places = page.partition('<section class="places">')[2].partition("</section>")[0]
    assert places == (
        "<h2>Places</h2><ul><li>local: desk, 500 ms</li>"
        "<li>ssh://a: web1, 2.00 s, Python 3.11.2</li>"
        "<li>ssh://b: no report of 2 targets: python3 not found there</li></ul>"
        "<h3>Differs: <code>tcp://h:25</code></h3><ul>"
        "<li>port: local open; ssh://a filtered</li><li>findings: local NET-X; ssh://a none</li>"
        f"<li>{NEAR}</li></ul>"
    )
    assert page.index("places") < page.index('id="target-1"')
    assert "<code>tcp://h:25</code></a> from ssh://a</td>" in page
    assert "<code>tcp://h:25</code> from ssh://a</h2>" in page
    assert " from ssh://a (web1) · " in page
    assert "<p>No difference between the places.</p>" in render("html", document(), View())


def test_junit_has_a_case_per_place_and_per_difference() -> None:
    root = ET.fromstring(render("junit", document(DIFFERS), View()))  # noqa: S314 - our own
    assert [suite.get("name") for suite in root] == [
        "tcp://h:25 from local", "tcp://h:25 from ssh://a", "places",
    ]  # fmt: skip
    assert [
        (case.get("name"), case[0].tag, case[0].get("message") or case[0].text) for case in root[2]
    ] == [
        ("local", "system-out", "local: desk, 500 ms"),
        ("ssh://a", "system-out", "ssh://a: web1, 2.00 s, Python 3.11.2"),
        ("ssh://b", "error", "ssh://b: no report of 2 targets: python3 not found there"),
        ("differs: tcp://h:25", "system-out",
         f"port: local open; ssh://a filtered\nfindings: local NET-X; ssh://a none\n{NEAR}"),
    ]  # fmt: skip
    for element in (root, root[2]):
        assert (element.get("errors"), element.get("failures")) == ("1", "0")
    assert root[2].get("tests") == "4"


def test_a_plugin_says_what_is_missing_first_and_the_differences_last() -> None:
    first, *lines = render("nagios", document(DIFFERS), View()).splitlines()
    assert first == (
        "SEVENTH UNKNOWN - 2 targets: 2 ok; ssh://b: no report of 2 targets: python3 not found "
        "there | 'tcp://h:25 from local time'=1s;;;0; 'tcp://h:25 from ssh://a time'=1s;;;0;"
    )
    assert lines == [
        "[OK] tcp://h:25 from local no findings",
        "[OK] tcp://h:25 from ssh://a no findings",
        "place local: desk, 500 ms",
        "place ssh://a: web1, 2.00 s, Python 3.11.2",
        "place ssh://b: no report of 2 targets: python3 not found there",
        "differs: tcp://h:25",
        "  port: local open; ssh://a filtered",
        "  findings: local NET-X; ssh://a none",
        f"  {NEAR}",
    ]
    made = replace(document(), places=(HERE, THERE))
    first, *lines = render("nagios", made, View()).splitlines()
    assert first.startswith("SEVENTH OK - 2 targets: 2 ok | ")
    assert lines[-1] == "no difference between the places"
    nothing = replace(document(), places=(LOST,), reports=())
    assert render("nagios", nothing, View()).splitlines()[0] == (
        "SEVENTH UNKNOWN - ssh://b: no report of 2 targets: python3 not found there"
    )


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_names_the_places_and_what_differs(name: str) -> None:
    page = " ".join(render(name, document(DIFFERS), View(width=400)).replace("\\", "").split())
    for words in ("python3 not found there", "filtered", "NET-X", "ssh://a"):
        assert words in page


def test_json_has_them_with_from_only() -> None:
    made = json.loads(render("json", document(DIFFERS), View()))
    assert [place["name"] for place in made["places"]] == ["local", "ssh://a", "ssh://b"]
    assert made["comparisons"] == [{
        "target": "tcp://h:25",
        "differences": [
            {"aspect": "port", "values": {"local": ["open"], "ssh://a": ["filtered"]}},
            {"aspect": "findings", "values": {"local": ["NET-X"], "ssh://a": []}},
        ],
        "filtered_near": ["ssh://a"],
    }]  # fmt: skip
    assert [report["place"] for report in made["reports"]] == ["local", "ssh://a"]
    plain = Document(generated_at="2026-01-01T00:00:00Z", version="1", reports=())
    assert not {"places", "comparisons"} & json.loads(render("json", plain, View())).keys()
