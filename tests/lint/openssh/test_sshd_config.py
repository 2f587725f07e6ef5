"""sshd_config: which line holds, for everyone and inside Match blocks."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.openssh import sshd_config
from seventh.lint.openssh.sshd_config import Connection, ServerConfig
from seventh.lintkit.files import Files
from seventh.protocols.ssh.client.config import directives
from seventh.protocols.ssh.wire.patterns import GrammarError, address_in_list, criteria

NEW = (10, 5)


def load(text: str, version: tuple[int, ...] = NEW) -> ServerConfig:
    files = Files()
    return sshd_config.load(files.take("sshd_config", text.encode()), files, version)


def test_the_first_line_holds_and_some_add_up() -> None:
    effective = load(
        "UseDNS yes\nUseDNS no\nAllowUsers a b\nAllowUsers c\nAuthorizedKeysFile x\n"
        "AuthorizedKeysFile y\n"
    ).effective()
    assert effective.value("usedns") == "yes"
    assert effective.values("allowusers") == ("a", "b", "c")
    assert effective.values("authorizedkeysfile") == ("x",)
    assert effective.lines("usedns")[0].at.line == 1


def test_the_last_max_startups_held_until_10_2() -> None:
    text = "MaxStartups 5\nMaxStartups 7\n"
    assert load(text, (9, 9)).effective().value("maxstartups") == "7:30:7"
    assert load(text).effective().value("maxstartups") == "5:30:5"


def test_a_match_block_replaces_and_the_first_block_holds() -> None:
    config = load(
        "PasswordAuthentication no\n"
        "Match User ops\n PasswordAuthentication yes\n"
        "Match User ops,root\n PasswordAuthentication no\n MaxAuthTries 2\n"
    )
    assert config.effective().value("passwordauthentication") == "no"
    ops = config.effective(Connection(user="ops"))
    assert (ops.value("passwordauthentication"), ops.value("maxauthtries")) == ("yes", "2")
    first, second = config.blocks
    assert config.inside(first).value("passwordauthentication") == "yes"
    assert config.inside(second).value("passwordauthentication") == "no"


def test_match_all_is_for_everyone() -> None:
    config = load("UseDNS no\nMatch User x\n X11Forwarding yes\nMatch all\n MaxSessions 3\n")
    assert config.effective().value("maxsessions") == "3"
    assert [block.label for block in config.blocks] == ["Match User x"]


@pytest.mark.parametrize(
    ("criterion", "fits"),
    [
        ("User ops", True), ("User *,!ops", False), ("User OPS", False),
        ("Group wheel", True), ("Group x,!wheel", False), ("Group users", True),
        ("Host *.EXAMPLE.com", True), ("Host !h*,*", False),
        ("Address 192.0.2.0/24", True), ("Address !192.0.2.7,*", False), ("Address 192.*", True),
        ("Address 2001:db8::/32", False), ("LocalAddress 127.0.0.1", True),
        ("LocalPort 22", True), ("LocalPort 23", False), ("RDomain vrf*", False),
        ("User ops Address 10.0.0.0/8", False), ("User=ops", True), ("invalid-user", False),
    ],
)  # fmt: skip
def test_every_criterion(criterion: str, fits: bool) -> None:
    config = load(f"Match {criterion}\n X11Forwarding yes\n")
    assert not config.reading.refused
    connection = Connection(
        user="ops", groups=("wheel", "users"), host="h.example.com", address="192.0.2.7",
        local_address="127.0.0.1", local_port=22,
    )  # fmt: skip
    assert config.effective(connection).is_on("x11forwarding") is fits


@pytest.mark.parametrize(
    ("criterion", "connection", "fits"),
    [
        ("RDomain vrf*", Connection(routing_domain="vrf1"), True),
        ("RDomain vrf*", Connection(routing_domain="x"), False),
        ("invalid-user", Connection(invalid_user=True), True),
        ("LocalAddress 127.0.0.0/8", Connection(local_address="::1"), False),
        ("LocalAddress 127.0.0.0/8", Connection(address="127.0.0.1"), False),
        ("Group a", Connection(user="a"), False),
        ("Group a", Connection(groups=()), False),
        ("Group !a,b", Connection(groups=("b", "a")), False),
        ("User *", Connection(), False),
        ("Host *", Connection(), False),
        ("Address *", Connection(), False),
        ("LocalAddress *", Connection(), False),
        ("RDomain *", Connection(), False),
        ("User a LocalPort 22", Connection(user="a", local_port=22), True),
        ("User a LocalPort 22", Connection(user="a"), False),
        ("User a LocalPort 22", Connection(local_port=22), False),
    ],
)
def test_each_criterion_tests_its_own_part(
    criterion: str, connection: Connection, fits: bool
) -> None:
    (block,) = load(f"Match {criterion}\n X11Forwarding yes\n").blocks
    assert sshd_config.matches(block, connection) is fits


def test_addresses_and_criteria_that_sshd_refuses() -> None:
    for text in ("192.0.2.1/24", "a,,b", "192.0.2.0/33"):
        with pytest.raises(GrammarError):
            address_in_list("192.0.2.1", text)
    assert address_in_list("no address", "192.0.2.0/24") == 0
    for text in ("", "User", "all User x"):
        with pytest.raises(GrammarError):
            criteria(text, frozenset({"all"}))


def test_includes_keep_their_blocks_to_themselves(tmp_path: Path) -> None:
    (tmp_path / "sshd_config.d").mkdir()
    (tmp_path / "sshd_config.d" / "1.conf").write_text("Match User x\n MaxSessions 2\n")
    (tmp_path / "sshd_config.d" / "2.conf").write_text("MaxSessions 5\n")
    main = tmp_path / "sshd_config"
    main.write_text("Include /etc/ssh/sshd_config.d/*.conf\nMaxSessions 7\n")
    files = Files(base=tmp_path)
    text = files.read(main)
    assert text is not None
    config = sshd_config.load(text, files, NEW)
    assert config.effective().value("maxsessions") == "5"
    assert config.effective(Connection(user="x")).value("maxsessions") == "2"
    # A copy of another machine's files is read, not this machine's /etc/ssh.
    assert [Path(name).parent for name in files.read_names[1:]] == [tmp_path / "sshd_config.d"] * 2


def test_what_sshd_refuses_is_noted_with_its_line() -> None:
    config = load("UseDNS off\nMatch User x\n Port 22\nMatch colour red\n MaxSessions 9\n")
    assert [line.line for line in config.reading.refused] == [4, 1, 3]
    assert config.effective(Connection(user="x")).value("maxsessions") == "10"


KEYS_COMMAND = "AuthorizedKeysCommand /bin/keys"
PRINCIPALS = "AuthorizedPrincipalsCommand /bin/principals"
EVERY_LIST = "AuthenticationMethods: every list has a disabled method"
REFUSED = [
    ("UseDNS off", "1: invalid value 'off' for UseDNS"),
    ("GatewayPorts local", "1: invalid value 'local' for GatewayPorts"),
    ("LoginGraceTime 1x", "1: invalid value '1x' for LoginGraceTime"),
    ("MaxStartups 9:30:5", "1: invalid value '9:30:5' for MaxStartups"),
    ("Port x", "1: Port: invalid value 'x'"),
    ("Match User x\n Port 22", "2: Port is not allowed in a Match block (line 1: Match User x)"),
    ("Match all\n Port 22", ""),
    (KEYS_COMMAND, "1: AuthorizedKeysCommand requires AuthorizedKeysCommandUser"),
    (PRINCIPALS, "1: AuthorizedPrincipalsCommand requires AuthorizedPrincipalsCommandUser"),
    (f"{KEYS_COMMAND}\nAuthorizedPrincipalsCommandUser x",
     "1: AuthorizedKeysCommand requires AuthorizedKeysCommandUser"),
    (f"{KEYS_COMMAND}\nAuthorizedKeysCommandUser x", ""),
    ("AuthorizedKeysCommand None", ""),
    ("AuthenticationMethods any", ""),
    ("AuthenticationMethods password", ""),
    ("AuthenticationMethods password\nPasswordAuthentication no", f"1: {EVERY_LIST}"),
    ("AuthenticationMethods password publickey\nPasswordAuthentication no", ""),
    ("AuthenticationMethods publickey,password\nPasswordAuthentication no", f"1: {EVERY_LIST}"),
    ("AuthenticationMethods publickey\nPubkeyAuthentication no", f"1: {EVERY_LIST}"),
    ("AuthenticationMethods keyboard-interactive:pam\nKbdInteractiveAuthentication no",
     f"1: {EVERY_LIST}"),
    ("AuthenticationMethods keyboard-interactive:pam", ""),
    ("AuthenticationMethods hostbased", f"1: {EVERY_LIST}"),
    ("AuthenticationMethods gssapi-with-mic", f"1: {EVERY_LIST}"),
    ("AuthenticationMethods gssapi-with-mic\nGSSAPIAuthentication yes", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "refused"), REFUSED)
def test_what_sshd_does_not_start_with(text: str, refused: str) -> None:
    found = [f"{line.line}: {line.text}" for line in load(text).reading.refused]
    assert found == ([refused] if refused else [])


@pytest.mark.parametrize("text", [KEYS_COMMAND, PRINCIPALS, "AuthenticationMethods hostbased"])
def test_a_main_file_may_complete_a_drop_in(text: str) -> None:
    files = Files()
    for name, count in (("sshd_config", 1), ("sshd_config.d/1.conf", 0)):
        config = sshd_config.load(files.take(name, text.encode()), files, NEW)
        assert len(config.reading.refused) == count


def test_a_subsystem_may_be_named_twice_since_9_5() -> None:
    text = "Subsystem sftp a\nSubsystem backup b\nSubsystem sftp c\n"
    refused = load(text, (9, 4)).reading.refused
    assert [f"{line.line}: {line.text}" for line in refused] == ["3: duplicate subsystem sftp"]
    assert load(text, (9, 5)).reading.refused == []


def test_match_all_counts_in_a_block_by_its_place() -> None:
    everyone, some = "Match all\n X11Forwarding yes\n", "Match User a\n X11Forwarding no\n"
    for text, value in ((everyone + some, "yes"), (some + everyone, "no")):
        config = load(text)
        (block,) = config.blocks
        assert config.inside(block).value("x11forwarding") == value
        assert config.effective(Connection(user="a")).value("x11forwarding") == value


def test_a_block_without_directives_changes_nothing() -> None:
    config = load("Match User a\nMatch User b\n X11Forwarding no\nMatch all\n UseDNS no\n")
    assert [config.changes(block) for block in config.blocks] == [False, True]


def test_values_set_or_by_default() -> None:
    effective = load("AuthorizedKeysFile a b\nBanner /x\n").effective()
    assert effective.values("authorizedkeysfile") == ("a", "b")
    assert effective.value("authorizedkeysfile") == "a b"
    assert load("").effective().values("authorizedkeysfile") == (
        ".ssh/authorized_keys", ".ssh/authorized_keys2",
    )  # fmt: skip
    assert effective.values("allowusers") == ()
    assert effective.value("allowusers") == ""
    assert effective.lines("usedns") == ()
    assert effective.is_on("pubkeyauthentication")
    assert not effective.is_on("banner")
    assert load("UseDNS off\n").effective().value("usedns") == "off"


FLAGS = """
AllowAgentForwarding DisableForwarding ExposeAuthInfo GSSAPIAuthentication
GSSAPICleanupCredentials GSSAPIStrictAcceptorCheck HostbasedAuthentication
HostbasedUsesNameFromPacketOnly IgnoreUserKnownHosts KbdInteractiveAuthentication
KerberosAuthentication KerberosOrLocalPasswd KerberosTicketCleanup PasswordAuthentication
PermitEmptyPasswords PermitTTY PermitUserRC PrintLastLog PrintMotd PubkeyAuthentication
RefuseConnection StreamLocalBindUnlink StrictModes TCPKeepAlive UseDNS UsePAM X11Forwarding
X11UseLocalhost DebianBanner
"""
CHOICES = {
    "AddressFamily": "any inet inet6",
    "AllowStreamLocalForwarding": "yes no local remote",
    "AllowTcpForwarding": "yes no local remote",
    "Compression": "yes delayed no",
    "GatewayPorts": "yes no clientspecified",
    "IgnoreRhosts": "yes no shosts-only",
    "PermitRootLogin": "yes no prohibit-password forced-commands-only",
    "PermitTunnel": "yes no point-to-point ethernet",
}


def test_yes_or_no_and_other_choices() -> None:
    """The words of sshd_config(5)."""
    for name, words in {**dict.fromkeys(FLAGS.split(), "yes no"), **CHOICES}.items():
        for word in words.split():
            assert sshd_config.canonical(name.lower(), (word,)) == word
            assert sshd_config.canonical(name.lower(), (word.upper(),)) == word
        assert sshd_config.canonical(name.lower(), ("maybe",)) is None, name
        assert sshd_config.canonical(name.lower(), ()) is None, name
    for name in ("LoginGraceTime", "ClientAliveInterval", "UnusedConnectionTimeout"):
        assert sshd_config.canonical(name.lower(), ("1h",)) == "3600"
        assert sshd_config.canonical(name.lower(), ("none",)) == "none"
        assert sshd_config.canonical(name.lower(), ("x",)) is None


@pytest.mark.parametrize(
    ("name", "value", "printed"),
    [
        ("usedns", "YES", "yes"), ("usedns", "true", None), ("usedns", "", None),
        ("addressfamily", "inet6", "inet6"), ("addressfamily", "inet", "inet"),
        ("addressfamily", "ipv6", None), ("gatewayports", "clientspecified", "clientspecified"),
        ("permitrootlogin", "without-password", "prohibit-password"),
        ("permitrootlogin", "forced-commands-only", "forced-commands-only"),
        ("allowtcpforwarding", "all", "yes"), ("allowstreamlocalforwarding", "all", "yes"),
        ("allowtcpforwarding", "local", "local"), ("allowtcpforwarding", "remote", "remote"),
        ("compression", "delayed", "delayed"), ("ignorerhosts", "shosts-only", "shosts-only"),
        ("permittunnel", "point-to-point", "point-to-point"),
        ("permittunnel", "ethernet", "ethernet"),
        ("logingracetime", "1m30s", "90"), ("logingracetime", "1x", None),
        ("unusedconnectiontimeout", "NONE", "none"), ("maxstartups", "5", "5:30:5"),
        ("maxstartups", "0", None), ("maxstartups", "5:1:5", "5:1:5"),
        ("maxstartups", "5:100:6", "5:100:6"), ("maxstartups", "5:0:6", None),
        ("maxstartups", "5:101:6", None), ("maxstartups", "7:30:6", None),
        ("maxstartups", "0:30:6", None), ("maxstartups", "5:30", None),
        ("maxstartups", "x", None), ("maxstartups", "1", "1:30:1"),
        ("maxstartups", "1:2:1", "1:2:1"),
        ("maxstartups", "5:30:60x", "5:30:60"), ("maxstartups", "5x", "5:30:5"),
        ("maxstartups", "5:30:", None),
        ("banner", "/etc/motd x", "/etc/motd x"),
    ],
)  # fmt: skip
def test_values_as_sshd_prints_them(name: str, value: str, printed: str | None) -> None:
    assert sshd_config.canonical(name, tuple(value.split())) == printed


# -- tables ----------------------------------------------------------------------------------------


def test_every_version_has_every_list() -> None:
    for version in ((6, 6), (7, 0), (7, 4), (8, 8), (9, 2), (10, 0), (10, 5), (11, 0)):
        for side in ("server", "client"):
            found = directives.defaults(side, version)  # type: ignore[arg-type]
            for name, kind in directives.LISTS.items():
                names = found[name].split(",")
                assert len(set(names)) == len(names)
                assert set(names) <= set(directives.known(kind, version)), (version, side, name)


def test_every_default_is_a_directive() -> None:
    for side in ("server", "client"):
        spelled = directives.spelled(side)  # type: ignore[arg-type]
        assert set(directives.defaults(side, NEW)) <= set(spelled)  # type: ignore[arg-type]
        assert set(directives.cumulative(side)) <= set(spelled)  # type: ignore[arg-type]
        assert set(directives.aliases(side).values()) <= set(spelled)  # type: ignore[arg-type]
    for name, wanted in directives.defaults("server", NEW).items():
        assert sshd_config.canonical(name, tuple(wanted.split(" "))), name


@pytest.mark.parametrize(
    ("version", "name", "holds"),
    [
        ((8, 9), "sntrup761x25519-sha512@openssh.com", True),
        ((8, 8), "sntrup761x25519-sha512@openssh.com", False),
        ((9, 9), "mlkem768x25519-sha256", True), ((9, 8), "mlkem768x25519-sha256", False),
        ((8, 1), "diffie-hellman-group14-sha1", True),
        ((8, 2), "diffie-hellman-group14-sha1", False),
        ((9, 9), "diffie-hellman-group14-sha256", True),
        ((10, 0), "diffie-hellman-group14-sha256", False),
    ],
)  # fmt: skip
def test_what_the_releases_changed(version: tuple[int, ...], name: str, holds: bool) -> None:
    assert (name in directives.defaults("server", version)["kexalgorithms"].split(",")) is holds
