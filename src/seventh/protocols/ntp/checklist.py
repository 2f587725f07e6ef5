"""NTP's debugging checklist: reachability, time, abuse, NTS, and client configuration."""

from seventh.model.checklist import CheckLine

_SEVERAL = "seventh check ntp://A ntp://B ntp://C ntp://D"
_NTS = "seventh check nts://HOST"
_CHRONY = "seventh lint /etc/chrony/chrony.conf"

LINES = (
    CheckLine(
        "The server answers over UDP",
        rules=("NTP-NO-REPLY", "NTP-LOSS"), facts=("rtt_seconds", "loss_ratio"),
        phases=("ntp.rtt",),
    ),
    CheckLine(
        "The server sends no kiss-o'-death (KoD)",
        rules=("NTP-KOD-DENY", "NTP-KOD-RATE"), facts=("rtt_seconds",),
    ),
    CheckLine(
        "Every reply matches a request",
        rules=("NTP-SPOOF",), facts=("rtt_seconds",),
    ),
    CheckLine("Requests from any source port are answered", rules=("NTP-SRCPORT-FILTER",)),
    CheckLine(
        "The server is synchronised",
        rules=("NTP-UNSYNC", "NTP-HEADER", "NTP-STALE", "NTP-LOCALCLOCK"),
        facts=("stratum", "reference_id"),
    ),
    CheckLine(
        "Stratum and root distance are low",
        rules=("NTP-STRATUM", "NTP-ROOTDIST"), facts=("root_distance_seconds",),
    ),
    CheckLine(
        "The server's clock and this machine's clock agree",
        rules=("NTP-OFFSET",), facts=("offset_seconds", "offset_error_seconds"),
    ),
    CheckLine("The jitter is low", rules=("NTP-JITTER",), facts=("jitter_seconds",)),
    CheckLine("No leap second is announced or disputed", rules=("NTP-LEAP",)),
    CheckLine("No server synchronises to itself or in a ring", rules=("NTP-LOOP",)),
    CheckLine(
        "Several servers agree on the time",
        rules=("NTP-FALSETICKER", "NTP-SMEAR-MIX"), facts=("sources.sources",), look=_SEVERAL,
    ),
    CheckLine(
        "Four or more servers are independent of each other",
        rules=("NTP-FEW", "NTP-SAMEUP"), look=_SEVERAL,
    ),
    CheckLine("Control queries (mode 6) are not answered", rules=("NTP-MODE6",)),
    CheckLine("The monlist query (mode 7) is not answered", rules=("NTP-MONLIST",)),
    CheckLine(
        "The symmetric key authenticates the server",
        facts=("key.authenticated", "key.algorithm"), phases=("ntp.auth",), look="--ntp-keys FILE",
    ),
    CheckLine(
        "The symmetric key is not an MD5 key",
        rules=("NTP-MAC-MD5",), look="--ntp-keys FILE",
    ),
    CheckLine(
        "NTS is offered, and key establishment succeeds",
        rules=("NTS-NONE", "NTS-KE-FAIL", "NTS-COOKIES"),
        facts=("nts.aead_name", "nts.cookies"), look=_NTS,
    ),
    CheckLine(
        "NTS packets pass the network and are authenticated",
        rules=("NTS-NAK", "NTS-UDP-DROP"), phases=("nts.rtt",), look=_NTS,
    ),
    CheckLine(
        "This machine's clock is synchronised, by only one program",
        rules=("NTP-CLOCK-UNSYNC", "NTP-CLOCK-OFFSET", "NTP-DUAL-DAEMON"),
        look="seventh local time",
    ),
    CheckLine(
        "The client accepts the replies of its sources", rules=("NTP-SOURCES-DENIED",),
        look="seventh lint /etc/ntp.conf",
    ),
    CheckLine(
        "The client synchronises fast at startup and steps its clock only then",
        rules=("NTP-IBURST", "NTP-MAKESTEP"), look=_CHRONY,
    ),
    CheckLine(
        "The client stores its clock drift and synchronises the hardware clock",
        rules=("NTP-DRIFT", "NTP-RTCSYNC"), look=_CHRONY,
    ),
)  # fmt: skip
