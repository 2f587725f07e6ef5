"""What nginx.conf decides of TLS: the facts that a handshake would show."""

from __future__ import annotations

import base64
import re
from typing import Any

from seventh.lint.nginx.scope import Scope
from seventh.lint.nginx.servers import Server
from seventh.lintkit.files import Files
from seventh.model.failure import ProtocolViolation
from seventh.model.tlsfacts import TlsFacts, Topic
from seventh.wire import opensslciphers
from seventh.wire.reader import Reader
from seventh.wire.text import printable
from seventh.wire.tlsnames import GROUPS, HYBRIDS, grade

_VERSIONS = {"SSLv3": "SSLv3", "TLSv1": "TLSv1.0", "TLSv1.1": "TLSv1.1", "TLSv1.2": "TLSv1.2",
             "TLSv1.3": "TLSv1.3"}  # fmt: skip
"""As nginx writes them, oldest first."""
_HYBRIDS = frozenset(GROUPS[code].lower() for code in HYBRIDS)
_MOST_SUITES = 8
_SEQUENCE, _INTEGER = 0x30, 0x02
_MAX_EARLY_DATA = 16384
"""What OpenSSL allows where nginx turns early data on."""

_MAX_LIFETIME = 604_800


NOTHING = TlsFacts(configured=True)
"""Of a part of a configuration that decides nothing of TLS."""


OWN_PROTOCOLS = (1, 29, 2)
"""From here on a server's own ``ssl_protocols`` hold; before, those of the default server."""
OF_THE_SOCKET = (
    "ssl_ecdh_curve", "ssl_session_cache", "ssl_session_timeout", "ssl_early_data",
)  # fmt: skip
"""What the default server of a socket decides for all servers of it."""


def deciding(name: str, scope: Scope, default: Scope) -> Scope:
    """Give the place whose line decides: the server itself, or its socket's default server.

    OpenSSL makes a connection with the default server's settings, and learns from the client's
    hello which server is meant. Then nginx changes those that can still be changed.
    """
    protocols = name == "ssl_protocols" and scope.version < OWN_PROTOCOLS
    if name == "ssl_session_tickets":
        return default if not default.is_on(name) else scope
    return default if protocols or name in OF_THE_SOCKET else scope


def facts(server: Server, files: Files, *, part: bool, default: Scope | None = None
          ) -> TlsFacts | None:  # fmt: skip
    """Return the server's TLS facts, or None; what other files decide stays unknown."""
    if not server.tls and not part:
        return None
    scope = server.scope

    def of(name: str) -> Scope:
        return deciding(name, scope, default or scope)

    def is_set(*names: str) -> bool:
        return not part or any(scope.all(name) for name in names)

    found: dict[str, Any] = {}
    versions = _versions(of("ssl_protocols"))
    if is_set("ssl_protocols"):
        found |= {
            "versions": versions,
            "versions_refused": tuple(v for v in _VERSIONS.values() if v not in versions),
            "security_level": opensslciphers.level(":".join(scope.words("ssl_ciphers"))),
        }
    if is_set("ssl_ciphers"):
        found |= _suites(scope, tuple(_VERSIONS.values()) if part else versions)
    if is_set("ssl_ecdh_curve"):
        found |= _groups(of("ssl_ecdh_curve"), versions)
    if is_set("ssl_dhparam"):
        found |= _prime(scope, files) if _has_dhe(scope, versions) or part else {"dh_bits": 0}
    caches = {word.partition(":")[0] for word in of("ssl_session_cache").words("ssl_session_cache")}
    tickets = of("ssl_session_tickets").is_on("ssl_session_tickets")
    if is_set("ssl_session_tickets", "ssl_session_cache"):
        found |= {"resumed": tickets or bool(caches & {"shared", "builtin"})}
    if is_set("ssl_session_timeout"):
        found |= _lifetime(of("ssl_session_timeout"), versions, tickets=tickets)
    if is_set("ssl_early_data"):
        on = of("ssl_early_data").is_on("ssl_early_data") and "TLSv1.3" in versions
        found |= {"max_early_data_bytes": _MAX_EARLY_DATA if on else 0, "early_data_accepted": on}
    if is_set("ssl_verify_client"):
        found |= {"client_certificate": _client(scope)}
    return NOTHING.learn(**found)


def early_data(tls: TlsFacts | None) -> bool:
    """Return whether early data is taken."""
    return tls is not None and bool(tls.early_data_accepted)


