"""The line that removes algorithms from a list or puts some first, for each way to write one."""

from __future__ import annotations

import pytest

from seventh.protocols.ssh.facts import Names, SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts, WrittenList
from seventh.protocols.ssh.rules import lists

OFFERED = ("aes256-ctr", "aes128-cbc")


def weak_of(names: Names) -> Names:
    return tuple(name for name in names if name.endswith("-cbc"))


def written(text: str, effective: Names = OFFERED, default: Names = ("aes256-ctr",)) -> WrittenList:
    return WrittenList(text=text, effective=effective, default=default)


def file(version: tuple[int, ...] = (9, 2), **by_directive: WrittenList) -> SshFacts:
    return SshFacts(config=SshConfigFacts(side="server", version=version, lists=by_directive))


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (SshFacts(), "Ciphers aes256-ctr"),
        (file(), "Ciphers -aes128-cbc"),
        (file(()), "Ciphers -aes128-cbc"),
        (file((7, 5)), "Ciphers -aes128-cbc"),
        (file((7, 4)), "Ciphers aes256-ctr"),
        (file(Ciphers=written("aes256-ctr,aes128-cbc")), "Ciphers aes256-ctr"),
        # A line that adds names: without all of them the default is left, but not without some.
        (file(Ciphers=written("+aes128-cbc")), "Ciphers -aes128-cbc"),
        (file(Ciphers=written("+aes128-cbc", default=("aes256-ctr", "aes128-cbc"))),
         "Ciphers -aes128-cbc"),
        (file(Ciphers=written("+aes128-cbc,aes256-ctr", default=())), "Ciphers aes256-ctr"),
        (file((7, 4), Ciphers=written("+aes128-cbc")), "Ciphers aes256-ctr"),
        (file(Ciphers=written("-3des-cbc")), "Ciphers -3des-cbc,aes128-cbc"),
        (file((7, 4), Ciphers=written("-3des-cbc")), "Ciphers aes256-ctr"),
        (file(MACs=written("-hmac-md5")), "Ciphers -aes128-cbc"),
    ],
)  # fmt: skip
def test_the_line_without_weak_names(facts: SshFacts, line: str) -> None:
    assert lists.without(facts, "Ciphers", OFFERED, weak_of) == line


def test_several_weak_names_in_one_line() -> None:
    offered = ("3des-cbc", *OFFERED)
    assert lists.without(file(), "Ciphers", offered, weak_of) == "Ciphers -3des-cbc,aes128-cbc"
    minus = file(Ciphers=written("-x"))
    assert lists.without(minus, "Ciphers", offered, weak_of) == "Ciphers -x,3des-cbc,aes128-cbc"


@pytest.mark.parametrize(
    ("directive", "kept"),
    [
        ("KexAlgorithms", "curve25519-sha256@libssh.org"),
        ("Ciphers", "aes256-gcm@openssh.com,aes128-gcm@openssh.com"),
        ("MACs", "hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com"),
        ("HostKeyAlgorithms", "ssh-ed25519,rsa-sha2-512,rsa-sha2-256"),
        ("PubkeyAcceptedAlgorithms", "ssh-ed25519,rsa-sha2-512,rsa-sha2-256"),
    ],
)
def test_what_every_version_has_is_kept_where_nothing_would_be(directive: str, kept: str) -> None:
    line = f"{directive} {kept}"
    assert lists.without(SshFacts(), directive, ("a-cbc",), weak_of) == line
    weak = file(**{directive: written("a-cbc", default=("b-cbc",))})
    assert lists.without(weak, directive, ("a-cbc",), weak_of) == line
    strong = file(**{directive: written("a-cbc", default=("b-cbc", "good", "better"))})
    is_kex = directive == "KexAlgorithms"
    assert lists.without(strong, directive, ("a-cbc",), weak_of) == (
        f"{directive} good,better" if is_kex else line
    )


GCM = "aes256-gcm@openssh.com"
NO_MAC = "# delete the MACs line: with these ciphers no MAC is used"
MACS = {"MACs": written("hmac-sha2-256")}


@pytest.mark.parametrize(
    ("facts", "offered", "lines"),
    [
        (SshFacts(), (GCM, "aes128-cbc"), (f"Ciphers {GCM}",)),
        (file((7, 4)), (GCM, "aes128-cbc"), (f"Ciphers {GCM}",)),
        (file((7, 4), **MACS), (GCM, "chacha20-poly1305@openssh.com", "aes128-cbc"),
         (f"Ciphers {GCM},chacha20-poly1305@openssh.com", NO_MAC)),
        (file((7, 4), **MACS), (GCM, "aes256-ctr", "aes128-cbc"), (f"Ciphers {GCM},aes256-ctr",)),
        (file(**MACS), (GCM, "aes128-cbc"), ("Ciphers -aes128-cbc",)),
    ],
)  # fmt: skip
def test_macs_of_which_none_is_used_any_more(
    facts: SshFacts, offered: Names, lines: tuple[str, ...]
) -> None:
    assert lists.without_ciphers(facts, offered, weak_of) == lines


@pytest.mark.parametrize(
    ("directive", "version", "line"),
    [
        ("HostKeyAlgorithms", (7, 0), "HostKeyAlgorithms b,a,c"),
        ("PubkeyAcceptedAlgorithms", (), "PubkeyAcceptedAlgorithms b,a,c"),
        ("PubkeyAcceptedAlgorithms", (8, 5), "PubkeyAcceptedAlgorithms b,a,c"),
        ("PubkeyAcceptedAlgorithms", (8, 4), "PubkeyAcceptedKeyTypes b,a,c"),
        ("PubkeyAcceptedAlgorithms", None, "PubkeyAcceptedAlgorithms b,a,c"),
    ],
)
def test_the_line_that_begins_with_others(
    directive: str, version: tuple[int, ...] | None, line: str
) -> None:
    facts = SshFacts() if version is None else file(version)
    assert lists.beginning_with(facts, directive, ("b",), ("a", "b", "c")) == line


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("x" * 64, True), ("x" * 65, False), ("", False), ("A9@._+-", True), ("9a", True),
        ("-a", False), ("@a", False), ("a b", False), ("a,b", False), ("a\n", False),
        ("$(id)", False), ("gss-gex-sha1-x", False), ("agss-x", True), ("ext-info-s", False),
        ("kex-strict-c", False), ("kex-strict-s-v00@openssh.com", False),
    ],
)  # fmt: skip
def test_what_a_line_may_list(name: str, may: bool) -> None:
    assert lists.writable(("good", name)) == (("good", name) if may else ("good",))


def test_a_line_lists_names_in_their_order() -> None:
    assert lists.writable(iter(("b", "a b", "a"))) == ("b", "a")
