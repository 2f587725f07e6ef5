"""SFTP without a connection: framing, answers against requests, and lies."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.model.failure import ProtocolViolation
from seventh.model.phase import Mark
from seventh.protocols.ssh.wire import sftp
from seventh.wire.reader import vector

AT = Mark(3, "kernel")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def packet(kind: int, fields: bytes) -> bytes:
    return vector(4, bytes([kind]) + fields)


VERSION = packet(2, u32(3) + vector(4, b"posix-rename@openssh.com") + vector(4, b"1"))


def begun() -> sftp.Sftp:
    made = sftp.Sftp()
    assert made.init() == packet(1, u32(3))
    (version,) = made.receive(VERSION, AT)
    assert isinstance(version, sftp.Version)
    assert (version.version, version.extensions) == (3, {b"posix-rename@openssh.com": b"1"})
    return made


REQUESTS = [
    sftp.realpath("."), sftp.stat("/"), sftp.open_file("/f", sftp.FOR_WRITING, 0o600),
    sftp.read(b"h", 0, 10), sftp.write(b"h", 2**40, b"x"), sftp.close(b"h"), sftp.remove("/f"),
]  # fmt: skip


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda r: str(r.kind))
def test_a_request_is_framed_and_any_status_answers_it(request_: sftp.Request) -> None:
    made = begun()
    number, sent = made.request(request_)
    assert sent == packet(request_.kind, u32(number) + request_.fields)
    (reply,) = made.receive(packet(101, u32(number) + u32(4) + vector(4, b"no")), AT)
    assert isinstance(reply, sftp.Reply)
    assert reply.answer == sftp.Status(4, b"no")
    assert reply.at == AT
    assert made.under_way == 0


ATTRIBUTES = st.builds(
    sftp.Attributes,
    size=st.none() | st.integers(0, 2**64 - 1),
    owner=st.none() | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    mode=st.none() | st.integers(0, 2**32 - 1),
    times=st.none() | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
)


def attributes(a: sftp.Attributes) -> bytes:
    flags, fields = 0, b""
    for flag, value in ((1, a.size), (2, a.owner), (4, a.mode), (8, a.times)):
        if value is None:
            continue
        flags |= flag
        if isinstance(value, tuple):
            fields += u32(value[0]) + u32(value[1])
        else:
            fields += value.to_bytes(8 if flag == 1 else 4, "big")
    return u32(flags) + fields


@given(ATTRIBUTES)
def test_attributes_are_read_as_they_were_written(a: sftp.Attributes) -> None:
    made = begun()
    number, _ = made.request(sftp.stat("/"))
    (reply,) = made.receive(packet(105, u32(number) + attributes(a)), AT)
    assert isinstance(reply, sftp.Reply)
    assert reply.answer == a


@given(st.lists(st.tuples(st.binary(max_size=30), ATTRIBUTES), max_size=10))
def test_names_are_read_as_they_were_written(
    names: list[tuple[bytes, sftp.Attributes]],
) -> None:
    made = begun()
    number, _ = made.request(sftp.realpath("."))
    body = b"".join(vector(4, n) + vector(4, b"-rw " + n) + attributes(a) for n, a in names)
    (reply,) = made.receive(packet(104, u32(number) + u32(len(names)) + body), AT)
    assert isinstance(reply, sftp.Reply)
    assert reply.answer == sftp.Names(tuple(names))


def answered(stream: bytes, cuts: list[int]) -> tuple[list[Any], bool]:
    """What a client that asked for one of each makes of ``stream`` cut there."""
    made = begun()
    for request_ in REQUESTS:
        made.request(request_)
    got: list[Any] = []
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    try:
        for start, end in itertools.pairwise(edges):
            got += made.receive(stream[start:end], AT)
    except ProtocolViolation:
        return got, True
    return got, False


ANSWERS = st.lists(
    st.tuples(
        st.sampled_from([2, 101, 102, 103, 104, 105, 200]),
        st.integers(0, 10),
        st.binary(max_size=30),
    ).map(lambda t: packet(t[0], u32(t[1]) + t[2]))
    | st.integers(0, 9).map(lambda n: packet(101, u32(n) + u32(0) + vector(4, b"") * 2))
    | st.binary(max_size=12),
    max_size=6,
).map(b"".join)  # fmt: skip


@given(ANSWERS, st.lists(st.integers(0, 500), max_size=5))
def test_any_bytes_give_answers_or_a_violation(stream: bytes, cuts: list[int]) -> None:
    whole = answered(stream, [])
    # In one piece an answer before a violation may be swallowed by it; never is one made up.
    pieces, failed = answered(stream, list(range(len(stream))))
    assert failed == whole[1]
    assert failed or pieces == whole[0]
    assert answered(stream, cuts)[1] == failed


# -- lies ------------------------------------------------------------------------------------------


def test_a_length_that_is_declared_is_not_believed() -> None:
    made = begun()
    with pytest.raises(ProtocolViolation, match="declares 2147483647 bytes"):
        made.receive(u32(2**31 - 1) + b"\x02", AT)


def test_an_empty_packet_is_none() -> None:
    with pytest.raises(
        ProtocolViolation,
        match=r"^protocol-violation: an SFTP packet declares 0 bytes \(maximum: 263168\)$",
    ):
        begun().receive(u32(0), AT)


def test_more_data_than_asked_for() -> None:
    made = begun()
    number, _ = made.request(sftp.read(b"h", 0, 10))
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: 11 bytes of data answer a request for 10$"
    ):
        made.receive(packet(103, u32(number) + vector(4, bytes(11))), AT)


@pytest.mark.parametrize("reply", [
    packet(102, u32(77) + vector(4, b"h")),  # nobody asked
    packet(103, u32(0) + vector(4, b"data")),  # data for a realpath
    packet(104, u32(0) + u32(2**31)),  # names without end
    packet(104, u32(0) + u32(1) + vector(4, bytes(5000)) + vector(4, b"") + u32(0)),
    packet(104, u32(0) + u32(1) + u32(2**31 - 1) + b"x"),  # a length within that lies
    packet(2, u32(3)),  # the version once more
])  # fmt: skip
def test_answers_that_are_none(reply: bytes) -> None:
    made = begun()
    made.request(sftp.realpath("."))
    with pytest.raises(ProtocolViolation):
        made.receive(reply, AT)


def test_a_handle_is_short() -> None:
    made = begun()
    number, _ = made.request(sftp.open_file("/"))
    with pytest.raises(
        ProtocolViolation, match=r"^protocol-violation: an SFTP handle of 257 bytes$"
    ):
        made.receive(packet(102, u32(number) + vector(4, bytes(257))), AT)


def test_something_else_than_sftp() -> None:
    """What a shell's start-up files print: OpenSSH says "Received message too long" of it."""
    made = sftp.Sftp()
    with pytest.raises(ProtocolViolation):
        made.receive(b"Welcome to this machine!\n", AT)


