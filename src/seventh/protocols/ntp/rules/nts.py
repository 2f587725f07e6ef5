"""What can be wrong with a server's NTS (RFC 8915), and with having none."""

from __future__ import annotations

import msgspec

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import ConfiguredSource, NtpConfigFacts
from seventh.protocols.ntp.facts.nts import AeadTried, NtsFacts, clocks_apart
from seventh.protocols.ntp.rules import file, lines
from seventh.protocols.ntp.rules.examples import GOOD
from seventh.protocols.ntp.wire.nts_ke import MAX_COOKIES, Aead
from seventh.protocols.ntp.wire.packet import HEADER_BYTES
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NO_NTS = Skip("NTS was not asked: beside plain NTP it is looked for on port 123 only")
_PORT = {
    "refused": "refused: nothing listens",
    "timeout": "no answer: filtered, or nothing there",
    "reset": "reset while connecting",
    "unreachable": "no route",
}
_SPEAK_NTS = frozenset({"chrony", "ntpsec"})

_NTS = NtsFacts(
    ke_address="192.0.2.123",
    ke_port=4460,
    port_state="open",
    tls_version="TLSv1.3",
    alpn="ntske/1",
    established=True,
    records=11,
    aead=15,
    aead_name="AES-SIV-CMAC-256",
    keys="rfc8915",
    cookies=8,
    cookie_bytes=100,
    ntp_address="192.0.2.123",
    ntp_port=123,
    aeads=(
        AeadTried(number=15, name="AES-SIV-CMAC-256", outcome="works", keys="rfc8915"),
        AeadTried(number=30, name="AES-128-GCM-SIV", outcome="works", keys="rfc8915"),
    ),
    requests=4,
    authenticated=4,
    cookies_asked=4,
    cookies_returned=4,
    request_bytes=228,
    certificate_valid_here=True,
    certificate_valid_there=True,
)
"""A server with nothing wrong."""


def _with(**changes: object) -> NtpFacts:
    """Return the good server, with other facts about its NTS."""
    return GOOD.learn(nts=msgspec.structs.replace(_NTS, **changes))


_GOOD = GOOD.learn(nts=_NTS)


@rule(
    "NTS-NONE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="No NTS",
    evidence="{where}: {state}",
    why="Plain NTP is believed for its origin timestamp alone: whoever is on the path can set the "
    "clients' clocks, and with them certificates, tickets and logs. NTS authenticates each packet "
    "and needs no shared keys.",
    fix={
        "chrony": "{chrony}",
        "ntpsec": "{ntpsec}",
        "any": "Follow servers that offer NTS, or put one of your own between them and clients.",
    },
    references=("RFC 8915",),
    seed=("12.4.3",),
    good=_GOOD,
    bad=GOOD.learn(nts=NtsFacts(ke_address="192.0.2.123", ke_port=4460, port_state="refused")),
    directives={
        "chrony": ("server", "pool", "peer", "allow", "ntsserverkey"),
        "ntpsec": ("server", "pool", "peer"),
    },
)
def none(ntp: NtpFacts) -> Verdict:
    """Return the port of the key establishment is closed; or a file follows servers without it."""
    if ntp.config is not None and ntp.config.product:
        return _without_nts(ntp.config)
    nts = ntp.nts
    if nts is None or not nts.port_state:
        return _NO_NTS
    if nts.port_state == "open":
        return None
    if nts.port_state == "forbidden":
        return Skip("this machine's firewall forbids the connection")
    return Hit(
        where=f"TCP port {nts.ke_port} of {nts.ke_address or 'the server'}",
        state=_PORT[nts.port_state],
        host=nts.ke_address or "ntp.example.net",
        **lines.pasted(_offering(nts.ke_address or "ntp.example.net")),
    )


