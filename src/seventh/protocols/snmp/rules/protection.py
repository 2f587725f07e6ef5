"""With which algorithms and levels the agent accepts the user."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.snmp.facts import Access, Lower, SnmpFacts
from seventh.protocols.snmp.facts.config import Level
from seventh.protocols.snmp.rules import file
from seventh.protocols.snmp.rules.examples import (
    ACCESS,
    GOOD,
    NET_SNMP_USER,
    NET_SNMP_VIEW,
    NOT_TRIED,
)
from seventh.protocols.snmp.rules.file import DIRECTIVES, PRODUCT
from seventh.protocols.snmp.wire.keys import Auth, Extension, Priv
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_RFC_7860 = ("RFC 7860",)
_LEVEL_WORDS = {
    "what": {
        "wire": "the agent answers the user at {level}",
        "file": "{level} suffices for {users}",
    }
}
_LEVEL_FIX = {
    "net-snmp": NET_SNMP_VIEW,
    "any": "Require authentication and encryption (authPriv) for every user and group.",
}


def _with(**changes: object) -> SnmpFacts:
    return GOOD.learn(access=replace(ACCESS, **changes))


def _lower(level: Level) -> SnmpFacts:
    one = Lower(level=level, outcome="accepted")
    others = [known for known in GOOD.lower or () if known.level != level]
    return GOOD.learn(lower=(*others, one))


def _user(snmp: SnmpFacts) -> Access | Skip:
    """Return the access of a user that the agent accepted, or why there is none."""
    access = snmp.access
    if access is None:
        return NOT_TRIED
    if access.version != "3":
        return not_applicable("a community has no level and no keys")
    if access.outcome != "accepted":
        return Skip("the agent did not accept the credential")
    return access


def _at_level(snmp: SnmpFacts, level: Level) -> Verdict:
    """Judge whether requests at ``level`` are answered."""
    access = _user(snmp)
    if isinstance(access, Skip):
        return access
    if access.level == level:
        return (
            Hit(what="wire", level=level)
            if access.cause is None
            else Skip("the user's view is empty")
        )
    found = next((one for one in snmp.lower or () if one.level == level), None)
    if found is None:
        return Skip(f"{level} was not tried")
    if found.outcome == "unknown":
        return Skip(f"the request at {level} was not answered")
    return Hit(what="wire", level=level) if found.outcome == "accepted" else None


@rule(
    "SNMP-V3-NOAUTH",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 without authentication accepted",
    evidence="{what}",
    phrases=_LEVEL_WORDS,
    why="Without authentication, the name of the user is all that a request needs, and names pass "
    "in clear: anyone who reads one reads the device.",
    fix=_LEVEL_FIX,
    references=("RFC 3414",),
    seed=("12.5.2", "12.11.4"),
    good=GOOD,
    bad=_lower("noAuthNoPriv"),
    directives=DIRECTIVES,
)
def v3_noauth(snmp: SnmpFacts) -> Verdict:
    """Judge requests of the user without its keys."""
    if snmp.config is not None:
        return file.level(snmp.config, "noAuthNoPriv")
    return _at_level(snmp, "noAuthNoPriv")


@rule(
    "SNMP-V3-NOPRIV",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 without encryption accepted",
    evidence="{what}",
    phrases=_LEVEL_WORDS,
    why="All values pass in clear, and an attacker on the path can test guessed passwords against "
    "the authentication of each message.",
    fix=_LEVEL_FIX,
    references=("RFC 3414",),
    seed=("12.5.2", "12.11.4"),
    good=GOOD,
    bad=_lower("authNoPriv"),
    directives=DIRECTIVES,
)
def v3_nopriv(snmp: SnmpFacts) -> Verdict:
    """Judge requests of the user without encryption."""
    if snmp.config is not None:
        return file.level(snmp.config, "authNoPriv")
    if snmp.access is not None and snmp.access.level == "noAuthNoPriv":
        return not_applicable("the user has no keys: SNMP-V3-NOAUTH judges it")
    return _at_level(snmp, "authNoPriv")


def _uses(snmp: SnmpFacts, algorithm: Auth | Priv) -> Verdict:
    access = _user(snmp)
    if isinstance(access, Skip):
        return access
    return Hit(what="wire") if algorithm in {access.auth, access.priv} else None


@rule(
    "SNMP-V3-MD5",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 user authenticates with MD5",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "the user's authentication protocol is HMAC-MD5-96",
            "file": "HMAC-MD5-96 for {users}",
        }
    },
    why="MD5 is broken as a hash, and its keys are the fastest to guess from a captured message. "
    "Agents and managers are removing it.",
    fix={
        "net-snmp": NET_SNMP_USER,
        "any": "Create the user again with SHA-256 or stronger, and change --auth.",
    },
    references=_RFC_7860,
    seed=("12.5.3",),
    good=GOOD,
    bad=_with(auth=Auth.MD5),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def v3_md5(snmp: SnmpFacts) -> Verdict:
    """Judge the authentication protocol that worked."""
    if snmp.config is not None:
        return file.algorithm(snmp.config, Auth.MD5)
    return _uses(snmp, Auth.MD5)


@rule(
    "SNMP-V3-SHA1",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 user authenticates with SHA-1",
    evidence="{what}",
    phrases={
        "what": {
            "wire": "the user's authentication protocol is HMAC-SHA-96",
            "file": "HMAC-SHA-96 for {users}",
        }
    },
    why="SHA-1 is deprecated, and its authentication is cut to 96 bits. SHA-256 has been the "
    "standard's since 2016.",
    fix={
        "net-snmp": NET_SNMP_USER,
        "any": "Create the user again with SHA-256 or stronger, and change --auth.",
    },
    references=_RFC_7860,
    seed=("12.5.3",),
    good=GOOD,
    bad=_with(auth=Auth.SHA1),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def v3_sha1(snmp: SnmpFacts) -> Verdict:
    """Judge the authentication protocol that worked."""
    if snmp.config is not None:
        return file.algorithm(snmp.config, Auth.SHA1)
    return _uses(snmp, Auth.SHA1)


@rule(
    "SNMP-V3-DES",
    Severity.HIGH,
    tier=2,
    source=Source.WIRE,
    title="SNMPv3 user encrypts with DES",
    evidence="{what}",
    phrases={
        "what": {"wire": "the user's privacy protocol is CBC-DES", "file": "CBC-DES for {users}"}
    },
    why="DES has keys of 56 bits, which are found in a day with rented hardware; libraries have "
    "removed it.",
    fix={
        "net-snmp": NET_SNMP_USER,
        "any": "Create the user again with AES, and change --priv.",
    },
    references=("RFC 3826",),
    seed=("12.5.3",),
    good=GOOD,
    bad=_with(priv=Priv.DES),
    directives=DIRECTIVES,
    choice=(PRODUCT,),
)
def v3_des(snmp: SnmpFacts) -> Verdict:
    """Judge the privacy protocol that worked."""
    if snmp.config is not None:
        return file.algorithm(snmp.config, Priv.DES)
    return _uses(snmp, Priv.DES)


@rule(
    "SNMP-V3-AES256-MIX",
    Severity.INFO,
    tier=2,
    source=Source.WIRE,
    title="AES key extension is not a standard",
    evidence="the agent extends the {bits}-bit key of {priv} as {extension}",
    phrases={
        "extension": {
            "blumenthal": "draft-blumenthal-aes-usm-04 (net-snmp's AES-256)",
            "reeder": "draft-reeder-snmpv3-usm-3desede-00 (Cisco, net-snmp's AES-256-C)",
        }
    },
    why="AES with 192 and 256 bits never became a standard of SNMP. Two drafts extend a short hash "
    "differently, and managers that use the other one get no answer.",
    fix={
        "any": "Document which extension this agent uses, or use --auth sha256 or longer, whose "
        "hash needs no extension for 256 bits.",
    },
    references=("draft-blumenthal-aes-usm-04", "draft-reeder-snmpv3-usm-3desede-00"),
    seed=("12.5.4",),
    good=GOOD,
    bad=_with(auth=Auth.SHA1, priv=Priv.AES256, extension=Extension.REEDER),
)
def v3_aes256_mix(snmp: SnmpFacts) -> Verdict:
    """Report the extension that worked, where the two differ."""
    access = _user(snmp)
    if isinstance(access, Skip):
        return access
    if access.extension is None or access.priv is None:
        return None
    bits = 192 if access.priv is Priv.AES192 else 256
    return Hit(extension=access.extension.value, priv=access.priv.value, bits=bits)
