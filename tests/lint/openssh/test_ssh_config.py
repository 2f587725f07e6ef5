"""The views of an ssh_config: for which host each is, and its facts as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.lint.openssh import ssh_config
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, View, parse_software
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import SshConfigFacts

LISTS = ("KexAlgorithms", "Ciphers", "MACs", "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms")


def lint(text: str, name: str = "ssh_config", files: Files | None = None) -> Linted:
    files = files or Files(base=Path("/nonexistent"))
    said = parse_software("openssh=9.2")
    return ssh_config.lint(files.take(name, text.encode()), files, said)


def facts(view: View) -> SshFacts:
    found = view.facts["ssh"]
    assert isinstance(found, SshFacts)
    return found


def config(view: View) -> SshConfigFacts:
    found = facts(view).config
    assert found is not None
    return found


def lines(view: View, key: str) -> list[str]:
    return [f"{one.at.line}: {one.at.text}" for one in view.settings[key]]


CONFIG = SshConfigFacts(
    side="client", version=(9, 2), breadth="all", left_to_others=LISTS, idle=(),
    agent_forwarding=False, jump="", multiplexed=False, open_binds=(), overridden=(),
    not_ignored=(), proxied_by="", alive_seconds=0.0,
)  # fmt: skip


def test_an_empty_file_has_the_defaults() -> None:
    result = lint("")
    assert (result.software, result.problems) == ("openssh 9.2", ())
    (view,) = result.views
    assert (view.label, view.place) == ("", "")
    found = facts(view)
    assert found.config == CONFIG
    assert (found.kexinit, found.strict_kex) == (None, None)
    why = "an ssh_config configures a client, not the server"
    assert found.unknown == {Topic.EXTENSIONS: why, Topic.RSA_KEY: why}
    assert lines(view, "jump") == ["None: ProxyCommand none (default of openssh 9.2)"]
    assert lines(view, "open_binds") == lines(view, "modes") == []


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        ("ForwardAgent yes", {"agent_forwarding": True}),
        ("ForwardAgent $SSH_AUTH_SOCK", {"agent_forwarding": True}),
        ("ForwardAgent no", {}),
        ("ControlMaster auto", {}),
        ("ControlMaster auto\nControlPath none", {}),
        ("ControlMaster auto\nControlPath None", {}),
        ("ControlMaster no\nControlPath ~/x", {}),
        ("ControlMaster auto\nControlPath ~/x", {"multiplexed": True}),
        ("ProxyJump a,b", {"jump": "a,b", "proxied_by": "ProxyJump a,b"}),
        ("ProxyJump none", {}),
        ("ProxyCommand ssh -W %h:%p a",
         {"jump": "ssh -W %h:%p a", "proxied_by": "ProxyCommand ssh -W %h:%p a"}),
        ("ProxyCommand /usr/bin/ssh -W %h:%p a",
         {"jump": "/usr/bin/ssh -W %h:%p a",
          "proxied_by": "ProxyCommand /usr/bin/ssh -W %h:%p a"}),
        ("ProxyCommand nc ssh", {"proxied_by": "ProxyCommand nc ssh"}),
        ("ProxyCommand none", {}),
        ("ProxyCommand 'ssh", {"proxied_by": "ProxyCommand 'ssh"}),
        ("ProxyJump %q", {"proxied_by": "ProxyJump %q"}),  # an unknown token
        ("ServerAliveInterval 1m", {"alive_seconds": 60.0}),
        ("ServerAliveInterval none", {}),
        ("BatchMode yes", {"alive_seconds": None}),  # Debian's default is then 300
        ("BatchMode yes\nServerAliveInterval 0", {}),
        ("UseKeychain yes", {"not_ignored": ("UseKeychain",)}),
        ("IgnoreUnknown a,usek*\nUseKeychain yes", {"ignore_unknown": "a,usek*"}),
        ("IgnoreUnknown a\nUseKeychain yes",
         {"ignore_unknown": "a", "not_ignored": ("UseKeychain",)}),
        ("UseKeychain yes\nIgnoreUnknown UseKeychain", {"not_ignored": ("UseKeychain",)}),
        ("Protocol 2", {"idle": ("Protocol",)}),
        ("MACs umac-64@openssh.com\nCiphers aes256-gcm@openssh.com",
         {"idle": ("MACs",), "left_to_others": (LISTS[0], *LISTS[3:])}),
    ],
)  # fmt: skip
def test_what_lines_change(text: str, changes: dict[str, object]) -> None:
    assert replace(config(lint(text).views[0]), lists={}) == replace(CONFIG, **changes)


@pytest.mark.parametrize(
    ("line", "loopback"),
    [
        ("LocalForward 8080 a:80", None),
        ("LocalForward localhost:8080 a:80", None),
        ("LocalForward LOCALHOST:8080 a:80", None),
        ("LocalForward 127.0.0.5:8080 a:80", None),
        ("LocalForward [::1]:8080 a:80", None),
        ("LocalForward /tmp/socket a:80", None),
        ("LocalForward *:8080 a:80", "LocalForward localhost:8080 a:80"),
        ("LocalForward :8080 a:80", "LocalForward localhost:8080 a:80"),
        ("LocalForward 192.0.2.1:8080 a:80", "LocalForward localhost:8080 a:80"),
        ("LocalForward [::]:8080 a:80", "LocalForward localhost:8080 a:80"),
        ("DynamicForward 1080", None),
        ("DynamicForward *:1080", "DynamicForward localhost:1080"),
        ("RemoteForward 2222 localhost:22", None),
        ("RemoteForward *:2222 localhost:22", "RemoteForward localhost:2222 localhost:22"),
    ],
)
def test_forwardings_that_listen_for_others(line: str, loopback: str | None) -> None:
    view = lint(line).views[0]
    assert config(view).open_binds == ((line,) if loopback else ())
    assert config(view).loopback_binds == ((loopback,) if loopback else ())
    assert lines(view, "open_binds") == ([f"1: {line}"] if loopback else [])


def test_gateway_ports_decide_without_an_address_and_binds_are_in_order() -> None:
    text = "RemoteForward 1 a:1\nDynamicForward 2\nLocalForward 3 a:3\nGatewayPorts yes\n"
    assert config(lint(text).views[0]).open_binds == ("DynamicForward 2", "LocalForward 3 a:3")


@pytest.mark.parametrize(
    ("text", "key", "found"),
    [
        ("ProxyJump a", "jump", ["1: ProxyJump a"]),
        ("ProxyCommand ssh a", "jump", ["1: ProxyCommand ssh a"]),
        ("ProxyJump none", "jump", []),
        ("Protocol 2\nUseRoaming no", "idle", ["1: Protocol 2", "2: UseRoaming no"]),
    ],
)
def test_the_lines_behind_a_finding(text: str, key: str, found: list[str]) -> None:
    view = lint(text).views[0]
    assert [line for line in lines(view, key) if not line.startswith("None")] == found


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "breadth"),
    [
        ("Host a", "one"), ("Host a b", "one"), ("Host a !b*", "one"), ("Host a*", "some"),
        ("Host a? b", "some"), ("Host !a", "all"), ("Match user x", "all"),
        ("Match host a", "one"), ("Match host a*,b", "some"), ("Match originalhost a", "one"),
        ("Match user x host a", "one"),
        ("Match localuser a", "all"),
    ],
)  # fmt: skip
def test_how_many_hosts_a_block_is_for(block: str, breadth: str) -> None:
    whole, view = lint(f"{block}\n ForwardAgent yes\n").views
    assert (view.label, config(view).scope, config(view).breadth) == (block, block, breadth)
    assert config(whole) == CONFIG


@pytest.mark.parametrize("block", ["Host a *", "Match host a,*"])
def test_a_block_for_one_host_and_all_others(block: str) -> None:
    (*_, view) = lint(f"Host a\n ForwardAgent no\n{block}\n ForwardAgent yes\n Port 1\n").views
    assert (view.label, config(view).breadth) == (block, "all")
    assert not config(view).agent_forwarding


@pytest.mark.parametrize("block", ["Host *", "Match all"])
def test_a_block_for_every_host_is_the_whole_file(block: str) -> None:
    (view,) = lint(f"{block}\n ForwardAgent yes\n").views
    assert (view.label, config(view).agent_forwarding) == ("", True)


@pytest.mark.parametrize(
    ("block", "other"),
    [
        # the second block's host is one of the first block's, so it has its lines, too
        ("Host a", "Host a"), ("Host !x a", "Host a"), ("Host *.b a", "Host a"),
        ("Host *.b", "Host x.b"), ("Host a?c*", "Host axcx"), ("Host !a", "Host host.invalid"),
        ("Match host b,c", "Host b"), ("Match host !c,b", "Host b"),
        ("Match originalhost b host c", "Host b"), ("Match user x", "Host host.invalid"),
        ("Match user x", "Match user x"), ("Match user x,y", "Match user x"),
    ],
)  # fmt: skip
def test_for_which_host_a_block_is_judged(block: str, other: str) -> None:
    text = f"{other}\n Ciphers aes256-ctr\nHost none\n User x\n{block}\n ForwardAgent yes\n"
    view = lint(text).views[-1]
    assert view.label == block
    assert config(view).lists["Ciphers"].text == "aes256-ctr"


@pytest.mark.parametrize("users", ["!x", "x*", "?"])
def test_a_user_that_is_a_pattern_is_none(users: str) -> None:
    text = f"Match user {users.strip('!*')}\n Ciphers aes256-ctr\nMatch user {users}\n"
    views = lint(text + " ForwardAgent yes\n").views
    assert "Ciphers" not in config(views[-1]).lists


def test_a_block_s_place_and_the_limit_on_blocks() -> None:
    files = Files()
    text = "User x\n" + "".join(f"Host h{n}\n ForwardAgent yes\n" for n in range(257))
    views = lint(text, files=files).views
    assert len(views) == 257
    same = "in place of lines with the same keyword"
    assert views[0].place == f"in ssh_config, above line 2 (Host h0), {same}"
    assert views[2].place == f"in ssh_config, under line 4 (Host h1), {same}"
    assert [problem.text for problem in files.problems] == [
        "only the first 256 of 257 Host blocks checked separately"
    ]


def test_blocks_without_lines_and_without_effect_have_no_view() -> None:
    assert len(lint("Host a\nHost b\n Port 1\nHost c\n User x\n").views) == 1


# -- drop-ins and a user's own file ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "multiplexed"),
    [
        ("", None), ("ControlMaster no", False), ("ControlPath none", False),
        ("ControlMaster auto\nControlPath x", True),
    ],
)  # fmt: skip
def test_a_drop_in_may_leave_sharing_to_another_file(text: str, multiplexed: bool | None) -> None:
    assert config(lint(text, "ssh_config.d/1.conf").views[0]).multiplexed is multiplexed


def test_modes_of_a_user_s_file_and_its_keys(tmp_path: Path) -> None:
    own = tmp_path / ".ssh" / "config"
    own.parent.mkdir()
    own.touch(0o600)
    for name, mode in (("open", 0o644), ("shut", 0o600)):
        (own.parent / name).touch()
        (own.parent / name).chmod(mode)
    wrong = f"{tmp_path}/.ssh/open: mode 0644"
    text = "Host a\n IdentityFile none\n IdentityFile ~/.ssh/open\n IdentityFile ~/.ssh/shut\n"
    files = Files(base=own.parent)
    whole, block = lint(text, str(own), files).views
    assert files.home == tmp_path
    assert config(whole).modes == ()
    assert config(block).modes == (wrong,)
    assert config(block).mode_fixes == (f"chmod 600 {tmp_path}/.ssh/open",)
    assert [each.at.text for each in block.settings["modes"]] == [wrong]
    assert files.problems == []
    # A copy elsewhere names the keys of another machine.
    views = lint(text, str(tmp_path / "ssh_config"), Files(base=tmp_path)).views
    assert [config(view).modes for view in views] == [None]


def test_a_key_s_name_that_cannot_be_expanded_is_a_problem(tmp_path: Path) -> None:
    files = Files(base=tmp_path)
    name = str(tmp_path / ".ssh" / "config")
    (view,) = lint("IdentityFile %q\n", name, files).views
    assert config(view).modes is None
    assert [(p.file, p.line, p.text) for p in files.problems] == [
        (name, 1, "IdentityFile: token %q not allowed here")
    ]
