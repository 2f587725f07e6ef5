"""The whole verdict on versions, groups, banners and times, at every boundary."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.facts import Choice, GroupAnswer, SshFacts, Topic
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.rules import transport as rules
from seventh.protocols.ssh.rules.examples import offering
from tests.verdicts import hit, told

NO_IDENT = "skip: no identification string was received"
GEX = "diffie-hellman-group-exchange-sha256"


def file(**fields: Any) -> SshFacts:
    return SshFacts(config=SshConfigFacts(side="server", **fields))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), NO_IDENT),
        (file(), ("skip: the Protocol line has an effect before OpenSSH 7.4 only; give the "
         "version, such as --software openssh=7.2")),
        (SshFacts(protocol_version="2.0"), "pass"),
        (SshFacts(protocol_version="1.5", ident="SSH-1.5-x"),
         "critical: protocol version 1.5: SSH-1.5-x"),
        (SshFacts(protocol_version="1.99", ident="SSH-1.99-x"),
         "critical: protocol version 1.99: SSH-1.99-x"),
        (SshFacts(protocol_version="1.99"), "critical: protocol version 1.99: Protocol"),
    ],
)  # fmt: skip
def test_protocol_1(facts: SshFacts, line: str) -> None:
    assert told(rules.proto1, facts) == line


def asked(*answers: tuple[int, int, int | None, int | None], **more: Any) -> SshFacts:
    """Requests for a minimum and a maximum, each with the modulus and its known group."""
    given = tuple(
        GroupAnswer(minimum=low, preferred=low + 1, maximum=high, bits=bits, group=group)
        for low, high, bits, group in answers
    )
    return replace(offering(kex_algorithms=(GEX,)), gex_answers=given, **more)


EXACTLY = "the server gives {} bits for a request of exactly {} bits"
RANGE = "the server gives {} bits for a request of {} bits, at most {}"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (offering(), "pass"),
        (asked(), "skip: the server gave no group"),
        (asked(unknown={Topic.SMALLEST_GROUP: "it closed"}), "skip: it closed"),
        (asked((1024, 8192, None, None)), "skip: the server gave no group"),
        (asked((1024, 8192, 3072, None)), "pass"),
        (asked((1024, 8192, 3072, None), unknown={Topic.SMALLEST_GROUP: "it closed"}),
         "skip: it closed"),
        (asked((1024, 8192, 3071, None)), f"low: {RANGE.format(3071, 1025, 8192)}"),
        (asked((2048, 2048, 2048, None)), f"low: {EXACTLY.format(2048, 2049)}"),
        (asked((1024, 1024, 2047, None)), f"high: {EXACTLY.format(2047, 1025)}"),
        (asked((1024, 8192, 2048, None), (1024, 1024, 1024, None), (1024, 1536, 1536, None)),
         f"high: {EXACTLY.format(1024, 1025)}"),
        # OpenSSH's group 14 for small requests shows nothing, unless it is all there is.
        (asked((1024, 8192, 4096, None), (1024, 1024, 2048, 14)), "pass"),
        (asked((1024, 8192, 4096, None), (1024, 3072, 2048, 14)),
         f"low: {RANGE.format(2048, 1025, 3072)}"),
        (asked((1024, 1024, 2048, 14)), f"low: {EXACTLY.format(2048, 1025)}"),
        (asked((1024, 8192, 2048, None), unknown={Topic.SMALLEST_GROUP: "it closed"}),
         f"low: {RANGE.format(2048, 1025, 8192)}"),
        # A file of moduli; answers are the better evidence.
        (asked(gex_bits=2047), "high: the server gives 2047 bits as its smallest group"),
        (asked(gex_bits=2048), "low: the server gives 2048 bits as its smallest group"),
        (asked(gex_bits=3071), "low: the server gives 3071 bits as its smallest group"),
        (asked(gex_bits=3072), "pass"),
        (asked((1024, 8192, 3072, None), gex_bits=1024), "pass"),
    ],
)  # fmt: skip
def test_groups(facts: SshFacts, line: str) -> None:
    assert told(rules.gex_small, facts) == line


@pytest.mark.parametrize(
    ("facts", "line", "fixes"),
    [
        (SshFacts(), NO_IDENT, {}),
        (SshFacts(ident="SSH-2.0-OpenSSH_9.9"), "pass", {}),
        (SshFacts(ident="SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"),
         "info: SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3 contains Debian-2+deb12u3", {}),
        (file(), "skip: DebianBanner is not set; the default is yes on Debian and Ubuntu", {}),
        (file(debian_banner=False), "pass", {}),
        (file(debian_banner=False, version_addendum="hello"), "pass", {}),
        (file(debian_banner=True), "info: DebianBanner yes adds the package's version",
         {"openssh": ("DebianBanner no",)}),
        (file(debian_banner=True, version_addendum="FreeBSD-20240104"),
         "info: VersionAddendum FreeBSD-20240104", {"openssh": ("VersionAddendum none",)}),
    ],
)  # fmt: skip
def test_banners(facts: SshFacts, line: str, fixes: dict[str, tuple[str, ...]]) -> None:
    assert told(rules.banner_leak, facts) == line
    if fixes:
        found = hit(rules.banner_leak, facts)
        (directive,) = (text.split()[0].lower() for text in fixes["openssh"])
        assert (found.fixes, found.settings) == (fixes, (directive,))


LATE = "{} s from connection to identification string (round trip 0.250 s)"
FURTHER = "; on later connections "


@pytest.mark.parametrize(
    ("seconds", "rtt", "further", "line"),
    [
        (None, 0.25, (), "skip: the identification string was not timed"),
        (9.0, None, (), "skip: the identification string was not timed"),
        (1.25, 0.25, (), "pass"),
        (1.26, 0.25, (), f"medium: {LATE.format('1.26')}"),
        # Half of the later ones quick is not most of them.
        (5.0, 0.25, (1.25, 1.26), f"medium: {LATE.format('5.00')}{FURTHER}1.25 s, 1.26 s"),
        (5.0, 0.25, (1.25, 1.26, 0.1),
         f"low: {LATE.format('5.00')}{FURTHER}1.25 s, 1.26 s, 0.10 s"),
        (5.0, 0.25, (0.1,), f"low: {LATE.format('5.00')}{FURTHER}0.10 s"),
        (5.0, 0.25, (1.26, 1.27, 0.1),
         f"medium: {LATE.format('5.00')}{FURTHER}1.26 s, 1.27 s, 0.10 s"),
    ],
)  # fmt: skip
def test_late_banners(
    seconds: float | None, rtt: float | None, further: tuple[float, ...], line: str
) -> None:
    facts = SshFacts(banner_seconds=seconds, rtt_seconds=rtt, further_banner_seconds=further)
    assert told(rules.banner_slow, facts) == line


NEGOTIATED = Choice(
    kex="curve25519-sha256", host_key="", cipher_client_to_server="", cipher_server_to_client="",
    mac_client_to_server="", mac_server_to_client="", compression_client_to_server="",
    compression_server_to_client="",
)  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "rtt", "negotiated", "line"),
    [
        (None, 0.25, None, "skip: the key exchange did not complete"),
        (9.0, None, None, "skip: the key exchange did not complete"),
        (1.0, 0.25, None, "pass"),
        (1.01, 0.25, None, "low: key exchange takes 1.01 s (round trip 0.250 s)"),
        (0.75, 0.25, None, "pass"),
        (1.01, 0.25, NEGOTIATED, "low: curve25519-sha256 takes 1.01 s (round trip 0.250 s)"),
    ],
)
def test_slow_key_exchanges(
    seconds: float | None, rtt: float | None, negotiated: Choice | None, line: str
) -> None:
    facts = SshFacts(kex_seconds=seconds, rtt_seconds=rtt, negotiated=negotiated)
    assert told(rules.kex_slow, facts) == line
