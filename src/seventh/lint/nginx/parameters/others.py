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
    is_hostname,
    pattern,
    whole,
)


def server_name(_: str, words: Words, __: Version) -> str | None:
    """Judge ``server_name``."""
    for word in words:
        if word == "~":
            return 'empty regex in server name "~"'
        if word.startswith("~"):
            if (why := pattern(word[1:])) is not None:
                return why
        elif re.match(r"\*(?!\..)|\.$", word):
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
        variable = words[0][1:]
        if variable.lower() in nginx_directives.variables() - nginx_directives.settable():
            return f'the duplicate "{variable}" variable'
        return None
    return f'invalid variable name "{words[0]}"'


def group_keepalive(name: str, words: Words, version: Version) -> str | None:
    """Judge ``keepalive`` of a group of servers."""
    if len(words) > 1 and version < nginx_directives.since("keepalive local"):
        return f'invalid number of arguments in "{name}" directive'
    return None


def referers(name: str, words: Words, _: Version) -> str | None:
    """Judge ``valid_referers``."""
    special = set(words) & {"none", "blocked"}
    if special and all(word in special or word.startswith("~") for word in words):
        return (f'the "none" or "blocked" referers are specified in the "{name}" directive '
                "without any valid referer")  # fmt: skip
    for word in words:
        if word.startswith("~"):
            if (why := pattern(word[1:])) is not None:
                return why
        elif not is_hostname(word.partition("/")[0]):
            return f'invalid hostname or wildcard "{word}"'
    return None


def dav_access(_: str, words: Words, __: Version) -> str | None:
    """Judge ``dav_access`` and ``proxy_store_access``."""
    bad = next((w for w in words if not re.fullmatch(r"(?:user|group|all):(?:rw|r)", w)), None)
    return None if bad is None else f'invalid value "{bad}"'


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
        key, equals, value = word.partition("=")
        if equals and key in readers and not readers[key](value):
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
    states = [word for word in words if not word.startswith("from=")]
    bad = first_bad(tuple(states), lambda word: word not in {"on", "off", "if_not_owner"})
    if bad is None and not states:
        return f'"{name}" must have "off", "on" or "if_not_owner" parameter'
    if bad is None and len(states) > 1:
        return f'duplicate parameters "{" ".join(states)}"'
    if states == ["off"] and len(words) > 1:
        return '"from=" cannot be used with "off" parameter'
    return bad


def only(allowed: str, *, behind: int) -> Judge:
    """Make a judge of directives that take one more word, behind so many of any kind."""
    return lambda _, words, __: first_bad(words[behind:], lambda word: word != allowed)


def random(_: str, words: Words, __: Version) -> str | None:
    """Judge ``random``."""
    if words[0] != "two":
        return invalid(words[0])
    methods = {"least_conn", "least_time=header", "least_time=last_byte"}
    return first_bad(words[1:], lambda w: w not in methods)


def pair(name: str, words: Words, _: Version) -> str | None:
    """Judge what takes ``off`` alone, or what to look for and what to put there."""
    alone = {"off", "default"} if name == "proxy_redirect" else {"off"}
    if len(words) == 1 and words[0] not in alone:
        return invalid(words[0])
    return pattern(words[0].lstrip("~*")) if words[0].startswith("~") else None


def userid_mark(name: str, words: Words, _: Version) -> str | None:
    """Judge ``userid_mark``."""
    if words[0] == "off" or re.fullmatch(r"[A-Za-z0-9=]", words[0]):
        return None
    return f'"{name}" directive value must be "off" or a single letter, digit or "="'


def split_path(_: str, words: Words, __: Version) -> str | None:
    """Judge ``fastcgi_split_path_info``."""
    if (why := pattern(words[0])) is not None:
        return why
    opening = re.findall(r"\\.|\[[^\]]*\]|\((?!\?(?!<[A-Za-z_]|P<|'))", words[0])
    if opening.count("(") == 2:
        return None
    return f'pattern "{words[0]}" must have 2 captures'


def document_root(name: str, words: Words, _: Version) -> str | None:
    """Judge ``root`` and ``alias``."""
    used = re.search(r"\$\{?(document_root|realpath_root)", words[0])
    if used is None:
        return None
    return f'the ${used[1]} variable cannot be used in the "{name}" directive'
