"""IP addresses with their ports."""

from __future__ import annotations

import socket
from typing import Literal

import msgspec

from seventh.model.failure import Failed, Reason


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """One IP address and port."""

    ip: str
    """Or, where a jump host connects for us, the name that it resolves."""
    port: int
    scope: str = ""
    """The zone of a link-local IPv6 address."""

    @property
    def family(self) -> Literal["ipv4", "ipv6"]:
        """``ipv4`` or ``ipv6``."""
        return "ipv6" if ":" in self.ip else "ipv4"

    @property
    def socket_family(self) -> socket.AddressFamily:
        """The socket module's number for the family."""
        return socket.AF_INET6 if ":" in self.ip else socket.AF_INET

    @property
    def sockaddr(self) -> tuple[str, int] | tuple[str, int, int, int]:
        """The tuple that socket calls take."""
        if self.family == "ipv4":
            return (self.ip, self.port)
        scope = 0
        if self.scope:
            try:
                scope = (
                    int(self.scope) if self.scope.isdigit() else socket.if_nametoindex(self.scope)
                )
            except OSError:
                raise Failed(
                    Reason.CONNECT_UNREACHABLE, f"this machine has no interface {self.scope!r}"
                ) from None
        return (self.ip, self.port, 0, scope)

    def __str__(self) -> str:
        return self.ip
