"""The views of an sshd_config: which blocks have one, their facts as a whole, and their lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh.lint.openssh import sshd
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, View, parse_software
from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import SshConfigFacts, WrittenList
from seventh.protocols.ssh.facts.login import Login
from seventh.protocols.ssh.facts.session import SessionFacts


def lint(text: str, software: str = "9.2", name: str = "sshd_config", **how: bool) -> Linted:
    files = Files(base=Path("/nonexistent"))
    said = parse_software(f"openssh={software}") if software else None
    return sshd.lint(files.take(name, text.encode()), files, said, **how)


def facts(view: View) -> SshFacts:
    found = view.facts["ssh"]
    assert isinstance(found, SshFacts)
    return found


def lines(view: View, key: str) -> list[str]:
    return [
        f"{one.at.line}: {one.at.text}" if one.at.line else one.at.text
        for one in view.settings[key]
    ]


KEX = (
    "sntrup761x25519-sha512@openssh.com", "curve25519-sha256", "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256",
)  # fmt: skip
"""KexAlgorithms of sshd 9.2 (sshd_config(5) of that release)."""
CONFIG = SshConfigFacts(
    side="server", version=(9, 2), idle=(), overridden=(), allowed=(), agent_forwarding=True,
    startups=(10, 30, 100), startups_per_source="none", grace_seconds=120, version_addendum="",
)  # fmt: skip
LOGIN = Login(
    methods=("publickey", "password"), still_wanted=(), root_methods=("publickey",),
    root_source="file", empty_passwords=False, keepalive_seconds=0.0, keepalive_source="file",
)  # fmt: skip
SESSION = SessionFacts(
    sftp="refused", local_forward="allowed", dynamic_forward="allowed", remote_forward="loopback",
    remote_forward_all="loopback",
)  # fmt: skip
NO_FILES = {
    Topic.RSA_KEY: "/nonexistent/ssh_host_rsa_key.pub not found, so its length is unknown",
    Topic.SMALLEST_GROUP: "no moduli file next to the configuration",
}


def test_an_empty_file_has_the_defaults() -> None:
    result = lint("")
    assert (result.software, result.software_assumed, result.problems) == ("openssh 9.2", False, ())
    (view,) = result.views
    assert (view.label, view.place) == ("", "")
    found = facts(view)
    assert found.config == CONFIG
    assert found.login == LOGIN
    assert found.session == SESSION
    assert found.unknown == NO_FILES
    assert (found.protocol_version, found.host_keys, found.gex_bits) == ("2.0", (), None)
    assert found.kexinit is not None
    assert found.kexinit.kex_algorithms == KEX
    assert found.kexinit.compression_algorithms_client_to_server == ("none", "zlib@openssh.com")
    assert found.server_sig_algs is not None
    assert found.server_sig_algs[0] == "ssh-ed25519-cert-v01@openssh.com"


def test_a_full_file() -> None:
    result = lint(
        "AuthenticationMethods publickey,password hostbased\nHostbasedAuthentication yes\n"
        "PermitRootLogin yes\nPermitEmptyPasswords no\nClientAliveInterval 30\n"
        "Subsystem sftp internal-sftp\nAllowTcpForwarding local\nGatewayPorts yes\n"
        "AllowUsers a b\nAllowGroups c\nAllowAgentForwarding no\nMaxStartups 5:20:9\n"
        "PerSourceMaxStartups 3\nLoginGraceTime 1m\nDebianBanner no\nVersionAddendum x y\n"
        "MACs -hmac-*\nCiphers aes256-gcm@openssh.com\nUseLogin no\nCompression no\n"
    )
    assert result.problems == ()
    found = facts(result.views[0])
    default_macs = (
        "umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
        "hmac-sha2-512-etm@openssh.com", "hmac-sha1-etm@openssh.com", "umac-64@openssh.com",
        "umac-128@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1",
    )  # fmt: skip
    macs = tuple(name for name in default_macs if name.startswith("umac"))
    ciphers = (
        "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr",
        "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
    )  # fmt: skip
    assert found.config == SshConfigFacts(
        side="server", version=(9, 2),
        lists={
            "Ciphers": WrittenList(text="aes256-gcm@openssh.com", default=ciphers,
                                   effective=("aes256-gcm@openssh.com",)),
            "MACs": WrittenList(text="-hmac-*", effective=macs, default=default_macs),
        },
        authentication_methods=("publickey,password", "hostbased"), idle=("UseLogin", "MACs"),
        overridden=(),
        allowed=("a", "b", "c"), agent_forwarding=False, startups=(5, 20, 9),
        startups_per_source="3", grace_seconds=60, debian_banner=False, version_addendum="x y",
    )  # fmt: skip
    assert found.login == replace(
        LOGIN, methods=("publickey", "hostbased"), still_wanted=("password",),
        root_methods=("publickey", "hostbased"), keepalive_seconds=30.0,
    )  # fmt: skip
    assert found.session == SessionFacts(
        sftp="works", local_forward="allowed", dynamic_forward="allowed",
        remote_forward="refused", remote_forward_all="refused",
    )  # fmt: skip
    offer = found.kexinit
    assert offer is not None
    assert offer.encryption_algorithms_client_to_server == ("aes256-gcm@openssh.com",)
    assert offer.encryption_algorithms_server_to_client == ("aes256-gcm@openssh.com",)
    assert offer.mac_algorithms_client_to_server == offer.mac_algorithms_server_to_client == macs
    assert offer.compression_algorithms_client_to_server == ("none",)
    assert offer.compression_algorithms_server_to_client == ("none",)
    assert lines(result.views[0], "idle") == ["19: UseLogin no", "17: MACs -hmac-*"]
    assert lines(result.views[0], "modes") == []


def test_what_sshd_prints_has_no_idle_macs() -> None:
    """It prints every directive, whether the file sets it or not."""
    text = "macs hmac-sha2-256\nciphers aes256-gcm@openssh.com\n"
    config = facts(lint(text, printed=True).views[0]).config
    assert config is not None
    assert config.idle == ()


@pytest.mark.parametrize(
    ("software", "line", "offered"),
    [
        ("7.3", "yes", ("none", "zlib@openssh.com", "zlib")),
        ("7.3", "delayed", ("none", "zlib@openssh.com")),
        ("7.4", "yes", ("none", "zlib@openssh.com")),
        ("7.3", "no", ("none",)),
        ("9.2", "delayed", ("none", "zlib@openssh.com")),
    ],
)
def test_compression(software: str, line: str, offered: tuple[str, ...]) -> None:
    offer = facts(lint(f"Compression {line}\n", software).views[0]).kexinit
    assert offer is not None
    assert offer.compression_algorithms_client_to_server == offered
    assert offer.compression_algorithms_server_to_client == offered


FORWARDING = [
    # the lines; local and dynamic, remote on the loopback, remote on all addresses
    ("AllowTcpForwarding all", "allowed", "loopback", "loopback"),
    ("AllowTcpForwarding no", "forbidden", "refused", "refused"),
    ("AllowTcpForwarding local\nGatewayPorts yes", "allowed", "refused", "refused"),
    ("AllowTcpForwarding remote\nGatewayPorts yes", "forbidden", "open", "open"),
    ("DisableForwarding yes\nGatewayPorts yes", "forbidden", "refused", "refused"),
    ("PermitOpen none", "forbidden", "loopback", "loopback"),
    ("PermitOpen a:1", "allowed", "loopback", "loopback"),
    ("PermitListen none\nGatewayPorts yes", "allowed", "refused", "refused"),
    ("PermitListen none any\nGatewayPorts yes", "allowed", "open", "open"),
    ("GatewayPorts clientspecified", "allowed", "loopback", "open"),
    ("GatewayPorts yes\nPermitListen localhost:80", "allowed", "loopback", "refused"),
    ("GatewayPorts yes\nPermitListen 127.0.0.1:80", "allowed", "loopback", "refused"),
    ("GatewayPorts yes\nPermitListen [::1]:80", "allowed", "loopback", "refused"),
    ("GatewayPorts yes\nPermitListen localhost:80 *:81", "allowed", "open", "open"),
    ("GatewayPorts yes\nPermitListen localhost:80 192.0.2.1:81", "allowed", "open", "open"),
    ("GatewayPorts clientspecified\nPermitListen localhost:80", "allowed", "loopback", "refused"),
    ("GatewayPorts clientspecified\nPermitListen 80", "allowed", "loopback", "open"),
    ("GatewayPorts no\nPermitListen 80", "allowed", "loopback", "loopback"),
]


@pytest.mark.parametrize(("text", "local", "loopback", "everywhere"), FORWARDING)
def test_forwarding(text: str, local: str, loopback: str, everywhere: str) -> None:
    session = facts(lint(text).views[0]).session
    assert session == SessionFacts(
        sftp="refused", local_forward=local, dynamic_forward=local,  # type: ignore[arg-type]
        remote_forward=loopback, remote_forward_all=everywhere,  # type: ignore[arg-type]
    )  # fmt: skip


# -- blocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "has_view"),
    [
        ("Match Group a\n X11Forwarding yes", False),  # no rule reads it
        ("Match Group a", False),
        ("Match Group a\n PasswordAuthentication yes", False),  # as in the whole file
        ("Match Group a\n PasswordAuthentication no", True),
        ("Match User root\n PermitRootLogin yes", False),  # counts for root in the whole file
        ("Match User root,alice\n PermitRootLogin yes", False),
        ("Match Address 192.0.2.1\n PermitRootLogin yes", True),
        ("Match Address 192.0.2.1\n PermitRootLogin prohibit-password", False),
        ("Match User root Address 192.0.2.1\n PermitRootLogin yes", True),
        ("Match Address 192.0.2.1 User roo?\n PermitRootLogin yes", True),
        ("Match User alice Address 192.0.2.1\n PermitRootLogin yes", False),
        ("Match User !root,* Address 192.0.2.1\n PermitRootLogin yes", False),
    ],
)
def test_which_block_has_a_view(block: str, has_view: bool) -> None:
    views = lint(f"{block}\n").views
    label = block.splitlines()[0]
    assert [view.label for view in views] == ["", *([label] if has_view else [])]


def test_a_block_s_view() -> None:
    text = (
        "PermitRootLogin yes\nMatch Address 192.0.2.1 # inside\n PasswordAuthentication no\n"
        "Match User b\n AllowTcpForwarding no\n"
    )
    whole, first, second = lint(text).views
    for view, label, root in (
        (whole, "", ("publickey", "password")),
        (first, "Match Address 192.0.2.1 # inside", ("publickey",)),
        (second, "Match User b", None),
    ):
        found = facts(view)
        assert view.label == label
        assert found.config == replace(CONFIG, scope=label)
        assert found.login is not None
        assert found.login.root_methods == root
    where = "in sshd_config, {} line {} ({}), in place of lines with the same keyword"
    assert whole.place == where.format("above", 2, first.label)
    assert first.place == where.format("under", 2, first.label)
    assert second.place == where.format("under", 4, second.label)
    assert lines(first, "passwordauthentication") == ["3: PasswordAuthentication no"]
    assert lines(first, "permitrootlogin") == ["1: PermitRootLogin yes"]


@pytest.mark.parametrize(
    ("text", "deciding"),
    [
        ("", ["PermitRootLogin prohibit-password (default of openssh 9.2)"]),
        ("PermitRootLogin yes\nPasswordAuthentication yes\n", ["1: PermitRootLogin yes"]),
        (
            """PermitRootLogin yes
