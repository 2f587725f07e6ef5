"""The well-known ports of the application layer and their purposes."""

from __future__ import annotations

import msgspec


class WellKnown(msgspec.Struct, frozen=True):
    """One row of the table."""

    service: str
    port: int
    transport: str
    scheme: str | None
    """The scheme that checks it; None where none is planned."""
    note: str


PORTS: tuple[WellKnown, ...] = (
    WellKnown("SSH", 22, "tcp", "ssh", "remote shell, files, forwarding"),
    WellKnown("SMTP", 25, "tcp", "smtp", "mail between servers; STARTTLS needs MTA-STS or DANE"),
    WellKnown("HTTP", 80, "tcp", "http", "WebSocket by upgrade; redirect to 443"),
    WellKnown("POP3", 110, "tcp", "pop3", "mailbox download; STLS"),
    WellKnown("NTP", 123, "udp", "ntp", "time"),
    WellKnown("IMAP", 143, "tcp", "imap", "mailbox on the server; STARTTLS"),
    WellKnown("SNMP", 161, "udp", "snmp", "management; v3 authPriv"),
    WellKnown("SNMP trap", 162, "udp", None, "notifications to a receiver"),
    WellKnown("PTP event", 319, "udp", None, "sub-microsecond time, with hardware support"),
    WellKnown("PTP general", 320, "udp", None, "PTP messages without timestamps"),
    WellKnown("HTTPS", 443, "tcp", "https", "HTTP/1.1 and 2, WSS, MQTT over WSS, gRPC"),
    WellKnown("TLS", 443, "tcp", "tls", "any service over TLS, on any port"),
    WellKnown("HTTP/3", 443, "udp", "https", "QUIC"),
    WellKnown("Submissions", 465, "tcp", "smtps", "mail submission, implicit TLS: preferred"),
    WellKnown("Submission", 587, "tcp", "submission", "mail submission, STARTTLS and AUTH"),
    WellKnown("IMAPS", 993, "tcp", "imaps", "IMAP, implicit TLS"),
    WellKnown("POP3S", 995, "tcp", "pop3s", "POP3, implicit TLS"),
    WellKnown("MQTT", 1883, "tcp", "mqtt", "IoT messages, unencrypted"),
    WellKnown("ManageSieve", 4190, "tcp", None, "mail filters"),
    WellKnown("NTS-KE", 4460, "tcp", "nts", "keys for authenticated NTP, TLS 1.3"),
    WellKnown("MQTTS", 8883, "tcp", "mqtts", "IoT messages, TLS"),
    WellKnown("SNMP over (D)TLS", 10161, "udp", None, "management over DTLS; 10161/tcp for TLS"),
    WellKnown("SNMP trap over (D)TLS", 10162, "udp", None, "notifications over DTLS"),
    WellKnown("gRPC", 50051, "tcp", "grpc", "by convention only; often 443"),
)
