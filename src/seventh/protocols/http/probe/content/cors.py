"""Cross-origin requests: what scripts of a foreign origin may read (the Fetch standard)."""

from __future__ import annotations

from seventh.protocols.http.facts.content import Cors
from seventh.web.message import Response
from seventh.wire.text import printable

FOREIGN = "https://seventh-probe.invalid"
"""An origin that no site can know."""


def judge(response: Response) -> Cors:
    """Return what the response allows the foreign Origin."""
    # Two fields are one list, and a list is no origin: browsers then allow nothing.
    named = response.every("access-control-allow-origin")
    allowed = ", ".join(named) if named else None
    return Cors(
        allowed=None if allowed is None else printable(allowed, 256),
        reflected=allowed is not None and allowed.strip().lower() == FOREIGN,
        # Only this value counts, in lower case.
        credentials=response.every("access-control-allow-credentials") == ("true",),
        varies=bool({"origin", "*"} & set(response.listed("vary"))),
    )
