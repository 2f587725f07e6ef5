"""The debugging checklist of SNMP: reachability, the credential, the view, and walks."""

from seventh.model.checklist import CheckLine

_USER = "--user NAME --auth sha256 --auth-password-file FILE --priv aes --priv-password-file FILE"
LINES = (
    CheckLine(
        "The agent answers SNMPv3 discovery",
        rules=("SNMP-V3-ABSENT",), facts=("rtt_seconds", "engine.id"), phases=("snmp.discovery",),
    ),
    CheckLine(
        "Requests with the credential are answered",
        facts=("access.outcome",), phases=("snmp.auth",), look=_USER,
    ),
    CheckLine("The agent knows the user", rules=("SNMP-USM-UNKNOWN-USER",), look=_USER),
    CheckLine(
        "The authentication key is right", rules=("SNMP-USM-WRONG-DIGEST",), look=_USER,
    ),
    CheckLine("The privacy key is right", rules=("SNMP-USM-DECRYPTION-ERROR",), look=_USER),
    CheckLine(
        "The security level is supported", rules=("SNMP-USM-UNSUPPORTED-LEVEL",), look=_USER,
    ),
    CheckLine(
        "The engine's time is within the window", rules=("SNMP-USM-NOT-IN-WINDOW",), look=_USER,
    ),
    CheckLine(
        "The credential has a view of the system group", rules=("SNMP-VIEW-EMPTY",), look=_USER,
    ),
    CheckLine(
        "Only authPriv is answered", rules=("SNMP-V3-NOAUTH", "SNMP-V3-NOPRIV"),
        phases=("snmp.access",), look=_USER,
    ),
    CheckLine(
        "The user's algorithms are strong", rules=("SNMP-V3-MD5", "SNMP-V3-SHA1", "SNMP-V3-DES"),
        look=_USER,
    ),
    CheckLine("The view hides sensitive objects", rules=("SNMP-VIEW-WIDE",), look=_USER),
    CheckLine(
        "The agent is not on a public address", rules=("SNMP-EXPOSED",), facts=("reach",),
    ),
    CheckLine(
        "Default communities are refused", rules=("SNMP-DEFAULT-COMMUNITY",), look="--intrusive",
    ),
    CheckLine("SNMP v1 and v2c are off", rules=("SNMP-V1V2-ON",), look="--community-file FILE"),
    CheckLine(
        "Walks use GETBULK, and large replies arrive", rules=("SNMP-NO-BULK", "SNMP-BULK-TRUNC"),
        facts=("repetitions", "bulk_rows"), phases=("snmp.bulk",), look=_USER,
    ),
    CheckLine("Fast interfaces have 64-bit counters", rules=("SNMP-COUNTER32",), look=_USER),
    CheckLine(
        "The device's clock is right", rules=("SNMP-CLOCK",), facts=("clock.offset_seconds",),
        look=_USER,
    ),
    CheckLine("Walks advance", rules=("SNMP-OID-LOOP",), phases=("snmp.poll",), look=_USER),
)  # fmt: skip
