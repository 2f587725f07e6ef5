"""Rules about what a logged-in user may do; a configuration file shows some of it, too."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import SessionFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "SSH-SFTP-OFF",
    Severity.LOW,
    tier=2,
    source=Source.WIRE,
    title="SFTP is not available",
    evidence="{what}",
    why="scp has used SFTP since OpenSSH 9.0, and rsync's and editors' file access mostly do: "
    "copying files fails for this user.",
    fix={
        "openssh": "Subsystem sftp internal-sftp",
        "any": "Switch the SFTP subsystem on, or let it be off on purpose and leave this rule out.",
    },
    references=("draft-ietf-secsh-filexfer-02", "RFC 4254 §6.5"),
    seed=("12.2.1",),
    directives={"openssh": ("Subsystem",)},
    good=SshFacts(session=SessionFacts(sftp="works", sftp_version=3)),
    bad=SshFacts(session=SessionFacts(sftp="refused")),
)
def sftp_off(ssh: SshFacts) -> Verdict:
    """Refused, or granted without a server behind it."""
    if ssh.session is None or ssh.session.sftp is None:
        return Skip("no login asked for SFTP")
    if ssh.session.sftp == "works":
        return None
    if ssh.session.sftp == "refused":
        return Hit(what="the server refuses the subsystem sftp")
    return Hit(what="the server grants the subsystem sftp, but no SFTP server speaks")


@rule(
    "SSH-FWD-OPEN",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Forwarded ports are open to other hosts",
    evidence="{what}",
    why="Whoever reaches the machine on which a forwarded port listens reaches what stands at the "
    "other end, past every firewall between.",
    fix={
        "openssh": "GatewayPorts no",
        "any": "Let remote forwardings listen on the loopback address only.",
    },
    references=("RFC 4254 §7.1",),
    seed=("12.2.3",),
    directives={"openssh": ("GatewayPorts", "AllowTcpForwarding", "PermitListen")},
    good=SshFacts(session=SessionFacts(remote_forward="loopback", remote_forward_all="loopback")),
    bad=SshFacts(session=SessionFacts(remote_forward="loopback", remote_forward_all="open")),
)
def fwd_open(ssh: SshFacts) -> Verdict:
    """Return a forwarding that was seen to listen for other hosts, or a file that lets one."""
    if ssh.config is not None and ssh.config.open_binds is not None:
        binds = ssh.config.open_binds
        if not binds:
            return None
        hit = Hit(what=f"other hosts may connect: {', '.join(binds)}").at("open_binds")
        return hit.fixed_by("openssh", *ssh.config.loopback_binds)
    session = ssh.session
    if session is None or session.remote_forward_all is None:
        return Skip("no remote forwarding was asked for: that takes a login and --allow-write")
    if session.remote_forward == "open":
        return Hit(what="a port asked for on the loopback listens on all addresses")
    if session.remote_forward_all == "open":
        return Hit(what="a port asked for on 0.0.0.0 listens on all addresses")
    if "unsettled" in {session.remote_forward, session.remote_forward_all}:
        return Skip("a remote forwarding was granted, but whether others reach it was not seen")
    return None
