"""What can be wrong with the exchange of packets: no reply, loss, forgery, kiss codes, mode 6."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.rules import file, lines
from seventh.protocols.ntp.rules.examples import GOOD, SILENT
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

LOSS_RATIO = 0.25
LOSS_MIN_REQUESTS = 4
"""With fewer requests, a single lost packet would exceed the ratio."""
_DENIED = ("DENY", "RSTR")


@rule(
    "NTP-NO-REPLY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="No NTP reply",
    evidence="0 of {requests} requests to {address} answered: {instead}",
    phrases={
        "instead": {
            "timeout": "timeout, no ICMP error",
            "icmp": "{detail}",
            "unauthenticated": "replies that failed authentication: {unauthenticated} ({answer})",
            "malformed": "datagrams that are not NTP replies: {malformed} ({line})",
            "foreign": "replies from {sources}: {foreign}",
            "spoofed": "packets that match no request: {spoofed}",
        }
    },
    why="Clients of this server get no time, and their clocks drift. An ICMP refusal means that "
    "the host is up and no program listens. A timeout means that a firewall drops UDP port 123, "
    "that the server does not allow this client, or that the host is down.",
    fix={
        "any": "Open UDP port 123 in both directions on every firewall on the path, also for "
        "source ports other than 123. Check that the daemon runs and listens (`ss -lunp`).",
        "chrony": "# the clients' network: chronyd serves no client by default\n"
        "allow 198.51.100.0/24",
        "ntpd": "restrict default kod limited nomodify nopeer noquery   # not noserve or ignore",
    },
    references=("RFC 5905", "RFC 9109"),
    seed=("12.4.3", "12.11.3"),
    good=GOOD,
    bad=SILENT,
)
def no_reply(ntp: NtpFacts) -> Verdict:
    """Fail a server of which no reply to any of our requests was received."""
    if not ntp.requests:
        return Skip(f"no request was sent: {ntp.icmp}" if ntp.icmp else "no request was sent")
    if ntp.replies:
        return None
    nts = ntp.nts
    if nts is not None and nts.plain_answered and nts.padded_answered is False:
        return Skip("only requests of NTS size get no reply: see NTS-UDP-DROP")
    unauthenticated = nts.unauthenticated if nts is not None else 0
    counts = {
        "icmp": len(ntp.icmp),
        "unauthenticated": unauthenticated,
        "malformed": ntp.malformed,
        "foreign": ntp.foreign,
        "spoofed": ntp.spoofed - ntp.foreign,
    }
    return Hit(
        requests=ntp.requests,
        address=ntp.address,
        instead=tuple(code for code, count in counts.items() if count) or ("timeout",),
        detail=ntp.icmp,
        unauthenticated=unauthenticated,
        answer=nts.unauthenticated_detail if nts is not None else "",
        malformed=ntp.malformed,
        line=ntp.malformed_detail,
        foreign=ntp.foreign,
        sources=ntp.foreign_sources,
        spoofed=ntp.spoofed - ntp.foreign,
    )


@rule(
    "NTP-LOSS",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="NTP packet loss",
    evidence="{lost} of {requests} requests unanswered ({percent:.0f} %), reach {reach}",
    why="A daemon that misses replies continues with old data and may drop the source. Common "
    "causes are a policer on UDP port 123, expired NAT state, and a rate limit on the server.",
    fix={
        "any": "Look for a UDP port 123 policer or an exhausted NAT table on the path, or use a "
        "server with a better path.",
        "chrony": "# on a server whose limit is too strict\nratelimit interval 1 burst 16 leak 2",
        "ntpd": "discard average 3 minimum 1   # on a server whose `limited` is too strict",
    },
    references=("RFC 5905 §9.2",),
    seed=("12.4.4",),
    good=GOOD,
    bad=GOOD.learn(replies=2, loss_ratio=0.5, reach=0b1010),
)
def loss(ntp: NtpFacts) -> Verdict:
    """Fail more than a quarter of the requests unanswered."""
    if ntp.loss_ratio is None or not ntp.requests:
        return Skip("no request was sent")
    if not ntp.replies:
        return Skip("no request was answered: see NTP-NO-REPLY")
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
    title="NTP replies forged or from a wrong address",
    evidence="{what}",
    phrases={
        "what": {
            "forged": "packets that match no request: {forged}, kiss codes among them: {kisses}",
            "foreign": "replies to our requests from a wrong address or port: {foreign}",
            "sources": "sent from {sources}",
        }
    },
    why="Packets that match no request come from an attacker who cannot see the requests and "
    "guesses, to move this client's clock, or to silence it with kiss codes. A reply to our "
    "request from a wrong address means a server that replies from another one of its addresses, "
    "a NAT that rewrites addresses, or an attacker on the path. Clients drop such replies.",
    fix={
        "any": "Authenticate the time with NTS (RFC 8915) or a symmetric AES-CMAC key. Filter "
        "spoofed source addresses at the network edge (BCP 38). Configure a server with several "
        "addresses to reply from the address that the request was sent to.",
        "chrony": "# on a client; the server needs ntsserverkey and ntsservercert, or "
        "`bindaddress` if it replies from the wrong address\nserver {address} iburst nts",
        "ntpd": "interface listen {address}   # a server that replies from the wrong address",
    },
    references=("RFC 5905 §8", "RFC 8915"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(spoofed=3, spoofed_kisses=1),
)
def spoof(ntp: NtpFacts) -> Verdict:
    """Fail packets that match none of our requests; a wrong sender alone proves no attack."""
    if not ntp.requests:
        return Skip("no request was sent")
    if not ntp.spoofed:
        return None
    forged = ntp.spoofed - ntp.foreign
    counts = {"forged": forged, "foreign": ntp.foreign, "sources": len(ntp.foreign_sources)}
    return Hit(
        Severity.CRITICAL if forged else Severity.HIGH,
        what=tuple(code for code, count in counts.items() if count),
        forged=forged,
        kisses=ntp.spoofed_kisses,
        foreign=ntp.foreign,
        sources=ntp.foreign_sources,
        address=ntp.address,
    )


@rule(
    "NTP-KOD-RATE",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Rate limited (kiss code RATE)",
    evidence="kiss code RATE after {requests} requests; no further request was sent",
    why="A client that receives RATE must poll less often (RFC 5905). The server may count many "
    "clients behind one address, or another daemon on this machine, together.",
    fix={
        "any": "Poll every 64 s or less often, double the interval at every RATE, and run your own "
        "server for a network of many clients.",
        "chrony": "# without `burst`\nserver {address} minpoll 6 maxpoll 10",
        "ntpd": "server {address} minpoll 6 maxpoll 10   # without `burst`",
    },
    references=("RFC 5905 §7.4", "RFC 8633"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(requests=2, replies=2, kiss_codes=("RATE",)),
)
def kiss_rate(ntp: NtpFacts) -> Verdict:
    """Fail the kiss code RATE in answer to one of our requests."""
    if not ntp.replies:
        return Skip("no request was answered")
    if "RATE" not in ntp.kiss_codes:
        return None
    return Hit(requests=ntp.requests, address=ntp.address)


@rule(
    "NTP-KOD-DENY",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="Access denied (kiss code DENY or RSTR)",
    evidence="kiss code {codes} from {address}",
    why="DENY and RSTR mean that the server's policy excludes this client, which must stop polling "
    "(RFC 5905). It will not get time from this server.",
    fix={
        "any": "Use a server that allows this client, or contact its operator; stop polling this "
        "one.",
        "chrony": "# on the server, to allow these clients\nallow 198.51.100.0/24",
        "ntpd": "restrict 198.51.100.0 mask 255.255.255.0 kod limited nomodify nopeer noquery"
        "   # on the server, without noserve",
    },
    references=("RFC 5905 §7.4", "RFC 8633"),
    seed=("12.4.3",),
    good=GOOD,
    bad=GOOD.learn(requests=1, replies=1, kiss_codes=("DENY",), samples=(), offset_seconds=None),
)
def kiss_deny(ntp: NtpFacts) -> Verdict:
    """Fail the kiss codes DENY and RSTR in answer to one of our requests."""
    if not ntp.replies:
        return Skip("no request was answered")
    codes = tuple(code for code in _DENIED if code in ntp.kiss_codes)
    return Hit(codes=codes, address=ntp.address) if codes else None


@rule(
    "NTP-MODE6",
    Severity.MEDIUM,
    tier=1,
    source=Source.WIRE,
    title="Control queries (mode 6) answered",
    evidence="{what}",
    phrases={
        "what": {
            "amplified": "12 bytes of READVAR returned {received} bytes in {packets} packets "
            "(factor {factor:.1f})",
            "variables": "variables exposed: {variables}",
            "file": "no restrict line denies control queries of any host over {families}",
        }
    },
    why="An attacker who forges the source address can direct the replies, larger than the "
    "requests, at a third party. The replies also expose the server's version, system and peers.",
    fix={
        **lines.NO_QUERIES,
        "cisco-ios": "no ntp allow mode control",
        "any": "Allow control queries only from the machine itself and the monitoring network.",
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
    """Fail a READVAR response larger than its request, and a file that allows any host to query."""
    if ntp.config is not None:
        return file.mode6(ntp.config)
    if ntp.control_factor is None:
        return Skip("no mode-6 request was sent")
    if ntp.control_factor <= 1:
        return None
    return Hit(
        what=("amplified", "variables") if ntp.control_variables else ("amplified",),
        received=ntp.control_bytes,
        packets=ntp.control_packets,
        factor=ntp.control_factor,
        variables=ntp.control_variables,
    )
