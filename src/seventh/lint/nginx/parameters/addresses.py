"""Addresses: who may ask, where to connect to, who resolves names."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from seventh.lint.nginx import directives as nginx_directives
from seventh.lint.nginx import values
from seventh.lint.nginx.directives import Version
from seventh.lint.nginx.parameters.judging import (
    ON_OFF,
    Words,
    anything,
    first_bad,
    invalid,
    is_,
    named,
    whole,
)

_LEADING_ZEROS = re.compile(r"\b0+(?=[0-9])")
"""Python refuses them in an address; nginx reads them as decimal."""


def is_network(text: str) -> bool:
    """Return whether a text is an address, or one with the length of its prefix."""
    address, slash, bits = text.partition("/")
    if "%" in text or (slash and not bits.isdigit()):
        return False
    if ":" not in address:
        address = _LEADING_ZEROS.sub("", address)
    try:
        ipaddress.ip_network(f"{address}{slash}{bits}", strict=False)
    except ValueError:
        return False
    return True


def access(_: str, words: Words, __: Version) -> str | None:
    """Judge ``allow`` and ``deny``."""
    return first_bad(words, lambda w: w not in {"all", "unix:"} and not is_network(w))


def is_unix(text: str) -> bool:
    """Return whether a text names a socket of this machine."""
    return text[:5].lower() == "unix:"


def endpoint(text: str, *, needs_port: bool = False) -> str | None:
    """Return why nginx refuses an address to connect to; None for what it may resolve."""
    if is_unix(text):
        path = text[5:].partition(":")[0]
        return None if path else f'no path in the unix domain socket in upstream "{text}"'
    if text.startswith("["):
        host, closing, rest = text[1:].partition("]")
        if not closing or (rest and rest[0] != ":"):
            return f'invalid host in upstream "{text}"'
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return f'invalid IPv6 address in upstream "{text}"'
        port = rest[1:] if rest else None
    else:
        host, colon, rest = text.partition(":")
        if "/" in host or "/" in rest:
            return f'invalid host in upstream "{text}"'
        port = rest if colon else None
        if not host:
            return f'no host in upstream "{text}"'
    if port is None:
        return f'no port in upstream "{text}"' if needs_port else None
    value = values.number(port)
    good = value is not None and 0 < value < 65536
    return None if good else f'invalid port in upstream "{text}"'


def passes(name: str, words: Words, _: Version) -> str | None:
    """Judge ``proxy_pass`` and its like; no port is required, as a group's name has none."""
    url = words[0]
    if "$" in url:
        return None
    schemes = {"proxy_pass": ("http://", "https://"), "grpc_pass": ("grpc://", "grpcs://"),
               "uwsgi_pass": ("uwsgi://", "suwsgi://")}.get(name, ())  # fmt: skip
    scheme = next((one for one in schemes if url.lower().startswith(one)), "")
    if name == "proxy_pass":
        if not scheme:
            return "invalid URL prefix"
        rest = url[len(scheme) :]
        host = rest if is_unix(rest) else re.split(r"[/?]", rest, maxsplit=1)[0]
        why = endpoint(host)
        return why and why.replace(f'"{host}"', f'"{rest}"')
    return endpoint(url[len(scheme) :])


def binds(_: str, words: Words, __: Version) -> str | None:
    """Judge ``proxy_bind`` and its like."""
    if words[1:] and words[1] != "transparent":
        return invalid(words[1])
    if words == ("off",) or "$" in words[0] or _is_address(words[0]):
        return None
    return f'invalid address "{words[0]}"'


def _is_address(text: str) -> bool:
    """Return whether a text is an IP address, perhaps with a port; IPv6 then is in brackets."""
    if text.startswith("[") or text.count(":") == 1:
        text, _, port = text.rpartition(":")
        if not 0 < (values.number(port) or 0) < 65536:
            return False
        text = text[1:-1] if text.startswith("[") else text
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def resolver(_: str, words: Words, version: Version) -> str | None:
    """Judge ``resolver``."""
    servers = 0
    for word in words:
        name, separator, value = word.partition("=")
        if not separator:
            servers += 1
            if (why := endpoint(word)) is not None:
                return why.replace("in upstream", "in resolver")
            continue
        known = {"valid": is_(values.seconds), "ipv6": ON_OFF.__contains__}
        if version >= nginx_directives.since("resolver ipv4="):
            known["ipv4"] = ON_OFF.__contains__
        if version >= nginx_directives.since("resolver status_zone="):
            known["status_zone"] = anything
        reader = known.get(name)
        if reader is None or not reader(value):
            return f"invalid parameter: {word}"
    return None if servers else "no name servers defined"


def upstream_server(_: str, words: Words, version: Version) -> str | None:
    """Judge ``server`` of a group."""
    known: dict[str, Callable[[str], bool]] = {
        "weight=": is_(values.number, 1), "max_conns=": whole, "max_fails=": whole,
        "fail_timeout=": is_(values.seconds), "backup": anything, "down": anything,
    }  # fmt: skip
    newer: dict[str, Callable[[str], bool]] = {
        "resolve": anything, "service=": bool, "slow_start=": is_(values.seconds), "route=": bool,
        "drain": anything,
    }  # fmt: skip
    known |= {name: reader for name, reader in newer.items()
              if version >= nginx_directives.since(f"server {name}")}  # fmt: skip
    return endpoint(words[0]) or named(words[1:], known)
