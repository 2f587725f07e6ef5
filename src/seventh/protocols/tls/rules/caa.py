"""The rule for CAA records: who may issue certificates for the name."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.tlsfacts import Caa, TlsFacts, Topic
from seventh.protocols.tls.rules.examples import GOOD
from seventh.protocols.tls.rules.handshake import unasked
from seventh.rules.rule import Hit, Source, Verdict, not_applicable, rule
from seventh.wire.caa import climb

_EXAMPLE = GOOD.learn(
    server_name="www.example.org",
    caa=Caa(name="example.org", records=('0 issue "letsencrypt.org"',)),
)


@rule(
    "TLS-CAA",
    Severity.LOW,
    tier=0,
    source=Source.DNS,
    title="No CAA record restricts who may issue certificates",
    evidence="{what}",
    phrases={
        "what": {
            "none": "neither {host} nor any domain above it has CAA records",
            "unrestricted": "the CAA records of {name} have no issue property: {records}",
        }
    },
    why="Every public CA may issue a certificate for this name, so the weakest validation of any "
    "CA decides. CAs must look up CAA records, and refuse where another CA is named.",
    fix={
        "dns": '; better at the domain itself: it then applies to all names below\n{host}. CAA 0 '
        'issue "letsencrypt.org"  ; the domain that your own CA documents for CAA',
    },
    references=("RFC 8659 §3", "RFC 8659 §4.2"),
    seed=("12.10.4",),
    good=_EXAMPLE,
    bad=_EXAMPLE.learn(caa=Caa()),
)  # fmt: skip
def caa(tls: TlsFacts) -> Verdict:
    """Report a public name that any CA may issue for; a failed lookup leaves that unknown."""
    if not tls.server_name:
        return unasked(tls, Topic.CAA)
    if not climb(tls.server_name):
        return not_applicable("CAA records are for names of the public DNS")
    if tls.trust == "given":
        return not_applicable("CAA records are for public CAs, and the root was given with --ca")
    found = tls.caa
    if found is None:
        return unasked(tls, Topic.CAA)
    if "issue" in found.tags:
        return None
    host = climb(tls.server_name)[0]
    if not found.records:
        return Hit(what="none", host=host)
    return Hit(what="unrestricted", host=host, name=found.name, records=found.records)
