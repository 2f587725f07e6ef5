"""pmc's output, hardware clocks, and what interfaces can stamp."""

from __future__ import annotations

import struct

import pytest

from seventh.localkit.seen import Process, Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.facts.local import PtpFacts, Stamping
from seventh.protocols.ntp.local import ptp, stamping

PMC = """\
sending: GET CURRENT_DATA_SET
sending: GET PORT_DATA_SET
\tb68df3.fffe.b11c57-0 seq 0 RESPONSE MANAGEMENT CURRENT_DATA_SET 
\t\tstepsRemoved     2
\t\toffsetFromMaster -959.0
\t\tmeanPathDelay    2110.0
\tb68df3.fffe.b11c57-1 seq 1 RESPONSE MANAGEMENT PORT_DATA_SET 
\t\tportIdentity            b68df3.fffe.b11c57-1
\t\tportState               SLAVE
\t\tversionNumber           2
"""  # noqa: W291 - as pmc writes it


def test_the_slave_of_a_master() -> None:
    processes = (Process(name="ptp4l", pid=7), Process(name="phc2sys", pid=8))
    seen = Seen(
        outputs={"pmc": PMC},
        processes=processes,
        files={
            ptp.DEVICES: {"/dev/ptp0": "", "/dev/ptp1": ""},
            ptp.NAMES: {"/sys/class/ptp/ptp0/clock_name": "ice\n"},
        },
        calls={stamping.NAME: (Stamping(name="eth0", hardware=True, clock_index=0),)},
    )
    assert ptp.ptp(seen, []) == PtpFacts(
        clocks=("ptp0 (ice)", "ptp1"),
        interfaces=(Stamping(name="eth0", hardware=True, clock_index=0),),
        ptp4l=True, phc2sys=True, port_states=("SLAVE",), steps_removed=2,
        offset_seconds=pytest.approx(-959e-9),
    )  # fmt: skip


@pytest.mark.parametrize(("state", "known"), [("UNCALIBRATED", True), ("LISTENING", False)])
def test_an_offset_needs_a_master(state: str, known: bool) -> None:
    made = ptp.ptp(Seen(outputs={"pmc": PMC.replace("SLAVE", state)}), [])
    assert made.port_states == (state,)
    assert (made.offset_seconds is not None) is known


def test_nothing_was_seen() -> None:
    unread: list[Unread] = []
    hidden = Unread(name="/proc", cause=Cause.NOT_PERMITTED)
    assert ptp.ptp(Seen(processes=hidden), unread) == PtpFacts()
    assert ptp.ptp(Seen(), unread) == PtpFacts(ptp4l=False, phc2sys=False)
    assert unread == []


def test_interfaces_that_could_not_be_asked() -> None:
    refused = Unread(name="ioctl eth0", cause=Cause.FAILED, detail="Operation not supported")
    unread: list[Unread] = []
    assert ptp.ptp(Seen(calls={stamping.NAME: (refused,)}), unread).interfaces is None
    assert unread == [refused]
    one = Stamping(name="eth1", hardware=False)
    assert ptp.ptp(Seen(calls={stamping.NAME: (refused, one)}), unread).interfaces == (one,)
    assert ptp.ptp(Seen(calls={stamping.NAME: ()}), unread).interfaces == ()
    whole = Unread(name=stamping.NAME, cause=Cause.FAILED)
    assert ptp.ptp(Seen(calls={stamping.NAME: whole}), unread).interfaces is None


TX, RX, RAW, SOFTWARE = 1, 4, 64, 2 | 8 | 16


@pytest.mark.parametrize(
    ("bits", "index", "hardware"),
    [
        (TX | RX | RAW | SOFTWARE, 0, True),
        (TX | RX | RAW, 3, True),
        (TX | RX | RAW, -1, False),
        (TX | RX, 0, False),
        (RX | RAW, 0, False),
        (TX | RAW, 0, False),
        (SOFTWARE, -1, False),
    ],
)
def test_what_an_interface_can_stamp(bits: int, index: int, hardware: bool) -> None:
    info = struct.pack("=IIi8I", 0x41, bits, index, *range(8))
    assert stamping.read_info("eth0", info) == Stamping(
        name="eth0", hardware=hardware, clock_index=index if index >= 0 else None
    )
