"""What to do about each failure of the peer or the network."""

from __future__ import annotations

from seventh.model.failure import Reason

JUDGED_BY = {
    Reason.RESOLVE_TIMEOUT: "NET-DNS-SLOW",
    Reason.RESOLVE_FAILED: "NET-DNS-SLOW",
    Reason.CONNECT_REFUSED: "NET-PORT-STATE",
    Reason.CONNECT_TIMEOUT: "NET-PORT-STATE",
    Reason.CONNECT_RESET: "NET-PORT-STATE",
    Reason.NO_REPLY: "NTP-NO-REPLY",
    Reason.TLS_CERTIFICATE_EXPIRED: "TLS-CERT-EXPIRED",
    Reason.TLS_CERTIFICATE_NOT_YET_VALID: "TLS-CERT-NOTYET",
    Reason.TLS_CERTIFICATE_HOST_MISMATCH: "TLS-CERT-HOST",
    Reason.TLS_CERTIFICATE_SELF_SIGNED: "TLS-CHAIN",
    Reason.TLS_CERTIFICATE_UNTRUSTED: "TLS-CHAIN",
    Reason.TLS_CERTIFICATE_WEAK: "TLS-CERT-WEAK",
}
"""Failures that have a rule of their own."""
ADVICE = {
    Reason.RESOLVE_NXDOMAIN: "Check the spelling of the name. If it is right, add the record to "
    "the zone, and check that the resolver sees that zone (`dig NAME` and `dig @NS NAME`).",
    Reason.RESOLVE_NO_ADDRESS: "Add an A or AAAA record for the name.",
    Reason.CONNECT_UNREACHABLE: "Check the route to the address (`ip route get ADDRESS`, "
    "`traceroute`) and the firewalls that answer with ICMP unreachable.",
    Reason.ADDRESS_POLICY: "Name a public address or the target's own host. If the internal "
    "address is intended, check it as a target of its own.",
    Reason.STARTTLS_NOT_OFFERED: "Enable TLS for this port (a certificate and a key), or check the "
    "port where TLS starts at once.",
    Reason.STARTTLS_REFUSED: "Read the server's log: its certificate, its key or its TLS library "
    "is usually not usable.",
    Reason.TLS_NOT_TLS: "Enable TLS on this port (nginx: `listen 443 ssl`), or use the URL of the "
    "protocol that the port serves.",
    Reason.TLS_HANDSHAKE: "Read the alert in the detail and the server's log. unrecognized_name: "
    "configure the name on the server. handshake_failure: no common cipher, group or certificate "
    "type. No alert: look for a device on the path that ends TLS.",
    Reason.TLS_VERSION: "Allow TLS 1.2 and TLS 1.3 on the server.",
    Reason.TLS_CERTIFICATE_INVALID: "Issue the certificate again; the detail names the fault.",
    Reason.TLS_CLIENT_CERTIFICATE_REQUIRED: "Give a client certificate (`--cert`, `--key`) of a CA "
    "that the server accepts, or make it optional on the server.",
    Reason.PROTOCOL_VIOLATION: "Update the server. If a proxy is in front of it, check without the "
    "proxy to see which of the two sends this.",
    Reason.PROTOCOL_MISMATCH: "Check the port and the scheme: another protocol answers there.",
    Reason.NEGOTIATION_FAILED: "Allow algorithms or versions that current clients offer; the "
    "detail has both sides.",
    Reason.PEER_CLOSED: "Read the server's log for this time: a limit on connections, an access "
    "rule, a crash, or a backend that a load balancer cannot reach.",
    Reason.PEER_RESET: "Read the server's log for this time. If it has no entry for the "
    "connection, a firewall or a load balancer on the path resets it.",
    Reason.PEER_SILENT: "Check that the service is not overloaded or blocked, and that its backend "
    "answers. If it is only slow, raise `--timeout`.",
    Reason.BUDGET_EXCEEDED: "The response exceeds a limit of this check. If it is intended, raise "
    "the limit (`seventh check --help PROTOCOL`).",
    Reason.UNEXPECTED_ANSWER: "Compare the response with the expectation in the detail: repair the "
    "service, or change the expectation.",
    Reason.AUTH_REQUIRED: "Give a credential (`seventh check --help PROTOCOL`).",
    Reason.AUTH_REJECTED: "Check the user, the credential and the server's log of logins.",
    Reason.HOST_KEY_UNTRUSTED: "Compare the fingerprint with the one on the server's console "
    "(`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), and add it to known_hosts only if they "
    "are equal.",
}
"""What to do where no other rule judges the failure."""
