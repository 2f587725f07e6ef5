"""When a JSON Web Token expires (RFC 7519)."""

from __future__ import annotations

import base64
import binascii
import json

MAX_JWT = 16384


def expiry_of(jwt: str) -> float | None:
    """Return when a JWT expires (RFC 7519 §4.1.4), in Unix time; None if it has no exp.

    Does not verify the signature.
    """
    parts = jwt.split(".")
    if len(jwt) > MAX_JWT or len(parts) < 2:
        return None
    body = parts[1] + "=" * (-len(parts[1]) % 4)
    try:
        claims = json.loads(base64.urlsafe_b64decode(body))
    except (binascii.Error, ValueError, RecursionError):
        return None
    expiry = claims.get("exp") if isinstance(claims, dict) else None
    if isinstance(expiry, bool) or not isinstance(expiry, int | float) or abs(expiry) > 1e11:
        return None
    return float(expiry)
