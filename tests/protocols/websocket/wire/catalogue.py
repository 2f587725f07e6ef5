"""What a fuzzing server tries on a client, case by case, under the numbers that the field knows.

The numbers are those of the Autobahn test suite's 517 cases; bytes and expectations follow from
RFC 6455 and RFC 7692. Where that suite lets an answer pass as non-strict, ``lax`` says so.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from seventh.wire.websocket_frames import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT
from tests.protocols.websocket.codec import close_payload as code
from tests.protocols.websocket.wire.letters import LETTERS, WORD

KIB, MIB = 1024, 1024 * 1024
HELLO = b"Hello, world!"
BYTES = bytes([0, 255, 254, 253, 252, 251, 0, 255])
NORMAL, PROTOCOL_ERROR, NOT_UTF8, TOO_BIG = 1000, 1002, 1007, 1009
Heard = tuple[Literal["text", "binary", "pong"], bytes]


class Case(NamedTuple):
    """One case: what the server plays, and what a client must make of it."""

    number: str
    plays: tuple[bytes, ...]
    """Each goes out by itself."""
    hears: tuple[Heard, ...] = ()
    """What the client must answer, in this order."""
    code: frozenset[int] = frozenset({NORMAL})
    """With which code it closes; where it breaks nothing, it echoes the server's."""
    fails: bool = False
    """Whether the client must fail the connection by itself."""
    lax: bool = False
    """Whether it may do so before it has answered what came first."""
    chop: int = 0
    """Into pieces of how many bytes everything is cut."""
    closes: bool = False
    """Whether what is played has a close frame of its own."""
    rounds: int = 1
    """How often it is played, the next time after the answer."""
    failed_after: int = 0
    """After how many of ``plays`` the client must have failed it; 0 where that is all one."""
    max_bytes: int = MIB


