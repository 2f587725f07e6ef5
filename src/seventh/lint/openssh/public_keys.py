"""Public keys in files: host keys' ``.pub`` files and the lines of authorized_keys."""

from __future__ import annotations

import base64
import binascii
import re

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.wire.hostkeys import PublicKey, read_key
from seventh.protocols.ssh.wire.patterns import GrammarError, Names
from seventh.wire.text import printable

_TYPE = re.compile(
    r"(?:sk-)?(?:ssh|ecdsa|rsa|webauthn)-[a-z0-9@.-]+(?:-cert-v01@openssh\.com)?"
)  # fmt: skip
_UNREAD = re.compile(r"sk-(ssh-ed25519|ecdsa-sha2-nistp256)(-cert-v01)?@openssh\.com")
"""Keys in security keys: as strong as the type inside, and nothing here measures them."""
_FLAGS = frozenset({
    "agent-forwarding", "port-forwarding", "x11-forwarding", "pty", "user-rc", "touch-required",
    "verify-required",
})  # fmt: skip
_VALUED = frozenset({
    "command", "principals", "from", "expiry-time", "environment", "permitopen", "permitlisten",
    "tunnel",
})  # fmt: skip
_MAX_KEY_CHARS = 16 * 1024


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A line of authorized_keys."""

    options: Names
    """Names in lower case, without their values."""
    type: str
    key: PublicKey | None
    """None for a key in a security key, which is not taken apart."""
    comment: str


def measured(type_name: str, encoded: str) -> PublicKey | None:
    """The key that base64 text holds; None where its type is not taken apart here.

    GrammarError where it is no key, or not of the type that stands before it.
    """
    try:
        blob = base64.b64decode(encoded[:_MAX_KEY_CHARS], validate=True)
    except (binascii.Error, ValueError):
        raise GrammarError("the key is no base64") from None
    inside = printable(blob[4 : 4 + int.from_bytes(blob[:4], "big")][:64], 64)
    if inside != type_name:
        raise GrammarError(f"the key is not of the type {type_name} that stands before it")
    if _UNREAD.fullmatch(type_name):
        return None
    try:
        return read_key(blob)
    except ProtocolViolation as error:
        raise GrammarError(error.detail) from None


def key_line(line: str) -> Entry | None:
    """Take a line of authorized_keys or of a ``.pub`` file apart; None for a comment or a blank.

    GrammarError where sshd would pass over it.
    """
    text = line.strip()
    if not text or text.startswith("#"):
        return None
    names: Names = ()
    first, _, after = text.partition(" ")
    if not _is_type(first):
        names, after = _options(text)
        first, _, after = after.lstrip(" \t").partition(" ")
    encoded, _, comment = after.lstrip(" \t").partition(" ")
    if not _is_type(first) or not encoded:
        raise GrammarError("no key type stands where one should")
    key = measured(first, encoded)
    return Entry(options=names, type=first, key=key, comment=printable(comment.strip(), 80))


def _is_type(word: str) -> bool:
    return _TYPE.fullmatch(word) is not None


def _options(text: str) -> tuple[Names, str]:
    """The options' names, and what follows them; blanks stand in values only between quotes."""
    names: list[str] = []
    at = 0
    while at < len(text):
        begun = at
        while at < len(text) and text[at] not in '=, \t"':
            at += 1
        name = text[begun:at].lower()
        valued = at < len(text) and text[at] == "="
        if valued:
            at = _after_value(text, at + 1, name)
        _check(name, valued=valued)
        names.append(name)
        if at < len(text) and text[at] == ",":
            at += 1
            continue
        break
    if at < len(text) and text[at] not in " \t":
        raise GrammarError("the options are not written as sshd reads them")
    return tuple(names), text[at:]


def _after_value(text: str, at: int, name: str) -> int:
    if text[at : at + 1] != '"':
        raise GrammarError(f'the option {printable(name, 40)} needs its value in quotes (")')
    at += 1
    while at < len(text) and text[at] != '"':
        at += 2 if text[at] == "\\" and text[at + 1 : at + 2] == '"' else 1
    if at >= len(text):
        raise GrammarError(f"the value of the option {printable(name, 40)} does not end")
    return at + 1


def _check(name: str, *, valued: bool) -> None:
    shown = printable(name, 40)
    if valued and name not in _VALUED:
        raise GrammarError(f"no option {shown} takes a value")
    if not valued and name not in {"restrict", "cert-authority"}:
        if name in _VALUED:
            raise GrammarError(f"the option {shown} needs a value")
        if name.removeprefix("no-") not in _FLAGS:
            raise GrammarError(f"there is no option {shown}")
