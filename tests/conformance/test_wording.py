"""Texts for people are plain: the words that a reader stumbles over are in none of them.

Looked at are the literals of the source that read as prose (docstrings are for engineers), the
words of every language file that is English, the pages, and the reasons of skipped tests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import seventh

pytestmark = pytest.mark.uncounted

SOURCE = Path(seventh.__file__).parent
PROJECT = Path(__file__).parents[2]
UNWANTED = re.compile(
    r"""\b(
    whoever|whatever\ it|nobody|somebody|the\ person|anew|afresh|mend(s|ed|ing)?|vouch(es|ed|ing)?
    |climbs?\ down|told\ once|as\ it\ must\ be|on\ the\ way|h(o|e)lds?\ back|lets?\ in|heard\ of
    |speaks?|spoken|spoke|speaking|tells?|told|telling|talks?|talking|talked|rooms?|marks?
    |looks\ like\ no|is\ no\ [a-z]+\ that|which\ of\ them|of\ an\ answer
    |\w+n't|(it|that|there|what)'s|\w+'(ll|ve|re)
    )\b|[a-z]!(\s|$)""",
    re.VERBOSE | re.IGNORECASE,
)
CODE = re.compile(r"```.*?```|`[^`\n]*`|<[^>\n]*>|\"[^\"\n ]*\"|https?://\S+", re.DOTALL)
FIELD_TERMS = re.compile(r"\btold apart\b", re.IGNORECASE)


def unwanted(text: str) -> list[str]:
    """The words of ``text`` that are not plain; code and quoted values are not words."""
    plain = FIELD_TERMS.sub(" ", CODE.sub(" ", text))
    return [match.group(0) for match in UNWANTED.finditer(plain)]


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Every literal of a module that reads as prose, with its line; no docstring is one."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    silent = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        match node:
            case ast.Constant(value=str(text)) if " " in text.strip() and id(node) not in silent:
                yield node.lineno, text


def reasons(path: Path) -> Iterator[tuple[int, str]]:
    """The reasons with which a test module skips."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {
            "skip", "skipif", "xfail", "importorskip",
        }:  # fmt: skip
            values = [*node.args, *(k.value for k in node.keywords if k.arg == "reason")]
            for part in (part for value in values for part in ast.walk(value)):
                match part:
                    case ast.Constant(value=str(text)):
                        yield part.lineno, text


def folders() -> list[str]:
    """The source's folders, those of protocols and linters one by one."""
    return sorted(
        str(folder.relative_to(SOURCE))
        for folder in [*SOURCE.glob("*"), *SOURCE.glob("protocols/*"), *SOURCE.glob("lint/*")]
        if folder.is_dir() and folder.name not in {"__pycache__", "protocols", "lint"}
    )


@pytest.mark.parametrize("folder", [*folders(), "."])
def test_the_source_speaks_plainly(folder: str) -> None:
    outer = [path for top in (".", "protocols", "lint") for path in (SOURCE / top).glob("*.py")]
    paths = outer if folder == "." else (SOURCE / folder).rglob("*.py")
    found = [
        f"{path.relative_to(SOURCE)}:{line}: {words}: {text}"
        for path in sorted(paths)
        for line, text in literals(path)
        if (words := unwanted(text))
    ]
    assert not found, "\n".join(found)


def pages() -> list[Path]:
    """What people read outside the program: pages and the Makefile's help."""
    return [*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md"), PROJECT / "Makefile"]


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_the_pages_speak_plainly(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "Makefile":
        text = "\n".join(re.findall(r"##.*", text))
    assert not unwanted(text)


def test_skips_say_plainly_why() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{line}: {text}"
        for path in sorted((PROJECT / "tests").rglob("*.py"))
        for line, text in reasons(path)
        if unwanted(text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Whoever mends it speaks.", ["Whoever", "mends", "speaks"]),
        ("Times out after 5 s; it's retried!", ["it's", "d!"]),
        ("It doesn't.", ["doesn't"]), ("Login as `nobody` rejected.", []),
        ("Too many requests; told apart by the port.", []),
    ],
)  # fmt: skip
def test_what_counts_as_unwanted(text: str, words: list[str]) -> None:
    assert unwanted(text) == words
