"""Whether NTS (RFC 8915) is offered or used, and whether its key establishment succeeds."""

from __future__ import annotations

from seventh.model.report import Param
from seventh.model.severity import Severity
from seventh.protocols.ntp.facts import NtpFacts
from seventh.protocols.ntp.facts.config import NtpConfigFacts
from seventh.protocols.ntp.facts.nts import NtsFacts, clock_difference
from seventh.protocols.ntp.rules import lines
from seventh.protocols.ntp.rules.examples import GOOD, GOOD_NTS, with_nts
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NOT_TESTED = Skip("NTS was not tested: with ntp:// targets it is tested on port 123 only")
_PRODUCTS = ("chrony", "ntpsec")
"""The programs that support NTS."""


@rule(
    "NTS-NONE",
    Severity.LOW,
    tier=0,
    source=Source.WIRE,
    title="NTS not offered or not used",
    evidence="{where}: {what}",
    phrases={
        "where": {
            "address": "{address} TCP port {port}",
            "port": "TCP port {port}",
            "file": "configuration",
        },
        "what": {
            "refused": "connection refused",
            "timeout": "connection timed out",
            "reset": "connection reset",
            "unreachable": "no route to host",
            "sources": "sources without `nts` and without a key: {names}",
            "server": "time is served (`allow`) without ntsserverkey and ntsservercert",
        }
    },
    why="Plain NTP is protected by its origin timestamp alone: an attacker on the path can set the "
    "clients' clocks, and with them the validity of certificates, tickets and logs. NTS "
    "authenticates each packet and needs no shared keys.",
    fix={
        "chrony": "\n".join(
            ("# on the server; open TCP port 4460", *lines.NTS_SERVER, "# on the client",
             "server {host} iburst nts")
        ),
        "ntpsec": "# on the server; open TCP port 4460\nnts enable\n"
        "nts key /etc/ntpsec/nts.key\nnts cert /etc/ntpsec/nts.pem\n# on the client\n"
        "server {host} nts",
        "any": "Use servers that offer NTS, or run your own between them and the clients.",
    },
    references=("RFC 8915",),
    seed=("12.4.3",),
    good=GOOD_NTS,
    bad=GOOD.learn(nts=NtsFacts(ke_address="192.0.2.123", ke_port=4460, port_state="refused")),
    choice=("chrony", "ntpsec"),
    directives={
        "chrony": ("server", "pool", "peer", "allow", "ntsserverkey"),
        "ntpsec": ("server", "pool", "peer"),
    },
)  # fmt: skip
def none(ntp: NtpFacts) -> Verdict:
    """Fail a closed port of the key establishment, and a file with sources without NTS."""
    if ntp.config is not None:
        return _without_nts(ntp.config)
    nts = ntp.nts
    if nts is None or not nts.port_state:
        return _NOT_TESTED
    if nts.port_state == "open":
        return None
    if nts.port_state == "forbidden":
        return Skip("this machine's firewall forbids the connection")
    return Hit(
        where="address" if nts.ke_address else "port",
        what=nts.port_state,
        port=nts.ke_port or 0,
        address=nts.ke_address,
        host=nts.ke_address or "ntp.example.net",
    )


def _without_nts(config: NtpConfigFacts) -> Verdict:
    if config.product not in _PRODUCTS:
        return Skip(f"{config.product} does not support NTS")
    if not config.nts_known:
        return Skip(f"{config.product} {config.version} does not support NTS yet")
    plain = [s for s in config.selectable if not s.nts and s.key is None]
    serves_plain = config.product == "chrony" and config.serves and config.nts_server is False
    if not plain and not serves_plain:
        return None if config.sources or config.serves else Skip("the file has no time source")
    changed = []
    if polled := [source for source in plain if source.kind != "peer"]:
        changed += ["# if the server supports NTS; else replace it with one that does"]
        changed += lines.with_option(polled, "nts")
    if len(polled) < len(plain):
        changed += ["# for each peer, the option `key` with a key that both sides have"]
    if serves_plain:
        changed += ["# to serve NTS; open TCP port 4460", *lines.NTS_SERVER]
    hit = Hit(
        where="file",
        what=tuple(code for code, found in (("sources", plain), ("server", serves_plain)) if found),
        names=lines.shown(source.name for source in plain),
        host=plain[0].name if plain else "ntp.example.net",
    )
    settings = [source.setting for source in plain]
    if serves_plain:
        settings += ["allow", "ntsserverkey"]
    return hit.fixed_by(config.product, *changed).at(*settings)


@rule(
    "NTS-KE-FAIL",
    Severity.HIGH,
    tier=0,
    source=Source.WIRE,
    title="NTS key establishment fails",
    evidence="{address} port {port}, phase {phase}: {what}",
    phrases={
        "what": {
            "refused": "{reason}: {detail}",
            "valid-there": "the certificate is valid by the server's clock (difference: "
            "{difference}), so one of the two clocks is wrong",
            "invalid-there": "the certificate is not valid by the server's clock either",
            "only-here": "the certificate is valid by this machine's clock, but not by the "
            "server's (difference: {difference}): clients that synchronise to it will reject the "
            "certificate",
        }
    },
    why="Clients that are configured for NTS get no keys and therefore no time: they do not fall "
    "back to plain NTP, because an attacker could force that.",
    fix={
        "any": "Serve a certificate that is currently valid, contains the name that clients "
        "configure, and comes with its intermediates. Allow TLS 1.3. Name an NTP server that the "
        "clients can reach.",
        "chrony": "# both files readable by chronyd's user; restart it after each renewal\n"
        "ntsserverkey /etc/chrony/nts.key\nntsservercert /etc/chrony/nts-fullchain.pem\n"
        "ntsport 4460",
        "ntpsec": "nts enable\nnts key /etc/ntpsec/nts.key\n"
        "nts cert /etc/ntpsec/nts-fullchain.pem\nnts mintls TLS1.3",
    },
    references=("RFC 8915 §3", "RFC 8915 §4"),
    seed=("12.4.3",),
    good=GOOD_NTS,
    bad=with_nts(
        established=None,
        ke_reason="tls-certificate-expired",
        ke_phase="nts.ke_tls",
        ke_detail="the certificate expired 3.0 days ago",
        certificate_valid_here=False,
        certificate_valid_there=False,
    ),
)
def ke_fail(ntp: NtpFacts) -> Verdict:
    """Fail what a client would reject in the handshake or in the records.

    Also, at medium severity, a certificate that is not valid by the server's own clock: clients
    that synchronise to the server will reject it the next time.
    """
    nts = ntp.nts
    if nts is None or not nts.port_state:
        return _NOT_TESTED
    if nts.port_state != "open":
        return not_applicable("the port of the key establishment is not open: see NTS-NONE")
    known: dict[str, Param] = {
        "address": nts.ke_address,
        "port": nts.ke_port or 0,
        "phase": nts.ke_phase or "nts.ke_tls",
        "difference": clock_difference(ntp.offset_seconds or 0.0),
    }
    if nts.ke_reason:
        what = ["refused"]
        if nts.certificate_valid_here is False and ntp.offset_seconds is not None:
            what.append("valid-there" if nts.certificate_valid_there else "invalid-there")
        return Hit(what=tuple(what), reason=nts.ke_reason, detail=nts.ke_detail, **known)
    if nts.certificate_valid_here and nts.certificate_valid_there is False:
        return Hit(Severity.MEDIUM, what="only-here", **known)
    return None if nts.established else Skip("the key establishment was not completed")