def _without_nts(config: NtpConfigFacts) -> Verdict:
    if config.product not in _SPEAK_NTS:
        return Skip(f"{config.product or 'this program'} has no NTS")
    if not config.nts_known:
        return Skip(f"{config.product} {config.version} has no NTS yet")
    plain: list[ConfiguredSource] = [
        source
        for source in config.sources
        if not source.nts and source.key is None and not source.noselect
    ]
    names = tuple(source.name for source in plain)
    states: list[str] = []
    settings = [source.setting for source in plain]
    if plain:
        shown = (*names[:8], "…") if len(names) > 8 else names
        states.append(f"without `nts` and without a key it follows {', '.join(shown)}")
    if config.product == "chrony" and config.serves and config.nts_server is False:
        states.append("it serves time (`allow`) without ntsserverkey and ntsservercert")
        settings += ["allow", "ntsserverkey"]
    if not states:
        return None if config.sources or config.serves else Skip("the file names no source")
    changed = []
    if asked := [source for source in plain if source.kind != "peer"]:
        changed += ["# where the server has NTS; else take one that has it"]
        changed += [lines.with_option(asked, "nts")]
    if len(asked) < len(plain):
        changed += ["# for each peer, an option `key` with a key of both sides"]
    if "ntsserverkey" in settings:
        changed += ["# to serve NTS; open TCP port 4460", *_SERVING]
    fix = dict.fromkeys(("chrony", "ntpsec"), "\n".join(changed))
    host = names[0] if names else "ntp.example.net"
    return Hit(
        where="the configuration", state="; ".join(states), host=host, **lines.pasted(fix)
    ).at(*settings)


_SERVING = ("ntsserverkey /etc/chrony/nts.key", "ntsservercert /etc/chrony/nts.pem",
            "ntsdumpdir /var/lib/chrony")  # fmt: skip


def _offering(host: str) -> dict[str, str]:
    """Return what a server and its client need, by product, where neither's file is known."""
    return {
        "chrony": "\n".join(
            ("# on the server; open TCP port 4460", *_SERVING, "# on the client",
             f"server {host} iburst nts")
        ),
        "ntpsec": "# on the server; open TCP port 4460\nnts enable\n"
        "nts key /etc/ntpsec/nts.key\nnts cert /etc/ntpsec/nts.pem\n# on the client\n"
        f"server {host} nts",
    }  # fmt: skip


@rule(
    "NTS-KE-FAIL",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="NTS key establishment fails",
    evidence="{reason} in {phase} at {address} port {port}: {detail}",
    why="Clients that are configured for NTS get no keys here and then no time at all: they do "
    "not fall back to plain NTP, since an attacker could force that.",
    fix={
        "any": "Serve a certificate that is within its dates, names the host that the clients "
        "configure and comes with its intermediates; allow TLS 1.3; name an NTP server that the "
        "clients can reach.",
        "chrony": "# both files readable by chronyd's user; restart it after each renewal\n"
        "ntsserverkey /etc/chrony/nts.key\nntsservercert /etc/chrony/nts-fullchain.pem\n"
        "ntsport 4460",
        "ntpsec": "nts enable\nnts key /etc/ntpsec/nts.key\n"
        "nts cert /etc/ntpsec/nts-fullchain.pem\nnts mintls TLS1.3",
    },
    references=("RFC 8915 §3", "RFC 8915 §4"),
    seed=("12.4.3",),
    good=_GOOD,
    bad=_with(
        established=None,
        ke_reason="tls-certificate-expired",
        ke_phase="nts.ke_tls",
        ke_detail="the certificate expired 3.0 days ago",
        certificate_valid_here=False,
        certificate_valid_there=False,
    ),
)
def ke_fail(ntp: NtpFacts) -> Verdict:
    """Return what a client would refuse in the handshake or in the records.

    Also, at medium severity, a certificate that the server's own time says is out of its dates:
    whoever follows this server will refuse it the next time.
    """
    nts = ntp.nts
    if nts is None or not nts.port_state:
        return _NO_NTS
    if nts.port_state != "open":
        return not_applicable(
            "the port of the key establishment is not open, which NTS-NONE judges"
        )
    where: dict[str, str | int] = {"address": nts.ke_address, "port": nts.ke_port or 0}
    if nts.ke_reason:
        return Hit(
            reason=nts.ke_reason,
            phase=nts.ke_phase or "nts.ke_tls",
            detail=nts.ke_detail + _clocks(nts, ntp.offset_seconds),
            **where,
        )
    if nts.certificate_valid_here and nts.certificate_valid_there is False:
        return Hit(
            Severity.MEDIUM,
            reason="the certificate's dates",
            phase="nts.ke_tls",
            detail="valid by this machine's clock, but not by the time that the server gives, "
            f"{clocks_apart(ntp.offset_seconds or 0.0)}: who follows it will then refuse it",
            **where,
        )
    return None if nts.established else Skip("the key establishment did not come to its end")


