"""Payloads as values."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mqtt.verbs.payload import Decoded, decode


@pytest.mark.parametrize(
    ("payload", "asked", "content_type", "expected"),
    [
        (b'{"a": [1, 2.5]}', "auto", "", Decoded("json", {"a": [1, 2.5]})),
        (b"21.5", "auto", "", Decoded("json", 21.5)),
        (b"on", "auto", "", Decoded("text", "on")),
        (b"", "auto", "", Decoded("text", "")),
        (b"\x81\xa1a\x01", "auto", "", Decoded("msgpack", {"a": 1})),
        (b"\x01", "auto", "", Decoded("base64", "AQ==")),
        (b"\x01", "auto", "application/msgpack", Decoded("base64", "AQ==")),
        (b"\x01", "msgpack", "", Decoded("msgpack", 1)),
        (b"\x1b[2J", "auto", "", Decoded("base64", "G1sySg==")),
        (b"\x1b[2J", "text", "", Decoded("text", "\x1b[2J")),
        (b"12", "text", "", Decoded("text", "12")),
        (b"12", "base64", "", Decoded("base64", "MTI=")),
        (b"on", "json", "", Decoded("base64", "b24=")),
        (b"\xff\xfe", "text", "", Decoded("base64", "//4=")),
        (b"\x90", "auto", "application/x-msgpack", Decoded("msgpack", [])),
        (b"[" * 100_000, "auto", "", Decoded("text", "[" * 100_000)),
        (b"\x91" * 100_000 + b"\xc0", "auto", "",
         Decoded("base64", __import__("base64").b64encode(b"\x91" * 100_000 + b"\xc0").decode())),
        (b"\x81\xc7\x01\x05x\x01", "auto", "", Decoded("base64", "gccBBXgB")),
    ],
    ids=["json", "number", "text", "empty", "msgpack", "byte", "byte-of-msgpack", "asked-msgpack",
         "escape", "asked-text", "number-as-text", "asked-base64", "not-json", "not-utf8",
         "content-type", "deep-json", "deep-msgpack", "extension"],
)  # fmt: skip
def test_what_a_payload_is(
    payload: bytes, asked: str, content_type: str, expected: Decoded
) -> None:
    assert decode(payload, asked, content_type) == expected


@given(st.binary(max_size=64), st.sampled_from(["auto", "json", "text", "msgpack", "base64"]))
def test_any_payload_becomes_json(payload: bytes, asked: str) -> None:
    decoded = decode(payload, asked)
    json.loads(msgspec.json.encode(decoded.value))
