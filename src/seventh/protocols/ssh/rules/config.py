"""Rules on what only configuration files show: agents, users, limits, modes, obsolete lines."""

from __future__ import annotations

from seventh.model.severity import Severity
from seventh.model.source import Line
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import Overridden, SshConfigFacts
from seventh.protocols.ssh.facts.local import SshLocalFacts
from seventh.protocols.ssh.rules import names
from seventh.protocols.ssh.rules.algorithms import NOT_IN_FILE
from seventh.protocols.ssh.rules.examples import authorized_keys, ssh_config, sshd_config
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule
from seventh.rules.unread import not_read

MAX_STARTUPS = 100
"""The most unauthenticated connections below which sshd may drop none: its default for all."""


def _undecided(config: SshConfigFacts | None) -> Skip:
    """Return why no file decides: there is none, or it does not set the directive."""
    if config is None:
        return Skip("only a configuration file shows it; run `seventh lint FILE`")
    return NOT_IN_FILE


@rule(
    "SSH-AGENTFWD",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Agent forwarding enabled broadly",
    evidence="{who}",
    phrases={
        "who": {
            "server": "every user may forward an agent",
            "all": "the agent is forwarded to every host",
            "some": "the agent is forwarded to every host in {scope}",
        }
    },
    why="While a session lasts, root on the server can log in with the keys of a forwarded agent "
    "on every host that accepts them.",
    fix={
        "openssh": "# in ssh_config; reach hosts behind a server with ProxyJump\n"
        "ForwardAgent no\n"
        "# in sshd_config; yes in a Match block for users who need it\nAllowAgentForwarding no",
    },
    references=(
        "OpenSSH manual, ssh_config(5): ForwardAgent",
        "OpenSSH manual, sshd_config(5): AllowAgentForwarding",
    ),
    seed=("12.2.2",),
    directives={"openssh": ("ForwardAgent", "AllowAgentForwarding")},
    good=ssh_config(agent_forwarding=False, breadth="all"),
    bad=ssh_config(agent_forwarding=True, breadth="all"),
)
def agentfwd(ssh: SshFacts) -> Verdict:
    """Judge a client by the hosts that get its agent: some is low; for a server it is info."""
    config = ssh.config
    if config is None or config.agent_forwarding is None:
        return _undecided(config)
    if not config.agent_forwarding:
        return None
    if config.side == "server":
        return Hit(Severity.INFO, who="server").fixed_by(
            "openssh", "# and yes in a Match block for users who need it", "AllowAgentForwarding no"
        )
    if config.breadth == "one":
        return None
    severity = Severity.LOW if config.breadth == "some" else None
    return Hit(severity, who=config.breadth, scope=config.scope).fixed_by(
        "openssh", "# reach hosts behind a server with ProxyJump", "ForwardAgent no"
    )


@rule(
    "SSH-ALLOWLIST",
    Severity.INFO,
    tier=0,
    source=Source.FILE,
    title="Logins not restricted to named users or groups",
    evidence="neither AllowUsers nor AllowGroups is set",
    why="Every account can log in, also service accounts and test accounts with weak passwords.",
    fix={
        "openssh": "# the users who may log in, such as ops and deploy\nAllowUsers ops deploy",
        "any": "Name the users or groups that may log in.",
    },
    references=("OpenSSH manual, sshd_config(5): AllowUsers",),
    seed=("12.2.2",),
    directives={"openssh": ("AllowUsers", "AllowGroups")},
    choice=("openssh",),
    good=sshd_config(allowed=("ops", "deploy")),
    bad=sshd_config(allowed=()),
)
def allowlist(ssh: SshFacts) -> Verdict:
    """Find a file without a list of users or groups; a block inherits it."""
    config = ssh.config
    if config is None or config.allowed is None:
        return _undecided(config)
    if config.allowed:
        return None
    return Skip("set for the file as a whole, not in this block") if config.scope else Hit()


_LIMITS = {
    "penalties": ("PerSourcePenalties", "yes"),
    "startups": ("MaxStartups", "10:30:100"),
    "grace": ("LoginGraceTime", "120"),
}
"""By the code of a problem, the directive and the value that fixes it."""


