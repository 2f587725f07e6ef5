"""The debugging checklist for TLS."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

LINES = (
    CheckLine(
        "STARTTLS succeeds, and nothing follows it in clear",
        rules=("TLS-STARTTLS-INJECT",),
        failures=(Reason.STARTTLS_NOT_OFFERED, Reason.STARTTLS_REFUSED),
    ),
    CheckLine(
        "The handshake succeeds",
        facts=("version", "cipher", "group"), phases=("tls",),
        failures=(
            Reason.TLS_NOT_TLS, Reason.TLS_HANDSHAKE, Reason.TLS_VERSION,
            Reason.TLS_CLIENT_CERTIFICATE_REQUIRED,
        ),
    ),
    CheckLine(
        "The certificate is valid now and does not expire soon",
        rules=("TLS-CERT-EXPIRED", "TLS-CERT-NOTYET", "TLS-CERT-EXPIRING"),
        facts=("cert_expiry_timestamp_seconds",),
    ),
    CheckLine(
        "The certificate matches the host name",
        rules=("TLS-CERT-HOST",), facts=("server_name",),
    ),
    CheckLine(
        "The chain is complete and ends at a trusted root",
        rules=("TLS-CHAIN",), facts=("chain_state",), look="--ca FILE",
    ),
    CheckLine("Keys and signatures of the chain are strong", rules=("TLS-CERT-WEAK",)),
    CheckLine(
        "No certificate of the chain has been revoked", rules=("TLS-REVOKED",), look="--crl FILE"
    ),
    CheckLine(
        "An OCSP staple is sent if the certificate requires one, and is valid",
        rules=("TLS-STAPLE", "TLS-STAPLE-INVALID"),
    ),
    CheckLine("CAA records restrict who may issue certificates", rules=("TLS-CAA",)),
    CheckLine("TLS 1.3 is supported", rules=("TLS-NO13",)),
    CheckLine(
        "Obsolete versions, ciphers and parameters are refused",
        rules=("TLS-LEGACY", "TLS-WEAK-CIPHER", "TLS-DH-SMALL", "TLS-COMPRESS"),
        facts=("versions",),
    ),
    CheckLine("Current clients can connect with their defaults", rules=("TLS-CLIENTS-CUT",)),
    CheckLine("TLS 1.2 is protected against known attacks", rules=("TLS-EMS", "TLS-RENEG")),
    CheckLine(
        "A large (post-quantum) ClientHello is accepted", rules=("TLS-BIG-HELLO",),
        facts=("version",),
    ),
    CheckLine("Post-quantum key exchange is supported", rules=("TLS-NO-PQ",)),
    CheckLine("Sessions can be resumed", rules=("TLS-NO-RESUME",), facts=("resumed",)),
    CheckLine(
        "Session tickets are valid for a day, with TLS 1.3 for a week, at most",
        rules=("TLS-TICKET-LONG",), facts=("ticket_lifetime_seconds",),
    ),
    CheckLine("Early data (0-RTT) is off", rules=("TLS-0RTT-ON",)),
    CheckLine(
        "Early data cannot be replayed", rules=("TLS-0RTT-REPLAY",), look="https:// --intrusive"
    ),
    CheckLine(
        "A client certificate is required if it is requested",
        rules=("TLS-MTLS-OPTIONAL",), facts=("client_certificate",),
    ),
)  # fmt: skip
