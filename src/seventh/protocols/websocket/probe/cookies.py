"""Cookies in the handshake's response: whether one may identify a user."""

from __future__ import annotations

LEAST_SECRET = 16
"""The shortest session ID: OWASP requires at least 64 bits, which are 16 hexadecimal digits."""
_ROUTES = ("awsalb", "arraffinity", "bigipserver", "serverid", "gclb", "ingresscookie", "__cf_bm",
           "_cfuvid")  # fmt: skip
"""Prefixes of load balancers' cookies, which identify a server and not a user."""


def may_name_a_user(set_cookie: str) -> bool:
    """Return whether a Set-Cookie field may hold a session that browsers send across sites.

    It does not if the value is too short, the name is a load balancer's, or SameSite excludes it
    from other sites' handshakes.
    """
    pair, *attributes = set_cookie.split(";")
    name, _, value = pair.strip().partition("=")
    if len(value.strip().strip('"')) < LEAST_SECRET or name.lower().startswith(_ROUTES):
        return False
    given = {part.strip().lower() for part in attributes}
    return not given & {"samesite=lax", "samesite=strict"}
