"""``--format jsonl``: reports are written as they come."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator

import pytest

from seventh.cli.main import main
from seventh.cli.stream import can_stream
from seventh.labkit.names import name_server
from seventh.model.options import Options
from seventh.model.target import Target

ZONE = {
    **{f"{name}.test": {"MX": ("0 .",), "TXT": ('"v=spf1 -all"',)} for name in "abc"},
    **{f"_dmarc.{name}.test": {"TXT": ('"v=DMARC1; p=reject"',)} for name in "abc"},
    **{f"*._domainkey.{name}.test": {"TXT": ('"v=DKIM1; p="',)} for name in "abc"},
}


@pytest.fixture(scope="module")
def resolver() -> Iterator[str]:
    """A name server in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = name_server(ZONE)
    address = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
    with contextlib.ExitStack() as stack:
        stack.callback(thread.join)
        stack.callback(loop.call_soon_threadsafe, loop.stop)
        stack.callback(
            lambda: asyncio.run_coroutine_threadsafe(
                server.__aexit__(None, None, None), loop
            ).result()
        )
        yield address


def test_each_line_is_a_report(resolver: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", "mail:a.test", "mail:b.test", "mail:c.test", "--format", "jsonl"]
    code = main([*words, "--resolver", resolver, "--fail-on", "critical"])
    made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {each["schema"] for each in made} == {"seventh.report/1"}
    targets = sorted(report["target"] for each in made for report in each["reports"])
    assert (code, targets) == (0, ["mail:a.test", "mail:b.test", "mail:c.test"])


def test_the_worst_report_is_the_exit_code(
    resolver: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["check", "mail:a.test", "mail:gone.test", "--format", "jsonl", "--resolver", resolver]
    assert main([*words, "--fail-on", "critical"]) == 2
    assert len(capsys.readouterr().out.splitlines()) == 2


def parsed(**fields: object) -> argparse.Namespace:
    plain: dict[str, object] = {
        "format": "jsonl", "output": None, "local": False, "against": None, "baseline": None,
        "places": None,
    }  # fmt: skip
    return argparse.Namespace(**{**plain, **fields})


@pytest.mark.parametrize(
    ("fields", "scheme", "bare", "streams"),
    [
        ({}, "mail", False, True),
        ({}, "smtp", True, False),
        ({}, "ntp", False, False),
        ({"format": "json"}, "mail", False, False),
        ({"output": "x"}, "mail", False, False),
        ({"local": True}, "mail", False, False),
        ({"against": "x"}, "mail", False, False),
        ({"baseline": "x"}, "mail", False, False),
        ({"places": "local"}, "mail", False, False),
    ],
)
def test_a_report_that_waits_for_others_is_kept(
    fields: dict[str, object], scheme: str, bare: bool, streams: bool
) -> None:
    target = Target(scheme=scheme, host="a.test", port=1, of_bare_host=bare)
    assert can_stream(parsed(**fields), [(target, Options())]) is streams
