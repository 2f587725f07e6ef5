"""What Caddy would refuse of a Caddyfile that can be read: names, words, blocks, matchers.

Where the environment decides a word (``{$NAME}``), nothing is held against the table. Directives
of well-known modules that are not in the standard build are left alone: they are noted as not
judged. Any other unknown name is refused, as Caddy refuses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from seventh.lint.caddy import directives as caddy_directives
from seventh.lint.caddy.directives import Known
from seventh.lint.caddy.file import Caddyfile, Node
from seventh.lint.caddy.matchers import arguments, matcher
from seventh.lint.caddy.tokens import ENVIRONMENT
from seventh.lintkit.files import Files

_RESPONSES = frozenset({"reverse_proxy", "php_fastcgi", "forward_auth", "intercept"})
_BLOCK_ALONE = frozenset({"intercept", "request_body", "templates", "timeouts"})
"""With words in their line, Caddy does not look into their block."""
_STATUS = re.compile(r"[0-9]{3}|[0-9]xx")
_REDIRECT = re.compile(r"permanent|temporary|html|\{.*|\+?(?:0*3[0-9]{2}|0*401)")
_NOT_ROUTES = frozenset({"bind", "handle_errors", "log", "tls"})
_URI = {"strip_prefix": (1, 1), "strip_suffix": (1, 1), "replace": (2, 3), "path_regexp": (2, 2),
        "query": (0, 3)}  # fmt: skip
_KINDS = {"dur": "duration", "int": "number", "size": "size", "ratio": "ratio between 0 and 1",
          "span": "duration, and not off", "delay": "duration"}  # fmt: skip
_MAX_GUESSED = 50
"""Unknown names that are held against the known ones."""
_HASHES = frozenset({"bcrypt", "argon2id"})


def check(found: Caddyfile, files: Files) -> None:
    """Note everything for which Caddy would not start."""
    checker = _Checker(found, files)
    if found.options is not None:
        for node in found.options.nodes:
            checker.option(node)
    for block in (*found.routes, *found.sites):
        for key in block.keys:
            if key.text in caddy_directives.site():
                found.refuse(block.at, f"parsed '{key.text}' as a site address, but it is a known "
                             "directive; directives must appear in a site block")  # fmt: skip
    for route in found.routes:
        checker.routes(route.nodes, {})
    for site in found.sites:
        checker.routes(site.nodes, {}, top=True)


class _Checker:
    def __init__(self, found: Caddyfile, files: Files) -> None:
        self._found = found
        self._files = files
        self._said: set[str] = set()
        self._guessed: set[str] = set()
        self._invokable = {route.keys[0].text for route in found.routes}

    # -- global options ----------------------------------------------------------------------------

    def option(self, node: Node) -> None:
        """Check one global option."""
        known = caddy_directives.options().get(node.name)
        if known is None:
            self._unknown(node, "options", f"unrecognized global option: {node.name}")
            return
        if node.name == "order":
            self._order(node)
        if not self._holds(node, known, node.words) or node.open:
            return
        if node.name in {"on_demand_tls", "preferred_chains"} and not (node.words or node.block):
            self._found.refuse(node.at, f"expected at least one parameter for {node.name}")

    def _order(self, node: Node) -> None:
        if node.open or not node.words:
            return
        if node.words[0] in caddy_directives.names("modules", "directives"):
            return
        if node.words[0] not in caddy_directives.site():
            self._found.refuse(node.at, f"{node.words[0]} is not a registered directive")
        elif len(node.words) > 1 and node.words[1] not in {"first", "last", "before", "after"}:
            self._found.refuse(node.at, f"unknown positional '{node.words[1]}'")

    # -- directives --------------------------------------------------------------------------------

    def routes(self, nodes: list[Node], outer: Mapping[str, Node], *, top: bool = False) -> None:
        """Check the directives of one block; ``outer`` are the matchers that hold there."""
        own: dict[str, Node] = {}
        for node in nodes:
            if node.name.startswith("@"):
                if node.name in own or node.name in outer:
                    self._found.refuse(node.at, f"matcher is defined more than once: {node.name}")
                own[node.name] = node
                self._matcher(node)
        matchers = {**outer, **own}
        for node in nodes:
            if not node.name.startswith("@"):
                self._directive(node, matchers, top=top)

    def _directive(self, node: Node, matchers: Mapping[str, Node], *, top: bool) -> None:
        known = caddy_directives.site().get(node.name)
        if known is None:
            self._unknown(node, "site", f"unrecognized directive: {node.name}")
            return
        if not top and node.name in _NOT_ROUTES:
            self._found.refuse(
                node.at, f"{node.name} is no HTTP handler: only those can be used in routes"
            )
            return
        token, words = matcher(node), arguments(node)
        if token.startswith("@") and token not in matchers:
            self._found.refuse(node.at, f"unrecognized matcher name: {token}")
            return
        if not self._holds(node, known, words):
            return
        why = "" if node.open else _why(node, words)
        unknown = node.name == "invoke" and words and words[0] not in self._invokable
        if unknown and not node.open:
            why = f"cannot invoke named route '{words[0]}', which was not defined"
        if why:
            self._found.refuse(node.at, why)
        else:
            self._within(node, known, words, matchers)

    def _within(
        self, node: Node, known: Known, words: tuple[str, ...], matchers: Mapping[str, Node]
    ) -> None:
        """Check a directive's block: other directives, or modules."""
        if node.name == "encode":
            for word in set(words) & set(caddy_directives.names("modules", "encoders")):
                self._encoder(node, word)
        elif known.block == "routes":
            self.routes(node.block or [], matchers)
        elif node.name in _RESPONSES and not (words and node.name in _BLOCK_ALONE):
            for response in node.children("handle_response"):
                self.routes(response.block or [], matchers)

    def _encoder(self, node: Node, name: str) -> None:
        why = f"{name} is an encoder that is not in the standard Caddy, which has gzip and zstd"
        self._files.unreadable(node.at.file, node.at.line, why)

    def _unknown(self, node: Node, table: str, why: str) -> None:
        """Refuse an unknown name, unless another module or the environment may define it."""
        if ENVIRONMENT in node.name:
            self._files.unreadable(node.at.file, node.at.line,
                f"{node.name} is left unexpanded: what stands there is not judged")  # fmt: skip
            return
        modules = caddy_directives.names("modules", "directives" if table == "site" else "options")
        if node.name in modules:
            if node.name not in self._said:
                self._files.unreadable(node.at.file, node.at.line, f"{node.name} is of a module "
                    "that is not in the standard Caddy: what it does is not judged")  # fmt: skip
            self._said.add(node.name)
            return
        meant = None
        if node.name in self._guessed or len(self._guessed) < _MAX_GUESSED:
            self._guessed.add(node.name)
            meant = caddy_directives.meant(node.name, "site" if table == "site" else "options")
        hint = f": is {meant} meant?" if meant else ""
        self._found.refuse(node.at, why + hint)

    # -- words and blocks --------------------------------------------------------------------------

    def _holds(self, node: Node, known: Known, words: tuple[str, ...]) -> bool:
        """Refuse words and blocks that the table does not allow."""
        if any(ENVIRONMENT in word for word in node.words):
            pass
        elif not known.takes(len(words)):
            self._found.refuse(
                node.at, f"wrong argument count or unexpected line ending after '{node.name}'"
            )
            return False
        elif (bad := _unfit(known, words)) is not None:
            self._found.refuse(node.at, f"{node.name}: {bad}")
            return False
        if node.block is None or known.block in {"?", "routes"}:
            return True
        if words and node.name in _BLOCK_ALONE:
            return True
        if not known.block:
            self._found.refuse(node.at, f"{node.name} takes no block")
            return False
        self._subdirectives(node, known.block)
        return True

    def _subdirectives(self, node: Node, table: str) -> None:
        known = caddy_directives.block(table)
        for child in node.block or ():
            if child.name.startswith("@") and node.name in _RESPONSES:
                continue
            found = known.get(child.name)
            if found is not None:
                self._holds(child, found, child.words)
            elif ENVIRONMENT in child.name:
                self._unknown(child, "site", "")
            elif table == "encode" and child.name in caddy_directives.names("modules", "encoders"):
                self._encoder(child, child.name)
            else:
                self._found.refuse(child.at, f"{node.name}: unknown subdirective: {child.name}")

    # -- matchers ----------------------------------------------------------------------------------

    def _matcher(self, node: Node) -> None:
        """Check a named matcher: one in its line, or several in its block."""
        if node.open or (node.quoted and node.quoted[0]):
            return
        if node.words:
            self._matcher_named(node, node.words[0])
            if node.words[0] == "not" and node.words[1:]:
                self._matcher_named(node, node.words[1])
            return
        for child in node.block or ():
            self._matcher_named(child, child.name)

    def _matcher_named(self, node: Node, name: str) -> None:
        if name not in caddy_directives.names("matchers", "names") and ENVIRONMENT not in name:
            self._found.refuse(node.at, f"getting matcher module '{name}': module not registered")


