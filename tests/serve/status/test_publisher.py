"""The files of a status page: of a real watcher, replaced as a whole, on a full disk too."""

from __future__ import annotations

import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.labkit.serve import tcp_server
from seventh.serve.status.publisher import Publisher
from seventh.watch.config import Config
from seventh.watch.keys import StatusKeys
from tests.serve.made import served
from tests.watch.test_run import Peer, target

FILES = ["incidents.atom", "index.html", "status.css"]
KEYS = StatusKeys(title="Example")


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with tcp_server(Peer().serve) as port:
        yield port


def config(port: int) -> Config:
    return Config(targets=(
        target(port, "web1.internal", labels={"status": "Shop", "host": "web1.internal"}),
        target(1, "gone.internal", labels={"status": "Search"}),
        target(1, "secret.internal"),
    ))  # fmt: skip


async def test_states_and_incidents_without_names(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "site"
    async with served(tmp_path / "state", config=config(port)) as it:
        await it.pulsed()
        publisher = Publisher(it.watcher, it.store, None)
        while (
            "down since" not in (folder / "incidents.atom").read_text() if folder.exists() else True
        ):
            it.changed.clear()
            await it.changed.wait()
            assert await publisher.publish(folder, KEYS) == ""
    assert sorted(each.name for each in folder.iterdir()) == FILES
    page, feed = (folder / "index.html").read_text(), (folder / "incidents.atom").read_text()
    assert "Search down" in page
    assert '<span class="state down">down</span>' in page
    assert "Shop" in page
    assert "Search: down since" in feed
    for text in (page, feed):
        for word in ("internal", "127.0.0.1", "refused", str(port), "secret"):
            assert word not in text


async def test_a_full_disk_leaves_the_old_page(tmp_path: Path, port: int) -> None:
    folder = tmp_path / "site"
    async with served(tmp_path / "state", config=config(port)) as it:
        await it.pulsed()
        publisher = Publisher(it.watcher, it.store, None)
        assert await publisher.publish(folder, KEYS) == ""
        before = {each.name: each.read_bytes() for each in folder.iterdir()}
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        handled = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
        try:
            # The store cannot be read either: a transaction writes.
            why = await publisher.publish(folder, StatusKeys(title="Other"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, handled)
        assert why == f"{folder}: File too large"
        assert {each.name: each.read_bytes() for each in folder.iterdir()} == before
        assert await publisher.publish(folder, StatusKeys(title="Other")) == ""
        assert "<title>Other</title>" in (folder / "index.html").read_text()


async def test_a_file_in_the_way_is_said(tmp_path: Path, port: int) -> None:
    (tmp_path / "site").write_text("")
    async with served(tmp_path / "state", config=config(port)) as it:
        why = await Publisher(it.watcher, it.store, None).publish(tmp_path / "site", KEYS)
        assert why.startswith(f"{tmp_path / 'site'}: ")
        assert (tmp_path / "site").read_text() == ""
