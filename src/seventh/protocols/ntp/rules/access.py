"""What a key shows (tier 2), and what only an intrusive look shows (tier 4)."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.intrusive import MonlistFacts, SourcePortFacts
from seventh.protocols.ntp.facts.sources import KeyFacts
from seventh.protocols.ntp.rules import file, lines
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "NTP-MAC-MD5",
    Severity.MEDIUM,
    tier=2,
    source=Source.WIRE,
    title="An MD5 key is accepted",
    evidence="{said}",
    why="The MAC is a plain MD5 of key and packet, a construction and a hash that are both broken "
    "as authentication; RFC 8573 replaces it by AES-CMAC.",
    fix={
        "chrony": "# in the keyfile on both sides; `chronyc keygen {key} AES128 128` writes the "
        "line. Or NTS: server … nts\n{key} AES128 HEX:…",
        "ntpd": "{key} AES128CMAC …   # in ntp.keys on both sides, 32 hexadecimal digits",
        "ntpsec": "{key} AES-128 …   # in ntp.keys on both sides, 32 hexadecimal digits. Or NTS: "
        "server … nts",
    },
    references=("RFC 8573", "RFC 8633"),
    seed=("12.4.3",),
    good=GOOD.learn(
        key=KeyFacts(key_id=2, algorithm="AES128", outcome="authenticated", authenticated=True)
    ),
    bad=GOOD.learn(
        key=KeyFacts(key_id=1, algorithm="MD5", outcome="authenticated", authenticated=True)
    ),
    directives={"chrony": ("keyfile",), "ntpd": ("keys",), "ntpsec": ("keys",)},
)
def mac_md5(ntp: NtpFacts) -> Verdict:
    """Both MACs, ours and the reply's, were made with MD5 and believed; or a file has such keys."""
    if ntp.config is not None and ntp.config.product:
        return file.md5_keys(ntp.config)
    key = ntp.key
    if key is None:
        return Skip("no symmetric key was given (--ntp-keys), or the server was silent")
    if key.algorithm != "MD5":
        return None
    if not key.authenticated:
        return Skip(f"the MD5 key authenticated nothing: {key.outcome}")
    said = f"key {key.key_id} of type MD5 authenticated a request, and the server's reply to it"
    return Hit(key=str(key.key_id), said=said)


@rule(
    "NTP-MONLIST",
    Severity.CRITICAL,
    tier=4,
    source=Source.WIRE,
    title="monlist is answered",
    evidence="{said}",
    why="With a forged sender address anybody turns each small request into up to a hundred full "
    "packets against a third party (CVE-2013-5211); and the list tells who asks this server.",
    fix={
        "ntpd": "# and upgrade: 4.2.7p26 and newer have no monlist\n{closed}",
        "cisco-ios": "no ntp allow mode private",
        "any": "Upgrade the NTP daemon, or filter mode 7 to this host; chrony and NTPsec do not "
        "speak it.",
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
    """Return a list came, or more bytes than were sent; an error answer alone is neither."""
    if ntp.config is not None and ntp.config.product:
        return file.monlist(ntp.config)
    said = ntp.monlist
    if said is None or said.factor is None:
        return Skip("monlist was not asked for")
    if not said.items and said.factor <= 1:
        return None
    packets = f"{said.packets} or more" if said.truncated else str(said.packets)
    return Hit(
        said=f"{said.request_bytes} bytes of mode 7 gave {said.bytes_received} bytes in {packets} "
        f"packets, factor {said.factor:.0f}, with {said.items} clients' addresses",
        request=said.request_bytes,
        received=said.bytes_received,
        packets=packets,
        factor=said.factor,
        items=said.items,
        **lines.pasted({"closed": lines.ANYBODY_CLOSED["ntpd"]}),
    )


@rule(
    "NTP-SRCPORT-FILTER",
    Severity.MEDIUM,
    tier=4,
    source=Source.WIRE,
    title="Answers depend on the port that a client asks from",
    evidence="requests from {answered} are answered, those from {silent} are not",
    why="A filter takes the client's port for a sign of who it is. Clients should ask from random "
    "ports (RFC 9109), and old ones ask from 123; an address translator changes either. So some of "
    "the clients get no time, and it is hard to see which.",
    fix={
        "any": "In every packet filter on the way, match UDP destination port 123 towards the "
        "server and source port 123 from it, and nothing about the client's port.",
        "nftables": "udp dport 123 accept   # without `udp sport 123` beside it",
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
    """Return one of the two kinds of port is answered and the other is not."""
    said = ntp.source_port
    if said is None:
        return Skip("no request was sent from port 123")
    if said.untried:
        return Skip(f"port 123 could not be tried: {said.untried}")
    if said.ephemeral_answered is None or said.privileged_answered is None:
        return Skip("only one kind of port was tried")
    if not said.ephemeral_answered and not said.privileged_answered:
        return Skip("no request was answered from any port")
    if said.ephemeral_answered and said.privileged_answered:
        return None
    ports = ("random ports", "port 123")
    return Hit(answered=ports[not said.ephemeral_answered], silent=ports[said.ephemeral_answered])
