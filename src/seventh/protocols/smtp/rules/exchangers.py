"""The judgement of a domain's mail exchangers, which checks of mail domains learn."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from seventh.model.exchangers import Exchanger, ExchangerAddress, ExchangersFacts, ReverseName
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_REVERSE = ReverseName(outcome="found", names=("mx1.example.org",), confirmed="yes")
_ADDRESS = ExchangerAddress(ip="192.0.2.1", reach="public", reverse=_REVERSE, port="open")
_HOST = Exchanger(preference=10, host="mx1.example.org", state="ok", addresses=(_ADDRESS,))
_SECOND = Exchanger(
    preference=20, host="mx2.example.org", state="ok",
    addresses=(ExchangerAddress(ip="192.0.2.2", reach="public", reverse=_REVERSE, port="open"),),
)  # fmt: skip
_GOOD = ExchangersFacts(domain="example.org", outcome="found", hosts=(_HOST, _SECOND))
_NOT_LEARNT = Skip("the exchangers were not looked up: check mail:DOMAIN")
_DEAD = frozenset({"refused", "unreachable"})


def _address(reverse: ReverseName) -> ExchangersFacts:
    address = ExchangerAddress(ip="192.0.2.1", reach="public", reverse=reverse, port="open")
    return _GOOD.learn(sender=address)


@rule(
    "SMTP-MX",
    Severity.HIGH,
    tier=0,
    source=Source.DNS,
    title="Mail exchangers unusable or without a spare",
    evidence="{what}",
    phrases={
        "what": {
            "none": "{domain} has neither MX records nor an address",
            "null-beside": "a null MX stands beside other records",
            "alias": "{alias} is an alias (CNAME), which an exchanger's name must not be",
            "address": "{address} is an address, where a name belongs",
            "no-address": "{no_address} has no address",
            "private": "{private} has an address that only its own network reaches",
            "dead": "{dead} refuses connections at every address",
            "implicit": "{domain} has no MX record, and its own address is used",
            "single": "{single} is the only exchanger, at one address",
        }
    },
    why="Senders try the exchangers in turn and return the mail if none can be used. Where a "
    "single one is down, mail waits at the senders.",
    fix={
        "dns": "example.org. IN MX 10 mx1.example.org.\n; a domain that takes no mail:\n"
        "example.org. IN MX 0 .",
        "any": "Let each MX record name a host that has public addresses of its own, and open its "
        "port 25.",
    },
    references=("RFC 5321 §5.1", "RFC 2181 §10.3", "RFC 7505 §3"),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_GOOD.learn(hosts=(Exchanger(preference=10, host="mx.example.org", state="no-address"),)),
)
def mx(found: ExchangersFacts) -> Verdict:
    """Judge the records, each exchanger's name and addresses, and what its port answered."""
    if found.outcome is None:
        return _NOT_LEARNT
    if found.outcome == "unknown":
        return Skip(f"the look-up of the exchangers failed: {found.detail}")
    if found.outcome == "null":
        return None
    if found.outcome == "none":
        return Hit(what="none", domain=found.domain)
    wrong: dict[str, list[str]] = {}
    for host in found.hosts:
        for what in _wrong(host, found.internal):
            wrong.setdefault(what, []).append(host.host)
    lists = {what.replace("-", "_"): tuple(hosts) for what, hosts in wrong.items()}
    codes = (*(["null-beside"] if found.null_beside else []), *wrong)
    if codes:
        spared = any(not list(_wrong(host, found.internal)) for host in found.hosts)
        severity = Severity.MEDIUM if spared and not found.null_beside else Severity.HIGH
        return Hit(severity, what=codes, **lists)
    if any(host.state == "unknown" for host in found.hosts):
        return Skip("the look-up of an exchanger's addresses failed")
    if found.outcome == "implicit":
        return Hit(Severity.INFO, what="implicit", domain=found.domain)
    single = len(found.hosts) == 1 and len(found.hosts[0].addresses) == 1
    if single and not found.internal:
        return Hit(Severity.INFO, what="single", single=found.hosts[0].host)
    return None


