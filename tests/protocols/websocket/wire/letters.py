"""What is UTF-8 and what is not (RFC 3629), group by group: valid or not, and the bytes.

The groups are those of a decoder's usual stress test; what no encoder would write is made by an
encoding that knows no bounds.
"""

from __future__ import annotations

WORD = "κ\u1f79σμε".encode()
"""Eleven bytes: one of its letters takes three."""
Group = tuple[tuple[bool, bytes], ...]


def spread(value: int, size: int) -> bytes:
    """``value`` over ``size`` bytes as UTF-8's first design would: overlong, or beyond its end."""
    if size == 1:
        return bytes([value])
    rest = [0x80 | (value >> (6 * place)) & 0x3F for place in reversed(range(size - 1))]
    lead = (0xFF00 >> size) & 0xFF
    return bytes([lead | value >> (6 * (size - 1)), *rest])


def most(size: int) -> int:
    """The greatest value that so many bytes hold."""
    return (1 << (7 if size == 1 else 5 * size + 1)) - 1


def least(size: int) -> int:
    """The smallest value that needs so many bytes."""
    return 0 if size == 1 else most(size - 1) + 1


def good(*each: bytes) -> Group:
    return tuple((True, data) for data in each)


def bad(*each: bytes) -> Group:
    return tuple((False, data) for data in each)


def starts(first: int, last: int) -> bytes:
    """Bytes that begin a letter, each followed by a space instead of the rest."""
    return b"".join(bytes([lead, 0x20]) for lead in range(first, last))


_ENDS = frozenset({2, 5, 7, 9, 11})
"""Where a letter of WORD ends."""
_LONELY = (0x80, 0xBF) * 3
_UNENDED = tuple(spread(value(size), size)[:-1]
                 for value in (lambda _: 0, most) for size in range(2, 7))  # fmt: skip
_HIGH, _LOW = (0xD800, 0xDB7F, 0xDB80, 0xDBFF), (0xDC00, 0xDFFF)

LETTERS: tuple[Group, ...] = (
    good(*(f"hello{letter}world".encode() for letter in "$¢€𤭢"), WORD),
    tuple((end in _ENDS, WORD[:end]) for end in range(1, len(WORD) + 1)),
    good(*(spread(least(size), size) for size in range(1, 5))),
    bad(*(spread(least(size), size) for size in (5, 6))),
    good(*(spread(most(size), size) for size in (1, 2, 3)), spread(0x10FFFF, 4)),
    bad(*(spread(most(size), size) for size in (4, 5, 6))),
    (
        *good(*(spread(point, 3) for point in (0xD7FF, 0xE000, 0xFFFD)), spread(0x10FFFF, 4)),
        *bad(spread(0x110000, 4)),
    ),
    bad(
        *map(bytes, ([0x80], [0xBF], *(_LONELY[:count] for count in range(2, 7)))),
        bytes(range(0x80, 0xBF)),
    ),
    bad(
        starts(0xC0, 0xDF), starts(0xE0, 0xEF), starts(0xF0, 0xF7), starts(0xF8, 0xFB),
        starts(0xFC, 0xFD),
    ),
    bad(*_UNENDED),
    bad(b"".join(_UNENDED)),
    bad(b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"),
    bad(*(spread(ord("/"), size) for size in range(2, 7))),
    bad(*(spread(most(size), size + 1) for size in range(1, 6))),
    bad(*(spread(0, size) for size in range(2, 7))),
    bad(*(spread(half, 3) for half in (*_HIGH, 0xDC00, 0xDF80, 0xDFFF))),
    bad(*(spread(high, 3) + spread(low, 3) for high in _HIGH for low in _LOW)),
    good(
        *(chr(plane << 16 | end).encode() for plane in range(17) for end in (0xFFFE, 0xFFFF)),
    ),
    good(*(chr(point).encode() for point in range(0xFFF9, 0x10000))),
)  # fmt: skip
