"""The places of a Caddyfile's site: what holds where, in the order in which Caddy runs it.

Whatever order the file has them in, directives run in Caddy's (``order`` changes it, ``route``
keeps the file's); of one directive's lines those with the longest path first, the one without a
matcher last, so that what it sets is what stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from typing import NamedTuple

from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy.file import Node
from seventh.lint.caddy.header import Change, change, changes_of
from seventh.lint.caddy.matchers import arguments, fits, matcher, sample, specific
from seventh.lint.caddy.site import Site
from seventh.protocols.http.facts.config import Does

MAX_DEPTH = 8
BLOCKS = ("handle", "handle_path", "route")
_TERMINAL = frozenset({"redir", "abort", "error", "respond", "reverse_proxy", "php_fastcgi",
                       "file_server", "metrics", "acme_server"})  # fmt: skip
_DECIDES = _TERMINAL | {"header", "encode", "request_header"}
_STATUS = re.compile(r"[1-5][0-9]{2}")


class Field(NamedTuple):
    """What becomes of a header field."""

    values: tuple[str, ...] = ()
    deleted: bool = False
    unknown: bool = False


class _Index:
    """The directives of blocks by name, each block sorted once."""

    def __init__(self) -> None:
        self._named: dict[int, dict[str, list[Node]]] = {}
        self._answering: dict[int, list[Node]] = {}

    def named(self, nodes: list[Node], name: str) -> list[Node]:
        """Return the directives of a block that have this name."""
        key = id(nodes)
        if key not in self._named:
            found: dict[str, list[Node]] = {}
            for node in nodes:
                found.setdefault(node.name, []).append(node)
            self._named[key] = found
        return self._named[key].get(name, [])

    def answering(self, nodes: list[Node]) -> list[Node]:
        """Return those that may answer a request: known to, or of a module that is not known."""
        key = id(nodes)
        if key not in self._answering:
            known = caddy_directives.site()
            self._answering[key] = [
                node for node in nodes
                if (node.name in _TERMINAL or (node.name not in known and node.name[:1] != "@"
                                               and node.name != "import"))
                and not _lets_pass(node)
            ]  # fmt: skip
        return self._answering[key]


class Route:
    """A place within a site: blocks from the outside in, and the matchers that hold there."""

    def __init__(
        self,
        site: Site,
        levels: tuple[tuple[str, list[Node]], ...],
        own: frozenset[str],
        path: str,
        index: _Index | None = None,
    ) -> None:
        self.site = site
        self.index = index or _Index()
        self.levels = levels
        """Each block's directive (empty for the site) with what stands in it."""
        self.own = own
        self.path = path
        """A path that leads there; empty where none is known."""
        self.label = ""
        self._held: dict[int, bool | None] = {}
        """What :meth:`holds` has said, by the node's identity: it is asked again and again."""

    def inside(self, node: Node) -> Route:
        """Return the place within a block; that of its matcher, too."""
        token = matcher(node)
        path = sample(token) if token.startswith("/") else "" if token else self.path
        level = (node.name, node.block or [])
        route = Route(self.site, (*self.levels, level), self.own | {token}, path, self.index)
        route.label = token or self.label
        return route

    def at(self, token: str) -> Route:
        """Return the place where that matcher holds."""
        path = sample(token) if token.startswith("/") else ""
        route = Route(self.site, self.levels, self.own | {token}, path, self.index)
        route.label = token
        return route

    def definition(self, token: str) -> Node | None:
        """Return where a named matcher is defined."""
        for _, nodes in reversed(self.levels):
            if named := self.index.named(nodes, token):
                return named[0]
        return None

    def holds(self, node: Node) -> bool | None:
        """Return whether a directive's matcher matches here; None where that is unknown."""
        key = id(node)
        if key not in self._held:
            self._held[key] = self._holds(node)
        return self._held[key]

    def _holds(self, node: Node) -> bool | None:
        token = matcher(node)
        if not token or token == "/*" or token in self.own:  # noqa: S105 - a path
            return True
        if token.startswith("/"):
            return fits(token, self.path) if self.path else None
        named = self.definition(token)
        return None if named is None else self._matches(named.words, named)

    def _matches(self, words: tuple[str, ...], named: Node) -> bool | None:
        """Return the matchers of which the verdict is known: path, method, and their ``not``.

        Those of a block must all hold; of one name, any.
        """
        if not words and named.block:
            asked: dict[str, list[bool | None]] = {}
            for child in named.block:
                held = self._matches((child.name, *child.words), named)
                asked.setdefault(child.name, []).append(held)
            each = [True if True in held else None if None in held else False
                    for name, held in asked.items() if name != "not"]  # fmt: skip
            each += asked.get("not", [])
            return False if False in each else None if None in each else True
        if words[:1] == ("not",):
            inner = self._matches(words[1:], named) if words[1:] else None
            return None if inner is None else not inner
        if words[:1] == ("path",) and self.path:
            return any(fits(word, self.path) for word in words[1:])
        if words[:1] == ("method",):
            return "GET" in words[1:]
        return None

    # -- what holds --------------------------------------------------------------------------------

    def all(self, name: str) -> list[Node]:
        """Return the directives of that name that hold, in the order in which they run."""
        return [node for level, _ in enumerate(self.levels) for node in self._of(level, name)]

    def _of(self, level: int, name: str) -> list[Node]:
        keeps, nodes = self.levels[level]
        found = [n for n in self.index.named(nodes, name) if self.holds(n)]
        return found if keeps == "route" else sorted(found, key=specific)

    def undecided(self, name: str) -> bool:
        """Return whether a matcher that cannot be judged decides about a directive of that name."""
        named = (node for _, nodes in self.levels for node in self.index.named(nodes, name))
        return any(self.holds(node) is None for node in named)

    @cached_property
    def terminal(self) -> Node | None:
        """What answers a request here; None where nothing does, which gives an empty 200."""
        outer = [n for level in range(len(self.levels) - 1) for n in self._of(level, "redir")]
        if outer:
            return outer[0]
        for level in reversed(range(len(self.levels))):
            found = self._answering(level)
            if found is not None:
                return found
        return None

    def _answering(self, level: int) -> Node | None:
        keeps, nodes = self.levels[level]
        order = {name: position for position, name in enumerate(self.site.server.order)}
        found = [node for node in self.index.answering(nodes) if self.holds(node)]
        if keeps == "route":
            return found[0] if found else None
        return min(found, key=lambda n: (order.get(n.name, len(order)), *specific(n)), default=None)

    def does(self) -> Does:
        """Return what becomes of a request."""
        node = self.terminal
        if node is None:
            return "answers"
        if node.name in {"respond", "error"}:
            return _responds(node)
        done: dict[str, Does] = {"redir": "redirects", "abort": "closes", "file_server": "files",
                                 "metrics": "answers", "acme_server": "answers"}  # fmt: skip
        return done.get(node.name, "passes")

    @cached_property
    def changes(self) -> list[Change]:
        """The changes of the reply's header fields in the order of their effect."""
        now: list[Change] = []
        late: list[Change] = []
        for level in range(len(self.levels)):
            behind: list[Change] = []
            for node in self._of(level, "header"):
                ops, deferred = changes_of(node)
                (behind if deferred else now).extend(ops)
            late[:0] = behind
        proxy = self.terminal
        down = [
            change(child.words[0], child.words[1:], child)
            for child in (proxy.children("header_down") if proxy is not None else ())
            if child.words
        ]
        return [*now, *down, *late]

    def field(self, name: str) -> Field:
        """Return what becomes of a field of the reply here."""
        found = Field()
        for one in self.changes:
            if not _is_of(one, name):
                continue
            if one.how == "delete":
                found = Field(deleted=True)
            elif one.how == "replace":
                found = found._replace(unknown=True)
            elif one.how == "set":
                found = Field(values=(one.value,) if one.value else ())
            elif one.how == "add" or not found.values:
                found = found._replace(values=(*found.values, one.value), deleted=False)
        unknown = found.unknown or (not found.values and self._elsewhere(name))
        return found._replace(unknown=unknown)

    def _elsewhere(self, name: str) -> bool:
        """Return whether a matcher that cannot be judged decides about the field."""
        return any(
            self.holds(node) is None and any(_is_of(one, name) for one in changes_of(node)[0])
            for _, nodes in self.levels for node in self.index.named(nodes, "header")
        )  # fmt: skip


