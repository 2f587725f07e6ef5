"""What only the machine itself shows of its certificates: their keys, and what renews them."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from seventh.model.localfacts import Unread


class Service(StrEnum):
    """A program whose configuration names certificate files."""

    NGINX = "nginx"
    APACHE = "apache"
    CADDY = "caddy"
    POSTFIX = "postfix"
    DOVECOT = "dovecot"
    MOSQUITTO = "mosquitto"
    POSTGRESQL = "postgresql"
    CHRONY = "chrony"


class Renewal(StrEnum):
    """An ACME client that keeps its certificates in a place of its own."""

    CERTBOT = "certbot"
    ACME_SH = "acme.sh"
    DEHYDRATED = "dehydrated"
    LEGO = "lego"


class KeyFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file of a certificate's private key; nothing of the key itself."""

    SHOWN: ClassVar[tuple[str, ...]] = ("path", "mode", "owner")

    path: str
    mode: str = ""
    """In octal, such as ``0640``; empty where it is unknown."""
    owner: str = ""
    exposed: bool | None = None
    """Whether users that neither own it nor are in its group may read or write it, by its mode and
    by those of the folders above it."""
    matches: bool | None = None
    """Whether it is the certificate's key; None where it cannot be read, or is encrypted."""
    unread: Unread | None = None


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The certificate that a running program serves for the file's name."""

    SHOWN: ClassVar[tuple[str, ...]] = ("service", "address", "not_after", "stale")

    service: Service
    address: str
    """Where it was asked, such as ``127.0.0.1:443``."""
    sha256: str
    not_after: str
    stale: bool
    """Whether it has the file's names and an earlier end, and is in no file of the service."""
    pid: int
    """The program's first process."""
    unit: str = ""
    """Its systemd service; empty without one."""
    arguments: tuple[str, ...] = ()
    """What follows the program's name on the command line of Caddy, which a reload needs."""


class Renewer(msgspec.Struct, frozen=True, kw_only=True):
    """A timer or a job of cron that renews certificates."""

    SHOWN: ClassVar[tuple[str, ...]] = ("client", "path")

    client: Renewal
    path: str
    """The enabled timer, or the file of cron."""
