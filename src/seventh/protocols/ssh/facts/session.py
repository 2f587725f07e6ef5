"""What the channels of a login showed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Permission = Literal["allowed", "forbidden", "unsettled"]
"""``unsettled``: the server answered something that tells neither, or nothing at all."""
Bind = Literal["refused", "loopback", "open", "unsettled"]
"""Where a granted remote forwarding listens: ``open`` is to other hosts, too, and was seen so;
``unsettled``: granted, but it could not be tried from here."""


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the channels of a login showed."""

    channel_seconds: float | None = None
    """From asking for the first session channel to its confirmation."""
    exec_granted: bool | None = None
    """Whether running a command was granted."""
    exec_seconds: float | None = None
    """From asking for ``true`` to its exit status."""
    exec_status: int | None = None
    """Its exit status; not 0 where something else ran or the account has no shell."""
    exec_signal: str | None = None
    exec_output_bytes: int | None = None
    """What ``true`` wrote, which is nothing unless another command is forced on the user, or the
    shell's start-up files chatter (which breaks scp and sftp)."""
    pty_granted: bool | None = None
    shell_granted: bool | None = None
    """Whether a shell was started on the terminal; nothing is ever typed into it."""
    sftp: Literal["works", "refused", "broken"] | None = None
    """``broken``: the subsystem was granted, but no SFTP server spoke."""
    sftp_version: int | None = None
    sftp_extensions: tuple[str, ...] = ()
    sftp_seconds: float | None = None
    """From asking for the subsystem to the server's VERSION."""
    sftp_stat_seconds: float | None = None
    """One round trip of SFTP: a STAT of the directory that one lands in."""
    sftp_home: str | None = None
    """Where a relative path begins."""
    read_from: str | None = None
    """What was read, and how, to see the throughput."""
    read_bytes: int | None = None
    read_seconds: float | None = None
    read_bytes_per_second: float | None = None
    write_bytes: int | None = None
    write_seconds: float | None = None
    write_bytes_per_second: float | None = None
    """Into a temporary file of ours over SFTP, removed afterwards (tier 3)."""
    second_channel_seconds: float | None = None
    """From asking for another session channel on the same connection to its confirmation."""
    second_exec_seconds: float | None = None
    """From asking for that channel to the exit status of ``true`` on it."""
    fresh_seconds: float | None = None
    """What a fresh connection costs up to a confirmed channel: connecting, identification strings,
    key exchange, login, channel."""
    mux_saves_seconds: float | None = None
    """What a further command saves on a connection that is open already (ControlMaster)."""
    peer_channels: Mapping[str, int] | None = None
    """Channels that the server tried to open towards us, by type, such as
    ``auth-agent@openssh.com``; every one was refused, for we never offer any."""
    local_forward: Permission | None = None
    """Whether the server connects to its own loopback for us (``ssh -L``, tier 3)."""
    dynamic_forward: Permission | None = None
    """Whether it connects to any other place (``ssh -D``, tier 3)."""
    remote_forward: Bind | None = None
    """What became of asking it to listen on its loopback (``ssh -R``, tier 3)."""
    remote_forward_all: Bind | None = None
    """What became of asking it to listen on all its addresses (``ssh -R 0.0.0.0:…``, tier 3)."""
    forward_cancelled: bool | None = None
    """Whether the server confirmed that everything which it granted is undone."""
