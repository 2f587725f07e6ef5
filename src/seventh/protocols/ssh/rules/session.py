"""Rules on what a logged-in user may do; a configuration file shows some of it, too."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

_NOT_FORWARDED = Skip("no remote forwarding was requested: it requires a login and --allow-write")


@rule(
    "SSH-SFTP-OFF",
    Severity.LOW,
    tier=2,
    source=Source.WIRE,
    title="SFTP not available",
    evidence="{sftp}",
    phrases={
        "sftp": {
            "refused": "the server refuses the sftp subsystem",
            "broken": "the server accepts the sftp subsystem, but no SFTP server answers",
        }
    },
    why="scp has used SFTP since OpenSSH 9.0, and so do most editors: copying files fails for this "
    "user.",
    fix={
        "openssh": "Subsystem sftp internal-sftp",
        "any": "Enable the SFTP subsystem; if it is disabled on purpose, use --skip SSH-SFTP-OFF.",
    },
    references=("draft-ietf-secsh-filexfer-02", "RFC 4254 §6.5"),
    seed=("12.2.1",),
    directives={"openssh": ("Subsystem",)},
    good=SshFacts(session=SessionFacts(sftp="works", sftp_version=3)),
    bad=SshFacts(session=SessionFacts(sftp="refused")),
)
def sftp_off(ssh: SshFacts) -> Verdict:
    """Find a subsystem that is refused, or accepted without a server behind it."""
    if ssh.session is None or ssh.session.sftp is None:
        return Skip("SFTP was not tried: it requires a login")
    return None if ssh.session.sftp == "works" else Hit(sftp=ssh.session.sftp)


@rule(
    "SSH-FWD-OPEN",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Forwarded ports open to other hosts",
    evidence="{what}",
    phrases={
        "what": {
            "file": "other hosts can connect: {binds}",
            "loopback": "a port requested on the loopback address listens on all addresses",
            "everywhere": "a port requested on 0.0.0.0 listens on all addresses",
        }
    },
    why="Every host that can connect to a forwarded port reaches the service behind it, past the "
    "firewalls between.",
    fix={
        "openssh": "# in sshd_config\nGatewayPorts no\n"
        "# in ssh_config; and localhost: in place of another address in forwardings\n"
        "GatewayPorts no",
        "any": "Let forwardings listen on the loopback address only.",
    },
    references=("RFC 4254 §7.1",),
    seed=("12.2.3",),
    directives={"openssh": ("GatewayPorts", "AllowTcpForwarding", "PermitListen")},
    good=SshFacts(session=SessionFacts(remote_forward="loopback", remote_forward_all="loopback")),
    bad=SshFacts(session=SessionFacts(remote_forward="loopback", remote_forward_all="open")),
)
def fwd_open(ssh: SshFacts) -> Verdict:
    """Find a forwarding that listens for other hosts, or a file that allows one."""
    config, session = ssh.config, ssh.session
    if config is not None and config.open_binds is not None:
        if not config.open_binds:
            return None
        hit = Hit(what="file", binds=config.open_binds).at("open_binds")
        return hit.fixed_by("openssh", *config.loopback_binds)
    if session is None:
        return _NOT_FORWARDED
    binds = {"loopback": session.remote_forward, "everywhere": session.remote_forward_all}
    if opened := [code for code, bind in binds.items() if bind == "open"]:
        return Hit(what=opened[0]).fixed_by("openssh", "GatewayPorts no")
    if session.remote_forward_all is None:
        return _NOT_FORWARDED
    if "unsettled" in binds.values():
        return Skip("a remote forwarding was granted, but access from other hosts was not verified")
    return None
