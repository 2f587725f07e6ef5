"""CommonMark: any text is shown as itself."""

from __future__ import annotations

import re

import pytest
from markdown_it import MarkdownIt

from seventh.render.commonmark import block, code, escape


def rendered(markdown: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))


@pytest.mark.parametrize(
    "text",
    ["`x`", "a | b", "*bold* _it_", "<b>&amp;", "[link](http://x.example)", "![i](u)", "# no",
     "~~gone~~", "$x^2$", "back\\slash", "``", "https://x.example www.x.example a@b.example",
     ":smile:"],
)  # fmt: skip
def test_markdown_shows_the_text_itself(text: str) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough")
    for made in (f"see {escape(text)} so", f"see {code(text)} so"):
        html = parser.render(made)
        shown = re.sub(r"</?(p|code)>", "", html).strip()
        assert "<" not in shown
    plain = parser.renderInline(f"x {escape(text)}")
    assert (
        plain.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
        == f"x {text}"
    )


def test_a_fence_is_longer_than_any_inside() -> None:
    html = rendered(block("```\n<script>\n````"))
    assert html == "<pre><code>```\n&lt;script&gt;\n````\n</code></pre>\n"


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("plain", "plain"),
        ("a\nb", "a b"),
        ("\\`*_[]#|~@$", "\\\\\\`\\*\\_\\[\\]\\#\\|\\~\\@\\$"),
        ("<&>", "&lt;&amp;&gt;"),
        ("a: b", "a: b"), ("a:1", "a:1"), ("a:b", "a\\:b"), ("a:", "a:"),
        ("www.x", "www\\.x"), ("WWw.x", "WWw\\.x"), ("ww.x", "ww.x"), ("a.b", "a.b"),
    ],
)  # fmt: skip
def test_only_what_would_be_markup_is_escaped(text: str, made: str) -> None:
    assert escape(text) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("x", "`x`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("a`", "`` a` ``"),
        ("a``b`c", "```a``b`c```"), ("", "`  `"), ("a|b", "`a\\|b`"),
    ],
)  # fmt: skip
def test_a_code_span_has_a_longer_fence_than_its_text(text: str, made: str) -> None:
    assert code(text) == made


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("x", "```\nx\n```"), ("x\n\n", "```\nx\n```"), ("a``b", "```\na``b\n```"),
        ("a```b", "````\na```b\n````"), ("a````b", "`````\na````b\n`````"),
    ],
)  # fmt: skip
def test_a_block_has_three_or_more(text: str, made: str) -> None:
    assert block(text) == made
