"""What nginx refuses of a whole configuration: names that are used and are nowhere defined.

Where a file could not be read, or another module's directives are there, such names may be defined
unseen: then nothing is refused for them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import values
from seventh.lint.nginx.conf import Conf, Directive
from seventh.lint.nginx.parameters.addresses import endpoint

_OWN_MODULES = re.compile(r"ngx_(?:stream|mail|http_brotli_\w+)_module\.so$")
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_]+)\}|([A-Za-z0-9_]+))")
_CAPTURES = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_BROKEN = re.compile(r"\$(?![A-Za-z0-9_{])|\$\{(?![A-Za-z0-9_]+\})")
_DEFINES = {"set": 0, "auth_request_set": 0, "map": 1, "split_clients": 1, "geo": -1}
"""Directives that define a variable, and which of their words is its name."""
_PATTERN_FIRST = frozenset({"rewrite", "fastcgi_split_path_info"})
_NAME_FIRST = frozenset(
    {"set", "auth_request_set", "add_header", "add_trailer", "log_format", "proxy_set_header",
     "grpc_set_header", "fastcgi_param", "scgi_param", "uwsgi_param"}
)  # fmt: skip
_NEEDS_PORT = frozenset({"fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"})
_PAGE = 4096
_HANDLED = ("proxy", "fastcgi", "scgi", "uwsgi")
_ZONES = {"limit_req_zone": "zone=", "limit_conn_zone": "zone=",
          **{f"{prefix}_cache_path": "keys_zone=" for prefix in _HANDLED}}  # fmt: skip
"""Directives that declare a zone, and the parameter that names it."""


def check(conf: Conf) -> None:
    """Note what of the http block nginx refuses for what is missing elsewhere in it."""
    everything = list(_all(conf.directives))
    foreign = any(
        one.name == "load_module" and not _OWN_MODULES.search(one.words[0]) for one in everything
    ) or any("lua" in one.name or one.name.startswith(("js_", "perl")) for one in everything)
    for http in conf.directives:
        if http.name == "http" and http.block is not None:
            inside = list(_all(http.block))
            _zones(conf, inside)
            _formats(conf, inside)
            _buffers(conf, http)
            _groups(conf, http, inside)
            if not foreign and all(one.name in nginx_directives.directives() for one in inside):
                _variables(conf, inside)


def _all(block: list[Directive]) -> Iterator[Directive]:
    """Yield the directives of a block and of those within it.

    Not the lines of a table, nor what stands in the block of an unknown module: so each has the
    words that it needs.
    """
    looked_into = nginx_directives.directives().keys() - nginx_directives.DATA
    waiting = block[::-1]
    while waiting:
        directive = waiting.pop()
        yield directive
        if directive.name in looked_into:
            waiting += reversed(directive.block or [])


# -- zones and formats -----------------------------------------------------------------------------


def _zones(conf: Conf, inside: list[Directive]) -> None:
    """Refuse zones of shared memory that no directive of the same module declares."""
    declared = {(one.name, _zone(word)) for one in inside if one.name in _ZONES
                for word in one.words if word.startswith(_ZONES[one.name])}  # fmt: skip
    for one in inside:
        used = _zone_used(one)
        if used is not None and used not in declared:
            cache = used[0].endswith("_cache_path")
            conf.refuse(one.at, f'"{one.name}" zone "{used[1]}" is unknown' if cache
                        else f'zero size shared memory zone "{used[1]}"')  # fmt: skip


def _zone(word: str) -> str:
    """Return the name in ``zone=NAME:SIZE``."""
    return word.partition("=")[2].partition(":")[0]


def _zone_used(one: Directive) -> tuple[str, str] | None:
    """Return the directive that has to declare a zone, and the zone's name."""
    words = one.words
    if one.name == "limit_req":
        zone = next((word[5:] for word in words if word.startswith("zone=")), None)
        return None if zone is None else ("limit_req_zone", zone)
    if one.name == "limit_conn":
        return "limit_conn_zone", words[0]
    if f"{one.name}_path" in _ZONES and words[0] != "off" and "$" not in words[0]:
        return f"{one.name}_path", words[0]
    return None


def _formats(conf: Conf, inside: list[Directive]) -> None:
    formats = {"combined"}
    for one in inside:
        if one.name == "log_format":
            if one.words[0] in formats:
                conf.refuse(one.at, f'duplicate "log_format" name "{one.words[0]}"')
            formats.add(one.words[0])
        elif one.name != "access_log" or len(one.words) < 2 or one.words[0] == "off":
            continue
        elif one.words[1] not in formats:
            conf.refuse(one.at, f'unknown log format "{one.words[1]}"')


