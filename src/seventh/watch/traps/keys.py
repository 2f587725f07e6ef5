"""The tables of the receiver's file and their keys."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from seventh.model.option import Option

Name = Annotated[str, Meta(min_length=1, max_length=200)]


class Listen(msgspec.Struct, frozen=True, kw_only=True):
    """``[listen]``: where, and what is kept."""

    host: Annotated[
        str, Option(flag="host", help="IP address to listen on", default="all addresses")
    ] = ""
    port: Annotated[int, Meta(ge=0, le=65535), Option(flag="port", help="UDP port")] = 162
    state: Annotated[
        str | None,
        Option(flag="state", help="folder of what was received and is not sent on yet",
               default="seventh/listen in the user's state folder"),
    ] = None  # fmt: skip
    source_limit: Annotated[
        float, Meta(gt=0, le=1_000_000),
        Option(flag="source-limit", help="notifications of one sender per second; what is above "
               "is counted and not read"),
    ] = 1000.0  # fmt: skip
    max_store: Annotated[
        int, Meta(ge=1, le=1_000_000),
        Option(flag="max-store", help="size of what waits to be sent on, in MiB, above which "
               "nothing more is accepted"),
    ] = 1024  # fmt: skip


class CommunityKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[community]]``: of SNMP v1 and v2c; other communities are recorded as unknown."""

    community: Annotated[
        str,
        Option(flag="community", file="secret", help="the community, as file:/path or env:NAME"),
    ]


class UserKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[user]]``: of SNMPv3; notifications below the level of its passwords are not accepted."""

    name: Annotated[str, Meta(min_length=1, max_length=32), Option(flag="name", help="user name")]
    auth: Annotated[
        Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512"] | None,
        Option(flag="auth", help="authentication protocol", default="none: anyone can send as it"),
    ] = None  # fmt: skip
    auth_password: Annotated[
        str | None,
        Option(flag="auth-password", file="secret", help="its password, as file:/path or env:NAME"),
    ] = None  # fmt: skip
    priv: Annotated[
        Literal["des", "aes", "aes192", "aes256"] | None,
        Option(flag="priv", help="privacy protocol", default="none"),
    ] = None  # fmt: skip
    priv_password: Annotated[
        str | None,
        Option(flag="priv-password", file="secret", help="its password, as file:/path or env:NAME"),
    ] = None  # fmt: skip
    engine: Annotated[
        str, Option(flag="engine", help="ID of the only engine that it sends from, in hexadecimal",
                    default="any engine")
    ] = ""  # fmt: skip


class ForwardKeys(msgspec.Struct, frozen=True, kw_only=True):
    """``[[forward]]``: where records are sent, each at least once, in their order.

    Without one they go to standard output. What a receiver does not take is kept and tried again;
    a record may come twice, after a crash between sending it and noting that: its ``id`` is the
    same then.
    """

    name: Annotated[Name, Option(flag="name", help="unique name")]
    to: Annotated[
        str,
        Option(flag="to", help="a file's path, syslog://host:514 (UDP), syslog+tcp://host:601, "
               "syslog+tls://host:6514, or https://host/path; - is standard output"),
    ]  # fmt: skip
    token: Annotated[
        str | None,
        Option(flag="token", file="secret", help="bearer token of an HTTP receiver, as file:/path "
               "or env:NAME"),
    ] = None  # fmt: skip
    ca: Annotated[str | None, Option(flag="ca", help="file of an additional CA to trust (PEM)")] = (
        None
    )


TABLES: dict[str, type[msgspec.Struct]] = {
    "listen": Listen, "community": CommunityKeys, "user": UserKeys, "forward": ForwardKeys,
}  # fmt: skip
"""By name."""
LISTED = frozenset({"community", "user", "forward"})
"""The tables of which there may be several."""
