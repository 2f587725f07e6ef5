"""A certificate's public key, as bytes."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.labkit.ca import Key
from seventh.labkit.serve import Kit
from seventh.wire.certkey import public_key


@pytest.mark.parametrize(
    ("key", "version_1"),
    [
        (ec.generate_private_key(ec.SECP256R1()), False),
        (ec.generate_private_key(ec.SECP256R1()), True),
        (rsa.generate_private_key(65537, 2048), False),
    ],
    ids=["ec", "ec-version-1", "rsa"],
)
def test_it_is_the_librarys(key: Key, version_1: bool, kit: Kit) -> None:
    certificate = kit.authority.issue("lab.test", key=key, version_1=version_1).certificate
    der = certificate.public_bytes(Encoding.DER)
    info = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert public_key(der) == info
    assert public_key(b"\x30\x80" + der[4:]) is None, "DER has no indefinite length"
    assert [public_key(der[:length]) for length in range(0, len(der), 7)] == [
        None for _ in range(0, len(der), 7)
    ]


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_other_bytes_have_none(data: bytes) -> None:
    assert public_key(b"\x30\x82" + data) is None
    assert public_key(b"\x30\x85" + bytes(4) + b"\x01" + data) is None
