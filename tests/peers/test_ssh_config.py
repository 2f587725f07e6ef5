"""Our reading of SSH's configuration against ``ssh -G`` and ``sshd -T``."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.lint.openssh import offers, sshd_config
from seventh.lint.openssh.sshd_config import Connection, Effective
from seventh.lintkit.files import Files
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.client.config.host import (
    HostConfig,
    Query,
    UserConfig,
    local_user,
    refusals,
)
from seventh.protocols.ssh.client.config.reading import read
from tests.peers import account_home, need_binary, need_version
from tests.peers.keys import make_key
from tests.peers.test_ssh import make_privilege_separation_folder

pytestmark = pytest.mark.peer

Printed = Mapping[str, list[str]]


def printed(text: str) -> Printed:
    """What -G and -T print: by keyword, every value."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        found.setdefault(name, []).append(value)
    return found


def installed() -> directives.Version:
    major, minor = need_version("ssh").split(".")[:2]
    return int(major), int(minor)


# -- ssh -G ----------------------------------------------------------------------------------------


def ssh_g(file: Path, host: str, *arguments: str) -> tuple[Printed, str]:
    command = [need_binary("ssh"), "-G", "-F", str(file), *arguments, host]
    said = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    return printed(said.stdout), "" if said.returncode == 0 else said.stderr


def ours(file: Path, host: str, user: str | None = None, port: int | None = None) -> HostConfig:
    files = Files(base=file.parent, home=Path.home())
    text = files.read(file)
    assert text is not None
    reading = read(text, files, "client", is_user=True)
    for at, why in refusals(reading):
        reading.refuse(at, why)
    assert not files.problems
    assert not [*reading.refused, *reading.unknown]
    return UserConfig([reading], installed()).resolve(Query(host=host, user=user, port=port))


@pytest.fixture(scope="module", autouse=True)
def home_of_the_account() -> Iterator[None]:
    """What a tilde means must be the same to both sides."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(account_home()))
        yield


WORDS = {"true": "yes", "false": "no"}
COMPARED = ("forwardagent", "controlmaster", "compression", "identitiesonly", "addressfamily",
            "serveraliveinterval", "serveralivecountmax", "stricthostkeychecking", "gatewayports",
            "hashknownhosts", "passwordauthentication")  # fmt: skip


def assert_agrees(file: Path, host: str, *arguments: str, **asked: object) -> None:
    theirs, refused = ssh_g(file, host, *arguments)
    assert not refused
    mine = ours(file, host, **asked)  # type: ignore[arg-type]
    assert not mine.problems
    assert [mine.host_name] == theirs["hostname"]
    assert [str(mine.port or 22)] == theirs["port"]
    assert [mine.user or local_user()] == theirs["user"]
    for name in COMPARED:
        assert [mine.value(name)] == [WORDS.get(v, v) for v in theirs[name]], name
    if written := [line.values[0] for line in mine.lines("identityfile")]:
        assert list(dict.fromkeys(written)) == theirs["identityfile"]
    raw = [
        line.rest.partition("#")[0].strip().removeprefix("ssh://")
        for line in mine.lines("proxyjump")
    ]
    assert [jump for jump in raw if jump != "none"] == theirs.get("proxyjump", [])
    if mine.known_hosts is not None:
        assert [" ".join(mine.known_hosts) or "none"] == [
            v.strip() for v in theirs["userknownhostsfile"]
        ]
    for name in ("kexalgorithms", "ciphers", "macs", "hostkeyalgorithms"):
        if mine.lines(name):
            got = offers.effective_list(mine, "client", name)
            assert plain(name, ",".join(got)) == plain(name, theirs[name][0]), name


# What this machine's distribution has added to the lists of the version that it calls itself.
BACKPORTED = {"sntrup761x25519-sha512"}


def plain(name: str, text: str) -> list[str]:
    names = text.split(",")
    return [each for each in names if each not in BACKPORTED] if name == "kexalgorithms" else names


CORPUS = {
    "the first line holds": """
Host *
  Port 2200
Host a
  Port 2201
  User one
Port 2202
User two
""",
    "negation": """
