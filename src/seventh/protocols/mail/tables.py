"""The page of a domain: its exchangers by address, then its records, each in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from seventh.model.exchangers import Exchanger, ExchangerAddress, ExchangersFacts, ReverseName
from seventh.model.facts import Facts
from seventh.model.table import Table
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.access import AccessFacts
from seventh.protocols.mail.facts.dane import DaneFacts, DnssecFacts
from seventh.protocols.mail.facts.dkim import DkimFacts
from seventh.protocols.mail.facts.dmarc import DmarcFacts
from seventh.protocols.mail.facts.dnsbl import DnsblFacts
from seventh.protocols.mail.facts.mta_sts import MtaStsFacts
from seventh.protocols.mail.facts.spf import SpfFacts
from seventh.protocols.mail.facts.tlsrpt import TlsrptFacts

_NO_EXCHANGERS = {
    "null": "null MX: the domain takes no mail", "none": "no MX record and no address",
    "unknown": "not known",
}  # fmt: skip
_STATES = {
    "alias": "an alias", "address": "no name", "no-address": "no address", "unknown": "not known",
}  # fmt: skip
_CERTIFICATES = {
    "valid": "valid", "untrusted": "untrusted", "other-name": "other name", "unknown": "",
}  # fmt: skip


def tables(facts: Mapping[str, Facts]) -> tuple[Table, ...]:
    """Return the tables of a domain's report; none where a host was checked."""
    domain, exchangers = facts.get(DomainFacts.ROOM), facts.get(ExchangersFacts.ROOM)
    made: list[Table] = []
    if isinstance(exchangers, ExchangersFacts) and exchangers.outcome is not None:
        made.append(
            Table(
                head=("MX", "Server", "Address", "Port", "TLS", "Reverse name"),
                rows=tuple(_servers(exchangers)), replaces=("exchangers",),
            )
        )  # fmt: skip
    if isinstance(domain, DomainFacts) and (rows := tuple(_records(domain))):
        made.append(Table(head=("Record", "Found"), rows=rows, replaces=("domain", "mail")))
    return tuple(made)


def _servers(found: ExchangersFacts) -> Iterator[tuple[str, ...]]:
    if found.outcome in _NO_EXCHANGERS:
        yield "-", "-", "-", "-", "-", _NO_EXCHANGERS[found.outcome]
    for host in found.hosts:
        preference = "-" if found.outcome == "implicit" else str(host.preference)
        if not host.addresses:
            yield preference, host.host, _STATES.get(host.state, "-"), "-", "-", host.detail or "-"
        for number, address in enumerate(host.addresses):
            yield (
                "" if number else preference, "" if number else host.host, address.ip,
                address.port or "not tried", "" if number else _tls(host), _reverse(address),
            )  # fmt: skip
    if found.sender is not None:
        yield "", "sender", found.sender.ip, "-", "-", _reverse(found.sender)


def _tls(host: Exchanger) -> str:
    return ", ".join(filter(None, (host.tls, _CERTIFICATES[host.certificate]))) or "-"


def _reverse(address: ExchangerAddress) -> str:
    reverse = address.reverse or ReverseName(outcome="unknown")
    if reverse.outcome != "found":
        return {"none": "none", "unknown": "not known"}[reverse.outcome]
    marks = {"yes": "", "no": " (has another address)", "unknown": " (not confirmed)"}
    return f"{', '.join(reverse.names)}{marks[reverse.confirmed]}"


def _records(domain: DomainFacts) -> Iterator[tuple[str, str]]:
    if domain.spf is not None:
        yield "SPF", _spf(domain.spf)
    if domain.dkim is not None:
        yield "DKIM", _dkim(domain.dkim)
    if domain.dmarc is not None:
        yield "DMARC", _dmarc(domain.dmarc)
    if domain.mta_sts is not None:
        yield "MTA-STS", _mta_sts(domain.mta_sts)
    if domain.tlsrpt is not None:
        yield "TLSRPT", _tlsrpt(domain.tlsrpt)
    if domain.dane is not None and domain.dnssec is not None:
        yield "DNSSEC", _dnssec(domain.dnssec)
        yield "DANE", _dane(domain.dane)
    if domain.dnsbl is not None and domain.dnsbl.listings:
        yield "DNSBL", _dnsbl(domain.dnsbl)
    if domain.access is not None:
        yield "clients", _access(domain.access)


def _spf(spf: SpfFacts) -> str:
    if spf.record is None or spf.record.state != "found":
        known = {"none": "none", "several": "several records"}
        return known.get(spf.record.state if spf.record is not None else "", "not known")
    verdict = f"; {spf.verdict.ip}: {spf.verdict.result}" if spf.verdict is not None else ""
    return f"{spf.record.text} ({spf.record.lookups} of 10 look-ups{verdict})"


def _dkim(dkim: DkimFacts) -> str:
    if not dkim.keys:
        known = {"nxdomain": "none", "exists": "keys exist; give --selector"}
        return known.get(dkim.domainkey or "", "not known")
    return ", ".join(
        f"{key.selector} ({key.kind} {key.bits or ''}{'' if key.state == 'usable' else key.state})"
        for key in dkim.keys
    )


def _dmarc(dmarc: DmarcFacts) -> str:
    if dmarc.record is None:
        return "not known" if dmarc.unknown else "none"
    return f"{dmarc.record.text} (at {dmarc.record.at}; applied: {dmarc.applied})"


def _mta_sts(sts: MtaStsFacts) -> str:
    if sts.policy is not None:
        return f"{sts.policy.mode or 'no mode'}: {', '.join(sts.policy.mx) or 'no mx'}"
    known = {"none": "none", "several": "several records", "unknown": "not known"}
    return known.get(sts.record, "a record, and no policy that could be read")


def _tlsrpt(tlsrpt: TlsrptFacts) -> str:
    return tlsrpt.text or {"none": "none", "several": "several records"}.get(
        tlsrpt.outcome or "", "not known"
    )


def _dnssec(dnssec: DnssecFacts) -> str:
    if dnssec.bogus:
        return f"validation fails: {', '.join(dnssec.bogus)}"
    known = {"secure": "signed, and validates", "insecure": "not signed"}
    return known.get(dnssec.security, "not known: the resolver does not validate, or is remote")


def _dane(dane: DaneFacts) -> str:
    fits = {host.host: {key.fit for key in host.keys} for host in dane.hosts}
    found = [host for host in dane.hosts if host.outcome == "found"]
    if not found:
        return "not known" if any(h.outcome == "unknown" for h in dane.hosts) else "none"
    return ", ".join(
        f"{host.host}: {len(host.records)} records ({'/'.join(sorted(fits[host.host])) or '-'})"
        for host in found
    )


def _dnsbl(dnsbl: DnsblFacts) -> str:
    return ", ".join(f"{each.address} in {each.zone}: {each.state}" for each in dnsbl.listings)


def _access(access: AccessFacts) -> str:
    found = ", ".join(f"{each.scheme}://{each.host}:{each.port}" for each in access.servers)
    if access.servers and access.servers[0].guessed:
        return f"{found} (guessed by usual names: no SRV record)"
    return found or ("not known" if access.unknown else "no SRV record names a server")
