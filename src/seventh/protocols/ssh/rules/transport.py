"""SSH's rules: versions, keys, names and times here; algorithm names in their own module."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import GroupAnswer, HostKey, SshFacts, Sshfp, Topic
from seventh.protocols.ssh.rules import names
from seventh.protocols.ssh.rules.algorithms import UNPROVEN, no_offer
from seventh.protocols.ssh.rules.examples import key, offering
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

SLOW_BANNER_SECONDS = 1.0
SLOW_KEX_SECONDS = 0.5


@rule(
    "SSH-PROTO1",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="SSH protocol 1 is spoken",
    evidence="the server announces protocol {version}: {ident}",
    why="Protocol 1 is broken: sessions can be read and changed by anybody in between.",
    fix={
        "openssh": "Protocol 2\n# and upgrade: protocol 1 left OpenSSH in 7.6",
        "any": "Switch protocol 1 off or upgrade.",
    },
    references=("RFC 4253 §5.1",),
    seed=("12.2.2",),
    directives={"openssh": ("Protocol",)},
    good=SshFacts(ident="SSH-2.0-OpenSSH_9.9", protocol_version="2.0"),
    bad=SshFacts(ident="SSH-1.99-OpenSSH_3.9p1", protocol_version="1.99"),
)
def proto1(ssh: SshFacts) -> Verdict:
    """1.x speaks only protocol 1, 1.99 both."""
    if ssh.protocol_version is None and ssh.config is not None:
        return Skip("a Protocol line counts before OpenSSH 7.4 only: say which with --software")
    if ssh.protocol_version is None:
        return Skip("no identification string was received")
    if ssh.protocol_version.startswith("1."):
        return Hit(version=ssh.protocol_version, ident=ssh.ident or "Protocol")
    return None


@rule(
    "SSH-GEX-SMALL",
    Severity.HIGH,
    tier=1,
    source=Source.WIRE,
    title="Group exchange gives a small modulus",
    evidence="asked for {asked}, the server gave {bits} bits",
    why="Discrete logarithms below 2048 bits are within reach of well-funded attackers, and 2048 "
    "falls short of the 128-bit strength of everything else in the session.",
    fix={
        "openssh": "awk '$5 >= 3071' /etc/ssh/moduli > /etc/ssh/moduli.safe && "
        "mv /etc/ssh/moduli.safe /etc/ssh/moduli",
        "any": "Give no modulus below 3072 bits, or remove diffie-hellman-group-exchange-*.",
    },
    references=("RFC 8270",),
    seed=("12.2.2",),
    directives={"openssh": ("ModuliFile", "KexAlgorithms")},
    good=replace(offering(), gex_bits=3072),
    bad=replace(offering(), gex_bits=1024),
)
def gex_small(ssh: SshFacts) -> Verdict:
    """Below 2048 bits high, below 3072 low; what a file says, or each answer on the wire."""
    if (skip := no_offer(ssh, "KexAlgorithms")) is not None or ssh.kexinit is None:
        return skip
    if not ssh.gex_answers and ssh.gex_bits is not None:
        return _small(ssh.gex_bits, "the smallest group")
    if not any("group-exchange" in name for name in ssh.kexinit.kex_algorithms):
        return None
    given = [answer for answer in ssh.gex_answers if answer.bits is not None]
    chosen = [answer for answer in given if not answer.is_fallback]
    # OpenSSH's own group 14 says nothing of the moduli file, unless there is nothing else.
    least = min(chosen or given, key=lambda answer: answer.bits or 0, default=None)
    if least is not None and least.bits is not None and (hit := _small(least.bits, _asked(least))):
        return hit
    if Topic.SMALLEST_GROUP in ssh.unknown or least is None:
        return Skip(ssh.unknown.get(Topic.SMALLEST_GROUP, "the server gave no group"))
    return None


def _small(bits: int, asked: str) -> Hit | None:
    if bits >= 3072:
        return None
    return Hit(None if bits < 2048 else Severity.LOW, bits=bits, asked=asked)


def _asked(answer: GroupAnswer) -> str:
    if answer.minimum == answer.maximum:
        return f"{answer.minimum} bits and no other size"
    return f"{answer.preferred} bits, at most {answer.maximum}"


@rule(
    "SSH-HOSTKEY-SPLIT",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="The name's addresses show different host keys",
    evidence="{keys}",
    why="A client that reaches another address than last time is warned of an attack, at random; "
    "people then learn to ignore the warning.",
    fix={
        "openssh": "Copy /etc/ssh/ssh_host_*_key to every machine behind the name, or sign every "
        "machine's key with one host CA (HostCertificate, and @cert-authority in known_hosts).",
        "any": "Share the host keys, or give every machine its own name.",
    },
    references=("RFC 4251 §4.1",),
    seed=("12.2.1",),
    good=SshFacts(
        host_keys_by_address={"192.0.2.1": ("ssh-ed25519 A",), "192.0.2.2": ("ssh-ed25519 A",)}
    ),
    bad=SshFacts(
        host_keys_by_address={"192.0.2.1": ("ssh-ed25519 A",), "192.0.2.2": ("ssh-ed25519 B",)}
    ),
)
def hostkey_split(ssh: SshFacts) -> Verdict:
    """Return the same question to every address gave different keys."""
    seen = ssh.host_keys_by_address
    if len(seen) < 2:
        return Skip("fewer than two addresses showed a host key")
    if len(set(seen.values())) == 1:
        return None
    return Hit(keys=tuple(f"{address}: {' '.join(keys)}" for address, keys in seen.items()))


_SHA1, _SHA256 = 1, 2
_NUMBERS = {"ssh-rsa": 1, "ssh-dss": 2, "ssh-ed25519": 4, "ssh-ed448": 6}


def _number(seen: HostKey) -> int:
    """Return the key type's number in SSHFP records; 3 is every ECDSA curve."""
    return _NUMBERS.get(seen.type, 3)


