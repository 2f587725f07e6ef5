"""How the reference agent is configured, and its users."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from seventh.labkit import serve as labkit
from seventh.protocols.snmp.facts.config import Level
from seventh.protocols.snmp.wire.keys import Auth, Extension, Priv

COMMUNITY = "lab-community"
AUTH_PASSWORD, PRIV_PASSWORD = "lab-auth-password", "lab-priv-password"
Options = Mapping[str, str | float | int | tuple[str, ...]]


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A user of the agent; all have the same passwords."""

    name: str
    auth: Auth | None = None
    priv: Priv | None = None
    extension: Extension = Extension.BLUMENTHAL


MONITOR = Account(name="monitor", auth=Auth.SHA256, priv=Priv.AES)
ACCOUNTS = (
    MONITOR,
    Account(name="open"),
    Account(name="signed", auth=Auth.SHA512),
    Account(name="old", auth=Auth.MD5, priv=Priv.DES),
    Account(name="sha1", auth=Auth.SHA1, priv=Priv.AES),
    Account(name="long", auth=Auth.SHA1, priv=Priv.AES256),
    Account(name="reeder", auth=Auth.SHA1, priv=Priv.AES256, extension=Extension.REEDER),
)
CREDENTIAL: Options = {
    "user": "monitor", "auth": "sha256", "auth_password_file": AUTH_PASSWORD,
    "priv": "aes", "priv_password_file": PRIV_PASSWORD,
}  # fmt: skip
"""The options of a check; the lab makes files of the passwords."""
QUICK: Options = {**CREDENTIAL, "retries": 1, "reply_seconds": 0.2}


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the agent answers; the defaults are a correct agent of version 3 alone."""

    address: str = "127.0.0.1"
    listens: bool = True
    community: str = ""
    """The community of versions 1 and 2c; empty where they are off."""
    v3: bool = True
    accounts: tuple[Account, ...] = ACCOUNTS
    least: Level | None = None
    """The lowest level whose requests the view answers; None for the highest of each user."""
    empty_view: bool = False
    contexts: tuple[str, ...] = ("", "lab")
    writable: bool = False
    silent: bool = False
    loops: bool = False
    """Whether GETNEXT of the last interface goes back to the first."""
    most_rows: int = 0
    """The rows above which a GETBULK is answered with tooBig; 0 for no limit."""
    truncates: int = 0
    """The rows above which the reply of a GETBULK never arrives; 0 for no limit."""
    has_bulk: bool = True
    """Whether GETBULK has more than one row."""
    wrong_ids: bool = False
    churns: bool = False
    """Whether the engine has another id for every request."""
    clock_shift_seconds: int = 0
    """The error of the engine's time in what it sends."""
    loses: int = 0
    """Every so manieth request is dropped; 0 for none."""
    delay_seconds: float = 0.0
    has_64_bit: bool = True
    """Whether interfaces have 64-bit counters."""
    sensitive: bool = False
    """Whether the arguments of processes are shown."""
    vendor: bool = False
    """Whether there are objects of an enterprise."""
    date_shift_seconds: int = 0
    """The error of hrSystemDate."""
    rows: int = 1000
    """Rows of the big table."""
    options: Options = msgspec.field(default_factory=lambda: CREDENTIAL)
    """The options of a check of it."""


class Fault(labkit.Fault, frozen=True, kw_only=True):
    """A fault, and the agent that has it."""

    setup: Setup
