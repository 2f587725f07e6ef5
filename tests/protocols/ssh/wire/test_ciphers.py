"""Packet protection byte for byte: both of our ends could be wrong alike."""

from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.poly1305 import Poly1305

from seventh.model.failure import ProtocolViolation
from seventh.protocols.ssh.wire.ciphers import CIPHERS, MACS, PacketCipher, is_aead, packet_cipher

SEQUENCE = 0x01020304
BODY = bytes(range(44))
HEAD = b"\0\0\0\x2c"


def derive(letter: str, count: int) -> bytes:
    """Bytes that tell which key they are of."""
    return bytes((ord(letter) * 7 + at) % 256 for at in range(count))


def made(
    cipher: str, mac: str = "", *, to_server: bool = True, sealing: bool = True
) -> PacketCipher:
    found = packet_cipher(cipher, mac, derive, to_server=to_server, sealing=sealing)
    assert found is not None
    return found


# RFC 4253 §6.3, RFC 4344 §4: key and block size
BLOCK_CIPHERS = {
    "aes128-ctr": (16, 16), "aes192-ctr": (24, 16), "aes256-ctr": (32, 16), "aes128-cbc": (16, 16),
    "aes192-cbc": (24, 16), "aes256-cbc": (32, 16), "3des-cbc": (24, 8),
}  # fmt: skip
# RFC 4253 §6.4, RFC 6668: hash, key size, tag size; with -etm@openssh.com of the same
HMACS = {
    "hmac-md5": ("md5", 16, 16), "hmac-md5-96": ("md5", 16, 12), "hmac-sha1": ("sha1", 20, 20),
    "hmac-sha1-96": ("sha1", 20, 12), "hmac-sha2-256": ("sha256", 32, 32),
    "hmac-sha2-512": ("sha512", 64, 64),
}  # fmt: skip


def encrypted(cipher: str, data: bytes, iv: str, key: str) -> bytes:
    size, block = BLOCK_CIPHERS[cipher]
    vector = derive(iv, block)
    secret = derive(key, size)
    algorithm = TripleDES(secret) if cipher == "3des-cbc" else algorithms.AES(secret)
    mode = modes.CTR(vector) if cipher.endswith("-ctr") else modes.CBC(vector)
    return bytes(Cipher(algorithm, mode).encryptor().update(data))


@pytest.mark.parametrize("to_server", [True, False])
@pytest.mark.parametrize("cipher", BLOCK_CIPHERS)
def test_each_cipher_with_a_mac_over_the_plaintext(cipher: str, to_server: bool) -> None:
    iv, key, mac = "ACE" if to_server else "BDF"
    tag = hmac.digest(derive(mac, 32), SEQUENCE.to_bytes(4, "big") + HEAD + BODY, "sha256")
    expected = encrypted(cipher, HEAD + BODY, iv, key) + tag
    assert made(cipher, "hmac-sha2-256", to_server=to_server).seal(SEQUENCE, BODY) == expected
    reading = made(cipher, "hmac-sha2-256", to_server=to_server, sealing=False)
    assert (reading.block, reading.tag) == (BLOCK_CIPHERS[cipher][1], 32)
    assert (reading.head, reading.counts_length) == (reading.block, True)
    assert reading.length(SEQUENCE, expected[: reading.head]) == len(BODY)
    assert reading.open(SEQUENCE, expected) == BODY


@pytest.mark.parametrize("mac", HMACS)
def test_each_mac(mac: str) -> None:
    hash_, size, tag = HMACS[mac]
    number = SEQUENCE.to_bytes(4, "big")
    plain = hmac.digest(derive("E", size), number + HEAD + BODY, hash_)[:tag]
    sealed = made("aes128-ctr", mac).seal(SEQUENCE, BODY)
    assert sealed == encrypted("aes128-ctr", HEAD + BODY, "A", "C") + plain
    # encrypt-then-MAC (OpenSSH's PROTOCOL, 1.5): the length is in clear
    inside = HEAD + encrypted("aes128-ctr", BODY, "A", "C")
    expected = inside + hmac.digest(derive("E", size), number + inside, hash_)[:tag]
    name = f"{mac}-etm@openssh.com"
    assert made("aes128-ctr", name).seal(SEQUENCE, BODY) == expected
    reading = made("aes128-ctr", name, sealing=False)
    assert (reading.head, reading.tag, reading.counts_length) == (4, tag, False)
    assert reading.length(SEQUENCE, expected[:4]) == len(BODY)
    assert reading.open(SEQUENCE, expected) == BODY
    with pytest.raises(ProtocolViolation):
        made("aes128-ctr", name, sealing=False).open(SEQUENCE + 1, expected)


