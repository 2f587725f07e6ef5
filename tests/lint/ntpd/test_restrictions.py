"""The networks and flags of ``restrict`` lines."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from seventh.lint.clocks.lines import Directive
from seventh.lint.ntpd.restrictions import (
    Restriction,
    default_rights,
    denied,
    key_of,
    restrictions,
)
from seventh.model.source import Line
from seventh.protocols.ntp.facts.config import ConfiguredSource, DefaultRights

ANY = ("0.0.0.0/0", "::/0")


def directive(line: str) -> Directive:
    name, *words = line.split()
    return Directive(name, tuple(words), Line(file="ntp.conf", line=1, text=line))


def known(
    *lines: str, product: str = "ntpd", version: tuple[int, ...] = (4, 2, 8)
) -> dict[str, tuple[set[str], str]]:
    found = restrictions(map(directive, lines), product, version)
    assert all(one.network == network for network, one in found.items())
    return {str(network): (set(one.flags), one.setting) for network, one in found.items()}


@pytest.mark.parametrize(
    ("line", "network"),
    [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("10.1.2.3 mask 255.255.0.0", "10.1.0.0/16"),
        ("10.1.2.3 mask 255.255.255.255", "10.1.2.3/32"),
        ("-4 10.1.2.3 mask 255.0.0.0", "10.0.0.0/8"),
        ("2001:db8::1", "2001:db8::1/128"),
        ("-6 2001:db8::1", "2001:db8::1/128"),
        ("2001:db8::1/32", "2001:db8::/32"),
        ("2001:db8::1 mask ffff:ffff::", "2001:db8::/32"),
        ("2001:db8::1 mask ffff:fff8::", "2001:db8::/29"),
    ],
)
def test_the_network_of_a_line(line: str, network: str) -> None:
    found = known(f"restrict {line} kod")
    assert found.keys() == {*ANY, network}
    assert found[network][0] == {"kod"}


@pytest.mark.parametrize(
    "line",
    [
        "ntp.example", "source", "-4 source", "10.1",
        # A mask with gaps, or of the other family: no network.
        "10.0.0.0 mask 255.0.255.0", "10.0.0.0 mask 0.0.0.255", "2001:db8:: mask ffff:0:ffff::",
        "2001:db8:: mask 255.0.0.0", "10.0.0.0 mask ffff::", "10.0.0.0 mask all",
    ],
)  # fmt: skip
def test_lines_without_a_network(line: str) -> None:
    assert known(f"restrict {line} ignore") == {network: (set(), "") for network in ANY}


@pytest.mark.parametrize(
    ("line", "product", "version", "networks", "key"),
    [
        ("default", "ntpd", (4, 2, 6), ANY, "restrict default"),
        ("default", "ntpd", (4, 2, 5), ANY[:1], "restrict default"),
        ("default", "ntpsec", (1, 2, 2), ANY, "restrict default"),
        ("-4 default", "ntpd", (4, 2, 4), ANY[:1], "restrict -4 default"),
        ("-6 default", "ntpd", (4, 2, 4), ANY[1:], "restrict -6 default"),
        ("0.0.0.0 mask 0.0.0.0", "ntpd", (4, 2, 8), ANY[:1], "restrict 0.0.0.0"),
        (":: mask ::", "ntpd", (4, 2, 8), ANY[1:], "restrict ::"),
    ],
)
def test_default_by_family_and_version(
    line: str, product: str, version: tuple[int, ...], networks: tuple[str, ...], key: str
) -> None:
    found = known(f"restrict {line} notrap", product=product, version=version)
    assert {network for network, (flags, _) in found.items() if "notrap" in flags} == {*networks}
    assert {found[network][1] for network in networks} == {key}


def test_flags_are_words_that_are_no_values() -> None:
    line = "restrict 10.0.0.0 mask 255.0.0.0 ippeerlimit 3 kod serverresponse fuzz notrap"
    assert known(line)["10.0.0.0/8"][0] == {"kod", "notrap"}
    assert known("restrict -6 default kod")["::/0"][0] == {"kod"}
    assert known("restrict 10.0.0.1")["10.0.0.1/32"][0] == set()


def test_lines_of_one_network_add_up_and_the_last_is_its_place() -> None:
    found = known(
        "restrict default kod",
        "server a",
        "restrict -4 default notrap",
        "restrict default ntpport ignore",  # of clients with source port 123
        "restrict 10.0.0.1 kod",
        "restrict 10.0.0.1 notrap",
    )
    assert found == {
        "0.0.0.0/0": ({"kod", "notrap"}, "restrict -4 default"),
        "::/0": ({"kod"}, "restrict default"),
        "10.0.0.1/32": ({"kod", "notrap"}, "restrict 10.0.0.1"),
    }


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("unrestrict 10.0.0.1", {}),
        ("unrestrict 10.0.0.1 kod", {"10.0.0.1/32": ({"notrap"}, "unrestrict 10.0.0.1")}),
        ("unrestrict 10.0.0.2", {"10.0.0.1/32": ({"kod", "notrap"}, "restrict 10.0.0.1")}),
    ],
)
def test_unrestrict_removes_flags_or_the_line(
    line: str, found: dict[str, tuple[set[str], str]]
) -> None:
    lines = known("restrict 10.0.0.1 kod notrap", line, product="ntpsec", version=(1, 2, 2))
    own = ({"noquery", "limited"}, "")
    assert lines == {**dict.fromkeys(ANY, own), **found}


def test_unrestrict_of_default_keeps_the_default() -> None:
    lines = known("restrict default kod", "unrestrict default", product="ntpsec", version=(1, 1, 8))
    assert lines == dict.fromkeys(ANY, ({"kod"}, "unrestrict default"))


@pytest.mark.parametrize(("version", "guarded"), [((1, 1, 8), False), ((1, 1, 9), True)])
def test_the_default_of_ntpsec_since_1_1_9(version: tuple[int, ...], guarded: bool) -> None:
    flags = {"noquery", "limited"} if guarded else set[str]()
    assert known(product="ntpsec", version=version) == dict.fromkeys(ANY, (flags, ""))
    assert known(product="ntpd", version=(4, 2, 8)) == dict.fromkeys(ANY, (set(), ""))


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("restrict default kod", "restrict default"),
        ("restrict -4 Default kod", "restrict -4 default"),
        ("restrict -6 default", "restrict -6 default"),
        ("unrestrict 2001:DB8::1 mask ::", "unrestrict 2001:db8::1"),
    ],
)
def test_the_key_of_a_line(line: str, key: str) -> None:
    assert key_of(directive(line)) == key


def test_rights_by_family() -> None:
    four, six = map(ip_network, ANY)
    rights = default_rights(
        {
            six: Restriction(six, frozenset({"noquery", "kod"}), "restrict default"),
            four: Restriction(four, frozenset()),
        }
    )
    assert rights == (
        DefaultRights(family="IPv4"),
        DefaultRights(family="IPv6", flags=("kod", "noquery"), setting="restrict default"),
    )


A = "restrict default ignore"


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ((A,), "a.example 10.1.2.3 2001:db8::1"),
        ((A, "restrict 127.0.0.1", "restrict ::1"), "a.example 10.1.2.3 2001:db8::1"),
        (("restrict -4 default ignore",), "10.1.2.3"),
        (("restrict -6 default ignore",), "2001:db8::1"),
        ((A, "restrict 10.1.2.3 noquery"), "2001:db8::1"),
        ((A, "restrict 10.0.0.0/8 noquery", "restrict 10.1.2.3 ignore"), "10.1.2.3 2001:db8::1"),
        ((A, "restrict 10.1.2.3 ignore", "restrict 10.0.0.0/8"), "10.1.2.3 2001:db8::1"),
        ((A, "restrict A.example"), "10.1.2.3 2001:db8::1"),
        ((A, "restrict b.example"), "a.example 10.1.2.3 2001:db8::1"),
        ((A, "restrict a.example ignore"), "a.example 10.1.2.3 2001:db8::1"),
        ((A, "restrict source noquery"), ""),
        ((A, "restrict -4 source"), ""),
        ((A, "restrict source ignore"), "a.example 10.1.2.3 2001:db8::1"),
        (("restrict default noserve",), ""), ((), ""),
    ],
)  # fmt: skip
def test_whose_replies_are_dropped(lines: tuple[str, ...], names: str) -> None:
    directives = [directive(line) for line in lines]
    sources = [
        ConfiguredSource(kind="server", name=name, setting=name)
        for name in ("a.example", "10.1.2.3", "2001:db8::1")
    ]
    found = restrictions(directives, "ntpd", (4, 2, 8))
    assert " ".join(denied([*sources, *sources], directives, found)) == names
