"""The dashboard in Chromium: nothing is refused or thrown, nothing overflows, all can reach it."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seventh.watch.config import Config
from seventh.watch.keys import SloKeys
from seventh.watch.maintenance import Maintenance
from tests.peers import need_binary
from tests.serve.made import Served, fleet, served
from tests.watch.made import REFUSED

pytestmark = [pytest.mark.browser, pytest.mark.peer]
playwright = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe is not installed")
expect = playwright.expect
SIZES = ((1280, 800), (360, 740))
PATHS = (
    "/",
    "/targets/41",
    "/incidents",
    "/incidents/1",
    "/findings",
    "/expiry",
    "/slos",
    "/maintenance",
    "/self",
)

SLOS = (SloKeys(name="web", objective=0.999, match={"team": "web"}),)
WORK = Maintenance(name="updates", match={"team": "core"}, rule="FREQ=WEEKLY;BYDAY=SU",
                   start="2026-01-04T02:30", zone="Europe/Berlin", seconds=3600)  # fmt: skip


@pytest.fixture
async def chromium() -> AsyncIterator[Any]:
    path = need_binary("chromium")
    async with playwright.async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        await browser.close()


@contextlib.asynccontextmanager
async def shown(
    browser: Any, it: Served, size: tuple[int, int], *, script: bool = True
) -> AsyncIterator[tuple[Any, list[str]]]:
    """Yield a page, and what it complains about."""
    context = await browser.new_context(
        viewport={"width": size[0], "height": size[1]}, java_script_enabled=script,
        base_url=f"http://127.0.0.1:{it.port}",
    )  # fmt: skip
    page = await context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{page.url}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
    yield page, said
    await context.close()


@contextlib.asynccontextmanager
async def filled(folder: Path, count: int) -> AsyncIterator[Served]:
    config = Config(targets=tuple(fleet(count)), slos=SLOS, maintenance=(WORK,))
    async with served(folder, config=config) as it:
        await it.watcher.ready.wait()
        it.pulse_all()
        await committed(it)
        yield it


async def committed(it: Served) -> None:
    """What has happened so far is stored."""
    async with asyncio.timeout(20):
        while it.watcher._pulses or it.watcher._seen.log:
            await asyncio.wrap_future(it.store.run(lambda database: None))


@pytest.mark.parametrize("count", [3, 300, 10_000])
async def test_every_page_at_both_widths(tmp_path: Path, chromium: Any, count: int) -> None:
    number = min(count, 41)
    async with filled(tmp_path, count) as it:
        if count < 41:
            it.pulse(number, REFUSED)
            await committed(it)
        for size in SIZES:
            async with shown(chromium, it, size) as (page, said):
                for path in PATHS:
                    answer = await page.goto(path.replace("41", str(number)))
                    assert (path, answer.status) == (path, 200)
                    width = await page.evaluate("document.documentElement.scrollWidth")
                    assert (path, width) == (path, size[0])
                assert said == []


async def test_assistive_technology_can_read_every_page(tmp_path: Path, chromium: Any) -> None:
    async with filled(tmp_path, 300) as it:
        for scheme, size, paths in (("light", SIZES[0], PATHS), ("dark", SIZES[1], PATHS[:2])):
            async with shown(chromium, it, size) as (page, _):  # axe itself breaks the policy
                await page.emulate_media(color_scheme=scheme)
                for path in paths:
                    await page.goto(path)
                    found = await axe.Axe().run(page)
                    serious = [
                        (path, each["id"], [node["html"][:200] for node in each["nodes"]])
                        for each in found.response["violations"]
                        if each["impact"] in {"serious", "critical"}
                    ]
                    assert serious == []


async def test_changes_appear_and_a_silence_is_made(tmp_path: Path, chromium: Any) -> None:
    async with filled(tmp_path, 300) as it, shown(chromium, it, SIZES[0]) as (page, said):
        await page.goto("/?sort=name")
        loss = page.locator("tr[data-row='7'] [data-of=loss]")
        await expect(loss).to_have_text("0 %")
        await expect(page.locator("#live")).to_have_text("live")
        it.pulse(7, REFUSED)
        await expect(loss).to_have_text("25 %")
        cells = page.locator("svg.heat")
        await expect(cells).to_have_attribute("data-cells", re.compile("^......d"))
        await page.locator("tr[data-row='7'] .badge", has_text="down").wait_for()
        await page.goto("/targets/7")
        await page.get_by_text("Silence", exact=True).click()
        await page.get_by_label("Why").fill("<b>known</b>")
        await page.get_by_role("button", name="Silence host-00006.example.net").click()
        await page.wait_for_url("**/incidents#silences")
        await page.get_by_text("target=host-00006.example.net").wait_for()
        await page.get_by_text("<b>known</b>").wait_for()
        assert said == []


async def test_the_map_names_its_cells(tmp_path: Path, chromium: Any) -> None:
    async with filled(tmp_path, 300) as it, shown(chromium, it, SIZES[1]) as (page, said):
        async with page.expect_response("**/cells?sort=name"):
            await page.goto("/?sort=name")
        box = await page.locator("svg.heat").bounding_box()
        columns = int(await page.locator("svg.heat").get_attribute("data-columns"))
        cell = box["width"] / columns
        x, y = box["x"] + 2.5 * cell, box["y"] + 1.5 * cell
        name = f"host-{columns + 2:05}.example.net"
        await page.mouse.move(x, y)
        await page.locator("#tip", has_text=name).wait_for()
        await page.mouse.click(x, y)
        await page.wait_for_url(f"**/targets/{columns + 3}")
        assert said == []


async def test_all_works_without_scripts(tmp_path: Path, chromium: Any) -> None:
    async with filled(tmp_path, 300) as it:
        async with shown(chromium, it, SIZES[1], script=False) as (page, said):
            await page.goto("/")
            await page.get_by_label("Search").fill("team=core host-0000")
            await page.get_by_role("button", name="Show").click()
            names = await page.locator("tbody th").all_text_contents()
            assert names == [f"host-{n:05}.example.net" for n in (1, 4, 7)]
            await page.locator("tbody th a").first.click()
            await page.get_by_text("Silence", exact=True).click()
            await page.get_by_role("button", name="Silence host-00001.example.net").click()
            await page.get_by_role("button", name="End silence 1").click()
            await page.locator("#silences + .empty").wait_for()
            assert said == []