Match User root
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  X11Forwarding no
""",
            ["1: PermitRootLogin yes", "3: PasswordAuthentication no",
             "4: KbdInteractiveAuthentication no"],
        ),
        ("Match User root\n PermitRootLogin yes\n", ["2: PermitRootLogin yes"]),
    ],
)  # fmt: skip
def test_the_lines_that_decide_for_root(text: str, deciding: list[str]) -> None:
    assert lines(lint(text).views[0], "permitrootlogin") == deciding


def test_blocks_are_checked_up_to_a_limit() -> None:
    files = Files()
    text = "".join(f"Match User u{n}\n PasswordAuthentication no\n" for n in range(257))
    for count, problems in (
        (256, []),
        (257, ["only the first 256 of 257 Match blocks checked separately"]),
    ):
        part = "".join(text.splitlines(keepends=True)[: 2 * count])
        assert len(sshd.lint(files.take("sshd_config", part.encode()), files, None).views) == 257
        assert [(p.file, p.line, p.text) for p in files.problems] == [
            ("sshd_config", None, problem) for problem in problems
        ]


# -- drop-ins --------------------------------------------------------------------------------------

DROP_IN = "sshd_config.d/1.conf"
LISTS = ("KexAlgorithms", "Ciphers", "MACs", "HostKeyAlgorithms", "PubkeyAcceptedAlgorithms")
METHODS = ("publickey", "gssapi-with-mic", "password", "keyboard-interactive", "hostbased")


@pytest.mark.parametrize(
    ("text", "on", "root", "left"),
    [
        ("UseDNS no", (), (), (*LISTS, *METHODS)),
        ("PermitRootLogin yes", (), None, (*LISTS, *METHODS)),
        ("PasswordAuthentication yes", ("password",), (),
         (*LISTS, "publickey", "gssapi-with-mic", "keyboard-interactive", "hostbased")),
        ("PasswordAuthentication yes\nPermitRootLogin yes", ("password",), ("password",),
         (*LISTS, "publickey", "gssapi-with-mic", "keyboard-interactive", "hostbased")),
        ("PubkeyAuthentication no", (), (), (*LISTS, *METHODS[1:])),
        ("AuthenticationMethods password:x,publickey hostbased", (), (),
         (*LISTS, "password", "hostbased")),
        ("MACs hmac-md5\nHostKey x", (), (),
         ("KexAlgorithms", "Ciphers", "PubkeyAcceptedAlgorithms", *METHODS)),
    ],
)  # fmt: skip
def test_what_a_drop_in_leaves_to_the_main_file(
    text: str, on: tuple[str, ...], root: tuple[str, ...] | None, left: tuple[str, ...]
) -> None:
    found = facts(lint(text, name=DROP_IN).views[0])
    assert found.config is not None
    assert found.login is not None
    assert found.config.left_to_others == left
    assert found.login.methods == on
    if "PermitRootLogin" in text:
        assert found.login.root_methods == root
    else:
        assert found.login.root_methods is None


def test_a_drop_in_decides_nothing_that_it_does_not_set() -> None:
    found = facts(lint("UseDNS no\n", name=DROP_IN).views[0])
    assert (found.kexinit, found.server_sig_algs) == (None, None)
    assert found.config == replace(
        CONFIG, allowed=None, agent_forwarding=None, startups=None,
        left_to_others=(*LISTS, *METHODS),
    )  # fmt: skip
    assert found.login == replace(
        LOGIN, methods=(), root_methods=None, keepalive_seconds=None, empty_passwords=None
    )
    assert found.session == SessionFacts()


@pytest.mark.parametrize(
    "line",
    [
        "KexAlgorithms +x", "Ciphers +x", "MACs +x", "HostKeyAlgorithms +x",
        "PubkeyAcceptedAlgorithms +x", "Compression no", "HostKey x",
    ],
)  # fmt: skip
def test_any_list_makes_a_drop_in_s_offer(line: str) -> None:
    found = facts(lint(f"{line}\n", name=DROP_IN).views[0])
    assert found.kexinit is not None
    assert (found.server_sig_algs is not None) is line.startswith("Pubkey")
