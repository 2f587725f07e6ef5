"""What a Caddyfile decides of TLS: the facts that a handshake would show."""

from __future__ import annotations

from typing import Any

from seventh.lint.caddy.file import Node
from seventh.lint.caddy.site import Site
from seventh.lint.caddy.tokens import ENVIRONMENT
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.wire.text import printable
from seventh.wire.tlsnames import grade

_OLD = ("SSLv3", "TLSv1.0", "TLSv1.1")
_VERSIONS = {"tls1.2": "TLSv1.2", "tls1.3": "TLSv1.3"}
_HYBRID = "x25519mlkem768"
HYBRID_SINCE = (2, 10)
"""From here on Caddy offers that group by itself."""
_ASKED = {"request": "optional", "verify_if_given": "optional"}
_CHECKS = "tls_client"
_DEFAULT_SUITES = tuple(
    f"TLS_ECDHE_{key}_WITH_{cipher}"
    for key in ("ECDSA", "RSA")
    for cipher in ("AES_256_GCM_SHA384", "AES_128_GCM_SHA256", "CHACHA20_POLY1305_SHA256")
)
"""Caddy's own in TLS 1.2."""


def facts(site: Site, version: tuple[int, ...]) -> TlsFacts | None:
    """Return the site's TLS facts; None without TLS and where the environment decides."""
    if not site.tls:
        return None
    found: dict[str, Any] = {
        "configured": True, "dh_bits": 0,
        # Where a client's certificate is asked for, Caddy takes no session up again.
        "resumed": not lines_of(site, "client_auth"),
        "max_early_data_bytes": 0, "early_data_accepted": False,
    }  # fmt: skip
    if any(ENVIRONMENT in node.name for node in site.block.nodes):
        return None
    offered = versions(site)
    if offered is not None:
        found |= {
            "versions": offered,
            "versions_refused": (*_OLD, *(v for v in _VERSIONS.values() if v not in offered)),
            **_suites(site, offered),
            **_groups(site, offered, version),
        }
    asked = _client(site)
    return TlsFacts(**found | ({"client_certificate": asked} if asked else {}))


def lines_of(site: Site, name: str) -> list[Node]:
    """Return what stands under that name in the site's ``tls``."""
    return [child for node in site.block.nodes if node.name == "tls"
            for child in node.children(name)]  # fmt: skip


def versions(site: Site) -> tuple[str, ...] | None:
    """Return what is spoken, oldest first; None where it is not told."""
    lines = lines_of(site, "protocols")
    if not lines:
        return tuple(_VERSIONS.values())
    first, last = (*lines[-1].words, "", "")[:2]
    names = list(_VERSIONS)
    if lines[-1].open or first not in names or (last and last not in names):
        return None
    return tuple(_VERSIONS[n] for n in names[names.index(first) :]
                 if not last or names.index(n) <= names.index(last))  # fmt: skip


def _suites(site: Site, offered: tuple[str, ...]) -> dict[str, Any]:
    lines = lines_of(site, "ciphers")
    if any(node.open for node in lines):
        return {}
    names = [word for node in lines for word in node.words]
    if "TLSv1.2" not in offered:
        names = []
    key = _key(site)
    usable = [n for n in names or _DEFAULT_SUITES if not key or f"_{key}_" in n]
    graded = {
        f"{wanted}_suites": tuple(n for n in usable if grade(n) == wanted)
        for wanted in ("broken", "obsolete")
    }
    return graded if "TLSv1.3" in offered else {**graded, "suites": tuple(usable)}


def _key(site: Site) -> str:
    """Return whose signatures the certificate has: ECDSA's by default; empty where a file tells."""
    directives = [node for node in site.block.nodes if node.name == "tls"]
    given = any(len(node.words) == 2 for node in directives) or lines_of(site, "load")
    if given or lines_of(site, "get_certificate"):
        return ""
    kinds = [node for node in site.server.options if node.name == "key_type"]
    kinds += lines_of(site, "key_type")
    kind = kinds[-1].words[0] if kinds and kinds[-1].words else "p256"
    return "RSA" if kind.startswith("rsa") else "" if ENVIRONMENT in kind else "ECDSA"


def _groups(site: Site, offered: tuple[str, ...], version: tuple[int, ...]) -> dict[str, Any]:
    if "TLSv1.3" not in offered:
        return {}
    lines = lines_of(site, "curves")
    if any(node.open for node in lines):
        return {}
    names = [word for node in lines for word in node.words]
    if not names:
        if version < HYBRID_SINCE:
            why = "Caddy before 2.10 leaves them to the Go that it is built of"
            return {"unknown": {Topic.HYBRID_GROUP: why}}
        names = [_HYBRID, "x25519", "secp256r1"]
    return {
        "hybrid_group": "X25519MLKEM768" if _HYBRID in names else "",
        "group": printable(" ".join(names), 200),
    }


def _client(site: Site) -> str:
    blocks = lines_of(site, "client_auth")
    if not blocks:
        return "not-requested"
    modes = [child for node in blocks for child in node.children("mode")]
    if any(node.open for node in (*blocks, *modes)):
        return ""
    mode = modes[-1].words[0] if modes and modes[-1].words else ""
    asked = _ASKED.get(mode, "required")
    if asked == "optional" and _checked(site.block.nodes):
        return "refused-later"
    return asked


def _checked(nodes: list[Node]) -> bool:
    """Return whether a directive or a matcher looks at the client's certificate."""
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        if any(_CHECKS in word or "tls.client" in word for word in (node.name, *node.words)):
            return True
        waiting += node.block or ()
    return False