def _versions(scope: Scope) -> tuple[str, ...]:
    words = {word for line in scope.all("ssl_protocols") for word in line.words}
    words = words or set(scope.words("ssl_protocols"))
    return tuple(name for word, name in _VERSIONS.items() if word in words)


def _suites(scope: Scope, versions: tuple[str, ...]) -> dict[str, Any]:
    if versions == ("TLSv1.3",):
        return {"broken_suites": (), "obsolete_suites": ()}
    allowed = opensslciphers.allowed(":".join(scope.words("ssl_ciphers")))
    if allowed is None:
        return {}
    own_prime = bool(scope.all("ssl_dhparam"))
    usable = [
        name
        for name in allowed
        if "_DSS_" not in name and (own_prime or not name.startswith("TLS_DHE_"))
    ]
    graded = {
        f"{wanted}_suites": tuple(n for n in usable if grade(n) == wanted)[:_MOST_SUITES]
        for wanted in ("broken", "obsolete")
    }
    newest = versions[-1:] == ("TLSv1.2",)
    return {**graded, "suites": tuple(usable)} if newest else graded


def _lifetime(scope: Scope, versions: tuple[str, ...], *, tickets: bool) -> dict[str, Any]:
    """Return the lifetime that the newest version's tickets declare.

    In TLS 1.3 OpenSSL declares a week at most, and sends tickets even where they are off.
    """
    seconds = scope.seconds("ssl_session_timeout")
    if seconds is None:
        return {}
    if "TLSv1.3" in versions:
        return {"ticket_lifetime_seconds": min(int(seconds), _MAX_LIFETIME)}
    return {"ticket_lifetime_seconds": int(seconds)} if tickets else {"tickets": 0}


def _groups(scope: Scope, versions: tuple[str, ...]) -> dict[str, Any]:
    curves = scope.value("ssl_ecdh_curve")
    if curves == "auto" or "$" in curves:
        why = "which there are is left to OpenSSL, which has them from 3.5 on"
        return {"unknown": {Topic.HYBRID_GROUP: why}}
    if "TLSv1.3" not in versions:
        return {}
    names = [name.strip("?*") for name in re.split(r"[:/]", curves)]
    removed = {name[1:].lower() for name in names if name.startswith("-")}
    hybrid = next((name for name in names if name.lower() in _HYBRIDS - removed), "")
    return {"hybrid_group": hybrid, "group": printable(curves, 200)}


def _has_dhe(scope: Scope, versions: tuple[str, ...]) -> bool:
    """Return whether a suite is allowed that uses the prime."""
    allowed = opensslciphers.allowed(":".join(scope.words("ssl_ciphers")))
    return versions != ("TLSv1.3",) and (
        allowed is None or any(name.startswith(("TLS_DHE_", "TLS_DH_")) for name in allowed)
    )


def _prime(scope: Scope, files: Files) -> dict[str, Any]:
    """Return the bits of ssl_dhparam's prime; without that file nginx offers no DHE."""
    lines = scope.all("ssl_dhparam")
    if not lines or not lines[-1].words:
        return {"dh_bits": 0}
    path = files.expand(lines[-1].words[0].replace("\0", ""))
    if files.mode(path) is None:
        return {}
    text = files.read(path, at=lines[-1].at)
    if text is None:
        return {}
    bits = _prime_bits("".join(text.lines))
    return {} if bits is None else {"dh_bits": bits}


def _prime_bits(pem: str) -> int | None:
    """Return the size of the first number in PKCS #3's ``SEQUENCE { prime, base, … }``."""
    match = re.search(r"-----BEGIN DH PARAMETERS-----([A-Za-z0-9+/=\s]*)-----END", pem)
    if match is None:
        return None
    try:
        reader = Reader(base64.b64decode(match[1]), "ssl_dhparam")
        if reader.u8() != _SEQUENCE:
            return None
        _length(reader)
        if reader.u8() != _INTEGER:
            return None
        return int.from_bytes(reader.take(_length(reader))).bit_length()
    except (ValueError, ProtocolViolation):
        return None


def _length(reader: Reader) -> int:
    """Return a length of DER."""
    first = reader.u8()
    return first if first < 0x80 else int.from_bytes(reader.take(first & 0x7F))


def _client(scope: Scope) -> str:
    asked = scope.value("ssl_verify_client")
    if asked == "off":
        return "not-requested"
    if asked == "on":
        return "required"
    checks = any("$ssl_client_verify" in word for level in scope.levels
                 for name in ("if", "map") for line in level.by_name.get(name, ())
                 for word in line.words)  # fmt: skip
    return "refused-later" if checks else "optional"
