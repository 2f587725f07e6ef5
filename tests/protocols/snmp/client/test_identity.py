"""The credential: what options mean, and what they cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.model.failure import UsageError
from seventh.protocols.snmp.client.identity import CommunityName, User, identity_of, version_of
from seventh.protocols.snmp.prepare import prepare
from seventh.protocols.snmp.wire.keys import Auth, Priv, passwords
from seventh.protocols.snmp.wire.message import Flag, Version
from tests.options import options_with


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "secret"
    path.write_text("a secret\nmore\n", encoding="utf-8")
    return str(path)


def test_without_a_credential_there_is_nobody() -> None:
    assert identity_of(options_with()) is None
    assert identity_of(options_with(snmp_version="3")) is None


@pytest.mark.parametrize(
    ("given", "version"), [(None, Version.V2C), ("2c", Version.V2C), ("1", Version.V1)]
)
def test_a_community(file: str, given: str | None, version: Version) -> None:
    made = identity_of(options_with(community_file=file, snmp_version=given))
    assert made == CommunityName(version=version, community=b"a secret")
    assert repr(made) == "<a community>"


def test_users(file: str) -> None:
    assert identity_of(options_with(user="m")) == User(name=b"m")
    signed = options_with(user="m", auth="sha256", auth_password_file=file, context="c")
    private = {"priv": "aes", "priv_password_file": file}
    secret = passwords(Auth.SHA256, b"a secret", None, b"")
    assert identity_of(signed) == User(name=b"m", passwords=secret, context=b"c")
    whole = identity_of(options_with(user="m", auth="sha256", auth_password_file=file, **private))
    secret = passwords(Auth.SHA256, b"a secret", Priv.AES, b"a secret")
    assert whole == User(name=b"m", passwords=secret)


@pytest.mark.parametrize(
    ("priv", "auth", "level", "flags"),
    [
        (None, None, "noAuthNoPriv", Flag.NONE), (None, Auth.MD5, "authNoPriv", Flag.AUTH),
        (Priv.DES, Auth.MD5, "authPriv", Flag.AUTH | Flag.PRIV),
    ],
)  # fmt: skip
def test_levels(priv: Priv | None, auth: Auth | None, level: str, flags: Flag) -> None:
    secret = passwords(auth, b"a", priv, b"b") if auth is not None else None
    user = User(name=b"m", passwords=secret)
    assert (user.level, user.flags) == (level, flags)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"snmp_version": "1"}, "--snmp-version 1 needs --community-file FILE"),
        ({"snmp_version": "2c"}, "--snmp-version 2c needs --community-file FILE"),
        ({"user": "m", "auth": "md5"}, "--auth md5 needs --auth-password-file FILE"),
        ({"user": "m", "auth": "md5", "auth_password_file": "", "priv": "des"},
         "--priv des needs --priv-password-file FILE"),
        ({"snmp_version": "3", "community_file": ""},
         "--community-file is for SNMP v1 and v2c: give --user NAME, or --snmp-version 2c"),
        ({"user": "m" * 33}, "--user has more than 32 bytes, the maximum in SNMPv3"),
        ({"user": "m", "context": "c" * 33},
         "--context has more than 32 bytes, the maximum in SNMPv3"),
    ],
)  # fmt: skip
def test_what_cannot_be_used(file: str, given: dict[str, str], said: str) -> None:
    named = {name: file if name.endswith("_file") else value for name, value in given.items()}
    with pytest.raises(UsageError) as raised:
        prepare(options_with(**named))
    assert str(raised.value) == said


def test_a_name_may_have_32_bytes() -> None:
    assert identity_of(options_with(user="m" * 32, context="c" * 32)) is not None


def test_the_version_follows_the_credential(file: str) -> None:
    assert version_of(options_with()) == "3"
    assert version_of(options_with(community_file=file)) == "2c"
    assert version_of(options_with(community_file=file, user="m")) == "3"
    assert version_of(options_with(community_file=file, user="m", snmp_version="1")) == "1"