Host *.example.com !bad.example.com
  User ops
Host !a *
  Port 9
Host !*
  Port 10
""",
    "equals, quotes and comments": """
Host=a
  Port = 2201   # a comment
  User="the user"
  IdentityFile "~/.ssh/my key"
	HostName	a.example.com
  ForwardAgent yes#no
""".replace("yes#no", "yes"),
    "keywords in any case, tabs, form feeds": "hOsT A a\n\tpORT 2201\t\n USER x \f\n",
    "patterns": """
Host ?.example.com
  Port 1
Host *a*b*c*
  Port 2
Host a.*.com
  Port 3
""",
    "host name with tokens": """
Host b*
  HostName %h.example.com
Match host bastion.example.com
  User root
Match originalhost bastion
  Port 2222
Match host bastion
  Port 3333
""",
    "match user": """
Match user root
  Port 1
Match user ops,!root
  Port 2
User ops
Match user ops
  ForwardAgent yes
Match !user ops
  Compression yes
""",
    "match final": """
Host a
  HostName real.example.com
Match final host real.example.com
  User late
Host real.example.com
  Port 2211
Match canonical all
  Compression yes
Match final all
  ControlMaster auto
""",
    "match localuser and all": f"""
Match localuser {local_user()}
  Port 77
Match all
  User everyone
Match !localuser {local_user()} user x
  Compression yes
""",
    "jumps": """
Host a
  ProxyJump ops@one:2201,two # the way
Host b
  ProxyJump none
Host c
  ProxyCommand none
Host bastion
  ProxyJump ssh://ops@one:2201
Host *
  ProxyJump last
""",
    "command before jump": """
Host a
  ProxyCommand nc %h %p
Host *
  ProxyJump last
""",
    "identities add up, once each": """
IdentityFile ~/.ssh/one
Host a
  IdentityFile ~/.ssh/%h
  IdentityFile ~/.ssh/one
IdentityFile ~/.ssh/three
""",
    "known hosts with tokens": """
Host a
  UserKnownHostsFile ~/.ssh/kh_%h_%p /tmp/kh_%r %d/x
  Port 44
Host b
  UserKnownHostsFile none
""",
    "lists": """
Host a
  KexAlgorithms +diffie-hellman-group14-sha1
  Ciphers -*-ctr,aes128-gcm*
  MACs ^hmac-sha2-512
  HostKeyAlgorithms +ssh-rsa
Host b
  KexAlgorithms -ecdh*,!x
  HostKeyAlgorithms ssh-ed25519*,rsa-*
  Ciphers aes128-ctr,aes128-ctr
Host *
  HostKeyAlgorithms -*cert*
""",
    "times": "Host a\n ServerAliveInterval 1m30s\nHost *\n ServerAliveInterval 0\n",
    "include": """
