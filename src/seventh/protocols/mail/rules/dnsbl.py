"""The judgement of the sending addresses by DNS block lists."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.dnsbl import BlockList, DnsblFacts, Listing
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_ADDRESS, _ZONE = "192.0.2.1", "bl.example.net"
_USABLE = BlockList(zone=_ZONE, state="usable")
_GOOD = DomainFacts(
    name="example.org",
    dnsbl=DnsblFacts(
        addresses=(_ADDRESS,),
        lists=(_USABLE,),
        listings=(Listing(address=_ADDRESS, zone=_ZONE, state="clear"),),
    ),
)
_LISTED = Listing(
    address=_ADDRESS, zone=_ZONE, state="listed", codes=("127.0.0.2",), reason="spam trap"
)
_NOT_ASKED = Skip("no block list was asked: give --dnsbl ZONE")
_NO_ADDRESS = Skip("no sending address is known: give --sender-ip ADDRESS")


@rule(
    "DNSBL-LISTED",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="Sending address on a block list",
    evidence="{listings}",
    why="Receivers that use the list reject mail from this address or put it into the spam folder.",
    fix={
        "any": "Find and stop what sent the spam (a stolen password, an open relay, a form on a "
        "web site), then request removal on the list's site. Otherwise the listing comes back.",
    },
    references=("RFC 5782 §2.1",),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_GOOD.learn(dnsbl=DnsblFacts(addresses=(_ADDRESS,), lists=(_USABLE,), listings=(_LISTED,))),
)
def listed(domain: DomainFacts) -> Verdict:
    """Judge the listings of lists whose test points answer as they should."""
    facts = domain.dnsbl
    if facts is None:
        return _NOT_ASKED
    if not facts.addresses:
        return _NO_ADDRESS
    found = [each for each in facts.listings if each.state == "listed"]
    if found:
        return Hit(listings=tuple(map(_shown, found)))
    asked = [each for each in facts.lists if not _is_for_ipv4_only(each)]
    if any(each.state != "usable" for each in asked) or not asked:
        return Skip("not every block list gave an answer")
    if any(each.state != "clear" for each in facts.listings):
        return Skip("not every block list gave an answer")
    if facts.omitted:
        return Skip(f"only {len(facts.addresses)} addresses were looked up")
    return None


def _is_for_ipv4_only(asked: BlockList) -> bool:
    """Return whether a list was asked about IPv6 and has no such addresses, as many."""
    return asked.version == 6 and asked.state == "lists-nothing"


def _shown(listing: Listing) -> str:
    what = ", ".join(listing.codes)
    text = f"{listing.address} in {listing.zone} ({what})"
    return f"{text}: {listing.reason}" if listing.reason else text


@rule(
    "DNSBL-REFUSED",
    Severity.INFO,
    tier=0,
    source=Source.DNS,
    title="Block list does not answer our questions",
    evidence="{what}",
    phrases={
        "what": {
            "refused": "{zone} refuses this resolver's questions{answers}: that is no listing",
            "lists-nothing": "{zone} does not have the test address 127.0.0.2: it is no block list "
            "for these addresses, or not any more",
            "lists-all": "{zone} has the test address 127.0.0.1, too: it lists every address",
        }
    },
    why="Large lists answer no public or shared resolver. A mail server that asks in this way "
    "takes the refusal for a listing and rejects all mail, or lets all spam through.",
    fix={
        "any": "Ask by a resolver of your own (--resolver HOST:PORT), on the mail server too, or "
        "register with the list. Remove a list that lists everything or nothing.",
    },
    references=("RFC 5782 §5",),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_GOOD.learn(
        dnsbl=DnsblFacts(
            addresses=(_ADDRESS,),
            lists=(BlockList(zone=_ZONE, state="refused", answers=("127.255.255.254",)),),
        )
    ),
)
def refused(domain: DomainFacts) -> Verdict:
    """Judge the lists by their test points, and refusals that came later."""
    facts = domain.dnsbl
    if facts is None:
        return _NOT_ASKED
    if not facts.addresses:
        return _NO_ADDRESS
    for each in facts.lists:
        if each.state not in {"usable", "unknown"} and not _is_for_ipv4_only(each):
            return Hit(what=each.state, zone=each.zone, answers=_answers(each.answers))
    for listing in facts.listings:
        if listing.state == "refused":
            return Hit(what="refused", zone=listing.zone, answers=_answers(listing.codes))
    if any(each.state == "unknown" for each in facts.lists):
        return Skip("a block list did not answer")
    return None


def _answers(answers: tuple[str, ...]) -> str:
    return f" ({', '.join(answers)})" if answers else ""
