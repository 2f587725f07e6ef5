"""OpenSSL's cipher lists (``HIGH:!aNULL:!MD5``), as the suites that they allow.

The language is that of ciphers(1): names and groups, joined by ``+`` for what is in all of them,
with ``!`` (never), ``-`` (out for now) or ``+`` (to the end) before them. It tells which suites a
configuration asks for; a library that was built without some of them leaves those out.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Set

import msgspec

from seventh.wire.tlsnames import SUITES

MAX_WORDS = 1000
_SEPARATORS = re.compile(r"[:, ;]+")
_ENCRYPTIONS = {
    "AES_128_CBC": "AES128", "AES_256_CBC": "AES256", "AES_128_GCM": "AES128-GCM",
    "AES_256_GCM": "AES256-GCM", "AES_128_CCM": "AES128-CCM", "AES_256_CCM": "AES256-CCM",
    "CHACHA20_POLY1305": "CHACHA20-POLY1305", "3DES_EDE_CBC": "DES-CBC3", "DES_CBC": "DES-CBC",
    "DES40_CBC": "DES-CBC", "RC4_128": "RC4", "RC4_40": "RC4", "RC2_CBC_40": "RC2-CBC",
    "IDEA_CBC": "IDEA-CBC", "SEED_CBC": "SEED", "NULL": "NULL",
    "CAMELLIA_128_CBC": "CAMELLIA128", "CAMELLIA_256_CBC": "CAMELLIA256",
}  # fmt: skip
_KEY_EXCHANGES = {
    "RSA": ("", "kRSA", "aRSA"),
    "DHE_RSA": ("DHE-RSA-", "kDHE", "aRSA"),
    "DHE_DSS": ("DHE-DSS-", "kDHE", "aDSS"),
    "DH_anon": ("ADH-", "kDHE", "aNULL"),
    "ECDHE_RSA": ("ECDHE-RSA-", "kECDHE", "aRSA"),
    "ECDHE_ECDSA": ("ECDHE-ECDSA-", "kECDHE", "aECDSA"),
    "ECDH_anon": ("AECDH-", "kECDHE", "aNULL"),
}
"""Static ECDH is not among them: OpenSSL 1.1.0 dropped it."""
_SAME = {
    "RSA": "kRSA", "kEDH": "kDHE", "DH": "kDHE", "kEECDH": "kECDHE", "ECDH": "kECDHE",
    "DSS": "aDSS", "ECDSA": "aECDSA", "NULL": "eNULL", "SHA1": "SHA", "EXPORT": "EXP",
    "AESCCM8": "CCM8", "TLSv1.0": "TLSv1", "EDH": "DHE", "EECDH": "ECDHE",
    "COMPLEMENTOFALL": "eNULL",
}  # fmt: skip
_UNBUILT = frozenset({"RC4", "RC2", "DES", "3DES", "IDEA", "SEED", "EXP"})
"""Groups that only those get who name them: libraries since 2016 are built without."""
_WEAK_STRENGTHS = frozenset({"EXP", "LOW"})
_INSECURE = frozenset({"eNULL", "aNULL"})
"""Groups that no handshake uses at a security level above 0, except, to be told, by name."""
_BY_ALIAS = {"ADH": "aNULL", "AECDH": "aNULL"}
_NOT_DEFAULT = frozenset({"aDSS", "CAMELLIA", "AESCCM"}) | _UNBUILT | _INSECURE


class Suite(msgspec.Struct, frozen=True):
    """A suite of TLS 1.2 or older, with OpenSSL's name and properties."""

    iana: str
    openssl: str
    groups: frozenset[str]
    """The names of all the groups that it is in."""


@functools.cache
def suites() -> tuple[Suite, ...]:
    """Return every suite that a server with a certificate can have."""
    found = (_suite(name) for name in SUITES.values() if "_WITH_" in name)
    return tuple(suite for suite in found if suite is not None)


