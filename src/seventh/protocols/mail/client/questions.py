"""The questions of one check: each asked once, side by side, within the check's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any, TypeVar

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
from msgspec.structs import replace

from seventh.net import dns_query
from seventh.net.budget import Budget
from seventh.net.stopwatch import now_ns
from seventh.protocols.mail.facts.answer import Answer, Mx, Question, Srv, Tlsa

T = TypeVar("T")
MAX_QUESTIONS = 600
"""How many a check may ask: a domain of many includes and exchangers needs a third."""
MAX_RECORDS = 1000
"""How many records of one answer are kept."""
_AT_ONCE = 32
_SECONDS = 5.0


class Questions:
    """A resolver's answers, for one check. No method raises for what DNS answers.

    A question that was asked before has the same answer; one that is being asked is awaited.
    """

    def __init__(self, servers: dns_query.Servers, budget: Budget, *, trusted: bool) -> None:
        self._servers = servers
        self._budget = budget
        self._trusted = trusted
        self._asked: dict[tuple[str, str, bool, bool], asyncio.Task[Answer]] = {}
        self._turn = asyncio.Semaphore(_AT_ONCE)

    @property
    def asked(self) -> int:
        """How many questions were asked."""
        return len(self._asked)

    @property
    def failed(self) -> str:
        """Why the first question without an answer has none; empty if all were answered."""
        done = (task for task in self._asked.values() if task.done() and not task.cancelled())
        answers = (task.result() for task in done if task.exception() is None)
        return next((each.detail for each in answers if not each.known), "")

    @property
    def trusted(self) -> bool:
        """Whether the resolver may be believed that it has validated an answer."""
        return self._trusted

    async def ask(
        self, name: str, rtype: str, *, checking_disabled: bool = False, again: bool = False
    ) -> Answer:
        """Return the records of ``name``. Raises Failed where this machine has no socket left.

        With ``again`` the question is asked once more, though its answer is known.
        """
        name = name.lower().removesuffix(".") or "."
        key = (name, rtype, checking_disabled, again)
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= MAX_QUESTIONS:
                return Answer(
                    name=name, rtype=rtype, outcome="limit", cd=checking_disabled,
                    detail=f"the check has asked {MAX_QUESTIONS} questions",
                )  # fmt: skip
            task = asyncio.create_task(self._ask(name, rtype, checking_disabled))
            self._asked[key] = task
        return await asyncio.shield(task)

    async def run(self, evaluation: Generator[Question, Answer, T]) -> T:
        """Return the result of an evaluator, asking what it yields."""
        try:
            question = next(evaluation)
            while True:
                question = evaluation.send(await self.ask(*question))
        except StopIteration as ended:
            result: T = ended.value
            return result

    async def aclose(self) -> None:
        """End the questions that are being asked."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _ask(self, name: str, rtype: str, checking_disabled: bool) -> Answer:
        async with self._turn:
            started = now_ns()
            reply = await dns_query.ask(
                name, rtype, self._servers, deadline_ns=self._budget.within(_SECONDS),
                checking_disabled=checking_disabled,
            )  # fmt: skip
        seconds = (now_ns() - started) / 1e9
        blank = Answer(name=name, rtype=rtype, outcome="no-data", seconds=seconds,
                       cd=checking_disabled)  # fmt: skip
        if reply.message is None:
            return replace(blank, outcome=reply.problem or "failed", detail=reply.detail)
        return _read(reply.message, blank, trusted=self._trusted)


def _read(message: dns.message.QueryMessage, blank: Answer, *, trusted: bool) -> Answer:
    """Return the records of a message, at the end of its chain of aliases."""
    claimed = bool(message.flags & dns.flags.AD)
    none = message.rcode() == dns.rcode.NXDOMAIN
    blank = replace(
        blank, claimed=claimed, authenticated=claimed and trusted,
        outcome="nxdomain" if none else "no-data",
    )  # fmt: skip
    if not message.answer:
        return blank
    try:
        chain = message.resolve_chaining()
    except dns.message.ChainTooLong:
        why = "a chain of CNAME records that is too long or circular"
    except dns.exception.DNSException:
        why = "records of a name that it says does not exist"
    else:
        blank = replace(blank, aliases=tuple(_name(each[0].target) for each in chain.cnames))
        return blank if chain.answer is None else _typed(chain.answer, blank)
    return replace(blank, outcome="failed", detail=f"the resolver answered with {why}")


def _typed(records: dns.rrset.RRset, blank: Answer) -> Answer:
    """Return the answer with typed records."""
    blank = replace(blank, outcome="ok")
    found: list[Any] = list(records)[:MAX_RECORDS]  # of a class for each type
    match blank.rtype:
        case "TXT" | "SPF":
            texts = [each.strings for each in found]
            return replace(blank, texts=tuple(map(b"".join, texts)), strings=tuple(map(len, texts)))
        case "A" | "AAAA":
            return replace(blank, names=tuple(each.address for each in found))
        case "PTR" | "NS" | "CNAME":
            return replace(blank, names=tuple(_name(each.target) for each in found))
        case "MX":
            exchangers = (Mx(each.preference, _name(each.exchange)) for each in found)
            return replace(blank, exchangers=tuple(sorted(exchangers)))
        case "SRV":
            services = (Srv(r.priority, r.weight, r.port, _name(r.target)) for r in found)
            return replace(blank, services=tuple(sorted(services)))
        case "TLSA":
            tlsa = (Tlsa(each.usage, each.selector, each.mtype, each.cert) for each in found)
            return replace(blank, tlsa=tuple(sorted(tlsa)))
        case _:
            return replace(blank, others=tuple(each.to_wire().hex() for each in found))


def _name(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower()
