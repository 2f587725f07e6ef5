"""The SSH room: transport layer only, up to the point where a user would log in (RFC 4253)."""

from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

SPEC = Spec(
    name="ssh",
    title="SSH",
    schemes=(Scheme(name="ssh", port=22),),
    phases=(
        PhaseSpec("ssh.banner", "from the connection to the server's identification string"),
        PhaseSpec("ssh.kexinit", "from the server's identification string to its KEXINIT"),
        PhaseSpec("ssh.kex", "from our half of the key exchange to the server's NEWKEYS"),
    ),
    metrics=(
        Metric("seventh_ttfb_seconds", "histogram", "connection to greeting", "banner_seconds"),
        Metric(
            "seventh_ssh_kexinit_seconds", "gauge", "greeting to algorithm lists", "kexinit_seconds"
        ),
        Metric("seventh_ssh_kex_seconds", "gauge", "our key exchange to NEWKEYS", "kex_seconds"),
        Metric(
            "seventh_ssh_strict_kex", "gauge", "1 with strict key exchange", "strict_kex"
        ),
        Metric(
            "seventh_ssh_gex_modulus_bits", "gauge", "smallest group-exchange modulus", "gex_bits"
        ),
        Metric("seventh_ssh_host_keys", "gauge", "host keys that were seen", "host_keys"),
    ),
    tiers={
        0: "connects, exchanges keys and leaves before any login: a line in the server's log",
        1: "asks for a small Diffie-Hellman group once",
    },
    standards=(
        "RFC 4253", "RFC 4419", "RFC 5656", "RFC 8268", "RFC 8308", "RFC 8332", "RFC 8709",
        "RFC 8731", "RFC 9142", "RFC 10042",
    ),
    connections=4,
)  # fmt: skip
