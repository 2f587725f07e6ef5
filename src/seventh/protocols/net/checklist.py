"""The debugging checklist for names, addresses and paths: first for any service."""

from seventh.model.checklist import CheckLine

LINES = (
    CheckLine(
        "The name resolves without delay",
        rules=("NET-DNS-SLOW",), facts=("addresses",), phases=("resolve",),
    ),
    CheckLine(
        "The port is reachable on every address",
        rules=("NET-PORT-STATE",), facts=("attempts",), phases=("connect", "via"),
    ),
    CheckLine("IPv6 works wherever IPv4 does", rules=("NET-IPV6-BROKEN",)),
    CheckLine("All addresses behave the same", rules=("NET-ADDR-DRIFT",)),
    CheckLine(
        "Idle connections stay usable",
        rules=("NET-IDLE-CUT",), phases=("idle",), look="--hold 300",
    ),
    CheckLine("The path MTU is at least 1500 bytes", rules=("NET-PMTU",)),
)  # fmt: skip
