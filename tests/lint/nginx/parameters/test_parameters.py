"""Which grammar judges which directive, and what newer versions take."""

from __future__ import annotations

import pytest

from seventh.lint.nginx import parameters
from seventh.lint.nginx.directives import version_of
from tests.lint.nginx.parameters import test_addresses, test_memory, test_others, test_replies
from tests.lint.nginx.parameters.judged import OLD, unfit

TABLES = (test_addresses, test_memory, test_others, test_replies)
NEWER = {
    "resolver": {
        "127.0.0.1 ipv4=off": (1, 23, 1), "127.0.0.1 ipv4=on": (1, 23, 1),
        "127.0.0.1 status_zone=a": (1, 27, 3),
    },
    "server": {
        "127.0.0.1 resolve": (1, 27, 3), "127.0.0.1 service=a": (1, 27, 3),
        "127.0.0.1 drain": (1, 29, 6), "127.0.0.1 route=a": (1, 29, 6),
    },
    "keepalive": {"4 local": (1, 29, 7)},
}  # fmt: skip
"""Words, and the version that has them first, by nginx's documentation."""


@pytest.mark.parametrize(
    ("name", "line", "since"),
    [(name, line, since) for name, lines in NEWER.items() for line, since in lines.items()],
)
def test_what_a_newer_version_takes(name: str, line: str, since: tuple[int, int, int]) -> None:
    before = (*since[:2], since[2] - 1)
    assert unfit(name, line, OLD)
    assert unfit(name, line, before)
    assert not unfit(name, line, since)


@pytest.mark.parametrize(
    ("name", "line", "why"),
    [
        ("resolver", "127.0.0.1 ipv4=maybe", "invalid parameter: ipv4=maybe"),
        ("server", "127.0.0.1 service=", 'invalid parameter "service="'),
        ("server", "127.0.0.1 route=", 'invalid parameter "route="'),
        ("server", "127.0.0.1 slow_start=5s", 'invalid parameter "slow_start=5s"'),
    ],
)
def test_what_the_newest_refuses_of_them(name: str, line: str, why: str) -> None:
    assert unfit(name, line, version_of("1.30")) == why


def test_every_directive_with_a_grammar_is_tried() -> None:
    for tried in ([table.TAKEN for table in TABLES], [table.REFUSED for table in TABLES]):
        names = {name for each in tried for name in each}
        assert names == parameters.JUDGES.keys()


def test_another_directive_has_no_grammar_here() -> None:
    assert parameters.unfit("gzip", ("maybe",), OLD) is None
    assert parameters.unfit("allow", (), OLD) is None


@pytest.mark.parametrize("method", ["least_time=header", "least_time=last_byte"])
def test_methods_of_the_commercial_nginx_are_taken(method: str) -> None:
    assert not unfit("random", f"two {method}")
    assert unfit("random", f"two {method}_") == f'invalid parameter "{method}_"'
