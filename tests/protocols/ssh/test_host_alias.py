"""Where an alias of the user's ssh_config leads, and what it may grant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh.engine.check import check_one
from seventh.labkit.serve import Kit
from seventh.lintkit.files import Files
from seventh.model.failure import Reason, UsageError
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.protocols import schemes
from seventh.protocols.ssh import SshOptions, host_alias, lab
from tests.options import options_with


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config"
    file.write_text(
        f"""
Host web
  HostName 192.0.2.7
  Port 2200
  User deploy
  IdentityFile {tmp_path}/key
  IdentityFile {tmp_path}/missing
  ProxyJump ops@bastion,second:2022
  UserKnownHostsFile {tmp_path}/known
Host bastion
  HostName bastion.example.com
  Port 2201
  User jumper
Host plain
  ProxyCommand ssh -q -W %h:%p -l ops bastion
Host other
  ProxyCommand nc %h %p
Host deep
  ProxyJump web
Host round
  ProxyJump about
Host about
  ProxyJump round
"""
    )
    (tmp_path / "key").write_text("no key, but a file that ssh would try\n")
    (tmp_path / "known").write_text("")
    return file


def aimed(url: str, config: Path, **options: object) -> tuple[Target, Options]:
    (target,) = parse_target(url, schemes())
    return host_alias.resolve_alias(target, options_with(ssh_config=str(config), **options))


def hops(options: Options) -> str:
    """The jump hosts in one line."""
    return ",".join(f"{hop.user}@{hop.authority}" if hop.user else hop.authority
                    for hop in options.via)  # fmt: skip


def test_an_alias_leads_to_its_host_and_grants_nothing(config: Path) -> None:
    target, options = aimed("ssh://web", config)
    assert (target.host, target.port, target.user) == ("192.0.2.7", 2200, "deploy")
    assert hops(options) == "ops@bastion:22,second:2022"
    assert options.of(SshOptions).known_hosts == str(config.parent / "known")
    assert not options.has_credential
    assert options.of(SshOptions).identities == ()


def test_a_credential_takes_what_the_file_says_of_logging_in(config: Path) -> None:
    _, options = aimed("ssh://web", config, password_file="secret")
    assert options.user == "deploy"
    assert options.of(SshOptions).identities == (str(config.parent / "key"),)
    _, options = aimed("ssh://me@web", config)
    assert options.user == "me"
    assert options.has_credential


def test_the_command_line_wins(config: Path) -> None:
    target, options = aimed("ssh://web:22", config, via="ssh://x", known_hosts="mine", user="u")
    assert target.port == 22
    assert (hops(options), options.user) == ("x:22", "u")
    assert options.of(SshOptions).known_hosts == "mine"


def test_jumps_of_commands_and_of_jumps(config: Path) -> None:
    assert hops(aimed("ssh://plain", config)[1]) == "ops@bastion:22"
    assert hops(aimed("ssh://deep", config)[1]) == "ops@bastion:22,second:2022,web:22"
    with pytest.raises(UsageError, match="ProxyCommand not supported"):
        aimed("ssh://other", config)
    with pytest.raises(UsageError, match="circular"):
        aimed("ssh://round", config)


def test_a_proxy_replaces_a_command_and_precedes_jump_hosts(config: Path) -> None:
    proxy = "http://p:3128"
    assert hops(aimed("ssh://other", config, proxy=proxy)[1]) == ""
    assert hops(aimed("ssh://plain", config, proxy=proxy)[1]) == "ops@bastion:22"
    with pytest.raises(UsageError, match="circular"):
        aimed("ssh://round", config, proxy=proxy)


def test_a_hop_is_resolved_like_a_host(config: Path) -> None:
    (hop,) = parse_target("ssh://bastion", schemes())
    options = options_with(ssh_config=str(config), user="me", identities=("k",))
    found, user, identities = host_alias.resolve_hop(hop, options)
    assert (found.host, found.port, user) == ("bastion.example.com", 2201, "jumper")
    assert identities == ("k",)
    (hop,) = parse_target("ssh://me@web:22", schemes())
    found, user, identities = host_alias.resolve_hop(hop, options)
    assert (found.host, found.port, user) == ("192.0.2.7", 22, "me")
    assert identities == ("k", str(config.parent / "key"))


def test_without_a_file_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(host_alias, "SYSTEM_FILE", tmp_path / "none")
    (target,) = parse_target("ssh://web", schemes())
    options = Options()
    assert host_alias.resolve_alias(target, options) == (target, options)
    assert host_alias.resolve_alias(target, options_with(ssh_config="none")) == (
        target,
        options_with(ssh_config="none"),
    )


def test_the_person_s_own_file_comes_before_the_system_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Host web\n Port 2201\n Include more\n")
    (tmp_path / ".ssh" / "more").write_text("HostName from.include\n")
    (tmp_path / "system").write_text("Port 1\nUser system\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(host_alias, "SYSTEM_FILE", tmp_path / "system")
    (target,) = parse_target("ssh://web", schemes())
    found, _ = host_alias.resolve_alias(target, Options())
    assert (found.host, found.port, found.user) == ("from.include", 2201, "system")


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("Include conf.d/*.conf\nHost *\n SendEnv LANG\n HashKnownHosts yes\n", 22),
        ("Host *\n  Port 1\n", 1),
        ("Include full.d/*.conf\n", 7),
        ("Include full.d/a*\n", 7),
    ],
)
def test_a_system_file_is_read_where_it_is_relevant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, port: int
) -> None:
    (tmp_path / "full.d").mkdir()
    (tmp_path / "full.d" / "a.conf").write_text("Port 7\n")
    (tmp_path / "system").write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(host_alias, "SYSTEM_FILE", tmp_path / "system")
    host_alias._is_relevant.cache_clear()
    (target,) = parse_target("ssh://web", schemes())
    assert host_alias.resolve_alias(target, Options())[0].port == port
    assert bool(host_alias._is_relevant(host_alias._stamp(str(host_alias.SYSTEM_FILE)))) is (
        port != 22
    )


def test_a_broken_file_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Host web\n  Port many\n")
    with pytest.raises(UsageError, match=f"{file}:2: .*Port: invalid value 'many'"):
        aimed("ssh://web", file)
    with pytest.raises(UsageError, match="--ssh-config"):
        aimed("ssh://web", tmp_path / "missing")


def test_a_directive_of_a_newer_ssh_is_no_reason_to_stop(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("FutureThing yes\nPort 2200\n")
    assert aimed("ssh://web", file)[0].port == 2200


def test_a_thousand_targets_read_the_file_once_and_a_change_is_seen(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    whole = Files.read

    def counted(self: Files, name: str | Path, **how: object) -> object:
        reads.append(Path(name))
        return whole(self, name, **how)

    monkeypatch.setattr(Files, "read", counted)
    (target,) = parse_target("ssh://web", schemes())
    for _ in range(1_000):
        host_alias.resolve_alias(target, options_with(ssh_config=str(config)))
    assert len(reads) <= 1
    config.write_text("Host web\n Port 4\n")
    assert aimed("ssh://web", config)[0].port == 4


async def test_check_reaches_an_alias_that_is_no_name(tmp_path: Path, kit: Kit) -> None:
    async with lab.serve(None, kit) as served:
        port = served.target.rpartition(":")[2]
        file = tmp_path / "config"
        file.write_text(f"Host my-alias\n  HostName 127.0.0.1\n  Port {port}\n")
        (target,) = parse_target("ssh://my-alias", schemes())
        report = await check_one(target, options_with(ssh_config=str(file), timeout_seconds=10))
    assert report.failure is None
    assert report.target == "ssh://my-alias:22"
    assert report.facts["net"].host == "127.0.0.1"  # type: ignore[attr-defined]


async def test_a_broken_file_is_the_report_s_failure(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text('Host "open\n')
    (target,) = parse_target("ssh://web", schemes())
    report = await check_one(target, options_with(ssh_config=str(file), timeout_seconds=5))
    assert report.failure is not None
    assert report.failure.reason is Reason.OPTIONS_UNUSABLE
    assert f"{file}:1" in report.failure.detail


def with_text(
    tmp_path: Path, text: str, url: str = "ssh://a", **options: Any
) -> tuple[Target, Options]:
    file = tmp_path / "config"
    file.write_text(text)
    return aimed(url, file, **options)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ProxyCommand ssh -W %h:%p b", "b:22"),
        ("ProxyCommand /usr/bin/ssh -W [%h]:%p b", "b:22"),
        ("ProxyCommand ssh -W%h:%p -p 2200 -l ops b", "ops@b:2200"),
        ("ProxyCommand ssh -q -x -T -a -4 -6 -p2200 b -W %h:%p", "b:2200"),
        ("ProxyCommand none", ""),
        ("ProxyJump none", ""),
        ("ProxyJump ssh://u@b:23/", "u@b:23"),
        ("ProxyJump b, c", "b:22,c:22"),
    ],
)
def test_jump_hosts(tmp_path: Path, text: str, found: str) -> None:
    assert hops(with_text(tmp_path, f"Host a\n {text}\n")[1]) == found


UNSUPPORTED = (
    "ProxyCommand not supported: use ProxyJump, or add --proxy URL, --via HOST or --ssh-config none"
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ProxyCommand nc %h %p", UNSUPPORTED),
        ("ProxyCommand ''", UNSUPPORTED),
        ("ProxyCommand ssh b", UNSUPPORTED),
        ("ProxyCommand ssh -W %h:22 b", UNSUPPORTED),
        ("ProxyCommand ssh -W %h:%p", UNSUPPORTED),
        ("ProxyCommand ssh -W %h:%p b c", UNSUPPORTED),
        ("ProxyCommand ssh -o X=y -W %h:%p b", UNSUPPORTED),
        ("ProxyCommand ssh -v -W %h:%p b", UNSUPPORTED),
        ("ProxyCommand ssh b -W", UNSUPPORTED),
        ("ProxyJump b,,c", "ProxyJump: host missing"),
        ("ProxyJump %q", "token %q not allowed here"),
        ("ProxyJump a", "circular jump hosts"),
    ],
)
def test_jump_hosts_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        with_text(tmp_path, f"Host a\n {text}\n")
    assert str(raised.value).startswith(f"{tmp_path}/config:2: ")
    assert str(raised.value).endswith(f": {said}")


@pytest.mark.parametrize(
    ("text", "given", "family"),
    [
        ("AddressFamily inet", {}, "ipv4"),
        ("AddressFamily INET6", {}, "ipv6"),
        ("AddressFamily any", {}, "any"),
        ("AddressFamily inet", {"family": "ipv6"}, "ipv6"),
    ],
)
def test_the_family_of_addresses(
    tmp_path: Path, text: str, given: dict[str, str], family: str
) -> None:
    assert with_text(tmp_path, text, **given)[1].family == family


@pytest.mark.parametrize(
    ("text", "user", "agent"),
    [
        ("IdentitiesOnly yes", "u", False),
        ("IdentitiesOnly no", "u", True),
        ("IdentitiesOnly yes\nIdentityFile {}/plain", "u", True),
        ("IdentitiesOnly yes", None, True),
    ],
)
def test_only_the_keys_of_the_file(
    tmp_path: Path, text: str, user: str | None, agent: bool
) -> None:
    """Without a usable key of its own, the agent's are not those that the file names."""
    (tmp_path / "plain").write_text("a key\n")
    _, options = with_text(tmp_path, text.format(tmp_path), user=user)
    assert options.of(SshOptions).agent is agent


