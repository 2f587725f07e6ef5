"""The judgement of a mail host: its certificates, its SRV records, and STARTTLS under attack."""

from __future__ import annotations

from seventh.model.mailfacts import MailFacts, MailPort, ServiceRecord
from seventh.model.severity import Severity
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_STARTTLS = MailPort(
    service="imap", port=143, tls="starttls", sha256="11" * 32, names=("mail.example",)
)
_IMPLICIT = MailPort(
    service="imap", port=993, tls="implicit", sha256="11" * 32, names=("mail.example",)
)
_STRANGER = MailPort(
    service="imap", port=993, tls="implicit", sha256="22" * 32, names=("old.example",)
)
_GOOD = MailFacts(
    ports=(_STARTTLS, _IMPLICIT),
    records=(
        ServiceRecord(
            name="_imaps._tcp.mail.example", outcome="found", targets=("0 1 993 mail.example.",)
        ),
    ),
    has_name=True,
    injection="ignored",
    injected_into="imap",
    implicit=False,
)
_OF_A_HOST = not_applicable("it is judged at each server")


def _is_domain(mail: MailFacts) -> bool:
    """Return whether a domain was checked, and not a host with a service."""
    return mail.has_mail is not None


@rule(
    "MAIL-STARTTLS-INJECT",
    Severity.CRITICAL,
    tier=4,
    source=Source.WIRE,
    title="Commands injected before STLS or STARTTLS are answered over TLS",
    evidence="{service}: a command that was sent in clear was executed inside TLS",
    why="An attacker on the path can put commands before the client's own: a login as the "
    "attacker makes the client store its mail, or send its password, into the attacker's account.",
    fix={
        "any": "Update the server: it has to discard what it received before the handshake. "
        "Until then close the port and use implicit TLS.",
    },
    references=("CVE-2021-33515", "RFC 9051 §6.2.1"),
    seed=("12.11.2",),
    good=_GOOD,
    bad=_GOOD.learn(injection="answered"),
)
def starttls_inject(mail: MailFacts) -> Verdict:
    """Judge what became of the command."""
    if mail.service == "submission":
        return not_applicable("SMTP-STARTTLS-INJECT judges it")
    if _is_domain(mail):
        return _OF_A_HOST
    if mail.injection is None:
        if mail.implicit:
            return not_applicable("TLS starts with the connection")
        return Skip("no command was injected: give --intrusive")
    if mail.injection == "failed":
        return Skip("the connection with the injected command failed")
    return Hit(service=mail.injected_into) if mail.injection == "answered" else None


@rule(
    "MAIL-OPOSSUM",
    Severity.INFO,
    tier=0,
    source=Source.WIRE,
    title="Same certificate for implicit and opportunistic TLS (Opossum)",
    evidence="ports {ports} have certificates for the same names",
    why="An attacker on the path can connect a client of the port with implicit TLS to the port "
    "with STARTTLS: the certificate is valid there too, and client and server then disagree on "
    "what was sent.",
    fix={
        "any": "Close the port with STARTTLS when all clients use implicit TLS; a certificate with "
        "another name for it helps, too.",
    },
    references=("CVE-2025-49812",),
    seed=("12.3.2",),
    good=_GOOD.learn(ports=(_STARTTLS, _STRANGER)),
    bad=_GOOD,
)
def opossum(mail: MailFacts) -> Verdict:
    """Judge whether a certificate of one kind of port is valid at the other."""
    if _is_domain(mail):
        return _OF_A_HOST
    starttls = [port for port in mail.ports if port.tls == "starttls"]
    implicit = [port for port in mail.ports if port.tls == "implicit"]
    if not starttls or not implicit:
        return _one_port(mail)
    pairs = [
        (one, other)
        for one in starttls
        for other in implicit
        if one.sha256 == other.sha256 or set(one.names) & set(other.names)
    ]
    if not pairs:
        return None
    return Hit(ports=tuple(str(port.port) for port in pairs[0]))


def _one_port(mail: MailFacts) -> Skip:
    """Return what shows the other port: the check of the port in clear reads both."""
    other = "give --implicit-port"
    if mail.implicit and mail.service:
        other = f"check {mail.service}://, which reads both"
    return Skip(f"the certificate of only one port is known: {other}")


@rule(
    "MAIL-CERT-DIFF",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="Mail services show different certificates",
    evidence="{what}",
    phrases={
        "what": {
            "names": "the certificates of ports {ports} have different names: {names}",
            "renewed": "ports {ports} have different certificates for the same names: one service "
            "was not reloaded after a renewal",
        }
    },
    why="Clients that work on one port warn on the other, and one of the certificates is usually "
    "forgotten at the next renewal.",
    fix={
        "any": "Give all mail services one certificate, and reload all of them after a renewal.",
    },
    references=("RFC 9525",),
    seed=("12.3.6",),
    good=_GOOD,
    bad=_GOOD.learn(ports=(_STARTTLS, _STRANGER)),
)
def cert_diff(mail: MailFacts) -> Verdict:
    """Judge the certificates of the ports that were seen, all against the target's."""
    if _is_domain(mail):
        return _OF_A_HOST
    if len(mail.ports) < 2:
        return _one_port(mail)
    first, *others = mail.ports
    other = next((port for port in others if port.sha256 != first.sha256), None)
    if other is None:
        return None
    ports = (str(first.port), str(other.port))
    if first.names == other.names:
        return Hit(what="renewed", ports=ports)
    return Hit(what="names", ports=ports, names=(*first.names[:3], *other.names[:3]))


@rule(
    "MAIL-SRV",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="No SRV records for mail clients",
    evidence="no record at {names}",
    why="Clients find the servers of a mail domain by these records. Without them users enter "
    "names and ports by hand, often those without TLS.",
    fix={
        "dns": "_imaps._tcp        SRV 0 1 993 mail.example.com.\n"
        "_submissions._tcp  SRV 0 1 465 mail.example.com.",
    },
    references=("RFC 6186", "RFC 8314 §5.1"),
    seed=("12.9.2",),
    good=_GOOD,
    bad=_GOOD.learn(records=(ServiceRecord(name="_imaps._tcp.mail.example", outcome="none"),)),
)
def srv(mail: MailFacts) -> Verdict:
    """Judge the records of the host's name, of those above it, and of the user's domain."""
    if mail.has_mail is False:
        return not_applicable("the domain takes no mail")
    if not mail.records:
        if mail.has_name is False:
            return not_applicable("the target is an address, and no mail domain is known")
        return Skip("SRV records were not looked up")
    if any(record.outcome == "found" for record in mail.records):
        return None
    if any(record.outcome == "unknown" for record in mail.records):
        return Skip("the look-up of the SRV records failed")
    names = tuple(record.name for record in mail.records)
    hit = Hit(names=names)
    domains = {name.partition("._tcp.")[2] for name in names}
    if len(domains) > 1:  # those of a host: which of them users write is not known
        return hit
    (domain,) = domains
    ports = ((name, 993 if name.startswith("_imaps.") else 465) for name in names)
    return hit.fixed_by("dns", *(f"{n}. IN SRV 0 1 {port} mail.{domain}." for n, port in ports))
