"""Whose notifications are accepted: communities, and users with their keys for each engine."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

import msgspec

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire.keys import (
    Extension,
    Keys,
    Passwords,
    ambiguous,
    keys_for,
    localised,
)
from seventh.protocols.snmp.wire.message import Flag, Scoped, Secured
from seventh.protocols.snmp.wire.usm import is_authentic, opened

MAX_KEPT = 4096
"""Localised keys that are kept; others are made again. Only who has the key can add one."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user; its messages must have the level of its passwords."""

    name: bytes
    passwords: Passwords | None = None
    engine_id: bytes = b""
    """The only engine that it is of; empty for any."""

    @property
    def flags(self) -> Flag:
        """The security level, as messages have it."""
        if self.passwords is None:
            return Flag.NONE
        return Flag.AUTH if self.passwords.priv is None else Flag.AUTH | Flag.PRIV


class Accounts:
    """Everyone who is known."""

    def __init__(self, communities: Iterable[bytes] = (), users: Iterable[Account] = ()) -> None:
        self._communities = tuple(communities)
        self._users: dict[bytes, list[Account]] = {}
        for user in users:
            self._users.setdefault(user.name, []).append(user)
        self._kept: dict[tuple[Account, bytes], Keys] = {}

    def has_community(self, community: bytes) -> bool:
        """Return whether a community is known, in a time that says nothing of it."""
        found = False
        for known in self._communities:
            found |= hmac.compare_digest(community, known)
        return found

    def of(self, name: bytes, engine_id: bytes) -> Account | None:
        """Return the user of an engine; one that is bound to it goes first."""
        found = [each for each in self._users.get(name, ()) if each.engine_id in {b"", engine_id}]
        return max(found, key=lambda each: len(each.engine_id), default=None)

    def has_user(self, name: bytes) -> bool:
        """Return whether a user is known, of whichever engine."""
        return name in self._users

    def authenticated(
        self, user: Account, passwords: Passwords, data: bytes, message: Secured
    ) -> Keys | None:
        """Return the user's keys for the message's engine; None if it is not authentic.

        Until it is, only the authentication key is made: two short hashes, however many engines a
        sender invents.
        """
        engine_id = message.parameters.engine_id
        kept = self._kept.get((user, engine_id))
        if kept is not None:
            return kept if is_authentic(data, message, kept) else None
        key = localised(passwords.auth_ku, engine_id, passwords.auth)
        if not is_authentic(data, message, Keys(auth=passwords.auth, auth_key=key)):
            return None
        return self._keep(user, engine_id, keys_for(passwords, engine_id))

    def opened(
        self, user: Account, message: Secured, keys: Keys | None
    ) -> tuple[Scoped, Keys | None]:
        """Return the scoped PDU, and the keys that opened it: the extension may be the other one.

        Raises ProtocolViolation.
        """
        passwords = user.passwords
        try:
            return opened(message, keys), keys
        except ProtocolViolation:
            if passwords is None or passwords.priv is None:
                raise
            if not ambiguous(passwords.auth, passwords.priv):
                raise
        engine_id = message.parameters.engine_id
        for how in (Extension.REEDER, Extension.BLUMENTHAL):
            other = keys_for(passwords, engine_id, how)
            if other != keys:
                scoped = opened(message, other)
                return scoped, self._keep(user, engine_id, other)
        raise ProtocolViolation("SNMPv3: an encrypted message, and no key")

    def _keep(self, user: Account, engine_id: bytes, keys: Keys) -> Keys:
        if len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[user, engine_id] = keys
        return keys