def _clocks(nts: NtsFacts, offset_seconds: float | None) -> str:
    """Return whether the server's own clock agrees that the certificate is out of its dates."""
    if nts.certificate_valid_here is not False or offset_seconds is None:
        return ""
    if nts.certificate_valid_there:
        return (
            f"; by the server's own time, {clocks_apart(offset_seconds)}, it is valid: one of the "
            "two clocks is the reason"
        )
    return "; by the server's own time too"


@rule(
    "NTS-NAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Fresh NTS cookies are refused",
    evidence="{said}",
    why="The server that answers NTP cannot read the cookies that the key establishment has just "
    "given. Behind one name there are then several machines with cookie keys of their own, or keys "
    "that one of them has changed; clients lose time and establish keys over and over.",
    fix={
        "chrony": "{chrony}",
        "ntpsec": "nts cookie /var/lib/ntpsec/nts-keys   # the same file on every machine",
        "any": "Share the cookie keys among all machines behind the name, or name in the key "
        "establishment the one machine that reads its cookies.",
    },
    references=("RFC 8915 §5.7",),
    seed=("12.4.3",),
    good=_GOOD,
    bad=_with(naks=2, authenticated=2, cookies_asked=2, cookies_returned=2),
    directives={"chrony": ("ntsdumpdir", "ntsrotate")},
)
def nak(ntp: NtpFacts) -> Verdict:
    """NTSN, with our unique identifier and nothing authenticated beside it, on a fresh cookie.

    Or a file that loses the cookies' keys while clients still hold cookies.
    """
    if ntp.config is not None and ntp.config.product:
        return file.cookie_keys(ntp.config)
    nts = ntp.nts
    if nts is None or not nts.requests:
        return Skip("no authenticated request was sent")
    if nts.naks:
        return Hit(
            said=f"{nts.naks} of {nts.requests} requests with cookies never used before were "
            f"answered with the kiss NTSN; {nts.authenticated} with authenticated time",
            naks=nts.naks,
            requests=nts.requests,
            authenticated=nts.authenticated,
            chrony=(
                "# the same ntskeys file in it on every machine",
                "ntsdumpdir /var/lib/chrony",
                "# on all but the one that changes and distributes it",
                "ntsrotate 0",
            ),
        )
    if not nts.authenticated:
        return Skip("no authenticated request was answered")
    return None


@rule(
    "NTS-COOKIES",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Too few NTS cookies",
    evidence="the key establishment gave {cookies} of {expected} cookies; the replies brought "
    "{returned} fresh ones for {asked} asked for",
    why="A client spends a cookie with each request. With fewer than eight, or with replies that "
    "do not fill up what got lost, a few lost packets cost it all of them, and it must establish "
    "keys again or use a cookie twice, by which it can be followed from network to network.",
    fix={
        "any": "Give eight cookies in each key establishment, and in each reply one for the "
        "request's own and one for each placeholder. Update the server: chrony, NTPsec and ntpd-rs "
        "do so by default.",
    },
    references=("RFC 8915 §4.1.6", "RFC 8915 §5.7"),
    seed=("12.4.3",),
    good=_GOOD,
    bad=_with(cookies=3),
)
def cookies(ntp: NtpFacts) -> Verdict:
    """Fewer than eight from the key establishment, or fewer returned than were asked for."""
    nts = ntp.nts
    if nts is None or nts.cookies is None:
        return Skip("no key establishment gave cookies")
    if nts.cookies >= MAX_COOKIES and nts.cookies_returned >= nts.cookies_asked:
        return None
    return Hit(
        cookies=nts.cookies,
        expected=MAX_COOKIES,
        returned=nts.cookies_returned,
        asked=nts.cookies_asked,
    )


