"""HTML: well-formed, self-contained, readable."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from seventh.render import View, render
from seventh.render.formats import html
from seventh.render.html_bars import ticks_of
from tests.render.samples import BROKEN, CLEAN, FOUND, SHAPES, WEAK, document, report

pytestmark = pytest.mark.usefixtures("demo_room")

VOID = {"meta", "line", "rect", "br", "link"}
ATTRIBUTES = {
    "lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "role",
    "datetime", "aria-label", "aria-hidden", "width", "height", "x", "y", "x1", "x2", "y1", "y2",
    "rx", "text-anchor", "title",
}  # fmt: skip


class Wellformed(HTMLParser):
    """Every element closed in order; collects what is there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def parsed(page: str) -> Wellformed:
    parser = Wellformed()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("verbose", [False, True])
def test_the_page_is_well_formed_and_needs_nothing_else(verbose: bool) -> None:
    page = render("html", document(*SHAPES), View(verbose=verbose))
    found = parsed(page)
    assert page.startswith("<!DOCTYPE html>")
    assert not found.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form"}
    assert {name for _, name, _ in found.attributes} <= ATTRIBUTES
    for _, name, value in found.attributes:
        if name in {"href", "src"}:
            assert re.fullmatch(r"#target-\d+|https://www\.rfc-editor\.org/rfc/rfc[\w#.-]+", value)
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_the_policy_admits_this_style_and_nothing_more() -> None:
    page = render("html", document(CLEAN), View())
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert (
        f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'\"" in page
    )
    assert "style=" not in page


def test_many_targets_are_summed_up_with_anchors() -> None:
    found = parsed(render("html", document(*SHAPES), View()))
    anchors = [value[1:] for tag, name, value in found.attributes if (tag, name) == ("a", "href")]
    ids = [value for tag, name, value in found.attributes if (tag, name) == ("section", "id")]
    anchors = [value for value in anchors if value.startswith("target-")]
    assert anchors == ids == ["target-1", "target-2", "target-3", "target-4"]
    assert "nav" not in parsed(render("html", document(CLEAN), View())).tags


def test_the_waterfall_is_drawn_to_scale() -> None:
    page = render("html", document(BROKEN), View())
    bars = re.findall(r'<rect class="(\w+)" x="([\d.]+)%" width="([\d.]+)%"', page)
    assert [kind for kind, _, _ in bars] == ["kernel", "kernel", "failed"]
    begin = 0.0002
    span = 0.0235 + 0.0031 - begin
    assert float(bars[1][1]) == pytest.approx((0.0014 - begin) / span * 100, abs=0.01)
    assert float(bars[1][2]) == pytest.approx(0.0221 / span * 100, abs=0.01)
    assert "ssh.banner: begins at 1.40 ms, lasts 22.1 ms by the kernel clock, ok" in page


@pytest.mark.parametrize("span", [1e-9, 3e-6, 0.0266, 0.1, 1.0, 7.3, 1e5, 1e9])
def test_ticks_are_few_and_round(span: float) -> None:
    ticks = ticks_of(span)
    assert 3 <= len(ticks) <= 6
    assert ticks[0] == 0
    assert ticks[-1] <= span * (1 + 1e-9)
    assert ticks_of(0) == []


def test_the_page_says_it_all() -> None:
    said = " ".join(parsed(render("html", document(FOUND), View(verbose=True))).text)
    for word in ("Weak algorithms", "offers weak, weaker", "Anyone can read <b>along</b>.",
                 "Algorithms strong-one,strong-two", "nothing was told", "< hi there"):  # fmt: skip
        assert word in said


@pytest.mark.field
@pytest.mark.parametrize(
    ("reference", "leads_to"),
    [
        ("RFC 9142", "rfc9142"),
        ("RFC 9111 §3.5", "rfc9111#section-3.5"),
        ("RFC 5905 §11.2.1", "rfc5905#section-11.2.1"),
        ("RFC 8446 Appendix B.4", "rfc8446#appendix-B.4"),
        ("NIST SP 800-52", None),
        ("CVE-2023-48795", None),
        ("RFC <b>", None),
    ],
)
def test_an_rfc_is_a_link_to_its_page(reference: str, leads_to: str | None) -> None:
    weak = msgspec.structs.replace(WEAK, references=(reference, "somebody's manual"))
    page = render("html", document(report(findings=(weak,))), View())
    links = [value for tag, name, value in parsed(page).attributes if (tag, name) == ("a", "href")]
    expected = [f"https://www.rfc-editor.org/rfc/{leads_to}"] if leads_to else []
    assert links == expected
    assert "<b>" not in page


@pytest.mark.field
def test_a_legend_is_a_row_and_each_of_its_parts_is_kept_together() -> None:
    style = (Path(html.__file__).parent / "html.css").read_text(encoding="utf-8")
    assert re.search(r"caption svg \{ display: inline-block", style)
    assert re.search(r"\.shade[^{]*\{ white-space: nowrap", style)


@pytest.mark.field
def test_a_narrow_page_drops_labels_between_the_first_and_the_last() -> None:
    scale = render("html", document(CLEAN), View()).split("</thead>")[0]
    labels = re.findall(r"<text [^>]*?(class=\"\w+\")?>[^<]*</text>", scale)
    assert len(labels) > 2
    assert labels[0] == labels[-1] == ""
    assert all(labels[1:-1])
