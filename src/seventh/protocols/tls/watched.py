"""What a monitoring system draws of a TLS handshake, under whichever protocol it is."""

from __future__ import annotations

from seventh.model.tlsfacts import TlsFacts
from seventh.model.watched import NO_BOUNDS, Bounds, Watched, number
from seventh.protocols.tls.rules.certificate import URGENT_DAYS

_DAY = 86_400


def _expiry(tls: TlsFacts) -> Bounds:
    """Return a third of the lifetime, then a week or a sixth of it: as TLS-CERT-EXPIRING judges."""
    if not tls.chain:
        return NO_BOUNDS
    lifetime = tls.chain[0].lifetime_days
    urgent = min(URGENT_DAYS, lifetime / 6)
    return Bounds(f"{number(round(lifetime / 3 * _DAY))}:", f"{number(round(urgent * _DAY))}:")


WATCHED = (Watched("seventh_cert_expiry_timestamp_seconds", _expiry),)
