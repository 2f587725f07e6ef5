"""The places of ``--from``, and where their reports differ, in each format that shows them."""

from __future__ import annotations

import json

from seventh.model.place import Aspect, Comparison, Difference, Place
from seventh.model.report import Report
from seventh.render import Document, render
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
