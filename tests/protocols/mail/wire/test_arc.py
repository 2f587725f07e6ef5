"""Seals of ARC chains, made here byte by byte as RFC 8617 §5.1.1 says."""

from __future__ import annotations

import base64
import hashlib

import pytest

from seventh.protocols.mail.wire.arc import read_chain, seal_holds
from seventh.protocols.mail.wire.dkim_key import read_key
from seventh.protocols.mail.wire.header import Field
from tests.protocols.mail.dkim_keys import ED25519, p

PUBLIC = read_key(b"k=ed25519; p=" + p(ED25519)).public
CANONICAL = (
    (b"arc-authentication-results:i=1; mx.example; spf=pass\r\n"
     b"arc-message-signature:i=1; d=x.example; s=m\r\n"),
    b"arc-seal:i=1; a=%s; cv=none; d=x.example; s=s; b=",
    (b"arc-authentication-results:i=2; mx.example; arc=pass\r\n"
     b"arc-message-signature:i=2; d=x.example; s=m\r\n"),
    b"arc-seal:i=2; a=%s; cv=pass; d=x.example; s=s; b=",
)  # fmt: skip
"""The relaxed form: what the first seal is over, the seal, the same of the second."""


def written(canonical: bytes) -> list[Field]:
    """The fields as they are sent: other letters, more spaces."""
    return [
        Field(line.upper()[:8] + line[8:].replace(b"; ", b";\r\n\t ") + b"\r\n")
        for line in canonical.split(b"\r\n")
        if line
    ]


def signed(data: bytes, digest: str = "sha256") -> bytes:
    return base64.b64encode(ED25519.sign(hashlib.new(digest, data).digest()))


def chain(algorithm: bytes = b"ed25519-sha256", digest: str = "sha256") -> list[Field]:
    first, seal, second, top = CANONICAL
    one, two = seal % algorithm, top % algorithm
    below = first + one + signed(first + one, digest) + b"\r\n" + second
    return [
        *written(second), *written(two + signed(below + two, digest)),
        *written(first), *written(one + signed(first + one, digest)),
    ]  # fmt: skip


def held(fields: list[Field]) -> list[bool]:
    found = read_chain(fields)
    assert PUBLIC is not None and len(found.sets) == 2 and not found.broken
    return [seal_holds(found, number, PUBLIC) for number in (0, 1)]


@pytest.mark.parametrize("algorithm", [b"ed25519-sha256", b"ED25519-SHA256"])
def test_each_seal_is_over_its_set_and_those_below(algorithm: bytes) -> None:
    assert held(chain(algorithm)) == [True, True]


@pytest.mark.parametrize(
    ("at", "holds"), [(0, [True, False]), (1, [True, False]), (3, [False, False])]
)
def test_a_changed_field_breaks_the_seals_from_its_own_up(at: int, holds: list[bool]) -> None:
    fields = chain()
    fields[at] = Field(fields[at].raw.replace(b"x.example", b"y.example").replace(b"mx", b"my"))
    assert held(fields) == holds


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        (b"ed25519-sha1", "sha1"), (b"ed25519-sha512", "sha512"), (b"ed25519-none", "sha256"),
        (b"dsa-sha256", "sha256"), (b"sha256", "sha256"),
    ],
)  # fmt: skip
def test_only_the_standards_algorithms_seal(algorithm: bytes, digest: str) -> None:
    assert held(chain(algorithm, digest)) == [False, False]


def test_a_seal_that_is_not_base64_holds_nothing() -> None:
    fields = chain()
    fields[2] = Field(fields[2].raw.removesuffix(b"\r\n") + b"!\r\n")
    assert held(fields) == [True, False]
