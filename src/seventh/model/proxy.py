"""Proxies (``--proxy``), written as a URL."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from seventh.model.failure import UsageError
from seventh.model.netfacts import Proxy
from seventh.model.target import Scheme, Target, parse_target

_SCHEMES = {
    name: Scheme(name=name, port=port)
    for name, port in (("http", 3128), ("https", 3129), ("socks5", 1080), ("socks5h", 1080))
}
"""With the customary port, for the error that suggests one: a port has to be written."""


def is_socks(proxy: Target) -> bool:
    """Return whether ``proxy`` is a SOCKS5 one, and not one of HTTP."""
    return proxy.scheme in {"socks5", "socks5h"}


def resolves_here(proxy: Target) -> bool:
    """Return whether names are resolved by this machine for ``proxy``, as by curl: socks5 only."""
    return proxy.scheme == "socks5"


def proxy_facts(proxy: Target | None) -> Proxy | None:
    """Return what is known of a proxy before it is reached."""
    if proxy is None:
        return None
    resolves: Literal["here", "proxy"] = "here" if resolves_here(proxy) else "proxy"
    return Proxy(scheme=proxy.scheme, host=proxy.host, port=proxy.port, resolves=resolves)


def proxy_url(text: str) -> Target:
    """Read ``http://host:port``, ``https://…``, ``socks5://…`` or ``socks5h://…``.

    Raises UsageError, also for credentials in the URL, which it does not repeat.
    """
    text = text.strip()
    if "@" in text:
        raise UsageError(
            "contains credentials, which every user of this machine can read in the process list: "
            "remove them, and use --proxy-auth-file FILE (first line: USER:PASSWORD)"
        )
    if text.partition("://")[0].lower() not in _SCHEMES:
        raise UsageError(
            f"{text!r}: write http://HOST:PORT, https://HOST:PORT, socks5h://HOST:PORT or "
            "socks5://HOST:PORT"
        )
    try:
        (proxy,) = parse_target(text, _SCHEMES)
    except UsageError as error:
        raise UsageError(str(error).removeprefix("target ")) from None
    if proxy.path not in {"", "/"}:
        raise UsageError(f"{text!r}: a proxy has no path: remove {proxy.path!r}")
    proxy = replace(proxy, path="")
    if not proxy.port_given:
        raise UsageError(f"{text!r} has no port: write one, such as {proxy}")
    return proxy
