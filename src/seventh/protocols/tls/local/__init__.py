"""The area ``certificates``: files of certificates and keys, their renewal, what is served."""

from __future__ import annotations

from seventh.localkit.area import Area
from seventh.localkit.seen import Seen
from seventh.model.localfacts import ABSENT
from seventh.model.tlsfacts import TlsFacts, TlsLocalFacts
from seventh.protocols.tls.local import files, mailers, named, renewal, served

_RULES = frozenset(
    {"TLS-CERT-EXPIRED", "TLS-CERT-EXPIRING", "TLS-CERT-NOTYET", "TLS-CERT-WEAK", "TLS-CHAIN"}
)
"""Those of the wire that a file decides as well."""


def learn(facts: TlsFacts, seen: Seen, _: files.CertificateOptions) -> TlsFacts:
    """Add the certificates of this machine's files."""
    read, asked = seen.calls.get(files.NAME), seen.calls.get(served.NAME)
    found = read.files if isinstance(read, files.Files) else ()
    if isinstance(asked, served.Asked) and asked.files:
        found = asked.files
    return facts.learn(
        local=TlsLocalFacts(
            files=found,
            renewers=renewal.renewers(seen),
            systemd=renewal.has_systemd(seen),
            unread=tuple(each for each in seen.unread if each.cause not in ABSENT),
        )
    )


AREAS = (
    Area(
        name="certificates",
        title="certificates and keys in files, their renewal, and what is served",
        facts=TlsFacts,
        learn=learn,
        options=files.CertificateOptions,
        commands=mailers.COMMANDS,
        files=(*named.FILES, *renewal.FILES, *served.TABLES),
        processes=tuple(named.SERVICES),
        further=(files.FILES, served.ASK),
        rules=_RULES,
    ),
)
