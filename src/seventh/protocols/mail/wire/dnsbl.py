"""Names to ask a DNS block list for, and what its answers mean (RFC 5782)."""

from __future__ import annotations

import ipaddress
from typing import Literal

from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.dnsbl import BlockList, Listing, ListState
from seventh.wire.text import printable

USUAL = ("zen.spamhaus.org", "bl.spamcop.net")
"""What ``--dnsbl usual`` stands for: lists that many receivers use, that have the test points, and
that are free for a few questions."""
TEST_POINTS: dict[Literal[4, 6], tuple[str, str]] = {
    4: ("127.0.0.2", "127.0.0.1"),
    6: ("::ffff:127.0.0.2", "::ffff:127.0.0.1"),
}
"""By version of IP: an address that every list has, and one that none has (RFC 5782 §5)."""
_REFUSALS = ipaddress.IPv4Network("127.255.255.0/24")
"""By convention of the large lists: the question is refused, because of who asks."""
_CODES = ipaddress.IPv4Network("127.0.0.0/8")
_MAX_REASON = 300


def expanded(given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the zones that were given, each once; ``usual`` stands for some."""
    each = (USUAL if name == "usual" else (name,) for name in given)
    return tuple(dict.fromkeys(zone for zones in each for zone in zones))


def version_of(address: str) -> Literal[4, 6]:
    """Return the address's version of IP."""
    return 6 if ":" in address else 4


def question(address: str, zone: str) -> str:
    """Return the name to ask for: octets of IPv4 or nibbles of IPv6, reversed (§2.1, §2.4)."""
    reverse = ipaddress.ip_address(address).reverse_pointer
    return f"{reverse.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


def judge_list(zone: str, version: Literal[4, 6], has: Answer, has_not: Answer) -> BlockList:
    """Judge a list by its answers for the two test points."""

    def judged(state: ListState, answers: tuple[str, ...] = (), detail: str = "") -> BlockList:
        return BlockList(zone=zone, version=version, state=state, answers=answers, detail=detail)

    for answer in (has, has_not):
        if answer.outcome == "refused" or refusals(answer):
            return judged("refused", refusals(answer))
    for answer in (has, has_not):
        if not answer.known:
            return judged("unknown", detail=f"{answer.name}: {answer.detail or answer.outcome}")
    if not codes(has):
        return judged("lists-nothing", has.names[:4])
    if codes(has_not):
        return judged("lists-all", codes(has_not))
    return judged("usable")


def judge(address: str, zone: str, found: Answer) -> Listing:
    """Judge the answer of a usable list for an address."""
    if found.outcome == "refused" or refusals(found):
        return Listing(address=address, zone=zone, state="refused", codes=refusals(found))
    if found.empty:
        return Listing(address=address, zone=zone, state="clear")
    if codes(found):
        return Listing(address=address, zone=zone, state="listed", codes=codes(found))
    detail = found.detail or found.outcome
    if found.known:
        detail = f"answered {', '.join(found.names[:4])}, which is no answer of a block list"
    return Listing(address=address, zone=zone, detail=f"{found.name}: {detail}")


def reason(text: Answer) -> str:
    """Return a list's text for a listing; empty where it has none."""
    return printable(b" ".join(text.texts[:3]), _MAX_REASON)


def refusals(answer: Answer) -> tuple[str, ...]:
    """Return the addresses of an answer that mean a refusal."""
    return tuple(ip for ip in answer.names if ipaddress.ip_address(ip) in _REFUSALS)[:4]


def codes(answer: Answer) -> tuple[str, ...]:
    """Return the addresses of an answer that mean a listing (§2.1)."""
    within = (ip for ip in answer.names if ipaddress.ip_address(ip) in _CODES)
    return tuple(ip for ip in within if ipaddress.ip_address(ip) not in _REFUSALS)[:16]
