"""What the channels of a login show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Permission = Literal["allowed", "forbidden", "unsettled"]
"""``unsettled``: the server's answer shows neither, or there was none."""
Bind = Literal["refused", "loopback", "open", "unsettled"]
"""Where a granted remote forwarding listens; ``open``: seen to accept other hosts;
``unsettled``: granted, but not reachable from here to verify it."""


class RequestedForward(msgspec.Struct, frozen=True, kw_only=True):
    """The test of one forwarding of ``--forward``."""

    text: str
    """As it was given, such as ``R:0.0.0.0:2222:localhost:22``."""
    kind: Literal["local", "remote", "dynamic"]
    result: Literal[
        "granted", "narrowed", "refused", "port", "unreachable", "silent", "unsettled"
    ] = "unsettled"
    """``granted``: a remote one carried bytes both ways, for another one the server connected;
    ``narrowed``: to the server's loopback address, though others were requested; ``port``: only
    this port was refused; ``unreachable``: the server could not connect to the destination;
    ``silent``: granted, but no bytes passed; ``unsettled``: the test shows none of these."""
    listens: Bind | None = None
    """Where a granted remote one listens."""
    port: int | None = None
    """The port of a granted remote one."""
    received_bytes: int | None = None
    """Bytes through a remote one and back, or the destination's first bytes on another one."""
    cancelled: bool | None = None
    """Whether the server confirmed that it no longer listens."""
    detail: str = ""
    """The server's answer."""


class MoshFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A mosh-server that was started, used for one datagram and ended."""

    result: Literal["answered", "silent", "not-started", "unsettled"]
    """``not-started``: it printed no port, as without a UTF-8 locale; ``unsettled``: no datagram
    passes through a proxy or a jump host."""
    port: int | None = None
    answer_seconds: float | None = None
    ended: bool | None = None
    """Whether the command that ends it ran."""


class SessionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the channels of a login show."""

    channel_seconds: float | None = None
    """From the request for the first session channel to its confirmation."""
    exec_granted: bool | None = None
    """Whether running a command was granted."""
    exec_seconds: float | None = None
    """From the request to run ``true`` to its exit status."""
    exec_status: int | None = None
    """Its exit status; not 0 if another command ran or the account has no shell."""
    exec_signal: str | None = None
    exec_output_bytes: int | None = None
    """Output of ``true``: 0 unless a command is forced on the user, or the shell's start-up files
    print something (which breaks scp and sftp)."""
    pty_granted: bool | None = None
    shell_granted: bool | None = None
    """Whether a shell was started on the terminal; nothing is ever typed into it."""
    sftp: Literal["works", "refused", "broken"] | None = None
    """``broken``: the subsystem was granted, but no SFTP server answered."""
    sftp_version: int | None = None
    sftp_extensions: tuple[str, ...] = ()
    sftp_seconds: float | None = None
    """From the request for the subsystem to the server's VERSION."""
    sftp_stat_seconds: float | None = None
    """One round trip of SFTP: a STAT of the start directory."""
    sftp_home: str | None = None
    """The start directory."""
    read_from: str | None = None
    """The source of the bytes read to measure throughput."""
    read_bytes: int | None = None
    read_seconds: float | None = None
    read_bytes_per_second: float | None = None
    write_bytes: int | None = None
    write_seconds: float | None = None
    write_bytes_per_second: float | None = None
    """Into a temporary file of ours over SFTP, removed afterwards (tier 3)."""
    second_channel_seconds: float | None = None
    """From the request for a second session channel to its confirmation."""
    second_exec_seconds: float | None = None
    """From the request for that channel to the exit status of ``true`` on it."""
    fresh_seconds: float | None = None
    """Time from a new connection to a confirmed channel, key exchange and login included."""
    mux_saves_seconds: float | None = None
    """Time that a further command saves on a shared connection (ControlMaster)."""
    peer_channels: Mapping[str, int] | None = None
    """Channels that the server tried to open, by type, such as ``auth-agent@openssh.com``; all
    refused."""
    local_forward: Permission | None = None
    """Whether the server connects to its own loopback for us (``ssh -L``, tier 3)."""
    dynamic_forward: Permission | None = None
    """Whether it connects to other addresses (``ssh -D``, tier 3)."""
    remote_forward: Bind | None = None
    """The result of a request to listen on its loopback (``ssh -R``, tier 3)."""
    remote_forward_all: Bind | None = None
    """The result of a request to listen on all addresses (``ssh -R 0.0.0.0:…``, tier 3)."""
    programs: Mapping[str, str | None] | None = None
    """Versions of rsync, scp and mosh-server for commands without a terminal: empty if not known,
    None if the program is not in the PATH."""
    mosh: MoshFacts | None = None
    """The test of mosh (tier 3)."""
    forwards: tuple[RequestedForward, ...] = ()
    """The forwardings of ``--forward`` (tier 3)."""
    forward_cancelled: bool | None = None
    """Whether the server confirmed the cancellation of all that it granted."""
