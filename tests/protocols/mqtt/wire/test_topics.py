"""Topic names, filters and shared subscriptions (MQTT 5 §4.7, §4.8.2)."""

from __future__ import annotations

import pytest

from seventh.protocols.mqtt.wire.topics import (
    Shared,
    is_filter,
    is_name,
    is_shared,
    matches,
    shared,
)

LONGEST = "é" * 32_767 + "x"


@pytest.mark.parametrize(
    ("text", "name", "pattern"),
    [
        ("a", True, True), ("/", True, True), ("a//b", True, True), (" ", True, True),
        ("", False, False), ("a\0", False, False), (LONGEST, True, True),
        (LONGEST + "x", False, False),
        ("#", False, True), ("+", False, True), ("a/#", False, True), ("+/+/#", False, True),
        ("/+", False, True), ("a/+/b", False, True), ("a#", False, False), ("#/a", False, False),
        ("a/#/b", False, False), ("a+", False, False), ("+a/b", False, False), ("##", False, False),
    ],
    ids=lambda v: str(v)[:12],
)  # fmt: skip
def test_names_and_filters(text: str, name: bool, pattern: bool) -> None:
    assert (is_name(text), is_filter(text)) == (name, pattern)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("$share/g/a/#", Shared("g", "a/#")), ("$share/g//a", Shared("g", "/a")),
        ("$share/g", None), ("$share/g/", None), ("$share//a", None), ("$share/g+/a", None),
        ("$share/#/a", None), ("$share/g/a#", None), ("share/g/a", None), ("$shared/g/a", None),
    ],
)  # fmt: skip
def test_shared_subscriptions(text: str, wanted: Shared | None) -> None:
    assert shared(text) == wanted
    assert is_shared(text) is text.startswith("$share/")


@pytest.mark.parametrize(
    ("pattern", "topic", "wanted"),
    [
        # The examples of §4.7.1.2 and §4.7.1.3.
        ("sport/tennis/player1/#", "sport/tennis/player1", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/ranking", True),
        ("sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", True),
        ("sport/#", "sport", True), ("sport/tennis/+", "sport/tennis/player1", True),
        ("sport/tennis/+", "sport/tennis/player1/ranking", False), ("sport/+", "sport", False),
        ("sport/+", "sport/", True), ("+/+", "/finance", True), ("/+", "/finance", True),
        ("+", "/finance", False), ("#", "a/b", True),
        # §4.7.2 and §4.7.3.
        ("#", "$SYS/x", False), ("+/monitor/Clients", "$SYS/monitor/Clients", False),
        ("$SYS/#", "$SYS/", True), ("$SYS/monitor/+", "$SYS/monitor/Clients", True),
        ("ACCOUNTS", "Accounts", False), ("a", "a/b", False), ("a/b", "a", False),
        ("a/b", "a/b", True), ("a/+/c", "a//c", True), ("a/#", "ab", False),
    ],
)  # fmt: skip
def test_matching(pattern: str, topic: str, wanted: bool) -> None:
    assert matches(pattern, topic) is wanted
