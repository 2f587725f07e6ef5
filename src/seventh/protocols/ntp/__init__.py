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
    metrics=tuple(
        Metric(f"seventh_{name}", "gauge", meaning, fact)
        for name, meaning, fact in (
            ("rtt_seconds", "shortest round trip from request to matching reply", "rtt_seconds"),
            ("packet_loss_ratio", "1 − replies/requests", "loss_ratio"),
            (
                "ntp_offset_seconds",
                "server's clock minus ours, from the sample with the least delay",
                "offset_seconds",
            ),
            (
                "ntp_offset_error_seconds",
                "maximum error of the offset by the path and the precision of both clocks",
                "offset_error_seconds",
            ),
            (
                "ntp_own_clock_error_seconds",
                "maximum error of this machine's clock; absent if unknown",
                "own_clock_error_seconds",
            ),
            (
                "ntp_majority_offset_seconds",
                "error of this machine's clock by the majority of several sources",
                "majority_offset_seconds",
            ),
            ("ntp_falsetickers", "sources that are wrong if any majority is right", "falsetickers"),
            ("ntp_delay_seconds", "round trip minus the server's processing time", "delay_seconds"),
            (
                "ntp_jitter_seconds",
                "root mean square of the offsets' differences to the chosen sample",
                "jitter_seconds",
            ),
            ("ntp_stratum", "distance to a reference clock; 16: unsynchronised", "stratum"),
            ("ntp_reach", "last 8 requests, one bit each; 1: answered", "reach"),
            (
                "ntp_leap",
                "leap indicator; 1 and 2 announce a leap second, 3: unsynchronised",
                "leap",
            ),
            ("ntp_root_delay_seconds", "round trip to the reference clock", "root_delay_seconds"),
            (
                "ntp_root_dispersion_seconds",
                "error accumulated since the reference clock",
                "root_dispersion_seconds",
            ),
            (
                "ntp_root_distance_seconds",
                "root delay/2 + root dispersion: the server's own bound of its error",
                "root_distance_seconds",
            ),
            (
                "ntp_reference_age_seconds",
                "time since the server's clock was last set, by its own clock",
                "reference_age_seconds",
            ),
            ("ntp_spoofed_replies", "replies that match no request", "spoofed"),
            ("ntp_control_factor", "mode-6 bytes received per byte sent", "control_factor"),
        )
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
    standards=("RFC 5905", "RFC 7822", "RFC 8573", "RFC 8633", "RFC 8915", "RFC 9109", "RFC 9327"),
)
