"""The whole verdict on logins, with the lines that fix it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from seventh.protocols.ssh.facts import SshFacts, Topic
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.login import AuthStep, Login
from seventh.protocols.ssh.rules import login as rules
from seventh.rules.rule import AnyRule
from tests.verdicts import hit, told

UNKNOWN = (
    "skip: authentication methods not requested; use --user, or run `seventh lint` on sshd_config"
)
KBD, PASSWORD, PUBKEY = "keyboard-interactive", "password", "publickey"


def login(**fields: Any) -> SshFacts:
    return SshFacts(login=Login(**fields))


def file(*left: str, required: tuple[str, ...] = (), **fields: Any) -> SshFacts:
    """An sshd_config that leaves some methods to another file."""
    config = SshConfigFacts(side="server", left_to_others=left, authentication_methods=required)
    return replace(login(**fields), config=config)


def in_version(*version: int, **fields: Any) -> SshFacts:
    return replace(login(**fields), config=SshConfigFacts(side="server", version=version))


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        (rules.auth_slow, "skip: no login was timed: it requires --user"),
        (rules.password_on, UNKNOWN), (rules.root_password, UNKNOWN), (rules.pubkey_off, UNKNOWN),
        (rules.noauth, UNKNOWN),
        (rules.rekey_fail, "skip: key re-exchange was not tried: it requires a login"),
        (rules.no_keepalive, "skip: no session was held open (--hold)"),
    ],
)  # fmt: skip
def test_without_a_login_nothing_is_known(rule: AnyRule, line: str) -> None:
    assert told(rule, SshFacts()) == line
    assert told(rule, login()) == line


def step(method: str, seconds: float | None) -> AuthStep:
    return AuthStep(method=method, outcome="refused", seconds=seconds)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (login(none_seconds=1.0), "pass"),
        (login(none_seconds=1.0001),
         "medium: the server takes 1.0 s to refuse a login without a credential"),
        (replace(login(none_seconds=1.25), rtt_seconds=0.25), "pass"),
        (replace(login(none_seconds=1.2504), rtt_seconds=0.25),
         "medium: the server takes 1.25 s to refuse a login without a credential"),
        (replace(login(none_seconds=2.3456, service_seconds=0.5, steps=(
            step("none", 9.0), step(PUBKEY, 0.25), step(PASSWORD, 0.5), step(PUBKEY, 0.125),
            step(KBD, None), step("hostbased", 0.0))),
            banner_seconds=0.125, kex_seconds=0.0),
         ("medium: the server takes 2.346 s to refuse a login without a credential (for "
          "comparison: ssh.banner 0.125 s, ssh.kex 0.000 s, ssh.service 0.500 s, publickey "
          "0.250 s, password 0.500 s, hostbased 0.000 s)")),
    ],
)  # fmt: skip
def test_slow_logins(facts: SshFacts, line: str) -> None:
    assert told(rules.auth_slow, facts) == line


LEFT = "skip: this drop-in does not set {}; the main file decides"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (login(methods=()), "pass"), (login(methods=(PUBKEY, "hostbased")), "pass"),
        (login(methods=(PUBKEY, KBD, PASSWORD), user="ops"),
         "high: keyboard-interactive, password accepted for ops"),
        (login(methods=(PASSWORD,)), "high: password accepted"),
        (file(methods=(PUBKEY,)), "pass"), (file(PUBKEY, methods=()), "pass"),
        (file(PASSWORD, KBD, methods=(PUBKEY,)),
         LEFT.format("keyboard-interactive, password")),
        (file(PASSWORD, methods=(PUBKEY,)), LEFT.format("password")),
        (file(PASSWORD, methods=(KBD,)), "high: keyboard-interactive accepted"),
    ],
)  # fmt: skip
def test_passwords(facts: SshFacts, line: str) -> None:
    assert told(rules.password_on, facts) == line


@pytest.mark.parametrize(
    ("facts", "lines"),
    [
        (login(methods=(PASSWORD,)), None),
        (file(methods=(PUBKEY, PASSWORD, KBD)),
         ("PasswordAuthentication no", "KbdInteractiveAuthentication no")),
        (file(methods=(KBD,)), ("PubkeyAuthentication yes", "KbdInteractiveAuthentication no")),
        (file(methods=(PASSWORD,), still_wanted=(PUBKEY,)), ("PasswordAuthentication no",)),
        (in_version(8, 7, methods=(KBD, PUBKEY)), ("KbdInteractiveAuthentication no",)),
        (in_version(8, 6, methods=(KBD, PUBKEY)), ("ChallengeResponseAuthentication no",)),
        (in_version(8, 6, methods=(PASSWORD, PUBKEY)), ("PasswordAuthentication no",)),
        # Where methods are required, none is switched off: a key comes first.
        (file(required=("password", "publickey,password"), methods=(PASSWORD, PUBKEY)),
         ("AuthenticationMethods publickey,password",)),
        (file(required=("password,publickey", "keyboard-interactive:pam,hostbased"),
              methods=(PASSWORD, KBD)),
         ("PubkeyAuthentication yes",
          ("AuthenticationMethods publickey,password "
           "publickey,keyboard-interactive:pam,hostbased"))),
        (file(required=("hostbased,password", "password"), methods=(PASSWORD, PUBKEY)),
         ("AuthenticationMethods hostbased,password publickey,password",)),
    ],
)  # fmt: skip
def test_the_lines_that_require_a_key(facts: SshFacts, lines: tuple[str, ...] | None) -> None:
    fixes = hit(rules.password_on, facts).fixes
    assert fixes == ({} if lines is None else {"openssh": lines})


ASK_THE_FILE = (
    "skip: OpenSSH offers passwords to root even if PermitRootLogin refuses them; run "
    "`seventh lint` on sshd_config"
)


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (login(root_methods=()), "pass"), (login(root_methods=(PUBKEY,)), "pass"),
        (file(PASSWORD, root_methods=()), "pass"),
        (file(PASSWORD, root_methods=(PUBKEY,)), LEFT.format("password")),
        (SshFacts(unknown={Topic.ROOT_METHODS: "it closed"}), "skip: it closed"),
        (replace(login(), unknown={Topic.ROOT_METHODS: "it closed"}), "skip: it closed"),
        (login(root_methods=(PUBKEY, PASSWORD, KBD), root_source="file"),
         "high: password, keyboard-interactive accepted for root"),
        (replace(login(root_methods=(PASSWORD,), root_source="wire"), software="OpenSSH_9.9"),
         ASK_THE_FILE),
        (replace(login(root_methods=(PASSWORD,), root_source="file"), software="OpenSSH_9.9"),
         "high: password accepted for root"),
        (replace(login(root_methods=(PASSWORD,), root_source="wire"), software="dropbear"),
         "high: password accepted for root"),
        (login(root_methods=(PASSWORD,), root_source="wire"), "high: password accepted for root"),
    ],
)  # fmt: skip
def test_root(facts: SshFacts, line: str) -> None:
    assert told(rules.root_password, facts) == line


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (login(methods=(PUBKEY,)), "pass"),
        (login(methods=(PASSWORD,), still_wanted=(PUBKEY,)), "pass"),
        (login(methods=(PASSWORD,), method="password+publickey"), "pass"),
        (login(methods=()), "skip: the server offered no method"),
        (login(methods=(PASSWORD, KBD), method="password"),
         "medium: only password, keyboard-interactive accepted"),
        (login(methods=(PASSWORD,), user="ops"), "medium: only password accepted for ops"),
        (file(PUBKEY, methods=(PASSWORD,)), LEFT.format("publickey")),
        (file(methods=()), "skip: the server offered no method"),
        (file(PASSWORD, methods=()),
         "medium: PubkeyAuthentication no, and no other method set here"),
        (file(PASSWORD, methods=(KBD,)), "medium: only keyboard-interactive accepted"),
    ],
)  # fmt: skip
def test_keys_refused(facts: SshFacts, line: str) -> None:
    assert told(rules.pubkey_off, facts) == line


@pytest.mark.parametrize(
    ("required", "lines"),
    [
        ((), None), (("password,publickey", "password"), None),
        (("password", "hostbased,password", "password"),
         ("PubkeyAuthentication yes",
          "AuthenticationMethods publickey,password publickey,hostbased,password")),
    ],
)  # fmt: skip
def test_the_lines_that_allow_keys(
    required: tuple[str, ...], lines: tuple[str, ...] | None
) -> None:
    fixes = hit(rules.pubkey_off, file(required=required, methods=(PASSWORD,))).fixes
    assert fixes == ({} if lines is None else {"openssh": lines})


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (login(methods=(PUBKEY,)), "pass"), (login(empty_passwords=False), "pass"),
        (file(empty_passwords=False), "pass"),
        (login(none_accepted=("a", "b"), empty_passwords=True),
         "critical: a, b logged in without a credential"),
        (file(empty_passwords=True), "critical: accounts with an empty password can log in"),
        (file(methods=(PUBKEY,)), LEFT.format("PermitEmptyPasswords")),
    ],
)  # fmt: skip
def test_no_credential(facts: SshFacts, line: str) -> None:
    assert told(rules.noauth, facts) == line


@pytest.mark.parametrize(
    ("seconds", "error", "line"),
    [
        (0.0, "", "pass"),
        (None, "peer-closed: x", ("medium: the key exchange requested during the session failed: "
         "peer-closed: x")),
        (0.5, "timeout", "medium: the key exchange requested during the session failed: timeout"),
    ],
)  # fmt: skip
def test_rekeys(seconds: float | None, error: str, line: str) -> None:
    assert told(rules.rekey_fail, login(rekey_seconds=seconds, rekey_error=error)) == line


NOT_HELD = "skip: no session was held open (--hold)"
NONE_IN = "none received in a session held open for {} s"


@pytest.mark.parametrize(
    ("facts", "line"),
    [
        (login(keepalive_source="file", keepalive_seconds=0.0),
         "low: ClientAliveInterval is 0 (disabled)"),
        (login(keepalive_source="file", keepalive_seconds=1.0), "pass"),
        (login(keepalive_source="file"), NOT_HELD),
        (login(keepalive_source="file", keepalives=0, held_seconds=60.0),
         f"low: {NONE_IN.format('60.0')}"),
        (login(keepalive_source="wire", keepalive_seconds=0.0), NOT_HELD),
        (login(keepalives=0), NOT_HELD), (login(held_seconds=60.0), NOT_HELD),
        (replace(login(), unknown={Topic.KEEPALIVES: "it closed"}), "skip: it closed"),
        (login(keepalives=1, held_seconds=1.0), "pass"),
        (login(keepalives=0, held_seconds=35.0), f"low: {NONE_IN.format('35.0')}"),
        (login(keepalives=0, held_seconds=34.9), f"info: {NONE_IN.format('34.9')}"),
    ],
)  # fmt: skip
def test_keepalives(facts: SshFacts, line: str) -> None:
    assert told(rules.no_keepalive, facts) == line
