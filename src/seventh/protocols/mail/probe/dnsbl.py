"""DNS block lists: their test points first, then the addresses that send the domain's mail."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from seventh.model.exchangers import ExchangersFacts
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dnsbl import BlockList, DnsblFacts, Listing
from seventh.protocols.mail.wire import dnsbl
from seventh.wire.address import reach

MAX_ADDRESSES = 16
"""How many addresses are looked up in each list."""


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn which lists have ``--sender-ip`` and the exchangers' public addresses.

    Nothing is asked without ``--dnsbl``: the questions show the addresses to third parties.
    """
    options = ctx.options.of(MailOptions)
    if not options.dnsbl:
        return
    hosts = ctx.notes(ExchangersFacts).facts.hosts
    found = [a.ip for host in hosts for a in host.addresses if reach(a.ip) == "public"]
    given = [options.sender_ip] if options.sender_ip is not None else []
    every = tuple(dict.fromkeys([*given, *found]))
    addresses = every[:MAX_ADDRESSES]
    versions = sorted({dnsbl.version_of(address) for address in addresses})
    zones = dnsbl.expanded(options.dnsbl)
    results = await all_of(
        _ask_list(questions, zone, v, addresses) for zone in zones for v in versions
    )
    notes.learn(
        dnsbl=DnsblFacts(
            addresses=addresses,
            omitted=len(every) - len(addresses),
            lists=tuple(each for each, _ in results),
            listings=tuple(listing for _, listings in results for listing in listings),
        )
    )


async def _ask_list(
    questions: Questions, zone: str, version: Literal[4, 6], addresses: tuple[str, ...]
) -> tuple[BlockList, tuple[Listing, ...]]:
    points = (dnsbl.question(point, zone) for point in dnsbl.TEST_POINTS[version])
    has, has_not = await all_of(questions.ask(name, "A") for name in points)
    judged = dnsbl.judge_list(zone, version, has, has_not)
    if judged.state != "usable":
        return judged, ()
    of_version = (address for address in addresses if dnsbl.version_of(address) == version)
    listings = await all_of(_look_up(questions, ip, zone) for ip in of_version)
    return judged, tuple(listings)


async def _look_up(questions: Questions, address: str, zone: str) -> Listing:
    name = dnsbl.question(address, zone)
    listing = dnsbl.judge(address, zone, await questions.ask(name, "A"))
    if listing.state != "listed":
        return listing
    return replace(listing, reason=dnsbl.reason(await questions.ask(name, "TXT")))
