"""The software that a peer claims to be, by the names that fixes use.

It only decides which fix is shown: the claim may be false, or a proxy's.
"""

from __future__ import annotations

import functools
import re

_NAMES = {
    "apache": "apache", "caddy": "caddy", "chronyd": "chrony", "chrony": "chrony",
    "cyrus": "cyrus", "dovecot": "dovecot", "dropbear": "dropbear", "envoy": "envoy",
    "internetnews": "inn", "lighttpd": "lighttpd",
    "nginx": "nginx", "ntpd": "ntpd", "ntpsec": "ntpsec", "openresty": "nginx",
    "openssh": "openssh", "exim": "exim", "postfix": "postfix",
    "proftpd": "proftpd", "tengine": "nginx", "uvicorn": "uvicorn", "websockets": "websockets",
}  # fmt: skip
"""The name in a Server field or greeting, and the name of the fixes."""
_UNNAMED = ("aws-alb", "cisco-ios", "grpc", "grpcio", "haproxy", "mosquitto", "mysql", "net-snmp",
            "node", "node-ws", "openssl", "postgresql", "prosody", "socket.io",
            "spring")  # fmt: skip
"""Software with fixes of its own that does not send its name."""
ALTERNATIVES = frozenset([*_NAMES.values(), *_UNNAMED])
"""Server software with fixes of its own, of which a peer is one. A fix of any other name (``dns``,
``nftables``) applies with each of them."""
_MAILBOXES = ("dovecot", "openssl")
FAMILIES = {
    "postfix": ("postfix", "openssl"), "dovecot": _MAILBOXES, "proftpd": ("proftpd", "openssl"),
    "exim": ("exim", "openssl"), "cyrus": ("cyrus", "openssl"),
    "smtp": ("postfix", "openssl"), "imap": _MAILBOXES, "pop3": _MAILBOXES, "sieve": _MAILBOXES,
    "ldap": (), "postgres": ("postgresql", "openssl"), "mysql": ("mysql", "openssl"),
    "xmpp": ("prosody", "openssl"), "ftp": ("proftpd", "openssl"), "nntp": ("inn", "openssl"),
    "inn": ("inn", "openssl"),
}  # fmt: skip
"""By product, or by the protocol of ``--starttls`` where that is all that is known: the fixes to
show, the first that a finding has. A web server's do not help there."""
_WORD = re.compile(r"[a-z][a-z0-9.-]*")


@functools.lru_cache(maxsize=256)
def product_of(greeting: str) -> str:
    """Return the software that a Server field or greeting names; empty where it is none of them."""
    if "ntpsec" in greeting.lower():  # it calls itself "ntpd ntpsec-1.2.2"
        return "ntpsec"
    return next((_NAMES[word] for word in _WORD.findall(greeting.lower()) if word in _NAMES), "")
