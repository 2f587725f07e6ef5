"""What CRLs and stapled OCSP responses say of certificates."""

from __future__ import annotations

from typing import Literal

import msgspec

RevocationStatus = Literal["good", "revoked", "unknown"]

CrlProblem = Literal[
    "no-crl", "no-issuer", "signature", "not-for-crls", "early", "stale", "other-certificates",
    "unsupported",
]  # fmt: skip
"""Why no CRL tells a certificate's status. ``no-crl``: none is of its issuer; ``no-issuer``: the
issuer's certificate is not known; ``not-for-crls``: its key usage excludes signing CRLs;
``other-certificates``: the CRL is limited to others (RFC 5280 §5.2.5)."""

OcspProblem = Literal[
    "unreadable", "not-successful", "other-certificate", "no-issuer", "responder", "signature",
    "early", "stale", "status-unknown",
]  # fmt: skip
"""Why clients reject a response. ``responder``: neither the issuer signed it nor a certificate that
the issuer made for that purpose (RFC 6960 §4.2.2.2)."""


class Revocation(msgspec.Struct, frozen=True, kw_only=True):
    """The status of one certificate of the path."""

    subject: str
    status: RevocationStatus
    source: Literal["crl", "ocsp"] = "crl"
    problem: CrlProblem | None = None
    """Why the status is unknown."""
    revoked_at: str = ""
    reason: str = ""
    """As the CA stated it; empty where it stated none."""
    next_update: str = ""
    """Until when this is the newest information; empty where not stated."""


class OcspResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A stapled OCSP response about the server's own certificate."""

    status: RevocationStatus | None = None
    """As the response states it, whether or not it is to be believed."""
    problem: OcspProblem | None = None
    """Why clients reject it; None when they do not."""
    this_update: str = ""
    next_update: str = ""
    """Empty where not stated."""
    revoked_at: str = ""
    reason: str = ""
