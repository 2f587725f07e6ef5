"""Streamlined NTRU Prime: what one side encapsulates, the other finds; all else is refused.

That it is the same KEM as OpenSSH's is in ``tests/peers/test_ssh_sntrup.py``.
"""

from __future__ import annotations

import random

import pytest

from seventh.protocols.ssh.wire import sntrup761
from seventh.protocols.ssh.wire.sntrup761 import (
    CIPHERTEXT_BYTES,
    PUBLIC_BYTES,
    NotInvertibleError,
    P,
    PrivateKey,
    PublicKey,
    Q,
)


@pytest.fixture(scope="module")
def key() -> PrivateKey:
    return PrivateKey.generate()


def sent_to(key: PrivateKey) -> tuple[bytes, bytes]:
    return PublicKey.from_public_bytes(key.public_key().public_bytes_raw()).encapsulate()


def test_both_sides_have_the_same_secret(key: PrivateKey) -> None:
    secret, ciphertext = sent_to(key)
    assert len(secret) == 32
    assert len(ciphertext) == CIPHERTEXT_BYTES
    assert len(key.public_key().public_bytes_raw()) == PUBLIC_BYTES
    assert key.decapsulate(ciphertext) == secret
    assert sent_to(key) != (secret, ciphertext)


@pytest.mark.parametrize("place", [0, 1006, 1007, 1038])
def test_a_changed_ciphertext_gives_another_secret_each_time(key: PrivateKey, place: int) -> None:
    secret, ciphertext = sent_to(key)
    changed = bytearray(ciphertext)
    changed[place] ^= 1
    found = {key.decapsulate(bytes(changed)) for _ in range(2)}
    assert secret not in found
    assert len(found) == 2


@pytest.mark.parametrize("change", [-1, 1])
def test_wrong_sizes_are_refused(key: PrivateKey, change: int) -> None:
    with pytest.raises(ValueError, match=r"^the ciphertext has the wrong size$"):
        key.decapsulate(bytes(CIPHERTEXT_BYTES + change))
    with pytest.raises(ValueError, match=r"^the public key has the wrong size$"):
        PublicKey.from_public_bytes(bytes(PUBLIC_BYTES + change))


def test_any_ciphertext_of_the_right_size_has_some_secret(key: PrivateKey) -> None:
    for byte in (b"\x00", b"\xff"):
        assert len(key.decapsulate(byte * CIPHERTEXT_BYTES)) == 32


def plainly(one: list[int], other: list[int], modulus: int) -> list[int]:
    """Multiply as it is defined."""
    product = [0] * (2 * P)
    for i, a in enumerate(one):
        for j, b in enumerate(other):
            product[i + j] += a * b
    for place in range(2 * P - 1, P - 1, -1):
        product[place - P] += product[place]
        product[place - P + 1] += product[place]
    return [value % modulus for value in product[:P]]


@pytest.mark.parametrize("modulus", [3, Q])
def test_products_are_those_of_the_definition(modulus: int) -> None:
    source = random.Random(1)
    one = [source.randrange(modulus) for _ in range(P)]
    for other in ([modulus - 1] * P, [source.randrange(modulus) for _ in range(P)]):
        assert sntrup761._times(one, other, modulus) == plainly(one, other, modulus)


ONE = [1] + [0] * (P - 1)


@pytest.mark.parametrize("modulus", [3, Q])
@pytest.mark.parametrize(
    "poly",
    [
        pytest.param([2] + [0] * (P - 1), id="a number"),
        pytest.param([0, 1] + [0] * (P - 2), id="x"),
        pytest.param([1] + [0] * (P - 2) + [1], id="sparse"),
        pytest.param([0, 0, 1, 2] + [0] * (P - 4), id="gaps"),
    ],
)
def test_an_inverse_times_itself_is_one(poly: list[int], modulus: int) -> None:
    assert sntrup761._times(poly, sntrup761._inverse(poly, modulus), modulus) == ONE


def test_the_largest_coefficients_have_an_inverse() -> None:
    """Lanes must not overflow."""
    poly = [Q - 1] * P
    assert sntrup761._times(poly, sntrup761._inverse(poly, Q), Q) == ONE


def test_not_every_polynomial_modulo_3_has_an_inverse() -> None:
    # x^761 - x - 1 modulo 3 is divisible by one of degree 19.
    with pytest.raises(NotInvertibleError):
        sntrup761._inverse([0] * P, 3)
    source = random.Random(0)
    found = 0
    for _ in range(20):
        poly = [source.randrange(3) for _ in range(P)]
        found += sntrup761._times(poly, sntrup761._inverse(poly, 3), 3) == ONE
    assert found == 20


def test_reduction_stays_below_three_times_the_modulus() -> None:
    for modulus in (3, Q):
        top = 6 * modulus * modulus + 3 * modulus
        for value in (0, modulus - 1, modulus, 3 * modulus, top - 1, top):
            lanes = sntrup761._reduced(value << 32 | value, modulus)
            for lane in (lanes & 0xFFFFFFFF, lanes >> 32):
                assert lane % modulus == value % modulus
                assert lane < 3 * modulus


def test_encoding_is_that_of_the_specification() -> None:
    """One of several bounds, even and odd counts; the last number is moved out whole."""
    for bounds in ([Q] * P, [1531] * P, [300], [300, 7], [300, 7, 65537]):
        source = random.Random(len(bounds))
        numbers = [source.randrange(bound) for bound in bounds]
        assert sntrup761._decode(sntrup761._encode(numbers, bounds), bounds) == numbers
    assert sntrup761._encode([299], [300]) == b"\x2b\x01"
    # 299 + 300 * 6 of 2100: below 2^14, so one number of two bytes.
    assert sntrup761._encode([299, 6], [300, 7]) == (299 + 1800).to_bytes(2, "little")
    # 4590 + 4591 * 4590 of 4591²: two bytes are moved out, 322 are left.
    assert sntrup761._encode([4590, 4590], [Q, Q]) == (4590 + Q * 4590).to_bytes(4, "little")


def test_small_polynomials_take_two_bits_each() -> None:
    poly = [0, 1, 2, 0] + [1] * 757
    encoded = sntrup761._small_encoded(poly)
    assert encoded == bytes([0b01_00_10_01]) + b"\xaa" * 189 + b"\x02"


def test_short_polynomials_have_their_weight() -> None:
    short = sntrup761._short()
    assert len(short) == P
    assert sum(map(bool, short)) == sntrup761.WEIGHT
    assert {*short} == {0, 1, 2}
