"""What is wrong with a chain as it was sent, whether or not it leads to a trusted root."""

from __future__ import annotations

from seventh.model.tlsfacts import Certificate, ChainProblem

MAX_CHAIN = 10
MAX_CHAIN_BYTES = 64 * 1024
LEFTOVER_NOTICE_DAYS = 30.0


def problems(
    chain: tuple[Certificate, ...], way: tuple[Certificate, ...], *, verified: bool
) -> tuple[ChainProblem, ...]:
    """Find them; ``way`` is the path in use, and ``verified`` whether it leads to a trusted root.

    RFC 8446 §4.4.2 has clients be ready for certificates that belong to no path, and for any
    order; TLS 1.2 (RFC 5246 §7.4.2) wants each to certify the one before it.
    """
    once = tuple({certificate.sha256: certificate for certificate in chain}.values())
    related = _related(once)
    found = [
        ChainProblem(kind="order", text=text) for text in _order([c for c in once if c in related])
    ]
    found += [
        ChainProblem(kind="root-sent", text=f"the root {c.subject} is sent along")
        for c in once[1:]
        if c.self_issued and c in related
    ]
    found += [
        ChainProblem(kind="stranger", text=f"{c.subject} belongs to no path and can go")
        for c in once
        if c not in related and not c.problem
    ]
    found += [
        ChainProblem(kind="unreadable", text=f"certificate {at} of those sent cannot be read here")
        for at, c in enumerate(chain)
        if c.problem
    ]
    twice = [c for c in once if sum(c.sha256 == other.sha256 for other in chain) > 1]
    found += [ChainProblem(kind="duplicate", text=f"{c.subject} is sent twice") for c in twice]
    if verified:
        used = {certificate.sha256 for certificate in way}
        found += _leftovers([c for c in related if c.sha256 not in used])
    size = sum(certificate.size_bytes for certificate in chain)
    if len(chain) > MAX_CHAIN or size > MAX_CHAIN_BYTES:
        text = f"{len(chain)} certificates of {size} bytes are sent; many clients refuse so much"
        found.append(ChainProblem(kind="too-long", text=text))
    return tuple(found)


def _related(once: tuple[Certificate, ...]) -> list[Certificate]:
    """Return the certificates that lead up from the server's own on any path."""
    related = [once[0]]
    for below in related:  # it grows while it is walked
        if not below.self_issued:
            related += [c for c in once if c.subject == below.issuer and c not in related]
    return related


def _order(related: list[Certificate]) -> list[str]:
    """Return certificates that stand before every one that they have signed."""
    found: list[str] = []
    for at, certificate in enumerate(related[1:], 1):
        if not any(below.issuer == certificate.subject for below in related[:at]):
            below = next(c for c in related[at + 1 :] if c.issuer == certificate.subject)
            found.append(f"{certificate.subject} should follow {below.subject}")
    return found


def _leftovers(unused: list[Certificate]) -> list[ChainProblem]:
    """Cross certificates and the like beside the used path that have expired or soon will.

    Clients that build a path from what is sent before they look at their own roots (OpenSSL 1.0,
    GnuTLS before 3.6.14) refuse such a chain: May 2020 with AddTrust, September 2021 with DST X3.
    """
    found: list[ChainProblem] = []
    for certificate in unused:
        which = f"{certificate.subject} issued by {certificate.issuer}"
        if certificate.days_left < 0:
            text = (
                f"an expired certificate that no path needs is sent ({which}, since "
                f"{certificate.not_after}): clients that prefer what is sent, such as OpenSSL "
                "1.0, fail; remove it"
            )
            found.append(ChainProblem(kind="expired-leftover", text=text))
        elif certificate.days_left < LEFTOVER_NOTICE_DAYS and not certificate.self_issued:
            text = (
                f"a certificate beside the used path ({which}) ends at {certificate.not_after}: "
                "remove it before that date"
            )
            found.append(ChainProblem(kind="expiring-leftover", text=text))
    return found