def _unfit(known: Known, words: tuple[str, ...]) -> str | None:
    """Return the word that is not of the kind that it must be."""
    for word in words if known.one_of else ():
        if word not in known.one_of:
            return f"'{word}' is none of {', '.join(known.one_of)}"
    for word in words[:1] if known.words else ():
        if not caddy_directives.fits(known.words, word):
            return f"'{word}' is no {_KINDS[known.words]}"
    return None


def _why(node: Node, words: tuple[str, ...]) -> str:
    """Return why Caddy refuses what the table cannot tell; empty where it does not."""
    judge = _JUDGES.get(node.name)
    return judge(node, words) if judge is not None else ""


def _redir(_: Node, words: tuple[str, ...]) -> str:
    if len(words) > 1 and not _REDIRECT.fullmatch(words[1]):
        return f"not a redirect's code: '{words[1]}'"
    return ""


def _errors(_: Node, words: tuple[str, ...]) -> str:
    bad = next((word for word in words if not _STATUS.fullmatch(word)), None)
    return f"bad status value '{bad}'" if bad is not None else ""


def _handle_path(_: Node, words: tuple[str, ...]) -> str:
    if words[0].startswith("/"):
        return ""
    return "path matcher must begin with '/'"


def _encode(_: Node, words: tuple[str, ...]) -> str:
    known = (*caddy_directives.block("encode"), *caddy_directives.names("modules", "encoders"))
    bad = next((w for w in words if w not in known or w in {"match", "minimum_length"}), None)
    return f"encode: module not registered: http.encoders.{bad}" if bad is not None else ""