def _groups(conf: Conf, http: Directive, inside: list[Directive]) -> None:
    """Refuse an upstream name that is neither a group nor a host with its port."""
    groups = {group.words[0].lower() for group in http.children("upstream")}
    sized = {z.words[0] for z in inside if z.name == "zone" and len(z.words) > 1}
    for one in inside:
        if one.name == "zone" and len(one.words) == 1 and one.words[0] not in sized:
            conf.refuse(one.at, f'zero size shared memory zone "{one.words[0]}"')
        if one.name not in _NEEDS_PORT:
            continue
        target = re.sub(r"^(?:s?uwsgi|grpcs?)://", "", one.words[0])
        if "$" in target and one.name != "memcached_pass":
            continue
        why = endpoint(target, needs_port=True)
        if why is not None and target.lower() not in groups:
            conf.refuse(one.at, why)


# -- buffers ---------------------------------------------------------------------------------------


def _buffers(conf: Conf, http: Directive) -> None:
    """Sizes of buffers that must fit together, as they are inherited."""
    names = {f"{prefix}_{name}" for prefix in _HANDLED
             for name in ("buffer_size", "buffers", "busy_buffers_size")}  # fmt: skip
    waiting: list[tuple[Directive, dict[str, Directive]]] = [(http, {})]
    while waiting:
        block, outer = waiting.pop()
        own = {d.name: d for d in block.block or () if d.name in names}
        holds = {**outer, **own}
        merged = block.name != "http" or any(block.children("server"))
        for prefix in _HANDLED if merged else ():
            changed = next((d for name, d in own.items() if name.startswith(f"{prefix}_")), None)
            if changed is not None and (why := _fits(prefix, holds)):
                conf.refuse(changed.at, why)
        inner = (child for child in block.block or () if child.name in {"server", "location"})
        waiting += [(child, holds) for child in inner if child.block is not None]


def _fits(prefix: str, holds: dict[str, Directive]) -> str:
    """Return why nginx refuses these sizes together; empty where it accepts them."""

    def size(name: str, default: int) -> int:
        found = holds.get(f"{prefix}_{name}")
        return default if found is None else values.size(found.words[-1]) or 0

    many = holds.get(f"{prefix}_buffers")
    count, each = 8 if many is None else values.number(many.words[0]) or 0, size("buffers", _PAGE)
    if count < 2:
        return f'there must be at least 2 "{prefix}_buffers"'
    largest = max(size("buffer_size", _PAGE), each)
    busy = size("busy_buffers_size", 2 * largest)
    if busy < largest:
        return (f'"{prefix}_busy_buffers_size" must be equal to or greater than the maximum of the '
                f'value of "{prefix}_buffer_size" and one of the "{prefix}_buffers"')  # fmt: skip
    if busy > (count - 1) * each:
        return (f'"{prefix}_busy_buffers_size" must be less than the size of all '
                f'"{prefix}_buffers" minus one buffer')  # fmt: skip
    return ""


# -- variables -------------------------------------------------------------------------------------


def _variables(conf: Conf, inside: list[Directive]) -> None:
    """Variables that nothing defines, and what only looks like one."""
    defined = set(nginx_directives.variables())
    for one in inside:
        where = _DEFINES.get(one.name)
        if where is not None:
            defined.add(one.words[where].removeprefix("$").lower())
        for word in one.words:
            if "(?" in word:
                defined |= {name.lower() for name in _CAPTURES.findall(word)}
        for entry in _entries(one):
            defined |= {name.lower() for name in _CAPTURES.findall(entry.name)}
    for one in inside:
        for line, words in ((one, _compiled(one)), *((e, e.words) for e in _entries(one))):
            why = next(filter(None, (_broken(word, defined) for word in words)), "")
            if why:
                conf.refuse(line.at, why)


def _entries(one: Directive) -> list[Directive]:
    """Return the lines of a ``map``."""
    return (one.block or []) if one.name == "map" else []


def _broken(word: str, defined: set[str]) -> str:
    """Return why nginx refuses a word with variables in it; empty where it does not."""
    if _BROKEN.search(word):
        return "invalid variable name"
    names = [(found[0] or found[1]).lower() for found in _VARIABLE.findall(word)]
    bad = next((name for name in names if not _is_defined(name, defined)), None)
    return "" if bad is None else f'unknown "{bad}" variable'


def _is_defined(name: str, defined: set[str]) -> bool:
    return (
        name in defined or name.isdigit() or name.startswith(nginx_directives.variable_prefixes())
    )


def _compiled(one: Directive) -> tuple[str, ...]:
    """Return the words in which nginx looks up variables."""
    if one.name == "if":
        words = one.words
        return () if any("~" in word for word in words[:-1]) else words
    known = nginx_directives.directives().get(one.name)
    if known is None or not known.vars:
        return ()
    return one.words[1:] if one.name in _PATTERN_FIRST | _NAME_FIRST else one.words
