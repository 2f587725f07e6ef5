"""What is read of the kernel's stamps and of struct tcp_info."""

from __future__ import annotations

import socket
import struct

import pytest

from seventh.net import kernel

INFO = bytearray(kernel._TCP_INFO_FIELDS.size)
for offset, value in ((16, 1448), (60, 1500), (68, 2500), (72, 1250), (80, 0), (100, 3)):
    struct.pack_into("@I", INFO, offset, value)
struct.pack_into("@I", INFO, 136, 40)
struct.pack_into("@I", INFO, 148, 2000)


def test_the_fields_of_tcp_info() -> None:
    info = kernel.tcp_info(bytes(INFO))
    assert info is not None
    assert (info.mss_bytes, info.path_mtu_bytes) == (1448, 1500)
    assert (info.rtt_seconds, info.rtt_variance_seconds) == (0.0025, 0.00125)
    assert (info.retransmits, info.segments_sent, info.min_rtt_seconds) == (3, 40, 0.002)
    assert kernel.retransmits(bytes(INFO)) == 3


@pytest.mark.parametrize(
    ("sent", "data", "acknowledged", "quiet", "heard"),
    [(500, 700, 600, 0.5, 0.6), (700, 500, 600, 0.5, 0.6), (900, 800, 700, 0.7, 0.7)],
)
def test_a_connection_is_quiet_since_the_last_of_all(
    sent: int, data: int, acknowledged: int, quiet: float, heard: float
) -> None:
    raw = bytearray(INFO)
    for offset, value in ((44, sent), (52, data), (56, acknowledged)):
        struct.pack_into("@I", raw, offset, value)
    info = kernel.tcp_info(bytes(raw))
    assert info is not None
    assert (info.quiet_seconds, info.heard_seconds) == (quiet, heard)


@pytest.mark.parametrize(
    ("timeouts", "unacked", "sacked", "stuck"),
    [(3, 2, 1, True), (2, 2, 1, False), (3, 1, 1, False), (3, 1, 0, False), (9, 5, 2, True)],
)
def test_a_segment_is_stuck_where_a_later_one_arrives(
    timeouts: int, unacked: int, sacked: int, stuck: bool
) -> None:
    raw = bytearray(INFO)
    raw[2] = timeouts
    struct.pack_into("@II", raw, 24, unacked, sacked)
    struct.pack_into("@I", raw, 224, 7)
    info = kernel.tcp_info(bytes(raw))
    assert info is not None
    assert (info.stuck, info.out_of_order) == (stuck, 7)


def test_an_older_kernel_has_fewer() -> None:
    info = kernel.tcp_info(bytes(INFO[:104]))
    assert info is not None
    assert (info.retransmits, info.segments_sent, info.min_rtt_seconds) == (3, None, None)
    assert kernel.tcp_info(bytes(INFO[:103])) is None
    assert kernel.tcp_info(b"") is None
    assert kernel.retransmits(b"") == 0


STAMP = (socket.SOL_SOCKET, kernel.SO_TIMESTAMPNS)


@pytest.mark.parametrize(
    ("ancillary", "clock", "ns"),
    [
        ([(*STAMP, struct.pack("@ll", 5, 7))], "kernel", 5_000_000_007 - 10**9),
        ([(*STAMP, struct.pack("@ll", 5, 7)[:-1])], "user", 4_500_000_000),
        ([(socket.SOL_SOCKET, 99, struct.pack("@ll", 5, 7))], "user", 4_500_000_000),
        ([(socket.SOL_IP, kernel.SO_TIMESTAMPNS, struct.pack("@ll", 5, 7))], "user", 4_500_000_000),
        ([(*STAMP, struct.pack("@ll", 5, 500_000_001))], "user", 4_500_000_000),  # in the future
        ([(*STAMP, struct.pack("@ll", 5, 500_000_000))], "kernel", 4_500_000_000),
        ([], "user", 4_500_000_000),
    ],
)
def test_arrivals(
    ancillary: list[tuple[int, int, bytes]], clock: str, ns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel, "wall_minus_monotonic_ns", lambda: 10**9)
    monkeypatch.setattr(kernel, "now_ns", lambda: 4_500_000_000)
    mark = kernel.arrival(ancillary)
    assert (mark.clock, mark.ns) == (clock, ns)
