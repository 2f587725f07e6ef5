"""Webhooks at a local sink: what is sent, what counts as received, and that secrets stay secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from seventh.notify import receiver as receivers
from seventh.notify import webhook
from seventh.notify.message import message_of
from seventh.notify.receiver import NotReceivedError
from tests.notify.made import due, receiver
from tests.notify.sink import Received, sink

MESSAGE = message_of(due())


async def test_what_is_sent(tmp_path: Path) -> None:
    async with sink() as it:
        url = f"http://127.0.0.1:{it.port}/hook?key=s3cret"
        await webhook.send(receiver(tmp_path, "webhook", url, "t0ken"), MESSAGE)
    (got,) = it.received
    assert got == Received(
        "/hook?key=s3cret",
        {
            "host": f"127.0.0.1:{it.port}", "user-agent": "seventh",
            "content-type": "application/json", "idempotency-key": MESSAGE.key,
            "authorization": "Bearer t0ken", "content-length": got.headers["content-length"],
        },
        MESSAGE.data,
    )  # fmt: skip


async def test_a_body_of_the_receivers_own(tmp_path: Path) -> None:
    body = {
        "text": "{status}: {title}",
        "blocks": [{"n": 1, "all": "{targets}"}],
        "x": "{no} {resolved}",
    }
    async with sink() as it:
        url = f"http://127.0.0.1:{it.port}/"
        await webhook.send(receiver(tmp_path, "webhook", url, body=body), MESSAGE)
    assert it.received[0].body == {
        "text": f"firing: {MESSAGE.title}", "blocks": [{"n": 1, "all": MESSAGE.data["targets"]}],
        "x": "{no} ",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (199, None),
        (200, ""),
        (204, ""),
        (299, ""),
        (300, "status 300: no"),
        (400, "status 400: no"),
        (404, "status 404: no"),
        (413, None),
        (422, None),
        (500, None),
    ],
)
async def test_only_2xx_is_received(status: int, error: str | None, tmp_path: Path) -> None:
    async with sink() as it:
        it.status = status
        to = receiver(tmp_path, "webhook", f"http://127.0.0.1:{it.port}/")
        if error == "":
            await webhook.send(to, MESSAGE)
            return
        with pytest.raises(NotReceivedError) as caught:
            await webhook.send(to, MESSAGE)
        assert caught.value.refused is (status in {400, 413, 422})
        if error is not None:
            assert str(caught.value) == error


async def test_a_receiver_that_hangs_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receivers, "SECONDS", 0.1)
    async with sink() as it:
        it.status = 0
        with pytest.raises(NotReceivedError) as caught:
            await webhook.send(
                receiver(tmp_path, "webhook", f"http://127.0.0.1:{it.port}/"), MESSAGE
            )
    assert str(caught.value).startswith("peer-silent in ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no route to hooks.example.net", "no route to hooks.example.net"),
        ("https://hooks.example.net/T00000000/s3cret1: bad", "…: bad"),
        ("path s3cret1 is bad, so is t0ken", "path … is bad, so is …"),
        ("/T00000000/x", "/…/x"),
    ],
)
def test_secrets_are_cut_out_of_errors(text: str, expected: str, tmp_path: Path) -> None:
    to = receiver(tmp_path, "webhook", "https://hooks.example.net/T00000000/s3cret1", "t0ken")
    assert to.without_secrets(text) == expected
    assert repr(to) == "<receiver ops>"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{count}", 2), ("{count}!", "2!"), ("{none}", None), ("a{none}b", "ab"), ("{", "{"),
        ("{{count}}", "{2}"), (5, 5), (None, None), (["{count}"], [2]), ({"{count}": "{t}"},
        {"{count}": "{x}"}),
    ],
)  # fmt: skip
def test_names_are_filled_in_once(template: Any, expected: Any) -> None:
    assert webhook.filled(template, {"count": 2, "none": None, "t": "{x}"}) == expected
