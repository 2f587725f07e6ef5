"""The SSH room: the transport layer (RFC 4253), and with a user's credentials what lies behind."""

from typing import Annotated

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class SshOptions(RoomOptions, frozen=True, kw_only=True):
    """Who logs in, and what is known of the hosts."""

    identities: Annotated[
        tuple[str, ...],
        Option(
            flag="identity", metavar="FILE", file="secret", credential=True,
            help="private key to log in with; may be repeated", default="the agent's keys",
        ),
    ] = ()  # fmt: skip
    agent: Annotated[
        bool,
        Option(
            flag="agent", help="use of the ssh-agent (SSH_AUTH_SOCK)",
            switches=(("--no-agent", False, "do not use the ssh-agent"),),
        ),
    ] = True  # fmt: skip
    known_hosts: Annotated[
        str | None,
        Option(
            flag="known-hosts", metavar="FILE", file="readable",
            help="known_hosts file", default="your own and the system's",
        ),
    ] = None  # fmt: skip
    accept_new_host_keys: Annotated[
        bool,
        Option(
            flag="accept-new-host-keys",
            help="go through jump hosts whose key is not in known_hosts (nothing is added to it)",
        ),
    ] = False  # fmt: skip
    ssh_config: Annotated[
        str | None,
        Option(
            flag="ssh-config", metavar="FILE", file="readable", words=("none",),
            help="ssh_config file for host aliases; none: no file", default="your own",
        ),
    ] = None  # fmt: skip


SPEC = Spec(
    name="ssh",
    title="SSH",
    schemes=(Scheme(name="ssh", port=22),),
    phases=(
        PhaseSpec("ssh.banner", "from the connection to the server's identification string"),
        PhaseSpec("ssh.kexinit", "from the server's identification string to its KEXINIT"),
        PhaseSpec("ssh.kex", "from our half of the key exchange to the server's NEWKEYS"),
        PhaseSpec("ssh.service", "from our request for the authentication service to its grant"),
        PhaseSpec("ssh.auth_none", "from our request without a credential to the method list"),
        PhaseSpec("ssh.auth", "from the first credential to the last word on it"),
        PhaseSpec("ssh.channel", "from asking for a session channel to its confirmation"),
        PhaseSpec("ssh.exec", "from asking for the command true to its exit status"),
        PhaseSpec("ssh.second_channel", "from asking for one more channel to true's exit status"),
        PhaseSpec("ssh.sftp", "from asking for the SFTP subsystem to the server's version"),
        PhaseSpec("ssh.forward", "asking for forwardings, trying them and cancelling them"),
        PhaseSpec("ssh.ping", "from a ping of the transport layer to its answer"),
        PhaseSpec("ssh.rekey", "from our second KEXINIT to the server's second NEWKEYS"),
        PhaseSpec("ssh.hold", "while the session was held without a word from us"),
        PhaseSpec("via.resolve", "looking up the first jump host's name"),
        PhaseSpec("via.connect", "connecting to a jump host, from here or from the one before"),
        PhaseSpec("via.ssh.banner", "from the connection to a jump host's identification string"),
        PhaseSpec("via.ssh.kex", "from a jump host's identification string to its NEWKEYS"),
        PhaseSpec("via.ssh.auth", "from a jump host's NEWKEYS to the granted login"),
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
        Metric(
            "seventh_ssh_session_seconds", "histogram", "granted login to goodbye",
            "login.session_seconds",
        ),
        Metric(
            "seventh_ssh_keepalive_seconds", "gauge", "median gap between server keepalives",
            "login.keepalive_seconds",
        ),
        Metric(
            "seventh_ssh_channel_seconds", "gauge", "opening a session channel",
            "session.channel_seconds",
        ),
        Metric(
            "seventh_ssh_exec_seconds", "gauge", "running the command true", "session.exec_seconds"
        ),
        Metric(
            "seventh_ssh_mux_saves_seconds", "gauge", "what a further command saves on an open "
            "connection", "session.mux_saves_seconds",
        ),
        Metric(
            "seventh_ssh_read_bytes_per_second", "gauge", "reading over SFTP, else a command",
            "session.read_bytes_per_second",
        ),
        Metric(
            "seventh_ssh_write_bytes_per_second", "gauge", "writing over SFTP",
            "session.write_bytes_per_second",
        ),
        Metric(
            "seventh_ssh_rekeys_total", "counter", "key exchanges after the first", "login.rekeys"
        ),
    ),
    options=SshOptions,
    shared=("user", "password_file", "hold_seconds"),
    tiers={
        0: "connects, exchanges keys and leaves before any login: a line in the server's log",
        1: "asks for small Diffie-Hellman groups, on four connections at most",
        2: "logs in as the user that was named, runs true, opens a terminal into which nothing is "
        "typed, reads zeros over SFTP, and asks without a credential what root could "
        "log in with: two more lines in the server's log",
        3: "writes a temporary file over SFTP and removes it, has the server connect to itself and "
        "listen on two ports for a moment",
        4: "holds the session open without a word",
    },
    standards=(
        "RFC 4252", "RFC 4253", "RFC 4254", "RFC 4256", "RFC 4419", "RFC 5656", "RFC 8268",
        "RFC 8308", "RFC 8332", "RFC 8709", "RFC 8731", "RFC 9142", "RFC 10042",
    ),
    connections=8,  # seven at most that do not log in, and one that does
)  # fmt: skip
