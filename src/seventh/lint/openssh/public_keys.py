"""Public keys in files: ``.pub`` files and the lines of authorized_keys."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.wire.hostkeys import PublicKey, read_key
from seventh.protocols.ssh.wire.patterns import GrammarError, Names, address_in_list
from seventh.wire.text import printable

_TYPE = re.compile(
    r"(?:sk-)?(?:ssh|ecdsa|rsa|webauthn)-[a-z0-9@.-]+(?:-cert-v01@openssh\.com)?"
)  # fmt: skip
_BLANKS = re.compile(r"[ \t]+")
_SECURITY_KEY = re.compile(r"sk-(ssh-ed25519|ecdsa-sha2-nistp256)(-cert-v01)?@openssh\.com")
"""Keys of FIDO authenticators: as strong as the type inside, and of fixed length."""
_FLAGS = frozenset({
    "agent-forwarding", "port-forwarding", "x11-forwarding", "pty", "user-rc", "touch-required",
    "verify-required",
})  # fmt: skip
_VALUED = frozenset({
    "command", "principals", "from", "expiry-time", "environment", "permitopen", "permitlisten",
    "tunnel",
})  # fmt: skip
_ONCE = frozenset({"command", "principals", "from"})
"""Options that sshd accepts only once."""
_SEPARATED = "options are separated by commas without blanks"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of authorized_keys."""

    options: Names
    """Names in lower case, without their values."""
    type: str
    key: PublicKey | None
    """None for a key of a FIDO authenticator."""
    comment: str


def decoded(type_name: str, encoded: str) -> PublicKey | None:
    """Decode the base64 text of a key; return None for a key of a FIDO authenticator.

    Raises GrammarError if it is not a key of the type ``type_name``.
    """
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise GrammarError("the key is not valid base64") from None
    if blob[4 : 4 + int.from_bytes(blob[:4], "big")] != type_name.encode():
        raise GrammarError(f"the key data is not of the type {type_name}")
    if _SECURITY_KEY.fullmatch(type_name):
        return None
    try:
        return read_key(blob)
    except ProtocolViolation as error:
        raise GrammarError(error.detail) from None


def key_line(line: str) -> Entry | None:
    """Parse a line of authorized_keys or of a ``.pub`` file; return None for a comment or a blank.

    Raises GrammarError if sshd ignores the line.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    names: Names = ()
    first, after = _word(text)
    if not _is_type(first):
        names, after = _options(text)
        first, after = _word(after)
    encoded, comment = _word(after)
    if not _is_type(first) or not encoded:
        raise GrammarError("no key type found")
    key = decoded(first, encoded)
    return Entry(options=names, type=first, key=key, comment=printable(comment.strip(), 80))


def _word(text: str) -> tuple[str, str]:
    """Split off the first word; blanks and tabs separate words."""
    word, *rest = [*_BLANKS.split(text.lstrip(" \t"), maxsplit=1), ""]
    return word, rest[0]


def _is_type(word: str) -> bool:
    return _TYPE.fullmatch(word) is not None


def _options(text: str) -> tuple[Names, str]:
    """Parse the options; return their names and the rest. Blanks need quotes."""
    names: list[str] = []
    at = 0
    while at < len(text):
        begun = at
        while at < len(text) and text[at] not in '=, \t"':
            at += 1
        name = text[begun:at].lower()
        if not name:
            raise GrammarError(_SEPARATED)
        valued = at < len(text) and text[at] == "="
        value = ""
        if valued:
            begun = at + 1
            at = _after_value(text, begun, name)
            value = text[begun + 1 : at - 1].replace('\\"', '"')
        _check(name, value, valued=valued)
        if name in _ONCE and name in names:
            raise GrammarError(f"duplicate option {name}")
        names.append(name)
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        break
    if at < len(text) and text[at] not in " \t":
        raise GrammarError(_SEPARATED)
    return tuple(names), text[at:]


def _after_value(text: str, at: int, name: str) -> int:
    if text[at : at + 1] != '"':
        raise GrammarError(
            f'the value of option {printable(name, 40)} must be in double quotes (")'
        )
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" and text[at + 1 : at + 2] == '"' else 1
    if at >= len(text):
        raise GrammarError(f"closing quote missing in the value of option {printable(name, 40)}")
    return at + 1


def _check(name: str, value: str, *, valued: bool) -> None:
    shown = printable(name, 40)
    if valued and name in _FORMS and not _FORMS[name](value):
        raise GrammarError(f"invalid value {printable(value, 60)!r} for option {shown}")
    if valued and name not in _VALUED:
        raise GrammarError(f"option {shown} takes no value")
    if not valued and name not in {"restrict", "cert-authority"}:
        if name in _VALUED:
            raise GrammarError(f"option {shown} requires a value")
        if name.removeprefix("no-") not in _FLAGS:
            raise GrammarError(f"unknown option {shown}")


# -- values of options -----------------------------------------------------------------------------

_EXPIRY = re.compile(r"\d{8}(?:\d{4}(?:\d\d)?)?Z?", re.IGNORECASE)
_ENVIRONMENT = re.compile(r"\w+=.*", re.ASCII | re.DOTALL)
_PORT = re.compile(r"\*|[1-9]\d{0,4}")


def _expiry(value: str) -> bool:
    """Return whether it is a date YYYYMMDD[HHMM[SS]], with Z for UTC."""
    if _EXPIRY.fullmatch(value) is None:
        return False
    month, day = int(value[4:6]), int(value[6:8])
    hour, minute = int(value[8:10].rstrip("Zz") or 0), int(value[10:12].rstrip("Zz") or 0)
    return 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60


def _from(value: str) -> bool:
    try:
        address_in_list(None, value)
    except GrammarError:
        return False
    return bool(value)


def _permitted(value: str) -> bool:
    """Return whether it is ``host:port``, with brackets around IPv6."""
    host, colon, port = value.rpartition(":")
    return bool(host and colon) and _is_port(port)


def _listened(value: str) -> bool:
    """Return whether it is ``[host:]port``."""
    return _is_port(value) or _permitted(value)


def _is_port(text: str) -> bool:
    return _PORT.fullmatch(text) is not None and (text == "*" or int(text) <= 65535)


_FORMS: Mapping[str, Callable[[str], bool]] = {
    "environment": lambda value: _ENVIRONMENT.fullmatch(value) is not None,
    "expiry-time": _expiry,
    "from": _from,
    "permitlisten": _listened,
    "permitopen": _permitted,
    "principals": bool,
    "tunnel": lambda value: value == "any" or (value.isascii() and value.isdigit()),
}
"""Checks of the values of options that do not accept every value."""
