"""SPF."""

from __future__ import annotations

from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.wire import spf_domain
from seventh.protocols.mail.wire.spf_check import address_of


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the domain's record, those that it includes, and the verdict on ``--sender-ip``."""
    ip = ctx.options.of(MailOptions).sender_ip
    learning = spf_domain.learn(domain, None if ip is None else address_of(ip))
    wanted = next(learning)
    while True:
        answers = await all_of(questions.ask(name, rtype) for name, rtype in wanted)
        try:
            wanted = learning.send(tuple(answers))
        except StopIteration as end:
            notes.learn(spf=end.value)
            return
