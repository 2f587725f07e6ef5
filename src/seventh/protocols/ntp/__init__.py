"""NTP (RFC 5905), its control messages (RFC 9327) and NTS (RFC 8915)."""

from typing import Annotated

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class NtpOptions(RoomOptions, frozen=True, kw_only=True):
    """How many requests are sent, and with which key."""

    samples: Annotated[
        int,
        Meta(ge=1, le=4096),
        Option(flag="samples", metavar="N", help="requests to each server"),
    ] = 4
    interval_seconds: Annotated[
        float,
        Meta(gt=0, le=86400),
        Option(
            flag="interval", metavar="SECONDS",
            help="pause between two requests in seconds; servers limit the rate",
        ),
    ] = 2.0  # fmt: skip
    ntp_keys: Annotated[
        str | None,
        Option(
            flag="ntp-keys", metavar="FILE", file="secret", credential=True,
            help="file of symmetric keys, in the format of chrony and ntpd",
        ),
    ] = None  # fmt: skip
    ntp_key: Annotated[
        Annotated[int, Meta(ge=1, le=2**32 - 1)] | None,
        Option(
            flag="ntp-key", metavar="ID", help="key ID from --ntp-keys",
            default="the file's first", needs=("ntp-keys", "the file with the key"),
        ),
    ] = None  # fmt: skip


_MEANINGS = {
    "offset_seconds": "server's clock minus ours, from the sample with the least delay",
    "offset_error_seconds": "maximum error of the offset by the path and both clocks' precision",
    "own_clock_error_seconds": "maximum error of this machine's clock; absent if unknown",
    "majority_offset_seconds": "error of this machine's clock by the majority of several sources",
    "falsetickers": "sources that are wrong if any majority is right",
    "delay_seconds": "round trip minus the server's processing time",
    "jitter_seconds": "root mean square of the offsets' differences to the chosen sample",
    "stratum": "distance to a reference clock; 16: unsynchronised",
    "reach": "last 8 requests, one bit each; 1: answered",
    "leap": "leap indicator; 1 and 2 announce a leap second, 3: unsynchronised",
    "root_delay_seconds": "round trip to the reference clock",
    "root_dispersion_seconds": "error accumulated since the reference clock",
    "root_distance_seconds": "root delay/2 + root dispersion: the server's bound of its error",
    "reference_age_seconds": "time since the server's clock was last set, by its own clock",
    "control_factor": "mode-6 bytes received per byte sent",
}
"""Of the metrics ``seventh_ntp_…`` that are named after their fact."""

_LOCAL = (
    ("offset_seconds", "correction_seconds", "what is still to be added to this machine's clock"),
    ("own_clock_error_seconds", "error_seconds", "maximum error of this machine's clock"),
    ("frequency_ppm", "frequency_ppm", "correction of the clock's frequency"),
    ("stratum", "stratum", "stratum of this machine"),
    ("served_packets", "served_packets", "requests that chronyd has received"),
    ("dropped_packets", "dropped_packets", "requests that chronyd has dropped"),
)
"""Of the metrics that `seventh local` reads: the name after ``seventh_ntp_``, the fact, and the
meaning."""

SPEC = Spec(
    name="ntp",
    title="NTP",
    schemes=(Scheme(name="ntp", port=123, transport="udp"), Scheme(name="nts", port=4460)),
    phases=(
        PhaseSpec("ntp.rtt", "request sent → matching reply"),
        PhaseSpec("ntp.control", "mode-6 READVAR sent → last fragment"),
        PhaseSpec("ntp.auth", "request with a MAC sent → authenticated reply"),
        PhaseSpec(
            "nts.ke_tcp", "TCP connect to the NTS port of an ntp:// target; else ``connect``"
        ),
        PhaseSpec("nts.ke_tls", "ClientHello → end of the key establishment's handshake"),
        PhaseSpec("nts.ke_records", "request for keys sent → end of the response"),
        PhaseSpec("nts.rtt", "authenticated request sent → authenticated reply"),
        PhaseSpec("nts.aead", "second key establishment, for the algorithm that was not chosen"),
        PhaseSpec("nts.bad-cookie", "request with a damaged cookie sent → its NTS NAK (tier 4)"),
        PhaseSpec("ntp.port-123", "request from port 123 sent → its reply (tier 4)"),
    ),
    metrics=(
        Metric("seventh_rtt_seconds", "gauge", "shortest request → matching reply", "rtt_seconds"),
        Metric("seventh_packet_loss_ratio", "gauge", "1 − replies/requests", "loss_ratio"),
        Metric("seventh_ntp_spoofed_replies", "gauge", "replies that match no request", "spoofed"),
        *(
            Metric(
                f"seventh_ntp_{fact}",
                "gauge",
                meaning,
                fact,
                signed=fact in {"offset_seconds", "majority_offset_seconds"},
            )
            for fact, meaning in _MEANINGS.items()
        ),
        *(
            Metric(f"seventh_ntp_{name}", "gauge", meaning, f"local.{fact}", source="local")
            for name, fact, meaning in _LOCAL
        ),
    ),
    options=NtpOptions,
    shared=("ca_file", "ca_store", "server_name", "cert_file", "key_file"),
    tiers={
        0: "up to 8 client requests of 48 bytes to one address, one to each other address; with "
        "NTS, one key establishment and up to 8 authenticated requests",
        1: "one mode-6 READVAR request of 12 bytes, which only reads; one TLS handshake with the "
        "NTS port; with NTS, a second key establishment, and two plain requests if authenticated "
        "ones get no reply",
        2: "up to two client requests with a MAC, if a symmetric key is given",
        4: "up to two monlist requests of 8 bytes, and up to three client requests from port "
        "123; with NTS, one request with a damaged cookie",
    },
    layers=("tls",),
    standards=("RFC 5905", "RFC 7822", "RFC 8573", "RFC 8633", "RFC 8915", "RFC 9109", "RFC 9327"),
)