@rule(
    "SSH-THROTTLE",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Unauthenticated connections not limited",
    evidence="{problems}",
    phrases={
        "problems": {
            "penalties": "PerSourcePenalties no: no address is penalised for failed logins",
            "startups": "MaxStartups {start}: fewer than {start} connections are never limited",
            "grace": "LoginGraceTime 0: a login has no time limit",
            "held": "{held} connections from one address are open without a login, and none was "
            "refused",
        }
    },
    why="Without ever logging in, an attacker can occupy the CPU with key exchanges or all "
    "connection slots, and guess passwords from one address at full speed.",
    fix={
        "openssh": "MaxStartups 10:30:100\nLoginGraceTime 120\n"
        "# from OpenSSH 9.8 on (the default)\nPerSourcePenalties yes",
        "any": "Limit the number and duration of unauthenticated connections, also by address.",
    },
    references=("CVE-2002-20001", "OpenSSH manual, sshd_config(5): PerSourcePenalties"),
    seed=("12.2.2",),
    directives={"openssh": ("PerSourcePenalties", "MaxStartups", "LoginGraceTime")},
    good=sshd_config(startups=(10, 30, 100), penalties=None, grace_seconds=120),
    bad=sshd_config(startups=(1000, 30, 1000), penalties="no", grace_seconds=120),
)
def throttle(ssh: SshFacts) -> Verdict:
    """Find penalties switched off, a late limit on connections, or no time limit."""
    config = ssh.config
    if config is None and ssh.startups is not None:
        many = ssh.startups.refusal is None
        return Hit(problems=("held",), held=ssh.startups.held) if many else None
    if config is None:
        return Skip("only --intrusive or a configuration file shows it; run `seventh lint FILE`")
    if config.startups is None:
        return _undecided(config)
    wrong = {
        "penalties": config.penalties == "no",
        "startups": config.startups[0] > MAX_STARTUPS,
        "grace": config.grace_seconds == 0,
    }
    problems = tuple(code for code in _LIMITS if wrong[code])
    if not problems:
        return None
    hit = Hit(problems=problems, start=config.startups[0])
    lines = [_LIMITS[code] for code in problems]
    return hit.at(*(name for name, _ in lines)).fixed_by("openssh", *map(" ".join, lines))


@rule(
    "SSH-AUTHKEYS-PERM",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="File modes that SSH refuses",
    evidence="{wrong}",
    why="sshd ignores an authorized_keys file that other users can write (StrictModes), and ssh "
    "ignores a private key that other users can read. The login fails, and only the server's log "
    "shows why.",
    fix={"openssh": "chmod 600 ~/.ssh/authorized_keys\nchmod 700 ~/.ssh\nchmod go-w ~"},
    references=("OpenSSH manual, sshd_config(5): StrictModes", "OpenSSH manual, ssh(1): FILES"),
    seed=("12.2.5",),
    directives={"openssh": ("modes",)},
    good=authorized_keys(modes=()),
    bad=authorized_keys(
        modes=("/home/ops/.ssh: mode 0777",), mode_fixes=("chmod 700 /home/ops/.ssh",)
    ),
)
def authkeys_perm(ssh: SshFacts) -> Verdict:
    """Find wrong modes and owners among the files that were seen."""
    config = ssh.config
    if ssh.local is not None and ssh.local.strict_modes is False:
        return Skip("StrictModes no: sshd checks no modes")
    if ssh.local is not None and (config is None or config.modes is None):
        return _modes_not_seen(ssh.local)
    if config is None or config.modes is None:
        return Skip("only files on the machine show it; run `seventh lint ~/.ssh/authorized_keys`")
    if not config.modes:
        return None
    return Hit(wrong=config.modes).fixed_by("openssh", *config.mode_fixes)


def _modes_not_seen(local: SshLocalFacts) -> Skip:
    if local.users_not_seen:
        more = f" and {len(local.users_not_seen) - 1} more" if local.users_not_seen[1:] else ""
        return Skip(f"the folders of {local.users_not_seen[0]}{more} could not be looked at")
    if local.key_files is not None:
        return Skip(f"AuthorizedKeysFile {' '.join(local.key_files)} is not looked at")
    return not_read(local.unread, "/etc/passwd")


@rule(
    "SSH-NOMUX",
    Severity.INFO,
    tier=0,
    source=Source.FILE,
    title="Connections through a jump host not shared",
    evidence="{scope} through {jump}: no ControlMaster and ControlPath",
    phrases={"scope": {"block": "{host}", "file": "every host"}},
    why="Each command connects, exchanges keys and logs in on every hop. On a shared connection a "
    "command takes one round trip.",
    fix={
        "openssh": "ControlMaster auto\nControlPath ~/.ssh/cm-%r@%h:%p\nControlPersist 5m",
        "any": "Keep one connection open and reuse it.",
    },
    references=("OpenSSH manual, ssh_config(5): ControlMaster",),
    seed=("12.2.2", "12.11.1"),
    directives={"openssh": ("jump", "ControlMaster", "ControlPath")},
    good=ssh_config(jump="bastion", multiplexed=True),
    bad=ssh_config(jump="bastion", multiplexed=False),
)
def nomux(ssh: SshFacts) -> Verdict:
    """Find a host behind a jump host without both ControlMaster and ControlPath."""
    config = ssh.config
    if config is None or config.jump is None or config.multiplexed is None:
        return _undecided(config)
    if not config.jump or config.multiplexed:
        return None
    scope = "block" if config.scope else "file"
    return Hit(scope=scope, host=config.scope, jump=config.jump)


