"""Caches, limits and logs: what is kept in shared memory and in files."""

from __future__ import annotations

import re
from collections.abc import Callable

from seventh.lint.nginx import values
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.parameters.judging import (
    ON_OFF,
    Words,
    above_zero,
    anything,
    invalid,
    is_,
    named,
    whole,
)

_ZONE_LEAST = 32 * 1024
"""Eight pages: the smallest zone of shared memory."""
_LOG_LEVELS = frozenset({"emerg", "alert", "crit", "error", "warn", "notice", "info", "debug"})
_DEBUG = frozenset(
    f"debug_{part}" for part in ("core", "alloc", "mutex", "event", "http", "mail", "stream")
)
"""Parts of the log of a binary with debugging, one or more of them in place of a level."""
_SYSLOG = {
    "severity": _LOG_LEVELS,
    "facility": frozenset(
        {"kern", "user", "mail", "daemon", "auth", "intern", "lpr", "news", "uucp", "clock",
         "authpriv", "ftp", "ntp", "audit", "alert", "cron", *(f"local{n}" for n in range(8))}
    ),
}  # fmt: skip


def cache_valid(_: str, words: Words, __: Version) -> str | None:
    """Judge ``proxy_cache_valid`` and its like."""
    *statuses, time = words
    if values.seconds(time) is None:
        return f'invalid time value "{time}"'
    for status in statuses:
        value = values.number(status)
        if status != "any" and (value is None or not 100 <= value <= 599):
            return f'invalid status "{status}"'
    return None


def cache_path(name: str, words: Words, _: Version) -> str | None:
    """Judge ``proxy_cache_path`` and its like."""
    ms, space = is_(values.milliseconds), is_(values.offset)
    readers: dict[str, Callable[[str], bool]] = {
        "levels": lambda v: re.fullmatch(r"(?:[12](?::[12]){0,2})?", v) is not None,
        "use_temp_path": ON_OFF.__contains__, "inactive": is_(values.seconds), "max_size": space,
        "min_free": space, "loader_files": whole, "loader_sleep": ms, "loader_threshold": ms,
        "manager_files": whole, "manager_sleep": ms, "manager_threshold": ms,
    }  # fmt: skip
    has_zone = False
    for word in words[1:]:
        key, separator, value = word.partition("=")
        if key == "keys_zone" and separator:
            zone, _colon, text = value.partition(":")
            has_zone = bool(zone)
            size = values.size(text)
            if size is None:
                return f'invalid keys zone size "{word}"'
            if size < 2 * 4096:
                return f'keys zone "{word}" is too small'
        elif key not in readers or not separator:
            return invalid(word)
        elif not readers[key](value):
            return {
                "levels": f'invalid "levels" "{word}"',
                "use_temp_path": f'invalid {key} value "{word}", it must be "on" or "off"',
            }.get(key, f'invalid {key} value "{word}"')
    return None if has_zone else f'"{name}" must have "keys_zone" parameter'


def limit_zone(name: str, words: Words, _: Version) -> str | None:
    """Judge ``limit_req_zone`` and ``limit_conn_zone``."""
    has_zone = False
    for word in words[1:]:
        key, separator, value = word.partition("=")
        if key == "zone" and separator:
            zone, _colon, text = value.partition(":")
            size = values.size(text)
            if size is None:
                return f'invalid zone size "{word}"'
            if size < _ZONE_LEAST:
                return f'zone "{word}" is too small'
            has_zone = bool(zone)
        elif key == "rate" and separator and name == "limit_req_zone":
            rate = re.fullmatch(r"([0-9]+)(?:r/[sm])?", value)
            if rate is None or not int(rate[1]):
                return f'invalid rate "{word}"'
        else:
            return invalid(word)
    return None if has_zone else f'"{name}" must have "zone" parameter'


def limit_req(name: str, words: Words, _: Version) -> str | None:
    """Judge ``limit_req``."""
    for word in words:
        key, separator, value = word.partition("=")
        if key in {"burst", "delay"} and separator:
            if not above_zero(value):
                return f'invalid {key} value "{word}"'
        elif word != "nodelay" and not (key == "zone" and separator):
            return invalid(word)
    if any(word.startswith("zone=") for word in words):
        return None
    return f'"{name}" must have "zone" parameter'


def limit_conn(_: str, words: Words, __: Version) -> str | None:
    """Judge ``limit_conn``."""
    value = values.number(words[1])
    if not value:
        return f'invalid number of connections "{words[1]}"'
    return "connection limit must be less 65536" if value > 65535 else None


