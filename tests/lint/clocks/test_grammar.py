"""What a directive's words may be, and the whole message where they are not."""

from __future__ import annotations

import pytest

from seventh.lint.chrony import conf as chrony_conf
from seventh.lint.ntpd import conf as ntp_conf

LOGS = (
    "accepts one of rawmeasurements, measurements, selection, statistics, tracking, rtc, "
    "refclocks, tempcomp only"
)
CHRONY = [
    ("rtcsync", ""),
    ("rtcsync yes", "rtcsync: too many words"),
    ("frobnicate", "unknown directive of chronyd"),
    ("server", "server: a word is missing"),
    ("driftfile /d interval 60", ""),
    ("driftfile /d 60", "driftfile: unknown option of chronyd"),
    # A number may have more behind it, but where chronyd reads to the next word ("!").
    ("port 123x", ""),
    ("port x", "port: an integer is expected"),
    ("makestep 1 3x", ""),
    ("makestep .5 -1", ""),
    ("makestep 1x 3", "makestep: a number is expected"),
    ("makestep 1", "makestep: an integer is missing"),
    ("makestep 1 x", "makestep: an integer is expected"),
    ("makestep 1 3 4", "makestep: too many words"),
    ("fallbackdrift 16x 19", "fallbackdrift: an integer is expected"),
    ("smoothtime 400 0.01", ""),
    ("smoothtime 400 0.01 LeapOnly", ""),
    ("smoothtime 400 0.01 other", "smoothtime: one of leaponly is expected"),
    ("smoothtime 400 0.01 other more", "smoothtime: too many words"),
    ("smoothtime 400 0.01 leaponly more", "smoothtime: too many words"),
    ("allow", ""),
    ("allow ALL", ""),
    ("allow all 192.0.2.0/24", ""),
    ("allow some_host", ""),
    ("allow 192.0.2.0/x", "allow: an address or a network is expected"),
    ("allow a.example/24", "allow: an address or a network is expected"),
    ("allow all 192.0.2.1 192.0.2.2", "allow: too many words"),
    ("allow 255.255.255.255", ""),
    ("allow 256.1.2.3", "allow: an address or a network is expected"),
    ("allow 1.2.3.1000", "allow: an address or a network is expected"),
    ("allow 1.2.3.4.1000", ""),  # five numbers can only be a name
    ("allow 2001:db8::/32", ""),
    ("ntsaeads", ""),
    ("ntsaeads 15 30", ""),
    ("ntsaeads 15 x", "ntsaeads: accepts an integer only"),
    ("log tracking RTC", ""),
    ("log tracking all", f"log: {LOGS}"),
    ("log all tracking", f"log: {LOGS}"),
    ("sourcedir", ""),
    ("sourcedir /a /b", ""),
    ("confdir", "confdir: a word is missing"),
    # Of alternatives, the first is named.
    ("bindcmdaddress /run/chrony/chronyd.sock", ""),
    ("bindcmdaddress 192.0.2.1", ""),
    ("bindcmdaddress fe80::1", ""),
    ("bindcmdaddress fe80::1%eth0", "bindcmdaddress: an address is expected"),
    ("bindcmdaddress run/x", "bindcmdaddress: an address is expected"),
    ("ntstrustedcerts /c", ""),
    ("ntstrustedcerts 1 /c", ""),
    ("ntstrustedcerts x /c", "ntstrustedcerts: too many words"),
    ("tempcomp /sys/t 30 /points", ""),
    ("tempcomp /sys/t 30 26 0 0.1 0.2", ""),
    ("tempcomp /sys/t 30 26 0", "tempcomp: too many words"),
    ("broadcast 60 192.0.2.255", ""),
    ("broadcast 60 192.0.2.255 123", ""),
    ("broadcast 60 all", "broadcast: an address is expected"),
    # Options.
    ("server a IBURST Key 3", ""),
    ("server a iburst nst", "server: unknown option of chronyd"),
    ("server a iburst # me", "server: a comment cannot follow on the same line"),
    ("server a !", "server: a comment cannot follow on the same line"),
    ("server a ;x", "server: a comment cannot follow on the same line"),
    ("server a %x", "server: a comment cannot follow on the same line"),
    ("server a key", "server: the option key requires an integer"),
    ("server a key 3x", "server: the option key requires an integer"),
    ("server a key iburst", "server: the option key requires an integer"),
    ("server a offset -0.5e-3", ""),
    ("server a offset x", "server: the option offset requires a number"),
    ("server a extfield F323", ""),
    ("server a extfield 0XF323", ""),
    ("server a extfield F32G", "server: the option extfield requires a hexadecimal number"),
    ("refclock PPS /dev/pps0 lock GPS1", ""),
    ("refclock PPS /dev/pps0 lock éé", ""),
    ("refclock PPS /dev/pps0 lock ééé",
     "refclock: the option lock requires at most four characters"),
    ("refclock PPS /dev/pps0 lock GPS12",
     "refclock: the option lock requires at most four characters"),
    ("local stratum 1", ""),
    ("local stratum 15 orphan", ""),
    ("local stratum 0", "local: the option stratum requires an integer from 1 to 15"),
    ("local stratum 16", "local: the option stratum requires an integer from 1 to 15"),
    ("local stratum 8x", "local: the option stratum requires an integer from 1 to 15"),
    ("hwtimestamp * rxfilter ptp", ""),
    ("hwtimestamp * rxfilter most",
     "hwtimestamp: the option rxfilter requires one of none, ntp, ptp, all"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "why"), CHRONY)