def _wrong(host: Exchanger, internal: bool) -> Iterator[str]:
    """Yield what makes the exchanger unusable."""
    if host.state in {"alias", "address", "no-address"}:
        yield host.state
    if not internal and any(address.reach != "public" for address in host.addresses):
        yield "private"
    ports = {address.port for address in host.addresses}
    if ports and ports <= _DEAD and "refused" in ports:
        yield "dead"


@rule(
    "SMTP-PTR",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="No matching reverse name for the address",
    evidence="{what}",
    phrases={
        "what": {
            "none": "{ips} has no reverse name",
            "not-confirmed": "{ips} is named {names}, which has other addresses",
        }
    },
    why="Many receivers reject or junk mail from an address whose reverse name is missing or does "
    "not lead back to it. For an exchanger that only receives it matters little.",
    fix={
        "dns": "1.2.0.192.in-addr.arpa. IN PTR mail.example.org.\nmail.example.org. IN A 192.0.2.1",
        "any": "Have the provider of the address set its reverse name to the server's name, and "
        "give that name the address. The server should use it in HELO, too.",
    },
    references=("RFC 1912 §2.1",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_address(ReverseName(outcome="none", confirmed="no")),
)
def ptr(found: ExchangersFacts) -> Verdict:
    """Judge the sending address; without it, the addresses of the exchangers, as low."""
    addresses = _judged(found)
    if isinstance(addresses, Skip):
        return addresses
    severity = Severity.MEDIUM if found.sender is not None else Severity.LOW
    nameless = [each for each in addresses if each.reverse and each.reverse.outcome == "none"]
    if nameless:
        return Hit(severity, what="none", ips=_ips(nameless)).fixed_by("dns", *_lines(nameless))
    other = [each for each in addresses if each.reverse and each.reverse.confirmed == "no"]
    if other:
        names = tuple(name for each in other if each.reverse for name in each.reverse.names)
        return Hit(severity, what="not-confirmed", ips=_ips(other), names=names)
    if any(each.reverse is None or each.reverse.confirmed == "unknown" for each in addresses):
        return Skip("the look-up of a reverse name failed")
    return None


@rule(
    "SMTP-PTR-GENERIC",
    Severity.MEDIUM,
    tier=0,
    source=Source.DNS,
    title="Reverse name of an access network",
    evidence="{ips} is named {names}",
    why="A name that is made out of the address is that of a customer's connection. Receivers "
    "reject or junk mail from such addresses, as it is mostly sent by infected machines.",
    fix={
        "any": "Have the provider set the reverse name to the server's own name, or send through a "
        "relay (the provider's, or a mail service).",
    },
    references=("RFC 1912 §2.1",),
    seed=("12.3.3",),
    good=_GOOD,
    bad=_address(
        ReverseName(
            outcome="found", names=("192-0-2-1.dyn.example.net",), confirmed="yes", generic=True
        )
    ),
)
def ptr_generic(found: ExchangersFacts) -> Verdict:
    """Judge names that have the address in them."""
    addresses = _judged(found)
    if isinstance(addresses, Skip):
        return addresses
    generic = [each for each in addresses if each.reverse is not None and each.reverse.generic]
    if generic:
        severity = Severity.MEDIUM if found.sender is not None else Severity.LOW
        names = tuple(name for each in generic if each.reverse for name in each.reverse.names)
        return Hit(severity, ips=_ips(generic), names=names)
    if all(each.reverse is None or each.reverse.outcome == "unknown" for each in addresses):
        return Skip("the look-up of the reverse names failed")
    return None


def _judged(found: ExchangersFacts) -> list[ExchangerAddress] | Skip:
    """Return the sending address, or the public addresses of the exchangers."""
    if found.sender is not None:
        return [found.sender]
    if found.outcome is None:
        return _NOT_LEARNT
    addresses = [
        address
        for host in found.hosts
        for address in host.addresses
        if found.internal or address.reach == "public"
    ]
    return addresses or not_applicable("no sending address is known: give --sender-ip ADDRESS")


def _ips(addresses: list[ExchangerAddress]) -> tuple[str, ...]:
    return tuple(address.ip for address in addresses)


def _lines(addresses: list[ExchangerAddress]) -> tuple[str, ...]:
    """Return the reverse records to publish; the server's name is to be filled in."""
    return tuple(
        f"{ipaddress.ip_address(each.ip).reverse_pointer}. IN PTR mail.example.org."
        for each in addresses
    )
