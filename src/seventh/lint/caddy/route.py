"""The places of a Caddyfile's site: what holds where, in the order in which Caddy runs it.

Whatever order the file has them in, directives run in Caddy's (``order`` changes it, ``route``
keeps the file's); of one directive's lines those with the longest path first, the one without a
matcher last, so that what it sets is what stays.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import NamedTuple

from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy.file import Node
from seventh.lint.caddy.site import Site
from seventh.protocols.http.facts.config import Does
from seventh.wire.text import printable

MAX_DEPTH = 8
BLOCKS = ("handle", "handle_path", "route")
_TERMINAL = frozenset({"redir", "abort", "error", "respond", "reverse_proxy", "php_fastcgi",
                       "file_server", "metrics", "acme_server"})  # fmt: skip
_DECIDES = _TERMINAL | {"header", "encode", "request_header"}
_STATUS = re.compile(r"[1-5][0-9]{2}")
_WORD_FIRST = frozenset({"root", "rewrite"})


class Op(NamedTuple):
    """One change of a header field."""

    field: str
    """Lower case; for a removal perhaps with ``*``."""
    how: str
    """``set``, ``add``, ``default``, ``delete``, or ``replace``."""
    value: str
    node: Node


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
        self._changes: list[Op] | None = None
        self._looked = False
        self._terminal: Node | None = None
        self._held: dict[int, bool | None] = {}
        """What :meth:`holds` has said, by the node's identity: it is asked again and again."""

    def inside(self, node: Node) -> Route:
        """Return the place within a block; that of its matcher, too."""
        token = matcher(node)
        path = _sample(token) if token.startswith("/") else "" if token else self.path
        level = (node.name, node.block or [])
        route = Route(self.site, (*self.levels, level), self.own | {token}, path, self.index)
        route.label = token or self.label
        return route

    def at(self, token: str) -> Route:
        """Return the place where that matcher holds."""
        path = _sample(token) if token.startswith("/") else ""
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
            return _fits(token, self.path) if self.path else None
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
            return any(_fits(word, self.path) for word in words[1:])
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
        return found if keeps == "route" else sorted(found, key=_specific)

    def undecided(self, name: str) -> bool:
        """Return whether a matcher that cannot be judged decides about a directive of that name."""
        named = (node for _, nodes in self.levels for node in self.index.named(nodes, name))
        return any(self.holds(node) is None for node in named)

    def terminal(self) -> Node | None:
        """Return what answers a request here; None where nothing does, which gives an empty 200."""
        if not self._looked:
            self._looked, self._terminal = True, self._answers()
        return self._terminal

    def _answers(self) -> Node | None:
        outer = [n for level in range(len(self.levels) - 1) for n in self._of(level, "redir")]
        if outer:
            return outer[0]
        for level in range(len(self.levels) - 1, -1, -1):
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
        return min(
            found, key=lambda n: (order.get(n.name, len(order)), *_specific(n)), default=None
        )

    def does(self) -> Does:
        """Return what becomes of a request."""
        node = self.terminal()
        if node is None:
            return "answers"
        if node.name in {"respond", "error"}:
            return _responds(node)
        done: dict[str, Does] = {"redir": "redirects", "abort": "closes", "file_server": "files",
                                 "metrics": "answers", "acme_server": "answers"}  # fmt: skip
        return done.get(node.name, "passes")

    def ops(self) -> list[Op]:
        """Return the changes of the reply's header fields in the order of their effect."""
        if self._changes is None:
            self._changes = self._ops()
        return self._changes

    def _ops(self) -> list[Op]:
        now: list[Op] = []
        late: list[Op] = []
        for level in range(len(self.levels)):
            behind: list[Op] = []
            for node in self._of(level, "header"):
                ops, deferred = header_ops(node)
                (behind if deferred else now).extend(ops)
            late[:0] = behind
        proxy = self.terminal()
        down = [
            op(child.words[0], child.words[1:], child)
            for child in (proxy.children("header_down") if proxy is not None else ())
            if child.words
        ]
        return [*now, *down, *late]


def matcher(node: Node) -> str:
    """Return the matcher before a directive's words; empty where there is none, or it is ``*``."""
    known = caddy_directives.site().get(node.name)
    word = node.words[0] if node.words else ""
    if known is not None and not known.matched and node.name not in {"handle_path", "try_files"}:
        return word if node.name in _WORD_FIRST and len(node.words) > 1 and word != "*" else ""
    return word if word[:1] in {"/", "@"} else ""


def words(node: Node) -> tuple[str, ...]:
    """Return a directive's words behind its matcher."""
    known = caddy_directives.site().get(node.name)
    if known is not None and known.matched and node.words:
        first = node.words[0]
        if first == "*" or first[:1] in {"/", "@"}:
            return node.words[1:]
    return node.words


