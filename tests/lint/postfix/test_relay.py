"""Who may relay, restriction by restriction (SMTPD_ACCESS_README, postconf(5))."""

from __future__ import annotations

import pytest

from seventh.lint.postfix.relay import knows_certificates, may_relay, trusts_everyone
from tests.lint.postfix.test_scope import scope

EVERYONE = "mynetworks = 0.0.0.0/0\n"
OPEN = "permit_mynetworks, reject"
"""For a client of mynetworks, it permits before anything rejects."""


def relays(restrictions: str, more: str = EVERYONE) -> bool | None:
    text = f"{more}smtpd_relay_restrictions =\nsmtpd_recipient_restrictions = {restrictions}\n"
    return may_relay(scope(text))


@pytest.mark.parametrize(
    "word",
    ["reject", "REJECT", "defer", "reject_unauth_destination", "defer_unauth_destination",
     "check_relay_domains", "defer_if_permit"],
)  # fmt: skip
def test_what_rejects_a_stranger(word: str) -> None:
    assert relays(f"{word}, permit_mynetworks") is False
    assert relays(f"warn_if_reject {word}, permit_mynetworks, reject") is True
    assert relays(f"permit_mynetworks, {word}") is True
    assert relays(f"permit_mynetworks, warn_if_reject {word}") is False, "smtpd does not serve"


@pytest.mark.parametrize(
    "word",
    ["permit_sasl_authenticated", "permit_tls_clientcerts", "permit_tls_all_clientcerts",
     "permit_auth_destination", "permit_inet_interfaces", "defer_if_reject",
     "permit_naked_ip_address", "reject_unauth_pipelining", "reject_non_fqdn_recipient",
     "reject_non_fqdn_sender", "reject_unknown_recipient_domain",
     "reject_unknown_sender_domain", "reject_invalid_helo_hostname",
     "reject_invalid_hostname", "reject_non_fqdn_helo_hostname", "reject_non_fqdn_hostname",
     "reject_unlisted_recipient", "reject_unlisted_sender", "reject_sender_login_mismatch",
     "reject_plaintext_session", "reject_authenticated_sender_login_mismatch",
     "reject_known_sender_login_mismatch", "reject_unauthenticated_sender_login_mismatch",
     "reject_multi_recipient_bounce", "reject_unknown_client_hostname",
     "reject_unknown_reverse_client_hostname", "reject_unknown_helo_hostname",
     "reject_unknown_client", "reject_unknown_hostname", "reject_unverified_recipient",
     "reject_unverified_sender", "Reject_Unverified_Sender"],
)  # fmt: skip
def test_what_a_careful_stranger_passes(word: str) -> None:
    assert relays(f"{word}, {OPEN}") is True
    assert relays(f"{word}, reject") is False
    assert relays(f"permit_inet_interfaces, {word}, permit") is False, "smtpd does not serve"


@pytest.mark.parametrize(
    "word",
    ["reject_rbl_client", "reject_rhsbl_client", "reject_rhsbl_helo", "reject_rhsbl_sender",
     "reject_rhsbl_recipient", "reject_rhsbl_reverse_client", "reject_maps_rbl", "sleep"],
)  # fmt: skip
def test_what_takes_an_argument(word: str) -> None:
    """The argument is no restriction, whatever its name."""
    assert relays(f"{word} unheard.example, {OPEN}") is True
    assert relays(f"{word} permit_mynetworks, reject_unauth_destination, {OPEN}") is False
    assert relays(f"permit_mynetworks, {word}") is False, "smtpd does not serve"


@pytest.mark.parametrize(
    ("restrictions", "is_open"),
    [
        ("check_client_access permit_mynetworks, reject", False),
        (f"check_client_access hash:a, {OPEN}", None),
        (f"check_sender_access hash:a, reject_unauth_destination, {OPEN}", False),
        (f"unheard_of, {OPEN}", None), ("unheard_of, reject", False),
        (f"unheard_of hash:a, {OPEN}", None),
        ("permit, reject", False), ("reject_rbl_client a, permit, reject", False),
        ("warn_if_reject", False), ("", False),
        # a warning is for the next restriction alone
        (f"warn_if_reject reject_rbl_client a, reject, {OPEN}", False),
        (f"warn_if_reject unheard_of, reject, {OPEN}", False),
        # a name in any case but of classes
        ("PERMIT_MYNETWORKS, REJECT", True), (f"WARN_IF_REJECT reject, {OPEN}", True),
    ],
)  # fmt: skip
def test_lists(restrictions: str, is_open: bool | None) -> None:
    assert relays(restrictions) is is_open


