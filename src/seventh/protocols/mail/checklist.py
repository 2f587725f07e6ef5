"""The debugging checklist of a domain, and of a host for whichever of its protocols is checked."""

from seventh.model.checklist import CheckLine

LINES = (
    CheckLine("All mail ports have the same certificate", rules=("MAIL-CERT-DIFF",)),
    CheckLine("Clients find the servers by SRV records", rules=("MAIL-SRV",)),
    CheckLine("Commands sent before TLS are discarded", rules=("MAIL-STARTTLS-INJECT",)),
    CheckLine(
        "The domain's records are answered, and validate",
        rules=("DNSSEC-BOGUS",), phases=("mail.exchangers",),
    ),
    CheckLine(
        "There is one SPF record, which receivers can evaluate",
        rules=("SPF-NONE", "SPF-MULTI", "SPF-SYNTAX", "SPF-LOOP", "SPF-LOOKUPS", "SPF-VOID",
               "SPF-LONG", "SPF-TYPE99"),
    ),
    CheckLine("SPF passes own senders only", rules=("SPF-ALL", "SPF-WIDE", "SPF-PTR")),
    CheckLine(
        "SPF passes the sending address", rules=("SPF-SENDER-MISS",), look="--sender-ip ADDRESS"
    ),
    CheckLine(
        "The DKIM keys are usable and strong",
        rules=("DKIM-NONE", "DKIM-KEY-WEAK", "DKIM-TEST", "DKIM-SHA1", "DKIM-REVOKED"),
        look="--selector NAME",
    ),
    CheckLine(
        "DMARC has receivers refuse forged mail",
        rules=("DMARC-NONE", "DMARC-MULTI", "DMARC-MISPLACED", "DMARC-WEAK", "DMARC-LEGACY"),
    ),
    CheckLine("Reports arrive on forged mail and on TLS", rules=("DMARC-RUA", "TLSRPT")),
    CheckLine(
        "MTA-STS requires TLS of senders",
        rules=("MTASTS-NONE", "MTASTS-TESTING", "MTASTS-BROKEN"),
    ),
    CheckLine("TLSA records fit the certificates", rules=("DANE-MISMATCH", "DANE-UNUSABLE")),
    CheckLine(
        "The sending address is on no block list",
        rules=("DNSBL-LISTED", "DNSBL-REFUSED"), look="--dnsbl ZONE",
    ),
)  # fmt: skip
