"""What a line may hold: the installed sshd and ssh take and refuse the same lines as we do."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from seventh.engine.lint import Wanted, lint_text
from seventh.lint.openssh import offers
from seventh.lintkit.linted import parse_software
from seventh.model.failure import Reason
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.directives import Side
from tests.peers import need_binary, need_version
from tests.peers.keys import make_key
from tests.peers.test_ssh import make_privilege_separation_folder

pytestmark = [pytest.mark.peer, pytest.mark.field]

VALUES = (
    "yes", "NO", "true", "none", "any", "0", "1", "-1", "70000", "99999999999", "perhaps", "1h30m",
    "1w2d", "1x", "10:30:60", "10:30", "/etc/hosts", "a b", '"yes"', '"a b"', "'yes'", "yes # why",
    "yes no", "= yes", "=no", "+x", "-*", "^x", "*", "local", "inet6", "delayed", "verbose",
    "local7", "md5", "af21 cs0", "default none", "1G 1h", "1K", "10", "h:22", "[::1]:22", "h:0",
    "*:*", "publickey", "publickey,password hostbased", "publickey,guess", "sftp internal-sftp",
    "A=b", "A=b C", "prohibit-password", "forced-commands-only", "clientspecified", "ethernet",
    "ask", "accept-new", "force", "subsystem", "x11-connection=5m none", "session=5m", "~", "^]",
    "32:128", "33", "a@10.0.0.0/8", "a@10.0.0.1/8", "'open", '"open', "localhost:80 h:90", "%h",
    "%%", "0777", "01000", "touch-required", "aes256-ctr", "aes*", "hmac-sha2-256,nothing",
    "ssh-ed25519,rsa-sha2-*", "-ssh-rsa", "\tyes\t", "yes   ",
)  # fmt: skip
# What only the machine can tell (names of hosts, users, services), or what its build leaves out.
UNASKED: dict[Side, frozenset[str]] = {
    "server": frozenset({"gssapidelegatecredentials", "hostkey", "hostcertificate", "include",
                         "hostkeyagent", "listenaddress", "match", "rdomain", "securitykeyprovider",
                         "hostdsakey"}),
    "client": frozenset({"host", "match", "include", "forkafterauthentication", "dynamicforward",
                         "remoteforward", "localforward", "proxyjump", "canonicaldomains",
                         "canonicalizepermittedcnames", "remotecommand", "tunneldevice"}),
}  # fmt: skip
EXCEPT = {
    ("compression", "true"), ("forwardagent", "%%"), ("permitopen", "10:30:60"),
    ("permitremoteopen", "10:30:60"), ("controlpersist", "NO"), ("permittunnel", "NO"),
    ("authorizedkeyscommand", "/etc/hosts"), ("permitopen", "h:0"),
}  # fmt: skip
# What other lines decide, too, or what is judged behind the last line.
ALONE = frozenset({
    *offers.ALL_LISTS, "authenticationmethods", "authorizedkeyscommand",
    "authorizedkeyscommanduser", "authorizedprincipalscommand", "authorizedprincipalscommanduser",
})  # fmt: skip


def lines(side: Side) -> Iterator[tuple[str, str]]:
    """Every directive with some of the values, others for each."""
    version = need_version("ssh").split(".")
    installed = (int(version[0]), int(version[1]))
    table = directives._table("directives.toml")[side]
    left_out = {name.lower() for name in table["distributions"]} | UNASKED[side]
    for number, (name, written) in enumerate(sorted(directives.spelled(side).items())):
        if name in left_out or directives.since(side, name) > installed:
            continue
        for step, value in enumerate(VALUES):
            if (number + step) % 6 == 0 and (name, value) not in EXCEPT:
                yield written, value


def run(side: Side, file: Path, key: Path) -> str:
    """What the program answers to a file that it refuses; empty where it takes it."""
    command = [need_binary("sshd"), "-t", "-f", str(file), "-h", str(key)]
    if side == "client":
        command = [need_binary("ssh"), "-G", "-F", str(file), "h.invalid"]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return done.stderr.strip() or "refused" if done.returncode else ""


class Programs:
    """The installed sshd and ssh, and our linter, on the same lines."""

    def __init__(self, side: Side, folder: Path) -> None:
        make_privilege_separation_folder()
        version = ".".join(need_version("ssh").split(".")[:2])
        self.side: Side = side
        self.file = folder / "config"
        self.file.touch(mode=0o600)
        self.key = make_key(folder / "key")
        self.wanted = Wanted(kind="sshd_config" if side == "server" else "ssh_config",
                             software=(parse_software(f"openssh={version}"),))  # fmt: skip

    def theirs(self, text: str) -> str:
        self.file.write_bytes(text.encode())
        return run(self.side, self.file, self.key)

    def ours(self, text: str) -> bool:
        failure = lint_text(str(self.file), text.encode(), self.wanted).failure
        return failure is not None and failure.reason is Reason.FILE_MALFORMED

    def refused(self, lines: list[str]) -> set[str]:
        """Which of the lines the program refuses: it names them all, or stops at one by one."""
        refused: set[str] = set()
        while answer := self.theirs("".join(f"{line}\n" for line in lines)):
            named = {int(number) for number in re.findall(r"line (\d+)", answer)}
            if not named:
                return refused | {line for line in lines if self.theirs(f"{line}\n")}
            refused |= {line for number, line in enumerate(lines, 1) if number in named}
            lines = [line for number, line in enumerate(lines, 1) if number not in named]
        return refused


@pytest.mark.parametrize("side", ["server", "client"])
def test_the_same_lines_are_taken_and_refused(side: Side, tmp_path: Path) -> None:
    """One run takes a line of each directive; what it answers otherwise than we is run alone."""
    programs = Programs(side, tmp_path)
    batches: dict[int, list[str]] = {}
    alone: list[str] = []
    seen: Counter[str] = Counter()
    for name, value in lines(side):
        if name.lower() in ALONE:
            alone.append(f"{name} {value}")
        else:
            batches.setdefault(seen[name], []).append(f"{name} {value}")
            seen[name] += 1
    differing = [line for line in alone if programs.ours(line) != bool(programs.theirs(line))]
    for batch in batches.values():
        refused = programs.refused(batch)
        for line in batch:
            ours = programs.ours(line)
            if ours != (line in refused) and ours != bool(programs.theirs(f"{line}\n")):
                differing.append(line)
    assert not differing


SERVER_FILES = {
    "tabs, equals, case and quotes": 'pAsSwOrDaUtHeNtIcAtIoN\t=\t"no"\nPort = 2201\n',
    "a comment behind": "UsePAM no # because\nPort 22#\n",
    "trailing blanks and form feeds": "UsePAM no   \t\nPort 22 \f\n",
    "carriage returns": "UsePAM no\r\nPort 22\r\n",
    "an empty MAC list": "MACs -*\n",
    "twice": "Port 22\nPort 23\nUsePAM no\nUsePAM yes\n",
    "a keyword that Match does not know": "Match User a\n Port 22\n",
    "a keyword that Match knows": "Match User a\n X11Forwarding no\n",
    "the same twice in Match": "Match User a\n PermitTTY no\n PermitTTY yes\n",
    "criteria with equals": "Match user=a address=192.0.2.0/24\n PermitTTY no\n",
    "criteria twice": "Match user a user b\n PermitTTY no\n",
    "quoted criteria": 'Match User "a b" Group "x"\n PermitTTY no\n',
    "a criterion that is none": "Match colour red\n PermitTTY no\n",
    "a criterion's network with host bits": "Match Address 192.0.2.1/24\n PermitTTY no\n",
    "local port": "Match LocalPort 22,2022\n PermitTTY no\n",
    "local port, one": "Match LocalPort 22\n PermitTTY no\n",
    "all with another": "Match all user a\n PermitTTY no\n",
    "a negated criterion": "Match !user a\n PermitTTY no\n",
    "exec is the client's": "Match exec true\n PermitTTY no\n",
    "methods that are off": "AuthenticationMethods password\nPasswordAuthentication no\n",
    "one list of two": "AuthenticationMethods password publickey\nPasswordAuthentication no\n",
    "a command without its user": "AuthorizedKeysCommand /bin/true\n",
    "a command with its user":
        "AuthorizedKeysCommand /bin/true %u\nAuthorizedKeysCommandUser nobody\n",
    "a command with a relative path":
        "AuthorizedKeysCommand true\nAuthorizedKeysCommandUser nobody\n",
    "a subsystem twice": "Subsystem sftp internal-sftp\nSubsystem sftp /bin/sftp\n",
    "no keyword": "= yes\n",
    "no argument": "UsePAM\n",
    "empty argument": 'Banner ""\n',
    "include of nothing": "Include /nonexistent/*.conf\n",
    "include without a name": "Include\n",
}  # fmt: skip
CLIENT_FILES = {
    "match exec": 'Match host h.invalid exec "test -n x"\n User a\n',
    "match final": "Match final\n User a\n",
    "match canonical": "Match canonical all\n User a\n",
    "match localuser": "Match localuser a,b\n User a\n",
    "match not": "Match !host a\n User a\n",
    "match tagged": "Match tagged x\n User a\n",
    "match localnetwork": "Match localnetwork 192.0.2.0/24\n User a\n",
    "unknown, ignored": "IgnoreUnknown Use*,My?\nUseThis x\nMyX y z\n",
    "unknown, ignored too late": "UseThis x\nIgnoreUnknown Use*\n",
    "environment": "IdentityAgent $SSH_AUTH_SOCK\nIdentityFile ${HOME}/x\n",
    "carriage returns": "Host a\r\n User b\r\n",
    "equals without blanks": "Host=a\n User=b\n",
    "comments": "Host a # b\n User b # c\n",
    "two words": "Host a\n User b c\n",
    "host without a name": "Host\n User b\n",
    "an open quote": 'Host "a\n User b\n',
    "forwards": "LocalForward 8080 h:80\nRemoteForward 22 h:22\nDynamicForward [::1]:1080\n",
    "a forward without its end": "LocalForward 8080\n",
    "sockets": "LocalForward /tmp/a /tmp/b\nRemoteForward /tmp/c h:22\n",
    "jumps": "ProxyJump a@b:22,ssh://c:23\n",
}


@pytest.mark.parametrize("name", [*SERVER_FILES, *(f"client: {name}" for name in CLIENT_FILES)])
def test_the_same_files_are_taken_and_refused(name: str, tmp_path: Path) -> None:
    side: Side = "client" if name.startswith("client: ") else "server"
    text = CLIENT_FILES[name[8:]] if side == "client" else SERVER_FILES[name]
    programs = Programs(side, tmp_path)
    refused = programs.theirs(text)
    assert programs.ours(text) == bool(refused), refused