def test_chronyd(line: str, why: str) -> None:
    name, *words = line.split()
    assert chrony_conf.grammar().mismatch(name, tuple(words)) == why


@pytest.mark.parametrize(
    ("line", "first", "before", "why"),
    [
        ("confdir /d", (4, 0), (3, 5), "confdir requires version 4.0"),
        ("ntsaeads 15", (4, 6, 1), (4, 6), "ntsaeads requires version 4.6.1"),
        ("server a nts", (4, 0), (3, 5), "server: the option nts requires version 4.0"),
        ("driftfile /d interval 9", (4, 7), (4, 6, 1),
         "driftfile: the option interval requires version 4.7"),
    ],
)  # fmt: skip
def test_since_which_version(
    line: str, first: tuple[int, ...], before: tuple[int, ...], why: str
) -> None:
    name, *words = line.split()
    said = [chrony_conf.grammar().mismatch(name, tuple(words), v) for v in (first, before, None)]
    assert said == ["", why, ""]


@pytest.mark.parametrize(
    ("line", "product", "why"),
    [
        ("broadcastclient", "ntpd", ""),
        ("broadcastclient", "ntpsec",
         "broadcastclient is not supported by ntpsec, only by ntpd"),
        ("nts enable", "ntpsec", ""),
        ("nts enable", "ntpd", "nts is not supported by ntpd, only by ntpsec"),
        ("server a nts", "ntpd", "server: the option nts is not supported by ntpd, only by ntpsec"),
        ("server a autokey", "ntpsec",
         "server: the option autokey is not supported by ntpsec, only by ntpd"),
        ("server a autokey nts", None, ""),
        ("server -6 a iburst", None, ""),
        ("server -5 a", None, "server: unknown option of ntpd"),
        # Names are case-sensitive, and a number is a whole word.
        ("Server a", None, "unknown directive of ntpd"),
        ("server a IBURST", None, "server: unknown option of ntpd"),
        ("server a ; x", None, "server: a comment cannot follow on the same line"),
        ("leapfile /l checkhash", None, ""),
        ("leapfile /l CheckHash", None, "leapfile: one of checkhash, ignorehash is expected"),
        ("interface listen eth0", None, ""),
        ("interface Listen eth0", None,
         "interface: one of listen, ignore, drop is expected"),
        ("dscp 46", None, ""),
        ("dscp 46x", None, "dscp: an integer is expected"),
        ("tick 0.01x", None, "tick: a number is expected"),
        ("driftfile", None, ""),
        ("driftfile /d 60 1", None, "driftfile: too many words"),
        ("ttl 1 2 3", None, ""),
        ("ttl 1 2x", None, "ttl: accepts an integer only"),
    ],
)  # fmt: skip
def test_ntpd_and_ntpsec(line: str, product: str | None, why: str) -> None:
    name, *words = line.split()
    assert ntp_conf.grammar().mismatch(name, tuple(words), None, product) == why
