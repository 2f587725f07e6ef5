"""The judgement of block lists."""

from __future__ import annotations

import pytest

from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dnsbl import (
    BlockList,
    DnsblFacts,
    Listing,
    ListingState,
    ListState,
)
from seventh.protocols.mail.rules.dnsbl import listed, refused
from tests.verdicts import told

NOT_ASKED = "skip: no block list was asked: give --dnsbl ZONE"
NO_ADDRESS = "skip: no sending address is known: give --sender-ip ADDRESS"
NOT_EVERY = "skip: not every block list gave an answer"
USABLE = BlockList(zone="bl.test", state="usable")


def of(state: ListState, version: int = 4, *answers: str) -> BlockList:
    return BlockList(zone="bl.test", version=version, state=state, answers=answers)  # type: ignore[arg-type]


def an(state: ListingState, address: str = "192.0.2.1", *codes: str, reason: str = "") -> Listing:
    return Listing(address=address, zone="bl.test", state=state, codes=codes, reason=reason)


def domain(
    *found: BlockList | Listing, addresses: tuple[str, ...] = ("192.0.2.1",), omitted: int = 0
) -> DomainFacts:
    return DomainFacts(
        dnsbl=DnsblFacts(
            addresses=addresses,
            omitted=omitted,
            lists=tuple(each for each in found if isinstance(each, BlockList)),
            listings=tuple(each for each in found if isinstance(each, Listing)),
        )
    )


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (DomainFacts(), NOT_ASKED), (domain(addresses=()), NO_ADDRESS),
        (domain(USABLE, an("clear")), "pass"),
        (domain(USABLE, an("clear"), omitted=1), "skip: only 1 addresses were looked up"),
        (domain(USABLE, an("unknown")), NOT_EVERY), (domain(USABLE, an("refused")), NOT_EVERY),
        (domain(of("refused")), NOT_EVERY), (domain(of("unknown")), NOT_EVERY),
        (domain(of("lists-nothing")), NOT_EVERY),
        (domain(USABLE, an("clear"), of("lists-nothing", 6)), "pass"),
        (domain(USABLE, an("clear"), of("refused", 6)), NOT_EVERY),
        (domain(of("lists-nothing", 6)), NOT_EVERY),
        (domain(USABLE, of("refused"), an("listed", "192.0.2.1", "127.0.0.2", "127.0.0.4"),
                an("listed", "2001:db8::1", "127.0.0.3", reason="spam trap"), an("clear")),
         ("high: 192.0.2.1 in bl.test (127.0.0.2, 127.0.0.4), "
         "2001:db8::1 in bl.test (127.0.0.3): spam trap")),
    ],
)  # fmt: skip
def test_listed(facts: DomainFacts, verdict: str) -> None:
    assert told(listed, facts) == verdict


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        (DomainFacts(), NOT_ASKED), (domain(addresses=()), NO_ADDRESS),
        (domain(USABLE, an("clear")), "pass"), (domain(USABLE, an("listed")), "pass"),
        (domain(of("unknown")), "skip: a block list did not answer"),
        (domain(of("unknown"), of("refused", 4, "127.255.255.254")),
         "info: bl.test refuses this resolver's questions (127.255.255.254): that is no listing"),
        (domain(of("refused")),
         "info: bl.test refuses this resolver's questions: that is no listing"),
        (domain(USABLE, Listing(address="192.0.2.1", zone="bl.test", state="refused",
                                codes=("127.255.255.255",))),
         "info: bl.test refuses this resolver's questions (127.255.255.255): that is no listing"),
        (domain(of("lists-nothing")),
         ("info: bl.test does not have the test address 127.0.0.2: it is no block list for these "
         "addresses, or not any more")),
        (domain(of("lists-nothing", 6)), "pass"),
        (domain(of("lists-all", 6, "127.0.0.2")),
         "info: bl.test has the test address 127.0.0.1, too: it lists every address"),
    ],
)  # fmt: skip
def test_refused(facts: DomainFacts, verdict: str) -> None:
    assert told(refused, facts) == verdict
