"""The design of topics."""

from __future__ import annotations

import pytest

from seventh.protocols.mqtt.facts.topics import TopicFault, Topics, topics_of


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], Topics()),
        (["$SYS/broker/uptime"], Topics()),
        (["site/device/temperature", "site/+/status", "site/#"], Topics(count=3)),
        (["/a/b/c", "/a/b/c", "/d/e/f"],
         Topics(count=2, leading_slash=TopicFault(2, "/a/b/c"))),
        (["a//b/c"], Topics(count=1, empty_level=TopicFault(1, "a//b/c"))),
        (["a/b/c/"], Topics(count=1, empty_level=TopicFault(1, "a/b/c/"))),
        (["a/my pump/c"], Topics(count=1, blank=TopicFault(1, "a/my pump/c"))),
        (["1/2/3/4/5/6/7"], Topics(count=1)),
        (["1/2/3/4/5/6/7/8"], Topics(count=1, deep=TopicFault(1, "1/2/3/4/5/6/7/8"))),
        (["a/b"], Topics(count=1, short=TopicFault(1, "a/b"))),
        (["#"], Topics(count=1, everything=TopicFault(1, "#"))),
    ],
)  # fmt: skip
def test_faults(names: list[str], expected: Topics) -> None:
    assert topics_of(names) == expected