def _specific(node: Node) -> tuple[int, int]:
    token = matcher(node)
    if not token:
        return 2, 0
    return (0, -len(token)) if token.startswith("/") else (1, 0)


def _lets_pass(node: Node) -> bool:
    """Early hints and files that may be missing do not end the matter."""
    return (node.name == "respond" and words(node)[-1:] == ("103",)) or any(
        True for _ in node.children("pass_thru")
    )


def _responds(node: Node) -> Does:
    given = words(node)
    status = given[-1] if given and _STATUS.fullmatch(given[-1]) else ""
    if node.name == "error":
        return "refuses"
    if status[:1] in {"4", "5"}:
        return "refuses"
    if any(True for _ in node.children("close")) and not status:
        return "answers"
    return "redirects" if status[:1] == "3" else "answers"


def _sample(token: str) -> str:
    return token.replace("*", "x")


def _fits(pattern: str, path: str) -> bool:
    head, star, tail = pattern.lower().partition("*")
    if not star:
        return path.lower() == head
    if not tail:
        return path.lower().startswith(head)
    return fnmatchcase(path.lower(), _glob(pattern))


@functools.lru_cache(maxsize=16384)
def _glob(pattern: str) -> str:
    """Return a path matcher as fnmatch writes it: ``*`` alone is special there."""
    return re.sub(r"([?\[])", r"[\1]", pattern.lower())


# -- header fields ---------------------------------------------------------------------------------


def op(field: str, values: tuple[str, ...], node: Node) -> Op:
    """Return a field with its sign as one change."""
    sign = field[:1] if field[:1] in set("+-?>") else ""
    name = field.lstrip("+-?>").removesuffix(":").lower()
    value = printable(values[0], 300) if values else ""
    if sign == "-":
        return Op(name, "delete", "", node)
    if len(values) > 1:
        return Op(name, "replace", "", node)
    return Op(name, {"+": "add", "?": "default"}.get(sign, "set"), value, node)


def header_ops(node: Node) -> tuple[list[Op], bool]:
    """Return the changes of one ``header``, and whether they wait until the reply is sent."""
    values = words(node)
    children = node.block or []
    lines = [(values[0], values[1:])] if values else []
    lines += [(child.name, child.words) for child in children
              if child.name not in {"defer", "match"}]  # fmt: skip
    found = [op(name, value, node) for name, value in lines if name]
    if any(child.name == "match" for child in children):
        found = [one._replace(how="replace") for one in found]  # for some replies, not for others
    deferred = any(child.name == "defer" for child in children)
    return found, deferred or any(name[:1] in {"-", ">"} for name, _ in lines)


class Field(NamedTuple):
    """What becomes of a header field."""

    values: tuple[str, ...] = ()
    deleted: bool = False
    unknown: bool = False


def field(route: Route, name: str) -> Field:
    """Return what a place does to a field of the reply."""
    found = Field()
    for one in route.ops():
        if not (fnmatchcase(name, one.field) if one.how == "delete" else one.field == name):
            continue
        if one.how == "delete":
            found = Field(deleted=True)
        elif one.how == "replace":
            found = found._replace(unknown=True)
        elif one.how == "set":
            found = Field(values=(one.value,) if one.value else ())
        elif one.how == "add" or not found.values:
            found = found._replace(values=(*found.values, one.value), deleted=False)
    unknown = found.unknown or (not found.values and _elsewhere(route, name))
    return found._replace(unknown=unknown)


def _elsewhere(route: Route, name: str) -> bool:
    """Return whether a matcher that cannot be judged decides about the field."""
    return any(
        route.holds(node) is None
        and any(one.field == name for one in header_ops(node)[0])
        for _, nodes in route.levels for node in route.index.named(nodes, "header")
    )  # fmt: skip


# -- all places ------------------------------------------------------------------------------------


OTHER = "/seventh-other-page"
"""A path that no matcher names."""


def rest(site: Site) -> Route:
    """Return the route of a path that no matcher names (``/`` in a matcher is ``/`` alone)."""
    route = front(site, OTHER)
    route.label = "every other path"
    return route


def front(site: Site, path: str = "/") -> Route:
    """Return where the path ``/`` leads, or another one."""
    route = Route(site, (("", site.block.nodes),), frozenset(), path)
    for _ in range(MAX_DEPTH):
        keeps, nodes = route.levels[-1]
        inner = [n for n in nodes if n.name in BLOCKS and route.holds(n)]
        if not inner or (keeps != "route" and route.all("redir")):
            break
        inner.sort(key=_specific)
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