@pytest.mark.parametrize(("cipher", "size"), [("aes128-gcm@openssh.com", 16),
                                              ("aes256-gcm@openssh.com", 32)])  # fmt: skip
def test_gcm_counts_its_nonce(cipher: str, size: int) -> None:
    """RFC 5647 §7: four fixed bytes and a counter, of 64 bits, that the IV begins."""
    aead, iv = AESGCM(derive("C", size)), derive("A", 12)
    sealing, opening = made(cipher), made(cipher, sealing=False)
    assert (sealing.block, sealing.head, sealing.tag, sealing.counts_length) == (16, 4, 16, False)
    for packet in range(3):
        count = int.from_bytes(iv[4:], "big") + packet
        expected = HEAD + aead.encrypt(iv[:4] + count.to_bytes(8, "big"), BODY, HEAD)
        assert sealing.seal(SEQUENCE, BODY) == expected
        assert opening.length(SEQUENCE, expected[:4]) == len(BODY)
        assert opening.open(SEQUENCE, expected) == BODY
    last = packet_cipher(cipher, "", lambda letter, count: b"\xff" * count,
                         to_server=True, sealing=True)  # fmt: skip
    assert last is not None
    all_ones = AESGCM(b"\xff" * size)
    for nonce in (b"\xff" * 12, b"\xff" * 4 + bytes(8)):
        assert last.seal(SEQUENCE, BODY) == HEAD + all_ones.encrypt(nonce, BODY, HEAD)


def test_chacha_has_a_key_for_the_length() -> None:
    """OpenSSH's PROTOCOL.chacha20poly1305: K_2 for the packet comes first, then K_1."""
    keys = derive("C", 64)

    def stream(key: bytes, counter: int, data: bytes) -> bytes:
        nonce = counter.to_bytes(8, "little") + SEQUENCE.to_bytes(8, "big")
        return Cipher(algorithms.ChaCha20(key, nonce), None).encryptor().update(data)

    sealed = stream(keys[32:], 0, HEAD) + stream(keys[:32], 1, BODY)
    expected = sealed + Poly1305.generate_tag(stream(keys[:32], 0, bytes(32)), sealed)
    cipher = made("chacha20-poly1305@openssh.com")
    assert (cipher.block, cipher.head, cipher.tag, cipher.counts_length) == (8, 4, 16, False)
    assert cipher.seal(SEQUENCE, BODY) == expected
    assert cipher.length(SEQUENCE, expected[:4]) == len(BODY)
    assert cipher.open(SEQUENCE, expected) == BODY
    with pytest.raises(ProtocolViolation):
        cipher.open(SEQUENCE, expected[:-1] + bytes([expected[-1] ^ 1]))


def test_all_that_is_implemented_is_here_and_nothing_else_is_made() -> None:
    gcm = {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com"}
    aead = {"chacha20-poly1305@openssh.com", *gcm}
    assert set(CIPHERS) == {*BLOCK_CIPHERS, *aead}
    assert set(MACS) == {*HMACS, *(f"{name}-etm@openssh.com" for name in HMACS)}
    assert {name for name in CIPHERS if is_aead(name)} == aead
    assert is_aead("AEAD_AES_128_GCM")
    assert not is_aead("aes128-ctr")
    for cipher, mac in (("arcfour", "hmac-sha1"), ("aes128-ctr", "umac-64@openssh.com")):
        assert packet_cipher(cipher, mac, derive, to_server=True, sealing=True) is None
