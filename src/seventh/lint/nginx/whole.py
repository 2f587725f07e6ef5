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
_NAME_FIRST = frozenset({"set", "auth_request_set", "add_header", "add_trailer", "log_format"})
_NEEDS_PORT = frozenset({"fastcgi_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"})
_PAGE = 4096
_HANDLED = ("proxy", "fastcgi", "scgi", "uwsgi")


def check(conf: Conf) -> None:
    """Note what of the http block nginx refuses for what is missing elsewhere in it."""
    everything = list(_all(conf.directives))
    foreign = any(
        one.name == "load_module" and not _OWN_MODULES.search(one.words[0] if one.words else "")
        for one in everything
    ) or any("lua" in one.name or one.name.startswith(("js_", "perl")) for one in everything)
    for http in conf.directives:
        if http.name == "http" and http.block is not None:
            inside = list(_all(http.block))
            _zones(conf, inside)
            _formats(conf, inside)
            _buffers(conf, http)
            _groups(conf, http, inside)
            if not foreign and not _has_unknown(http.block):
                _variables(conf, inside)


def _all(block: list[Directive]) -> Iterator[Directive]:
    waiting = list(reversed(block))
    while waiting:
        directive = waiting.pop()
        yield directive
        waiting += reversed(directive.block or [])


def _has_unknown(block: list[Directive]) -> bool:
    """Return whether a directive is there that no known module has; it may define variables."""
    waiting = [block]
    while waiting:
        for directive in waiting.pop():
            known = nginx_directives.directives().get(directive.name)
            if known is None:
                return True
            tables = {"map", "geo", "types", "split_clients", "charset_map"}
            if directive.block is not None and directive.name not in tables:
                waiting.append(directive.block)
    return False


# -- zones and formats -----------------------------------------------------------------------------


def _zones(conf: Conf, inside: list[Directive]) -> None:
    """Zones of shared memory: each is declared for one use."""
    declared: dict[str, set[str]] = {}
    for one in inside:
        kind = "cache" if one.name.endswith("_cache_path") else one.name
        key = {"cache": "keys_zone=", "limit_req_zone": "zone=", "limit_conn_zone": "zone="}.get(
            kind
        )
        for word in one.words if key else ():
            if key and word.startswith(key):
                declared.setdefault(kind, set()).add(word[len(key) :].rpartition(":")[0])
    for one in inside:
        uses = _zone_used(one)
        if uses is not None and uses[1] not in declared.get(uses[0], set()):
            cache = uses[0] == "cache"
            conf.refuse(one.at, f'"{one.name}" zone "{uses[1]}" is unknown' if cache
                        else f'zero size shared memory zone "{uses[1]}"')  # fmt: skip


def _zone_used(one: Directive) -> tuple[str, str] | None:
    words = one.words
    if one.name == "limit_req":
        zone = next((word[5:] for word in words if word.startswith("zone=")), None)
        return None if zone is None else ("limit_req_zone", zone)
    if one.name == "limit_conn" and words:
        return "limit_conn_zone", words[0]
    if one.name in {f"{prefix}_cache" for prefix in _HANDLED} and words:
        return None if words[0] == "off" or "$" in words[0] else ("cache", words[0])
    return None


def _formats(conf: Conf, inside: list[Directive]) -> None:
    formats = {"combined"}
    for one in inside:
        if one.name == "log_format" and one.words:
            if one.words[0] in formats:
                conf.refuse(one.at, f'duplicate "log_format" name "{one.words[0]}"')
            formats.add(one.words[0])
        elif one.name != "access_log" or len(one.words) < 2 or one.words[0].lower() == "off":
            continue
        elif one.words[1] not in formats:
            conf.refuse(one.at, f'unknown log format "{one.words[1]}"')


def _groups(conf: Conf, http: Directive, inside: list[Directive]) -> None:
    """Refuse an upstream name that is neither a group nor a host with its port."""
    groups = {g.words[0].lower() for g in http.children("upstream") if g.words}
    sized = {z.words[0] for z in inside if z.name == "zone" and len(z.words) > 1}
    for one in inside:
        if one.name == "zone" and len(one.words) == 1 and one.words[0] not in sized:
            conf.refuse(one.at, f'zero size shared memory zone "{one.words[0]}"')
        if one.name not in _NEEDS_PORT or not one.words:
            continue
        target = re.sub(r"^(?:s?uwsgi|grpcs?)://", "", one.words[0])
        if "$" in target and one.name != "memcached_pass":
            continue
        if endpoint(target, needs_port=True) and target.lower() not in groups:
            conf.refuse(one.at, endpoint(target, needs_port=True) or "")