@rule(
    "SSH-CONF-OBSOLETE",
    Severity.INFO,
    tier=0,
    source=Source.FILE,
    title="Directives without effect",
    evidence="{idle}",
    phrases={"idle": names.obsolete_directives()},
    why="These lines suggest a protection that is not there or does not need them, and distract "
    "from the lines that count.",
    fix={"openssh": "Delete {names}"},
    references=("OpenSSH, servconf.c and readconf.c: deprecated keywords",),
    seed=("12.2.2",),
    directives={"openssh": ("idle",)},
    good=sshd_config(idle=()),
    bad=sshd_config(idle=("Protocol",)),
)
def conf_obsolete(ssh: SshFacts) -> Verdict:
    """Find directives without effect in the version that is judged."""
    config = ssh.config
    if config is None or config.idle is None:
        return _undecided(config)
    return Hit(idle=config.idle, names=", ".join(config.idle)) if config.idle else None


@rule(
    "SSH-CONF-OVERRIDDEN",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="Lines overridden by other lines",
    evidence="{count} without effect (in parentheses the line that decides): {lines}",
    why="OpenSSH takes the first value of a directive in the lines that apply, also when it is in "
    "an included file or an earlier block. A later line looks effective and is not.",
    fix={
        "openssh": "# if the line is meant to take effect, move it above the one that decides\n"
        "Delete the line without effect",
    },
    references=(
        "OpenSSH manual, ssh_config(5): DESCRIPTION",
        "OpenSSH manual, sshd_config(5): Match",
    ),
    seed=("12.2.2",),
    choice=("openssh",),
    directives={"openssh": ("overridden",)},
    good=sshd_config(overridden=()),
    bad=sshd_config(
        overridden=(
            Overridden(
                line=Line(file="sshd_config", line=9, text="PasswordAuthentication no"),
                winner=Line(file="cloud.conf", line=1, text="PasswordAuthentication yes"),
            ),
        )
    ),
)
def conf_overridden(ssh: SshFacts) -> Verdict:
    """Find lines that others with another value override whenever they apply."""
    config = ssh.config
    if config is None or config.overridden is None:
        return _undecided(config)
    if not config.overridden:
        return None
    lines = tuple(f"{_placed(one.line)} ({_placed(one.winner)})" for one in config.overridden)
    remark = "# if it is meant to take effect, move it above the line that decides; else:"
    gone = (
        f"Delete {one.line.file}:{one.line.line} ({one.line.text})" for one in config.overridden
    )
    return Hit(lines=lines, count=len(lines)).fixed_by("openssh", remark, *gone)


def _placed(line: Line) -> str:
    return f"{line.file}:{line.line} {line.text}"


@rule(
    "SSH-CONF-KEYCHAIN",
    Severity.LOW,
    tier=0,
    source=Source.FILE,
    title="UseKeychain without IgnoreUnknown",
    evidence="{directives} is not in an IgnoreUnknown that applies to every host",
    why="Only the ssh of macOS supports it. Every other one refuses the whole file, for every "
    "host: it ends with `Bad configuration option`.",
    fix={"openssh": "# as the first line of the file\nIgnoreUnknown UseKeychain"},
    references=("OpenSSH manual, ssh_config(5): IgnoreUnknown",),
    seed=("12.2.2",),
    directives={"openssh": ("not_ignored", "ignored")},
    good=ssh_config(not_ignored=()),
    bad=ssh_config(not_ignored=("UseKeychain",)),
)
def conf_keychain(ssh: SshFacts) -> Verdict:
    """Find a directive of macOS that makes other systems refuse the file."""
    config = ssh.config
    if config is None or config.not_ignored is None:
        return _undecided(config)
    if not config.not_ignored:
        return None
    known = config.ignore_unknown
    where = "# in place of the IgnoreUnknown line" if known else "# as the first line of the file"
    patterns = ",".join(filter(None, (known, *config.not_ignored)))
    hit = Hit(directives=config.not_ignored)
    return hit.fixed_by("openssh", where, f"IgnoreUnknown {patterns}")
