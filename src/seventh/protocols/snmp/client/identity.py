"""Who we are to an agent: a community, or a user with its passwords, read from the options."""

from __future__ import annotations

from typing import Literal

import msgspec

from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.net.secrets import read_secret
from seventh.protocols.snmp import SnmpOptions
from seventh.protocols.snmp.facts.config import Level
from seventh.protocols.snmp.wire.keys import Auth, Passwords, Priv, passwords
from seventh.protocols.snmp.wire.message import Flag, Version

MAX_NAME = 32
"""The longest user name and context name (RFC 3411, SnmpAdminString; RFC 3414 §5)."""


class CommunityName(msgspec.Struct, frozen=True, kw_only=True):
    """The credential of versions 1 and 2c."""

    version: Version
    community: bytes

    def __repr__(self) -> str:
        return "<a community>"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """The credential of version 3."""

    name: bytes
    passwords: Passwords | None = None
    context: bytes = b""

    @property
    def flags(self) -> Flag:
        """The security level, as messages have it."""
        if self.passwords is None:
            return Flag.NONE
        return Flag.AUTH if self.passwords.priv is None else Flag.AUTH | Flag.PRIV

    @property
    def level(self) -> Level:
        """The security level by its name."""
        if self.passwords is None:
            return "noAuthNoPriv"
        return "authNoPriv" if self.passwords.priv is None else "authPriv"


Identity = CommunityName | User


def version_of(options: Options) -> Literal["1", "2c", "3"]:
    """Return the version to use."""
    own = options.of(SnmpOptions)
    if own.snmp_version is not None:
        return own.snmp_version
    return "2c" if own.community_file is not None and options.user is None else "3"


def identity_of(options: Options) -> Identity | None:
    """Read the credential; None if none was given. Raises UsageError for one that cannot be."""
    own = options.of(SnmpOptions)
    version = version_of(options)
    if version != "3":
        if own.community_file is None:
            if own.snmp_version is None:
                return None
            raise UsageError(f"--snmp-version {version} needs --community-file FILE")
        community = _secret(own.community_file)
        return CommunityName(
            version=Version.V1 if version == "1" else Version.V2C, community=community
        )
    if options.user is None:
        if own.community_file is not None:
            raise UsageError(
                "--community-file is for SNMP v1 and v2c: give --user NAME, or --snmp-version 2c"
            )
        return None
    for what, value in (("--user", options.user), ("--context", own.context)):
        if len(value.encode()) > MAX_NAME:
            raise UsageError(f"{what} has more than {MAX_NAME} bytes, the maximum in SNMPv3")
    return User(name=options.user.encode(), passwords=_passwords(own), context=own.context.encode())


def _passwords(own: SnmpOptions) -> Passwords | None:
    if own.auth is None:
        return None
    if own.auth_password_file is None:
        raise UsageError(f"--auth {own.auth} needs --auth-password-file FILE")
    if own.priv is not None and own.priv_password_file is None:
        raise UsageError(f"--priv {own.priv} needs --priv-password-file FILE")
    priv = Priv(own.priv) if own.priv is not None else None
    secret = _secret(own.priv_password_file) if own.priv_password_file is not None else b""
    return passwords(Auth(own.auth), _secret(own.auth_password_file), priv, secret)


def _secret(file: str) -> bytes:
    secret = read_secret(file)
    assert secret is not None  # noqa: S101 - a file was given
    return secret.reveal()
