"""What can be wrong with the conversation itself: silence, loss, forgery, kisses, mode 6.

What can be wrong with the time that it gives is in ``rules_clock``.
"""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.rules import file, lines
from seventh.protocols.ntp.rules.examples import GOOD, SILENT
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

LOSS_RATIO = 0.25
LOSS_MIN_REQUESTS = 4
"""Of fewer requests, one lost packet would already be more than a quarter."""
_DENIED = ("DENY", "RSTR")


@rule(
    "NTP-NO-REPLY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="No NTP reply",
    evidence="0 of {requests} requests to {address} answered: {instead}",
    why="Clients of this server get no time and drift. A refusal by ICMP means that the host is up "
    "and nothing listens; silence means that a firewall drops UDP/123, that the server does not "
    "allow this client, or that the host is down.",
    fix={
        "any": "Open UDP port 123 in both directions on every firewall on the way, also for source "
        "ports other than 123; see that the daemon runs and listens (`ss -lunp`).",
        "chrony": "# the clients' network; chronyd serves no other\nallow 198.51.100.0/24",
        "ntpd": "restrict default kod limited nomodify nopeer noquery   # not noserve or ignore",
    },
    references=("RFC 5905", "RFC 9109"),
    seed=("12.4.3", "12.11.3"),
    good=GOOD,
    bad=SILENT,
)
def no_reply(ntp: NtpFacts) -> Verdict:
    """Requests went out and nothing that answers one came back."""
    if not ntp.requests:
        return Skip(f"no request left this machine: {ntp.icmp}" if ntp.icmp else "nothing was sent")
    if ntp.replies:
        return None
    nts = ntp.nts
    if nts is not None and nts.plain_answered and nts.padded_answered is False:
        return Skip("only requests of NTS's size get no answer, which NTS-UDP-DROP judges")
    said = [ntp.icmp] if ntp.icmp else []
    if nts is not None and nts.unauthenticated:
        said.append(
            f"{nts.unauthenticated} that do not authenticate ({nts.unauthenticated_detail})"
        )
    if ntp.malformed:
        said.append(f"{ntp.malformed} datagrams that are no NTP reply ({ntp.malformed_detail})")
    if ntp.foreign:
        sources = ", ".join(ntp.foreign_sources)
        said.append(f"{ntp.foreign} replies came from {sources}")
    if ntp.spoofed > ntp.foreign:
        said.append(f"{ntp.spoofed - ntp.foreign} packets that answer none of them")
    return Hit(
        requests=ntp.requests, address=ntp.address, instead="; ".join(said) or "silence, no ICMP"
    )


@rule(
    "NTP-LOSS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="NTP replies get lost",
    evidence="{lost} of {requests} requests unanswered ({percent:.0f} %), reach {reach}",
    why="A daemon that loses replies polls on with old data and may drop the source. Common causes "
    "are a policer on UDP/123, NAT state that expires, and a server that limits our rate.",
    fix={
        "any": "Look for a UDP/123 policer or an exhausted NAT table on the way, or take a server "
        "with a better path.",
        "chrony": "# on a server whose limit is too tight\nratelimit interval 1 burst 16 leak 2",
        "ntpd": "discard average 3 minimum 1   # on a server whose `limited` is too tight",
    },
    references=("RFC 5905 §9.2",),
    seed=("12.4.4",),
    good=GOOD,
    bad=GOOD.learn(replies=2, loss_ratio=0.5, reach=0b1010),
)
def loss(ntp: NtpFacts) -> Verdict:
    """Return more than a quarter of the requests unanswered."""
    if ntp.loss_ratio is None or not ntp.requests:
        return Skip("no request was sent")
    if not ntp.replies:
        return Skip("nothing was answered at all, which NTP-NO-REPLY judges")
    if ntp.requests < LOSS_MIN_REQUESTS:
        return Skip(f"fewer than {LOSS_MIN_REQUESTS} requests were sent")
    if ntp.loss_ratio <= LOSS_RATIO:
        return None
    return Hit(
        lost=ntp.requests - ntp.replies,
        requests=ntp.requests,
        percent=100 * ntp.loss_ratio,
        reach=f"{ntp.reach or 0:03o}",
    )


