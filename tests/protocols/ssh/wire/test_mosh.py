"""mosh's datagrams; tests/peers has a real mosh-server answer them."""

from __future__ import annotations

import base64
import zlib

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESOCB3

from seventh.protocols.ssh.wire import mosh

KEY = bytes(range(16))
TEXT = base64.b64encode(KEY).decode().rstrip("=")


def opened(data: bytes) -> bytes:
    return AESOCB3(KEY).decrypt(bytes(4) + data[:8], data[8:], None)


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (f"hi\nMOSH CONNECT 60001 {TEXT}\r\n\n[mosh-server detached, pid = 12]\n",
         mosh.Started(60001, KEY, 12)),
        (f"MOSH CONNECT 65535 {TEXT}", mosh.Started(65535, KEY, None)),
        (f"MOSH CONNECT 1 {TEXT}", mosh.Started(1, KEY, None)),
        (f"MOSH CONNECT 65536 {TEXT}", None), (f"MOSH CONNECT 0 {TEXT}", None),
        (f"MOSH CONNECT 1 {TEXT[1:]}", None), (f"MOSH CONNECT 1 {TEXT}A", None),
        ("mosh-server needs a UTF-8 native locale to run.", None),
    ],
)  # fmt: skip
def test_what_mosh_server_prints(output: str, found: mosh.Started | None) -> None:
    assert mosh.parse_started(output) == found


def test_the_datagrams_of_a_client() -> None:
    first, last = mosh.hello(KEY, 0x12345), mosh.goodbye(KEY, 1)
    assert first[:8] == bytes(8)
    assert opened(first)[:14] == bytes.fromhex("2345ffff" + "00" * 8 + "8000")
    assert zlib.decompress(opened(first)[14:]) == bytes([8, 2, 16, 0, 24, 0, 32, 0, 40, 0])
    assert int.from_bytes(last[:8], "big") == 1 << 32
    assert opened(last)[:14] == bytes.fromhex("0001ffff" + "00000001" + "00" * 4 + "8000")
    end = bytes([8, 2, 16, 0, 24, *[255] * 9, 1, 32, 0, 40, 0])
    assert zlib.decompress(opened(last)[14:]) == end


def test_only_the_server_s_datagram_is_an_answer() -> None:
    number = (1 << 63).to_bytes(8, "big")
    answer = number + AESOCB3(KEY).encrypt(bytes(4) + number, bytes(4), None)
    assert mosh.is_answer(KEY, answer)
    assert not mosh.is_answer(KEY, answer[:-1])
    assert not mosh.is_answer(KEY, answer[:-1] + bytes([answer[-1] ^ 1]))
    assert not mosh.is_answer(bytes(16), answer)
    assert not mosh.is_answer(KEY, mosh.hello(KEY, 0))  # ours, sent back
    assert not mosh.is_answer(KEY, b"")
    short = number + AESOCB3(KEY).encrypt(bytes(4) + number, bytes(3), None)
    assert not mosh.is_answer(KEY, short), "without both timestamps"
