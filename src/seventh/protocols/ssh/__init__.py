"""SSH: the transport layer (RFC 4253), and with a user's credentials logins and sessions."""

from typing import Annotated

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme

OWN_FORWARDS = "config"
"""The value of ``--forward`` that means those of the host's ssh_config."""


class SshOptions(RoomOptions, frozen=True, kw_only=True):
    """Credentials, and the files of the user's own client."""

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
            flag="agent", help="use the ssh-agent (SSH_AUTH_SOCK)",
            switches=(("--no-agent", False, "do not use the ssh-agent"),),
        ),
    ] = True  # fmt: skip
    known_hosts: Annotated[
        str | None,
        Option(
            flag="known-hosts", metavar="FILE", file="readable",
            help="known_hosts file", default="~/.ssh/known_hosts and the system's",
        ),
    ] = None  # fmt: skip
    accept_new_host_keys: Annotated[
        bool,
        Option(
            flag="accept-new-host-keys",
            help="accept jump hosts whose key is not in known_hosts (nothing is added to it)",
        ),
    ] = False  # fmt: skip
    ssh_config: Annotated[
        str | None,
        Option(
            flag="ssh-config", metavar="FILE", file="readable", words=("none",),
            help="ssh_config file for host aliases; none: no file", default="~/.ssh/config",
        ),
    ] = None  # fmt: skip

    forward: Annotated[
        tuple[str, ...],
        Option(
            flag="forward", metavar="L|R|D:…",
            help="forwarding to test, as ssh(1) writes it: L:[ADDR:]PORT:HOST:PORT (or "
            "L:HOST:PORT), R:[ADDR:]PORT:HOST:PORT, D:[ADDR:]PORT; config: those of the host's "
            "ssh_config; may be repeated",
            needs=("allow-write", "it makes the server connect or listen"),
        ),
    ] = ()  # fmt: skip
    alias: str = ""
    """The host as it was typed, before ssh_config changed it."""


SPEC = Spec(
    name="ssh",
    title="SSH",
    schemes=(Scheme(name="ssh", port=22),),
    phases=(
        PhaseSpec("ssh.banner", "from the connection to the server's identification string"),
        PhaseSpec("ssh.kexinit", "from the server's identification string to its KEXINIT"),
        PhaseSpec("ssh.kex", "from our key exchange message to the server's NEWKEYS"),
        PhaseSpec("ssh.service", "from the request for the authentication service to its reply"),
        PhaseSpec("ssh.auth_none", "from a login request without credential to the method list"),
        PhaseSpec("ssh.auth", "from the first credential to the result of the login"),
        PhaseSpec("ssh.channel", "from the request for a session channel to its confirmation"),
        PhaseSpec("ssh.exec", "from the request to run the command true to its exit status"),
        PhaseSpec("ssh.second_channel", "the same on a second channel, its opening included"),
        PhaseSpec("ssh.sftp", "from the request for the SFTP subsystem to the server's version"),
        PhaseSpec("ssh.mosh", "starting mosh-server, one datagram to it, and ending it"),
        PhaseSpec("ssh.forward", "requesting, testing and cancelling port forwardings"),
        PhaseSpec("ssh.requested_forward", "requesting, using and cancelling those of --forward"),
        PhaseSpec("ssh.ping", "from a transport ping to its reply"),
        PhaseSpec("ssh.rekey", "from our second KEXINIT to the server's second NEWKEYS"),
        PhaseSpec("ssh.hold", "session open without traffic from us"),
        PhaseSpec("via.resolve", "resolving the first jump host's name"),
        PhaseSpec("via.connect", "connecting to a jump host, directly or through the one before"),
        PhaseSpec("via.ssh.banner", "from the connection to a jump host's identification string"),
        PhaseSpec("via.ssh.kex", "from a jump host's identification string to its NEWKEYS"),
        PhaseSpec("via.ssh.auth", "from a jump host's NEWKEYS to the granted login"),
    ),
    metrics=(
        Metric(
            "seventh_ttfb_seconds", "histogram", "from the connection to the identification string",
            "banner_seconds",
        ),
        Metric(
            "seventh_ssh_kexinit_seconds", "gauge", "from the identification string to KEXINIT",
            "kexinit_seconds",
        ),
        Metric(
            "seventh_ssh_kex_seconds", "gauge", "from our key exchange message to NEWKEYS",
            "kex_seconds",
        ),
        Metric(
            "seventh_ssh_strict_kex", "gauge", "1 if strict key exchange is offered", "strict_kex"
        ),
        Metric(
            "seventh_ssh_gex_modulus_bits", "gauge", "smallest group-exchange modulus", "gex_bits"
        ),
        Metric("seventh_ssh_host_keys", "gauge", "number of host keys", "host_keys"),
        Metric(
            "seventh_ssh_session_seconds", "histogram", "from the granted login to its end",
            "login.session_seconds",
        ),
        Metric(
            "seventh_ssh_keepalive_seconds", "gauge", "median gap between server keepalives",
            "login.keepalive_seconds",
        ),
        Metric(
            "seventh_ssh_channel_seconds", "gauge", "time to open a session channel",
            "session.channel_seconds",
        ),
        Metric(
            "seventh_ssh_exec_seconds", "gauge", "time to run the command true",
            "session.exec_seconds",
        ),
        Metric(
            "seventh_ssh_mux_saves_seconds", "gauge", "time that a command on an open connection "
            "saves over one on a new connection", "session.mux_saves_seconds",
        ),
        Metric(
            "seventh_ssh_read_bytes_per_second", "gauge",
            "read throughput over SFTP, or of a command without SFTP",
            "session.read_bytes_per_second",
        ),
        Metric(
            "seventh_ssh_write_bytes_per_second", "gauge", "write throughput over SFTP",
            "session.write_bytes_per_second",
        ),
        Metric(
            "seventh_ssh_rekeys_total", "counter", "key exchanges after the first", "login.rekeys"
        ),
        Metric(
            "seventh_ssh_refused_logins", "gauge", "refused logins in what was read of the log",
            "local.failed_logins", label="cause", source="local",
        ),
    ),
    options=SshOptions,
    shared=("user", "password_file", "hold_seconds", "as_clients"),
    tiers={
        0: "connects, exchanges keys and disconnects before any login: one line in the server's "
        "log for each connection; one connection for each host certificate on offer",
        1: "requests small Diffie-Hellman groups, on four connections at most",
        2: "logs in as the given user, runs true and the --version of rsync and mosh-server, opens "
        "a terminal without input, reads /dev/zero over SFTP, and requests root's login methods "
        "without a credential: two more lines in the server's log",
        3: "writes a temporary file over SFTP and removes it; starts mosh-server, if there is one, "
        "and ends it; makes the server connect to itself and listen on two ports for a moment; for "
        "--forward, also on the given ports and to the given destinations",
        4: "keeps sessions open without traffic, up to eight; without a login up to five "
        "connections, for less than two minutes, and up to 40 for a moment, after which a server "
        "may refuse this machine for some seconds",
    },
    standards=(
        "RFC 4252", "RFC 4253", "RFC 4254", "RFC 4256", "RFC 4419", "RFC 5656", "RFC 8268",
        "RFC 8308", "RFC 8332", "RFC 8709", "RFC 8731", "RFC 9142", "RFC 9941", "RFC 10042",
    ),
    connections=8,  # seven without a login at most, and one with; more for host certificates
)  # fmt: skip
