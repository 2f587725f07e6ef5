"""What may be done to a peer, and what it takes."""

from __future__ import annotations

import pytest

from seventh.model.failure import UsageError
from seventh.model.options import HostPort, Options, endpoint
from tests.options import options_with


@pytest.mark.parametrize(
    ("options", "tier", "word"),
    [
        (Options(max_tier=0), 1, "tier 1"),
        (Options(), 2, "credential"),
        (Options(), 3, "--allow-write"),
        (Options(user="ops"), 3, "--allow-write"),
        (Options(allow_write=True), 2, "credential"),
        (Options(allow_write=True), 4, "--intrusive"),
    ],
)
def test_a_step_without_its_permission_is_denied(options: Options, tier: int, word: str) -> None:
    for loopback in (True, False):
        assert word in (options.denied(tier, loopback=loopback) or "")


@pytest.mark.parametrize(
    ("options", "tier"),
    [
        (Options(), 0),
        (Options(), 1),
        (Options(user="ops"), 2),
        (options_with(identities=("key",)), 2),
        (Options(password_file="secret"), 2),
        (options_with(ntp_keys="keys"), 2),
        (Options(allow_write=True), 3),
        (Options(intrusive=True, i_own_this=True), 4),
        (Options(max_tier=4), 4),
    ],
)
def test_a_step_with_its_permission_may_be_taken(options: Options, tier: int) -> None:
    assert options.denied(tier, loopback=False) is None


def test_intrusive_steps_away_from_this_machine_need_an_owner() -> None:
    intrusive = Options(intrusive=True)
    assert intrusive.denied(4, loopback=True) is None
    assert "--i-own-this" in (intrusive.denied(4, loopback=False) or "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("::1", ("::1", 53)),
        ("[::1]", ("::1", 53)),
        ("[::1]:5353", ("::1", 5353)),
    ],
)
def test_a_resolver_is_an_address_with_a_port(text: str, expected: tuple[str, int]) -> None:
    assert endpoint(text) == HostPort(*expected)


@pytest.mark.parametrize("text", ["", "name", "name:53", "127.0.0.1:0", "127.0.0.1:x", "[::1"])
def test_a_wrong_resolver_says_so(text: str) -> None:
    with pytest.raises(UsageError, match=r"write an IP address|is not a number"):
        endpoint(text)
