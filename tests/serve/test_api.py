"""The API: what it answers, what it changes, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from msgspec.structs import replace

from seventh.labkit.serve import tcp_server
from seventh.model.failure import Blame, Reason
from seventh.model.report import Finding
from seventh.model.severity import Severity
from seventh.serve import checks
from seventh.watch.config import Config
from seventh.watch.findings import Looked
from seventh.watch.heartbeats import FAILED, OVERDUE, Heartbeat, heartbeats, overdue, restore, take
from seventh.watch.keys import HeartbeatKeys
from seventh.watch.samples import Cause, Pulse
from seventh.watch.verdict import State, Trigger
from tests.serve.made import Served, served, target
from tests.serve.test_metrics import of, values

SECOND = 10**9
SCHEMA = Path(__file__).parent.parent.parent / "docs" / "report.schema.json"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with tcp_server(serve) as port:
        yield port


async def ask(it: Served, path: str, method: str = "GET", body: object = None) -> tuple[int, Any]:
    data = json.dumps(body).encode() if body is not None else b""
    answer = await it.ask(f"/api/v1/{path}", method, data, Content_Type="application/json")
    assert answer.headers["content-type"] == "application/json"
    content = json.loads(answer.body)
    return answer.status, content


def wrong(text: str) -> dict[str, str]:
    return {"schema": "seventh.watch/1", "error": text}


async def test_targets_and_incidents(tmp_path: Path, port: int) -> None:
    up = replace(target(port, "web", team="a"), parents=("gone",))
    async with served(tmp_path, up, target(1, "gone")) as it:
        await it.pulsed()
        status, content = await ask(it, "targets")
        web, gone = content["targets"]
        at = web["last"].pop("at"), gone["last"].pop("at"), web["since"], gone.pop("since")
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each) for each in at)
        assert web["last"]["lag_seconds"] >= 0
        assert web["last"].pop("phases").keys() == {"connect"}
        cause = {"reason": "connect-refused", "phase": "connect", "blame": "peer"}
        assert (status, content["schema"]) == (200, "seventh.watch/1")
        assert web | {"since": 0, "last": web["last"] | {"lag_seconds": 0}} == {
            "name": "web", "url": f"tcp://127.0.0.1:{port}", "labels": {"team": "a"},
            "parents": ["gone"], "every_seconds": 0.02, "condition": "up", "since": 0,
            "held": None, "last": {"lag_seconds": 0, "outcome": "ok", "cause": None},
            "errors": 0, "reconnects": 0, "packet_loss_ratio": 0.0,
        }  # fmt: skip
        assert gone["last"] | {"lag_seconds": 0} == {
            "lag_seconds": 0, "outcome": "failed", "cause": cause, "phases": {},
        }  # fmt: skip
        assert (gone["condition"], gone["held"]) == ("down", None)
        assert gone["errors"] >= 1
        assert (gone["reconnects"], gone["packet_loss_ratio"]) == (0, None)
        one = (await ask(it, "targets?target=web"))[1]["targets"]
        assert [each["name"] for each in one] == ["web"]
        assert await ask(it, "targets?target=x") == (404, wrong("no target has this name"))
        async with asyncio.timeout(20):
            while not (found := (await ask(it, "incidents"))[1]["incidents"]):
                it.changed.clear()
                await it.changed.wait()
        (incident,) = found
        assert {name: incident[name] for name in ("target", "kind", "phase", "resolved", "given_up",
                "cause")} == {
            "target": "gone", "kind": "down", "phase": "", "resolved": None, "given_up": False,
            "cause": cause,
        }  # fmt: skip
        number = incident["id"]
        for query, expected in {
            "firing=1": [number], f"before={number}": [], f"before={number + 1}": [number],
            "limit=0": [],
        }.items():  # fmt: skip
            answered = (await ask(it, f"incidents?{query}"))[1]["incidents"]
            assert (query, [each["id"] for each in answered]) == (query, expected)
        assert await ask(it, "incidents?limit=x") == (400, wrong("limit: not a number from 0 on"))


async def test_a_check_now_is_a_report_and_its_findings_are_kept(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(tmp_path, target(port, "web"), target(1, "gone")) as it:
        await it.pulsed()
        status, content = await ask(it, "check?target=web", "POST")
        assert (status, content["schema"]) == (200, "seventh.report/1")
        jsonschema.validate(content, json.loads(SCHEMA.read_text(encoding="utf-8")))
        assert [each["target"] for each in content["reports"]] == [f"tcp://127.0.0.1:{port}"]
        soon = "this target was checked less than 10 s ago"
        assert await ask(it, "check?target=web", "POST") == (429, wrong(soon))
        assert await ask(it, "check", "POST") == (404, wrong("no target has this name"))
        monkeypatch.setattr(checks, "AT_ONCE", 0)
        assert await ask(it, "check?target=gone", "POST") == (429, wrong("too many checks at once"))
        made = tuple(
            Finding(id=rule, room="ssh", severity=Severity.HIGH, tier=0, params={"a": value},
                    references=(), seed=())
            for rule, value in (("SSH-KEX-NOPQ", "x\x1b"), ("SSH-KEX-NOPQ", "y"), ("NONE", ("z",)))
        )  # fmt: skip
        it.watcher.checking.note(
            Looked(target=1, at_ns=1_700_000_000 * SECOND, findings=made, series=True)
        )
        await it.watcher.checking.write()
        findings = (await ask(it, "findings?target=web"))[1]["findings"]
        seen = {"first_seen": "2023-11-14T22:13:20.000Z", "last_seen": "2023-11-14T22:13:20.000Z"}
        title = findings[1]["title"]
        assert findings == [
            {"target": "web", "id": "NONE", "severity": "high", "title": "NONE",
             "params": {"a": ["z"]}} | seen,
            {"target": "web", "id": "SSH-KEX-NOPQ", "severity": "high", "title": title,
             "params": {"a": r"x\x1b"}} | seen,
            {"target": "web", "id": "SSH-KEX-NOPQ", "severity": "high", "title": title,
             "params": {"a": "y"}} | seen,
        ]  # fmt: skip
        assert title not in {"", "SSH-KEX-NOPQ"}
        every = (await ask(it, "findings"))[1]["findings"]
        assert [each for each in every if each["target"] == "web"] == findings
        page = values((await it.ask("/metrics")).body)
        assert page[of("seventh_finding", target="web", id="SSH-KEX-NOPQ", severity="high")] == 1
        assert of("seventh_last_check_timestamp_seconds", target="web") in page


async def test_silences(tmp_path: Path) -> None:
    async with served(tmp_path, target(1, "gone")) as it:
        await it.watcher.ready.wait()
        new = {"match": {"target": "gone"}, "seconds": 3600, "by": "me", "why": "upgrade"}
        status, content = await ask(it, "silences", "POST", new)
        (made,) = content["silences"]
        assert (status, made["match"], made["by"], made["why"]) == (
            201,
            {"target": "gone"},
            "me",
            "upgrade",
        )
        assert (await ask(it, "silences"))[1]["silences"] == [made]
        status, content = await ask(it, f"silences/{made['id']}", "DELETE")
        assert (status, content["silences"][0]["id"]) == (200, made["id"])
        assert (await ask(it, "silences"))[1]["silences"] == []
        gone = await ask(it, f"silences/{made['id']}", "DELETE")
        assert gone == (404, wrong("no silence has this number"))


NO_SILENCES = [
    ({"match": {}, "seconds": 60}, "Expected `object` of length >= 1 - at `$.match`"),
    ({"seconds": 60}, "Object missing required field `match`"),
    ({"match": {"a": "b"}, "seconds": 0.5}, "Expected `float` >= 1.0 - at `$.seconds`"),
    ({"match": {"a": "b"}, "seconds": 31622401}, ("Expected `float` <= 31622400.0 - at "
     "`$.seconds`")),
    ({"match": {"a": "b"}, "seconds": 1, "x": 1}, "Object contains unknown field `x`"),
    ({"match": {"a": "b" * 1001}, "seconds": 1}, ("Expected `str` of length <= 1000 - at "
     "`$.match[...]`")),
    ([], "Expected `object`, got `array`"),
]  # fmt: skip


async def test_what_is_no_silence(tmp_path: Path) -> None:
    async with served(tmp_path, target(1)) as it:
        for body, why in NO_SILENCES:
            assert await ask(it, "silences", "POST", body) == (400, wrong(f"not a silence: {why}"))


async def test_an_incident_is_acknowledged(tmp_path: Path) -> None:
    async with served(tmp_path, target(1, "gone")) as it:
        await it.pulsed()
        made: list[dict[str, Any]] = []
        while not made:
            made = (await ask(it, "incidents?firing=1"))[1]["incidents"]
        (before,) = made
        assert (before["acknowledged"], before["acknowledged_by"]) == (None, "")
        path = f"incidents/{before['id']}/acknowledge"
        status, content = await ask(it, path, "POST", {"by": "me"})
        (after,) = content["incidents"]
        noted = {name: after[name] for name in ("acknowledged", "acknowledged_by", "sent")}
        assert after == before | noted
        assert (status, after["acknowledged_by"]) == (200, "me")
        assert after["acknowledged"].endswith("Z")
        missing = wrong("no incident that is firing has this number")
        for number in (9, 1 << 80):
            gone = await ask(it, f"incidents/{number}/acknowledge", "POST", {"by": "me"})
            assert gone == (404, missing)
        length = "Expected `str` of length >= 1 - at `$.by`"
        assert await ask(it, path, "POST", {"by": ""}) == (
            400, wrong(f"not an acknowledgement: {length}"),
        )  # fmt: skip


async def test_only_json_changes_anything(tmp_path: Path) -> None:
    async with served(tmp_path, target(1)) as it:
        await it.watcher.ready.wait()
        silence = b'{"match": {"a": "b"}, "seconds": 60}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
            answer = await it.ask("/api/v1/silences", "POST", silence, Content_Type=kind)
            assert (answer.status, json.loads(answer.body)) == (
                415, wrong("send JSON with Content-Type: application/json"),
            )  # fmt: skip
        made = await it.ask(
            "/api/v1/silences", "POST", silence, Content_Type="Application/JSON; charset=utf-8"
        )
        assert made.status == 201


async def test_a_broken_store_is_said(tmp_path: Path) -> None:
    async with served(tmp_path, target(1)) as it:
        await it.pulsed()
        rename = "ALTER TABLE {} RENAME TO {}"
        for one, other, status in (("finding", "hidden", 503), ("hidden", "finding", 200)):
            await asyncio.wrap_future(
                it.store.run(lambda db, a=one, b=other: db.execute(rename.format(a, b)))  # type: ignore[misc]
            )
            answered = await ask(it, "findings")
            assert answered[0] == status
            assert (await it.ask("/metrics")).status == 200
        assert answered[1] == {"schema": "seventh.watch/1", "findings": []}


JOB = HeartbeatKeys(name="backup", every=3600, grace=60, labels={"team": "a"})


async def test_a_job_reports_and_its_failure_is_an_alert(tmp_path: Path) -> None:
    config = Config(heartbeats=(JOB, HeartbeatKeys(name="out", every=60, url="env:X")))
    async with served(tmp_path, config=config) as it:
        await it.watcher.ready.wait()

        async def report(path: str) -> tuple[int, str]:
            answer = await it.ask(path, "POST")
            return answer.status, answer.body

        async def shown() -> dict[str, Any]:
            (job,) = (await ask(it, "targets"))[1]["targets"]
            assert isinstance(job, dict)
            return job

        before = await shown()
        assert before | {"name": "backup", "url": None, "labels": {"team": "a"},
                         "condition": "unknown", "last": None} == before  # fmt: skip
        heard = of("seventh_heartbeat_last_timestamp_seconds", target="backup")
        assert heard not in values((await it.ask("/metrics")).body)
        assert await report("/heartbeat/backup") == (200, "noted\n")
        assert (await shown())["condition"] == "up"
        assert heard in values((await it.ask("/metrics")).body)
        assert await report("/heartbeat/backup?failed=1") == (200, "noted\n")
        failed = await shown()
        assert (failed["condition"], failed["last"]["cause"]) == (
            "down",
            {"reason": "unexpected-answer", "phase": "heartbeat", "blame": "peer"},
        )
        assert await report("/heartbeat/backup?failed=0") == (200, "noted\n")
        assert (await shown())["condition"] == "up"
        for name in ("out", "none"):
            assert await report(f"/heartbeat/{name}") == (404, "no [[heartbeat]] has this name\n")
        (job,) = it.watcher.heartbeats.values()
        job.since_ns -= 3661 * SECOND
        async with asyncio.timeout(20):
            while (late := await shown())["condition"] != "down":
                it.changed.clear()
                await it.changed.wait()
        assert late["last"]["cause"] == {
            "reason": "no-reply",
            "phase": "heartbeat",
            "blame": "peer",
        }
    async with served(tmp_path, config=config) as it:  # what is stored is found again
        await it.watcher.ready.wait()
        (again,) = it.watcher.heartbeats.values()
        assert (again.heard, again.overdue) == (False, True)
        assert (await ask(it, "targets"))[1]["targets"][0]["condition"] == "down"


def job(since_ns: int = 0, **fields: bool) -> Heartbeat:
    return Heartbeat(name="backup", labels={"team": "a"}, every_ns=3600 * SECOND,
                     grace_ns=60 * SECOND, since_ns=since_ns, **fields)  # fmt: skip


def test_a_job_is_overdue_once() -> None:
    it = job()
    due = 3660 * SECOND
    assert overdue({7: it}, due) == []
    (pulse,) = overdue({7: it}, due + 1)
    assert pulse == Pulse(target=7, at_ns=due + 1, cause=OVERDUE)
    take(it, pulse)
    assert it == job(overdue=True)
    assert overdue({7: it}, due + 2) == []
    ours = Cause(Reason.LOCAL_RESOURCE, "heartbeat", Blame.LOCAL)
    take(it, Pulse(target=7, at_ns=9, cause=ours))
    assert it == job(overdue=True)
    for cause in (FAILED, None):
        it = job(overdue=True)
        take(it, Pulse(target=7, at_ns=9, cause=cause))
        assert it == job(9, heard=True)


def test_a_restart_finds_what_is_stored() -> None:
    for state, expected in [
        (State(), job()),
        (State(last_ns=9), job(9, heard=True)),
        (State(last_ns=9, cause=FAILED, down=Trigger(bits=1)), job(9, heard=True)),
        (State(last_ns=9, cause=OVERDUE, down=Trigger(bits=2)), job(9, heard=True)),
        (State(last_ns=9, cause=OVERDUE, down=Trigger(bits=3)), job(overdue=True)),
    ]:
        it = job()
        restore(it, state)
        assert it == expected


def test_a_reload_keeps_what_is_known_of_jobs() -> None:
    known = job(5, heard=True, overdue=True)
    assert heartbeats([JOB], {"backup": known}, 9) == [known]
    assert heartbeats([JOB], {"other": known}, 9) == [job(9)]
