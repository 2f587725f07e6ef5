"""What a configuration file decides and the wire does not show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Names = tuple[str, ...]
Breadth = Literal["", "one", "some", "all"]


class UserKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of an authorized_keys file that its server would take."""

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
    """As the file has it, such as ``-hmac-sha1*``."""
    effective: Names
    """What it makes of the default."""
    default: Names
    """The version's own list."""


class SshConfigFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a configuration file decides and the wire does not show."""

    side: Literal["", "server", "client", "keys"] = ""
    """Whose file it is: sshd_config, ssh_config, or authorized_keys."""
    scope: str = ""
    """The block that was judged, such as ``Match User root``; empty for the file as a whole."""
    breadth: Breadth = ""
    """How many hosts a view of ssh_config is about."""
    version: tuple[int, ...] = ()
    """The version of OpenSSH whose defaults hold."""
    lists: Mapping[str, WrittenList] = {}
    """By directive, the lists that the file sets for the view, such as ``MACs``."""
    left_to_others: Names = ()
    """Directives with a list, and methods of logging in, that this file leaves to another one: a
    drop-in to its main file, a client's file to the system's."""
    authentication_methods: Names = ()
    """What AuthenticationMethods asks for; empty where any method will do."""
    idle: Names | None = None
    """Directives that no longer do anything, each with why."""
    allowed: Names | None = None
    """What AllowUsers and AllowGroups name; empty where everybody may log in."""
    agent_forwarding: bool | None = None
    """Whether an agent's keys can be used from the server: AllowAgentForwarding or ForwardAgent."""
    startups: tuple[int, int, int] | None = None
    """MaxStartups: start, percentage, full."""
    startups_per_source: str | None = None
    """PerSourceMaxStartups; None where the version does not know it."""
    penalties: str | None = None
    """PerSourcePenalties, ``no`` for none; None where the version does not know it."""
    grace_seconds: int | None = None
    """LoginGraceTime; 0 is for ever."""
    debian_banner: bool | None = None
    """What DebianBanner says, where it says anything."""
    version_addendum: str | None = None
    """What is added to the identification string; empty for nothing."""
    jump: str | None = None
    """Through whom a host is reached (ProxyJump, or a ProxyCommand that is ssh); empty for none."""
    multiplexed: bool | None = None
    """Whether connections are shared: ControlMaster and a ControlPath."""
    open_binds: Names | None = None
    """Forwardings that listen to other hosts, as the file writes them."""
    loopback_binds: Names = ()
    """The lines that make the same forwardings listen on the loopback address alone."""
    modes: Names | None = None
    """Files and folders whose modes or owners make SSH refuse them; None where none was seen."""
    mode_fixes: Names = ()
    """The command for each that mends it."""
    user_keys: tuple[UserKey, ...] | None = None
    """The keys of an authorized_keys file."""
