"""What only the machine itself shows of its web servers."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from seventh.model.localfacts import Unread


class WebServer(msgspec.Struct, frozen=True, kw_only=True):
    """A running web server, and the configuration that was judged."""

    SHOWN: ClassVar[tuple[str, ...]] = ("name", "version", "configuration")

    name: str
    version: str = ""
    """Of the installed program; empty if it did not print one."""
    configuration: str = ""
    """Its main file; empty if that could not be read, or the server runs with another."""


class HttpLocalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The web servers of this machine."""

    SHOWN: ClassVar[tuple[str, ...]] = ("servers",)

    servers: tuple[WebServer, ...] | None = None
    """None if the processes are not visible."""
    unread: tuple[Unread, ...] = ()
