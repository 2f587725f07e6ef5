"""What a configuration file sets and the wire does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from seventh.model.source import Line

Names = tuple[str, ...]
Breadth = Literal["", "one", "some", "all"]


class UserKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of an authorized_keys file that sshd accepts."""

    type: str
    bits: int
    sha256: str
    line: int
    options: Names = ()
    """The names of its options, without their values."""
    comment: str = ""


class WrittenList(msgspec.Struct, frozen=True, kw_only=True):
    """A line with a list of algorithms."""

    text: str
    """As in the file, such as ``-hmac-sha1*``."""
    effective: Names
    """The resulting list."""
    default: Names
    """The version's default list."""


class Overridden(msgspec.Struct, frozen=True, kw_only=True):
    """A line without effect, because another one decides whenever it applies."""

    line: Line
    winner: Line


class SshConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file sets and the wire does not show."""

    side: Literal["", "server", "client", "keys"] = ""
    """The kind of file: sshd_config, ssh_config, or authorized_keys."""
    scope: str = ""
    """The block that was judged, such as ``Match User root``; empty for the file as a whole."""
    breadth: Breadth = ""
    """How many hosts a view of ssh_config applies to."""
    version: tuple[int, ...] = ()
    """The version of OpenSSH whose defaults apply."""
    lists: Mapping[str, WrittenList] = {}
    """By directive, the lists that the file sets for the view, such as ``MACs``."""
    left_to_others: Names = ()
    """Lists and authentication methods that this file leaves to another one: a drop-in to its main
    file, a user's file to the system's."""
    authentication_methods: Names = ()
    """The lists of AuthenticationMethods; empty if any method suffices."""
    idle: Names | None = None
    """Names of directives without effect in this version."""
    overridden: tuple[Overridden, ...] | None = None
    """Lines that another line with another value always overrides; the first 64 of them."""
    not_ignored: Names | None = None
    """Directives of Apple's OpenSSH alone that no IgnoreUnknown covers for every host."""
    ignore_unknown: str = ""
    """The IgnoreUnknown that applies to every host; empty for none."""
    allowed: Names | None = None
    """Patterns of AllowUsers and AllowGroups; empty if every user may log in."""
    agent_forwarding: bool | None = None
    """Whether an agent's keys can be used from the server: AllowAgentForwarding or ForwardAgent."""
    startups: tuple[int, int, int] | None = None
    """MaxStartups: start, percentage, full."""
    startups_per_source: str | None = None
    """PerSourceMaxStartups; None where the version does not know it."""
    penalties: str | None = None
    """PerSourcePenalties, ``no`` for none; None where the version does not know it."""
    grace_seconds: int | None = None
    """LoginGraceTime; 0 is no limit."""
    debian_banner: bool | None = None
    """DebianBanner; None if not set."""
    version_addendum: str | None = None
    """VersionAddendum; empty for none."""
    jump: str | None = None
    """The jump host (ProxyJump, or a ProxyCommand that is ssh); empty for none."""
    proxied_by: str | None = None
    """The ProxyJump or ProxyCommand of a client, as in the file; empty for none."""
    alive_seconds: float | None = None
    """ServerAliveInterval of a client; 0 sends no keepalives."""
    multiplexed: bool | None = None
    """Whether connections are shared: ControlMaster and a ControlPath."""
    open_binds: Names | None = None
    """Forwardings that listen for other hosts, as in the file."""
    loopback_binds: Names = ()
    """The lines that make the same forwardings listen on the loopback address only."""
    modes: Names | None = None
    """Files and folders that SSH refuses, each with its mode or owner; None if none was seen."""
    mode_fixes: Names = ()
    """The command that fixes each."""
    user_keys: tuple[UserKey, ...] | None = None
    """The keys of an authorized_keys file."""
