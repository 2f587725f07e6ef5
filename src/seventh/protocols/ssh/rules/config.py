"""What only configuration files show: agents, lists of users, throttles, modes, dated lines."""

from __future__ import annotations

from collections.abc import Sequence

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts, UserKey
from seventh.protocols.ssh.rules import names as algorithms
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule

MOST_STARTUPS = 100
"""From how many unauthenticated connections sshd drops all of them, by default."""
_NO_FILE = Skip("only a configuration file tells: seventh lint FILE")
_NOT_HERE = Skip("this file does not decide it")


def _server(**fields: object) -> SshFacts:
    return SshFacts(config=SshConfigFacts(side="server", **fields))  # type: ignore[arg-type]


def _client(**fields: object) -> SshFacts:
    return SshFacts(config=SshConfigFacts(side="client", **fields))  # type: ignore[arg-type]


@rule(
    "SSH-AGENTFWD",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Agent forwarding is on broadly",
    evidence="{who}",
    why="Whoever is root on a server that an agent is forwarded to can log in with its keys "
    "wherever they are let in, for as long as the session lasts.",
    fix={
        "openssh": "# in ssh_config; what lies behind a host is reached by ProxyJump\n"
        "ForwardAgent no\n"
        "# in sshd_config; yes in a Match block for users who need it\nAllowAgentForwarding no",
    },
    references=(
        "OpenSSH manual, ssh_config(5): ForwardAgent",
        "OpenSSH manual, sshd_config(5): AllowAgentForwarding",
    ),
    seed=("12.2.2",),
    directives={"openssh": ("ForwardAgent", "AllowAgentForwarding")},
    good=_client(agent_forwarding=False, breadth="all"),
    bad=_client(agent_forwarding=True, breadth="all"),
)
def agentfwd(ssh: SshFacts) -> Verdict:
    """A client that does it to all hosts; to some is low; a server that lets everybody is info."""
    config = ssh.config
    if config is None or config.agent_forwarding is None:
        return _NO_FILE if config is None else _NOT_HERE
    if not config.agent_forwarding:
        return None
    if config.side == "server":
        hit = Hit(Severity.INFO, who="every user may have an agent forwarded")
        return hit.fixed_by(
            "openssh", "# and yes in a Match block for users who need it", "AllowAgentForwarding no"
        )
    if config.breadth == "one":
        return None
    if config.breadth == "some":
        return Hit(Severity.LOW, who=f"to every host that {config.scope} means").fixed_by(*_JUMP)
    return Hit(who="the agent is forwarded to every host").fixed_by(*_JUMP)


_JUMP = ("openssh", "# what lies behind a host is reached by ProxyJump", "ForwardAgent no")


@rule(
    "SSH-ALLOWLIST",
    Severity.INFO,
    tier=0,
    source=Source.FILE,
    title="Every account may log in",
    evidence="neither AllowUsers nor AllowGroups names who may",
    why="A service's account, or a test account with a poor password, then is a way in.",
    fix={
        "openssh": "# the users who may log in, such as ops and deploy\nAllowUsers ops deploy",
        "any": "Name the users or groups that may log in.",
    },
    references=("OpenSSH manual, sshd_config(5): AllowUsers",),
    seed=("12.2.2",),
    directives={"openssh": ("AllowUsers", "AllowGroups")},
    good=_server(allowed=("ops", "deploy")),
    bad=_server(allowed=()),
)
def allowlist(ssh: SshFacts) -> Verdict:
    """No list at all, for the file as a whole."""
    config = ssh.config
    if config is None or config.allowed is None:
        return _NO_FILE if config is None else _NOT_HERE
    if config.scope:
        return None if config.allowed else Skip("a block leaves it to the file as a whole")
    return None if config.allowed else Hit()


@rule(
    "SSH-THROTTLE",
    Severity.MEDIUM,
    tier=0,
    source=Source.FILE,
    title="Connections before a login are not held back",
    evidence="{problems}",
    why="Anybody can then keep the server busy with key exchanges, or its slots taken, without "
    "ever logging in, and guess passwords from one address at full speed.",
    fix={
        "openssh": "MaxStartups 10:30:100\nLoginGraceTime 120\n"
        "# from OpenSSH 9.8 on (the default)\nPerSourcePenalties yes",
        "any": "Limit unauthenticated connections, in number, in time and by address.",
    },
    references=("CVE-2002-20001", "OpenSSH manual, sshd_config(5): PerSourcePenalties"),
    seed=("12.2.2",),
    directives={"openssh": ("PerSourcePenalties", "MaxStartups", "LoginGraceTime")},
    good=_server(startups=(10, 30, 100), penalties=None, grace_seconds=120),
    bad=_server(startups=(1000, 30, 1000), penalties="no", grace_seconds=120),
)
def throttle(ssh: SshFacts) -> Verdict:
    """Penalties switched off, dropping that begins too late, or no time limit."""
    config = ssh.config
    if config is None or config.startups is None:
        return _NO_FILE if config is None else _NOT_HERE
    problems: list[str] = []
    deciding: list[str] = []
    if config.penalties == "no":
        problems.append("misbehaving addresses are not penalised (PerSourcePenalties no)")
        deciding.append("PerSourcePenalties")
    if config.startups[0] > MOST_STARTUPS:
        problems.append(f"none is dropped below {config.startups[0]} at once (MaxStartups)")
        deciding.append("MaxStartups")
    if config.grace_seconds == 0:
        problems.append("a login may take for ever (LoginGraceTime 0)")
        deciding.append("LoginGraceTime")
    if not problems:
        return None
    hit = Hit(problems=tuple(problems)).at(*deciding)
    return hit.fixed_by("openssh", *(f"{name} {_THROTTLING[name]}" for name in deciding))