def frame(opcode: int, data: bytes = b"", *, fin: bool = True, rsv: int = 0) -> bytes:
    """A server's frame. Written here once more, so that the codec does not judge itself."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    if len(data) < 126:
        return bytes([first, len(data)]) + data
    if len(data) < 1 << 16:
        return bytes([first, 126]) + struct.pack("!H", len(data)) + data
    return bytes([first, 127]) + struct.pack("!Q", len(data)) + data


def pieces(opcode: int, data: bytes, size: int, *, rsv: int = 0) -> bytes:
    """A message in frames of ``size`` bytes; ``rsv`` on the first."""
    cut = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
    return b"".join(
        frame(
            CONTINUATION if number else opcode, part, fin=number == len(cut) - 1,
            rsv=0 if number else rsv,
        )
        for number, part in enumerate(cut)
    )  # fmt: skip


def good(number: str, *plays: bytes, hears: tuple[Heard, ...] = (), **more: object) -> Case:
    return Case(number, plays, hears, **more)  # type: ignore[arg-type]


def bad(number: str, *plays: bytes, why: int = PROTOCOL_ERROR, **more: object) -> Case:
    return Case(number, plays, code=frozenset({why}), fails=True, **more)  # type: ignore[arg-type]


def framing() -> Iterator[Case]:
    """1: one frame, every form that its length has."""
    for group, opcode, letter in (("1.1", TEXT, b"*"), ("1.2", BINARY, b"\xfe")):
        kind: Literal["text", "binary"] = "text" if opcode == TEXT else "binary"
        for number, size in enumerate((0, 125, 126, 127, 128, 65535, 65536, 65536), start=1):
            data = letter * size
            yield good(
                f"{group}.{number}", frame(opcode, data), hears=((kind, data),),
                chop=997 if number == 8 else 0,
            )  # fmt: skip


def pings() -> Iterator[Case]:
    """2: every ping has its pong, and a pong has nothing."""
    for number, data in enumerate((b"", HELLO, BYTES, b"\xfe" * 125), start=1):
        yield good(f"2.{number}", frame(PING, data), hears=(("pong", data),))
    yield bad("2.5", frame(PING, b"\xfe" * 126))
    yield good("2.6", frame(PING, b"\xfe" * 125), hears=(("pong", b"\xfe" * 125),), chop=1)
    yield good("2.7", frame(PONG))
    yield good("2.8", frame(PONG, b"nobody asked"))
    asked = frame(PONG, b"nobody asked") + frame(PING, b"asked")
    yield good("2.9", asked, hears=(("pong", b"asked"),))
    ten = b"".join(frame(PING, b"number %d" % n) for n in range(10))
    pongs: tuple[Heard, ...] = tuple(("pong", b"number %d" % n) for n in range(10))
    yield good("2.10", ten, hears=pongs)
    yield good("2.11", ten, hears=pongs, chop=1)


def reserved() -> Iterator[Case]:
    """3 and 4: reserved bits and opcodes, alone or after something in order."""
    echo: tuple[Heard, ...] = (("text", HELLO),)
    before, after = frame(TEXT, HELLO), frame(PING)
    yield bad("3.1", frame(TEXT, HELLO, rsv=1))
    yield bad("3.2", before + frame(TEXT, HELLO, rsv=2) + after, hears=echo, lax=True)
    yield bad("3.3", before, frame(TEXT, HELLO, rsv=3), after, hears=echo, lax=True)
    yield bad(
        "3.4", before + frame(TEXT, HELLO, rsv=4) + after, hears=echo, lax=True, chop=1
    )  # fmt: skip
    yield bad("3.5", frame(BINARY, BYTES, rsv=5))
    yield bad("3.6", frame(PING, HELLO, rsv=6))
    yield bad("3.7", frame(CLOSE, b"", rsv=7))
    for group, opcodes in (("4.1", range(3, 8)), ("4.2", range(11, 16))):
        for number, opcode in enumerate(opcodes, start=1):
            said = frame(opcode, b"" if number in {1, 3} else HELLO)
            if number < 3:
                yield bad(f"{group}.{number}", said)
            else:
                yield bad(
                    f"{group}.{number}", before + said + after, hears=echo, lax=True,
                    chop=1 if number == 5 else 0,
                )  # fmt: skip


def fragments() -> Iterator[Case]:
    """5: messages in pieces, with and without something between them."""
    one, two = frame(TEXT, b"one ", fin=False), frame(CONTINUATION, b"two")
    ping = frame(PING, b"between")
    echo: Heard = ("text", b"one two")
    yield bad("5.1", frame(PING, b"one", fin=False) + two)
    yield bad("5.2", frame(PONG, b"one", fin=False) + two)
    yield good("5.3", one + two, hears=(echo,))
    yield good("5.4", one, two, hears=(echo,))
    yield good("5.5", one + two, hears=(echo,), chop=1)
    pong: Heard = ("pong", b"between")
    yield good("5.6", one + ping + two, hears=(pong, echo))
    yield good("5.7", one, ping, two, hears=(pong, echo))
    yield good("5.8", one + ping + two, hears=(pong, echo), chop=1)
    for first, fin in ((9, True), (12, False)):
        rest, text = frame(CONTINUATION, b"of nothing", fin=fin), frame(TEXT, HELLO)
        yield bad(f"5.{first}", rest + text)
        yield bad(f"5.{first + 1}", rest, text)
        yield bad(f"5.{first + 2}", rest + text, chop=1)
    late = frame(CONTINUATION, b"three", fin=False)
    yield bad("5.15", one + two + late + frame(TEXT, b"four"), hears=(echo,), lax=True)
    yield bad("5.16", (late + one + two) * 2)
    yield bad("5.17", (frame(CONTINUATION, b"three") + one + two) * 2)
    yield bad("5.18", one + frame(TEXT, b"two"))
    more = frame(CONTINUATION, b"more ", fin=False)
    halves = (one, more, frame(PING, b"1"), more, more, frame(PING, b"2"), two)
    whole: tuple[Heard, ...] = (
        ("pong", b"1"), ("pong", b"2"), ("text", b"one more more more two"),
    )  # fmt: skip
    yield good("5.19", b"".join(halves[:3]), b"".join(halves[3:]), hears=whole)
    yield good("5.20", *halves, hears=whole)


def text() -> Iterator[Case]:
    """6: text is UTF-8, wherever it is cut, and nothing else is."""
    empty = frame(CONTINUATION, b"", fin=False)
    yield good("6.1.1", frame(TEXT), hears=(("text", b""),))
    nothing = frame(TEXT, b"", fin=False) + empty + frame(CONTINUATION)
    yield good("6.1.2", nothing, hears=(("text", b""),))
    middle = frame(TEXT, b"", fin=False) + frame(CONTINUATION, HELLO, fin=False)
    yield good("6.1.3", middle + frame(CONTINUATION), hears=(("text", HELLO),))
    mixed = "Grüße-µ@ßöäüàá-UTF-8!!".encode()
    cut = mixed.index(b"\xc3\xbc")
    yield good("6.2.1", frame(TEXT, mixed), hears=(("text", mixed),))
    yield good("6.2.2", pieces(TEXT, mixed, len(mixed) - cut), hears=(("text", mixed),))
    yield good("6.2.3", pieces(TEXT, mixed, 1), hears=(("text", mixed),))
    yield good("6.2.4", pieces(TEXT, WORD, 1), hears=(("text", WORD),))
    surrogate = WORD + b"\xed\xa0\x80edited"
    yield bad("6.3.1", frame(TEXT, surrogate), why=NOT_UTF8)
    yield bad("6.3.2", pieces(TEXT, surrogate, 1), why=NOT_UTF8)
    beyond = WORD + b"\xf4\x90\x80\x80edited"
    for number, cuts in ((1, (11, 15)), (2, (12, 13))):
        first, second, third = beyond[: cuts[0]], beyond[cuts[0] : cuts[1]], beyond[cuts[1] :]
        yield bad(
            f"6.4.{number}", frame(TEXT, first, fin=False),
            frame(CONTINUATION, second, fin=False), frame(CONTINUATION, third), why=NOT_UTF8,
            failed_after=2,
        )  # fmt: skip
        # Within one frame it may wait for its end (non-strict), and then must fail.
        whole = frame(TEXT, beyond)
        at = len(whole) - len(beyond)
        parts = whole[: at + cuts[0]], whole[at + cuts[0] : at + cuts[1]], whole[at + cuts[1] :]
        yield bad(f"6.4.{number + 2}", *parts, why=NOT_UTF8, failed_after=3)
    for number, group in enumerate(LETTERS, start=5):
        for place, (valid, data) in enumerate(group, start=1):
            name = f"6.{number}.{place}"
            if valid:
                yield good(name, frame(TEXT, data), hears=(("text", data),))
            else:
                yield bad(name, frame(TEXT, data), why=NOT_UTF8)


GOOD_CODES = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
BAD_CODES = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)


def closing() -> Iterator[Case]:
    """7: the closing handshake, and which codes may stand in it."""
    end = frame(CLOSE, code(NORMAL))
    yield good("7.1.1", frame(TEXT, HELLO) + end, hears=(("text", HELLO),), closes=True, lax=True)
    yield good("7.1.2", end + frame(CLOSE), closes=True)
    yield good("7.1.3", end + frame(PING), closes=True)
    yield good("7.1.4", end + frame(TEXT, HELLO), closes=True)
    inside = frame(TEXT, b"one", fin=False) + end + frame(CONTINUATION, b"two")
    yield good("7.1.5", inside, closes=True)
    long = b"a" * (256 * KIB)
    yield good(
        "7.1.6", frame(TEXT, long) + frame(TEXT, HELLO) + end + frame(PING),
        hears=(("text", long), ("text", HELLO)), closes=True, lax=True,
    )  # fmt: skip
    # Without a code there is none to be echoed.
    yield good("7.3.1", frame(CLOSE), closes=True, code=frozenset({NORMAL, 0}))
    yield bad("7.3.2", frame(CLOSE, b"a"), closes=True)
    yield good("7.3.3", end, closes=True)
    yield good("7.3.4", frame(CLOSE, code(NORMAL, "Hello World!")), closes=True)
    yield good("7.3.5", frame(CLOSE, code(NORMAL, "*" * 123)), closes=True)
    yield bad("7.3.6", frame(CLOSE, code(NORMAL, "*" * 124)), closes=True)
    torn = struct.pack("!H", NORMAL) + WORD + b"\xed\xa0\x80edited"
    yield bad("7.5.1", frame(CLOSE, torn), why=NOT_UTF8, closes=True)
    for number, each in enumerate(GOOD_CODES, start=1):
        said = frame(CLOSE, code(each))
        yield good(f"7.7.{number}", said, closes=True, code=frozenset({each}))
    for number, each in enumerate(BAD_CODES, start=1):
        yield bad(f"7.9.{number}", frame(CLOSE, code(each)), closes=True)
    # The standard leaves these open; they are above what it lets anybody use.
    yield bad("7.13.1", frame(CLOSE, code(5000)), closes=True)
    yield bad("7.13.2", frame(CLOSE, code(65535)), closes=True)


FRAGMENT_SIZES = (64, 256, KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
MOST_FRAMES = 4096


def limits() -> Iterator[Case]:
    """9 and 10: long messages, many pieces, small chops, many messages."""
    for first, opcode, letter in ((0, TEXT, b"*"), (1, BINARY, b"\xfe")):
        kind: Literal["text", "binary"] = "text" if opcode == TEXT else "binary"
        for number, size in enumerate((64, 256, 1024, 4096, 8192, 16384), start=1):
            data = letter * (size * KIB)
            yield good(
                f"9.{1 + first}.{number}", frame(opcode, data), hears=((kind, data),),
                max_bytes=16 * MIB,
            )  # fmt: skip
        data = letter * (4 * MIB)
        for number, size in enumerate(FRAGMENT_SIZES, start=1):
            said, name = pieces(opcode, data, size), f"9.{3 + first}.{number}"
            if len(data) // size > MOST_FRAMES:
                # Ours to refuse: whoever cuts a message into so many pieces means no good.
                yield bad(name, said, why=TOO_BIG, max_bytes=4 * MIB)
            else:
                yield good(name, said, hears=((kind, data),), max_bytes=4 * MIB)
        data = letter * MIB
        for number, chop in enumerate((64, 128, 256, 512, 1024, 2048), start=1):
            yield good(
                f"9.{5 + first}.{number}", frame(opcode, data), hears=((kind, data),), chop=chop
            )
        for number, size in enumerate((0, 16, 64, 256, 1024, 4096), start=1):
            data = letter * size
            yield good(
                f"9.{7 + first}.{number}", frame(opcode, data), hears=((kind, data),), rounds=50
            )
    data = b"*" * 65536
    yield good("10.1.1", pieces(TEXT, data, 1300), hears=(("text", data),))


CASES: tuple[Case, ...] = (
    *framing(), *pings(), *reserved(), *fragments(), *text(), *closing(), *limits(),
)  # fmt: skip
