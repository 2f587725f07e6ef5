"""Streamlined NTRU Prime, ``sntrup761`` of NTRU Prime's third round, with SHA-512 as its hash.

A polynomial is a list of 761 coefficients, the constant one first, reduced to 0 … modulus - 1. It
is computed with as one integer that has a lane for each coefficient: Python's multiplication does
the work, and a key takes 30 ms. The time depends on the key: keys are for one exchange.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from random import SystemRandom

P, Q, WEIGHT = 761, 4591, 286
PUBLIC_BYTES, CIPHERTEXT_BYTES = 1158, 1039
_ROUNDED_BYTES = 1007
_ROUNDED = (Q + 2) // 3
"""The number of values of a ciphertext's coefficient, which is a multiple of 3."""
_HALF = Q // 2
_LANE = 32
_HEAD = P + 1
"""The lanes of the cofactor, which are below those of the polynomial."""
_ONES = int.from_bytes(b"\x01\x00\x00\x00" * (2 * _HEAD), "little")
_LIMIT = 1 << 14
"""The encoding moves bytes out of numbers from here on."""
Poly = Sequence[int]


class NotInvertibleError(ArithmeticError):
    """A polynomial has no inverse modulo 3."""


class PrivateKey:
    """A key pair for one exchange."""

    def __init__(self, f: Poly, g_inverse: Poly, public: PublicKey) -> None:
        self._f, self._g_inverse, self._public = f, g_inverse, public

    @classmethod
    def generate(cls) -> PrivateKey:
        """Generate a key pair."""
        while True:
            g = [byte % 3 for byte in _small_bytes()]
            try:
                g_inverse = _inverse(g, 3)
                break
            except NotInvertibleError:
                continue
        f = _short()
        h = _times(_lifted(g), _inverse([3 * one % Q for one in _lifted(f)], Q), Q)
        return cls(f, g_inverse, PublicKey(h, _encode(_shifted(h), [Q] * P)))

    def public_key(self) -> PublicKey:
        """Return the public key."""
        return self._public

    def decapsulate(self, ciphertext: bytes) -> bytes:
        """Return the shared secret: an unpredictable one for a ciphertext made for another key.

        ValueError for one of the wrong size.
        """
        if len(ciphertext) != CIPHERTEXT_BYTES:
            raise ValueError("the ciphertext has the wrong size")
        rounded = _decode(ciphertext[:_ROUNDED_BYTES], [_ROUNDED] * P)
        c = [(3 * index - _HALF) % Q for index in rounded]
        product = _times([3 * one % Q for one in _lifted(self._f)], c, Q)
        # From 0 … Q - 1 to -_HALF … _HALF, then modulo 3; _HALF is a multiple of 3.
        e = [one % 3 for one in _shifted(product)]
        r: Poly = _times(e, self._g_inverse, 3)
        if sum(map(bool, r)) != WEIGHT:
            r = [1] * WEIGHT + [0] * (P - WEIGHT)
        if self._public.encrypt(r) == ciphertext:
            return _session(1, _small_encoded(r), ciphertext)
        return _session(0, os.urandom(len(_small_encoded(r))), ciphertext)


