"""Rules on the transport: protocol versions, groups, and times."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.rules import names
from seventh.protocols.ssh.rules.algorithms import offer_of
from seventh.protocols.ssh.rules.examples import offering
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

SLOW_BANNER_SECONDS = 1.0
SLOW_KEX_SECONDS = 0.5
LEAST_GROUP_BITS, SAFE_GROUP_BITS = 2048, 3072
"""Below the first a group is a high finding, below the second a low one."""
_NO_IDENT = Skip("no identification string was received")


@rule(
    "SSH-PROTO1",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="SSH protocol 1 supported",
    evidence="protocol version {version}: {ident}",
    why="Protocol 1 is broken: an attacker between client and server can read and change sessions.",
    fix={
        "openssh": "Protocol 2\n# and upgrade: OpenSSH 7.6 removed protocol 1",
        "any": "Disable protocol 1, or upgrade.",
    },
    references=("RFC 4253 §5.1",),
    seed=("12.2.2",),
    directives={"openssh": ("Protocol",)},
    good=SshFacts(ident="SSH-2.0-OpenSSH_9.9", protocol_version="2.0"),
    bad=SshFacts(ident="SSH-1.99-OpenSSH_3.9p1", protocol_version="1.99"),
)
def proto1(ssh: SshFacts) -> Verdict:
    """Find a version 1.x, which is protocol 1 alone, or 1.99, which is both."""
    if ssh.protocol_version is None:
        return _NO_IDENT if ssh.config is None else Skip(
            "the Protocol line has an effect before OpenSSH 7.4 only; give the version, such as "
            "--software openssh=7.2"
        )  # fmt: skip
    if ssh.protocol_version.startswith("1."):
        return Hit(version=ssh.protocol_version, ident=ssh.ident or "Protocol")
    return None


@rule(
    "SSH-GEX-SMALL",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Small Diffie-Hellman group in group exchange",
    evidence="the server gives {bits} bits {asked}",
    phrases={
        "asked": {
            "least": "as its smallest group",
            "exact": "for a request of exactly {preferred} bits",
            "range": "for a request of {preferred} bits, at most {maximum}",
        }
    },
    why="Discrete logarithms below 2048 bits are within reach of well-funded attackers, and 2048 "
    "bits are weaker than the 128-bit strength of the rest of the session.",
    fix={
        "openssh": "awk '$5 >= 3071' /etc/ssh/moduli > /etc/ssh/moduli.safe && "
        "mv /etc/ssh/moduli.safe /etc/ssh/moduli",
        "any": "Remove all moduli below 3072 bits, or remove diffie-hellman-group-exchange-*.",
    },
    references=("RFC 8270",),
    seed=("12.2.2",),
    directives={"openssh": ("ModuliFile", "KexAlgorithms")},
    good=replace(offering(), gex_bits=3072),
    bad=replace(offering(), gex_bits=1024),
)
def gex_small(ssh: SshFacts) -> Verdict:
    """Judge the smallest group: of the moduli file, or of all answers on the wire."""
    offer = offer_of(ssh, "KexAlgorithms")
    if isinstance(offer, Skip):
        return offer
    if not ssh.gex_answers and ssh.gex_bits is not None:
        return _small(ssh.gex_bits, asked="least")
    if not any("group-exchange" in name for name in offer.kex_algorithms):
        return None
    given = [answer for answer in ssh.gex_answers if answer.bits is not None]
    chosen = [answer for answer in given if not answer.is_fallback]
    # OpenSSH's built-in group 14 shows nothing of the moduli file; it counts only if alone.
    least = min(chosen or given, key=lambda answer: answer.bits or 0, default=None)
    if least is not None and least.bits is not None:
        asked = "exact" if least.minimum == least.maximum else "range"
        sizes = {"preferred": least.preferred, "maximum": least.maximum}
        if hit := _small(least.bits, asked=asked, **sizes):
            return hit
    if Topic.SMALLEST_GROUP in ssh.unknown or least is None:
        return Skip(ssh.unknown.get(Topic.SMALLEST_GROUP, "the server gave no group"))
    return None


def _small(bits: int, **params: Param) -> Hit | None:
    if bits >= SAFE_GROUP_BITS:
        return None
    return Hit(None if bits < LEAST_GROUP_BITS else Severity.LOW, bits=bits, **params)


@rule(
    "SSH-BANNER-LEAK",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Identification string exposes the distribution's patch level",
    evidence="{what}",
    phrases={
        "what": {
            "ident": "{ident} contains {level}",
            "VersionAddendum": "VersionAddendum {level}",
            "DebianBanner": "DebianBanner yes adds the package's version",
        }
    },
    why="Scanners use it to find servers with missing updates. It is not a vulnerability, and "
    "Seventh concludes nothing from it.",
    fix={
        "openssh": "# on Debian and Ubuntu\nDebianBanner no\n# on FreeBSD\nVersionAddendum none",
        "any": "Remove the comment from the identification string.",
    },
    references=("RFC 4253 §4.2",),
    seed=("12.2.2",),
    directives={"openssh": ("DebianBanner", "VersionAddendum")},
    good=SshFacts(ident="SSH-2.0-OpenSSH_9.9"),
    bad=SshFacts(ident="SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"),
)
def banner_leak(ssh: SshFacts) -> Verdict:
    """Find a distribution's name with a version in the identification string."""
    if ssh.ident is None:
        return _banner_in_file(ssh)
    level = names.patch_level(ssh.ident)
    return Hit(what="ident", ident=ssh.ident, level=level) if level else None