def _matches(record: Sshfp, seen: HostKey) -> bool:
    known = {_SHA1: seen.sha1_hex, _SHA256: seen.sha256_hex}
    return known.get(record.fingerprint_type) == record.fingerprint


def sshfp_problems(
    records: Sequence[Sshfp], keys: Sequence[HostKey], *, authenticated: bool | None
) -> tuple[tuple[str, ...], bool]:
    """Return what is wrong with a name's SSHFP records, and whether any of it is a mismatch.

    A key of a type that has no record is no mismatch: the client then falls back to asking.
    """
    problems: list[str] = []
    for seen in keys:
        mine = [record for record in records if record.algorithm == _number(seen)]
        if mine and not any(_matches(record, seen) for record in mine):
            problems.append(f"no record matches the {seen.type} key {seen.sha256}")
    mismatch = bool(problems)
    kinds = {record.fingerprint_type for record in records}
    if kinds == {_SHA1}:
        problems.append("the fingerprints are SHA-1 only")
    if authenticated is False:
        problems.append("the resolver did not vouch for them by DNSSEC (no AD bit)")
    return tuple(problems), mismatch


@rule(
    "SSH-SSHFP",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="SSHFP records that do not help",
    evidence="{problems}",
    why="A client that trusts SSHFP refuses a key that does not match its records, and takes "
    "no record on trust that DNSSEC does not protect. Whether it does is the resolver's word here.",
    fix={
        "openssh": "ssh-keygen -r HOST prints the records of the keys in /etc/ssh; publish those "
        "with fingerprint type 2 (SHA-256) and sign the zone with DNSSEC.",
        "any": "Publish SHA-256 fingerprints of the present keys and sign the zone.",
    },
    references=("RFC 4255", "RFC 6594", "RFC 7479"),
    seed=("12.2.1",),
    good=SshFacts(
        host_keys=(replace(key(), signature_valid=True),),
        sshfp=(Sshfp(algorithm=4, fingerprint_type=2, fingerprint=key().sha256_hex),),
        sshfp_authenticated=True,
    ),
    bad=SshFacts(
        host_keys=(key(),),
        sshfp=(Sshfp(algorithm=4, fingerprint_type=2, fingerprint="00" * 32),),
        sshfp_authenticated=True,
    ),
)
def sshfp(ssh: SshFacts) -> Verdict:
    """Mismatch high; SHA-1 only or no DNSSEC medium."""
    if ssh.sshfp is None:
        return Skip(ssh.unknown.get(Topic.SSHFP, "the target is no name that SSHFP was asked for"))
    if not ssh.sshfp:
        return not_applicable("the name has no SSHFP record")
    if not ssh.host_keys:
        return Skip("no host key was seen to compare with")
    problems, mismatch = sshfp_problems(
        ssh.sshfp, ssh.host_keys, authenticated=ssh.sshfp_authenticated
    )
    if problems:
        return Hit(Severity.HIGH if mismatch else None, problems=problems)
    if not all(seen.signature_valid for seen in ssh.host_keys):
        return Skip(UNPROVEN)
    return None


