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
        PhaseSpec(
            "connect",
            "SYN to SYN/ACK, for each address; through a proxy or a jump host, from the request to "
            "connect to its confirmation",
        ),
        PhaseSpec("proxy.resolve", "resolving the proxy's name"),
        PhaseSpec("proxy.connect", "SYN to SYN/ACK of the proxy, for each of its addresses tried"),
        PhaseSpec("proxy.tls", "the TLS handshake with an https:// proxy"),
        PhaseSpec(
            "proxy.auth", "from the SOCKS5 greeting to the end of the login; a refused login"
        ),
        PhaseSpec("idle", "with --hold: idle connections, each used once after a time"),
    ),
    metrics=(),
    shared=("hold_seconds",),
    tiers={
        0: "resolves the name and opens one TCP connection to each address; sends no data",
        4: "holds up to eight idle connections open, and sends a TCP keepalive on each",
    },
    standards=("RFC 9293", "RFC 8305", "RFC 1034", "RFC 9110 §9.3.6", "RFC 1928", "RFC 1929"),
    connections=2,  # those held idle are added
)
