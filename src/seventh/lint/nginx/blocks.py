"""What nginx refuses of how blocks stand within each other, and of what special blocks hold."""

from __future__ import annotations

import re
from collections.abc import Callable

from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.parameters.addresses import is_network, is_unix
from seventh.lint.nginx.parameters.judging import is_hostname, pattern

_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "DELETE", "MKCOL", "COPY", "MOVE", "OPTIONS", "PROPFIND",
     "PROPPATCH", "LOCK", "UNLOCK", "PATCH"}
)  # fmt: skip
_NO_URI = (
    '"{name}" cannot have URI part in location given by regular expression, or inside named '
    'location, or inside "if" statement, or inside "limit_except" block'
)
_FILE_TESTS = frozenset("fdex")
_NO_BACKUP = frozenset({"ip_hash", "hash", "random"})


def check(conf: Conf, root: str) -> None:
    """Note what nginx refuses of locations, conditions, groups and tables, at any depth."""
    waiting: list[tuple[Directive, Directive | None]] = [(d, None) for d in conf.directives]
    while waiting:
        directive, outer = waiting.pop()
        if directive.block is None:
            continue
        waiting += [(child, directive) for child in directive.block]
        if directive.name in {"http", "server", "location"}:
            _redirect_default(conf, directive.block)
        if not directive.words:
            continue
        judge = _JUDGES.get(directive.name)
        if judge is not None and (why := judge(directive)):
            conf.refuse(directive.at, why)
        if directive.name == "location":
            _location(conf, directive, outer)
        if directive.name == "upstream":
            _upstream(conf, directive, directive.block)
    _twice(conf, root)


# -- locations -------------------------------------------------------------------------------------


def path_of(words: tuple[str, ...]) -> tuple[str, str]:
    """Return a location's modifier (``=``, ``^~``, ``~``, ``~*``, ``@``, or none) and its path."""
    if len(words) > 1:
        return words[0], words[1]
    word = words[0]
    match = re.match(r"=|\^~|~\*|~|@", word)
    return (match[0], word[match.end() :]) if match else ("", word)


def _location(conf: Conf, directive: Directive, outer: Directive | None) -> None:
    kind, path = path_of(directive.words)
    if len(directive.words) == 2 and kind not in {"=", "^~", "~", "~*"}:
        conf.refuse(directive.at, f'invalid location modifier "{kind}"')
        return
    if kind in {"~", "~*"} and (why := pattern(path)):
        conf.refuse(directive.at, why)
    if outer is not None and outer.name == "location" and outer.words:
        _nested(conf, directive, outer)
    _root_and_alias(conf, directive, named=kind == "@")
    _no_uri(conf, directive, kind in {"~", "~*", "@"})


def _nested(conf: Conf, directive: Directive, outer: Directive) -> None:
    """Refuse a location that is no part of the one around it."""
    kind, path = path_of(directive.words)
    around, there = path_of(outer.words)
    if around in {"=", "@"}:
        what = "exact location" if around == "=" else "named location"
        name = there if around == "=" else f"@{there}"
        conf.refuse(directive.at, f'location "{path}" cannot be inside the {what} "{name}"')
    elif kind == "@":
        conf.refuse(directive.at, f'named location "@{path}" can be on the server level only')
    elif kind not in {"~", "~*"} and not path.startswith(there):
        conf.refuse(directive.at, f'location "{path}" is outside location "{there}"')


def _root_and_alias(conf: Conf, directive: Directive, *, named: bool) -> None:
    """Refuse ``root`` beside ``alias``, and ``alias`` where no path is replaced."""
    roots: list[str] = []
    for child in directive.block or ():
        if child.name not in {"root", "alias"}:
            continue
        if child.name == "alias" and named:
            conf.refuse(child.at, 'the "alias" directive cannot be used inside the named location')
        elif roots and child.name not in roots:
            conf.refuse(child.at, f'"{child.name}" directive is duplicate, "{roots[0]}" directive '
                        "was specified earlier")  # fmt: skip
        roots.append(child.name)


def _redirect_default(conf: Conf, block: list[Directive]) -> None:
    """Refuse a ``proxy_redirect default`` that comes before what it is taken from."""
    for child in block:
        if child.name == "proxy_pass":
            return
        if child.name == "proxy_redirect" and child.words == ("default",):
            conf.refuse(child.at, '"proxy_redirect default" should be placed after the '
                        '"proxy_pass" directive')  # fmt: skip


def _no_uri(conf: Conf, location: Directive, cannot: bool) -> None:
    """Refuse a path in ``proxy_pass`` where nginx cannot know which part it replaces."""
    for child in location.block or ():
        inner = list(child.children("proxy_pass")) if child.name in {"if", "limit_except"} else []
        for one in [child] * (child.name == "proxy_pass" and cannot) + inner:
            url = one.words[0] if one.words else ""
            behind = url.partition("://")[2]
            path = behind[5:].partition(":")[2]
            has_uri = path != "" if is_unix(behind) else bool(re.search(r"[/?]", behind))
            if has_uri and "$" not in url:
                conf.refuse(one.at, _NO_URI.format(name=one.name))


# -- conditions ------------------------------------------------------------------------------------


