"""docs/seventh.toml.md: its example is a valid file, and every key of every table is there."""

from __future__ import annotations

import re

import pytest

from seventh.model.option import declared
from seventh.notify.check import check
from seventh.render.config_page import page
from seventh.watch.config import read
from seventh.watch.keys import TABLES
from seventh.watch.verdict import Slow, Threshold

SECOND = 10**9
SECRETS = {
    "CHAT_WEBHOOK": "https://chat.example.org/hook", "MAIL_PASSWORD": "x",
    "MAIL_SERVER": "submission://user@mail.example.org:587",
    "HEARTBEAT": "https://alive.example.org/1",
}  # fmt: skip


def test_the_example_is_valid_and_means_what_its_comments_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", page(), re.DOTALL)
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    config = read("seventh.toml", example, {})
    check("seventh.toml", config)
    assert [each.kind for each in config.notify] == ["webhook", "smtp"]
    router, www = config.targets
    assert (router.name, router.every_ns, router.policy.down) == (
        "router", 30 * SECOND, Threshold(bad=3, of=5, good=3, good_of=3),
    )  # fmt: skip
    assert (www.every_ns, www.parents, www.options.timeout_seconds) == (10 * SECOND, ("router",), 5)
    assert www.policy.slow == (
        Slow(phase="tls", limit_ns=SECOND // 2,
             threshold=Threshold(bad=2, of=20, good=19, good_of=20)),
    )  # fmt: skip
    assert router.policy.slow == ()


@pytest.mark.parametrize("name", TABLES)
def test_every_key_has_a_row(name: str) -> None:
    section = page().split(f"\n## {name}\n")[1].split("\n## ")[0]
    keys = re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)
    assert keys == [each.option.flag for each in declared(TABLES[name])]
