"""SNMP versions 1, 2c and 3: discovery, the user's access, and what an agent is polled for."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme
from seventh.model.verb import Argument, Verb


class SnmpOptions(RoomOptions, frozen=True, kw_only=True):
    """The version and the credential, and how often a request is sent."""

    snmp_version: Annotated[
        Literal["1", "2c", "3"] | None,
        Option(
            flag="snmp-version", help="SNMP version",
            default="3 with --user, 2c with --community-file",
        ),
    ] = None  # fmt: skip
    community_file: Annotated[
        str | None,
        Option(
            flag="community-file", metavar="FILE", file="secret", credential=True,
            help="file whose first line is the community of SNMP v1 and v2c",
        ),
    ] = None  # fmt: skip
    auth: Annotated[
        Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] | None,
        Option(
            flag="auth", help="authentication protocol of the SNMPv3 user",
            needs=("user", "it is the user's protocol"),
        ),
    ] = None  # fmt: skip
    auth_password_file: Annotated[
        str | None,
        Option(
            flag="auth-password-file", metavar="FILE", file="secret",
            help="file whose first line is the SNMPv3 user's authentication password",
            needs=("auth", "the password is hashed with it"),
        ),
    ] = None  # fmt: skip
    priv: Annotated[
        Literal["des", "aes", "aes192", "aes256"] | None,
        Option(
            flag="priv", help="privacy protocol of the SNMPv3 user",
            needs=("auth", "SNMPv3 encrypts only what it authenticates"),
        ),
    ] = None  # fmt: skip
    priv_password_file: Annotated[
        str | None,
        Option(
            flag="priv-password-file", metavar="FILE", file="secret",
            help="file whose first line is the SNMPv3 user's privacy password",
            needs=("priv", "the password is for it"),
        ),
    ] = None  # fmt: skip
    context: Annotated[str, Option(flag="context", metavar="NAME", help="SNMPv3 context name")] = ""
    retries: Annotated[
        int,
        Meta(ge=0, le=20),
        Option(flag="retries", metavar="N", help="further attempts of an SNMP request"),
    ] = 2
    reply_seconds: Annotated[
        float,
        Meta(gt=0, le=60),
        Option(
            flag="reply-timeout", metavar="SECONDS",
            help="time for the reply to each attempt of an SNMP request in seconds",
        ),
    ] = 1.0  # fmt: skip


class WalkOptions(RoomOptions, frozen=True, kw_only=True):
    """How far a walk goes, and how it is written."""

    resume: Annotated[
        bool, Option(flag="resume", help="continue after an object that does not increase")
    ] = False
    max_rows: Annotated[
        int,
        Meta(ge=1, le=10_000_000),
        Option(flag="max-rows", metavar="N", help="objects after which the walk ends"),
    ] = 1_000_000
    book: Annotated[
        bool, Option(flag="book", help="write the objects down as a Markdown document")
    ] = False


_OIDS = Argument(
    name="oid", many=True, help="object: a number such as 1.3.6.1.2.1.1.3.0, or a name of MIB-2"
)
SPEC = Spec(
    name="snmp",
    title="SNMP",
    schemes=(Scheme(name="snmp", port=161, transport="udp"),),
    phases=(
        PhaseSpec("snmp.discovery", "request without a user sent → the engine's report"),
        PhaseSpec("snmp.auth", "first request with the credential sent → its result"),
        PhaseSpec("snmp.bulk", "GETBULK requests of growing size → the fastest"),
        PhaseSpec("snmp.poll", "system group and interfaces, or a verb's requests, with retries"),
        PhaseSpec("snmp.access", "clock, sensitive objects, lower levels, default communities"),
    ),
    metrics=(
        Metric("seventh_rtt_seconds", "gauge", "shortest request → matching reply", "rtt_seconds"),
        Metric("seventh_packet_loss_ratio", "gauge", "1 − replies/requests", "loss_ratio"),
        Metric(
            "seventh_snmp_poll_seconds", "histogram",
            "system group and interfaces, retries included", "poll_seconds",
        ),
        Metric("seventh_snmp_bulk_rows", "gauge", "rows of a GETBULK reply (mean)", "bulk_rows"),
        Metric("seventh_snmp_uptime_seconds", "gauge", "sysUpTime", "system.uptime_seconds"),
        Metric(
            "seventh_snmp_clock_offset_seconds", "gauge",
            "hrSystemDate − this machine's clock", "clock.offset_seconds",
        ),
        Metric("seventh_snmp_engine_boots", "gauge", "the engine's restarts", "engine.boots"),
    ),
    options=SnmpOptions,
    shared=("user",),
    verbs=(
        Verb(name="get", tier=2, help="read objects", arguments=(_OIDS,), formats=("csv",)),
        Verb(
            name="walk", tier=2, help="read subtrees (default: mib-2)", arguments=(_OIDS,),
            options=WalkOptions, formats=("csv",), endless=True,
        ),
        Verb(
            name="table", tier=2, help="read a table, and show it by rows", formats=("csv",),
            arguments=(Argument(name="name", help="table, such as ifTable"),), endless=True,
        ),
        Verb(
            name="set", tier=3, help="write objects, all or none", formats=("csv",),
            arguments=(
                Argument(
                    name="assignment", many=True,
                    help="OID=TYPE:VALUE, such as sysLocation.0=s:Rack; types: i u s x o a t c C",
                ),
            ),
        ),
    ),
    tiers={
        0: "one SNMPv3 request without a user, which the engine answers with its ID",
        2: "reads the system group and the interfaces with the credential, also by GETBULK of up "
        "to 50 rows; reads the first row of five sensitive tables, and the uptime at the user's "
        "lower security levels; `seventh snmp get`, `walk` and `table` read the objects named",
        3: "only `seventh snmp set` writes, the objects named",
        4: "tries the communities public and private, one request each",
    },
    standards=("RFC 3411", "RFC 3412", "RFC 3414", "RFC 3416", "RFC 3417", "RFC 3826", "RFC 7860"),
)  # fmt: skip