def _condition(directive: Directive) -> str:
    """Return why nginx refuses an ``if``: it takes a variable, a comparison or a file test."""
    words = list(directive.words)
    if not words[0].startswith("("):
        return f'invalid condition "{words[0]}"'
    words[0] = words[0][1:]
    if not words[0]:
        words.pop(0)
    if not words or not words[-1].endswith(")"):
        return f'invalid condition "{words[0] if words else ""}"'
    words[-1] = words[-1][:-1]
    if not words[-1] and len(words) > 1:
        words.pop()
    first = words[0]
    if first.startswith("$") and len(first) > 1:
        return _comparison(first, words[1:])
    if re.fullmatch(r"!?-.", first) and first[-1] in _FILE_TESTS and len(words) == 2:
        return ""
    return f'invalid condition "{first or ")"}"'


def _comparison(variable: str, words: list[str]) -> str:
    if not words:
        return ""
    if len(words) != 2:
        return f'invalid condition "{variable}"'
    if words[0] in {"=", "!="}:
        return ""
    if words[0] in {"~", "~*", "!~", "!~*"}:
        return pattern(words[1]) or ""
    return f'unexpected "{words[0]}" in condition'


def _limit_except(directive: Directive) -> str:
    bad = next((word for word in directive.words if word.upper() not in _METHODS), None)
    return f'invalid method "{bad}"' if bad is not None else ""


# -- groups of servers -----------------------------------------------------------------------------


def _upstream(conf: Conf, directive: Directive, block: list[Directive]) -> None:
    servers = [child for child in directive.children("server") if child.words]
    includes = conf.missing or conf.unmatched
    if not servers and not includes:
        conf.refuse(directive.at, "no servers are inside upstream")
    elif servers and all("backup" in one.words[1:] for one in servers) and not includes:
        conf.refuse(directive.at, f'no servers in upstream "{directive.words[0]}"')
    method = False
    for child in block:
        method = method or child.name in _NO_BACKUP
        if method and child.name == "server" and "backup" in child.words[1:]:
            conf.refuse(child.at, 'balancing method does not support parameter "backup"')


def _twice(conf: Conf, root: str) -> None:
    """Refuse a second group of the same name."""
    blocks = [conf.directives] if root in {"http", "stream"} else [
        d.block or [] for d in conf.directives if d.name in {"http", "stream"}
    ]  # fmt: skip
    for block in blocks:
        seen: set[str] = set()
        for directive in block:
            if directive.name == "upstream" and directive.words:
                name = directive.words[0].lower()
                if name in seen:
                    conf.refuse(directive.at, f'duplicate upstream "{directive.words[0]}"')
                seen.add(name)


# -- tables ----------------------------------------------------------------------------------------


def _map(directive: Directive) -> str:
    if len(directive.words) == 2 and not re.match(r"\$.", directive.words[1]):
        return f'invalid variable name "{directive.words[1]}"'
    seen: set[str] = set()
    hostnames = has_default = False
    for entry in directive.block or ():
        if entry.block is not None:
            return 'unexpected "{"'
        if entry.name in {"hostnames", "volatile"} and not entry.words:
            hostnames = hostnames or entry.name == "hostnames"
            continue
        if len(entry.words) != 1:
            return "invalid number of the map parameters"
        if entry.name.startswith("~"):
            if why := pattern(entry.name.lstrip("~*")):
                return why
        elif entry.name == "default":
            if has_default:
                return "duplicate default map parameter"
            has_default = True
        elif (key := entry.name.lower()) in seen:
            return f'conflicting parameter "{key}"'
        elif hostnames and not is_hostname(entry.name):
            return f'invalid hostname or wildcard "{entry.name}"'
        else:
            seen.add(key)
    return ""


def _geo(directive: Directive) -> str:
    words = directive.words
    if not re.match(r"\$.", words[-1]):
        return f'invalid variable name "{words[-1]}"'
    ranges = False
    for entry in directive.block or ():
        if entry.name in {"ranges", "proxy_recursive"} and not entry.words:
            ranges = ranges or entry.name == "ranges"
            continue
        if len(entry.words) != 1:
            return "invalid number of the geo parameters"
        network = entry.words[0] if entry.name in {"delete", "proxy"} else entry.name
        if ranges and entry.name not in {"default", "proxy"}:
            if not _is_range(network):
                return f'invalid range "{network}"'
        elif entry.name != "default" and not is_network(network):
            return f'invalid network "{network}"'
    return ""


def _is_range(text: str) -> bool:
    """Return whether a text is two IPv4 addresses with a dash between them."""
    ends = text.split("-")
    return len(ends) == 2 and all(is_network(end) and not {":", "/"} & set(end) for end in ends)


def _split(directive: Directive) -> str:
    words = directive.words
    if len(words) == 2 and not re.match(r"\$.", words[1]):
        return f'invalid variable name "{words[1]}"'
    total = 0
    for entry in directive.block or ():
        if entry.name == "*":
            continue
        share = re.fullmatch(r"([0-9]*)\.?([0-9]{0,2})%", entry.name)
        hundredths = int(share[1] + share[2].ljust(2, "0")) if share else 0
        if not hundredths:
            return f'invalid percent value "{entry.name}"'
        total += hundredths
        if total > 100_00:
            return "percent total is greater than 100%"
    return ""


_JUDGES: dict[str, Callable[[Directive], str]] = {
    "if": _condition, "limit_except": _limit_except, "map": _map, "geo": _geo,
    "split_clients": _split,
}  # fmt: skip
