"""The debugging checklist of gRPC: HTTP/2, health, proxies, deadlines, limits."""

from seventh.model.checklist import CheckLine
from seventh.model.failure import Reason

LINES = (
    CheckLine(
        "HTTP/2 is served, and TLS selects it", rules=("GRPC-NO-H2",), facts=("http",),
        phases=("grpc.settings", "tls"), failures=(Reason.NEGOTIATION_FAILED,),
    ),
    CheckLine("Calls are encrypted (grpcs)", rules=("GRPC-PLAINTEXT",)),
    CheckLine(
        "Responses are gRPC's, with a status in the trailers",
        rules=("GRPC-NOT-GRPC", "GRPC-STATUS-MAP", "GRPC-CONTROL-STATUS"),
        phases=("grpc.unary", "grpc.variants", "grpc.reflection", "grpc.list", "grpc.ping"),
    ),
    CheckLine(
        "The health service says SERVING", rules=("GRPC-HEALTH-NONE", "GRPC-NOT-SERVING"),
        facts=("health.code",), phases=("grpc.unary",),
    ),
    CheckLine(
        "Streams are forwarded message by message", rules=("GRPC-WATCH",),
        facts=("watch.first_message_seconds",), phases=("grpc.first_message",),
    ),
    CheckLine("Deadlines are honoured", rules=("GRPC-DEADLINE",), phases=("grpc.deadline",)),
    CheckLine(
        "Idle streams stay open", rules=("GRPC-PROXY-CUT",), facts=("held.seconds",),
        phases=("grpc.hold",), look="--hold 60",
    ),
    CheckLine("Metadata of 8 KiB is accepted", rules=("GRPC-META-LIMIT",)),
    CheckLine(
        "Streams and windows are large enough", rules=("GRPC-STREAMS", "GRPC-WINDOW"),
    ),
    CheckLine("Compression is supported", rules=("GRPC-COMPRESS",)),
    CheckLine("Reflection and admin services are not public",
              rules=("GRPC-REFLECT-OPEN", "GRPC-CHANNELZ")),
    CheckLine(
        "The method is described and answers", facts=("called.code",),
        phases=("grpc.describe", "grpc.call"), look="--call PACKAGE.SERVICE/METHOD",
    ),
    CheckLine(
        "Flow control is respected", rules=("GRPC-BACKPRESSURE",), phases=("grpc.paused",),
        look="--call PACKAGE.SERVICE/METHOD",
    ),
    CheckLine(
        "Message size is limited", rules=("GRPC-MSG-LIMIT",), phases=("grpc.big",),
        look="--call PACKAGE.SERVICE/METHOD",
    ),
    CheckLine(
        "Calls spread over the backends", rules=("GRPC-LB-PIN",), facts=("spread.calls",),
        phases=("grpc.spread",),
        look="--call PACKAGE.SERVICE/METHOD --calls 20 --backend-header NAME",
    ),
)  # fmt: skip
