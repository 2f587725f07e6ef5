"""Formats are found by looking, each loaded alone, and a new one is a new file."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import seventh
from seventh.labkit.serve import free_port
from seventh.model.failure import UsageError
from seventh.render import FORMATS, View, render
from tests.render.samples import SHAPES, document

pytestmark = pytest.mark.usefixtures("demo_room")

SHOUT = """
from seventh.render.view import Document, View

def render(document: Document, view: View) -> str:
    return " ".join(report.target.upper() for report in document.reports) + "!"
"""


def test_adding_a_file_is_all_it_takes(tmp_path: Path) -> None:
    tree = tmp_path / "seventh"
    shutil.copytree(Path(seventh.__file__).parent, tree, ignore=shutil.ignore_patterns("*.pyc"))
    (tree / "render/formats/shout.py").write_text(SHOUT, encoding="utf-8")
    target = f"tcp://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "seventh", "check", target, "--format", "shout"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{target.upper()}!", "")


def test_what_is_no_format_is_named_with_those_there_are() -> None:
    assert "terminal" in FORMATS, "what the command line shows unasked"
    with pytest.raises(UsageError, match=f"unknown format 'yaml': write {FORMATS[0]}, "):
        render("yaml", document(), View())


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_shows_every_shape_and_nothing_at_all(name: str) -> None:
    assert importlib.import_module(f"seventh.render.formats.{name}").__doc__
    for made in (document(), *(document(shape) for shape in SHAPES), document(*SHAPES)):
        for verbose in (False, True):
            text = render(name, made, View(verbose=verbose))
            assert text.endswith("\n") or not made.reports
            assert text == render(name, made, View(verbose=verbose))


LOADED = """
import sys
import seventh.render as r
r.render({!r}, r.Document(generated_at="", version="", reports=()), r.View())
print(*sorted(sys.modules))
"""


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_loads_no_other_and_rich_for_a_terminal_alone(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(name)], capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    formats = {m.rpartition(".")[2] for m in loaded if m.startswith("seventh.render.formats.")}
    assert formats == {name}
    heavy = {"rich", "asyncio", "ssl", "cryptography"} & {m.partition(".")[0] for m in loaded}
    assert heavy <= ({"rich"} if name == "terminal" else set())
