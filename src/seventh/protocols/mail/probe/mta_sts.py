"""The MTA-STS record, the policy, and whether the exchangers meet it."""

from __future__ import annotations

from msgspec.structs import replace

from seventh.model.report import Report
from seventh.net.notes import Notes
from seventh.net.probe_context import ProbeContext
from seventh.net.wait import all_of
from seventh.protocols.mail import MailOptions
from seventh.protocols.mail.client.policy import Fetched, fetch
from seventh.protocols.mail.client.questions import Questions
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.mta_sts import MtaStsFacts, RefusedHost
from seventh.protocols.mail.probe.parts import differs, smtp_reports, tls_of
from seventh.protocols.mail.wire import mta_sts

_NO_STARTTLS = frozenset({"not-offered", "refused"})
_KINDS = {"any": ("A", "AAAA"), "ipv4": ("A",), "ipv6": ("AAAA",)}


async def learn(
    ctx: ProbeContext, questions: Questions, domain: str, notes: Notes[DomainFacts]
) -> None:
    """Learn the record and, where there is one, the policy."""
    answer = await questions.ask(f"_mta-sts.{domain}", "TXT")
    if not answer.known:
        notes.learn(mta_sts=MtaStsFacts(detail=answer.detail))
        return
    state, identifier, errors = mta_sts.read_record(answer.texts)
    found = await questions.ask(domain, "MX")
    hosts = tuple(mx.host for mx in found.exchangers if mx.host != ".")
    if found.empty:
        hosts = (domain,)  # without MX records the domain itself takes its mail
    facts = MtaStsFacts(record=state, id=identifier, record_errors=errors, hosts=hosts)
    if state in {"found", "invalid"}:
        fetched = await _fetch(ctx, questions, f"mta-sts.{domain}")
        facts = replace(
            facts, fetch=fetched.state, fetch_detail=fetched.detail, status=fetched.status,
            fetch_seconds=fetched.seconds, location=fetched.location,
        )  # fmt: skip
        if fetched.state == "ok":
            policy = mta_sts.read_policy(fetched.body, fetched.media_type)
            unmatched = tuple(h for h in hosts if policy.mx and not mta_sts.matches(policy, h))
            facts = replace(facts, policy=policy, unmatched=unmatched)
    notes.learn(mta_sts=facts)


async def _fetch(ctx: ProbeContext, questions: Questions, host: str) -> Fetched:
    """Fetch the policy, from the addresses that DNS has for its host; an alias is right."""
    answers = await all_of(questions.ask(host, kind) for kind in _KINDS["any"])
    wanted = _KINDS[ctx.options.family]
    addresses = tuple(ip for answer in answers if answer.rtype in wanted for ip in answer.names)
    if not addresses:
        failed = [answer.detail for answer in answers if not answer.known]
        if any(answer.names for answer in answers):
            failed.append(f"{host} has no address of the requested family")
        return Fetched(state="unknown", detail=failed[0]) if failed else Fetched(state="no-host")
    options = ctx.options.of(MailOptions)
    return await fetch(ctx, host, addresses, options.policy_port, internal=options.internal)


def compare(ctx: ProbeContext, notes: Notes[DomainFacts]) -> None:
    """Compare the policy with what the exchangers' servers have shown."""
    facts = notes.facts.mta_sts
    if facts is None or facts.policy is None or facts.policy.mode == "none":
        return
    reports = smtp_reports(ctx)
    judged = [_judged(host, reports.get(host)) for host in facts.hosts]
    notes.learn(
        mta_sts=replace(
            facts,
            refused=tuple(each for each in judged if isinstance(each, RefusedHost)),
            unseen=tuple(each for each in judged if isinstance(each, str)),
        )
    )


def _judged(host: str, report: Report | None) -> RefusedHost | str | None:
    """Return why a sender that follows the policy refuses a host; its name if that is unknown."""
    tls = tls_of(report)
    if tls is None:
        # The room of SMTP has a type for its facts, which other rooms do not import.
        smtp = report.facts.get("smtp") if report is not None else None
        refused = getattr(smtp, "starttls", None) in _NO_STARTTLS
        return RefusedHost(host, "no-starttls") if refused else host
    if tls.certificate_reason is not None and tls.chain_state != "unverified":
        return RefusedHost(host, "certificate", tls.certificate_detail)
    return host if tls.certificate_reason is not None or differs(report) else None
