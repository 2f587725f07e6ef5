"""The dashboard over HTTP: what its pages show, what its forms do, and what is refused."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import html
import http.client
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from seventh.labkit.serve import tcp_server
from seventh.model.report import Finding
from seventh.model.severity import Severity
from seventh.serve import checks
from seventh.serve.app import Access
from seventh.serve.pages import live as live_module
from seventh.serve.pages.templating import SAFE
from seventh.serve.reports import Keeper
from seventh.serve.sessions import COOKIE, token_hash
from seventh.watch import findings
from seventh.watch.alerts import Hold
from seventh.watch.config import Config
from seventh.watch.findings import Looked
from seventh.watch.keys import SloKeys
from seventh.watch.maintenance import Maintenance
from seventh.watch.verdict import Condition
from tests.serve.made import Answer, Served, served, target

PAGES = ("/", "/targets/1", "/targets/1/past", "/incidents", "/findings", "/expiry", "/slos",
         "/maintenance", "/self", "/login")  # fmt: skip
EVIL = "<script>alert(1)</script>\"'&\x1b[2J\u202e"
SHOWN = html.escape("<script>alert(1)</script>\"'&", quote=True)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp_server(serve) as port:
        yield port


class Browser:
    """Keeps the cookie, as a browser does, and sends forms with the proof of the last page."""

    def __init__(self, it: Served, **fields: str) -> None:
        self.it, self.cookie, self.proof, self.fields = it, "", "", fields

    async def ask(self, path: str, method: str = "GET", body: bytes = b"") -> Answer:
        fields = self.fields | ({"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {})
        if body:
            fields["Content_Type"] = "application/x-www-form-urlencoded"
        got = await self.it.ask(path, method, body, **fields)
        if given := re.match(rf"{COOKIE}=([^;]*);", got.headers.get("set-cookie", "")):
            self.cookie = given[1].strip('"')
        if proof := re.search(r'name="proof" value="(\w+)"', got.body):
            self.proof = proof[1]
        return got

    async def send(self, path: str, **fields: str) -> Answer:
        """Send a form; what follows is what a person sees."""
        form = {"proof": self.proof} | fields
        got = await self.ask(path, "POST", urlencode(form).encode())
        where = got.headers.get("location", "").partition("#")[0]
        return await self.ask(where) if got.status == 303 else got


def words(got: Answer) -> str:
    """What a page says, without markup."""
    main = got.body.partition("<main")[2].partition("</main>")[0].partition(">")[2]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))).strip()


async def fired(it: Served) -> int:
    """The number of the incident that is stored when it fires."""
    async with asyncio.timeout(20):
        while True:
            found = json.loads((await it.ask("/api/v1/incidents?firing=1")).body)["incidents"]
            if found:
                number: int = found[0]["id"]
                return number
            it.changed.clear()
            await it.changed.wait()


async def test_every_page_is_safe_and_hostile_texts_are_shown(tmp_path: Path, port: int) -> None:
    evil = replace(target(port, EVIL, **{EVIL: EVIL}), parents=(EVIL,))
    finding = Finding(id=EVIL, room="ssh", severity=Severity.HIGH, tier=0, params={"a": EVIL},
                      references=(), seed=())  # fmt: skip
    async with served(tmp_path, evil) as it:
        await it.pulsed()
        await asyncio.wrap_future(
            it.store.run(
                lambda db: findings.note(
                    db, Looked(target=1, at_ns=10**18, findings=(finding,)), None
                )
            )
        )
        for path in PAGES:
            got = await it.ask(path)
            assert (path, got.status) == (path, 200)
            assert {name: got.headers[name.lower()] for name in SAFE} == SAFE
            assert "HttpOnly" in got.headers["set-cookie"]
            assert "<script>" not in got.body
            assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", got.body)
            assert not re.search(r"<[^>]* (style|on\w+)=", got.body)
        page = (await it.ask("/")).body
        assert SHOWN in page.replace("&#34;", "&quot;").replace("&#39;", "&#x27;")
        names = json.loads((await it.ask("/cells")).body)
        assert names == {"numbers": [1], "names": [EVIL]}
        assert (await it.ask("/cells?q=%00%ff&page=-3&sort=x")).status == 200


async def test_addresses_that_are_none(tmp_path: Path) -> None:
    async with served(tmp_path, target(1, "gone")) as it:
        await it.pulsed()
        for path, text in {
            "/targets/99": "This target is not watched, or no longer.",
            "/incidents/99": "There is no incident of this number.",
            "/targets/1/difference?old=1&new=2": "This report is not kept any more.",
            "/targets/1/reports/7": "This report is not kept any more.",
            "/targets/1/plot/x": "There is no such drawing.",
        }.items():
            got = await it.ask(path)
            assert (path, got.status, text in words(got)) == (path, 404, True)
        for path in ("/nowhere", "/static/..%2fsite.py", "/static/x.css"):
            assert (path, (await it.ask(path)).status) == (path, 404)


async def test_files_are_kept_by_browsers(tmp_path: Path) -> None:
    async with served(tmp_path, target(1, "gone")) as it:
        page = (await it.ask("/")).body
        for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
            got = await it.ask(path)
            assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
        packed = http.client.HTTPConnection("127.0.0.1", it.port, timeout=10)

        def ask() -> bytes:
            packed.request("GET", "/", headers={"Accept-Encoding": "gzip"})
            answer = packed.getresponse()
            assert answer.getheader("Content-Encoding") == "gzip"
            return gzip.decompress(answer.read())

        assert b"<h1>1 target</h1>" in await asyncio.to_thread(ask)


async def test_actions(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path, target(port, "web"), target(1, "gone")) as it:
        await it.pulsed()
        number = await fired(it)
        browser = Browser(it)
        assert "no full check yet" in words(await browser.ask("/"))
        checked = await browser.send("/targets/1/check")
        assert "No findings." in words(checked)
        assert "The port is reachable on every address pass" in words(checked)
        again = await browser.send("/targets/1/check")
        soon = "Not now: this target was checked less than 10 s ago."
        assert (again.status, soon in words(again)) == (429, True)
        monkeypatch.setattr(checks, "PAUSE_SECONDS", 0.0)
        await browser.ask("/targets/1")
        await browser.send("/targets/1/check")
        await browser.ask("/incidents")
        shown = await browser.send(f"/incidents/{number}/acknowledge", by="ann <b>")
        assert "acknowledged by ann <b>" in words(shown)
        silenced = await browser.send(
            "/silences", match="target=gone\r\nteam = web", time="2h", by="ann", why="known"
        )
        assert "target=gone team=web until" in words(silenced)
        assert "by ann: known" in words(silenced)
        silences = json.loads((await it.ask("/api/v1/silences")).body)["silences"]
        assert [each["match"] for each in silences] == [{"target": "gone", "team": "web"}]
        assert "Silences None." in words(await browser.send("/silences/1/end"))
        for path, fields, status in (
            ("/silences", {"match": "gone", "time": "2h"}, 400),
            ("/silences", {"match": "a=b", "time": "2"}, 400),
            ("/silences", {"match": "a=b", "time": "nanh"}, 400),
            ("/silences", {"match": "a=b", "time": "9999d"}, 400),
            ("/silences/9/end", {}, 404),
            (f"/incidents/{number}/acknowledge", {"by": " "}, 400),
            ("/incidents/99/acknowledge", {"by": "ann"}, 409),
            ("/targets/99/check", {}, 404),
        ):  # fmt: skip
            got = await browser.send(path, **fields)
            assert (path, fields, got.status) == (path, fields, status)


async def test_two_checks_are_compared(tmp_path: Path, port: int) -> None:
    async with served(tmp_path, target(port, "web")) as it:
        await it.pulsed()
        number, target_ = next(iter(it.watcher.targets.items()))
        keeper = Keeper(it.store, it.latest)
        first = await checks.Checks(it.watcher.checking, keeper).check(number, target_)
        gone = replace(target_, target=replace(target_.target, port=1))
        await checks.Checks(it.watcher.checking, keeper).check(number, gone)
        page = await it.ask("/targets/1")
        reports = sorted({int(each) for each in re.findall(r'<option value="(\d+)"', page.body)})
        assert len(reports) == 2
        shown = await it.ask(f"/targets/1/difference?new={reports[0]}&old={reports[1]}")
        assert re.search(r"new connect-refused .* – failed", words(shown)) is not None
        assert "connect" in words(shown).partition("Times")[2]
        stored = json.loads((await it.ask(f"/targets/1/reports/{reports[0]}")).body)
        assert (stored["schema"], stored["reports"][0]["target"]) == (
            "seventh.report/1", str(first.target),
        )  # fmt: skip


async def test_forms_of_others_do_nothing(tmp_path: Path, port: int) -> None:
    async with served(tmp_path, target(port, "web")) as it:
        await it.pulsed()
        mine, theirs = Browser(it), Browser(it)
        await mine.ask("/targets/1")
        await theirs.ask("/targets/1")
        expired = "Forbidden This form has expired, or was not made for this browser."
        theirs.cookie = mine.cookie
        for browser, proof in ((theirs, None), (mine, ""), (mine, "0" * 80)):
            form = {} if proof is None else {"proof": proof}
            got = await browser.send("/silences", match="a=b", time="1h", **form)
            assert (got.status, expired in words(got)) == (403, True)
        await mine.ask("/targets/1")
        mine.cookie = ""
        assert (await mine.send("/silences", match="a=b", time="1h")).status == 403
        for fields in ({"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}):
            foreign = Browser(it, **fields)
            foreign.cookie, foreign.proof = theirs.cookie, theirs.proof
            assert (await foreign.send("/silences", match="a=b", time="1h")).status == 403
        assert (await it.ask("/", Host="evil.example")).status == 421
        link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate",
                "Sec_Fetch_Dest": "document"}  # fmt: skip
        assert (await it.ask("/", **link)).status == 200
        assert (await it.ask("/metrics", **link)).status == 403
        assert json.loads((await it.ask("/api/v1/silences")).body)["silences"] == []


async def test_logging_in(tmp_path: Path, port: int) -> None:
    access = Access(tokens=(token_hash("right"),), needs_token=True)
    async with served(tmp_path, target(port, "web"), access=access) as it:
        await it.pulsed()
        browser = Browser(it, Host="mon.example", Accept="text/html")
        got = await browser.ask("/targets/1")
        assert (got.status, got.headers["location"]) == (303, "/login?next=/targets/1")
        assert (await it.ask("/")).status == 401
        assert (await it.ask("/static/style.css")).status == 200
        assert (await browser.ask("/login?next=/targets/1")).status == 200
        wrong = await browser.send("/login", token="wrong", next="/targets/1")
        assert (wrong.status, "Unknown token." in words(wrong)) == (401, True)
        assert browser.cookie == ""
        inside = await browser.send("/login", token="right", next="/targets/1")
        assert (inside.status, "web up" in words(inside)) == (200, True)
        for path in ("/metrics", "/api/v1/targets", "/probe?target=x"):
            assert (path, (await browser.ask(path)).status) == (path, 401)
        stolen = Browser(it, Host="mon.example", Origin="http://evil.example")
        stolen.cookie, stolen.proof = browser.cookie, browser.proof
        assert (await stolen.send("/silences", match="a=b", time="1h")).status == 403
        kept = browser.cookie
        assert "Log in" in words(await browser.send("/logout"))
        browser.cookie = kept
        assert (await browser.ask("/")).status == 303
        for where in ("//evil.example", "https://evil.example", "/\\evil.example", "x", "/a\nb"):
            got = await browser.ask("/login", "POST", urlencode(
                {"token": "right", "next": where}).encode())  # fmt: skip
            assert got.headers["location"] == "/"
        tries = [(await browser.send("/login", token=f"{n}")).status for n in range(100)]
        assert (tries[:9], set(tries[10:])) == ([401] * 9, {429})


async def test_objectives_and_maintenance(tmp_path: Path, port: int) -> None:
    planned = Maintenance(name="work", match={"target": "gone"}, rule="", start="2000-01-01T00:00",
                          zone="UTC", seconds=604_800)  # fmt: skip
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None) - dt.timedelta(hours=1)
    planned = replace(planned, start=now.isoformat(timespec="minutes"))
    slos = (SloKeys(name="all", objective=0.99), SloKeys(name="web", objective=0.9,
                                                         match={"target": "web"}))  # fmt: skip
    targets = (target(port, "web"), target(1, "gone"))
    config = Config(targets=targets, slos=slos, maintenance=(planned,))
    async with served(tmp_path, config=config) as it:
        await it.pulsed()
        await fired(it)
        async with asyncio.timeout(20):
            while it.watcher.fleet.holds.get((2, Condition.DOWN, "")) is not Hold.SILENCED:
                it.changed.clear()
                await it.changed.wait()
        assert "gone down maintenance: work" in words(await it.ask("/targets/2"))
        assert "work now 1 target · target=gone" in words(await it.ask("/maintenance"))
        wanted = "all 99 % of 30 days · 2 targets available 100 % error budget left 100.0 %"
        async with asyncio.timeout(20):  # the first look may have been before the first pulse
            while wanted not in (shown := words(await it.ask("/slos"))):
                it.changed.clear()
                await it.changed.wait()
        assert "web 90 % of 30 days · 1 target · target=web available 100 %" in shown
        assert shown.count("frozen: too little is known") == 6
        assert "burning" not in shown


async def test_changes_are_streamed(tmp_path: Path, port: int) -> None:
    async with served(tmp_path, target(port, "web"), target(1, "gone")) as it:
        await it.pulsed()
        reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
        writer.write(b"GET /live?rows=1,x,99 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(20):
            await reader.readuntil(b"retry: 3000\n")
            line = (await reader.readuntil(b"}\n\n")).partition(b"data: ")[2]
        news = json.loads(line)
        assert (news.keys(), news["rows"].keys()) == ({"cells", "rows", "moved"}, {"1"})
        assert re.fullmatch(r"[\d.]+ (µs|ms)", news["rows"]["1"][0])
        assert news["rows"]["1"][1] == "0 %"
        writer.close()


async def test_500_streams_that_nobody_reads_leave_room(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_module, "MOST", 50)
    async with served(tmp_path, target(port, "web")) as it:
        await it.pulsed()
        opened: list[asyncio.StreamWriter] = []
        heads: list[bytes] = []
        for _ in range(500):
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            writer.write(b"GET /live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            opened.append(writer)
            async with asyncio.timeout(20):
                heads.append((await reader.readline())[9:12])
        assert [heads.count(each) for each in (b"200", b"503")] == [50, 450]
        assert (await it.ask("/")).status == 200
        assert (await it.ask("/-/healthy")).status == 200
        for writer in opened:
            writer.close()
        async with asyncio.timeout(20):
            while (await it.ask("/live?rows=", "HEAD")).status != 200:
                pass
