"""Mail: a domain as one system, and what the protocols of a mail host have in common."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated

from msgspec import Meta

from seventh.model.failure import UsageError
from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

_SELECTOR = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_-]{1,63}){0,8}")
_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_ZONE = re.compile(rf"(?!.{{190}}){_LABEL}(\.{_LABEL})+")
"""Short enough for the 64 characters of an IPv6 address before it."""


def selector(text: str) -> str:
    """Read a DKIM selector. Raises UsageError."""
    if _SELECTOR.fullmatch(text) is None:
        raise UsageError(f"{text!r}: not a DKIM selector, such as s2026 in s2026._domainkey")
    return text.lower()


def ip_address(text: str) -> str:
    """Read an IP address. Raises UsageError."""
    try:
        return str(ipaddress.ip_address(text if "%" not in text else ""))
    except ValueError:
        raise UsageError(f"{text!r}: write an IP address, such as 192.0.2.1") from None


def block_list(text: str) -> str:
    """Read the zone of a block list, or ``usual``. Raises UsageError."""
    zone = text.lower().removesuffix(".")
    if zone != "usual" and _ZONE.fullmatch(zone) is None:
        raise UsageError(
            f"{text!r}: write the zone of a block list, such as zen.spamhaus.org, or usual"
        )
    return zone


class MailOptions(RoomOptions, frozen=True, kw_only=True):
    """Options of the check of a domain."""

    selectors: Annotated[
        tuple[str, ...],
        Option(
            flag="selector", metavar="NAME", read=selector,
            help="DKIM selector that your servers sign with; repeatable", default="common ones",
        ),
    ] = ()  # fmt: skip
    sender_ip: Annotated[
        str | None,
        Option(
            flag="sender-ip", metavar="ADDRESS", read=ip_address,
            help="address that sends the domain's mail, to be judged by SPF and block lists",
        ),
    ] = None  # fmt: skip
    trust_ad: Annotated[
        bool,
        Option(
            flag="trust-ad",
            help="believe the resolver's DNSSEC validation, though it is on another machine",
        ),
    ] = False  # fmt: skip
    internal: Annotated[
        bool,
        Option(
            flag="internal",
            help="the domain is of a private network: check mail servers at private addresses, too",
        ),
    ] = False  # fmt: skip
    access: Annotated[
        bool,
        Option(
            flag="access",
            help="check the servers for mail clients, too: those of SRV records, else usual names",
        ),
    ] = False  # fmt: skip
    mx_port: Annotated[
        int,
        Meta(ge=1, le=65535),
        Option(flag="mx-port", metavar="PORT", help="port of the mail exchangers"),
    ] = 25  # fmt: skip
    dnsbl: Annotated[
        tuple[str, ...],
        Option(
            flag="dnsbl", metavar="ZONE", read=block_list,
            help="DNS block list to look the sending addresses up in, or `usual` for those of most "
            "receivers; repeatable; its operator sees the addresses", default="none",
        ),
    ] = ()  # fmt: skip
    policy_port: Annotated[
        int,
        Meta(ge=1, le=65535),
        Option(flag="policy-port", metavar="PORT", help="port of the MTA-STS policy's server"),
    ] = 443  # fmt: skip


SPEC = Spec(
    name="mail",
    title="Mail",
    schemes=(Scheme(name="mail", port=None, well_known=False, domain=True),),
    phases=(
        PhaseSpec("mail.exchangers", "from the MX question to the last reverse name"),
        PhaseSpec("mail.records", "the records of the domain's policies, all at once"),
        PhaseSpec("mail.servers", "the checks of the exchangers, all at once"),
    ),
    metrics=(
        Metric(
            "seventh_mail_tls_failure_ratio", "gauge",
            "share of TLS sessions that failed, of a TLS report", "tls_report.failure_ratio",
        ),
    ),
    options=MailOptions,
    shared=("ca_file", "ca_store", "crl_files"),
    tiers={
        0: "asks DNS for the domain's records, fetches its MTA-STS policy, and checks the SMTP "
        "server of each exchanger as `seventh check smtp://` does",
        1: "offers empty early data to the exchangers",
        4: "with the checks of IMAP, POP3 and submission: a command in clear together with "
        "STARTTLS",
    },
    layers=("tls", "imap", "smtp"),
    has_parts=True,
    facts=("domain", "exchangers", "mail"),
    standards=(
        "RFC 5321", "RFC 7208", "RFC 6376", "RFC 9989", "RFC 8461", "RFC 8460", "RFC 7672",
        "RFC 8314", "RFC 6186", "RFC 9525",
    ),
)  # fmt: skip
