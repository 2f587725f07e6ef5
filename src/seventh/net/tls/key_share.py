"""The group that a server used last: the key share that a recurring check sends.

A client offers many groups and sends key shares for a few. Who asks the same server again and again
need not compute shares that were not taken before; all groups stay offered, and should the server
want another one now, it says so by a HelloRetryRequest (RFC 9846 §4.2.4) and is remembered anew.
"""

from __future__ import annotations

from OpenSSL import SSL

from seventh.net.address import Address

MOST = 4096
"""How many servers are remembered; then all are forgotten."""
_OFFERED = ("X25519MLKEM768", "X25519", "secp256r1", "X448", "secp384r1", "secp521r1")
"""The engine's own list, its preference kept; what it lacks it passes over."""
CLASSICAL = ":".join(f"?{name}" for name in _OFFERED if "MLKEM" not in name)
"""The engine's list of groups without the post-quantum ones."""
_taken: dict[tuple[str, int, str], str] = {}


def last_group(address: Address, server_name: str) -> str:
    """Return the group that this server used last; empty at first."""
    return _taken.get((address.ip, address.port, server_name), "")


def remember(address: Address, server_name: str, engine: SSL.Connection) -> None:
    """Store the group of the handshake of ``engine``."""
    group = engine.get_group_name()
    if group is None:
        return
    if len(_taken) >= MOST:
        _taken.clear()
    _taken[address.ip, address.port, server_name] = group


def groups(share: str) -> str:
    """Return the engine's list of groups with a key share of ``share`` alone."""
    rest = [f"?{name}" for name in _OFFERED if name.lower() != share.lower()]
    return ":".join([f"?*{share}", *rest])
