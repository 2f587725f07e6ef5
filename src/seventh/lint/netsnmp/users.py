"""SNMPv3 users with their algorithms: ``createUser`` lines, and ``usmUser`` of the kept file."""

from __future__ import annotations

import re

from seventh.lint.netsnmp.lines import Directive
from seventh.protocols.snmp.facts.config import Created, Weakness
from seventh.protocols.snmp.wire.keys import Auth, Priv

MIN_CHARACTERS = 12
"""Below it, all passwords of lower-case letters are tried within days against one message."""
_AUTH = {"md5": Auth.MD5, "sha": Auth.SHA1, "sha1": Auth.SHA1, "sha224": Auth.SHA224,
         "sha256": Auth.SHA256, "sha384": Auth.SHA384, "sha512": Auth.SHA512}  # fmt: skip
_PRIV = {"des": Priv.DES, "aes": Priv.AES, "aes128": Priv.AES, "aes192": Priv.AES192,
         "aes256": Priv.AES256, "aes192c": Priv.AES192, "aes256c": Priv.AES256}  # fmt: skip
_AUTH_OIDS = {"2": Auth.MD5, "3": Auth.SHA1, "4": Auth.SHA224, "5": Auth.SHA256,
              "6": Auth.SHA384, "7": Auth.SHA512}  # fmt: skip
"""Below usmAuthProtocols, 1.3.6.1.6.3.10.1.1 (RFC 3414 §5, RFC 7860 §7)."""
_PRIV_OIDS = {"1.3.6.1.6.3.10.1.2.2": Priv.DES, "1.3.6.1.6.3.10.1.2.4": Priv.AES,
              "1.3.6.1.4.1.14832.1.3": Priv.AES192,
              "1.3.6.1.4.1.14832.1.4": Priv.AES256}  # fmt: skip
_COMMON = frozenset(
    {
        "password", "passphrase", "secret", "changeme", "administrator", "admin", "authpassword",
        "privpassword", "authpass", "privpass", "authpassphrase", "privpassphrase", "snmp", "snmpv",
        "snmpauth", "snmppriv", "snmppassword", "monitor", "monitoring", "qwerty", "qwertyuiop",
        "letmein", "welcome", "cisco", "ciscocisco", "mypassword", "myauthpass", "myprivpass",
        "thenetsnmpdemoauthpass", "thenetsnmpdemoprivpass", "maplesyrup", "default", "",
    }
)  # fmt: skip
"""Passwords of manuals and of every dictionary, without digits and signs."""


def created(line: Directive) -> Created | None:
    """Return the user that a line makes; None for a line that net-snmp refuses."""
    return _usm_user(line) if line.name == "usmuser" else _create_user(line)


def _create_user(line: Directive) -> Created | None:
    words = list(line.words)
    if words[:1] == ["-e"]:
        words = words[2:]
    if not words:
        return None
    user, rest = words[0], words[1:]
    auth_name, auth_secret, rest = _algorithm(rest)
    priv_name, priv_secret, rest = _algorithm(rest)
    auth, priv = _AUTH.get(auth_name), _PRIV.get(priv_name)
    if auth_name and auth is None:
        return None
    return Created(
        setting=line.key, user=user, auth=auth, priv=priv,
        weak=_weak(auth_secret, priv_secret, has_priv=priv is not None) if auth else None,
    )  # fmt: skip


def _algorithm(words: list[str]) -> tuple[str, str | None, list[str]]:
    """Return an algorithm, its password if one is given, and the words after them."""
    if not words:
        return "", None, []
    name = re.sub(r"[^a-z0-9]", "", words[0].lower())
    if words[1:2] in (["-m"], ["-l"]):
        return name, None, words[3:]
    return name, words[1] if len(words) > 1 else "", words[2:]


def _weak(auth: str | None, priv: str | None, *, has_priv: bool) -> tuple[Weakness, ...] | None:
    """Return the faults of the passwords; None where keys are given in their place."""
    given = [secret for secret in (auth, priv) if secret]
    if not given:
        return None
    found: list[Weakness] = []
    if any(len(secret) < MIN_CHARACTERS for secret in given):
        found.append("short")
    if has_priv and auth is not None and priv in {auth, ""}:
        found.append("same")
    if any(re.sub(r"[^a-z]", "", secret.lower()) in _COMMON for secret in given):
        found.append("common")
    return tuple(found)


def _usm_user(line: Directive) -> Created | None:
    """Read ``usmUser STATUS STORAGE ENGINE NAME SECURITY-NAME CLONE AUTH KEY PRIV KEY PUBLIC``."""
    if len(line.words) < 10:
        return None
    name, auth, priv = line.words[3], line.words[6], line.words[8].removeprefix(".")
    match = re.fullmatch(r"\.?1\.3\.6\.1\.6\.3\.10\.1\.1\.(\d)", auth)
    return Created(
        setting=line.key, user=_text(name), priv=_PRIV_OIDS.get(priv),
        auth=_AUTH_OIDS.get(match[1]) if match is not None else None,
    )  # fmt: skip


def _text(word: str) -> str:
    """Return a name that net-snmp may have written as hexadecimal."""
    if re.fullmatch(r"0x(?:[0-9a-fA-F]{2})+", word):
        return bytes.fromhex(word[2:]).decode(errors="replace").rstrip("\0")
    return word