def test_requests_at_once_are_bounded() -> None:
    made = begun()
    for _ in range(sftp.MAX_REQUESTS):
        made.request(sftp.realpath("."))
    with pytest.raises(ValueError, match=r"^more than 128 requests at once$"):
        made.request(sftp.realpath("."))


# -- byte by byte (draft-ietf-secsh-filexfer-02 §4 to §8) ------------------------------------------

LONG = 2**40 + 5
OFFSET = LONG.to_bytes(8, "big")


@pytest.mark.parametrize(
    ("request_", "kind", "fields"),
    [
        (sftp.realpath("é"), 16, vector(4, b"\xc3\xa9")),
        (sftp.stat(b"/\xff"), 17, vector(4, b"/\xff")),
        (sftp.open_file("/f"), 3, vector(4, b"/f") + u32(1) + u32(0)),
        (sftp.open_file("/f", sftp.FOR_WRITING | sftp.CREATE | sftp.EXCLUSIVE, 0o600), 3,
         vector(4, b"/f") + u32(0x2A) + u32(4) + u32(0o600)),
        (sftp.read(b"h", LONG, 7), 5, vector(4, b"h") + OFFSET + u32(7)),
        (sftp.write(b"h", LONG, b"xy"), 6, vector(4, b"h") + OFFSET + vector(4, b"xy")),
        (sftp.close(b"h"), 4, vector(4, b"h")), (sftp.remove("/f"), 13, vector(4, b"/f")),
    ],
)  # fmt: skip
def test_the_bytes_of_each_request(request_: sftp.Request, kind: int, fields: bytes) -> None:
    made = begun()
    for number in (0, 1):
        assert made.request(request_) == (number, packet(kind, u32(number) + fields))
    assert made.under_way == 2


