"""Faults of a chain as sent, whether or not it leads to a trusted root."""

from __future__ import annotations

from seventh.model.tlsfacts import Certificate, ChainProblem, ChainProblemKind

MAX_CHAIN = 10
MAX_CHAIN_BYTES = 64 * 1024
LEFTOVER_NOTICE_DAYS = 30.0


def problems(
    chain: tuple[Certificate, ...], way: tuple[Certificate, ...], *, verified: bool
) -> tuple[ChainProblem, ...]:
    """Find them; ``way`` is the path in use, and ``verified`` whether it leads to a trusted root.

    TLS 1.3 clients must accept unrelated certificates and any order (RFC 8446 §4.4.2); in TLS 1.2
    each must certify the one before it (RFC 5246 §7.4.2).
    """
    once = tuple({certificate.sha256: certificate for certificate in chain}.values())
    related = _related(once)
    found = [_problem("order", pair) for pair in _order([c for c in once if c in related])]
    found += [_problem("root-sent", c.subject) for c in once[1:] if c.self_issued and c in related]
    found += [_problem("stranger", c.subject) for c in once if c not in related and not c.problem]
    found += [_problem("unreadable", str(at)) for at, c in enumerate(chain, 1) if c.problem]
    twice = [c for c in once if sum(c.sha256 == other.sha256 for other in chain) > 1]
    found += [_problem("duplicate", c.subject) for c in twice]
    if verified:
        used = {certificate.sha256 for certificate in way}
        found += _leftovers([c for c in related if c.sha256 not in used])
    size = sum(certificate.size_bytes for certificate in chain)
    if len(chain) > MAX_CHAIN or size > MAX_CHAIN_BYTES:
        found.append(_problem("too-long", f"{len(chain)} certificates ({size} bytes)"))
    return tuple(found)


def _problem(kind: ChainProblemKind, value: str) -> ChainProblem:
    return ChainProblem(kind=kind, value=value, text=f"{kind.replace('-', ' ')}: {value}")


def _related(once: tuple[Certificate, ...]) -> list[Certificate]:
    """Return the certificates that lead up from the server's own on any path."""
    related = [once[0]]
    for below in related:  # it grows while it is walked
        if not below.self_issued:
            related += [c for c in once if c.subject == below.issuer and c not in related]
    return related


def _order(related: list[Certificate]) -> list[str]:
    """Return, for each certificate sent before all that it issued, the right order of the two."""
    found: list[str] = []
    for at, certificate in enumerate(related[1:], 1):
        if not any(below.issuer == certificate.subject for below in related[:at]):
            below = next(c for c in related[at + 1 :] if c.issuer == certificate.subject)
            found.append(f"{below.subject} → {certificate.subject}")
    return found


def _leftovers(unused: list[Certificate]) -> list[ChainProblem]:
    """Return cross certificates and the like off the used path that have expired or soon will.

    Clients that prefer sent certificates to their own roots (OpenSSL 1.0, GnuTLS before 3.6.14)
    refuse such a chain: AddTrust in May 2020, DST X3 in September 2021.
    """
    found: list[ChainProblem] = []
    for c in unused:
        value = f"{c.subject} → {c.issuer} ({c.not_after})"
        if c.days_left < 0:
            found.append(_problem("expired-leftover", value))
        elif c.days_left < LEFTOVER_NOTICE_DAYS and not c.self_issued:
            found.append(_problem("expiring-leftover", value))
    return found