def zone(_: str, words: Words, __: Version) -> str | None:
    """Judge ``zone``."""
    if not words[0]:
        return 'invalid zone name ""'
    if len(words) < 2:
        return None
    value = values.size(words[1])
    if value is None:
        return f'invalid zone size "{words[1]}"'
    return f'zone "{words[0]}" is too small' if value < _ZONE_LEAST else None


def open_files(name: str, words: Words, _: Version) -> str | None:
    """Judge ``open_file_cache`` and ``open_log_file_cache``."""
    log = name == "open_log_file_cache"
    readers: dict[str, Callable[[str], bool]] = {
        "max=": above_zero, "inactive=": is_(values.seconds), "off": anything,
    }  # fmt: skip
    if log:
        readers |= {"min_uses=": whole, "valid=": is_(values.seconds)}
    bad = named(words, readers)
    if bad is not None:
        return bad.replace("invalid parameter", f'invalid "{name}" parameter')
    if "off" in words or any(word.startswith("max=") for word in words):
        return None
    return f'"{name}" must have {"" if log else "the "}"max" parameter'


def session_cache(_: str, words: Words, __: Version) -> str | None:
    """Judge ``ssl_session_cache``."""
    for word in words:
        kind, _colon, rest = word.partition(":")
        if word in {"off", "none", "builtin"}:
            continue
        if kind == "builtin" and values.number(rest) is not None:
            continue
        zone, colon, size = rest.partition(":")
        value = values.size(size)
        if kind != "shared" or not zone or not colon or value is None:
            return f'invalid session cache "{word}"'
        if value < _ZONE_LEAST:
            return f'session cache "{word}" is too small'
    return None


def ocsp_cache(_: str, words: Words, __: Version) -> str | None:
    """Judge ``ssl_ocsp_cache``."""
    word = words[0]
    if word == "off":
        return None
    match = re.fullmatch(r"shared:([^:]+):([^:]+)", word)
    value = values.size(match[2]) if match else None
    if value is None:
        return f'invalid OCSP cache "{word}"'
    return f'OCSP cache "{word}" is too small' if value < _ZONE_LEAST else None


def _syslog(word: str) -> str | None:
    parts = word.removeprefix("syslog:").split(",")
    for part in parts:
        name, separator, value = part.partition("=")
        if part != "nohostname" and (not separator or name not in {*_SYSLOG, "server", "tag"}):
            return f'unknown syslog parameter "{part}"'
        if name in _SYSLOG and value not in _SYSLOG[name]:
            return f'unknown syslog {name} "{value}"'
        if name == "tag" and not re.fullmatch(r"[A-Za-z0-9_]*", value):
            return 'syslog "tag" only allows alphanumeric characters and underscore'
    has_server = any(part.startswith("server=") for part in parts)
    return None if has_server else "no syslog server specified"


def access_log(_: str, words: Words, __: Version) -> str | None:
    """Judge ``access_log``."""
    if words[0] == "off":
        return invalid(words[1]) if words[1:] else None
    if words[0].startswith("syslog:") and (why := _syslog(words[0])) is not None:
        return why
    buffered = False
    for word in words[2:]:
        name, equals, value = word.partition("=")
        if name == "buffer" and equals and not is_(values.size, 1)(value):
            return f'invalid buffer size "{value}"'
        if name == "flush" and equals and not is_(values.milliseconds, 1)(value):
            return f'invalid flush time "{value}"'
        if name == "gzip" and equals and not 1 <= (values.number(value) or 0) <= 9:
            return f'invalid compression level "{value}"'
        if not (name in {"buffer", "flush", "if"} and equals) and name != "gzip":
            return invalid(word)
        buffered = buffered or name in {"buffer", "gzip"}
    if any(word.startswith("flush=") for word in words[2:]) and not buffered:
        return f'no buffer is defined for access_log "{words[0]}"'
    if buffered and words[0].startswith("syslog:"):
        return "logs to syslog cannot be buffered"
    if buffered and "$" in words[0]:
        return "buffered logs cannot have variables in name"
    return None


def error_log(_: str, words: Words, __: Version) -> str | None:
    """Judge ``error_log``."""
    if words[0].startswith("syslog:") and (why := _syslog(words[0])) is not None:
        return why
    for at, word in enumerate(words[1:], 1):
        if word in _LOG_LEVELS and at > 1:
            return f'duplicate log level "{word}"'
        if word not in _LOG_LEVELS and (word not in _DEBUG or words[at - 1] in _LOG_LEVELS):
            return f'invalid log level "{word}"'
    return None


def log_format(_: str, words: Words, __: Version) -> str | None:
    """Judge ``log_format``."""
    escape = words[1] if words[1:] and words[1].startswith("escape=") else ""
    if escape and escape[7:] not in {"json", "default", "none"}:
        return f'unknown log format escaping "{escape[7:]}"'
    return None
