"""Key files and the MACs that their keys make."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import UsageError
from seventh.protocols.ntp.wire.keys import Key, find_key

AES = "000102030405060708090a0b0c0d0e0f"


@pytest.mark.parametrize(
    ("line", "algorithm", "secret"),
    [
        # chrony
        ("1 MD5 ASCII:secret", "MD5", b"secret"),
        ("1 MD5 HEX:736563726574", "MD5", b"secret"),
        ("1 secret", "MD5", b"secret"),
        ("1 SHA1 HEX:1dc764e0791b11fa67efc7ecbc4b0d73f68a070c", "SHA1",
         bytes.fromhex("1dc764e0791b11fa67efc7ecbc4b0d73f68a070c")),
        ("1 SHA256 ASCII:abc", "SHA256", b"abc"),
        ("1 SHA3-384 ASCII:abc", "SHA3-384", b"abc"),
        (f"1 AES128 HEX:{AES}", "AES128", bytes.fromhex(AES)),
        (f"1 AES256 HEX:{AES}{AES}", "AES256", bytes.fromhex(AES * 2)),
        # ntpd and NTPsec
        ("1 M secret", "MD5", b"secret"),
        ("1 md5 secret 192.0.2.1,192.0.2.2", "MD5", b"secret"),
        ("1 SHA ~!+;:,.-_/\\|&%$", "SHA1", b"~!+;:,.-_/\\|&%$"),
        ("1 sha1 736563726574736563726574736563726574736563", "SHA1",
         bytes.fromhex("736563726574736563726574736563726574736563")),
        (f"1 AES128CMAC {AES}", "AES128", bytes.fromhex(AES)),
        (f"1 AES-128 {AES}", "AES128", bytes.fromhex(AES)),
        ("1 AES 0123456789abcdef", "AES128", b"0123456789abcdef"),
        # 20 characters are letters to both, whatever they look like.
        ("1 MD5 73656372657473656372", "MD5", b"73656372657473656372"),
    ],
)  # fmt: skip
def test_the_formats(line: str, algorithm: str, secret: bytes) -> None:
    key = find_key(f"# a comment\n\n{line}   \n", 1)
    assert (key.id, key.algorithm) == (1, algorithm)
    assert key.mac(b"packet") == Key(1, algorithm, secret).mac(b"packet")


FILE = """\
! chrony's comment
; and its others
% too
7 SHA1 ASCII:seven
not-a-key at all
65535 MD5 ASCII:last   # a remark
"""


def test_which_key() -> None:
    assert find_key(FILE, None).id == 7
    assert find_key(FILE, 65535).algorithm == "MD5"
    with pytest.raises(UsageError, match="has no key 8"):
        find_key(FILE, 8)
    with pytest.raises(UsageError, match="has no key"):
        find_key("# nothing\n", None)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1", "has no key after its ID"),
        ("1 TIGER ASCII:hunter2", "type not supported: TIGER"),
        ("1 MD5 HEX:hunter2", "followed by pairs of hexadecimal digits"),
        ("1 AES128 ASCII:hunter2", "AES128 requires 16 bytes, but this key has 7"),
        ("zero MD5 hunter2", "does not begin with a key ID"),
        ("0 MD5 hunter2", "does not begin with a key ID"),
        ("4294967296 MD5 hunter2", "does not begin with a key ID"),
    ],
)
def test_unusable_keys_are_reported_without_showing_them(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        find_key(line, None)
    assert "hunter2" not in str(caught.value)


@given(st.text(), st.none() | st.integers(1, 99))
def test_any_file_gives_a_key_or_a_usage_error(text: str, wanted: int | None) -> None:
    try:
        key = find_key(text, wanted)
    except UsageError:
        return
    assert len(key.mac(b"")) in {20, 24}


def test_how_an_ambiguous_key_was_read_is_said() -> None:
    assert find_key(f"1 SHA256 {AES}", 1).reading.startswith("hexadecimal")
    assert find_key(f"1 SHA256 HEX:{AES}", 1).reading == ""
    assert find_key("1 SHA256 short", 1).reading == ""


# -- the digests -----------------------------------------------------------------------------------


def test_a_mac_is_the_digest_of_key_and_packet() -> None:
    mac = find_key("258 MD5 ASCII:secret", 258).mac(b"packet")
    assert mac == b"\0\0\1\2" + hashlib.md5(b"secretpacket", usedforsecurity=False).digest()


def test_longer_digests_are_cut_to_20_bytes() -> None:
    mac = find_key("1 SHA512 ASCII:secret", 1).mac(b"packet")
    assert mac[4:] == hashlib.sha512(b"secretpacket").digest()[:20]


@pytest.mark.parametrize(
    ("message", "digest"),
    [
        ("", "bb1d6929e95937287fa37d129b756746"),
        ("6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9dd04a287c"),
        ("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411",
         "dfa66747de9ae63030ca32611497c827"),
    ],
)  # fmt: skip
def test_aes_cmac_by_the_examples_of_rfc_4493(message: str, digest: str) -> None:
    key = find_key("1 AES128 HEX:2b7e151628aed2a6abf7158809cf4f3c", 1)
    assert key.mac(bytes.fromhex(message)) == b"\0\0\0\1" + bytes.fromhex(digest)


@given(st.binary(max_size=80), st.binary(max_size=28))
def test_only_the_keys_own_mac_is_believed(packet: bytes, other: bytes) -> None:
    key = find_key("1 SHA256 ASCII:secret", 1)
    right = key.mac(packet)
    assert key.verifies(packet, right)
    assert key.verifies(packet, other) == (other == right)
    assert not key.verifies(packet + b"\0", right)


def test_a_key_never_prints_its_secret() -> None:
    key = find_key("1 MD5 ASCII:hunter2", 1)
    assert repr(key) == str(key) == "<Key 1 MD5>"
    assert not hasattr(key, "__dict__")
