"""The files of access control lists and of passwords."""

from __future__ import annotations

from collections.abc import Iterator

from seventh.lintkit.files import Files, Text
from seventh.protocols.mqtt.wire.topics import is_filter

_RIGHTS = frozenset({"read", "write", "readwrite", "deny"})
_HASHES = ("$6$", "$7$", "$argon2id$")


def patterns(text: Text, files: Files) -> Iterator[str]:
    """Yield the topics that an access control list gives, and note what mosquitto refuses."""
    for number, raw in text.numbered():
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        kind, _, rest = line.partition(" ")
        rest = rest.strip()
        if kind == "user" and rest:
            continue
        if kind not in {"topic", "pattern"} or not rest:
            _refuse(files, text, number, "neither user, topic nor pattern with a value")
            continue
        right, _, topic = rest.partition(" ")
        pattern = topic.strip() if right in _RIGHTS and topic.strip() else rest
        if not is_filter(pattern.replace("%u", "u").replace("%c", "c")):
            _refuse(files, text, number, f"{pattern} is not a filter: + and # must be whole levels")
        elif right != "deny":
            yield pattern


def check_passwords(text: Text, files: Files) -> None:
    """Note the lines of a password file with which nobody can log in."""
    for number, raw in text.numbered():
        if not raw.strip() or raw[0] == "#":
            continue
        user, colon, hashed = raw.strip().partition(":")
        if not colon or not user:
            files.problem(text.name, number, "not USER:HASH: mosquitto ignores the line")
        elif not hashed.startswith(_HASHES):
            files.problem(
                text.name, number,
                "the password is not hashed, so that the user cannot log in: "
                "`mosquitto_passwd -U FILE` hashes it",
            )  # fmt: skip


def _refuse(files: Files, text: Text, number: int, why: str) -> None:
    files.problem(text.name, number, f"{why}: mosquitto does not start")
