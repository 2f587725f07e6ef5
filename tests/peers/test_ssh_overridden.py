"""Lines that others override, against ``sshd -T`` and ``ssh -G``: without them nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.lint.openssh.test_overridden import CLIENT, SERVER, lint, pairs
from tests.peers.test_ssh_config import (
    CONNECTIONS,
    Connection,
    host_key,
    specification,
    ssh_g,
    sshd_t,
)

__all__ = ["host_key"]
pytestmark = pytest.mark.peer

HOSTS = ("a", "b", "x.b", "y.b", "A", "other")


def without(lines: list[str], found: list[tuple[int | None, int | None]]) -> list[str]:
    gone = {number for number, _ in found}
    return [line for number, line in enumerate(lines, 1) if number not in gone]


@pytest.mark.parametrize("name", SERVER)
def test_sshd_does_not_read_the_line(tmp_path: Path, host_key: Path, name: str) -> None:
    lines, found = SERVER[name]
    assert_same_server(tmp_path, host_key, lines, without(lines, [*found]), CONNECTIONS)


@pytest.mark.parametrize("name", CLIENT)
def test_ssh_does_not_read_the_line(tmp_path: Path, name: str) -> None:
    lines, found = CLIENT[name]
    for host in HOSTS:
        assert_same_client(tmp_path, lines, without(lines, [*found]), host)


def test_sshd_reads_the_line_that_decides(tmp_path: Path, host_key: Path) -> None:
    """What the tests above prove by silence: another line would be seen."""
    told = [served(tmp_path, host_key, [f"PermitTTY {word}", "PermitTTY no"], None)
            for word in ("yes", "no")]  # fmt: skip
    assert told[0] != told[1]


def served(
    folder: Path, key: Path, lines: list[str], connection: Connection | None
) -> dict[str, list[str]]:
    file = folder / "sshd_config"
    file.write_text(f"HostKey {key}\n" + "\n".join(lines) + "\n")
    theirs, refused = sshd_t(file, specification(connection))
    if "unsupported" in refused.lower() or "Bad configuration option" in refused:
        pytest.skip("this sshd does not know the directive")
    assert not refused, refused
    return dict(theirs)


def assert_same_server(
    folder: Path,
    key: Path,
    before: list[str],
    after: list[str],
    connections: tuple[Connection | None, ...],
) -> None:
    for connection in connections:
        assert served(folder, key, before, connection) == served(folder, key, after, connection)


def assert_same_client(folder: Path, before: list[str], after: list[str], host: str) -> None:
    told = []
    for number, lines in enumerate((before, after)):
        file = folder / f"config{number}"
        file.write_text("\n".join(lines) + "\n")
        file.chmod(0o600)
        theirs, refused = ssh_g(file, host)
        assert not refused, refused
        told.append(theirs)
    assert told[0] == told[1]


_SERVER_LINES = st.one_of(
    st.sampled_from(["Match User root", "Match User ops,!root", "Match User *", "Match all",
                     "Match Address 192.0.2.0/24", "Match Address 192.0.2.0/24 User root",
                     "Match User root Address 192.0.2.0/24"]),
    st.sampled_from(["yes", "no"]).map(lambda v: f"PasswordAuthentication {v}"),
    st.integers(1, 3).map(lambda n: f"  MaxAuthTries {n}"),
    st.sampled_from(["yes", "no"]).map(lambda v: f"  PermitTTY {v}"),
    st.sampled_from(["a", "b"]).map(lambda v: f"AcceptEnv {v}"),
)  # fmt: skip
_CLIENT_LINES = st.one_of(
    st.lists(st.sampled_from(["a", "b", "x.b", "*", "*.b", "?", "!a"]), min_size=1, max_size=2).map(
        lambda names: "Host " + " ".join(names)),
    st.sampled_from(["Match all", "Match final all", "Match host a", "Match user x"]),
    st.integers(1, 3).map(lambda n: f"  Port {n}"),
    st.sampled_from(["x", "y"]).map(lambda v: f"User {v}"),
    st.sampled_from(["none", "one", "two"]).map(lambda v: f"ProxyJump {v}"),
    st.sampled_from(["none", "nc %h"]).map(lambda v: f"ProxyCommand {v}"),
    st.sampled_from(["a", "x.b", "%h.b"]).map(lambda v: f"HostName {v}"),
)  # fmt: skip


@settings(max_examples=80)
@given(lines=st.lists(_SERVER_LINES, max_size=12), connection=st.sampled_from(CONNECTIONS[:4]))
def test_sshd_reads_no_overridden_line_of_any_file(
    tmp_path: Path, host_key: Path, lines: list[str], connection: Connection | None
) -> None:
    found = pairs(lint("\n".join(lines), "server"))
    assert_same_server(tmp_path, host_key, lines, without(lines, found), (connection,))


@settings(max_examples=120)
@given(lines=st.lists(_CLIENT_LINES, max_size=12), host=st.sampled_from(HOSTS))
def test_ssh_reads_no_overridden_line_of_any_file(
    tmp_path: Path, lines: list[str], host: str
) -> None:
    found = pairs(lint("\n".join(lines), "client"))
    assert_same_client(tmp_path, lines, without(lines, found), host)


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("Host a\n UseKeychain yes\n", False),
        ("Host b\n IgnoreUnknown UseKeychain\nHost a\n UseKeychain yes\n", False),
        ("UseKeychain yes\nIgnoreUnknown UseKeychain\n", False),
        ("IgnoreUnknown UseKey*\nHost a\n UseKeychain yes\n", True),
        ("Host *\n IgnoreUnknown x,UseKeychain\nHost a\n UseKeychain yes\n", True),
    ],
)
def test_usekeychain_is_refused_unless_it_is_ignored(
    tmp_path: Path, text: str, accepted: bool
) -> None:
    file = tmp_path / "config"
    file.write_text(text)
    file.chmod(0o600)
    _, refused = ssh_g(file, "c")
    assert ("usekeychain" not in refused) is accepted
    facts = lint(text, "client").views[0].facts["ssh"]
    assert facts.config.not_ignored == (() if accepted else ("UseKeychain",))  # type: ignore[attr-defined]