def _banner_in_file(ssh: SshFacts) -> Verdict:
    """Judge what a file adds to the identification string."""
    config = ssh.config
    if config is None:
        return _NO_IDENT
    if level := names.patch_level(config.version_addendum or ""):
        hit = Hit(what="VersionAddendum", level=level).at("VersionAddendum")
        return hit.fixed_by("openssh", "VersionAddendum none")
    if config.debian_banner is None:
        return Skip("DebianBanner is not set; the default is yes on Debian and Ubuntu")
    if config.debian_banner:
        hit = Hit(what="DebianBanner").at("DebianBanner")
        return hit.fixed_by("openssh", "DebianBanner no")
    return None


@rule(
    "SSH-BANNER-SLOW",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Identification string sent late",
    evidence="{seconds:.2f} s from connection to identification string (round trip {rtt:.3f} s)"
    "{later}",
    phrases={"later": {"none": "", "some": "; on later connections {further}"}},
    why="The server waits first: for a reverse lookup of the client (tcp wrappers, access rules), "
    "because MaxStartups is exhausted, or under load. Every login is delayed by this time.",
    fix={
        "openssh": "Check that the resolver in /etc/resolv.conf answers for client addresses, "
        "remove host names from /etc/hosts.allow and /etc/hosts.deny, check MaxStartups and load.",
        "any": "Fix the server's name resolution; check its load and connection limits.",
    },
    references=(),
    seed=("12.2.5", "12.11.1"),
    good=SshFacts(banner_seconds=0.04, rtt_seconds=0.02),
    bad=SshFacts(banner_seconds=5.02, rtt_seconds=0.02),
)
def banner_slow(ssh: SshFacts) -> Verdict:
    """Find more than a second beyond the round trip; low if most later connections were fast.

    A slow lookup is cached then: the first login of an hour is delayed, not every one.
    """
    if ssh.banner_seconds is None or ssh.rtt_seconds is None:
        return Skip("the identification string was not timed")
    limit = ssh.rtt_seconds + SLOW_BANNER_SECONDS
    if ssh.banner_seconds <= limit:
        return None
    further = ssh.further_banner_seconds
    quick = sum(seconds <= limit for seconds in further)
    severity = Severity.LOW if 2 * quick > len(further) else None
    return Hit(
        severity,
        seconds=ssh.banner_seconds,
        rtt=ssh.rtt_seconds,
        later="some" if further else "none",
        further=tuple(f"{seconds:.2f} s" for seconds in further),
    )


@rule(
    "SSH-KEX-SLOW",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Key exchange slow",
    evidence="{method} takes {seconds:.2f} s (round trip {rtt:.3f} s)",
    why="The server computes for long: a large Diffie-Hellman group, a large RSA host key or a "
    "slow CPU. Every connection is delayed by this time.",
    fix={
        "openssh": "Offer curve25519-sha256 and an Ed25519 host key: remove the KexAlgorithms "
        "line, and add: HostKey /etc/ssh/ssh_host_ed25519_key",
        "any": "Prefer curve25519-sha256 or mlkem768x25519-sha256, and Ed25519 host keys.",
    },
    references=("RFC 8731",),
    seed=("12.2.4",),
    good=SshFacts(kex_seconds=0.05, rtt_seconds=0.02),
    bad=SshFacts(kex_seconds=1.4, rtt_seconds=0.02),
)
def kex_slow(ssh: SshFacts) -> Verdict:
    """Find more than half a second beyond two round trips."""
    if ssh.kex_seconds is None or ssh.rtt_seconds is None:
        return Skip("the key exchange did not complete")
    if ssh.kex_seconds - 2 * ssh.rtt_seconds <= SLOW_KEX_SECONDS:
        return None
    method = ssh.negotiated.kex if ssh.negotiated is not None else "key exchange"
    return Hit(seconds=ssh.kex_seconds, rtt=ssh.rtt_seconds, method=method)
