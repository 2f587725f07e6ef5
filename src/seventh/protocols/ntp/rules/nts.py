"""What can be wrong with a server's NTS (RFC 8915) once keys are established."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.nts import AeadTried
from seventh.protocols.ntp.rules import file
from seventh.protocols.ntp.rules.examples import GOOD_NTS, with_nts
from seventh.protocols.ntp.wire.nts_ke import MAX_COOKIES, Aead
from seventh.protocols.ntp.wire.packet import HEADER_BYTES
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NO_REQUEST = Skip("no authenticated request was sent")


@rule(
    "NTS-NAK",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Fresh NTS cookies refused",
    evidence="{what}",
    phrases={
        "what": {
            "nak": "of {requests} requests with unused cookies, {naks} were refused (kiss code "
            "NTSN) and {authenticated} got authenticated time",
            "no-dump": "ntsdumpdir not set: the cookie keys are lost at every restart",
            "rotation": "ntsrotate {rotate}: a cookie key is kept for {kept} s, but clients keep "
            "cookies for up to {needed} s",
        }
    },
    why="The NTP server cannot read the cookies that its key establishment has issued. Either "
    "several machines with different cookie keys share one name, or a cookie key was lost or "
    "changed. Clients lose time and repeat the key establishment.",
    fix={
        "chrony": "# with the same ntskeys file on every machine\nntsdumpdir /var/lib/chrony\n"
        "# on all but the one that changes and distributes it\nntsrotate 0",
        "ntpsec": "nts cookie /var/lib/ntpsec/nts-keys   # the same file on every machine",
        "any": "Share the cookie keys among all machines behind the name, or configure the key "
        "establishment to name the one machine that reads its cookies.",
    },
    references=("RFC 8915 §5.7",),
    seed=("12.4.3",),
    good=GOOD_NTS,
    bad=with_nts(naks=2, authenticated=2, cookies_asked=2, cookies_returned=2),
    directives={"chrony": ("ntsdumpdir", "ntsrotate")},
)
def nak(ntp: NtpFacts) -> Verdict:
    """Fail NTSN on an unused cookie, and a file that loses the keys of cookies in use."""
    if ntp.config is not None:
        return file.cookie_keys(ntp.config)
    nts = ntp.nts
    if nts is None or not nts.requests:
        return _NO_REQUEST
    if not nts.naks:
        return None if nts.authenticated else Skip("no authenticated request was answered")
    return Hit(what="nak", naks=nts.naks, requests=nts.requests, authenticated=nts.authenticated)


@rule(
    "NTS-COOKIES",
    Severity.MEDIUM,
    tier=0,
    source=Source.WIRE,
    title="Too few NTS cookies",
    evidence="cookies from the key establishment: {cookies} of {expected}; from replies: "
    "{returned} of {asked}",
    why="A client uses one cookie for each request. With fewer than eight, or if replies do not "
    "replace lost ones, a few lost packets use them up. The client must then establish keys again, "
    "or reuse a cookie, which allows it to be tracked from network to network.",
    fix={
        "any": "Issue eight cookies in each key establishment, and in each reply one for the "
        "request's own cookie and one for each placeholder. Update the server: chrony, NTPsec and "
        "ntpd-rs do so by default.",
    },
    references=("RFC 8915 §4.1.6", "RFC 8915 §5.7"),
    seed=("12.4.3",),
    good=GOOD_NTS,
    bad=with_nts(cookies=3),
)
def cookies(ntp: NtpFacts) -> Verdict:
    """Fail fewer than eight from the key establishment, or fewer returned than requested."""
    nts = ntp.nts
    if nts is None or nts.cookies is None:
        return Skip("no key establishment issued cookies")
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
    title="NTS packets dropped by size",
    evidence="{address} port {port} answers plain requests of {short} bytes, but none of {long} "
    "bytes, authenticated or not",
    why="A filter against NTP amplification on the path drops packets that are longer than plain "
    "NTP. Keys are established, but no time arrives. The server is not the cause.",
    fix={
        "any": "Ask the network operator to filter by mode (6 and 7) and rate instead of length, "
        "or configure the key establishment to name a port that is not filtered.",
        "chrony": "# on the server; its key establishment names this port to clients\nport 11123\n"
        "# chrony 4.6.1 and later, both sides: shorter cookies, shorter packets\nntsaeads 30 15",
    },
    references=("RFC 8915",),
    seed=("12.4.4",),
    good=GOOD_NTS,
    bad=with_nts(
        authenticated=0,
        cookies_asked=0,
        cookies_returned=0,
        requests=2,
        plain_answered=True,
        padded_answered=False,
    ),
)
def udp_drop(ntp: NtpFacts) -> Verdict:
    """Fail where plain NTP is answered, and neither authenticated nor padded requests are."""
    nts = ntp.nts
    if nts is None or not nts.requests:
        return _NO_REQUEST
    if nts.authenticated or nts.naks:
        return None
    if nts.plain_answered is None:
        return Skip("no plain request was sent for comparison")
    if not nts.plain_answered:
        return Skip("plain requests are not answered either")
    if nts.padded_answered:
        return None
    return Hit(
        address=nts.ntp_address,
        port=nts.ntp_port or 0,
        short=HEADER_BYTES,
        long=nts.request_bytes or 0,
    )


_OUTCOMES = {
    "works": "works",
    "not-chosen": "is not accepted",
    "nak": "is accepted, but its cookies are refused (NTSN)",
    "no-reply": "is accepted, but authenticated requests get no reply",
    "failed": "could not be tested",
    "chrony-4.4": "keys are exported as in chrony 4.4 to 4.6.0",
}


@rule(
    "NTS-AEAD-INTEROP",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="AEAD algorithm not interoperable",
    evidence="AES-SIV-CMAC-256 (15) {mandatory}; AES-128-GCM-SIV (30) {optional}",
    phrases={"mandatory": _OUTCOMES, "optional": _OUTCOMES},
    why="Every server must support AES-SIV-CMAC-256 (15). With AES-128-GCM-SIV (30), chrony 4.4 to "
    "4.6.0 derive keys differently from RFC 8915 and interoperate only with each other. chrony "
    "4.6.1 and later negotiate how keys are derived.",
    fix={
        "chrony": "# chrony 4.6.1 or later; with 4.4 to 4.6.0: update\nntsaeads 30 15",
        "any": "Offer AES-SIV-CMAC-256 (15) on the server, and update both sides before you use "
        "AES-128-GCM-SIV (30).",
    },
    references=("RFC 8915 §4.1.5", "NEWS of chrony 4.6.1"),
    seed=("12.4.3",),
    good=GOOD_NTS,
    bad=with_nts(
        aead=30,
        aead_name="AES-128-GCM-SIV",
        aeads=(
            AeadTried(number=30, name="AES-128-GCM-SIV", outcome="works", keys="rfc8915"),
            AeadTried(number=15, name="AES-SIV-CMAC-256", outcome="not-chosen"),
        ),
    ),
)
def aead_interop(ntp: NtpFacts) -> Verdict:
    """Fail where 15 does not work, or 30 is negotiated and fails or needs chrony's old keys."""
    tried = {one.number: one for one in ntp.nts.aeads} if ntp.nts is not None else {}
    mandatory, optional = tried.get(Aead.AES_SIV_CMAC_256), tried.get(Aead.AES_128_GCM_SIV)
    if not any(one.outcome == "works" for one in tried.values()):
        return Skip("no AEAD algorithm works")
    if mandatory is None or optional is None:
        return Skip("only one AEAD algorithm was tested")
    old_keys = any(one.keys == "chrony-4.4" for one in tried.values())
    broken = optional.outcome in {"nak", "no-reply"}
    if mandatory.outcome == "works" and not old_keys and not broken:
        return None
    return Hit(mandatory=_codes(mandatory), optional=_codes(optional))


def _codes(tried: AeadTried) -> tuple[str, ...]:
    return (tried.outcome, *(["chrony-4.4"] if tried.keys == "chrony-4.4" else []))
