"""The network below every protocol: names, addresses, TCP."""

from __future__ import annotations

from seventh.model.spec import PhaseSpec, Spec
from seventh.model.target import Scheme

SPEC = Spec(
    name="net",
    title="Names, addresses and TCP",
    schemes=(Scheme(name="tcp", port=None, well_known=False),),
    phases=(
        PhaseSpec("resolve", "the question for the host's addresses to its last answer"),
        PhaseSpec("connect", "SYN to SYN/ACK, once for each address"),
    ),
    metrics=(),
    tiers={0: "resolves the name and opens one TCP connection to each address, sending nothing"},
    standards=("RFC 9293", "RFC 8305", "RFC 1034"),
    connections=2,
)
