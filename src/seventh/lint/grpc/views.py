"""A service config as views: as a whole, then each entry of ``methodConfig``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Linted, Setting, Software, View
from seventh.lintkit.tree import Node, read
from seventh.model.source import Line
from seventh.protocols.grpc.facts import GrpcFacts
from seventh.protocols.grpc.facts.config import ServiceConfig
from seventh.protocols.grpc.wire import service_config as wire
from seventh.wire.text import printable

PRODUCT = "grpc"
NEWEST = Software(product=PRODUCT, version=(1, 85))
MAX_VIEWS = 500
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(?:([0-9]{3})|(.))", re.DOTALL)
_EACH = ("retryPolicy", "hedgingPolicy", "name")
_WHOLE = ("methodConfig", "retryThrottling")


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    """Judge a service config; what clients refuse is noted."""
    made = _Views(text, files)
    stated = software or NEWEST
    return Linted(
        views=tuple(made.views()), software=str(stated), software_assumed=software is None
    )


class _Views:
    """The views of one file, as they are made."""

    def __init__(self, text: Text, files: Files) -> None:
        self._text = text
        self._files = files
        self._tree: Node | None = None

    def views(self) -> list[View]:
        """Return the views of each service config of the file."""
        empty = View(facts={"grpc": GrpcFacts()}, settings={})
        source = "\n".join(self._text.lines)
        if not source.strip():
            return [empty]
        try:
            value = wire.parse(self._json(source))
        except wire.MalformedError as error:
            why = f"{error}: clients ignore the whole config"
            self._files.problem(self._text.name, error.line, why)
            return [empty]
        if not self._is_record:
            documents = read(self._text, self._files)
            self._tree = documents[0] if documents else None
        if isinstance(value, list):
            for one in wire.problems_of_choices(value):
                self._refuse(one.path, one.why)
        found: list[View] = []
        for path, config in wire.choices(value):
            found += self._config(path, config)
        return found[:MAX_VIEWS] or [empty]

    def _json(self, source: str) -> str:
        """Return the JSON of the file: a record's follows ``grpc_config=``, in quoted parts."""
        self._is_record = wire.TXT in source and source.lstrip()[:1] not in {"{", "["}
        if not self._is_record:
            return source
        rest = source[source.index(wire.TXT) :]
        before = source[: source.index(wire.TXT)]
        if before.rstrip(" \t(").endswith('"'):
            parts = _STRING.findall(f'"{rest}')
            rest = "".join(_ESCAPE.sub(_unescaped, part) for part in parts)
        return rest.removeprefix(wire.TXT)

    def _refuse(self, path: wire.Path, why: str) -> None:
        at = self._at(path)
        where = wire.dotted(path)
        self._files.problem(
            at.file, at.line, f"{where} {why}: clients ignore the whole config".lstrip()
        )

    def _config(self, path: wire.Path, config: Any) -> list[View]:
        for one in wire.problems(config):
            self._refuse((*path, *one.path), one.why)
        whole, entries = wire.learn(config)
        label = printable(f"choice {path[0]}", 80) if path else ""
        ignored = tuple(self._setting((*path, *below)) for below, _ in wire.unknown_fields(config))
        settings = {name.lower(): (self._setting((*path, name), config),) for name in _WHOLE}
        views = [self._view(label, path, whole, {**settings, "ignored": ignored})]
        for below, entry in entries:
            at = (*path, *below)
            value = config["methodConfig"][below[-1]]
            mine = {name.lower(): (self._setting((*at, name), value),) for name in _EACH}
            named = f"{label}, {wire.dotted(below)}" if label else wire.dotted(below)
            names = f" {', '.join(entry.methods)}" if entry.methods else ""
            views.append(self._view(printable(named + names, 200), at, entry, mine))
        return views

    def _view(
        self,
        label: str,
        path: wire.Path,
        facts: ServiceConfig,
        settings: Mapping[str, tuple[Setting, ...]],
    ) -> View:
        return View(
            label=label, within=None, block=self._at(path) if path else None,
            facts={"grpc": GrpcFacts(client_config=facts)}, settings=settings,
        )  # fmt: skip

    def _setting(self, path: wire.Path, holder: Any = None) -> Setting:
        """Return the setting at a path; one that is not there is shown where it would be."""
        name = str(path[-1])
        if isinstance(holder, dict) and name not in holder:
            at = self._at(path[:-1])
            return Setting(value="", at=Line(file=at.file, line=at.line, text=f"no {name}"))
        return Setting(value=name, at=self._at(path))

    def _at(self, path: wire.Path) -> Line:
        """Return the line of the value at a path, or of the last part that is there."""
        node = below = self._tree
        for part in path:
            if below is None:
                break
            node = below
            below = below.item(part) if isinstance(part, int) else below.get(part)
        node = below or node
        if node is None:
            shown = wire.dotted(path) or self._text.name
            return Line(file=self._text.name, line=None, text=printable(shown, 200))
        return node.at(self._text)


def _unescaped(match: re.Match[str]) -> str:
    """Return the character of an escape in a zone file (RFC 1035 §5.1)."""
    return match[2] if match[1] is None else chr(min(int(match[1]), 255))