def _suite(iana: str) -> Suite | None:
    exchange, _, rest = iana.removeprefix("TLS_").partition("_WITH_")
    export = exchange.endswith("_EXPORT")
    known = _KEY_EXCHANGES.get(exchange.removesuffix("_EXPORT"))
    found = re.fullmatch(r"(.*?)(?:_(MD5|SHA|SHA256|SHA384))?", rest)
    if known is None or found is None or found[1] not in _ENCRYPTIONS:
        return None
    prefix, key, authentication = known
    encryption, digest = _ENCRYPTIONS[found[1]], found[2] or ""
    aead = re.search(r"GCM|CCM|CHACHA20", encryption) is not None
    name = f"{'EXP-' * export}{prefix}{encryption}"
    if digest and "CHACHA20" not in encryption:
        name += f"-{digest}"
    groups = {key, authentication, *_cipher_groups(encryption)}
    if digest and not aead:
        groups.add(digest)
    first = "TLSv1" if key == "kECDHE" else "SSLv3"
    groups.add("TLSv1.2" if aead or digest in {"SHA256", "SHA384"} else first)
    if authentication == "aNULL":
        groups |= {"ADH" if key == "kDHE" else "AECDH"}
    elif key != "kRSA":
        groups.add(key.removeprefix("k"))
    groups |= {"EXP"} if export else {_strength(encryption)}
    return Suite(iana, name, frozenset(groups))


def _cipher_groups(encryption: str) -> set[str]:
    if encryption == "NULL":
        return {"eNULL"}
    if encryption.startswith("AES"):
        mode = {"GCM": {"AESGCM"}, "CCM": {"AESCCM"}}.get(encryption[-3:], set())
        return {"AES", encryption[:6]} | mode
    if encryption.startswith("CAMELLIA"):
        return {"CAMELLIA", encryption}
    short = encryption.partition("-")[0]
    return {"3DES"} if encryption == "DES-CBC3" else {short, short + "20" * (short == "CHACHA")}


def _strength(encryption: str) -> str:
    if encryption == "DES-CBC":
        return "LOW"
    if encryption == "NULL":
        return "STRENGTH-NONE"
    return "HIGH" if re.match(r"AES|CAMELLIA|CHACHA", encryption) else "MEDIUM"


def allowed(text: str) -> tuple[str, ...] | None:
    """Return the suites, by IANA's names, that a cipher list allows.

    None where it is no list at all (a variable), or names nothing that is known.
    """
    if "$" in text or not _SEPARATORS.sub("", text):
        return None
    chosen: dict[str, Suite] = {}
    never: set[str] = set()
    if text.startswith("DEFAULT"):  # ALL:!COMPLEMENTOFDEFAULT; a word at the beginning alone
        text = text.removeprefix("DEFAULT")
        chosen = {suite.iana: suite for suite in suites() if not suite.groups & _NOT_DEFAULT}
        never = {suite.iana for suite in suites() if suite.iana not in chosen}
    words = [word for word in _SEPARATORS.split(text) if word][:MAX_WORDS]
    anyway = _INSECURE if "@SECLEVEL=0" in words else frozenset[str]()
    for word in words:
        if word.startswith("@"):
            continue
        sign = word[0] if word[0] in "!-+" else ""
        selected = _selected(
            word.removeprefix(sign), anyway | (_UNBUILT | _INSECURE if sign else set())
        )
        if sign == "!":
            never |= {suite.iana for suite in selected}
        if sign in {"!", "-"}:
            for suite in selected:
                chosen.pop(suite.iana, None)
        elif not sign:
            chosen.update({s.iana: s for s in selected if s.iana not in never})
    return tuple(chosen)


def level(text: str) -> int | None:
    """Return the security level that a cipher list sets; None for the library's default."""
    found = re.findall(r"(?:^|[:, ;])@SECLEVEL=([0-5])(?=$|[:, ;])", text)
    return int(found[-1]) if found else None


def _selected(word: str, anyway: Set[str]) -> list[Suite]:
    """Return the suites of one element; rare groups only if it names them, or ``anyway``."""
    named = [s for s in suites() if word in {s.openssl, s.iana}]
    if named:
        return named
    parts = {_SAME.get(part, part) for part in word.split("+")}
    named_groups = {_BY_ALIAS.get(part, part) for part in parts}
    if not _WEAK_STRENGTHS.isdisjoint(parts):
        named_groups |= _UNBUILT  # whatever their encryption
    rare = (_UNBUILT | _INSECURE) - anyway - named_groups
    return [
        suite
        for suite in suites()
        if not suite.groups & rare and all(_is_in(suite, part) for part in parts)
    ]


def _is_in(suite: Suite, part: str) -> bool:
    if part == "ALL":
        return "eNULL" not in suite.groups
    if part == "COMPLEMENTOFDEFAULT":
        return "eNULL" not in suite.groups and bool(suite.groups & _NOT_DEFAULT)
    return part in suite.groups or part in {suite.openssl, suite.iana}
