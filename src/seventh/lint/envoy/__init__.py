"""Envoy's files: its bootstrap, resources of xDS, and the dump of its administration."""

from __future__ import annotations

import re

from seventh.lint.envoy import views
from seventh.lintkit.linted import Kind, Program
from seventh.lintkit.patch import Validator

_MAX_LINES = 400
_OWN = re.compile(
    r"\s*-?\s*\"?(?:static_?[rR]esources|dynamic_?[rR]esources|typed_?[cC]onfig"
    r"|filter_?[cC]hains|load_?[aA]ssignment|@type)\"?\s*:"
)
_TYPE = re.compile(r"type\.googleapis\.com/envoy\.")


def _looks(lines: tuple[str, ...]) -> int:
    """Return all lines if some are Envoy's, as YAML and JSON are no grammars of lines."""
    head = [line for line in lines[:_MAX_LINES] if line.strip()]
    found = sum(1 for line in head if _OWN.match(line))
    return len(head) if found > 1 or any(map(_TYPE.search, head)) else 0


KINDS = (
    Kind(
        name="envoy.yaml",
        room="grpc",
        title="Envoy's bootstrap or xDS resources, in YAML or JSON, or its config_dump",
        product=views.PRODUCT,
        programs=(Program(("envoy", "--version"), r"version: \w+/(?P<version>[0-9.]+)/"),),
        names=(
            "envoy.yaml", "envoy.yml", "envoy.json", "envoy-*.yaml", "envoy/*.yaml",
            "config_dump.json", "*.envoy.yaml",
        ),
        looks=_looks,
        lint=views.lint,
        tree=True,
        validator=Validator(
            command=("envoy", "--mode", "validate", "-c", "{file}"),
            # Lua, WebAssembly, shared objects and Go run while the file is read.
            unsafe=r"lua|wasm|golang|dynamic_modules|library_path",
        ),
    ),
)  # fmt: skip
