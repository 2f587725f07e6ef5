"""Names, addresses and TCP, below every protocol."""

from __future__ import annotations

from seventh.model.spec import PhaseSpec, Spec
from seventh.model.target import Scheme

SPEC = Spec(
    name="net",
    title="Names, addresses and TCP",
    schemes=(Scheme(name="tcp", port=None, well_known=False),),
    phases=(
        PhaseSpec("resolve", "first address query to the last answer"),
        PhaseSpec("connect", "SYN to SYN/ACK, for each address"),
    ),
    metrics=(),
    tiers={0: "resolves the name and opens one TCP connection to each address; sends no data"},
    standards=("RFC 9293", "RFC 8305", "RFC 1034"),
    connections=2,
)
