"""The other directives that have a grammar of their own."""

from __future__ import annotations

import re

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import values
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.parameters.judging import (
    Judge,
    Words,
    first_bad,
    invalid,
    is_,
    pattern,
    whole,
)


def server_name(_: str, words: Words, __: Version) -> str | None:
    """Judge ``server_name``."""
    for word in words:
        if word.startswith("~"):
            if (why := pattern(word[1:])) is not None:
                return why
        elif re.fullmatch(r"\*|.*\*[^.].*|\*\.?", word) and not word.endswith(".*"):
            return f'server name "{word}" is invalid'
    return None


def keepalive(name: str, words: Words, _: Version) -> str | None:
    """Judge ``keepalive_timeout``."""
    if len(words) > 1 and values.seconds(words[1]) is None:
        return f'"{name}" directive invalid value'
    return None


def defines(_: str, words: Words, __: Version) -> str | None:
    """Judge ``set`` and ``auth_request_set``."""
    if words[0].startswith("$") and len(words[0]) > 1:
        variable = words[0][1:].lower()
        if variable in nginx_directives.variables() - nginx_directives.settable():
            return f'the duplicate "{variable}" variable'
        return None
    return f'invalid variable name "{words[0]}"'


def group_keepalive(name: str, words: Words, version: Version) -> str | None:
    """Judge ``keepalive`` of a group of servers."""
    if len(words) > 1 and version < nginx_directives.since("keepalive local"):
        return f'invalid number of arguments in "{name}" directive'
    return None


def substitution(_: str, words: Words, __: Version) -> str | None:
    """Judge ``sub_filter``."""
    return "empty search pattern" if not words[0] else None


def referers(name: str, words: Words, _: Version) -> str | None:
    """Judge ``valid_referers``."""
    if set(words) <= {"none", "blocked"}:
        return (f'the "none" or "blocked" referers are specified in the "{name}" directive '
                "without any valid referer")  # fmt: skip
    for word in words:
        if word.startswith("~"):
            if (why := pattern(word[1:])) is not None:
                return why
        elif "*" in word and not re.fullmatch(r"\*\.[^*]+|[^*]+\.\*(?:/[^*]*)?", word):
            return f'invalid hostname or wildcard "{word}"'
    return None


def dav_access(_: str, words: Words, __: Version) -> str | None:
    """Judge ``dav_access`` and ``proxy_store_access``."""
    bad = next((w for w in words if not re.fullmatch(r"(?:user|group|all):(?:rw|r)", w)), None)
    return None if bad is None else f'invalid value "{bad}"'


def processes(name: str, words: Words, _: Version) -> str | None:
    """Judge ``worker_processes``."""
    good = words[0] == "auto" or values.number(words[0]) is not None
    return None if good else f'"{name}" directive invalid value'


def priority(name: str, words: Words, _: Version) -> str | None:
    """Judge ``worker_priority``."""
    good = values.number(words[0].removeprefix("-")) is not None
    return None if good else f'"{name}" directive invalid number'


def affinity(name: str, words: Words, _: Version) -> str | None:
    """Judge ``worker_cpu_affinity``."""
    masks = words[1:] if words[0] == "auto" else words
    bad = next((char for mask in masks for char in mask if char not in "01"), None)
    return None if bad is None else f'invalid character "{bad}" in "{name}"'


def thread_pool(name: str, words: Words, _: Version) -> str | None:
    """Judge ``thread_pool``."""
    readers = {"threads": is_(values.number, 1), "max_queue": whole}
    for word in words[1:]:
        key, _equals, value = word.partition("=")
        if key in readers and not readers[key](value):
            return f'invalid {key} value "{word}"'
    if any(word.startswith("threads=") for word in words[1:]):
        return None
    return f'"{name}" must have "threads" parameter'


def aio(name: str, words: Words, _: Version) -> str | None:
    """Judge ``aio``."""
    good = words[0] in {"on", "off", "threads"} or words[0].startswith("threads=")
    return None if good else f'"{name}" directive invalid value'


