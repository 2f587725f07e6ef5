"""What an operator asks first of any service: the name, the port, the path."""

from seventh.model.checklist import CheckLine

LINES = (
    CheckLine(
        "The name resolves without delay",
        rules=("NET-DNS-SLOW",), facts=("addresses",), phases=("resolve",),
    ),
    CheckLine(
        "The port can be reached at every address",
        rules=("NET-PORT-STATE",), facts=("attempts",), phases=("connect", "via"),
    ),
    CheckLine("IPv6 works wherever IPv4 does", rules=("NET-IPV6-BROKEN",)),
    CheckLine("All addresses behave alike", rules=("NET-ADDR-DRIFT",)),
    CheckLine("The path carries packets of full size (MTU)", rules=("NET-PMTU",)),
)  # fmt: skip