_THROTTLING = {
    "PerSourcePenalties": "yes", "MaxStartups": "10:30:100", "LoginGraceTime": "120",
}  # fmt: skip


@rule(
    "SSH-AUTHKEYS-PERM",
    Severity.MEDIUM,
    tier=0,
    source=Source.LOCAL,
    title="File modes that make SSH refuse keys",
    evidence="{wrong}",
    why="sshd passes over authorized_keys that others could have written (StrictModes), and ssh "
    "over a private key that others can read: the login fails, and only the server's log says why.",
    fix={"openssh": "chmod 600 ~/.ssh/authorized_keys\nchmod 700 ~/.ssh\nchmod go-w ~"},
    references=("OpenSSH manual, sshd_config(5): StrictModes", "OpenSSH manual, ssh(1): FILES"),
    seed=("12.2.5",),
    directives={"openssh": ("modes",)},
    good=SshFacts(config=SshConfigFacts(side="keys", modes=())),
    bad=SshFacts(
        config=SshConfigFacts(
            side="keys",
            modes=("/home/ops/.ssh is 0777: others may write it",),
            mode_fixes=("chmod 700 /home/ops/.ssh",),
        )
    ),
)
def authkeys_perm(ssh: SshFacts) -> Verdict:
    """Return what the modes of the files that were seen forbid."""
    config = ssh.config
    if config is None or config.modes is None:
        return Skip("only the machine's own files tell: seventh lint ~/.ssh/authorized_keys")
    if not config.modes:
        return None
    return Hit(wrong=config.modes).fixed_by("openssh", *config.mode_fixes)


@rule(
    "SSH-NOMUX",
    Severity.INFO,
    tier=0,
    source=Source.FILE,
    title="Every connection pays for the jump again",
    evidence="{host} is reached through {jump}, and connections are not shared{saved}",
    why="Each command connects, exchanges keys and logs in on every hop; a shared connection asks "
    "for a channel, which is one round trip.",
    fix={
        "openssh": "ControlMaster auto\nControlPath ~/.ssh/cm-%r@%h:%p\nControlPersist 5m",
        "any": "Keep one connection open and reuse it.",
    },
    references=("OpenSSH manual, ssh_config(5): ControlMaster",),
    seed=("12.2.2", "12.11.1"),
    directives={"openssh": ("jump", "ControlMaster", "ControlPath")},
    good=_client(jump="bastion", multiplexed=True),
    bad=_client(jump="bastion", multiplexed=False),
)
def nomux(ssh: SshFacts) -> Verdict:
    """Return a host behind a jump without both ControlMaster and ControlPath."""
    config = ssh.config
    if config is None or config.jump is None or config.multiplexed is None:
        return _NO_FILE if config is None else _NOT_HERE
    if not config.jump or config.multiplexed:
        return None
    saves = ssh.session.mux_saves_seconds if ssh.session is not None else None
    saved = f"; sharing would save {saves * 1000:.0f} ms each time" if saves else ""
    return Hit(host=config.scope or "every host", jump=config.jump, saved=saved)


@rule(
    "SSH-CONF-OBSOLETE",
    Severity.INFO,
    tier=0,
    source=Source.FILE,
    title="Directives that do nothing",
    evidence="{idle}",
    why="They suggest a protection that is not there, or that is there without them, and hide the "
    "lines that matter.",
    fix={"openssh": "Delete {names}"},
    references=("OpenSSH, servconf.c and readconf.c: deprecated keywords",),
    seed=("12.2.2",),
    directives={"openssh": ("idle",)},
    good=_server(idle=()),
    bad=_server(idle=("Protocol: only protocol 2 is left (since OpenSSH 7.4)",)),
)
def conf_obsolete(ssh: SshFacts) -> Verdict:
    """Return directives without effect in the version that is judged."""
    config = ssh.config
    if config is None or config.idle is None:
        return _NO_FILE if config is None else _NOT_HERE
    names = ", ".join(text.partition(":")[0] for text in config.idle)
    return Hit(idle=config.idle, names=names) if config.idle else None


def weak_user_keys(keys: Sequence[UserKey]) -> Verdict:
    """SSH-HOSTKEY-WEAK for the keys of an authorized_keys file: the same borders, by line."""
    by_name = [key for key in keys if algorithms.having("host_key", "weak", (key.type,))]
    short = [key for key in keys if key.type == "ssh-rsa" and key.bits < 3072]
    if not by_name and not short:
        return None
    weak = sorted([*by_name, *short], key=lambda key: key.line)
    said = tuple(f"line {key.line}: {key.type} with {key.bits} bits {key.comment}" for key in weak)
    high = by_name or any(key.bits < 2048 for key in short)
    hit = Hit(None if high else Severity.MEDIUM, keys=said)
    return hit.at(*(f"key {key.line}" for key in weak)).fixed_by(
        "openssh",
        "# on the machine of the key's owner:",
        "ssh-keygen -t ed25519",
        "# then put id_ed25519.pub in place of the line here",
    )
