"""OpenSSH's certificates of hosts and users (PROTOCOL.certkeys)."""

from __future__ import annotations

from typing import Literal

import msgspec

CertificateFault = Literal[
    "kind", "signature", "sha1", "by-certificate", "unverified", "early", "expired", "critical",
    "principal", "no-principals", "other-key",
]  # fmt: skip
"""Why clients or servers reject it. ``kind``: of a host where one of a user is needed, or the
reverse; ``unverified``: the authority's key type is not supported here; ``critical``: it has a
critical option that is not defined; ``other-key``: of a file, it is of none of the host keys."""


class SshCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate, with the verdict on it."""

    kind: Literal["host", "user"]
    key: str
    """Type and SHA-256 fingerprint of the certified key."""
    name: str = ""
    """The host or the user that it is judged for."""
    source: str = ""
    """The file or the agent's comment, of a user's certificate or of one on this machine."""
    serial: int = 0
    key_id: str = ""
    principals: tuple[str, ...] = ()
    valid_after: str = ""
    """Empty where it has no beginning."""
    valid_before: str = ""
    """Empty where it does not expire."""
    days_left: float | None = None
    """Until it expires, negative when that is past; None where it does not."""
    lifetime_days: float | None = None
    critical_options: tuple[str, ...] = ()
    authority: str = ""
    """Type and SHA-256 fingerprint of the key that signed it."""
    faults: tuple[CertificateFault, ...] = ()
    """Why it is not accepted for this host or user."""