@rule(
    "NTS-UDP-DROP",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Packets of NTS size are dropped",
    evidence="{address} port {port} answers plain requests of {short} bytes, and none of {long} "
    "bytes, authenticated or not",
    why="Somewhere on the way a filter against NTP amplification drops what is longer than plain "
    "NTP. The keys come, the time does not, and the server is not to blame.",
    fix={
        "any": "Ask the network's operator to filter by mode (6 and 7) and rate instead of length, "
        "or have the key establishment name a port that nobody filters.",
        "chrony": "# on the server; its key establishment names the port to clients\nport 11123\n"
        "# chrony 4.6.1 and later, both sides: shorter cookies, shorter packets\nntsaeads 30 15",
    },
    references=("RFC 8915",),
    seed=("12.4.4",),
    good=_GOOD,
    bad=_with(
        authenticated=0,
        cookies_asked=0,
        cookies_returned=0,
        requests=2,
        plain_answered=True,
        padded_answered=False,
    ),
)
def udp_drop(ntp: NtpFacts) -> Verdict:
    """Plain NTP is answered, and neither authenticated nor padded requests are."""
    nts = ntp.nts
    if nts is None or not nts.requests:
        return Skip("no authenticated request was sent")
    if nts.authenticated or nts.naks:
        return None
    if nts.plain_answered is None:
        return Skip("plain NTP was not asked for comparison")
    if not nts.plain_answered:
        return Skip("plain NTP is not answered either")
    if nts.padded_answered:
        return None
    return Hit(
        address=nts.ntp_address,
        port=nts.ntp_port or 0,
        short=HEADER_BYTES,
        long=nts.request_bytes or 0,
    )


@rule(
    "NTS-AEAD-INTEROP",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Only one AEAD algorithm works",
    evidence="{tried}",
    why="Every server must have AES-SIV-CMAC-256 (15). With AES-128-GCM-SIV (30), chrony 4.4 to "
    "4.6.0 derive keys in a way of their own, so that they understand each other and nobody else; "
    "chrony 4.6.1 and later negotiate which way to take.",
    fix={
        "chrony": "# chrony 4.6.1 or later; with 4.4 to 4.6.0: update\nntsaeads 30 15",
        "any": "Offer AES-SIV-CMAC-256 (15) on the server, and update both sides before "
        "AES-128-GCM-SIV (30) is used.",
    },
    references=("RFC 8915 §4.1.5", "NEWS of chrony 4.6.1"),
    seed=("12.4.3",),
    good=_GOOD,
    bad=_with(
        aead=30,
        aead_name="AES-128-GCM-SIV",
        aeads=(
            AeadTried(number=30, name="AES-128-GCM-SIV", outcome="works", keys="rfc8915"),
            AeadTried(number=15, name="AES-SIV-CMAC-256", outcome="not-chosen"),
        ),
    ),
)
def aead_interop(ntp: NtpFacts) -> Verdict:
    """15 is missing; or 30 is negotiated and works not at all, or only with chrony's old keys."""
    nts = ntp.nts
    tried = {one.number: one for one in nts.aeads} if nts is not None else {}
    must, may = tried.get(Aead.AES_SIV_CMAC_256), tried.get(Aead.AES_128_GCM_SIV)
    if not any(one.outcome == "works" for one in tried.values()):
        return Skip("no AEAD algorithm has worked")
    if must is None or may is None:
        return Skip("only one AEAD algorithm was tried")
    old_keys = any(one.keys == "chrony-4.4" for one in tried.values())
    broken = may.outcome in {"nak", "no-reply"}
    if must.outcome == "works" and not old_keys and not broken:
        return None
    return Hit(tried="; ".join(_spoken(one) for one in (must, may)))


_OUTCOME = {
    "works": "works",
    "not-chosen": "is not accepted",
    "nak": "is accepted, and its cookies are refused (NTSN)",
    "no-reply": "is accepted, and gets no authenticated reply",
    "failed": "could not be tried",
}


def _spoken(one: AeadTried) -> str:
    keys = ", with the keys of chrony 4.4 to 4.6.0" if one.keys == "chrony-4.4" else ""
    return f"{one.name} ({one.number}) {_OUTCOME[one.outcome]}{keys}"
