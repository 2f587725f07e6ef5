"""The Received fields of real servers, and of nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.smtp.facts.roundtrip import Hop
from seventh.protocols.smtp.wire.received import MAX_HOPS, hops_in

POSTFIX = (
    b"Received: from lab.test\r\n\tby store.lab.test with LMTP\r\n\tid abc (envelope-from <a@b>)"
    b"\r\n\tfor <user@lab.test>; Mon, 30 Nov 2026 13:00:07 +0100\r\n"
    b"Received: from client (localhost [127.0.0.1])\r\n\tby mx.lab.test (Postfix) with ESMTPS id 1;"
    b"\r\n\tMon, 30 Nov 2026 12:00:02 +0000 (UTC)\r\n"
    b"Subject: Received: by nobody; Mon, 30 Nov 2026 12:00:02 +0000\r\n"
)
EARLIER = b"Received: by a; Mon, 30 Nov 2026 12:00:00 +0000\n"
LATER = EARLIER.replace(b":00 ", b":03 ")


def test_the_first_server_is_the_first_hop() -> None:
    assert hops_in(POSTFIX) == (
        Hop(by="mx.lab.test"), Hop(by="store.lab.test", seconds=5.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("header", "hops"),
    [
        (b"", ()),
        (b"Subject: x\r\n", ()),
        (b"received:by A\r\n", (Hop(by="A"),)),
        (b"Received: from a; no date\r\n", (Hop(by=""),)),
        # A clock that is behind makes a negative hop; one without a date interrupts.
        (EARLIER.replace(b"by a", b"by b") + LATER,
         (Hop(by="a"), Hop(by="b", seconds=-3.0))),
        (EARLIER.replace(b"by a", b"by c") + b"Received: by b; x\n" + LATER,
         (Hop(by="a"), Hop(by="b"), Hop(by="c"))),
        (b"Received: by b; Mon, 30 Nov 2026 12:00:09 -0000\n" + EARLIER,
         (Hop(by="a"), Hop(by="b", seconds=9.0))),
        (b"Received: by \x1b[31m; Mon, 30 Nov 2026 12:00:00 -0000\n", (Hop(by="\\x1b[31m"),)),
    ],
)  # fmt: skip
def test_what_is_missing_is_unknown(header: bytes, hops: tuple[Hop, ...]) -> None:
    assert hops_in(header) == hops


def test_the_hops_are_bounded() -> None:
    assert len(hops_in(b"Received: by a; x\r\n" * (MAX_HOPS + 1))) == MAX_HOPS


@given(st.binary(max_size=200))
def test_any_header_is_read(data: bytes) -> None:
    hops_in(b"Received: by a;" + data)
