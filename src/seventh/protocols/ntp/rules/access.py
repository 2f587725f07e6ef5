"""Authentication by symmetric key (tier 2), and what only an intrusive check shows (tier 4)."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.intrusive import MonlistFacts, SourcePortFacts
from seventh.protocols.ntp.facts.sources import KeyFacts
from seventh.protocols.ntp.rules import file, lines
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_UPGRADE = "# and upgrade: monlist was removed in 4.2.7p26"
_PORTS = {"random": "random ports", "123": "port 123"}


@rule(
    "NTP-MAC-MD5",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="MD5 key in use",
    evidence="{what}",
    phrases={
        "what": {
            "accepted": "key {key} of type MD5 authenticated a request and its reply",
            "key-file": "MD5 keys in the key file: {key}",
        }
    },
    why="The MAC is MD5 over key and packet. Both this construction and MD5 itself are broken as "
    "authentication. RFC 8573 replaces them with AES-CMAC.",
    fix={
        "chrony": "# in the key file on both sides; `chronyc keygen {key} AES128 128` prints the "
        "line. Alternative: NTS (server … nts)\n{key} AES128 HEX:…",
        "ntpd": "{key} AES128CMAC …   # in ntp.keys on both sides, 32 hexadecimal digits",
        "ntpsec": "{key} AES-128 …   # in ntp.keys on both sides, 32 hexadecimal digits. "
        "Alternative: NTS (server … nts)",
    },
    references=("RFC 8573", "RFC 8633"),
    seed=("12.4.3",),
    good=GOOD.learn(
        key=KeyFacts(key_id=2, algorithm="AES128", outcome="authenticated", authenticated=True)
    ),
    bad=GOOD.learn(
        key=KeyFacts(key_id=1, algorithm="MD5", outcome="authenticated", authenticated=True)
    ),
    choice=("chrony", "ntpd", "ntpsec"),
    directives={"chrony": ("keyfile",), "ntpd": ("keys",), "ntpsec": ("keys",)},
)
def mac_md5(ntp: NtpFacts) -> Verdict:
    """Fail a server that accepts an MD5 key, and a key file that has such keys."""
    if ntp.config is not None:
        return file.md5_keys(ntp.config)
    key = ntp.key
    if key is None:
        return Skip(
            "no symmetric key was tested: give one with --ntp-keys, or no reply was received"
        )
    if key.algorithm != "MD5":
        return None
    if not key.authenticated:
        return Skip(f"the MD5 key was not accepted: {key.outcome}")
    return Hit(what="accepted", key=str(key.key_id))


@rule(
    "NTP-MONLIST",
    Severity.CRITICAL,
    tier=4,
    source=Source.WIRE,
    title="monlist answered",
    evidence="{what}",
    phrases={
        "what": {
            "answered": "a mode-7 request of {request} bytes returned {received} bytes "
            "(packets: {packets}, factor {factor:.0f}) and exposed client addresses: {items}",
            "truncated": "a mode-7 request of {request} bytes returned at least {received} bytes "
            "(packets: {packets}, factor {factor:.0f}) and exposed client addresses: {items}",
            "file": "{product} {version} supports monlist, monitoring is enabled, and any host may "
            "query over {families}",
        }
    },
    why="An attacker who forges the source address turns each small request into up to a hundred "
    "full packets against a third party (CVE-2013-5211). The list also exposes the addresses of "
    "the server's clients.",
    fix={
        "ntpd": f"{_UPGRADE}\n{lines.NO_QUERIES['ntpd']}",
        "cisco-ios": "no ntp allow mode private",
        "any": "Upgrade the NTP daemon, or drop mode-7 packets to this host in a packet filter; "
        "chrony and NTPsec do not support mode 7.",
    },
    references=("CVE-2013-5211", "RFC 8633"),
    seed=("12.10.4",),
    good=GOOD.learn(monlist=MonlistFacts(asked=(3, 2), request_bytes=8, factor=0.0)),
    bad=GOOD.learn(
        monlist=MonlistFacts(
            asked=(3,), packets=100, request_bytes=8, bytes_received=44_000, items=600,
            factor=5500.0,
        )
    ),
    directives={"ntpd": ("disable monitor", "restrict default")},
)  # fmt: skip
def monlist(ntp: NtpFacts) -> Verdict:
    """Fail a list, or more bytes than were sent; a short error response is a pass."""
    if ntp.config is not None:
        return file.monlist(ntp.config, _UPGRADE)
    answer = ntp.monlist
    if answer is None or answer.factor is None:
        return Skip("no monlist request was sent")
    if not answer.items and answer.factor <= 1:
        return None
    return Hit(
        what="truncated" if answer.truncated else "answered",
        request=answer.request_bytes,
        received=answer.bytes_received,
        packets=answer.packets,
        factor=answer.factor,
        items=answer.items,
    )


@rule(
    "NTP-SRCPORT-FILTER",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Requests filtered by source port",
    evidence="requests from {answered} are answered, requests from {silent} are not",
    phrases={"answered": _PORTS, "silent": _PORTS},
    why="A packet filter matches the client's source port. Clients should use random ports (RFC "
    "9109), old ones use 123, and NAT changes either. Some clients therefore get no time, and the "
    "cause is hard to find.",
    fix={
        "any": "In every packet filter on the path, match UDP destination port 123 towards the "
        "server and source port 123 from the server, and do not match the client's port.",
        "nftables": "udp dport 123 accept   # remove `udp sport 123` from the same rule",
        "iptables": "-A INPUT -p udp --dport 123 -j ACCEPT   # without --sport 123",
        "cisco-ios": "permit udp any host 192.0.2.123 eq ntp   # not `permit udp any eq ntp …`",
    },
    references=("RFC 9109",),
    seed=("12.4.4",),
    good=GOOD.learn(
        source_port=SourcePortFacts(ephemeral_answered=True, privileged_answered=True, requests=1)
    ),
    bad=GOOD.learn(
        source_port=SourcePortFacts(ephemeral_answered=False, privileged_answered=True, requests=1)
    ),
)
def source_port(ntp: NtpFacts) -> Verdict:
    """Fail where one of the two kinds of source port is answered and the other is not."""
    ports = ntp.source_port
    if ports is None:
        return Skip("no request was sent from port 123")
    if ports.untried:
        return Skip(f"port 123 could not be tested: {ports.untried}")
    answered = {"random": ports.ephemeral_answered, "123": ports.privileged_answered}
    if None in answered.values():
        return Skip("only one kind of source port was tested")
    if not any(answered.values()):
        return Skip("no request was answered from any port")
    if all(answered.values()):
        return None
    first, second = sorted(answered, key=lambda port: not answered[port])
    return Hit(answered=first, silent=second)