def _is_of(one: Change, name: str) -> bool:
    """Return whether it changes the field of that name; a removal may name several."""
    return fnmatchcase(name, one.field) if one.how == "delete" else one.field == name


def _lets_pass(node: Node) -> bool:
    """Early hints and files that may be missing do not end the matter."""
    return (node.name == "respond" and arguments(node)[-1:] == ("103",)) or any(
        True for _ in node.children("pass_thru")
    )


def _responds(node: Node) -> Does:
    given = arguments(node)
    status = given[-1] if given and _STATUS.fullmatch(given[-1]) else ""
    if node.name == "error" or status[:1] in {"4", "5"}:
        return "refuses"
    return "redirects" if status[:1] == "3" else "answers"


# -- all places ------------------------------------------------------------------------------------


OTHER = "/seventh-other-page"
"""A path that no matcher names (``/`` in a matcher is ``/`` alone)."""


def front(site: Site, path: str = "/") -> Route:
    """Return where the path ``/`` leads, or another one."""
    route = Route(site, (("", site.block.nodes),), frozenset(), path)
    for _ in range(MAX_DEPTH):
        keeps, nodes = route.levels[-1]
        inner = [n for n in nodes if n.name in BLOCKS and route.holds(n)]
        if not inner or (keeps != "route" and route.all("redir")):
            break
        inner.sort(key=specific)
        inside = route.inside(inner[0])
        route = Route(site, inside.levels, inside.own, path, route.index)
    return route


def routes(site: Site, limit: int) -> list[Route]:
    """Return the places that may differ from where ``/`` leads, as far as ``limit`` goes."""
    found: list[Route] = []
    waiting = [Route(site, (("", site.block.nodes),), frozenset(), "")]
    while waiting and len(found) < limit:
        route = waiting.pop(0)
        seen: set[str] = set()
        for node in _relevant(route.levels[-1][1]):
            token = matcher(node)
            if node.name in BLOCKS:
                inner = route.inside(node)
                if token:
                    found.append(inner)
                if len(inner.levels) < MAX_DEPTH:
                    waiting.append(inner)
            elif token not in {"", "/*"} and token not in seen and token not in route.own:
                found.append(route.at(token))
            seen.add(token)
    return found[:limit]


def _relevant(nodes: list[Node]) -> Iterator[Node]:
    return (node for node in nodes if node.name in _DECIDES or node.name in BLOCKS)
