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
    with pytest.raises(UsageError, match=r"^the key file has no key 8$"):
        find_key(FILE, 8)
    with pytest.raises(UsageError, match=r"^the key file has no key$"):
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


@pytest.mark.parametrize(
    ("names", "hash_"),
    [
        # as chrony.conf(5) and ntp.keys(5) spell them; hashlib's name
        ("MD5 M m md5", "md5"), ("SHA1 SHA SHA-1", "sha1"), ("SHA224 SHA-224", "sha224"),
        ("SHA256 SHA-256 sha-256", "sha256"), ("SHA384 SHA-384", "sha384"),
        ("SHA512 SHA-512", "sha512"), ("SHA3-224", "sha3_224"), ("SHA3-256", "sha3_256"),
        ("SHA3-384", "sha3_384"), ("SHA3-512", "sha3_512"),
    ],
)  # fmt: skip
def test_every_hash_by_each_of_its_names(names: str, hash_: str) -> None:
    digest = hashlib.new(hash_, b"secretpacket").digest()[:20]
    for name in names.split():
        assert find_key(f"1 {name} ASCII:secret", 1).mac(b"packet") == b"\0\0\0\1" + digest


@pytest.mark.parametrize(
    ("names", "size"),
    [
        ("AES128 AES AES-128 AES128CMAC AES-128-CMAC aes128", 16),
        ("AES192 AES-192 AES192CMAC", 24), ("AES256 AES-256 AES256CMAC", 32),
    ],
)  # fmt: skip
def test_every_cipher_by_each_of_its_names_has_its_size(names: str, size: int) -> None:
    made = {find_key(f"1 {name} HEX:{'5a' * size}", 1).mac(b"packet") for name in names.split()}
    assert [len(mac) for mac in made] == [20]
    algorithm = names.split(maxsplit=1)[0]
    for wrong in (size - 1, size + 1):
        with pytest.raises(UsageError) as caught:
            find_key(f"1 {algorithm} HEX:{'5a' * wrong}", 1)
        assert str(caught.value) == (
            f"key 1 (line 1 of the key file): {algorithm} requires {size} bytes, but this key has "
            f"{wrong}"
        )


@pytest.mark.parametrize(
    ("text", "wanted", "says"),
    [
        ("# a\n\n1", 1, "key 1 (line 3 of the key file) has no key after its ID"),
        ("1 TIGER x", 1, "key 1 (line 1 of the key file): type not supported: TIGER"),
        (f"1 {'t' * 21} x", 1,
         f"key 1 (line 1 of the key file): type not supported: {'T' * 20}…"),
        ("1 MD5 HEX:abc", 1,
         "key 1 (line 1 of the key file): HEX: must be followed by pairs of hexadecimal digits"),
        ("a\n1 x", None, "line 1 of the key file does not begin with a key ID"),
        ("00000000001 x", None, "line 1 of the key file does not begin with a key ID"),
        ("", None, "the key file has no key"), ("#1 x\n!1 x\n;1 x\n%1 x", 1,
                                                "the key file has no key 1"),
        ("0 x", 0, "the key file has no key 0"),
    ],
)  # fmt: skip
def test_each_refusal(text: str, wanted: int | None, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_key(text, wanted)
    assert str(caught.value) == says


def test_identifiers_have_32_bits_and_a_file_65535_keys() -> None:
    assert find_key("4294967295 x", None).id == 2**32 - 1
    assert find_key("0000000007 x", 7).id == 7
    many = "1 x\n" * 65_534
    assert find_key(f"{many}2 x\n", 2).id == 2
    with pytest.raises(UsageError, match=r"^the key file has no key 2$"):
        find_key(f"{many}1 x\n2 x\n", 2)


def test_21_characters_that_are_hexadecimal_are_read_so() -> None:
    """By ntpd; a pair of digits is one byte, so that 22 is the least."""
    assert find_key(f"1 MD5 {'5a' * 11}", 1).reading == (
        "hexadecimal, as by ntpd; chrony would read it as text"
    )
    for letters in ("5a" * 10, "5a" * 10 + "5", "5a" * 10 + "5g", "HEX:5a", "ASCII:" + "5a" * 11):
        assert find_key(f"1 MD5 {letters}", 1).reading == ""


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
