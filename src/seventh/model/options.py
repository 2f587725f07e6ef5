"""Options that several protocols share; a protocol's own are in its SPEC."""

import functools
import ipaddress
from typing import Annotated, Any, Literal, Self, TypeVar

import msgspec
from msgspec import Meta

from seventh.model.failure import UsageError
from seventh.model.option import Option, RoomOptions, declared
from seventh.model.proxy import proxy_url, resolves_here
from seventh.model.target import Target

R = TypeVar("R", bound=RoomOptions)

Seconds = Annotated[float, Meta(gt=0, le=86400)]
_CONNECT, _LOGIN, _REQUEST = "connecting", "credentials and permissions", "requests"
_LIMITS = "limits"
HOLDING_SECONDS = 20.0
"""What opening and using idle connections may take beside the hold."""


class HostPort(msgspec.Struct, frozen=True):
    """An address and a port, such as a name server's."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"


def endpoint(text: str) -> HostPort:
    """Read ``HOST``, ``HOST:PORT`` or ``[V6]:PORT``; UsageError otherwise."""
    host, port = text, "53"
    if text.startswith("["):
        host, closed, rest = text[1:].partition("]")
        port = rest.removeprefix(":") or "53" if closed else ""
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        ipaddress.ip_address(host if "%" not in host else "")
    except ValueError:
        raise UsageError(f"{text!r}: write an IP address, such as 127.0.0.1:53") from None
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 1 <= int(port) <= 65535):
        raise UsageError(f"{text!r}: port {port!r} is not a number from 1 to 65535")
    return HostPort(host, int(port))


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """The options of a check. Secrets stay in their files until a probe needs them."""

    timeout_seconds: Annotated[
        Seconds,
        Option(
            flag="timeout", metavar="SECONDS", group=_CONNECT, always=True,
            help="deadline of each target, in seconds",
        ),
    ] = 10.0  # fmt: skip
    family: Annotated[
        Literal["any", "ipv4", "ipv6"],
        Option(
            flag="family", group=_CONNECT, always=True, help="address family",
            switches=(("-4", "ipv4", "IPv4 only"), ("-6", "ipv6", "IPv6 only")),
        ),
    ] = "any"  # fmt: skip
    resolver: Annotated[
        HostPort | None,
        Option(
            flag="resolver", metavar="HOST[:PORT]", group=_CONNECT, always=True, read=endpoint,
            help="name server to query", default="the system's",
        ),
    ] = None  # fmt: skip
    via: Annotated[
        tuple[Target, ...],
        Option(
            flag="via", metavar="URL[,URL…]", group=_CONNECT, always=True,
            help="jump hosts to connect through, nearest first: ssh://bastion",
        ),
    ] = ()  # fmt: skip
    proxy: Annotated[
        Target | None,
        Option(
            flag="proxy", metavar="URL", group=_CONNECT, always=True, read=proxy_url,
            help="proxy for all connections: http://host:port, https://… (CONNECT), socks5h://… or "
            "socks5://… (socks5 alone resolves names on this machine)",
        ),
    ] = None  # fmt: skip
    proxy_auth_file: Annotated[
        str | None,
        Option(
            flag="proxy-auth-file", metavar="FILE", group=_CONNECT, always=True, file="secret",
            help="file whose first line is USER:PASSWORD for the proxy",
            needs=("proxy", "the proxy that asks for the login"),
        ),
    ] = None  # fmt: skip
    ca_file: Annotated[
        str | None,
        Option(
            flag="ca", metavar="FILE", group=_CONNECT, file="readable",
            help="additional CA to trust (PEM)",
        ),
    ] = None  # fmt: skip
    ca_store: Annotated[
        str | None,
        Option(
            flag="ca-store", metavar="PATH", group=_CONNECT, file="path",
            help="directory or bundle of public roots", default="the system's",
        ),
    ] = None  # fmt: skip
    crl_files: Annotated[
        tuple[str, ...],
        Option(
            flag="crl", metavar="FILE", group=_CONNECT, file="readable",
            help="CRLs to check the certificates against (PEM or DER); nothing is fetched",
        ),
    ] = ()  # fmt: skip
    server_name: Annotated[
        str | None,
        Option(
            flag="server-name", metavar="NAME", group=_CONNECT,
            help="server name to send (SNI) and to verify", default="the target's host",
        ),
    ] = None  # fmt: skip
    cert_file: Annotated[
        str | None,
        Option(
            flag="cert", metavar="FILE", group=_CONNECT, file="readable",
            help="client certificate (PEM)",
        ),
    ] = None  # fmt: skip
    key_file: Annotated[
        str | None,
        Option(
            flag="key", metavar="FILE", group=_CONNECT, file="secret",
            help="private key of --cert (PEM)",
            needs=("cert", "the certificate that the key belongs to"),
        ),
    ] = None  # fmt: skip
    user: Annotated[
        str | None,
        Option(
            flag="user", metavar="NAME", group=_LOGIN, credential=True, help="user to log in as"
        ),
    ] = None
    password_file: Annotated[
        str | None,
        Option(
            flag="password-file", metavar="FILE", group=_LOGIN, file="secret", credential=True,
            help="file whose first line is the password", default="SEVENTH_PASSWORD, if set",
        ),
    ] = None  # fmt: skip
    token_file: Annotated[
        str | None,
        Option(
            flag="token-file", metavar="FILE", group=_LOGIN, file="secret", credential=True,
            help="file whose first line is a bearer token",
        ),
    ] = None  # fmt: skip
    allow_plaintext: Annotated[
        bool,
        Option(
            flag="allow-plaintext", group=_LOGIN,
            help="allow a password or token on a connection without TLS",
        ),
    ] = False  # fmt: skip
    roundtrip: Annotated[
        Target | None,
        Option(
            flag="roundtrip", metavar="URL", group=_LOGIN,
            needs=("allow-write", "it sends a message, and removes it"),
            help="mailbox in which a test message is awaited: imaps://host, pop3s://host",
        ),
    ] = None  # fmt: skip
    roundtrip_user: Annotated[
        str | None,
        Option(
            flag="roundtrip-user", metavar="NAME", group=_LOGIN,
            needs=("roundtrip", "it is the mailbox's user"), help="user of that mailbox",
        ),
    ] = None  # fmt: skip
    roundtrip_password_file: Annotated[
        str | None,
        Option(
            flag="roundtrip-password-file", metavar="FILE", group=_LOGIN, file="secret",
            needs=("roundtrip", "it is the mailbox's password"),
            help="file whose first line is that mailbox's password",
            default="SEVENTH_PASSWORD, if set",
        ),
    ] = None  # fmt: skip
    implicit_port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Option(
            flag="implicit-port", metavar="PORT", group=_CONNECT, reports=True,
            help="port of the same mail service with implicit TLS, to compare with the target's",
            default="993 for 143, 995 for 110, 465 for 587",
        ),
    ] = None  # fmt: skip
    max_tier: int = 1
    """The highest tier that needs no permission of its own."""
    allow_write: Annotated[
        bool,
        Option(
            flag="allow-write", group=_LOGIN, grants=3,
            help="allow tier 3: steps that leave a trace visible to others",
        ),
    ] = False  # fmt: skip
    intrusive: Annotated[
        bool,
        Option(
            flag="intrusive", group=_LOGIN, grants=4,
            help="allow tier 4: malformed input, limits, connections held open",
        ),
    ] = False  # fmt: skip
    i_own_this: Annotated[
        bool,
        Option(
            flag="i-own-this", group=_LOGIN, grants=4,
            help="allow tier 4 on other machines, for which you are responsible",
        ),
    ] = False  # fmt: skip
    hold_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=86400)],
        Option(
            flag="hold", metavar="SECONDS", group=_LOGIN, default="off",
            help="time to hold idle connections open, to find keepalives and idle timeouts; added "
            "to --timeout",
            needs=("intrusive", "holding a connection open is tier 4"),
        ),
    ] = 0.0  # fmt: skip
    headers: Annotated[
        tuple[str, ...],
        Option(
            flag="header", aliases=("H",), metavar="'NAME: VALUE'", group=_REQUEST,
            help="header field, sent only to the target's origin; VALUE may be file:PATH or "
            "env:NAME",
        ),
    ] = ()  # fmt: skip
    as_clients: Annotated[
        tuple[str, ...],
        Option(
            flag="as", metavar="CLIENT|FILE", group=_REQUEST,
            help="client for which to negotiate, such as openssh=7.4 or openssl=1.1.1; for SSH "
            "also ssh_config (yours) or the path of one; may be repeated",
        ),
    ] = ()  # fmt: skip
    maximums: Annotated[
        tuple[str, ...],
        Option(
            flag="max", metavar="NAME=VALUE", group=_LIMITS, always=True, reports=True,
            help="maximum of a metric or phase, with its unit, such as ttfb=200ms; above it, the "
            "check fails",
        ),
    ] = ()  # fmt: skip
    minimums: Annotated[
        tuple[str, ...],
        Option(
            flag="min", metavar="NAME=VALUE", group=_LIMITS, always=True, reports=True,
            help="minimum of a metric or phase, such as tls.days_left=21",
        ),
    ] = ()  # fmt: skip
    transcript: bool = False
    """Whether the report has a transcript, redacted."""
    rooms: tuple[RoomOptions, ...] = ()
    """The protocols' own options that were given, one struct per protocol."""

    def of(self, kind: type[R]) -> R:
        """Return a protocol's own options, the defaults if none were given."""
        for own in self.rooms:
            if type(own) is kind:
                return own
        defaults: R = _defaults(kind)
        return defaults

    def having(self, own: RoomOptions) -> Self:
        """Return a copy with ``own`` as that protocol's options."""
        others = tuple(each for each in self.rooms if type(each) is not type(own))
        return self.replace(rooms=(*others, own))

    @property
    def held_seconds(self) -> float:
        """The time that holding connections adds to a target's, their opening and use included."""
        return self.hold_seconds + HOLDING_SECONDS if self.hold_seconds else 0.0

    @property
    def carried(self) -> bool:
        """Whether jump hosts or a proxy make the connections, which carry TCP only."""
        return bool(self.via) or self.proxy is not None

    @property
    def limited(self) -> bool:
        """Whether a metric or a phase has a limit."""
        return bool(self.maximums or self.minimums)

    @property
    def resolves_here(self) -> bool:
        """Whether this machine resolves names, and not the proxy or the last jump host."""
        return not self.via and (self.proxy is None or resolves_here(self.proxy))

    @property
    def has_credential(self) -> bool:
        """Whether a credential was given, which permits tier 2."""
        return any(
            getattr(given, name)
            for given in (self, *self.rooms)
            for name in _credentials(type(given))
        )

    def denied(self, tier: int, *, loopback: bool) -> str | None:
        """Return why steps of ``tier`` are not permitted; None when they are.

        ``loopback``: the peer is on this machine.
        """
        if tier <= self.max_tier:
            return None
        if tier <= 1:
            return f"tier {tier} was not requested"
        if tier == 2:
            return None if self.has_credential else "tier 2 needs a credential, such as --user"
        if tier == 3:
            return None if self.allow_write else "tier 3 needs --allow-write"
        if not self.intrusive:
            return "tier 4 needs --intrusive"
        if loopback or self.i_own_this:
            return None
        return "tier 4 needs --i-own-this for a peer that is not on this machine"

    def replace(self, **changes: Any) -> Self:
        """Return a copy with ``changes``; raises TypeError for an unknown option."""
        return msgspec.structs.replace(self, **changes)


@functools.cache
def _defaults(kind: Any) -> Any:
    return kind()


@functools.cache
def _credentials(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(each.field for each in declared(kind) if each.option.credential)
