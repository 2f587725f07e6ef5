"""NTP: the time. RFC 5905, mode 6 of RFC 9327, and NTS (RFC 8915)."""

from typing import Annotated

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class NtpOptions(RoomOptions, frozen=True, kw_only=True):
    """How often a clock is asked, and with which key."""

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
            help="pause between two requests, in seconds; servers limit their rate",
        ),
    ] = 2.0  # fmt: skip
    ntp_keys: Annotated[
        str | None,
        Option(
            flag="ntp-keys", metavar="FILE", file="secret", credential=True,
            help="symmetric keys, in the format of chrony's and ntpd's keyfile",
        ),
    ] = None  # fmt: skip
    ntp_key: Annotated[
        Annotated[int, Meta(ge=1, le=2**32 - 1)] | None,
        Option(
            flag="ntp-key", metavar="ID", help="key ID from --ntp-keys",
            default="the file's first", needs=("ntp-keys", "the file that the key is in"),
        ),
    ] = None  # fmt: skip


SPEC = Spec(
    name="ntp",
    title="NTP",
    schemes=(Scheme(name="ntp", port=123, transport="udp"), Scheme(name="nts", port=4460)),
    phases=(
        PhaseSpec("ntp.rtt", "request sent → the reply that carries its origin timestamp"),
        PhaseSpec("ntp.control", "mode-6 READVAR sent → its last fragment"),
        PhaseSpec("ntp.auth", "request with a MAC sent → the reply whose MAC our key made"),
        PhaseSpec("nts.ke_tcp", "TCP connect to the NTS port beside plain NTP; else ``connect``"),
        PhaseSpec("nts.ke_tls", "ClientHello → the end of the handshake of the key establishment"),
        PhaseSpec("nts.ke_records", "request for keys sent → the end of the answer"),
        PhaseSpec("nts.rtt", "authenticated request sent → the reply that our key authenticates"),
        PhaseSpec("nts.aead", "a second key establishment, for the algorithm that was not chosen"),
        PhaseSpec("nts.bad-cookie", "request with a damaged cookie sent → its NTS NAK (tier 4)"),
        PhaseSpec("ntp.port-123", "request from port 123 sent → its reply (tier 4)"),
    ),
    metrics=(
        Metric("seventh_rtt_seconds", "gauge", "shortest request → matching reply", "rtt_seconds"),
        Metric("seventh_packet_loss_ratio", "gauge", "1 − replies/requests", "loss_ratio"),
        Metric(
            "seventh_ntp_offset_seconds",
            "gauge",
            "server's clock minus ours, by the sample of least delay",
            "offset_seconds",
        ),
        Metric(
            "seventh_ntp_offset_error_seconds",
            "gauge",
            "the most that the path and both clocks' reading can falsify the offset",
            "offset_error_seconds",
        ),
        Metric(
            "seventh_ntp_own_clock_error_seconds",
            "gauge",
            "the most that our own clock may be off; absent where nobody knows",
            "own_clock_error_seconds",
        ),
        Metric(
            "seventh_ntp_majority_offset_seconds",
            "gauge",
            "our own clock's error by the majority of several sources",
            "majority_offset_seconds",
        ),
        Metric(
            "seventh_ntp_falsetickers",
            "gauge",
            "sources that are wrong if any majority is right",
            "falsetickers",
        ),
        Metric(
            "seventh_ntp_delay_seconds",
            "gauge",
            "round trip less the server's share",
            "delay_seconds",
        ),
        Metric(
            "seventh_ntp_jitter_seconds",
            "gauge",
            "root mean square of the offsets' differences to the chosen sample",
            "jitter_seconds",
        ),
        Metric(
            "seventh_ntp_stratum", "gauge", "distance to a reference clock; 16: none", "stratum"
        ),
        Metric(
            "seventh_ntp_reach", "gauge", "our last 8 polls, one bit each, 1 = answered", "reach"
        ),
        Metric(
            "seventh_ntp_leap",
            "gauge",
            "leap indicator: 1 and 2 announce, 3 is unsynchronised",
            "leap",
        ),
        Metric(
            "seventh_ntp_root_delay_seconds",
            "gauge",
            "round trip to the reference clock",
            "root_delay_seconds",
        ),
        Metric(
            "seventh_ntp_root_dispersion_seconds",
            "gauge",
            "error gathered on the way from the reference clock",
            "root_dispersion_seconds",
        ),
        Metric(
            "seventh_ntp_root_distance_seconds",
            "gauge",
            "root delay/2 + root dispersion: the server's own bound of its error",
            "root_distance_seconds",
        ),
        Metric(
            "seventh_ntp_reference_age_seconds",
            "gauge",
            "since the server's clock was last set, by its own clock",
            "reference_age_seconds",
        ),
        Metric(
            "seventh_ntp_spoofed_replies", "gauge", "replies to nothing that we asked", "spoofed"
        ),
        Metric(
            "seventh_ntp_control_factor",
            "gauge",
            "mode-6 bytes received per byte sent",
            "control_factor",
        ),
    ),
    options=NtpOptions,
    shared=("ca_file", "ca_store", "server_name", "cert_file", "key_file"),
    tiers={
        0: "up to 8 client requests of 48 bytes to one address, one to each other address; of NTS, "
        "one key establishment and up to 8 authenticated requests",
        1: "one mode-6 READVAR request of 12 bytes, which only reads; one TLS handshake with the "
        "NTS port; of NTS, a second key establishment, and two plain requests where authenticated "
        "ones get no answer",
        2: "up to two client requests that carry a MAC, where a symmetric key is given",
        4: "up to two monlist requests of 8 bytes, and up to three client requests from port "
        "123; of NTS, one request with a damaged cookie",
    },
    standards=("RFC 5905", "RFC 7822", "RFC 8573", "RFC 8633", "RFC 8915", "RFC 9109", "RFC 9327"),
)
