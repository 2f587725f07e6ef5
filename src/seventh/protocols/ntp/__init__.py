"""NTP: the time. RFC 5905, and mode 6 of RFC 9327."""

from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

SPEC = Spec(
    name="ntp",
    title="NTP",
    schemes=(Scheme(name="ntp", port=123, transport="udp"),),
    phases=(
        PhaseSpec("ntp.rtt", "request sent → the reply that carries its origin timestamp"),
        PhaseSpec("ntp.control", "mode-6 READVAR sent → its last fragment"),
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
    tiers={
        0: "up to 8 client requests of 48 bytes to one address, one to each other address",
        1: "one mode-6 READVAR request of 12 bytes, which only reads",
    },
    standards=("RFC 5905", "RFC 7822", "RFC 8633", "RFC 9109", "RFC 9327"),
)
