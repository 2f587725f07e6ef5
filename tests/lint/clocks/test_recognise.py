"""How many lines speak for chrony, ntpd and ntpsec."""

from __future__ import annotations

import pytest

from seventh.lint.clocks.recognise import fits_chrony, fits_ntp, is_chrony, is_ntpd, is_ntpsec

SHARED = "driftfile /d"
CHRONY = "makestep 1 3"
NTP = "restrict default noquery"
NTPD = "broadcastclient"
NTPSEC = "nts enable"


@pytest.mark.parametrize(
    ("lines", "looks", "fits"),
    [
        # lines; chrony, ntpd, ntpsec by content alone; chrony, ntpd or ntpsec under a usual name
        ((SHARED,), (0, 0, 0), (1, 1)),
        ((CHRONY, SHARED), (2, 0, 0), (2, 1)),
        ((NTP, SHARED), (0, 2, 0), (1, 2)),
        ((NTPD, SHARED), (0, 2, 0), (1, 2)),
        ((NTPSEC, SHARED), (0, 0, 2), (1, 2)),
        ((NTPSEC, NTP, SHARED), (0, 1, 3), (1, 3)),
        ((NTPSEC, CHRONY, SHARED), (1, 0, 1), (2, 2)),
        ((CHRONY, NTP, SHARED), (1, 1, 0), (2, 2)),
        ((CHRONY, CHRONY, NTP, SHARED), (3, 1, 0), (3, 2)),
        # Comments, blanks, and what neither accepts.
        (("", "  ", "# makestep 1 3", " ! makestep 1 3", "; server a", "%x", "makestep"),
         (0, 0, 0), (0, 0)),
        (("\tMakeStep 1 3",), (1, 0, 0), (1, 0)),
        (("Restrict default",), (0, 0, 0), (0, 0)),
        # Another program's blocks and statements.
        (("server {", "server a;", "server a }"), (0, 0, 0), (0, 0)),
        (("server a/b", "Pool a/b", "peer a=b", "server"), (0, 0, 0), (0, 0)),
        (("server a.example iburst", "pool 192.0.2.1", "peer 2001:db8::1"), (0, 0, 0), (3, 3)),
        (("server -4 a.example",), (0, 1, 0), (0, 1)),
        (("server --4 a.example",), (0, 0, 0), (0, 0)),
        (("#",) * 1999 + (CHRONY, CHRONY), (1, 0, 0), (1, 0)),
    ],
)  # fmt: skip
def test_how_many_lines_speak_for_each(
    lines: tuple[str, ...], looks: tuple[int, int, int], fits: tuple[int, int]
) -> None:
    assert (is_chrony(lines), is_ntpd(lines), is_ntpsec(lines)) == looks
    assert (fits_chrony(lines), fits_ntp(lines)) == fits


@pytest.mark.parametrize(
    "line",
    [
        "allow all", "deny all", "device GPS", "disable monitor", "dscp 46", "enable monitor",
        "end", "extra port 1123", "ident x", "include /x", "interface ignore wildcard", "keys /k",
        "limit average 1", "local", "log tracking", "logfile /l", "manual", "phone 1",
        "pidfile /p", "port 0", "refresh 3", "reset allmem", "simulate", "tick 0.01", "trap a",
        "ttl 1", "user ntp", "Allow all",
    ],
)  # fmt: skip
def test_words_of_many_programs_speak_for_none(line: str) -> None:
    assert (fits_chrony((line,)), fits_ntp((line,))) == (0, 0)
