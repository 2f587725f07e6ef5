"""What a folder says may happen in it, held against the imports of each file below ``seventh/``.

An import counts wherever it stands: in a function, under TYPE_CHECKING, or as a call that names the
module in a string.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

PURE = {"facts", "wire", "rules", "series"}
"""Folders or files of a room, at any depth, that hold values and judgements."""
SOCKETS_AND_CLOCKS = (
    "asyncio", "socket", "ssl", "time", "uvloop", "select", "selectors", "threading", "subprocess",
    "OpenSSL", "seventh.net",
)  # fmt: skip
IMPURE = (*SOCKETS_AND_CLOCKS, "seventh.web", "seventh.labkit", "seventh.engine")
VALUES_OF_WEB = "seventh.web.message"
"""Requests and headers as values: pure itself, so that pure files may use it."""
COMPUTED = "a name that is computed"


def violations(folder: Path, package: str = "seventh") -> list[str]:
    """Give a line for each import below ``package``, which lies in ``folder``, that must not be."""
    return sorted(
        f"{path.relative_to(folder)} imports {name}: {why}"
        for path in folder.rglob("*.py")
        for module in [_module(path, folder, package)]
        for name in imports(path, module)
        if (why := forbids(module.split(".")[1:], name))
    )


def forbids(place: Sequence[str], name: str) -> str | None:
    """Say why the module at ``place`` below ``seventh`` must not import ``name``; else None."""
    match place:
        case ["protocols", room, *below]:
            if _is(name, "seventh.protocols") and not _is(name, f"seventh.protocols.{room}"):
                return "rooms never import each other"
            if not below and not (
                _is(name, "seventh.model", "msgspec") or _is_standard_value(name)
            ):
                return "a room's spec imports the model, msgspec and nothing else"
        case ["lint", *_] if _is(name, *SOCKETS_AND_CLOCKS, "seventh.web"):
            return "a linter reads files and nothing else"
    if _is(name, "seventh.labkit") and not _uses_the_lab_kit(place):
        return "only labs use the lab kit"
    if _is_pure(place) and _is(name, *IMPURE, COMPUTED) and not _is(name, VALUES_OF_WEB):
        return "no socket, clock or thread in model, facts, wire and rules"
    return None


def imports(path: Path, module: str) -> Iterator[str]:
    """Give every module that the file of ``module`` imports, by its full name."""
    package = module.split(".")[: None if path.stem == "__init__" else -1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package[: len(package) - node.level + 1] if node.level else []
                source = ".".join([*above, *([node.module] if node.module else [])])
                # What is imported from a package may be a module of it.
                yield from (f"{source}.{alias.name}" for alias in node.names)
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module")
                | ast.Attribute(attr="__import__" | "import_module")
            ):
                yield _named(node)


def _named(call: ast.Call) -> str:
    """The module that a call imports, where it says so in a string."""
    match call.args:
        case [ast.Constant(value=str(name)), *_]:
            return name
        case _:
            return COMPUTED


def _module(path: Path, folder: Path, package: str) -> str:
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def _is_pure(place: Sequence[str]) -> bool:
    match place:
        case ["rules", "collect"]:
            # It finds a room's rules by walking the folder, and imports what it finds.
            return False
        case ["model" | "wire" | "rules", *_]:
            return True
        case ["protocols", _, *below]:
            return not PURE.isdisjoint(below)
        case _:
            return _is(".".join(["seventh", *place]), VALUES_OF_WEB)


def _uses_the_lab_kit(place: Sequence[str]) -> bool:
    """Whether it is part of a lab, or starts one by hand as the command line does."""
    match place:
        case ["protocols", _, "lab", *_] | ["labkit" | "lab" | "cli", *_]:
            return True
        case _:
            return False


def _is_standard_value(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in sys.stdlib_module_names and not _is(name, *IMPURE)


def _is(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