@rule(
    "SSH-BANNER-LEAK",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="The greeting tells the distribution's patch level",
    evidence="{ident} tells {level}",
    why="It tells a scanner which updates are missing. It is no weakness by itself, and Seventh "
    "draws no conclusion from it.",
    fix={
        "openssh": "# on Debian and Ubuntu\nDebianBanner no\n# on FreeBSD\nVersionAddendum none",
        "any": "Leave the comment out of the identification string.",
    },
    references=("RFC 4253 §4.2",),
    seed=("12.2.2",),
    directives={"openssh": ("DebianBanner", "VersionAddendum")},
    good=SshFacts(ident="SSH-2.0-OpenSSH_9.9"),
    bad=SshFacts(ident="SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"),
)
def banner_leak(ssh: SshFacts) -> Verdict:
    """Return a distribution's name with a version in the identification string."""
    if ssh.ident is None:
        return _banner_in_file(ssh)
    level = names.patch_level(ssh.ident)
    return Hit(ident=ssh.ident, level=level) if level else None


def _banner_in_file(ssh: SshFacts) -> Verdict:
    """Return what a file adds to the identification string, where there is a file."""
    config = ssh.config
    if config is None:
        return Skip("no identification string was received")
    addendum = config.version_addendum or ""
    if level := names.patch_level(addendum):
        hit = Hit(ident=f"VersionAddendum {addendum}", level=level).at("VersionAddendum")
        return hit.fixed_by("openssh", "VersionAddendum none")
    if config.debian_banner is None:
        return Skip("DebianBanner is not set: on Debian and Ubuntu that is yes, elsewhere nothing")
    if config.debian_banner:
        hit = Hit(ident="DebianBanner yes", level="the package's version").at("DebianBanner")
        return hit.fixed_by("openssh", "DebianBanner no")
    return None


@rule(
    "SSH-BANNER-SLOW",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The greeting comes late",
    evidence="{seconds:.2f} s from connection to greeting, of which the network is {rtt:.3f} s"
    "{later}",
    why="The server waits before it greets: a name look-up of the client (tcp wrappers, access "
    "rules), an exhausted MaxStartups, or a machine under load. Every login waits with it.",
    fix={
        "openssh": "Make the resolver in /etc/resolv.conf answer for client addresses, drop host "
        "names from /etc/hosts.allow and /etc/hosts.deny, and see MaxStartups and the load.",
        "any": "Repair the server's name resolution; look at its load and connection limits.",
    },
    references=(),
    seed=("12.2.5", "12.11.1"),
    good=SshFacts(banner_seconds=0.04, rtt_seconds=0.02),
    bad=SshFacts(banner_seconds=5.02, rtt_seconds=0.02),
)
def banner_slow(ssh: SshFacts) -> Verdict:
    """Return more than a second beyond the round trip; low where most later connections were quick.

    A look-up is slow once and then cached: the first login of an hour waits, not every one.
    """
    if ssh.banner_seconds is None or ssh.rtt_seconds is None:
        return Skip("the greeting was not timed")
    limit = ssh.rtt_seconds + SLOW_BANNER_SECONDS
    if ssh.banner_seconds <= limit:
        return None
    further = ssh.further_banner_seconds
    later = f"; then {', '.join(f'{seconds:.2f}' for seconds in further)} s" if further else ""
    quick = sum(seconds <= limit for seconds in further)
    severity = Severity.LOW if 2 * quick > len(further) else None
    return Hit(severity, seconds=ssh.banner_seconds, rtt=ssh.rtt_seconds, later=later)


@rule(
    "SSH-KEX-SLOW",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="The key exchange is slow",
    evidence="{seconds:.2f} s with {method}, at a round trip of {rtt:.3f} s",
    why="The server computes long: a big Diffie-Hellman group, a large RSA host key or a weak CPU. "
    "Every connection pays for it.",
    fix={
        "openssh": "Let clients find curve25519-sha256 and an Ed25519 host key: remove the "
        "KexAlgorithms line, and HostKey /etc/ssh/ssh_host_ed25519_key",
        "any": "Prefer curve25519-sha256 or mlkem768x25519-sha256 and Ed25519 host keys.",
    },
    references=("RFC 8731",),
    seed=("12.2.4",),
    good=SshFacts(kex_seconds=0.05, rtt_seconds=0.02),
    bad=SshFacts(kex_seconds=1.4, rtt_seconds=0.02),
)
def kex_slow(ssh: SshFacts) -> Verdict:
    """Return more than half a second beyond two round trips."""
    if ssh.kex_seconds is None or ssh.rtt_seconds is None:
        return Skip("the key exchange did not end")
    if ssh.kex_seconds - 2 * ssh.rtt_seconds <= SLOW_KEX_SECONDS:
        return None
    method = ssh.negotiated.kex if ssh.negotiated is not None else "an unknown method"
    return Hit(seconds=ssh.kex_seconds, rtt=ssh.rtt_seconds, method=method)
