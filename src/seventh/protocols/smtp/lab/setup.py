"""How SMTP's reference server is configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

HOST = "127.0.0.1"
NAME = "lab.test"
USER, PASSWORD, TOKEN = "user@lab.test", "seventh-lab", "seventh-lab-token"
OWN = "user@lab.test"
KEYWORDS = (
    "PIPELINING", "SIZE 26214400", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
)  # fmt: skip
OptionValues = Mapping[str, str | float | int | tuple[str, ...]]


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """How the server behaves; the defaults are a correct one. ``options`` are for its check."""

    scheme: Literal["smtp", "submission", "smtps"] = "smtp"
    greeting_seconds: float = 0.0
    """The delay of the first greeting; later connections are greeted at once."""
    greeting: str = f"220 {NAME} ESMTP Seventh lab"
    name: str = NAME
    end: str = "\r\n"
    """The end of a reply's lines."""
    hello: Literal["ehlo", "mixed-codes", "long-line", "helo-only"] = "ehlo"
    keywords: tuple[str, ...] = KEYWORDS
    starttls: Literal["offered", "absent", "masked", "refused", "no-handshake"] = "offered"
    clear_auth: tuple[str, ...] = ()
    """The mechanisms before TLS."""
    auth: tuple[str, ...] = ()
    """The mechanisms inside TLS."""
    auth_answer: Literal["right", "rejected", "unavailable", "endless"] = "right"
    auth_seconds: float = 0.0
    keeps_clear: bool = False
    """Whether commands that came before TLS are answered inside TLS."""
    injects: bool = False
    """Whether it sends a line in clear behind its go-ahead."""
    relays: bool = False
    has_postmaster: bool = True
    has_mailbox: bool = True
    greylist_seconds: float = 0.0
    """How long a recipient is refused before it is accepted; 0 does not greylist."""
    ends: Literal["crlf", "lf-dot-crlf", "lf-dot-lf"] = "crlf"
    """The end of a message that it accepts beside the correct one."""
    verifies: bool = False
    """Whether VRFY distinguishes users."""
    closes_at: str = ""
    """The command that it answers with 421."""

    # -- the addresses and ports around it
    usual_port: bool = False
    """Whether it runs on its scheme's own port, at a loopback address of its own."""
    beside: tuple[int, ...] = ()
    """Further ports of that address that accept connections."""
    silent: bool = False
    """Whether its port does not answer at all."""
    absent: bool = False
    """Whether nothing listens on its port."""
    delivery: Literal["none", "once", "twice", "late"] = "none"
    """How mail gets into the mailbox that the check is given; with none, it is given no mailbox."""
    signing: Literal["last", "before-footer", "partial"] = "last"
    """How delivered mail is signed; ``partial``: only as much of the body as there is."""
    options: OptionValues = {}

    @property
    def size_limit(self) -> int:
        """The most bytes of a message; 0 is no limit."""
        (limit,) = [word[5:] for word in self.keywords if word.startswith("SIZE ")] or ["0"]
        return int(limit)
