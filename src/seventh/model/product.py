"""The software that a peer claims to be, by the names that fixes use.

It only decides which fix is shown: the claim may be false, or a proxy's.
"""

from __future__ import annotations

import functools
import re

_NAMES = {
    "apache": "apache", "caddy": "caddy", "chronyd": "chrony", "chrony": "chrony",
    "dovecot": "dovecot", "dropbear": "dropbear", "envoy": "envoy", "lighttpd": "lighttpd",
    "nginx": "nginx", "ntpd": "ntpd", "ntpsec": "ntpsec", "openresty": "nginx",
    "openssh": "openssh", "postfix": "postfix",
    "tengine": "nginx", "uvicorn": "uvicorn", "websockets": "websockets",
}  # fmt: skip
"""The name in a Server field or greeting, and the name of the fixes."""
_UNNAMED = ("aws-alb", "cisco-ios", "haproxy", "mosquitto", "node", "node-ws",
            "openssl", "socket.io", "spring")  # fmt: skip
"""Software with fixes of its own that does not send its name."""
ALTERNATIVES = frozenset([*_NAMES.values(), *_UNNAMED])
"""Server software with fixes of its own, of which a peer is one. A fix of any other name (``dns``,
``nftables``) applies with each of them."""
_WORD = re.compile(r"[a-z][a-z0-9.-]*")


@functools.lru_cache(maxsize=256)
def product_of(greeting: str) -> str:
    """Return the software that a Server field or greeting names; empty where it is none of them."""
    if "ntpsec" in greeting.lower():  # it calls itself "ntpd ntpsec-1.2.2"
        return "ntpsec"
    return next((_NAMES[word] for word in _WORD.findall(greeting.lower()) if word in _NAMES), "")
