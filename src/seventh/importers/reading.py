"""Which program a file is of, and what it has."""

from __future__ import annotations

from collections.abc import Sequence

from seventh.importers import blackbox, gatus, kuma
from seventh.importers.found import Found
from seventh.importers.located import Node, json_of, yaml_of
from seventh.model.failure import UsageError
from seventh.model.textfile import read_text

_MAX_BYTES = 64 * 1024 * 1024
_WHAT = (
    "name blackbox.yml and prometheus.yml, Gatus's config.yaml, or a JSON file with Uptime Kuma's "
    "monitors"
)


def found(names: Sequence[str]) -> Found:
    """Read files of one program; raises UsageError, in one line."""
    roots = [(name, _read(name)) for name in names]
    modules = [(name, root) for name, root in roots if root.get("modules").value is not None]
    scraped = [(name, root) for name, root in roots if root.get("scrape_configs").value is not None]
    if len(roots) == 2 and len(modules) == len(scraped) == 1:
        return blackbox.found(*modules[0], *scraped[0])
    if modules or scraped:
        raise UsageError(
            f"{names[0]}: targets are in prometheus.yml and their modules in blackbox.yml: name "
            "both files"
        )
    if len(roots) > 1:
        raise UsageError(f"{names[1]}: one file at a time; {_WHAT}")
    name, root = roots[0]
    if any(
        root.get(key).each() for key in ("endpoints", "services", "external-endpoints", "suites")
    ):
        return gatus.found(name, root)
    result = kuma.found(name, root)
    if not result.items:
        raise UsageError(f"{name}: no monitors found; {_WHAT}")
    return result


def _read(name: str) -> Node:
    text = read_text(name, _MAX_BYTES)
    return json_of(name, text) if text.lstrip()[:1] in {"{", "["} else yaml_of(name, text)
