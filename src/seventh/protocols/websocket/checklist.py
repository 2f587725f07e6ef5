"""The debugging checklist of WebSocket: the upgrade, cut sockets, limits, and fan-out."""

from seventh.model.checklist import CheckLine

LINES = (
    CheckLine(
        "The upgrade is accepted and every proxy forwards it",
        rules=("WS-STRIPPED", "WS-ACCEPT", "WS-EXT", "WS-SUBPROTO"), facts=("handshake.status",),
        phases=("ws.upgrade",), look="--direct URL",
    ),
    CheckLine("Expect: 100-continue does not delay it", rules=("WS-100CONT",)),
    CheckLine("Other protocol versions are refused with the supported ones", rules=("WS-VERSION",)),
    CheckLine("The socket is encrypted (wss)", rules=("WS-CLEAR",)),
    CheckLine("Foreign origins are rejected", rules=("WS-ORIGIN",)),
    CheckLine("No credential is in the URL", rules=("WS-TOKEN-URL",)),
    CheckLine(
        "Sockets close when their token expires",
        rules=("WS-TOKEN-STALE",), look="--token-file FILE",
    ),
    CheckLine(
        "The server's frames are valid",
        facts=("greeting_bytes",), phases=("ws.greeting",),
    ),
    CheckLine(
        "Pings are answered",
        rules=("WS-NO-PONG",), facts=("ping_seconds",), phases=("ws.ping",),
    ),
    CheckLine(
        "The expected message arrives",
        facts=("reply.seconds",), phases=("ws.reply",),
        look="--allow-write --send TEXT --expect REGEX",
    ),
    CheckLine(
        "The server pings idle clients",
        rules=("WS-NO-SERVER-PING",), look="--hold 60",
    ),
    CheckLine(
        "Idle sockets stay open",
        rules=("WS-IDLE-CUT",), facts=("hold.seconds",), phases=("ws.hold",), look="--hold 60",
    ),
    CheckLine("The socket closes cleanly", rules=("WS-CLOSE",), facts=("close_code",),
              phases=("ws.close",)),
    CheckLine("Message size is limited", rules=("WS-MSG-LIMIT",)),
    CheckLine("Message rate is limited", rules=("WS-RATE",)),
    CheckLine("Output to slow readers is limited", rules=("WS-BACKPRESSURE",)),
    CheckLine("Limits are declared to clients", rules=("WS-LIMITS-UNDECLARED",)),
    CheckLine(
        "Invalid frames are rejected",
        rules=("WS-MASK", "WS-RSV", "WS-UTF8", "WS-FRAG"),
    ),
    CheckLine(
        "Broadcasts reach every socket in time (broker, sticky sessions)",
        rules=("WS-FANOUT-LOSS", "WS-FANOUT-SLOW"), facts=("fanout_ratio",),
        look="--message-template TEXT",
    ),
)  # fmt: skip
