"""Which tests are to notice a mutant, in stages: the nearest first, only survivors go on."""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tests.mutate.strata import ROOT, Planted

TESTS = ROOT / "tests"
_FAR = {"peers", "fuzz", "mutate"}
"""Folders whose tests are not asked: real servers, long runs, ourselves."""
_WIDER = {
    "rules": (
        "rules", "conformance/test_rooms.py", "lint", "conformance/test_checklists.py",
        "render/formats/test_nagios.py",
    ),
    "codecs": ("wire", "web", "protocols/tls", "net"),
    "net": (
        "net", "web", "protocols/net", "protocols/tls",
        "protocols/http", "engine",
    ),
    "engine": ("engine", "render", "model", "conformance/test_rooms.py", "cli"),
    "lint": ("lint", "lintkit", "engine/test_lint.py", "conformance/test_lints.py"),
    "probes": ("engine", "conformance/test_rooms.py"),
}  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """One run of pytest: files (or tests by name), and the part of them that is meant."""

    files: tuple[str, ...]
    only: str = ""


def stages(planted: Planted) -> list[Stage]:
    """List the runs for a mutant, each without the files of those before."""
    path = planted.path.with_suffix("")
    module = "seventh." + ".".join(path.parts).removesuffix(".__init__")
    room = path.parts[1] if path.parts[0] == "protocols" else ""
    folder = _mirror(planted.path)
    importers = _importers(module)
    near = [file for file in _under(folder) if _named_after(file, path) or file in importers]
    layer = TESTS.joinpath(*path.parts[:2]) if room else TESTS / path.parts[0]
    wider = [file for name in _WIDER[planted.stratum] for file in _under(TESTS / name)]
    found: list[Stage] = []
    done: set[Path] = set()
    elsewhere = sorted(importers.difference(_under(folder), _under(layer), wider))
    for files in (near, _under(folder), _under(layer), elsewhere, wider):
        fresh = [file for file in dict.fromkeys(files) if file not in done]
        done.update(fresh)
        if fresh:
            found.append(Stage(tuple(str(file.relative_to(ROOT)) for file in fresh)))
    if room:
        found.append(Stage(("tests/conformance/test_lab.py",), f"[{room}-"))
    return found


def _mirror(path: PurePosixPath) -> Path:
    """Find the folder of tests at a file's place, or the closest above it that there is."""
    folder = TESTS / path.parent
    while folder != TESTS and not _under(folder):
        folder = folder.parent
    return folder


def _named_after(file: Path, path: PurePosixPath) -> bool:
    name = path.parent.name if path.name == "__init__" else path.name
    return file.stem.startswith(f"test_{name}")


@functools.cache
def _under(place: Path) -> tuple[Path, ...]:
    """List the files of tests at a place: itself, or what is below; of all tests, none."""
    if place == TESTS:
        return ()
    return tuple(sorted(place.rglob("test_*.py"))) if place.is_dir() else (place,) * place.exists()


def _importers(module: str) -> set[Path]:
    return {file for file, names in _imports().items() if module in names}


@functools.cache
def _imports() -> dict[Path, set[str]]:
    """Read what each file of tests imports, in full names."""
    return {
        file: _names(ast.parse(file.read_bytes()))
        for file in TESTS.rglob("test_*.py")
        if file.relative_to(TESTS).parts[0] not in _FAR
    }


def _names(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