def _uri(_: Node, words: tuple[str, ...]) -> str:
    known = _URI.get(words[0])
    if known is None:
        return f"unrecognized URI manipulation '{words[0]}'"
    # One word alone deletes (-name) or renames (name>other); nothing else deletes.
    alone = words[0] == "query" and len(words) > 1 and (words[1][:1] == "-" or ">" in words[1])
    if words[0] == "query" and len(words) > 1 and (len(words) == 2) != alone:
        return "wrong argument count or unexpected line ending after 'uri'"
    if not known[0] <= len(words) - 1 <= known[1]:
        return "wrong argument count or unexpected line ending after 'uri'"
    return ""


def _auth(_: Node, words: tuple[str, ...]) -> str:
    return f"unrecognized hash algorithm: {words[0]}" if words and words[0] not in _HASHES else ""


def _twice(node: Node, words: tuple[str, ...]) -> str:
    """Return ``respond`` and ``error``: what is said in the line or before is not said again."""
    text = "body" if node.name == "respond" else "message"
    given = [child.name for child in node.block or () if child.name in {text, "close"}]
    if words and not (len(words) == 1 and re.fullmatch(r"[0-9]{3}", words[0])):
        given.append(text)
    again = next((name for name in given if given.count(name) > 1), None)
    return f"{again} already specified" if again is not None else ""


def _forward_auth(node: Node, _: tuple[str, ...]) -> str:
    if any(child.name == "uri" or child.open for child in node.block or ()):
        return ""
    return "the 'uri' subdirective is required"


def _header(node: Node, words: tuple[str, ...]) -> str:
    others = [c for c in node.block or () if c.name not in {"defer", "match"}]
    if others and 0 < len(words) < 4:
        return "cannot specify headers in both arguments and block"
    return ""


def _tls(node: Node, words: tuple[str, ...]) -> str:
    if not words and not node.block:
        return "wrong argument count or unexpected line ending after 'tls'"
    if len(words) == 1 and words[0] not in {"internal", "force_automate"} and "@" not in words[0]:
        return "single argument must either be 'internal', 'force_automate', or an email address"
    for name in ("protocols", "ciphers", "curves"):
        allowed = caddy_directives.names("tls", name)
        for child in node.children(name):
            bad = next((w for w in child.words if w not in allowed and ENVIRONMENT not in w), None)
            if bad is not None:
                return f"tls: {name}: '{bad}' is not supported"
    return ""


_JUDGES = {
    "basic_auth": _auth, "basicauth": _auth, "encode": _encode, "error": _twice,
    "forward_auth": _forward_auth, "handle_errors": _errors, "respond": _twice,
    "handle_path": _handle_path, "header": _header, "redir": _redir, "tls": _tls, "uri": _uri,
}  # fmt: skip