def symlinks(name: str, words: Words, _: Version) -> str | None:
    """Judge ``disable_symlinks``."""
    states = {"on", "off", "if_not_owner"}
    bad = first_bad(words, lambda w: w not in states and not w.startswith("from="))
    if bad is not None:
        return bad
    if not states & set(words):
        return f'"{name}" must have "off", "on" or "if_not_owner" parameter'
    start = any(word.startswith("from=") for word in words)
    return '"from=" cannot be used with "off" parameter' if start and "off" in words else None


def listed(*allowed: str) -> Judge:
    """Words behind the first one, all of them in a list."""
    return lambda _, words, __: first_bad(words[1:], lambda w: w not in allowed)


def random(_: str, words: Words, __: Version) -> str | None:
    """Judge ``random``."""
    if words[0] != "two":
        return invalid(words[0])
    methods = {"least_conn", "least_time=header", "least_time=last_byte"}
    return first_bad(words[1:], lambda w: w not in methods)


def pair(_: str, words: Words, __: Version) -> str | None:
    """Return ``off`` alone, or what to look for and what to put there."""
    if len(words) == 1 and words[0] not in {"off", "default"}:
        return invalid(words[0])
    return pattern(words[0].lstrip("~*")) if words[0].startswith("~") else None


def userid_mark(name: str, words: Words, _: Version) -> str | None:
    """Judge ``userid_mark``."""
    if words[0] == "off" or re.fullmatch(r"[A-Za-z0-9=]", words[0]):
        return None
    return f'"{name}" directive value must be "off" or a single letter, digit or "="'


def userid_expires(name: str, words: Words, _: Version) -> str | None:
    """Judge ``userid_expires``."""
    good = words[0] in {"max", "off"} or values.seconds(words[0]) is not None
    return None if good else f'"{name}" directive invalid value'


def power_of_two(name: str, words: Words, _: Version) -> str | None:
    """Judge ``http2_streams_index_size``."""
    value = values.number(words[0])
    if value is None:
        return f'"{name}" directive invalid number'
    return (
        f'"{name}" directive must be a power of two' if not value or value & (value - 1) else None
    )


def directio(name: str, words: Words, _: Version) -> str | None:
    """Judge ``directio``."""
    good = words[0] == "off" or values.offset(words[0]) is not None
    return None if good else f'"{name}" directive invalid value'


def browser(_: str, words: Words, __: Version) -> str | None:
    """Judge ``modern_browser``."""
    if words == ("unlisted",):
        return None
    if words[0] not in {"msie", "gecko", "opera", "safari", "konqueror"}:
        return f'unknown browser name "{words[0]}"'
    if len(words) > 1 and not re.fullmatch(r"[0-9.]+", words[1]):
        return f'invalid browser version "{words[1]}"'
    return None


def split_path(_: str, words: Words, __: Version) -> str | None:
    """Judge ``fastcgi_split_path_info``."""
    if (why := pattern(words[0])) is not None:
        return why
    opening = re.findall(r"\\.|\[[^\]]*\]|\((?!\?(?!<[A-Za-z_]|P<|'))", words[0])
    if opening.count("(") == 2:
        return None
    return f'pattern "{words[0]}" must have 2 captures'


def temp_path(name: str, words: Words, _: Version) -> str | None:
    """Judge ``client_body_temp_path`` and its like."""
    good = all(is_(values.number, 1)(word) for word in words[1:])
    return None if good else f'"{name}" directive invalid value'


def document_root(name: str, words: Words, _: Version) -> str | None:
    """Judge ``root`` and ``alias``."""
    used = re.search(r"\$\{?(document_root|realpath_root)\b", words[0])
    if used is None:
        return None
    return f'the ${used[1]} variable cannot be used in the "{name}" directive'


def index(name: str, words: Words, _: Version) -> str | None:
    """Judge ``index``."""
    return f'index "" in "{name}" directive is invalid' if "" in words else None
