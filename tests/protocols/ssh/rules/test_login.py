"""The borders of the rules about logging in."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.severity import Severity
from seventh.protocols.ssh.facts import SshFacts
from seventh.protocols.ssh.facts.config import SshConfigFacts
from seventh.protocols.ssh.facts.login import AuthStep, Login, Trust
from seventh.protocols.ssh.rules.hostkeys import hostkey_changed
from seventh.protocols.ssh.rules.login import (
    auth_slow,
    no_keepalive,
    noauth,
    password_on,
    pubkey_off,
    rekey_fail,
    root_password,
)
from seventh.rules.rule import AnyRule, Hit, Skip
from seventh.rules.words import filled


def facts(software: str | None = None, rtt: float | None = None, **login: Any) -> SshFacts:
    return SshFacts(software=software, rtt_seconds=rtt, login=Login(**login))


def hit(rule: AnyRule, facts: SshFacts) -> Hit:
    """The rule's hit; every code in it has its phrase."""
    verdict = rule(facts)
    assert isinstance(verdict, Hit)
    for name, texts in rule.words.phrases.items():
        assert verdict.params[name] in texts
    return verdict


def trusting(*statuses: Any) -> SshFacts:
    return SshFacts(trust=tuple(Trust(status=status, key="k") for status in statuses))


def test_one_changed_key_is_enough_and_unknown_is_no_evidence() -> None:
    assert hit(hostkey_changed, trusting("known", "changed")).params["known"] == "changed"
    assert hit(hostkey_changed, trusting("revoked")).params["known"] == "revoked"
    pin = Trust(status="changed", key="ssh-ed25519 SHA256:b", file="k", line=3, pinned="SHA256:a")
    words = filled(hostkey_changed.words, hit(hostkey_changed, SshFacts(trust=(pin,))).params)
    assert words.evidence == "the server presents ssh-ed25519 SHA256:b; k:3 has SHA256:a"
    assert hostkey_changed(trusting("known", "unknown")) is None
    assert isinstance(hostkey_changed(trusting("unknown")), Skip)


@pytest.mark.parametrize(("seconds", "rtt", "fires"), [
    (1.0, None, False), (1.01, None, True), (1.3, 0.4, False), (1.5, 0.4, True),
])  # fmt: skip
def test_slow_is_a_second_beyond_the_round_trip(
    seconds: float, rtt: float | None, fires: bool
) -> None:
    assert isinstance(auth_slow(facts(rtt=rtt, none_seconds=seconds)), Hit) is fires


def test_a_slow_login_names_the_longest_step_of_each_method() -> None:
    steps = tuple(AuthStep(method="publickey", outcome="refused", seconds=s) for s in (0.1, 0.3))
    verdict = auth_slow(facts(none_seconds=2.0, steps=steps))
    assert isinstance(verdict, Hit)
    assert verdict.params["others"] == ("publickey 0.300 s",)
    assert filled(auth_slow.words, verdict.params).evidence.endswith(
        "(for comparison: publickey 0.300 s)"
    )
    assert hit(auth_slow, facts(none_seconds=2.0)).params["compared"] == "none"


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_secrets_that_can_be_guessed_count_as_passwords(method: str) -> None:
    assert hit(password_on, facts(methods=("publickey", method))).params["scope"] == "all"
    assert hit(password_on, facts(methods=(method,), user="ops")).params["scope"] == "user"
    assert isinstance(root_password(facts(root_methods=(method,))), Hit)
    assert password_on(facts(methods=("publickey", "hostbased"))) is None


def test_openssh_on_the_wire_cannot_convict_itself_about_root_but_can_clear_itself() -> None:
    wire = {"software": "OpenSSH_9.2p1", "root_source": "wire"}
    assert isinstance(root_password(facts(**wire, root_methods=("password",))), Skip)
    assert root_password(facts(**wire, root_methods=("publickey",))) is None
    file = {"software": "OpenSSH_9.2p1", "root_source": "file"}
    assert isinstance(root_password(facts(**file, root_methods=("password",))), Hit)
    other = {"software": "dropbear_2024.86", "root_source": "wire"}
    assert isinstance(root_password(facts(**other, root_methods=("password",))), Hit)
    assert root_password(facts(root_methods=(), root_source="file")) is None


def test_a_key_that_comes_second_is_a_key() -> None:
    off = hit(pubkey_off, facts(methods=("password",), user="ops")).params
    assert filled(pubkey_off.words, off).evidence == "only password accepted for ops"
    part = SshConfigFacts(side="server", left_to_others=("password",))
    in_part = SshFacts(login=Login(methods=()), config=part)
    assert hit(pubkey_off, in_part).params["accepted"] == "main"
    whole = SshFacts(login=Login(methods=()), config=SshConfigFacts(side="server"))
    assert isinstance(pubkey_off(whole), Skip)
    assert pubkey_off(facts(methods=("password",), still_wanted=("publickey",))) is None
    assert pubkey_off(facts(methods=("password",), method="password+publickey")) is None
    assert isinstance(pubkey_off(facts(methods=())), Skip)


def test_users_without_a_credential_on_the_wire_and_in_a_file() -> None:
    wire = hit(noauth, facts(none_accepted=("ops", "root"), empty_passwords=True)).params
    assert wire == {"who": "users", "users": ("ops", "root")}
    assert filled(noauth.words, wire).evidence == "ops, root logged in without a credential"
    assert hit(noauth, facts(empty_passwords=True)).params == {"who": "empty"}
    drop_in = SshFacts(login=Login(methods=()), config=SshConfigFacts(side="server"))
    assert isinstance(noauth(drop_in), Skip)
    assert noauth(facts(empty_passwords=False)) is None
    assert noauth(facts(methods=("publickey",))) is None
    assert isinstance(noauth(facts()), Skip)


def test_a_rekey_that_was_not_tried_proves_nothing() -> None:
    assert isinstance(rekey_fail(facts()), Skip)
    assert rekey_fail(facts(rekey_seconds=0.0)) is None


@pytest.mark.parametrize(
    ("held", "keepalives", "expected"),
    [(60.0, 0, None), (35.0, 0, None), (34.9, 0, Severity.INFO)],
)
def test_a_short_hold_is_weak_evidence(
    held: float, keepalives: int, expected: Severity | None
) -> None:
    held_open = facts(held_seconds=held, keepalives=keepalives, keepalive_source="wire")
    verdict = hit(no_keepalive, held_open)
    assert verdict.severity is expected
    assert verdict.params == {"what": "wire", "seconds": held}


def test_keepalives_seen_or_configured_pass() -> None:
    assert no_keepalive(facts(held_seconds=1.0, keepalives=1, keepalive_source="wire")) is None
    assert no_keepalive(facts(keepalive_seconds=30.0, keepalive_source="file")) is None
    never = hit(no_keepalive, facts(keepalive_seconds=0.0, keepalive_source="file"))
    assert never.params == {"what": "file"}
    assert isinstance(no_keepalive(facts()), Skip)
    assert isinstance(no_keepalive(facts(keepalive_source="file")), Skip)
