"""Caching verdicts over replies as servers really write them, against httplint's.

Where the two differ, one row of a table says why; a difference without a row fails.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable

from seventh.protocols.http.probe.content import caching
from seventh.web.message import Fields
from tests.protocols.http.probe.content.replies import DATE, NOW, reply
from tests.protocols.http.probe.content.test_caching import AHEAD, PAST, linted

ROUNDS = 3000
DIRECTIVES = (
    "max-age=600", "max-age=0", "MAX-AGE=7", 'max-age="30"', "max-age=-1", "max-age=soon",
    "max-age", "max-age=5.5", "max-age= 9", "s-maxage=30", 's-maxage="40"', "S-MaxAge=0",
    "private", "PRIVATE", 'private="set-cookie"', "public", "no-store", "no-cache",
    'no-cache="x"', "must-revalidate", "proxy-revalidate", "must-understand", "immutable",
    "no-transform", "stale-while-revalidate=30", "stale-if-error=5", "foo=bar", "max-age=600 ",
    "max-age=99999999999999",
)  # fmt: skip
DATES = (DATE, None, "garbage", "Sunday, 22-Nov-26 09:52:05 GMT")
EXPIRES = (
    None, AHEAD, PAST, "0", "-1", "Sunday, 22-Nov-26 10:52:05 GMT", "Sun Nov 22 10:52:05 2026",
    "Sun, 22 Nov 2026 10:52:05 UTC", "Sun, 22 Nov 2026 10:52:05 +0000",
)  # fmt: skip
AGES = (None, "0", "90", "-5", "x", "1.5", "90, 20")
MODIFIED = (None, PAST, AHEAD, "garbage")
VARY = (None, "*", "Accept-Encoding")
STATUSES = (200, 203, 204, 206, 301, 302, 404, 410, 418, 500, 501, 299)

_NUMBER = re.compile(r'(max-age|s-maxage)="?[0-9]+"?')


class Sent:
    """What one reply says, for the table."""

    def __init__(self, status: int, fields: Fields, secret: bool) -> None:
        self.status, self.fields, self.secret = status, fields, secret
        values = (v for n, v in fields if n == "cache-control")
        self.directives = [d.strip().lower() for v in values for d in v.split(",")]
        self.names = [d.partition("=")[0] for d in self.directives]


INTENDED: dict[str, tuple[str, Callable[[Sent], bool]]] = {
    # name: (what it concerns, when it may be)
    "Vary: * forbids use, not storing (RFC 9111 §4.1)": (
        "storing", lambda sent: ("vary", "*") in sent.fields,
    ),
    "private with names keeps back the named fields alone (RFC 9111 §5.2.2.7)": (
        "storing", lambda sent: any(d.startswith("private=") for d in sent.directives),
    ),
    "must-understand makes no-store hold for unknown statuses alone (RFC 9111 §5.2.2.3)": (
        "storing", lambda sent: "must-understand" in sent.names,
    ),
    "of a directive that stands twice the first counts, httplint's last (RFC 9111 §4.2.1)": (
        "lifetime", lambda sent: len(set(sent.names)) < len(sent.names),
    ),
    "a lifetime that is no number is stale, httplint passes it over (RFC 9111 §4.2.1)": (
        "lifetime",
        lambda sent: any(
            name in {"max-age", "s-maxage"} and not _NUMBER.fullmatch(d)
            for name, d in zip(sent.names, sent.directives, strict=True)
        ),
    ),
    "a private cache may guess where a shared one may not store (RFC 9111 §4.2.2)": (
        "guess", lambda sent: sent.secret or "private" in sent.names,
    ),
    "public, or a status that may be kept unasked, allows a guess (RFC 9111 §4.2.2)": (
        "guess",
        lambda sent: "public" in sent.names or sent.status in caching.HEURISTIC_STATUSES,
    ),
}  # fmt: skip


def generated() -> list[Sent]:
    """Replies, the same in every run."""
    chance = random.Random(5)
    found = []
    for _ in range(ROUNDS):
        chosen = chance.sample(DIRECTIVES, chance.randrange(4))
        lines = chosen if chance.random() < 0.3 else [", ".join(chosen)] if chosen else []
        fields = [("date", chance.choice(DATES)), *(("cache-control", v) for v in lines)]
        fields += [("expires", chance.choice(EXPIRES)), ("age", chance.choice(AGES))]
        fields += [("last-modified", chance.choice(MODIFIED)), ("vary", chance.choice(VARY))]
        there = tuple((n, v) for n, v in fields if v is not None)
        found.append(Sent(chance.choice(STATUSES), there, chance.random() < 0.3))
    return found


def differences(sent: Sent) -> list[str]:
    """What the two say differently of one reply."""
    ours = caching.judge(reply(*sent.fields, status=sent.status), NOW, authenticated=sent.secret)
    theirs = linted(sent.status, sent.fields, sent.secret)
    found = ["storing"] if (not ours.forbidden_by) is not bool(theirs.store_shared) else []
    kept = ours.storable_shared or ours.storable_private
    if not kept or not hasattr(theirs, "has_explicit_freshness"):
        return found
    if theirs.has_explicit_freshness:
        lifetimes = [(ours.lifetime_private_seconds, theirs.freshness_lifetime_private)]
        if ours.storable_shared:
            lifetimes.append((ours.lifetime_shared_seconds, theirs.freshness_lifetime_shared))
        same = all(own is None or own == max(0, other) for own, other in lifetimes)
        if not same or ours.freshness != "explicit":
            found.append("lifetime")
    elif (ours.freshness == "heuristic") is not bool(theirs.has_heuristic_freshness):
        found.append("guess" if ours.freshness == "heuristic" else "lifetime")
    return found


def test_every_difference_has_its_reason() -> None:
    used: Counter[str] = Counter()
    compared = 0
    for sent in generated():
        compared += 1
        for what in differences(sent):
            reasons = [
                name for name, (about, may) in INTENDED.items() if about == what and may(sent)
            ]
            assert reasons, f"{what}: {sent.status} {sent.fields} {sent.secret}"
            used.update(reasons)
    assert set(used) == set(INTENDED), "a row that explains nothing"
    assert compared == ROUNDS