class PublicKey:
    """The public key of a peer."""

    def __init__(self, h: Poly, encoded: bytes) -> None:
        self._h, self._encoded = h, encoded

    @classmethod
    def from_public_bytes(cls, data: bytes) -> PublicKey:
        """Read a key; ValueError for one of the wrong size."""
        if len(data) != PUBLIC_BYTES:
            raise ValueError("the public key has the wrong size")
        return cls([(one - _HALF) % Q for one in _decode(data, [Q] * P)], data)

    def public_bytes_raw(self) -> bytes:
        """Return the encoded key."""
        return self._encoded

    def encapsulate(self) -> tuple[bytes, bytes]:
        """Return a new shared secret and its ciphertext."""
        r = _short()
        ciphertext = self.encrypt(r)
        return _session(1, _small_encoded(r), ciphertext), ciphertext

    def encrypt(self, r: Poly) -> bytes:
        """Return the ciphertext of ``r``, with the hash that confirms it."""
        product = _shifted(_times(self._h, _lifted(r), Q))
        rounded = _encode([(one + 1) // 3 for one in product], [_ROUNDED] * P)
        return rounded + _hash(2, _hash(3, _small_encoded(r)) + _hash(4, self._encoded))


def _hash(number: int, data: bytes) -> bytes:
    return hashlib.sha512(bytes([number]) + data).digest()[:32]


def _session(number: int, encoded: bytes, ciphertext: bytes) -> bytes:
    return _hash(number, _hash(3, encoded) + ciphertext)


# -- polynomials -----------------------------------------------------------------------------------


def _small_bytes() -> list[int]:
    """Return uniform bytes below 255, a multiple of 3, for each coefficient."""
    found: list[int] = []
    while len(found) < P:
        found += [byte for byte in os.urandom(P) if byte < 255]
    return found[:P]


def _short() -> Poly:
    """Return a random polynomial modulo 3 with ``WEIGHT`` coefficients that are not zero."""
    found = [0] * P
    for place, byte in zip(SystemRandom().sample(range(P), WEIGHT), os.urandom(P), strict=False):
        found[place] = 1 + byte % 2
    return found


def _lifted(small: Poly) -> Poly:
    """Return the coefficients 0, 1 and 2, which is -1, modulo Q."""
    return [Q - 1 if one == 2 else one for one in small]


def _shifted(poly: Poly) -> Poly:
    """Return the coefficients modulo Q, taken for -_HALF … _HALF, as 0 … Q - 1."""
    return [(one + _HALF) % Q for one in poly]


def _packed(poly: Poly, code: str) -> int:
    return int.from_bytes(struct.pack(f"<{len(poly)}{code}", *poly), "little")


def _times(one: Poly, other: Poly, modulus: int) -> Poly:
    """Return the product modulo x^P - x - 1."""
    product = _packed(one, "Q") * _packed(other, "Q")
    low = struct.unpack(f"<{2 * P}Q", product.to_bytes(16 * P, "little"))
    high = low[P:]
    # x^(P + i) is x^(i + 1) + x^i.
    return [
        (low[place] + high[place] + high[place - 1]) % modulus for place in range(P)
    ]  # high[-1] is zero: a product has 2 P - 1 coefficients


def _inverse(poly: Poly, modulus: int) -> Poly:
    """Return 1 / ``poly`` modulo x^P - x - 1, by Euclid's algorithm.

    NotInvertibleError where there is none, which modulo Q is only so for zero.
    """
    # Each integer has the cofactor's lanes, then the polynomial's: both undergo the same steps.
    start = [modulus - 1, modulus - 1, *[0] * (P - 2), 1]
    a = _packed(start, "I") << (_LANE * _HEAD)
    b = (_packed(poly, "I") << (_LANE * _HEAD)) | 1
    a_degree, b_degree = P, _degree(b, P - 1, modulus)
    while b_degree > 0:
        a, a_degree = _remainder(a, a_degree, b, b_degree, modulus)
        a, b, a_degree, b_degree = b, a, b_degree, a_degree
    if b_degree < 0:
        raise NotInvertibleError
    unit = pow(_coefficient(b, 0), -1, modulus)
    lanes = struct.unpack(f"<{_HEAD + 1}I", b.to_bytes(4 * (_HEAD + 1), "little"))
    return [one * unit % modulus for one in lanes[:P]]


def _remainder(a: int, a_degree: int, b: int, b_degree: int, modulus: int) -> tuple[int, int]:
    """Return ``a`` modulo ``b`` and its degree, -1 for zero."""
    unit = pow(-_coefficient(b, b_degree), -1, modulus)
    second = _coefficient(b, b_degree - 1)
    while a_degree >= b_degree:
        factor = _coefficient(a, a_degree) * unit % modulus
        shift = a_degree - b_degree
        if shift:  # two coefficients at once
            low = (_coefficient(a, a_degree - 1) + factor * second) * unit % modulus
            factor = factor << _LANE | low
            shift -= 1
        a = _reduced(a + (b * factor << (_LANE * shift)), modulus)
        a_degree = _degree(a, a_degree - 1, modulus)
        a &= (1 << (_LANE * (_HEAD + a_degree + 1))) - 1
    return a, a_degree


def _coefficient(packed: int, degree: int) -> int:
    return packed >> (_LANE * (_HEAD + degree)) & 0xFFFFFFFF


def _degree(packed: int, at_most: int, modulus: int) -> int:
    """Return the degree of the polynomial; -1 for zero."""
    while at_most >= 0 and _coefficient(packed, at_most) % modulus == 0:
        at_most -= 1
    return at_most


def _reduced(packed: int, modulus: int) -> int:
    """Reduce all lanes, at most 6 modulus² + 3 modulus, to less than 3 modulus.

    The quotient is estimated from the upper bits of each lane; it is too small by less than 3.
    """
    shift = modulus.bit_length() - 1
    upper = packed >> shift & _ONES * ((1 << (_LANE - shift)) - 1)
    quotients = upper * ((1 << (16 + shift)) // modulus) >> 16 & _ONES * 0xFFFF
    return packed - quotients * modulus


# -- encoding --------------------------------------------------------------------------------------


def _small_encoded(poly: Poly) -> bytes:
    """Encode coefficients modulo 3 plus one, four in a byte."""
    digits = [(one + 1) % 3 for one in poly] + [0] * (-P % 4)
    return bytes(
        digits[place] | digits[place + 1] << 2 | digits[place + 2] << 4 | digits[place + 3] << 6
        for place in range(0, len(digits), 4)
    )


def _encode(numbers: Poly, bounds: Poly) -> bytes:
    """Encode numbers, each below its bound: pairs become one number, whose low bytes are moved out.

    The last number is moved out whole.
    """
    out = bytearray()
    while len(bounds) > 1:
        pairs, limits = [], []
        for place in range(0, len(bounds) - 1, 2):
            number = numbers[place] + bounds[place] * numbers[place + 1]
            bound = bounds[place] * bounds[place + 1]
            while bound >= _LIMIT:
                out.append(number & 0xFF)
                number, bound = number >> 8, bound + 255 >> 8
            pairs.append(number)
            limits.append(bound)
        odd = len(bounds) & 1
        numbers = [*pairs, *(numbers[-1:] if odd else ())]
        bounds = [*limits, *(bounds[-1:] if odd else ())]
    number, bound = numbers[0], bounds[0]
    while bound > 1:
        out.append(number & 0xFF)
        number, bound = number >> 8, bound + 255 >> 8
    return bytes(out)


def _decode(data: bytes, bounds: Poly) -> Poly:
    """Decode numbers with these bounds; what is beyond a bound is reduced."""
    if len(bounds) == 1:
        return [int.from_bytes(data, "little") % bounds[0]]
    place, moved, limits = 0, [], []
    for one, other in zip(bounds[::2], bounds[1::2], strict=False):
        bound, size = one * other, 0
        while bound >= _LIMIT:
            bound, size = bound + 255 >> 8, size + 1
        moved.append((int.from_bytes(data[place : place + size], "little"), 8 * size))
        limits.append(bound)
        place += size
    odd = bounds[-1:] if len(bounds) & 1 else []
    pairs = _decode(data[place:], [*limits, *odd])
    found: list[int] = []
    for index, (low, bits) in enumerate(moved):
        number = low + (pairs[index] << bits)
        one, other = bounds[2 * index], bounds[2 * index + 1]
        found += [number % one, number // one % other]
    return [*found, *(pairs[-1:] if odd else ())]
