"""Rules on what a logged-in user may do; a configuration file shows some of it, too."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.session import MoshFacts, RequestedForward, SessionFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule

_NOT_REQUESTED = Skip("no forwarding of yours was tested (--forward, with --user)")
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


@rule(
    "SSH-FWD-REFUSED",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="Requested forwarding fails",
    evidence="{problems}",
    phrases={
        "problems": {
            "refused": "the server refuses {refused}",
            "port": "the server refuses this port, in use or reserved for root, but not another: "
            "{port}",
            "narrowed": "other hosts cannot connect, only the server itself: {narrowed}",
            "unreachable": "the server cannot connect to the destination of {unreachable}",
            "silent": "granted, but no bytes pass: {silent}",
        }
    },
    why="ssh prints one warning and goes on, unless ExitOnForwardFailure is set: the tunnel looks "
    "open, and what needs it fails.",
    fix={
        "openssh": "AllowTcpForwarding yes\nPermitOpen any\nPermitListen any\n"
        "# for other hosts to connect to remote forwardings\nGatewayPorts clientspecified",
        "any": "Permit these forwardings to the user, or remove them from the client.",
    },
    references=(
        "RFC 4254 §7", "OpenSSH manual, sshd_config(5): AllowTcpForwarding",
        "OpenSSH manual, sshd(8): AUTHORIZED_KEYS FILE FORMAT",
    ),
    seed=("12.2.3",),
    good=SshFacts(
        session=SessionFacts(
            forwards=(RequestedForward(text="D:1080", kind="dynamic", result="granted"),)
        )
    ),
    bad=SshFacts(
        session=SessionFacts(
            forwards=(RequestedForward(text="D:1080", kind="dynamic", result="refused"),)
        )
    ),
)  # fmt: skip
def fwd_refused(ssh: SshFacts) -> Verdict:
    """Find requested forwardings that are refused, narrowed, or carry nothing."""
    forwards = ssh.session.forwards if ssh.session is not None else ()
    if not forwards:
        return _NOT_REQUESTED
    by_result: dict[str, list[RequestedForward]] = {}
    for forward in forwards:
        by_result.setdefault(forward.result, []).append(forward)
    wrong = {
        code: tuple(forward.text for forward in by_result[code])
        for code in ("refused", "port", "narrowed", "unreachable", "silent") if code in by_result
    }  # fmt: skip
    if wrong:
        hit = Hit(problems=tuple(wrong), **wrong)
        return hit.fixed_by("openssh", *_forward_fixes(by_result))
    if "unsettled" in by_result:
        first = by_result["unsettled"][0]
        return Skip(f"whether {first.text} works was not verified")
    return None


def _forward_fixes(by_result: dict[str, list[RequestedForward]]) -> list[str]:
    """Return the lines of sshd_config, and what no line fixes, as remarks."""
    refused = {forward.kind for forward in by_result.get("refused", ())}
    lines: list[str] = []
    if refused:
        lines += ["# and no restrict or no-port-forwarding in authorized_keys",
                  "AllowTcpForwarding yes"]  # fmt: skip
        lines += ["PermitListen any"] if "remote" in refused else []
        lines += ["PermitOpen any"] if refused - {"remote"} else []
    if "narrowed" in by_result:
        lines += ["# lets other hosts connect; PermitListen limits the addresses and ports",
                  "GatewayPorts clientspecified"]  # fmt: skip
    if "port" in by_result:
        lines += ["# request a port from 1024 on that is free, or 0 for any"]
    if "unreachable" in by_result or "silent" in by_result:
        lines += ["# start the service at the destination, or correct its host and port"]
    return lines


@rule(
    "SSH-MOSH-BLOCKED",
    Severity.MEDIUM,
    tier=3,
    source=Source.WIRE,
    title="mosh does not get through",
    evidence="{what}",
    phrases={
        "what": {
            "silent": "mosh-server started on UDP port {port} and answered no datagram",
            "not-started": "mosh-server is installed and does not start",
        }
    },
    why="mosh logs in over SSH and continues over UDP. Without answers it shows only `Nothing "
    "received from server on UDP port`.",
    fix={
        "any": "Permit UDP ports 60001 to 60999 to the server, in every firewall on the path "
        "(ufw allow 60001:60999/udp). If it does not start: install the locale C.UTF-8.",
    },
    references=("mosh-server(1)",),
    seed=("12.2.4",),
    good=SshFacts(session=SessionFacts(mosh=MoshFacts(result="answered", port=60001))),
    bad=SshFacts(session=SessionFacts(mosh=MoshFacts(result="silent", port=60001))),
)
def mosh_blocked(ssh: SshFacts) -> Verdict:
    """Find a mosh-server that does not start or is not reached over UDP."""
    session = ssh.session
    if session is None or (session.programs is None and session.mosh is None):
        return Skip("mosh was not looked for: it requires a login that runs commands")
    if session.mosh is None:
        if session.programs is not None and session.programs.get("mosh-server") is None:
            return not_applicable("mosh-server is not in the PATH of commands")
        return Skip("mosh was not tested: it requires --allow-write")
    if session.mosh.result == "unsettled":
        return Skip("no datagram can be sent through a proxy or a jump host")
    if session.mosh.result == "answered":
        return None
    return Hit(what=session.mosh.result, port=session.mosh.port or 0)
