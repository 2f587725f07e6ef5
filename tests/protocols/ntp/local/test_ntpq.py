"""ntpq's output, of the reference ntpd and of NTPsec."""

from __future__ import annotations

import pytest

from seventh.localkit.seen import Seen
from seventh.model.localfacts import Cause, Unread
from seventh.protocols.ntp.facts.local import ClockState, LocalSource, SourceState
from seventh.protocols.ntp.local import ntpq

NTPSEC = """\
associd=0 status=0618 leap_none, sync_ntp, 1 event, no_sys_peer,
leap=00, stratum=3, precision=-24, rootdelay=12.5, rootdisp=30.25,
refid=192.0.2.1, reftime=eeb82502.00f46592 2026-11-30T16:38:26.003Z, tc=6, peer=59931,
offset=-0.5, frequency=-12.75, sys_jitter=0.25, clk_jitter=6e-05,
clock=eeb82502.00f46592 2026-11-30T16:38:26.003Z, processor="x86_64",
system="Linux/6.1.0", version="ntpd ntpsec-1.2.2", clk_wander=0.125,
mintc=0
"""
CLASSIC = """\
associd=0 status=c016 leap_alarm, sync_unspec, 1 event, restart,
version="ntpd 4.2.8p15@1.3728-o Wed Sep 23 11:46:38 UTC 2020 (1)",
processor="x86_64", system="Linux/5.10.0", leap=11, stratum=16,
precision=-23, rootdelay=0.000, rootdisp=0.105, refid=INIT,
reftime=(no time), clock=eeb8, peer=0, tc=3, mintc=3, offset=+0.000000, frequency=0.000,
sys_jitter=0.000000, clk_jitter=0.000
"""
PEERS = """\
     remote           refid      st t when poll reach   delay   offset   jitter
===============================================================================
 0.pool.ntp.org  .POOL.          16 p    -   64    0    0.000   +0.000   0.000
*192.0.2.1       .GPS.            1 u   33 1024  377    0.321   -0.500   0.004
+192.0.2.2       192.0.2.9        2 u    - 64    17     0.321   +1.000   0.004
x2001:db8::2     192.0.2.9        2 u   12 64    377    0.321   +900.0   0.004
#192.0.2.4       192.0.2.9        2 u   12 64    377    0.321   +1.000   0.004
oPPS(0)          .PPS.            0 l    3 16    377    0.000   +0.001   0.001
 192.0.2.5       .INIT.          16 u    - 64    0      0.000   +0.000   0.000
"""


def seen(**outputs: str | Unread) -> Seen:
    return Seen(outputs={f"ntpq {name}": text for name, text in outputs.items()})


def test_the_state_of_ntpsec() -> None:
    assert ntpq.state(seen(rv=NTPSEC), []) == ClockState(
        product="ntpsec", synchronised=True, stratum=3, reference="192.0.2.1",
        correction_seconds=-0.0005, jitter_seconds=0.00025, frequency_ppm=-12.75, skew_ppm=0.125,
        root_delay_seconds=0.0125, root_dispersion_seconds=0.03025,
    )  # fmt: skip


def test_the_state_of_the_reference_ntpd() -> None:
    state = ntpq.state(seen(rv=CLASSIC), [])
    assert state is not None
    assert (state.product, state.synchronised, state.stratum) == ("ntpd", False, 16)
    assert (state.reference, state.skew_ppm) == ("INIT", None)


@pytest.mark.parametrize("said", ["***Request timed out\n", "", NTPSEC.replace("-12.75", "fast")])
def test_an_error_with_exit_code_0(said: str) -> None:
    unread: list[Unread] = []
    assert ntpq.state(seen(rv=said), unread) is None
    assert unread == [Unread(name="ntpq rv", cause=Cause.UNEXPECTED)]


def test_peers() -> None:
    unread: list[Unread] = []
    found = ntpq.sources(seen(peers=PEERS), unread)
    assert found is not None
    assert found[0] == LocalSource(
        name="192.0.2.1", state=SourceState.SELECTED, stratum=1, reach=0o377, poll_seconds=1024.0,
        offset_seconds=-0.0005,
    )  # fmt: skip
    assert [(each.name, each.state.value, each.reach) for each in found[1:]] == [
        ("192.0.2.2", "combined", 0o17),
        ("2001:db8::2", "falseticker", 0o377),
        ("192.0.2.4", "not-combined", 0o377),
        ("PPS(0)", "selected", 0o377),
        ("192.0.2.5", "unusable", 0),
    ]
    assert [each.is_reference_clock for each in found] == [False] * 4 + [True, False]
    assert found[5].offset_seconds is None
    assert unread == []


def test_no_peers() -> None:
    assert ntpq.sources(seen(peers="No association IDs returned\n"), []) == ()
    absent = Unread(name="ntpq peers", cause=Cause.NOT_RUNNING)
    assert ntpq.sources(seen(peers=absent), []) is None
    assert ntpq.state(seen(rv=absent), []) is None


@pytest.mark.parametrize(("before", "after"), [("*192", "?192"), ("  377 ", "  9 "), ("0.004", "")])
def test_a_line_that_is_not_understood(before: str, after: str) -> None:
    unread: list[Unread] = []
    assert ntpq.sources(seen(peers=PEERS.replace(before, after)), unread) is None
    assert unread == [Unread(name="ntpq peers", cause=Cause.UNEXPECTED)]