CLASSES = "smtpd_restriction_classes = one two\none = {one}\ntwo = {two}\n"


@pytest.mark.parametrize(
    ("one", "two", "restrictions", "is_open"),
    [
        ("reject", "", f"one, {OPEN}", False), ("two", "reject", f"one, {OPEN}", False),
        ("permit_mynetworks", "", "one, reject", True),
        ("reject_rbl_client a", "", f"one, {OPEN}", True),
        ("check_client_access hash:a", "", f"one, {OPEN}", None),
        ("reject", "", f"warn_if_reject one, {OPEN}", True),
        ("one", "", f"one, {OPEN}", None),  # in itself, up to a depth
        ("reject", "", "permit_mynetworks, one", True),
        ("permit", "", "permit_mynetworks, one", False),
        ("reject", "", f"ONE, {OPEN}", None),
    ],
)  # fmt: skip
def test_classes(one: str, two: str, restrictions: str, is_open: bool | None) -> None:
    assert relays(restrictions, EVERYONE + CLASSES.format(one=one, two=two)) is is_open


@pytest.mark.parametrize(("depth", "is_open"), [(10, False), (11, None)])
def test_classes_within_classes_up_to_a_depth(depth: int, is_open: bool | None) -> None:
    names = [f"c{n}" for n in range(depth)]
    lines = [f"{name} = {after}" for name, after in zip(names, [*names[1:], "reject"], strict=True)]
    more = f"{EVERYONE}smtpd_restriction_classes = {' '.join(names)}\n" + "\n".join(lines) + "\n"
    assert relays(f"c1, {OPEN}", more) is False
    assert relays(f"c0, {OPEN}", more) is is_open


@pytest.mark.parametrize(
    ("relay", "recipient", "is_open"),
    [
        ("permit_mynetworks, reject", "permit_mynetworks, reject", True),
        ("permit_mynetworks, reject", "reject", False), ("reject", OPEN, False),
        ("permit_mynetworks, reject", "", True),
        ("reject_rbl_client a", OPEN, True), ("", "permit_mynetworks", False),
        ("check_client_access hash:a, permit", OPEN, None), (OPEN, "unheard_of", None),
        ("$mydomain", OPEN, None), ("$mydomain", "reject", False), ("$mydomain", "permit", None),
    ],
)  # fmt: skip
def test_both_lists_count(relay: str, recipient: str, is_open: bool | None) -> None:
    text = (
        f"{EVERYONE}smtpd_relay_restrictions = {relay}\n"
        f"smtpd_recipient_restrictions = {recipient}\n"
    )
    assert may_relay(scope(text)) is is_open


@pytest.mark.parametrize(
    ("networks", "everyone"),
    [
        ("", False), ("192.0.2.1", False), ("0.0.0.0/0", True), ("[::]/0", True), ("::/0", True),
        ("0.0.0.0/1 128.0.0.0/1", False), ("192.0.2.1/0", True),
        ("hash:a", None), ("hash:a 0.0.0.0/0", None), ("0.0.0.0/0 hash:a", True),
        ("$mydomain", None),
    ],
)  # fmt: skip
def test_trusted_networks(networks: str, everyone: bool | None) -> None:
    assert trusts_everyone(scope(f"mynetworks = {networks}\n")) is everyone


def test_without_mynetworks_the_machine_s_own_count() -> None:
    assert trusts_everyone(scope("")) is False


@pytest.mark.parametrize(
    ("text", "knows"),
    [
        ("", False), ("smtpd_relay_restrictions = permit_tls_clientcerts, reject\n", True),
        ("smtpd_recipient_restrictions = permit_tls_all_clientcerts, reject\n", True),
        ("smtpd_relay_restrictions = permit_sasl_authenticated, reject\n", False),
        ("smtpd_relay_restrictions = $mydomain\n", False),
    ],
)  # fmt: skip
def test_who_relays_by_a_certificate(text: str, knows: bool) -> None:
    assert knows_certificates(scope(text)) is knows