@rule(
    "NTP-SPOOF",
    Severity.CRITICAL,
    tier=0,
    source=Source.WIRE,
    title="NTP replies that are forged or from the wrong address",
    evidence="{forged} packets with an origin timestamp that is none of ours ({kisses} of them "
    "kisses), {foreign} with ours from another address or port; other sources: {sources}",
    why="Somebody who cannot see the requests guesses replies to move this client's clock, or "
    "forges kisses to silence it. Our origin timestamp from another address means instead a server "
    "that answers from the wrong one of its addresses, a NAT that rewrites, or an attacker on the "
    "path; every client drops such replies.",
    fix={
        "any": "Authenticate the time: NTS (RFC 8915), or a symmetric AES-CMAC key. Filter spoofed "
        "source addresses at the network's edge (BCP 38). A server with several addresses must "
        "answer from the one that was asked.",
        "chrony": "# on a client; the server needs ntsserverkey and ntsservercert, or "
        "`bindaddress` where it answers from the wrong address\nserver {address} iburst nts",
        "ntpd": "interface listen {address}   # a server that answers from the wrong address",
    },
    references=("RFC 5905 §8", "RFC 8915"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(spoofed=3, spoofed_kisses=1),
)
def spoof(ntp: NtpFacts) -> Verdict:
    """Packets that answer none of our requests; only a wrong sender is no proof of an attack."""
    if not ntp.requests:
        return Skip("no request was sent")
    if not ntp.spoofed:
        return None
    forged = ntp.spoofed - ntp.foreign
    return Hit(
        Severity.CRITICAL if forged else Severity.HIGH,
        forged=forged,
        kisses=ntp.spoofed_kisses,
        foreign=ntp.foreign,
        sources=ntp.foreign_sources or ("none",),
        address=ntp.address,
    )


@rule(
    "NTP-KOD-RATE",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="The server limits our rate",
    evidence="kiss code RATE, after which nothing more was sent; {requests} requests till then",
    why="A client that is told RATE must poll less often (RFC 5905). Many clients behind one "
    "address, or another daemon on this machine, count together.",
    fix={
        "any": "Poll at 64 s or slower, double the interval at every RATE, and run a server of "
        "your own for a network of many clients.",
        "chrony": "# without `burst`\nserver {address} minpoll 6 maxpoll 10",
        "ntpd": "server {address} minpoll 6 maxpoll 10   # no `burst`",
    },
    references=("RFC 5905 §7.4", "RFC 8633"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(requests=2, replies=2, kiss_codes=("RATE",)),
)
def kiss_rate(ntp: NtpFacts) -> Verdict:
    """Return a kiss with our origin timestamp says RATE."""
    if not ntp.replies:
        return Skip("the server answered nothing")
    if "RATE" not in ntp.kiss_codes:
        return None
    return Hit(requests=ntp.requests, address=ntp.address)


@rule(
    "NTP-KOD-DENY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="The server denies us service",
    evidence="kiss code {codes} from {address}",
    why="DENY and RSTR mean that the server's policy excludes this client, which must stop asking "
    "(RFC 5905). It gets no time here, ever.",
    fix={
        "any": "Take a server that serves you, or ask its operator; stop polling this one.",
        "chrony": "# on the server, if these clients should be served\nallow 198.51.100.0/24",
        "ntpd": "restrict 198.51.100.0 mask 255.255.255.0 kod limited nomodify nopeer noquery"
        "   # on the server, without noserve",
    },
    references=("RFC 5905 §7.4", "RFC 8633"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(requests=1, replies=1, kiss_codes=("DENY",), samples=(), offset_seconds=None),
)
def kiss_deny(ntp: NtpFacts) -> Verdict:
    """Return a kiss with our origin timestamp says DENY or RSTR."""
    if not ntp.replies:
        return Skip("the server answered nothing")
    codes = tuple(code for code in _DENIED if code in ntp.kiss_codes)
    return Hit(codes=codes, address=ntp.address) if codes else None


@rule(
    "NTP-MODE6",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Control queries answered for everybody",
    evidence="{said}",
    why="With a forged sender address anybody can turn the answers against a third party, larger "
    "than what he sent; and the server tells its version, system and peers to everybody.",
    fix={
        "ntpd": "{ntpd}",
        "ntpsec": "{ntpsec}",
        "cisco-ios": "no ntp allow mode control",
        "any": "Let only the machine itself and the monitoring network ask control queries.",
    },
    references=("RFC 8633", "RFC 9327"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(
        control_factor=40.0,
        control_packets=1,
        control_bytes=480,
        control_variables=("version", "processor", "system"),
    ),
    directives={"ntpd": ("restrict default",), "ntpsec": ("restrict default",)},
)
def mode6(ntp: NtpFacts) -> Verdict:
    """READVAR gave more bytes than it took, or a file lets everybody ask."""
    if ntp.config is not None and ntp.config.product:
        return file.mode6(ntp.config)
    if ntp.control_factor is None:
        return Skip("no mode-6 request was sent")
    if ntp.control_factor <= 1:
        return None
    variables = ntp.control_variables or ("nothing readable",)
    return Hit(
        said=f"12 bytes of READVAR gave {ntp.control_bytes} bytes in {ntp.control_packets} packets,"
        f" factor {ntp.control_factor:.1f}; it told {', '.join(variables)}",
        received=ntp.control_bytes,
        packets=ntp.control_packets,
        factor=ntp.control_factor,
        variables=variables,
        **lines.pasted(lines.ANYBODY_CLOSED),
    )