Include inc/*.conf
Host a
  Include inc/inner
Host *
  Port 5
  Compression yes
""",
    "an unknown one that is ignored": "IgnoreUnknown My*,Other\nMyThing x\nOther y\nPort 3\n",
    "yes and true": "ForwardAgent true\nControlMaster false\nHashKnownHosts yes\n",
    "upper-case names": "Host A.Example.com\n Port 1\nMatch host a.example.com\n User low\n",
}
HOSTS = ("a", "b", "c", "bastion", "bad.example.com", "x.example.com", "A.Example.com", "xaybzc",
         "a.b.com", "192.0.2.7", "2001:db8::0:1")  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inc = tmp_path / "inc"
    inc.mkdir()
    (inc / "10.conf").write_text("Host b\n  User from-include\n")
    (inc / "20.conf").write_text("Compression no\nMatch host c\n  Port 6\n")
    (inc / "inner").write_text(
        "User inner\nHost b\n  Port 7\nHost a\n  Port 8\nHost *\n  ForwardAgent yes\n"
    )
    for each in (inc, *inc.iterdir()):
        each.chmod(0o700 if each.is_dir() else 0o600)
    return tmp_path


@pytest.mark.parametrize("name", CORPUS)
def test_ssh_agrees(folder: Path, name: str) -> None:
    file = folder / "config"
    # A relative Include of a person's file means ~/.ssh, which is not ours to write to.
    file.write_text(CORPUS[name].replace("Include inc/", f"Include {folder}/inc/"))
    file.chmod(0o600)
    for host in HOSTS:
        assert_agrees(file, host)


def test_ssh_agrees_on_the_command_line(folder: Path) -> None:
    file = folder / "config"
    file.write_text(CORPUS["match user"] + "Host a\n Port 5\n")
    file.chmod(0o600)
    assert_agrees(file, "a", "-l", "root", user="root")
    assert_agrees(file, "a", "-l", "ops", "-p", "2022", user="ops", port=2022)


REFUSED = {
    "an open quote": 'Host a\n User "x\n',
    "no argument": "Port\n",
    "a port that is none": "Port 70000\n",
    "a flag that is none": "ForwardX11 perhaps\n",
    "a criterion that is none": "Match colour red\n Port 1\n",
    "a criterion without argument": "Match host\n Port 1\n",
    "all beside another": "Match all host x\n Port 1\n",
    "an unknown cipher": "Ciphers aes999\n",
    "a time that is none": "ServerAliveInterval 1x\n",
    "a directive that is none": "Colour red\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_ssh_refuses_we_refuse(folder: Path, name: str) -> None:
    from seventh.lint.openssh.views import Release, check_lists

    file = folder / "config"
    file.write_text(REFUSED[name])
    file.chmod(0o600)
    _, refused = ssh_g(file, "a")
    assert refused
    files = Files(base=folder)
    text = files.read(file)
    assert text is not None
    reading = read(text, files, "client", is_user=True)
    check_lists(reading, Release(installed(), stated=True))
    assert [*reading.refused, *refusals(reading)]


_NAMES = st.sampled_from(["a", "b", "ab", "*", "a*", "?", "*b", "!a", "!b*", "a.example.com"])
_LINES = st.one_of(
    st.lists(_NAMES, min_size=1, max_size=3).map(lambda names: "Host " + " ".join(names)),
    st.builds("Match {} {}".format, st.sampled_from(["host", "originalhost", "user", "!user"]),
              _NAMES.map(lambda n: n + ",x")),
    st.sampled_from(["Match all", "Match final all", "Match canonical all"]),
    st.just("Match final user ops"),
    st.integers(1, 9).map(lambda n: f"  Port {n}"),
    st.sampled_from(["a", "ab", "ops"]).map(lambda n: f"User={n}"),
    st.sampled_from(["a", "b", "%h.example.com", "x%%y"]).map(lambda n: f"\tHostName {n}"),
    st.sampled_from(["yes", "no"]).map(lambda n: f'ForwardAgent "{n}"'),
    st.sampled_from(["one", "none", "x@one:22,two"]).map(lambda n: f"ProxyJump {n}"),
    st.sampled_from(["~/.ssh/x", "y"]).map(lambda n: f"IdentityFile {n}"),
    st.sampled_from(["# nothing", "", "   "]),
)  # fmt: skip


@settings(max_examples=120)
@given(lines=st.lists(_LINES, max_size=12), host=st.sampled_from(["a", "b", "ab", "c"]))
def test_ssh_agrees_on_whatever_is_made_of_these_lines(
    tmp_path: Path, lines: list[str], host: str
) -> None:
    file = tmp_path / "config"
    file.write_text("\n".join(lines) + "\n")
    file.chmod(0o600)
    assert_agrees(file, host)


# -- sshd -T ---------------------------------------------------------------------------------------


@pytest.fixture
def host_key(tmp_path: Path) -> Path:
    make_privilege_separation_folder()
    return make_key(tmp_path / "host_ed25519")


def sshd_t(file: Path, connection: str | None = None) -> tuple[Printed, str]:
    command = [need_binary("sshd"), "-T", "-f", str(file)]
    if connection is not None:
        command += ["-C", connection]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    return printed(said.stdout), "" if said.returncode == 0 else said.stderr


ONE_VALUE = ("permitrootlogin", "passwordauthentication", "pubkeyauthentication", "usedns",
             "usepam",
             "kbdinteractiveauthentication", "permitemptypasswords", "clientaliveinterval",
             "clientalivecountmax", "logingracetime", "maxstartups", "persourcemaxstartups",
             "gatewayports", "allowtcpforwarding", "allowagentforwarding", "disableforwarding",
             "x11forwarding", "compression", "strictmodes", "permittunnel", "maxauthtries",
             "maxsessions", "loglevel", "forcecommand", "chrootdirectory", "banner",
             "allowstreamlocalforwarding", "permittty", "tcpkeepalive", "gssapiauthentication",
             "hostbasedauthentication", "printmotd", "addressfamily", "ignorerhosts",
             "fingerprinthash", "versionaddendum", "streamlocalbindunlink", "requiredrsasize",
             "unusedconnectiontimeout", "persourcenetblocksize", "exposeauthinfo")  # fmt: skip
MANY_VALUES = ("allowusers", "denyusers", "allowgroups", "acceptenv", "port")
ON_ONE_LINE = ("authorizedkeysfile", "authenticationmethods", "permitopen", "permitlisten")
SAME = {"without-password": "prohibit-password", "all": "yes"}


def value(effective: Effective, name: str) -> str:
    if name == "forcecommand" and effective.lines(name):
        return effective.lines(name)[0].rest
    if name == "permitlisten":
        return " ".join(v if ":" in v or v in {"any", "none"} else f"*:{v}"
                        for v in effective.values(name))  # fmt: skip
    return effective.value(name)


def assert_sshd_agrees(effective: Effective, theirs: Printed) -> None:
    for name in ONE_VALUE:
        if not effective.lines(name) and not effective.default(name):
            continue
        known = theirs[name][0]
        assert value(effective, name).lower() == SAME.get(known, known).lower(), name
    for name in MANY_VALUES:
        assert list(effective.values(name)) == theirs.get(name, []), name
    for name in ON_ONE_LINE:
        assert value(effective, name) == theirs[name][0], name
    for name in directives.LISTS:
        got = offers.effective_list(effective, "server", name)
        assert plain(name, ",".join(got)) == plain(name, theirs[name][0]), name
    assert [" ".join(line.values) for line in effective.lines("subsystem")] == theirs.get(
        "subsystem", []
    )


def load(file: Path) -> sshd_config.ServerConfig:
    files = Files(base=file.parent)
    text = files.read(file)
    assert text is not None
    config = sshd_config.load(text, files, installed())
    assert not files.problems
    assert not [*config.reading.refused, *config.reading.unknown]
    return config


SERVERS = {
    "nothing": "",
    "the seed's sample": """
Port 22
Protocol 2
KexAlgorithms curve25519-sha256
Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com
MACs hmac-sha2-256-etm@openssh.com
PasswordAuthentication no           # keys only
PubkeyAuthentication yes
PermitRootLogin prohibit-password
AllowUsers ops deploy
ClientAliveInterval 30
ClientAliveCountMax 3
""",
    "the first line holds, the last of some": """
PermitRootLogin no
PermitRootLogin yes
MaxStartups 10:30:60
MaxStartups 5
PerSourceMaxStartups 5
PerSourceMaxStartups none
X11Forwarding = yes
x11forwarding no
Port 2201
Port 2202
LoginGraceTime 1m30s
ClientAliveInterval 2m
AllowTcpForwarding all
PerSourceNetBlockSize 24:64
PerSourceNetBlockSize 16:48
FingerprintHash md5
FingerprintHash sha256
""",
    "lines that add up": """
AllowUsers ops deploy@192.0.2.0/24
AllowUsers "two words" third
AcceptEnv LANG
AcceptEnv LC_* X
Subsystem sftp internal-sftp -l VERBOSE
Subsystem other /bin/true
DenyUsers x
AuthorizedKeysFile a b
AuthorizedKeysFile c
PermitOpen a:1 b:2
PermitOpen c:3
PermitListen 8080 localhost:9
""",
    "lists": """
KexAlgorithms +diffie-hellman-group14-sha1
Ciphers -*-ctr
MACs ^hmac-sha2-512,hmac-md5
HostKeyAlgorithms +ssh-rsa
PubkeyAcceptedAlgorithms -*cert*,!x,ecdsa*
""",
    "patterns in lists": """
HostKeyAlgorithms ssh-ed25519*,rsa-sha2-*
PubkeyAcceptedAlgorithms ^rsa*
MACs -hmac-sha1*,umac-64*
KexAlgorithms -diffie*,ecdh*
""",
    "match": """
PasswordAuthentication no
AllowUsers global
Match User root
  PermitRootLogin no
  PasswordAuthentication yes
  AllowUsers inner
  AllowUsers inner2
Match User root,ops,!deploy Address 192.0.2.0/24,!192.0.2.9
  MaxAuthTries 3
  PasswordAuthentication no
  ClientAliveInterval 5
Match Host *.example.com
  X11Forwarding yes
  ForceCommand /bin/echo "hello world" # not a comment
Match Address 2001:db8::/32,10.*
  GatewayPorts clientspecified
Match LocalPort 2222 LocalAddress 127.0.0.0/8
  AllowTcpForwarding local
Match all
  MaxSessions 4
  PasswordAuthentication yes
Match User=deploy
  Banner /etc/issue
  AuthenticationMethods publickey,password publickey,keyboard-interactive
""",
    "match all comes late": """
MaxAuthTries 2
Match User ops
  MaxAuthTries 3
Match all
  MaxAuthTries 4
  MaxSessions 5
  UseDNS yes
Match User ops
  MaxSessions 6
""",
    "include": """
Include @/inc/*.conf
PasswordAuthentication yes
Match User ops
  Include @/inc/inner @/inc/nothing*
  MaxSessions 9
PermitTTY no
Match User root
  Include @/inc/inner
""",
    "include at the end of a block": """
Match User ops
  MaxSessions 3
Include @/inc/inner
""",
}
CONNECTIONS = (
    None,
    *(
        Connection(user=user, host=host, address=address, local_address=local, local_port=port)
        for user, host, address, local, port in (
            ("root", "a.example.com", "192.0.2.5", "192.0.2.1", 22),
            ("ops", "b.test", "192.0.2.9", "127.0.0.1", 22),
            ("ops", "b.example.com", "192.0.2.5", "127.0.0.1", 2222),
            ("deploy", "X.EXAMPLE.com", "2001:db8::5", "::1", 22),
            ("deploy", "x", "10.1.2.3", "127.0.0.1", 22),
        )
    ),
)


def specification(connection: Connection | None) -> str | None:
    if connection is None:
        return None
    parts = {"user": connection.user, "host": connection.host, "addr": connection.address,
             "laddr": connection.local_address, "lport": connection.local_port}  # fmt: skip
    return ",".join(f"{name}={value}" for name, value in parts.items() if value is not None)


@pytest.mark.parametrize("name", SERVERS)
def test_sshd_agrees(tmp_path: Path, host_key: Path, name: str) -> None:
    inc = tmp_path / "inc"
    inc.mkdir()
    (inc / "10.conf").write_text("PasswordAuthentication no\nMatch User root\n PermitTTY no\n")
    (inc / "20.conf").write_text("MaxAuthTries 5\nPermitTTY yes\n")
    (inc / "inner").write_text(
        "X11Forwarding yes\nMatch Address 192.0.2.5\n MaxSessions 2\nMatch all\n MaxAuthTries 1\n"
    )
    file = tmp_path / "sshd_config"
    file.write_text(
        f"HostKey {host_key}\n"
        + SERVERS[name].replace("@", str(tmp_path) if "inc" in name else "@")
    )
    config = load(file)
    for connection in CONNECTIONS:
        theirs, refused = sshd_t(file, specification(connection))
        if connection is None and "'lport' not in connection test" in refused:
            continue  # this version's -T wants to be told the port where a block asks for it
        assert not refused
        effective = config.effective(connection or Connection())
        assert_sshd_agrees(effective, theirs)


BAD_SERVERS = {
    "a directive that is none": "Colour red\n",
    "not in a block": "Match User x\n Port 22\n",
    "a flag that is none": "UseDNS off\n",
    "no argument": "Banner\n",
    "an open quote": 'Banner "x\n',
    "a criterion that is none": "Match Colour red\n",
    "no criterion": "Match\n",
    "a network that does not fit": "Match Address 192.0.2.1/24\n X11Forwarding no\n",
    "all beside another": "Match all User x\n X11Forwarding no\n",
    "a port that is none": "Match LocalPort x\n X11Forwarding no\n",
    "an unknown algorithm": "KexAlgorithms +curve9000\n",
    "startups that are none": "MaxStartups 100:30:10\n",
    "a time that is none": "LoginGraceTime 1y\n",
    "includes itself": "Include @/sshd_config\n",
}


@pytest.mark.parametrize("name", BAD_SERVERS)
def test_what_sshd_refuses_we_refuse(tmp_path: Path, host_key: Path, name: str) -> None:
    from seventh.lint.openssh.sshd import lint
    from seventh.lintkit.linted import Software

    file = tmp_path / "sshd_config"
    file.write_text(f"HostKey {host_key}\n" + BAD_SERVERS[name].replace("@", str(tmp_path)))
    _, refused = sshd_t(file)
    assert refused
    files = Files(base=tmp_path)
    text = files.read(file)
    assert text is not None
    linted = lint(text, files, Software(product="openssh", version=installed()))
    assert linted.problems
    assert linted.problems[0].line in {2, 3}


_SERVER_LINES = st.one_of(
    st.sampled_from(["Match User root", "Match User ops,!root", "Match User *", "Match all",
                     "Match Address 192.0.2.0/24", "Match Host *.example.com User root,ops"]),
    st.sampled_from(["yes", "no"]).map(lambda v: f"PasswordAuthentication {v}"),
    st.sampled_from(["yes", "no", "prohibit-password"]).map(lambda v: f"PermitRootLogin={v}"),
    st.integers(1, 9).map(lambda n: f"  MaxAuthTries {n}"),
    st.sampled_from(["a", "b c", '"d"']).map(lambda v: f"AllowUsers {v}"),
    st.sampled_from(["X", "Y"]).map(lambda v: f"AcceptEnv {v}"),
    st.sampled_from(["+ssh-rsa", "-rsa*", "^ssh-ed25519", "ssh-ed25519"]).map(
        lambda v: f"PubkeyAcceptedAlgorithms {v}"),
    st.sampled_from(["# nothing", ""]),
)  # fmt: skip


@settings(max_examples=80)
@given(lines=st.lists(_SERVER_LINES, max_size=14), connection=st.sampled_from(CONNECTIONS[:3]))
def test_sshd_agrees_on_all_that_is_made_of_these_lines(
    tmp_path: Path, host_key: Path, lines: list[str], connection: Connection | None
) -> None:
    file = tmp_path / "sshd_config"
    file.write_text(f"HostKey {host_key}\n" + "\n".join(lines) + "\n")
    config = load(file)
    theirs, refused = sshd_t(file, specification(connection))
    assert not refused
    assert_sshd_agrees(config.effective(connection or Connection()), theirs)


def test_the_defaults_are_the_installed_version_s(tmp_path: Path, host_key: Path) -> None:
    file = tmp_path / "sshd_config"
    file.write_text(f"HostKey {host_key}\n")
    theirs, _ = sshd_t(file)
    mine = directives.defaults("server", installed())
    differing = {
        name: (wanted, theirs[name][0])
        for name, wanted in mine.items()
        if name in theirs and plain(name, wanted.lower())
        != plain(name, SAME.get(theirs[name][0], theirs[name][0]).lower())
    }  # fmt: skip
    assert not differing


def test_what_sshd_prints_is_a_configuration_of_the_same_meaning(
    tmp_path: Path, host_key: Path
) -> None:
    file = tmp_path / "sshd_config"
    file.write_text(f"HostKey {host_key}\n" + SERVERS["lists"])
    said = subprocess.run(
        [need_binary("sshd"), "-T", "-f", str(file)], capture_output=True, check=True
    )
    printed_file = tmp_path / "printed"
    printed_file.write_bytes(said.stdout)
    theirs, _ = sshd_t(file)
    assert_sshd_agrees(load(printed_file).effective(), theirs)
