"""The fixed Diffie-Hellman groups, computed by the formula in their RFCs.

RFC 2409 §6.2 and RFC 3526 §2 to §7 define each prime as
2^n - 2^(n-64) - 1 + 2^64 * ([2^(n-130) * pi] + c); RFC 4253 §8 and RFC 8268 §3 use them in SSH.
"""

from __future__ import annotations

import functools

GENERATOR = 2
_CONSTANTS = {
    1: (1024, 129093),
    14: (2048, 124476),
    15: (3072, 1690314),
    16: (4096, 240904),
    17: (6144, 929484),
    18: (8192, 4743158),
}
"""Number in SSH's method names → bits, c. SSH's group1 is RFC 2409's second Oakley group."""


@functools.cache
def prime(number: int) -> int:
    """Return the prime of ``diffie-hellman-group{number}``."""
    bits, constant = _CONSTANTS[number]
    middle = _pi_shifted(bits - 130) + constant
    return int(2**bits - 2 ** (bits - 64) - 1 + (middle << 64))


def number_of(modulus: int) -> int | None:
    """Return the number of the group that has this prime; None where none has."""
    for number, (bits, _) in _CONSTANTS.items():
        if modulus.bit_length() == bits and modulus == prime(number):
            return number
    return None


def _pi_shifted(bits: int) -> int:
    """Return [2^bits * pi] by Machin's formula, with guard bits for the truncated terms."""
    guard = 64
    one = 1 << (bits + guard)
    return (16 * _arctan_inverse(5, one) - 4 * _arctan_inverse(239, one)) >> guard


def _arctan_inverse(x: int, one: int) -> int:
    """Return ``one`` * arctan(1/x)."""
    power = one // x
    total, sign, n = power, -1, 3
    square = x * x
    while power:
        power //= square
        total += sign * (power // n)
        sign, n = -sign, n + 2
    return total