def test_which_identity_files_are_used(tmp_path: Path) -> None:
    for name, data in (("a", "a key\n"), ("b", "ssh-ed25519 AAAA public\n"), ("c", "ecdsa-x y\n"),
                       ("d", "sk-x y\n"), ("f", "another\n")):  # fmt: skip
        (tmp_path / name).write_text(data)
    (tmp_path / "e").mkdir()
    text = "".join(f"IdentityFile {tmp_path}/{name}\n" for name in "abcdefg")
    _, options = with_text(tmp_path, text, user="u", identities=(f"{tmp_path}/f",))
    assert options.of(SshOptions).identities == (f"{tmp_path}/f", f"{tmp_path}/a")
    with pytest.raises(UsageError, match=f"{tmp_path}/config:1: .*: token %q not allowed here"):
        with_text(tmp_path, "IdentityFile %q\n", user="u")


def test_the_first_known_hosts_file_that_exists_is_used(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    (tmp_path / "c").touch()
    text = f"UserKnownHostsFile {tmp_path}/a {tmp_path}/b {tmp_path}/c\n"
    assert with_text(tmp_path, text)[1].of(SshOptions).known_hosts == f"{tmp_path}/b"
    text = f"UserKnownHostsFile {tmp_path}/a\n"
    assert with_text(tmp_path, text)[1].of(SshOptions).known_hosts is None


def test_the_user_and_the_port_of_the_command_line_win(tmp_path: Path) -> None:
    text = "User file\nPort 2200\n"
    found, options = with_text(tmp_path, text, "ssh://url@a:22")
    assert (found.user, found.port, options.user) == ("url", 22, "url")
    found, options = with_text(tmp_path, text, "ssh://a")
    assert (found.user, found.port, options.user) == ("file", 2200, None)
    text = "User file\nMatch user option\n Port 7\n"
    found, options = with_text(tmp_path, text, "ssh://a", user="option")
    assert (found.port, options.user) == (7, "option")
