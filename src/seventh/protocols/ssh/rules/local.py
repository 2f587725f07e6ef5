"""What only the machine itself shows of its SSH server: an old process, and refused logins."""

from __future__ import annotations

import shlex

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.local import LoginCause, RefusedLogins, SshLocalFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, not_applicable, rule
from seventh.rules.unread import not_looked, not_read

AREA = "ssh"
_PROCESSES = "/proc/*/{comm,stat,status,cmdline,cgroup}"
_LOGS = ("journalctl", "/var/log/auth.log", "/var/log/secure")


def _local(**fields: object) -> SshFacts:
    usual: dict[str, object] = {
        "installed": "OpenSSH_9.2p1", "running": True, "replaced": False, "pid": 612,
        "unit": "ssh.service", "refused_logins": (),
    }  # fmt: skip
    return SshFacts(local=SshLocalFacts(**{**usual, **fields}))  # type: ignore[arg-type]


@rule(
    "SSH-RESTART",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="sshd runs a version that is no longer installed",
    evidence="the program file of sshd (PID {pid}) was replaced or removed after it was started",
    why="An update replaced the file, and the old program still runs: vulnerabilities that the "
    "update fixes remain. An sshd older than 9.8 whose file became 9.8 or later also refuses every "
    "new connection.",
    fix={"openssh": "systemctl restart ssh   # open sessions stay; log in once before you leave"},
    references=("OpenSSH release notes: 9.8",),
    seed=("12.2.5",),
    good=_local(),
    bad=_local(replaced=True),
)
def restart(ssh: SshFacts) -> Verdict:
    """Fail a listening sshd whose program file is not the one that was started."""
    local = ssh.local
    if local is None:
        return not_looked(AREA)
    if local.running is None:
        return not_read(local.unread, _PROCESSES)
    if not local.running:
        return not_applicable("no sshd is running")
    if local.replaced is None:
        return Skip("the program of sshd may not be read (run it as root)")
    if not local.replaced:
        return None
    command = f"systemctl restart {local.unit}" if local.unit else f"kill -HUP {local.pid}"
    return Hit(pid=local.pid or 0).fixed_by(
        "openssh", f"{command}   # open sessions stay; log in once before you leave"
    )


_SEVERITIES = {
    LoginCause.KEY_MODES: Severity.MEDIUM, LoginCause.KEY_ALGORITHM: Severity.LOW,
    LoginCause.CERTIFICATE: Severity.LOW, LoginCause.SHELL: Severity.LOW,
    LoginCause.PAM: Severity.LOW, LoginCause.STARTUPS: Severity.LOW,
}  # fmt: skip
"""Causes that this machine's settings decide and that stop users who should log in; attackers
cause the others all the time."""
_HINTS = {
    LoginCause.NO_SUCH_USER: "# no-such-user: names that are guessed; a typing error of a user",
    LoginCause.WRONG_PASSWORD: "# wrong-password: permit keys only: PasswordAuthentication no",
    LoginCause.KEY_UNKNOWN: "# key-not-authorized: add the user's key to ~/.ssh/authorized_keys",
    LoginCause.KEY_ALGORITHM: "# key-algorithm-not-accepted: update the client, or give the user a "
    "new key: ssh-keygen -t ed25519",
    LoginCause.KEY_REVOKED: "# key-revoked: give the user a new key: ssh-keygen -t ed25519",
    LoginCause.CERTIFICATE: "# certificate-invalid: have the CA sign the user's key: ssh-keygen -s",
    LoginCause.NOT_ALLOWED: "# not-allowed: a user who should log in belongs in AllowUsers or "
    "AllowGroups",
    LoginCause.ROOT: "# root-not-allowed: log in as a user, then use sudo",
    LoginCause.LOCKED: "# account-locked: `usermod -p '*' USER` permits keys without a password",
    LoginCause.SHELL: "# shell-unusable: `chsh -s /bin/sh USER`",
    LoginCause.PAM: "# pam: `chage -l USER` shows an expired account; /etc/nologin and "
    "/etc/security/access.conf also refuse users",
    LoginCause.TOO_MANY_TRIES: "# too-many-tries: a client with many keys needs IdentitiesOnly yes",
    LoginCause.TIMEOUT: "# login-grace-time: connections without a login; scanners make them",
    LoginCause.NO_COMMON_ALGORITHM: "# no-common-algorithm: update the client; `seventh check "
    "ssh://HOST --as CLIENT` names the list",
    LoginCause.PENALTY: "# address-penalised: exempt your own: PerSourcePenaltyExemptList",
    LoginCause.STARTUPS: "# too-many-connections: MaxStartups 100:30:200, if these are your users",
    LoginCause.BANNED: "# address-banned: `fail2ban-client set sshd unbanip ADDRESS`",
}


@rule(
    "SSH-LOGIN-REFUSED",
    Severity.INFO,
    tier=0,
    source=Source.LOCAL,
    title="Logins refused by this machine",
    evidence="since {since}, in {log}: {causes}",
    why="A client only sees that the login failed; sshd's log has the cause. Attackers cause most "
    "wrong names and passwords. Modes, algorithms, certificates, shells and PAM are settings of "
    "this machine, which refuse users who should log in.",
    fix={"openssh": "# the fix depends on the cause; `seventh local ssh` shows it"},
    references=("OpenSSH manual, sshd(8): AUTHENTICATION", "OpenSSH manual, sshd_config(5)"),
    seed=("12.2.5",),
    good=_local(),
    bad=_local(
        log="journalctl",
        log_since="2026-03-01T00:00:00+0000",
        refused_logins=(
            RefusedLogins(cause=LoginCause.KEY_MODES, count=3, about=("/home/ops/.ssh",)),
            RefusedLogins(cause=LoginCause.WRONG_PASSWORD, count=2, addresses=1, about=("root",)),
        ),
    ),
)
def login_refused(ssh: SshFacts) -> Verdict:
    """Report refused logins by cause: info, unless this machine's settings stop its own users."""
    local = ssh.local
    if local is None:
        return not_looked(AREA)
    if local.refused_logins is None:
        return not_read(local.unread, *_LOGS)
    if not local.refused_logins:
        return None
    worst_first = sorted(local.refused_logins, key=lambda each: -_severity(each).rank)
    lines: list[str] = []
    for each in worst_first:
        lines += _chmod(each) if each.cause is LoginCause.KEY_MODES else [_HINTS[each.cause]]
    return Hit(
        _severity(worst_first[0]), since=local.log_since, log=local.log,
        causes=tuple(map(_told, worst_first)),
    ).fixed_by("openssh", *lines)  # fmt: skip


def _severity(refused: RefusedLogins) -> Severity:
    return _SEVERITIES.get(refused.cause, Severity.INFO)


def _told(refused: RefusedLogins) -> str:
    about = f" ({', '.join(refused.about)})" if refused.about else ""
    return f"{refused.cause.value} {refused.count}{about}"


def _chmod(refused: RefusedLogins) -> list[str]:
    return [
        f"chmod go-w {shlex.quote(path)}   # its owner must be the user or root"
        for path in refused.about
    ]
