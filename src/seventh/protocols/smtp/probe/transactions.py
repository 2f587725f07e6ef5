"""Tier 3: recipients that are named and never written to. Each transaction ends before DATA."""

from __future__ import annotations

import asyncio

import msgspec

from seventh.model.failure import Failed
from seventh.net.address import Address
from seventh.net.stopwatch import now_ns
from seventh.protocols.smtp import SmtpOptions
from seventh.protocols.smtp.client.endpoint import Endpoint
from seventh.protocols.smtp.client.session import Session
from seventh.protocols.smtp.facts import SmtpFacts
from seventh.protocols.smtp.facts.mail import Tried

_TIER = 3
_MARGIN_SECONDS = 2.0
"""What the second try needs besides its wait."""


async def run(endpoint: Endpoint, address: Address) -> None:
    """Name a foreign recipient, postmaster and the user's mailbox."""
    if endpoint.ctx.denied(_TIER) is not None:
        return
    try:
        await _run(endpoint, address)
    except Failed as failed:
        endpoint.notes.unknown("recipients", failed.detail)


async def _run(endpoint: Endpoint, address: Address) -> None:
    options = endpoint.ctx.options.of(SmtpOptions)
    session = await endpoint.again(address, endpoint.ctx.watch)
    refused: Tried | None = None
    began = 0
    try:
        endpoint.notes.learn(relay=await try_recipient(session, options.relay_to))
        if not endpoint.is_submission:
            endpoint.notes.learn(postmaster=await try_recipient(session, "postmaster"))
            if options.mail_to is not None:
                endpoint.notes.learn(mailbox=await try_recipient(session, options.mail_to))
            refused, began = _temporary(endpoint.notes.facts), now_ns()
    finally:
        await session.quit()
    if refused is not None:
        await _retry(endpoint, address, refused, began)


def _temporary(facts: SmtpFacts) -> Tried | None:
    """Return the recipient to try again; the user's own before postmaster, who is often exempt."""
    tried = (facts.mailbox, facts.postmaster)
    return next((each for each in tried if each is not None and each.answer.is_temporary), None)


async def _retry(endpoint: Endpoint, address: Address, tried: Tried, began: int) -> None:
    """Try the same recipient again after a while: that is how greylisting is recognised."""
    wait = endpoint.ctx.options.of(SmtpOptions).retry_after_seconds
    if wait + _MARGIN_SECONDS > endpoint.ctx.budget.seconds_left:
        endpoint.notes.unknown(
            "second try", f"waiting {wait:g} s exceeds the deadline: raise --timeout"
        )
        return
    await asyncio.sleep(wait)
    session = await endpoint.again(address)
    try:
        again = await try_recipient(session, tried.recipient)
    finally:
        await session.quit()
    endpoint.notes.learn(
        retried=msgspec.structs.replace(again, after_seconds=(now_ns() - began) / 1e9)
    )


async def try_recipient(session: Session, recipient: str) -> Tried:
    """Name ``recipient`` for a message without a return path, and take it back."""
    reply = await session.command(b"MAIL FROM:<>", "smtp.mail")
    if reply.code != 250:
        return Tried(recipient=recipient, command="mail", answer=reply.answer)
    reply = await session.command(b"RCPT TO:<%s>" % recipient.encode(), "smtp.rcpt")
    await session.command(b"RSET", "smtp.rset")
    return Tried(recipient=recipient, command="rcpt", answer=reply.answer)
