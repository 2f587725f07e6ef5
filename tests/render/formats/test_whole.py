"""Whole outputs of reports that have something of everything, each held to a file in ``whole/``.

A file shows escape sequences as ``‹1;31›`` and leaves out what a page has from ``html.css``. After
a change that is meant, read the new text and put it there.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from seventh.model.severity import Severity
from seventh.render import View, render
from tests.render.rich import DOCUMENTS

pytestmark = pytest.mark.usefixtures("demo_room")

WHOLE = Path(__file__).with_name("whole")
ALL = View(verbose=True, checklist=True)
CASES = [
    ("terminal", "one", "plain", View()),
    ("terminal", "one", "all", View(verbose=True, checklist=True, color=True, width=100)),
    ("terminal", "one", "narrow", View(ascii=True, width=48, checklist=True)),
    ("terminal", "one", "wide", View(width=120)),
    ("terminal", "several", "plain", View(width=72)),
    ("terminal", "known", "color", View(color=True)),
    ("terminal", "known", "all", View(verbose=True)),
    ("terminal", "fine", "plain", View()),
    ("terminal", "places", "color", View(color=True)),
    ("terminal", "alike", "narrow", View(width=40, ascii=True)),
    *(
        (name, document, "plain", View())
        for name in ("markdown", "html", "nagios", "junit")
        for document in ("known", "fine")
    ),
    ("markdown", "places", "plain", View()),
    ("markdown", "alike", "plain", View()),
    ("json", "known", "plain", View()),
    ("terminal", "several", "color", View(color=True, bar=Severity.HIGH)),
    ("terminal", "host", "wide", View(width=110, color=True)),
    ("terminal", "host", "plain", View(width=80)),
    ("terminal", "host", "narrow", View(width=59, ascii=True)),
    ("terminal", "unresolved", "plain", View()),
    ("terminal", "checked", "color", View(checklist=True, color=True)),
    ("markdown", "checked", "plain", View(checklist=True)),
    ("html", "checked", "plain", View(checklist=True)),
    ("markdown", "one", "plain", View()),
    ("markdown", "one", "all", ALL),
    ("markdown", "several", "plain", View()),
    ("markdown", "host", "plain", View()),
    ("markdown", "unresolved", "plain", View()),
    ("html", "one", "all", ALL),
    ("html", "one", "plain", View()),
    ("html", "several", "plain", View()),
    ("html", "host", "plain", View()),
    ("html", "unresolved", "plain", View()),
    ("nagios", "one", "plain", View()),
    ("nagios", "one", "all", ALL),
    ("nagios", "several", "plain", View()),
    ("nagios", "host", "plain", View()),
    ("nagios", "unresolved", "plain", View()),
    ("junit", "one", "plain", View()),
    ("junit", "several", "high", View(bar=Severity.HIGH)),
    ("junit", "host", "plain", View()),
    ("json", "one", "all", ALL),
    ("json", "host", "plain", View()),
]


@pytest.mark.parametrize(
    ("name", "document", "how", "view"), CASES, ids=[f"{n}-{d}-{h}" for n, d, h, _ in CASES]
)
def test_the_whole_output(name: str, document: str, how: str, view: View) -> None:
    shown = readable(render(name, DOCUMENTS[document], view))
    assert shown == (WHOLE / f"{name}-{document}-{how}.txt").read_text(encoding="utf-8")


def readable(text: str) -> str:
    text = re.sub(r"\x1b\[([0-9;]*)m", r"‹\1›", text)
    text = re.sub(r"<style>.*</style>", "<style></style>", text, flags=re.DOTALL)
    return re.sub(r"'sha256-[^']*'", "'sha256-'", text)
