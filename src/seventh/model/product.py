"""Which software a peer says it is, in the names by which fixes are kept.

Only for choosing which fix to show: a peer may say what it likes, and a proxy speaks for itself.
"""

from __future__ import annotations

import functools
import re

_NAMES = {
    "apache": "apache", "caddy": "caddy", "chronyd": "chrony", "chrony": "chrony",
    "dropbear": "dropbear", "envoy": "envoy", "lighttpd": "lighttpd", "nginx": "nginx",
    "ntpd": "ntpd", "ntpsec": "ntpsec", "openresty": "nginx", "openssh": "openssh",
    "tengine": "nginx", "uvicorn": "uvicorn", "websockets": "websockets",
}  # fmt: skip
"""What software calls itself, and the name of its fixes."""
_SILENT = ("aws-alb", "cisco-ios", "dovecot", "haproxy", "mosquitto", "node", "node-ws",
           "openssl", "postfix", "socket.io", "spring")  # fmt: skip
"""Software with fixes of its own that does not say what it is."""
ALTERNATIVES = frozenset([*_NAMES.values(), *_SILENT])
"""The software that a fix can be for, of which a peer is one. A fix of any other name (``dns``,
``nftables``) goes along with each of them."""
_WORD = re.compile(r"[a-z][a-z0-9.-]*")


@functools.lru_cache(maxsize=256)
def product_of(said: str) -> str:
    """The software that a Server field or a greeting names; empty where it is none of them."""
    if "ntpsec" in said.lower():  # it calls itself "ntpd ntpsec-1.2.2"
        return "ntpsec"
    return next((_NAMES[word] for word in _WORD.findall(said.lower()) if word in _NAMES), "")
