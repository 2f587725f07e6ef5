"""SSH: the transport layer (RFC 4253) and, with a user's credentials, logins and channels."""

from typing import Annotated

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme


class SshOptions(RoomOptions, frozen=True, kw_only=True):
    """The credentials to log in with, and where host keys are pinned."""

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
            flag="agent", help="use the keys of ssh-agent (SSH_AUTH_SOCK)",
            switches=(("--no-agent", False, "do not use ssh-agent"),),
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


SPEC = Spec(
    name="ssh",
    title="SSH",
    schemes=(Scheme(name="ssh", port=22),),
    phases=(
        PhaseSpec("ssh.banner", "connection to the server's identification string"),
        PhaseSpec("ssh.kexinit", "the server's identification string to its KEXINIT"),
        PhaseSpec("ssh.kex", "our half of the key exchange to the server's NEWKEYS"),
        PhaseSpec("ssh.service", "request for the authentication service to its acceptance"),
        PhaseSpec("ssh.auth_none", "request without a credential to the list of methods"),
        PhaseSpec("ssh.auth", "first credential to the final answer"),
        PhaseSpec("ssh.channel", "request for a session channel to its confirmation"),
        PhaseSpec("ssh.exec", "request to run true to its exit status"),
        PhaseSpec("ssh.second_channel", "request for one more channel to the exit status of true"),
        PhaseSpec("ssh.sftp", "request for the SFTP subsystem to the server's version"),
        PhaseSpec("ssh.forward", "requests for forwardings, their tests and their cancellation"),
        PhaseSpec("ssh.ping", "transport-layer ping to its answer"),
        PhaseSpec("ssh.rekey", "our second KEXINIT to the server's second NEWKEYS"),
        PhaseSpec("ssh.hold", "idle session held open (--hold)"),
        PhaseSpec("via.resolve", "lookup of the first jump host's name"),
        PhaseSpec("via.connect", "connection to a jump host, directly or from the previous one"),
        PhaseSpec("via.ssh.banner", "connection to a jump host's identification string"),
        PhaseSpec("via.ssh.kex", "a jump host's identification string to its NEWKEYS"),
        PhaseSpec("via.ssh.auth", "a jump host's NEWKEYS to the successful login"),
    ),
    metrics=(
        Metric("seventh_ttfb_seconds", "histogram", "connection to identification string", "banner_seconds"),
        Metric(
            "seventh_ssh_kexinit_seconds", "gauge", "identification string to KEXINIT", "kexinit_seconds"
        ),
        Metric("seventh_ssh_kex_seconds", "gauge", "our half of the key exchange to NEWKEYS", "kex_seconds"),
        Metric(
            "seventh_ssh_strict_kex", "gauge", "1 if strict key exchange is offered", "strict_kex"
        ),
        Metric(
            "seventh_ssh_gex_modulus_bits", "gauge", "smallest group-exchange modulus", "gex_bits"
        ),
        Metric("seventh_ssh_host_keys", "gauge", "number of host keys seen", "host_keys"),
        Metric(
            "seventh_ssh_session_seconds", "histogram", "successful login to disconnect",
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
            "seventh_ssh_mux_saves_seconds", "gauge", "time that a further command saves on a "
            "shared connection", "session.mux_saves_seconds",
        ),
        Metric(
            "seventh_ssh_read_bytes_per_second", "gauge", "read throughput over SFTP, else from a command",
            "session.read_bytes_per_second",
        ),
        Metric(
            "seventh_ssh_write_bytes_per_second", "gauge", "write throughput over SFTP",
            "session.write_bytes_per_second",
        ),
        Metric(
            "seventh_ssh_rekeys_total", "counter", "key exchanges after the first", "login.rekeys"
        ),
    ),
    options=SshOptions,
    shared=("user", "password_file", "hold_seconds"),
    tiers={
        0: "connects, exchanges keys and disconnects without a login: a line in the server's log",
        1: "requests small Diffie-Hellman groups, on at most four connections",
        2: "logs in as --user, runs true, opens a terminal without typing, reads zeros over SFTP, "
        "and requests the authentication methods for root: two more lines in the server's log",
        3: "writes and removes a temporary file over SFTP, makes the server connect to itself and "
        "briefly listen on two ports",
        4: "holds the session open without sending data (--hold)",
    },
    standards=(
        "RFC 4252", "RFC 4253", "RFC 4254", "RFC 4256", "RFC 4419", "RFC 5656", "RFC 8268",
        "RFC 8308", "RFC 8332", "RFC 8709", "RFC 8731", "RFC 9142", "RFC 10042",
    ),
    connections=8,  # at most seven without a login, and one with
)  # fmt: skip
