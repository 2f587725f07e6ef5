"""TLSA records against the certificates of a mail server (RFC 6698, 7671, 7672)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from seventh.model.tlsfacts import Certificate, CertificateFacts, path_up
from seventh.protocols.mail.facts.answer import Answer, Tlsa
from seventh.protocols.mail.facts.dane import Fit, Problem, Security, ServedKey, TlsaRecord
from seventh.wire.certnames import HostNames

MAX_RECORDS = 1000
"""How many records of one answer are kept; further ones may be there."""
PREFIX = "_25._tcp."
"""Senders look below this name, whatever port a test uses."""
_TRUST_ANCHOR, _END_ENTITY = 2, 3
_PKIX = frozenset({0, 1})
_WHOLE, _DIGESTS = 0, {1: 32, 2: 64}
"""The matching types, and the bytes of a digest."""


def record_of(tlsa: Tlsa) -> TlsaRecord:
    """Return a record with what is wrong with it."""
    return TlsaRecord(
        usage=tlsa.usage, selector=tlsa.selector, matching=tlsa.matching,
        data=tlsa.data.hex(), problem=problem_of(tlsa),
    )  # fmt: skip


def problem_of(tlsa: Tlsa) -> Problem:
    """Return why mail servers ignore a record; empty if they do not."""
    if tlsa.usage in _PKIX:
        return "pkix"
    if tlsa.usage not in {_TRUST_ANCHOR, _END_ENTITY}:
        return "usage"
    if tlsa.selector not in {0, 1}:
        return "selector"
    if tlsa.matching != _WHOLE and tlsa.matching not in _DIGESTS:
        return "matching"
    if len(tlsa.data) != _DIGESTS.get(tlsa.matching, len(tlsa.data)) or not tlsa.data:
        return "length"
    return ""


def security_of(answer: Answer, *, validates: bool | None) -> Security:
    """Return what is known of an answer's signatures."""
    if answer.authenticated:
        return "secure"
    return "insecure" if validates and answer.known else "unknown"


def weakest(securities: Iterable[Security]) -> Security:
    """Return the security of several answers together."""
    found = set(securities)
    if "insecure" in found:
        return "insecure"
    return "secure" if found == {"secure"} else "unknown"


def fit(records: tuple[TlsaRecord, ...], served: CertificateFacts, names: tuple[str, ...]) -> Fit:
    """Compare records with a chain. ``names`` are those that its certificate may be for.

    DANE-EE(3) needs neither a name nor a date (RFC 7672 §3.1.1); DANE-TA(2) needs both (§3.1.2).
    """
    usable = [record for record in records if not record.problem]
    if not usable:
        return "unusable"
    if not served.chain or not all(each.key_sha256 for each in served.chain):
        return "unknown"
    leaf = served.chain[0]
    if any(record.usage == _END_ENTITY and is_of(record, leaf) for record in usable):
        return "match"
    anchors = [record for record in usable if record.usage == _TRUST_ANCHOR]
    path = path_up(served.chain, served.verified_path)
    for at, issuer in enumerate(path):
        if (at or leaf.self_issued) and any(is_of(record, issuer) for record in anchors):
            return "match" if _is_valid(path[: at + 1], served, names) else "mismatch"
    # An anchor that is in the record need not be in the chain.
    undecided = len(records) >= MAX_RECORDS or any(each.matching == _WHOLE for each in anchors)
    return "unknown" if undecided else "mismatch"


def is_of(record: TlsaRecord, certificate: Certificate) -> bool:
    """Return whether a record is of this certificate or its public key."""
    if record.matching == _WHOLE:
        digest = hashlib.sha256(bytes.fromhex(record.data)).hexdigest()
        return digest == (certificate.key_sha256 if record.selector else certificate.sha256)
    wide = record.matching == 2
    if record.selector:
        return record.data == (certificate.key_sha512 if wide else certificate.key_sha256)
    return record.data == (certificate.sha512 if wide else certificate.sha256)


def _is_valid(
    path: tuple[Certificate, ...], served: CertificateFacts, names: tuple[str, ...]
) -> bool:
    """Return whether a path to a trust anchor holds: signatures, dates and a name of the leaf."""
    dated = all(each.days_left >= 0 >= each.days_to_start for each in path)
    named = HostNames.of(*path[0].names)
    return served.chain_state != "invalid" and dated and any(map(named.fit, names))


def keys_of(
    records: tuple[TlsaRecord, ...],
    served: Iterable[CertificateFacts],
    names: tuple[str, ...],
) -> tuple[ServedKey, ...]:
    """Return the certificates of an exchanger, one for each type of key, with their fit."""
    return tuple(
        ServedKey(
            key_type=each.chain[0].key_type, key_sha256=each.chain[0].key_sha256,
            fit=fit(records, each, names),
        )
        for each in served
        if each.chain
    )  # fmt: skip


def lines(host: str, keys: tuple[ServedKey, ...]) -> tuple[str, ...]:
    """Return the records to publish for the served keys, and the place of the next one's."""
    owner = f"{PREFIX}{host}. IN TLSA 3 1 1"
    current = dict.fromkeys(f"{owner} {key.key_sha256}" for key in keys if key.key_sha256)
    return (*current, f"{owner} SHA256-OF-THE-NEXT-PUBLIC-KEY") if current else ()
