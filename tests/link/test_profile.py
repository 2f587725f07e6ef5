"""Profiles: those shipped, a user's own, and every error with its file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.link.profile import Allow, Event, NatKeys, Profile, RadioKeys, find, names, read
from seventh.link.way import Shape
from seventh.model.failure import UsageError

WHOLE = """
title = "Mine"
sources = ["a page"]
assumptions = ["all of it"]
[down]
rate-kbit = 1000
delay-ms = 10.5
jitter-ms = 1
reorder = true
loss-percent = 2
burst-packets = 3
burst-loss-percent = 50
duplicate-percent = 0.1
queue-bytes = 9000
mtu = 1400
[allow]
tcp-ports = [443]
[nat]
udp-idle-seconds = 30
[radio]
wake-ms = 260
tail-seconds = 5
[[event]]
at-seconds = 1
for-seconds = 2
every-seconds = 10
outage = true
down = { delay-ms = 3 }
"""


def test_a_file_is_read_as_a_whole(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(WHOLE)
    assert find(str(file)) == Profile(
        name="mine", title="Mine", sources=("a page",), assumptions=("all of it",),
        down=Shape(
            rate_kbit=1000, delay_ms=10.5, jitter_ms=1, reorder=True, loss_percent=2,
            burst_packets=3, burst_loss_percent=50, duplicate_percent=0.1, queue_bytes=9000,
            mtu=1400,
        ),
        allow=Allow(tcp_ports=(443,)), nat=NatKeys(udp_idle_seconds=30),
        radio=RadioKeys(wake_ms=260, tail_seconds=5),
        events=(Event(at_seconds=1, for_seconds=2, every_seconds=10, outage=True,
                      down={"delay-ms": 3}),),
    )  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_a_shipped_profile_has_its_source_or_says_what_is_assumed(name: str) -> None:
    profile = find(name)
    assert profile.name == name
    assert profile.title
    assert profile.sources or profile.assumptions


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "f: not TOML: Expected ']' at the end of a table declaration (at end of document)"),
        ("titel = 'x'", "f: unknown key 'titel': did you mean title?"),
        ("title = 5", "f: title = 5: write a text"),
        ("sources = 5", "f: sources = 5: write a list of texts"),
        ("[up]\nreorder = 1", "f: [up]: reorder = 1: write true or false"),
        ("[up]\nburst-loss-percent = 0",
         "f: [up]: burst-loss-percent = 0: write a number above 0 to 100"),
        ("[[event]]\nat-seconds = 1\nup = 1",
         "f: [[event]] 1: up = 1: write a table, such as { delay-ms = 30 }"),
        ("down = 5", "f: [down]: write a table"),
        ("[down]\ndelay = 5", "f: [down]: unknown key 'delay': did you mean delay-ms?"),
        ("[up]\ndelay-ms = -1", "f: [up]: delay-ms = -1: write a number from 0 to 60000"),
        ("[up]\ndelay-ms = nan", "f: [up]: delay-ms = nan: write a number from 0 to 60000"),
        ("[up]\nloss-percent = 100", "f: [up]: loss-percent = 100: write a number from 0 to 99"),
        ("[up]\nqueue-bytes = 10",
         "f: [up]: queue-bytes = 10: write a whole number from 1500 to 1000000000"),
        ("[allow]\ntcp-ports = [0]",
         "f: [allow]: tcp-ports = [0]: write a list of ports, each from 1 to 65535"),
        ("[[event]]\noutage = true", "f: [[event]] 1: needs at-seconds = …"),
        ("[event]\nat-seconds = 1", "f: event is a table: write [[event]]"),
        ("[[event]]\nat-seconds = 1",
         "f: [[event]] 1: changes nothing: write outage, new-address, up or down"),
        ("[[event]]\nat-seconds = 1\nup = { delay-mss = 1 }",
         "f: [[event]] 1: up: unknown key 'delay-mss': did you mean delay-ms?"),
        ("[[event]]\nat-seconds = 1\nup = { delay-ms = 99999 }",
         "f: [[event]] 1: up: delay-ms = 99999: write a number from 0 to 60000"),
        ("[[event]]\nat-seconds = 1\nevery-seconds = 5\nfor-seconds = 5\noutage = true",
         "f: [[event]] 1: for-seconds: write less than every-seconds"),
    ],
)  # fmt: skip
def test_an_error_has_its_file_and_key(text: str, says: str) -> None:
    with pytest.raises(UsageError) as error:
        read("f", "f", text)
    assert str(error.value) == says


def test_a_name_that_is_unknown_has_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        find("lte4")
    assert str(error.value) == (
        "unknown profile 'lte4': did you mean lte? `seventh link list` lists them"
    )
    missing = str(tmp_path / "none.toml")
    with pytest.raises(UsageError) as error:
        find(missing)
    assert str(error.value) == f"{missing}: cannot be read: No such file or directory"
    wrong = tmp_path / "wrong.toml"
    wrong.write_bytes(b"title = '\xff'")
    with pytest.raises(UsageError) as error:
        find(str(wrong))
    assert str(error.value) == f"{wrong}: not UTF-8 text at byte 9"
