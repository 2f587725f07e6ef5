"""Keys by the RFCs' and the drafts' vectors, and ciphers against themselves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.protocols.snmp.wire.keys import (
    MAC_OCTETS,
    Auth,
    Extension,
    Keys,
    Priv,
    ambiguous,
    extended,
    keys_for,
    localised,
    password_key,
    passwords,
)

ENGINE = bytes.fromhex("000000000000000000000002")
MD5 = "526f5eed9fcce26f8964c2930787d82b"
SHA1 = "6695febc9288e36282235fc7151f128497b38f3f"


@pytest.mark.parametrize(
    ("auth", "ku", "kul"),
    [
        (Auth.MD5, "9faf3283884e92834ebc9847d8edd963", MD5),
        (Auth.SHA1, "9fb5cc0381497b3793528939ff788d5d79145211", SHA1),
    ],
)
def test_rfc_3414_a_3(auth: Auth, ku: str, kul: str) -> None:
    key = password_key(b"maplesyrup", auth)
    assert (key.hex(), localised(key, ENGINE, auth).hex()) == (ku, kul)


@pytest.mark.parametrize(
    ("auth", "short", "how", "whole"),
    [
        # draft-reeder-snmpv3-usm-3desede-00 §5.1 and §5.2
        (Auth.MD5, MD5, Extension.REEDER, MD5 + "79eff44a90650ee0a3a40abfac5acc12"),
        (Auth.SHA1, SHA1, Extension.REEDER, SHA1 + "9b8b6d78936ba6e7d19dfd9c"),
        # draft-blumenthal-aes-usm-04, appendix
        (Auth.SHA1, SHA1, Extension.BLUMENTHAL, SHA1 + "505e07eb9af25568fa1f5dbe"),
    ],
)
def test_extended_keys(auth: Auth, short: str, how: Extension, whole: str) -> None:
    assert extended(bytes.fromhex(short), 32, ENGINE, auth, how).hex() == whole


@pytest.mark.parametrize(
    ("auth", "priv", "different"),
    [
        (Auth.MD5, Priv.AES, False), (Auth.MD5, Priv.DES, False), (Auth.MD5, Priv.AES192, True),
        (Auth.SHA1, Priv.AES, False), (Auth.SHA1, Priv.AES192, True),
        (Auth.SHA224, Priv.AES192, False), (Auth.SHA224, Priv.AES256, True),
        (Auth.SHA256, Priv.AES256, False), (Auth.SHA512, Priv.AES256, False),
    ],
)  # fmt: skip
def test_where_the_extensions_differ(auth: Auth, priv: Priv, different: bool) -> None:
    given = passwords(auth, b"authentication", priv, b"privacy")
    keys = {keys_for(given, ENGINE, how).priv_key for how in Extension}
    assert (len(keys) == 2, ambiguous(auth, priv)) == (different, different)


KEYS = {
    (auth, priv): keys_for(passwords(auth, b"authentication", priv, b"privacy"), ENGINE)
    for auth in (Auth.SHA1, Auth.SHA256)
    for priv in Priv
}


@given(st.sampled_from([*KEYS.values()]), st.binary(max_size=99), st.binary(min_size=8, max_size=8))
def test_what_is_encrypted_is_decrypted(keys: Keys, plain: bytes, salt: bytes) -> None:
    sent = keys.encrypt(plain, 3, 77, salt)
    assert keys.decrypt(sent, 3, 77, salt)[: len(plain)] == plain
    padding = -len(plain) % 8 if keys.priv is Priv.DES else 0
    assert len(sent) == len(plain) + padding
    if len(plain) >= 8:
        assert sent[: len(plain)] != plain
        assert keys.decrypt(sent, 3, 77, bytes(8))[:8] != plain[:8] or salt == bytes(8)


def test_what_cannot_be_decrypted() -> None:
    with pytest.raises(ProtocolViolation, match="a salt of 7 octets"):
        KEYS[Auth.SHA1, Priv.AES].decrypt(b"x", 1, 1, bytes(7))
    with pytest.raises(ProtocolViolation, match="7 octets are no multiple of DES's block"):
        KEYS[Auth.SHA1, Priv.DES].decrypt(bytes(7), 1, 1, bytes(8))


@pytest.mark.parametrize("auth", Auth)
def test_a_mac_is_truncated(auth: Auth) -> None:
    keys = keys_for(passwords(auth, b"authentication", None, b""), ENGINE)
    assert len(keys.mac(b"message")) == MAC_OCTETS[auth]
    assert keys.priv_key == b""


def test_a_secret_is_never_shown() -> None:
    given = passwords(Auth.MD5, b"authentication", Priv.DES, b"privacy")
    assert repr(given) == "<passwords of md5 and des>"
    assert repr(keys_for(given, ENGINE)) == "<keys of md5 and des>"
