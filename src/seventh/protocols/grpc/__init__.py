"""gRPC over HTTP/2: settings, health, reflection, deadlines, and calls."""

from typing import Annotated

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme
from seventh.model.verb import Argument, Verb


class GrpcOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of calls that the user names."""

    call: Annotated[
        str | None,
        Option(
            flag="call", metavar="PACKAGE.SERVICE/METHOD", credential=True,
            help="method to call, described by the server's reflection; permits tier 2",
        ),
    ] = None  # fmt: skip
    data_file: Annotated[
        str | None,
        Option(
            flag="data", metavar="FILE", file="readable",
            help="requests as JSON, one object after another", default="one empty message",
            needs=("call", "the method that the messages are for"),
        ),
    ] = None  # fmt: skip
    calls: Annotated[
        int,
        Meta(ge=1, le=1000),
        Option(
            flag="calls", metavar="N", help="number of calls of --call, to see how they spread",
        ),
    ] = 1  # fmt: skip
    backend_header: Annotated[
        str | None,
        Option(
            flag="backend-header", metavar="NAME",
            help="field of responses that identifies the backend",
            needs=("call", "the method whose responses have the field"),
        ),
    ] = None  # fmt: skip
    max_time: Annotated[
        Annotated[float, Meta(gt=0, le=86400)] | None,
        Option(
            flag="max-time", metavar="SECONDS", help="deadline of each call, in seconds",
            default="5 in a check, else that of --timeout",
        ),
    ] = None  # fmt: skip


class CallOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of ``call``."""

    max_message: Annotated[
        int,
        Meta(ge=1, le=1 << 30),
        Option(flag="max-message", metavar="BYTES", help="largest response that is accepted"),
    ] = 4 * 1024 * 1024
    compress: Annotated[bool, Option(flag="compress", help="compress the requests with gzip")] = (
        False
    )


SPEC = Spec(
    name="grpc",
    title="gRPC",
    schemes=(
        Scheme(name="grpc", port=50051, well_known=False),
        Scheme(name="grpcs", port=443, well_known=False),
    ),
    phases=(
        PhaseSpec("grpc.settings", "from the connection preface to the server's SETTINGS"),
        PhaseSpec("grpc.unary", "from the request of health's Check to its response"),
        PhaseSpec("grpc.first_message", "from the request of health's Watch to its first message"),
        PhaseSpec("grpc.deadline", "from health's Watch to its end at the deadline"),
        PhaseSpec("grpc.list", "from the request of health's List to its response"),
        PhaseSpec("grpc.ping", "from a PING to its acknowledgement"),
        PhaseSpec("grpc.reflection", "listing the services by reflection"),
        PhaseSpec("grpc.variants", "calls of a method that does not exist and of the admin "
                  "services, with compression and with 7 KiB of metadata"),
        PhaseSpec("grpc.elsewhere", "health at another address of the name"),
        PhaseSpec("grpc.describe", "reading the descriptors of --call by reflection"),
        PhaseSpec("grpc.call", "the call of --call, to its status"),
        PhaseSpec("grpc.paused", "the same call while nothing of its response is read"),
        PhaseSpec("grpc.big", "the same call with a request of more than 4 MiB"),
        PhaseSpec("grpc.spread", "the calls of --calls"),
        PhaseSpec("grpc.hold", "holding a stream open"),
    ),
    metrics=(
        Metric("seventh_ttfb_seconds", "histogram", "request to first byte of the response",
               "ttfb_seconds"),
        Metric("seventh_grpc_streams", "gauge", "the most streams that the check had open at once",
               "streams", also=("stream_cnt",)),
        Metric("seventh_grpc_max_concurrent_streams", "gauge",
               "streams that the server allows at once", "max_concurrent_streams"),
        Metric("seventh_grpc_serving", "gauge", "whether the health service says SERVING",
               "is_serving"),
        Metric("seventh_grpc_ping_seconds", "gauge", "PING to its acknowledgement",
               "ping_seconds"),
        Metric("seventh_grpc_first_message_seconds", "gauge",
               "request of health's Watch to its first message", "watch.first_message_seconds"),
        Metric("seventh_grpc_call_seconds", "gauge", "the call of --call, to its status",
               "called.seconds"),
        Metric("seventh_grpc_message_bytes", "histogram",
               "the largest message received by --call", "called.message_bytes",
               also=("msg_size_p95",)),
        Metric("seventh_grpc_attempts_total", "counter", "attempts of --call by kind", "attempts",
               label="kind"),
    ),
    options=GrpcOptions,
    shared=(
        "ca_file", "ca_store", "crl_files", "server_name", "cert_file", "key_file", "token_file",
        "headers", "hold_seconds",
    ),
    tiers={
        0: "connects and reads the settings",
        1: "checks, watches and lists health, lists the services by reflection, and sends a PING; "
        "calls a method that does not exist and the admin services, once with gzip and once with "
        "7 KiB of metadata",
        2: "calls the method of --call, up to --calls times, and reads nothing of a stream for a "
        "second",
        3: "sends the method of --call a message of more than 4 MiB",
        4: "holds a stream open for --hold",
    },
    verbs=(
        Verb(
            name="list", tier=1, help="list the services, or the methods of one",
            arguments=(Argument(name="service", help="service", optional=True),),
        ),
        Verb(
            name="describe", tier=1, help="describe a service, method, message or enum",
            arguments=(Argument(name="symbol", help="its full name"),),
        ),
        Verb(
            name="call", tier=3, help="call a method: JSON in and out, streams as JSON lines",
            arguments=(
                Argument(name="method", help="package.Service/Method"),
                Argument(
                    name="request", many=True,
                    help="request as JSON; '-' reads requests from standard input",
                ),
            ),
            options=CallOptions, exit_codes={1: "the call ends with another status than OK"},
        ),
        Verb(
            name="health", tier=1, help="check the health of the server, or of services",
            arguments=(Argument(name="service", many=True, help="service"),),
            formats=("health-probe",),
            exit_codes={
                1: "not SERVING",
                4: "not SERVING, with --format health-probe; 2 is then a failed connection, 3 a "
                "failed call",
            },
        ),
    ),
    layers=("tls",),
    standards=("RFC 9113", "RFC 9110", "GRPC PROTOCOL-HTTP2", "GRPC Health Checking Protocol",
               "GRPC Server Reflection Protocol"),
    connections=12,
)  # fmt: skip
