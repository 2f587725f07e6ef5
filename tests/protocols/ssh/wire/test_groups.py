"""The primes of RFC 2409 §6.2 and RFC 3526, by the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib

import pytest

from seventh.protocols.ssh.wire.groups import GENERATOR, number_of, prime

PRIMES = {
    1: (1024, "3f35a3f5f6c4376a744acad409bb22f8d897f949d2311d885adaa890981b67a0"),
    14: (2048, "d66436f79bbd6b2e38c0ffbd079be904d2641415e2e67140e09448be9a60890e"),
    15: (3072, "48cf8b092fbce4359d9871abf74f98e25b6163379eaa15cd9087e800c6d1c55c"),
    16: (4096, "4ee95187682bcb230ad26a95205f6920e84708f6251b3894329b09ec23919e33"),
    17: (6144, "d1bfe6d0925ce7e4da262b62861514a7755e35831e429f343e7b864848657efd"),
    18: (8192, "39ab4feab950a3128fb71accb9fc3965d857012e081998a85996e3ea8b3c3bcf"),
}


@pytest.mark.parametrize("number", PRIMES)
def test_each_prime_is_the_standard_s(number: int) -> None:
    bits, digest = PRIMES[number]
    found = prime(number)
    assert found.bit_length() == bits
    assert hashlib.sha256(found.to_bytes(bits // 8, "big")).hexdigest() == digest
    assert number_of(found) == number
    assert number_of(found + 2) is None


def test_the_generator_is_two_and_other_sizes_have_no_number() -> None:
    assert GENERATOR == 2
    assert number_of((1 << 1535) + 1) is None
