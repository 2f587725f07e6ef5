"""``seventh watch`` with receivers: what a person gets, from the first failure to the end."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.cli.main import main
from seventh.labkit.serve import tcp_server
from seventh.watch.store import Store
from tests.notify.sink import sink

ALERT = "[[alert]]\nfailures = 2\nof = 2\npasses = 1\n[defaults]\nevery = 1\n"
NOTIFY = '[[notify]]\nname = "ops"\nkind = "webhook"\nurl = "env:HOOK"\n'
TARGET = '[[target]]\nurl = "tcp://127.0.0.1:{}"\nname = "{}"\n'


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


@pytest.fixture
async def gone() -> int:
    async with tcp_server(closing) as port:
        return port


@contextlib.asynccontextmanager
async def watching(folder: Path, text: str) -> AsyncIterator[asyncio.subprocess.Process]:
    path = folder / "s.toml"
    path.write_text(text, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh", "watch", "--config", str(path), "--state",
        str(folder / "state"), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def beside(
    folder: Path, *words: str, capsys: pytest.CaptureFixture[str], code: int = 0
) -> list[str]:
    """What a verb prints beside the watch, with times as TIME."""
    capsys.readouterr()
    assert main(["watch", *words, "--state", str(folder / "state")]) == code
    out, err = capsys.readouterr()
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", out + err)
    return re.sub(r" for [\d.]+ \w+", " for SOME", text).splitlines()


async def test_from_the_first_failure_over_kill_9_to_the_end(
    gone: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with sink() as it:
        it.status = 503
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{it.port}/hook/s3cretpath")
        text = ALERT + NOTIFY + "".join(TARGET.format(gone, n) for n in "ab")
        async with watching(tmp_path, text) as process:
            (first,) = await it.count(1)
            assert (first.path, first.body["count"]) == ("/hook/s3cretpath", 2)
            assert process.stderr is not None
            said = await asyncio.wait_for(process.stderr.readline(), 20)
            assert said.decode() == (
                "seventh: 1 notification not received by ops: status 503: no\n"
            )
            process.kill()
        assert beside(tmp_path, "outbox", capsys=capsys) == [
            "ops: 1 notification for SOME: status 503: no"
        ]
        it.received.clear()
        it.status = 200
        async with watching(tmp_path, text) as process:
            again = (await it.count(1))[0]
            assert again.body == first.body
            assert again.headers["idempotency-key"] == first.body["key"]
            listed = beside(tmp_path, "alerts", capsys=capsys)
            cause = "connect-refused (connect)"
            # Of the two the second may fail once more before its own alert fires.
            assert {line.partition(" ")[2] for line in listed} in [
                {f"DOWN {n} for SOME: {cause}" for n in names} for names in ("a", "b", "ab")
            ]
            server = await asyncio.start_server(closing, "127.0.0.1", gone)
            async with server:
                end = (await it.count(2))[1]
            process.send_signal(signal.SIGINT)
            out, err = await asyncio.wait_for(process.communicate(), 20)
            assert (process.returncode, b"s3cret" in out + err) == (0, False)
        assert (end.body["status"], end.body["key"]) == (
            "resolved", again.body["key"].replace("firing", "resolved"),
        )  # fmt: skip
        assert len(it.received) == 2
    assert beside(tmp_path, "outbox", capsys=capsys) == []
    assert beside(tmp_path, "alerts", capsys=capsys) == []


async def test_a_silence_holds_alerts_until_it_is_ended(
    gone: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with sink() as it:
        monkeypatch.setenv("HOOK", f"http://127.0.0.1:{it.port}/")
        monkeypatch.setenv("BEAT", f"http://127.0.0.1:{it.port}/alive")
        text = ALERT + NOTIFY + TARGET.format(gone, "a")
        text += '[[heartbeat]]\nname = "alive"\nevery = 1\nurl = "env:BEAT"\n'
        Store(tmp_path / "state").close()
        assert beside(
            tmp_path, "silence", "target=a", "--for", "2h", "--why", "work", "--by", "me",
            capsys=capsys,
        ) == ["1 target=a until TIME by me: work"]  # fmt: skip
        async with watching(tmp_path, text) as process:
            assert beside(tmp_path, "silences", capsys=capsys) == [
                "1 target=a until TIME by me: work"
            ]
            assert process.stdout is not None
            down = await asyncio.wait_for(process.stdout.readline(), 20)
            assert down.endswith(b" a: unknown \xe2\x86\x92 down: connect-refused (connect)\n")
            await it.count(len(it.received) + 2)  # a second, in which it would have been sent
            assert {each.path for each in it.received} == {"/alive"}
            (alert,) = beside(tmp_path, "alerts", capsys=capsys)
            assert alert == "1 DOWN a for SOME: connect-refused (connect), not sent"
            assert beside(tmp_path, "ack", "1", "--by", "me", capsys=capsys) == [
                "alert 1 acknowledged by me"
            ]
            assert beside(tmp_path, "alerts", capsys=capsys) == [f"{alert}, acknowledged by me"]
            assert beside(tmp_path, "unsilence", "1", capsys=capsys) == ["silence 1 ended"]
            await it.until(lambda: "/" in {each.path for each in it.received})
    assert beside(tmp_path, "silences", capsys=capsys) == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ack", "7"], "alert 7 is not firing; `seventh watch alerts` lists them"),
        (["ack", "x"], "N: 'x' is not a number; see `seventh watch ack --help`"),
        (["unsilence", "7"], ("no silence has the number 7; `seventh watch silences` lists them")),
        (["silence", "team", "--for", "2h"], "'team': write LABEL=VALUE, such as team=web"),
        (["silence", "team=", "--for", "2h"], "'team=': write LABEL=VALUE, such as team=web"),
        (["silence", "a=b", "--for", "0m"], ("--for: '0m' is not a time such as 30m, 2h or 1d; see "
         "`seventh watch silence --help`")),
        (["silence", "a=b", "--for", "367d"], ("--for: '367d' is not a time such as 30m, 2h or 1d; "
         "see `seventh watch silence --help`")),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(
    words: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Store(tmp_path / "state").close()
    assert beside(tmp_path, *words, capsys=capsys, code=3) == [f"seventh: {expected}"]


def test_verbs_need_a_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "state/watch.sqlite3"
    assert beside(tmp_path, "alerts", capsys=capsys, code=3) == [
        f"seventh: {path}: no such file; name the folder of the store with --state"
    ]
    path.parent.mkdir()
    path.write_bytes(b"x" * 5000)
    assert beside(tmp_path, "alerts", capsys=capsys, code=3) == [
        f"seventh: {path}: file is not a database"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[[notify]]\nname = "n"\nkind = "webhook"\nurl = "env:BAD"\n',
         "receiver 'n': url: what env:BAD has is not a URL such as http://… or https://…"),
        ('[[notify]]\nname = "n"\nkind = "webhook"\nurl = "env:MAIL"\n',
         "receiver 'n': url: what env:MAIL has is not a URL such as http://… or https://…"),
        ('[[notify]]\nname = "n"\nkind = "smtp"\nurl = "env:HOOK"\nfrom = "a@b"\nto = ["c@d"]\n',
         ("receiver 'n': url: what env:HOOK has is not a URL such as smtp://… or smtps://… or "
          "submission://…")),
        ('[[heartbeat]]\nname = "n"\nevery = 5\nurl = "env:MAIL"\n',
         "heartbeat 'n': url: what env:MAIL has is not a URL such as https://…"),
    ],
)  # fmt: skip
def test_a_configuration_shows_no_secret(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("BAD", "s3cret")
    monkeypatch.setenv("MAIL", "smtp://s3cret@host")
    monkeypatch.setenv("HOOK", "https://host/s3cret")
    path = tmp_path / "s.toml"
    path.write_text(TARGET.format(1, "a") + text, encoding="utf-8")
    assert main(["watch", "--config", str(path), "--check-config"]) == 3
    assert capsys.readouterr().err == f"seventh: {path}: {expected}\n"
