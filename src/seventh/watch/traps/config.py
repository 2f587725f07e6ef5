"""The receiver's file, read and checked as a whole; every error has its file and line."""

from __future__ import annotations

import msgspec

from seventh.model.failure import UsageError
from seventh.model.textfile import read_text
from seventh.protocols.snmp.receive.accounts import Account, Accounts
from seventh.protocols.snmp.wire.engine_id import MAX_OCTETS, MIN_OCTETS
from seventh.protocols.snmp.wire.keys import Auth, Passwords, Priv, passwords
from seventh.watch.config import secret
from seventh.watch.rows import Row, keys, rows
from seventh.watch.traps.keys import (
    LISTED,
    TABLES,
    CommunityKeys,
    ForwardKeys,
    Listen,
    UserKeys,
)

MAX_FILE_BYTES = 4 * 1024 * 1024
_STANDARD_OUTPUT = (ForwardKeys(name="standard output", to="-"),)


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen, to whom, and where records go."""

    listen: Listen = Listen()
    communities: tuple[bytes, ...] = ()
    users: tuple[Account, ...] = ()
    forward: tuple[ForwardKeys, ...] = _STANDARD_OUTPUT

    def __repr__(self) -> str:
        return f"<{len(self.communities)} communities, {len(self.users)} users>"

    def accounts(self) -> Accounts:
        """Return everyone who is known."""
        return Accounts(self.communities, self.users)


def load(path: str) -> Config:
    """Read a file. Raises UsageError, in one line."""
    return read(path, read_text(path, MAX_FILE_BYTES))


def read(name: str, text: str) -> Config:
    """Read the text of a file. Raises UsageError, in one line."""
    found = rows(name, text, TABLES, LISTED)
    if len(found["listen"]) > 1:
        raise UsageError(f"{found['listen'][1].where}: only one [listen] table is possible")
    forward = tuple(_forward(row) for row in found["forward"])
    names = [each.name for each in forward]
    for row, each in zip(found["forward"], forward, strict=True):
        if names.count(each.name) > 1:
            raise UsageError(f"{row.where}: two [[forward]] have the name {each.name!r:.80}")
    return Config(
        listen=next((keys(Listen, row) for row in found["listen"]), Listen()),
        communities=tuple(
            _secret(row, "community", keys(CommunityKeys, row).community)
            for row in found["community"]
        ),
        users=tuple(_user(row) for row in found["user"]),
        forward=forward or _STANDARD_OUTPUT,
    )


def _user(row: Row) -> Account:
    own = keys(UserKeys, row)
    try:
        engine_id = bytes.fromhex(own.engine.removeprefix("0x"))
    except ValueError:
        raise UsageError(f"{row.where}: engine: write hexadecimal digits") from None
    if engine_id and not MIN_OCTETS <= len(engine_id) <= MAX_OCTETS:
        raise UsageError(f"{row.where}: engine: an ID has {MIN_OCTETS} to {MAX_OCTETS} octets")
    return Account(name=own.name.encode(), passwords=_passwords(row, own), engine_id=engine_id)


def _passwords(row: Row, own: UserKeys) -> Passwords | None:
    pairs = (("auth", own.auth, own.auth_password), ("priv", own.priv, own.priv_password))
    for name, protocol, password in pairs:
        if (protocol is None) is not (password is None):
            raise UsageError(f"{row.where}: {name} and {name}-password are needed together")
    if own.auth is None:
        if own.priv is not None:
            raise UsageError(f"{row.where}: priv needs auth: SNMPv3 encrypts only what it signs")
        return None
    assert own.auth_password is not None  # noqa: S101 - looked at above
    return passwords(
        Auth(own.auth), _secret(row, "auth-password", own.auth_password),
        Priv(own.priv) if own.priv is not None else None,
        _secret(row, "priv-password", own.priv_password) if own.priv_password is not None else b"",
    )  # fmt: skip


def _forward(row: Row) -> ForwardKeys:
    own = keys(ForwardKeys, row)
    if own.token is not None:
        _secret(row, "token", own.token)
        if not own.to.startswith("https://") and not own.to.startswith("http://127.0.0.1"):
            raise UsageError(f"{row.where}: token: sent over https:// only")
    return own


def _secret(row: Row, flag: str, reference: str) -> bytes:
    try:
        return secret(reference).encode()
    except UsageError as error:
        raise UsageError(f"{row.where}: {flag}: {error}") from None
