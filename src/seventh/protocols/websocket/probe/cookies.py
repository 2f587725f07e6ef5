"""Cookies that a handshake sets: whether a server may know its users by them."""

from __future__ import annotations

LEAST_SECRET = 16
"""A shorter value is no session's name: OWASP asks for 64 bits at least, 16 digits of hex."""
_ROUTES = ("awsalb", "arraffinity", "bigipserver", "serverid", "gclb", "ingresscookie", "__cf_bm",
           "_cfuvid")  # fmt: skip
"""How the names of load balancers' own cookies begin: they say which server, not which user."""


def may_name_a_user(set_cookie: str) -> bool:
    """Return whether this Set-Cookie field may hold a session that browsers send across sites.

    Not where the value is too short to be a secret or the name is a load balancer's, and not where
    SameSite keeps it from other sites' handshakes.
    """
    pair, *attributes = set_cookie.split(";")
    name, _, value = pair.strip().partition("=")
    if len(value.strip().strip('"')) < LEAST_SECRET or name.lower().startswith(_ROUTES):
        return False
    said = {part.strip().lower() for part in attributes}
    return not said & {"samesite=lax", "samesite=strict"}
