"""Markdown: a ticket that renders."""

from __future__ import annotations

import pytest

from seventh.render import View, render
from tests.render.samples import SHAPES, document
from tests.render.test_commonmark import rendered

pytestmark = pytest.mark.usefixtures("demo_room")


def test_the_ticket_renders_and_says_it_all() -> None:
    html = rendered(render("markdown", document(*SHAPES), View(verbose=True)))
    assert html.count("<h2>") == len(SHAPES)
    assert html.count("<table>") == 1 + 3 * 2
    assert "<code>[crypto]\nAlgorithms strong-one,strong-two  # not weak, weaker\n</code>" in html
    assert "&lt;b&gt;along&lt;/b&gt;" in html
    assert "<b>" not in html
