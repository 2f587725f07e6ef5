"""What the files of an IMAP and POP3 server decide, such as dovecot.conf."""

from __future__ import annotations

from typing import Literal

import msgspec


class MailboxConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What is decided for one protocol. None is: not known."""

    product: str = ""
    version: tuple[int, ...] = ()
    """The version whose defaults apply."""
    complete: bool = True
    """Whether this is a complete configuration; what a part leaves out proves nothing."""
    enabled: bool | None = None
    """Whether the protocol is served."""
    ssl: Literal["no", "yes", "required"] | None = None
    certificate: bool | None = None
    clear_login: bool | None = None
    """Whether a password is accepted without TLS, from another machine."""
    clear_port: bool | None = None
    """Whether the port that begins in clear is open to other machines."""
    implicit_port: bool | None = None
    """Whether a port with implicit TLS is open to other machines."""
    notify_seconds: int | None = None
    """How often an idle session gets a line; IMAP only, 0 for never."""