# -- buffers ---------------------------------------------------------------------------------------


def _buffers(conf: Conf, http: Directive) -> None:
    """Sizes of buffers that must fit together, as they are inherited."""
    names = tuple(f"{p}_{n}" for p in _HANDLED for n in
                  ("buffer_size", "buffers", "busy_buffers_size", "temp_file_write_size",
                   "max_temp_file_size"))  # fmt: skip
    waiting: list[tuple[Directive, dict[str, Directive]]] = [(http, {})]
    while waiting:
        block, outer = waiting.pop()
        said = {d.name: d for d in block.block or () if d.name in names and d.words}
        holds = {**outer, **said}
        merged = block.name != "http" or any(block.children("server"))
        for prefix in _HANDLED if merged else ():
            changed = next((d for name, d in said.items() if name.startswith(f"{prefix}_")), None)
            if changed is not None and (why := _fits(prefix, holds)):
                conf.refuse(changed.at, why)
        inner = (child for child in block.block or () if child.name in {"server", "location"})
        waiting += [(child, holds) for child in inner if child.block is not None]


def _fits(prefix: str, holds: dict[str, Directive]) -> str:
    """Return why nginx refuses these sizes together; empty where it accepts them."""

    def said(name: str) -> int | None:
        found = holds.get(f"{prefix}_{name}")
        return None if found is None else values.size(found.words[0])

    first = said("buffer_size") if f"{prefix}_buffer_size" in holds else _PAGE
    count: int | None = 8
    each: int | None = _PAGE
    many = holds.get(f"{prefix}_buffers")
    if many is not None:
        count = values.number(many.words[0])
        each = values.size(many.words[1]) if len(many.words) > 1 else None
    if first is None or count is None or each is None:
        return ""
    if count < 2:
        return f'there must be at least 2 "{prefix}_buffers"'
    largest = max(first, each)
    busy_said = f"{prefix}_busy_buffers_size" in holds
    busy = said("busy_buffers_size") if busy_said else 2 * largest
    least = (
        f'must be equal to or greater than the maximum of the value of "{prefix}_buffer_size" and'
    )
    least += f' one of the "{prefix}_buffers"'
    if busy is not None and busy < largest:
        return f'"{prefix}_busy_buffers_size" {least}'
    if busy is not None and busy > (count - 1) * each:
        return (f'"{prefix}_busy_buffers_size" must be less than the size of all '
                f'"{prefix}_buffers" minus one buffer')  # fmt: skip
    write = said("temp_file_write_size")
    if write is not None and write < largest:
        return f'"{prefix}_temp_file_write_size" {least}'
    most = said("max_temp_file_size")
    if most and most < largest:
        return (f'"{prefix}_max_temp_file_size" must be equal to zero to disable temporary files '
                f'usage or {least.removeprefix("must be ")}')  # fmt: skip
    return ""


# -- variables -------------------------------------------------------------------------------------


def _variables(conf: Conf, inside: list[Directive]) -> None:
    """Variables that nothing defines, and what only looks like one."""
    defined = set(nginx_directives.variables())
    for one in inside:
        where = _DEFINES.get(one.name)
        if where is not None and one.words:
            word = one.words[where] if len(one.words) > max(where, 0) else ""
            defined.add(word.removeprefix("$").lower())
        for word in one.words:
            if "(?" in word:
                defined |= {name.lower() for name in _CAPTURES.findall(word)}
        for entry in one.block or () if one.name == "map" else ():
            defined |= {name.lower() for name in _CAPTURES.findall(entry.name)}
    mapped = {id(entry) for one in inside if one.name == "map" for entry in one.block or ()}
    for one in inside:
        for word in one.words if id(one) in mapped else _compiled(one):
            if _BROKEN.search(word):
                conf.refuse(one.at, "invalid variable name")
                break
            names = [found[0] or found[1] for found in _VARIABLE.findall(word)]
            bad = next((n for n in names if not _is_defined(n.lower(), defined)), None)
            if bad is not None:
                conf.refuse(one.at, f'unknown "{bad.lower()}" variable')
                break


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
    if one.name in {"map", "split_clients"}:
        return one.words[:1]
    if one.name == "geo":
        return one.words[:-1]
    if one.name in _PATTERN_FIRST | _NAME_FIRST:
        return one.words[1:]
    if any(word.startswith("~") for word in one.words):
        return ()
    return one.words
