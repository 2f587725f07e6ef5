"""DKIM keys: those of the selectors that were given, and of some that many domains use."""

from __future__ import annotations

from typing import Literal

from msgspec.structs import replace

from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.answer import Answer
from seventh.protocols.mail.facts.dkim import DkimFacts, DkimKey
from seventh.wire.text import printable

COMMON = (
    "default", "dkim", "mail", "s1", "s2", "selector1", "selector2", "google", "k1", "k2", "fm1",
    "protonmail", "mxvault",
)  # fmt: skip
"""Selectors of common signers and of large mail services."""
UNUSED = "seventh-unused-selector"
"""A selector that no domain has: an answer for it comes from a wildcard."""


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the keys, and whether a wildcard answers in their place."""
    given = ctx.options.of(MailOptions).selectors
    selectors = tuple(dict.fromkeys([*given, *COMMON]))
    below = f"_domainkey.{domain}"
    base, *answers = await all_of(
        questions.ask(name, "TXT") for name in (below, *(f"{each}.{below}" for each in selectors))
    )
    unused: Answer | None = None
    if not all(answer.empty for answer in answers):
        unused = await questions.ask(f"{UNUSED}.{below}", "TXT")
    found = [_key(each, answer) for each, answer in zip(selectors, answers, strict=True)]
    keys = tuple(
        key
        for key, answer in zip(found, answers, strict=True)
        if key is not None
        and (
            key.selector in given
            or (answer.known and unused is not None and answer.texts != unused.texts)
        )
    )
    notes.learn(
        dkim=DkimFacts(
            domainkey=_state([base, *answers], any(key.state != "unknown" for key in keys)),
            keys=keys,
            given=given,
            missing=tuple(
                each for each, answer in zip(selectors, answers, strict=True)
                if each in given and answer.empty
            ),
            wildcard=_wildcard(unused) if unused is not None else "none",
        )
    )  # fmt: skip


def _key(selector: str, answer: Answer) -> DkimKey | None:
    """Return the key of a selector; None where there is none."""
    from seventh.protocols.mail.wire.dkim_key import choose

    if answer.empty:
        return None
    parsed = choose(answer.texts, selector=selector)
    if parsed is None:
        return DkimKey(selector=selector, state="unknown")
    alias = printable(answer.aliases[-1], 253) if answer.aliases else ""
    return replace(parsed.key, alias=alias)


def _state(answers: list[Answer], found: bool) -> Literal["exists", "nxdomain", "unknown"]:
    """Return the state of the first name; some servers deny a name that has others below it."""
    if found or answers[0].outcome in {"ok", "no-data"}:
        return "exists"
    return "nxdomain" if all(answer.outcome == "nxdomain" for answer in answers) else "unknown"


def _wildcard(unused: Answer) -> Literal["none", "revoked", "key", "other", "unknown"]:
    key = _key(UNUSED, unused)
    if key is None:
        return "none"
    if key.state == "unknown":
        return "unknown"
    return "revoked" if key.state == "revoked" else "key" if key.has_key else "other"
