"""Well-known ports, by IANA's registry of service names and port numbers."""

from __future__ import annotations

from seventh.model.ports import PORTS

REGISTERED = {
    (22, "tcp", "SSH", "ssh"), (25, "tcp", "SMTP", "smtp"), (80, "tcp", "HTTP", "http"),
    (110, "tcp", "POP3", "pop3"), (123, "udp", "NTP", "ntp"), (143, "tcp", "IMAP", "imap"),
    (161, "udp", "SNMP", "snmp"), (162, "udp", "SNMP trap", None),
    (319, "udp", "PTP event", None), (320, "udp", "PTP general", None),
    (443, "tcp", "HTTPS", "https"), (443, "tcp", "TLS", "tls"), (443, "udp", "HTTP/3", "https"),
    (465, "tcp", "Submissions", "smtps"), (587, "tcp", "Submission", "submission"),
    (993, "tcp", "IMAPS", "imaps"), (995, "tcp", "POP3S", "pop3s"),
    (1883, "tcp", "MQTT", "mqtt"), (4190, "tcp", "ManageSieve", None),
    (4460, "tcp", "NTS-KE", "nts"), (8883, "tcp", "MQTTS", "mqtts"),
    (10161, "udp", "SNMP over (D)TLS", None), (10162, "udp", "SNMP trap over (D)TLS", None),
    (50051, "tcp", "gRPC", "grpc"),
}  # fmt: skip


def test_each_row_is_as_registered_and_they_are_sorted() -> None:
    rows = [(row.port, row.transport, row.service, row.scheme) for row in PORTS]
    assert (set(rows), len(rows)) == (REGISTERED, len(REGISTERED))
    assert [row.port for row in PORTS] == sorted(row.port for row in PORTS)