@pytest.mark.parametrize(
    ("code", "name"),
    [(0, "ok"), (1, "end of file"), (2, "no such file"), (3, "permission denied"), (4, "failure"),
     (5, "bad message"), (6, "no connection"), (7, "connection lost"),
     (8, "operation unsupported"), (9, "status 9")],
)  # fmt: skip
def test_the_name_of_a_status(code: int, name: str) -> None:
    assert sftp.Status(code).name == name


def answer(request_: sftp.Request, kind: int, fields: bytes) -> Any:
    """The answer to a request, or why it is none."""
    made = begun()
    number, _ = made.request(request_)
    try:
        (reply,) = made.receive(packet(kind, u32(number) + fields), AT)
    except ProtocolViolation as violation:
        return violation.detail
    assert isinstance(reply, sftp.Reply)
    return reply.answer


STAT, PATH = sftp.stat("/"), sftp.realpath(".")
EXTENDED = vector(4, b"name") + vector(4, b"data")


@pytest.mark.parametrize(
    ("request_", "kind", "fields", "made"),
    [
        (STAT, 101, u32(2), sftp.Status(2)),  # of an old server
        (STAT, 101, u32(2) + vector(4, b"x" * 513), sftp.Status(2, b"x" * 512)),
        (sftp.open_file("/"), 102, vector(4, bytes(256)), sftp.Handle(bytes(256))),
        (sftp.open_file("/"), 102, vector(4, b"h") + b"x", "SFTP packet 102 has 1 bytes too many"),
        (sftp.read(b"h", 0, 3), 103, vector(4, b"abc"), sftp.Data(b"abc")),
        (sftp.read(b"h", 0, 3), 102, vector(4, b"h"),
         "SFTP packet 102 answers a request of type 5"),
        (STAT, 105, u32(0x80000000) + u32(64) + EXTENDED * 64, sftp.Attributes()),
        (STAT, 105, u32(0x80000000) + u32(65) + EXTENDED * 65,
         "65 extended attributes of one file"),
        (STAT, 105, u32(0x80000004) + u32(7) + u32(1) + EXTENDED, sftp.Attributes(mode=7)),
        (STAT, 105, u32(1) + u32(1), "SFTP packet 105 is truncated: 8 bytes declared, 4 present"),
        (PATH, 104, u32(1025), "an SFTP answer declares 1025 names (maximum: 1024)"),
        (PATH, 104, u32(1024) + (vector(4, b"") * 2 + u32(0)) * 1024,
         sftp.Names(((b"", sftp.Attributes()),) * 1024)),
        (PATH, 104, u32(1) + vector(4, bytes(4096)) + vector(4, b"") + u32(0),
         sftp.Names(((bytes(4096), sftp.Attributes()),))),
        (PATH, 104, u32(1) + vector(4, bytes(4097)) + vector(4, b"") + u32(0),
         "a file name of 4097 bytes"),
    ],
)  # fmt: skip
def test_each_answer(request_: sftp.Request, kind: int, fields: bytes, made: Any) -> None:
    assert answer(request_, kind, fields) == made


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (packet(101, u32(0)), "received SFTP packet 101 instead of VERSION"),
        (packet(2, u32(3) + b"".join(
            vector(4, b"%d" % n) + vector(4, b"") for n in range(65))),
         "more than 64 SFTP extensions"),
        (u32(0x40401), "an SFTP packet declares 263169 bytes (maximum: 263168)"),
        (u32(0), "an SFTP packet declares 0 bytes (maximum: 263168)"),
        (packet(2, u32(3)) + packet(101, u32(5) + u32(0)),
         "SFTP answer to request 5, which was not sent"),
    ],
)  # fmt: skip
def test_what_is_no_sftp(data: bytes, why: str) -> None:
    with pytest.raises(ProtocolViolation) as caught:
        sftp.Sftp().receive(data, AT)
    assert caught.value.detail == why


def test_the_version_with_the_most_extensions() -> None:
    listed = b"".join(vector(4, b"%d" % n) + vector(4, b"x") for n in range(64))
    (version,) = sftp.Sftp().receive(packet(2, u32(3) + listed), AT)
    assert isinstance(version, sftp.Version)
    assert (len(version.extensions), version.version, version.at) == (64, 3, AT)


def test_the_longest_packet_is_waited_for() -> None:
    made = sftp.Sftp()
    assert made.receive(u32(0x40400) + b"\x02", AT) == []
