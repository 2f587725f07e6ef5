"""The recipe: a protocol is one folder. A tiny echo protocol in a temporary folder proves it."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from seventh.labkit.serve import tcp_server
from tests.cli import forked
from tests.cli.forked import CLOSED, FULL, Stream

ROOT = Path(__file__).parent.parent.parent

FILES = {
    "__init__.py": '''
"""The echo protocol of RFC 862."""

from typing import Annotated

from msgspec import Meta

from seventh.model.option import Option, RoomOptions
from seventh.model.spec import Metric, PhaseSpec, Spec
from seventh.model.target import Scheme
from seventh.model.verb import Argument, Verb


class EchoOptions(RoomOptions, frozen=True, kw_only=True):
    size_bytes: Annotated[
        int, Meta(ge=1, le=1024), Option(flag="size", metavar="BYTES", help="bytes to send")
    ] = 32


class SendOptions(RoomOptions, frozen=True, kw_only=True):
    upper: Annotated[bool, Option(flag="upper", help="send capital letters")] = False


SPEC = Spec(
    name="echo",
    title="Echo",
    schemes=(Scheme(name="echo", port=7, well_known=False),),
    phases=(PhaseSpec("echo.rtt", "the first byte sent to the last byte back"),),
    metrics=(Metric("seventh_echo_seconds", "gauge", "round trip of 32 bytes", "rtt_seconds"),),
    tiers={0: "sends 32 bytes"},
    options=EchoOptions,
    verbs=(
        Verb(
            name="send", help="send words, one at a time, and print what comes back", tier=1,
            arguments=(Argument(name="word", help="what to send", many=True),),
            options=SendOptions, exit_codes={1: "something else came back"}, formats=("hex",),
        ),
    ),
    standards=("RFC 862",),
    connections=1,
)
''',
    "facts.py": """
from typing import ClassVar

from seventh.model.facts import Facts


class EchoFacts(Facts, frozen=True, kw_only=True):
    ROOM: ClassVar[str] = "echo"

    rtt_seconds: float | None = None
    faithful: bool | None = None
    most_bytes: int | None = None
""",
    "wire.py": '''
from seventh.model.failure import ProtocolViolation


class Echo:
    """Collects as many bytes as were sent."""

    def __init__(self, sent: bytes) -> None:
        self.sent = sent
        self.got = b""

    def receive(self, data: bytes) -> bool:
        self.got += data
        if len(self.got) > len(self.sent):
            raise ProtocolViolation("more bytes came back than were sent")
        return len(self.got) == len(self.sent)
''',
    "probe.py": """
import os

from seventh.model.failure import Failed, Reason
from seventh.net.probe_context import ProbeContext
from seventh.protocols.echo import EchoOptions
from seventh.protocols.echo.wire import Echo
from seventh.protocols.echo.facts import EchoFacts
from seventh.wire.identify import identify


async def pulse(ctx: ProbeContext) -> None:
    stream = await ctx.connect()
    echo = Echo(os.urandom(ctx.options.of(EchoOptions).size_bytes))
    with ctx.watch.phase("echo.rtt") as timer:
        sent = await stream.send(echo.sent)
        timer.begin(sent)
        while True:
            data, mark = await stream.receive()
            if not data:
                raise Failed(Reason.PEER_CLOSED, "closed before the echo came back")
            if not echo.got and (other := identify(data)):
                raise Failed(Reason.PROTOCOL_MISMATCH, f"the peer speaks {other}, not echo")
            if echo.receive(data):
                break
        timer.stop(mark)
    ctx.notes(EchoFacts).learn(
        rtt_seconds=timer.seconds_until(mark), faithful=echo.got == echo.sent
    )


async def check(ctx: ProbeContext) -> None:
    await pulse(ctx)
""",
    "rules.py": """
from seventh.model.severity import Severity
from seventh.protocols.echo.facts import EchoFacts
from seventh.rules.rule import Hit, Skip, Source, Verdict, rule


@rule(
    "ECHO-LIES", Severity.HIGH, tier=0, source=Source.WIRE,
    title="The echo is not what was sent", evidence="{count} bytes came back changed",
    why="Something on the way rewrites the data.", fix={"any": "find the middlebox"},
    references=("RFC 862",), seed=("0",),
    good=EchoFacts(faithful=True), bad=EchoFacts(faithful=False),
)
def lies(echo: EchoFacts) -> Verdict:
    if echo.faithful is None:
        return Skip("nothing came back")
    return None if echo.faithful else Hit(count=32)


@rule(
    "ECHO-UNBOUNDED", Severity.MEDIUM, tier=0, source=Source.FILE,
    title="The echo has no limit", evidence="most-bytes is {most}",
    why="Whoever sends much gets much.", fix={"echod": "most-bytes 4096"}, seed=("0",),
    good=EchoFacts(most_bytes=4096), bad=EchoFacts(most_bytes=0),
    directives={"echod": ("most-bytes",)},
)
def unbounded(echo: EchoFacts) -> Verdict:
    if echo.most_bytes is None:
        return Skip("no file said how much is echoed")
    return None if echo.most_bytes else Hit(most=echo.most_bytes)
""",
    "work.py": """
import msgspec

from seventh.model.failure import Failed, Reason
from seventh.net.work import Work
from seventh.protocols.echo import SendOptions


class Echoed(msgspec.Struct, frozen=True):
    sent: str
    back: str

    def __str__(self) -> str:
        return f"{self.sent} -> {self.back}"


def as_hex(result: Echoed) -> str:
    return result.back.encode("latin-1").hex()


async def send(work: Work) -> int:
    stream = await work.ctx.connect()
    words = work.arguments["word"]
    if work.ctx.options.of(SendOptions).upper:
        words = tuple(word.upper() for word in words)
    same = True
    for number, word in enumerate(words):
        await stream.send(word.encode())
        data, _ = await stream.receive()
        if not data:
            raise Failed(Reason.PEER_CLOSED, "closed before the echo came back")
        same = same and data == word.encode()
        work.show(Echoed(word, data.decode("latin-1")))
        work.progress(number + 1, len(words))
    return 0 if same else 1
""",
    "lab.py": """
import contextlib

from seventh.labkit.serve import Fault, Served, tcp_server

FAULTS = (Fault(name="lies", meaning="flips every bit", triggers=("ECHO-LIES",)),)


@contextlib.asynccontextmanager
async def serve(fault, kit):
    async def echo(reader, writer):
        while data := await reader.read(4096):
            writer.write(bytes(b ^ 255 for b in data) if fault else data)
            await writer.drain()

    async with tcp_server(echo) as port:
        yield Served(target=f"echo://127.0.0.1:{port}")
""",
}


LINTER = """
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind, Linted, Setting, Software, View
from seventh.model.source import Line
from seventh.protocols.echo.facts import EchoFacts


def looks(lines: tuple[str, ...]) -> int:
    return sum(line.startswith("most-bytes ") for line in lines)


def lint(text: Text, files: Files, software: Software | None) -> Linted:
    most, settings = 0, {}
    at = Line(file=text.name, line=None, text="most-bytes 0 (default)")
    for number, line in text.numbered():
        word, _, value = line.partition(" ")
        if word == "most-bytes" and value.isdigit():
            most, at = int(value), Line(file=text.name, line=number, text=line)
        elif line.strip():
            files.problem(text.name, number, f"{word!r} is no directive")
    settings = {"most-bytes": (Setting(value=str(most), at=at),)}
    return Linted(views=(View(facts={"echo": EchoFacts(most_bytes=most)}, settings=settings),))


KINDS = (
    Kind(
        name="echo.conf", title="echod", room="echo", product="echod", names=("echo.conf",),
        looks=looks, lint=lint,
    ),
)
"""


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("outside")
    folder = tmp_path / "rooms" / "echo"
    folder.mkdir(parents=True)
    for name, content in FILES.items():
        (folder / name).write_text(content.lstrip(), encoding="utf-8")
    linter = tmp_path / "linters" / "echod" / "__init__.py"
    linter.parent.mkdir(parents=True)
    linter.write_text(LINTER.lstrip(), encoding="utf-8")
    return folder.parent


def environment(rooms: Path) -> dict[str, str]:
    linters = rooms.parent / "linters"
    return {**os.environ, "SEVENTH_ROOMS": str(rooms), "SEVENTH_LINTERS": str(linters)}


async def seventh(rooms: Path, *words: str, stdout: Stream | str = "") -> tuple[int, str]:
    run = functools.partial(forked.seventh, *words, stdout=stdout, env=environment(rooms))
    code, out, err = await asyncio.to_thread(run)
    return code, out + err


async def test_one_folder_is_a_protocol(rooms: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)

    async with tcp_server(echo) as port:
        code, output = await seventh(rooms, "check", f"echo://127.0.0.1:{port}", "--format", "json")
    assert code == 0, output
    (report,) = json.loads(output)["reports"]
    assert report["protocol"] == "echo"
    assert report["facts"]["echo"]["faithful"] is True
    assert report["metrics"]["seventh_echo_seconds"] > 0
    assert [p["name"] for p in report["phases"]] == ["connect", "echo.rtt"]


async def test_its_rules_and_its_lab_are_found(rooms: Path) -> None:
    assert "ECHO-LIES" in (await seventh(rooms, "rules"))[1]
    assert "rewrites the data" in (await seventh(rooms, "explain", "echo-lies"))[1]
    code, output = await seventh(rooms, "tour", "echo")
    assert code == 0, output
    assert "1 fault found, 1 correct server without findings" in output


async def test_its_files_are_judged(rooms: Path, tmp_path: Path) -> None:
    path = tmp_path / "echo.conf"
    path.write_text("most-bytes 0\n")
    code, output = await seventh(rooms, "lint", str(path), "--format", "json")
    assert code == 1, output
    (report,) = json.loads(output)["reports"]
    (finding,) = report["findings"]
    assert report["target"] == f"file:{path}"
    assert finding["source"] == [{"file": str(path), "line": 1, "text": "most-bytes 0"}]
    path.write_text("most-bytes 512\n")
    assert (await seventh(rooms, "lint", str(path)))[0] == 0


async def test_its_options_are_made_from_the_spec(rooms: Path, tmp_path: Path) -> None:
    seen: list[int] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            seen.append(len(data))
            writer.write(data)

    async with tcp_server(echo) as port:
        url = f"echo://127.0.0.1:{port}"
        assert (await seventh(rooms, "check", url, "--size", "5"))[0] == 0
        table = tmp_path / "targets.toml"
        table.write_text(f'[defaults]\nsamples = 2\nsize = 6\n[[target]]\nurl = "{url}"\n')
        assert (await seventh(rooms, "check", "--targets", str(table)))[0] == 0
        table.write_text(f'[[target]]\nurl = "{url}"\nsize = 7\n')
        assert (await seventh(rooms, "check", "--targets", str(table), "--size", "8"))[0] == 0
    assert seen == [5, 6, 7]
    assert "--size BYTES" in (await seventh(rooms, "check", "--help", "echo"))[1]
    assert "--size" not in (await seventh(rooms, "check", "--help"))[1]
    code, output = await seventh(rooms, "check", "echo://h:1", "--size", "0")
    assert (code, "a number from 1 to 1024" in output) == (3, True)
    code, output = await seventh(rooms, "check", "tcp://h:1", "--size", "5")
    assert (code, "--size: no target uses it; it is an option of echo" in output) == (3, True)
    table.write_text('[[target]]\nurl = "tcp://h:1"\nsize = 5\n')
    code, output = await seventh(rooms, "check", "--targets", str(table))
    assert (code, "target 1: tcp:// does not use the option 'size'" in output) == (3, True)


async def test_its_verb_is_typed_like_any_other(rooms: Path) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data.replace(b"x", b"y"))

    async with tcp_server(echo) as port:
        url = f"echo://127.0.0.1:{port}"
        assert await seventh(rooms, "echo", "send", url, "a", "b", "--upper") == (
            0, "A -> A\nB -> B\n",
        )  # fmt: skip
        assert await seventh(rooms, "echo", "send", url, "b", "--format", "hex") == (0, "62\n")
        refused = ((FULL, "cannot be written"), (CLOSED, "is closed"))
        for words, (where, said) in itertools.product(("a", "a b"), refused):
            code, err = await seventh(rooms, "echo", "send", url, *words.split(), stdout=where)
            assert (code, said in err, err.count("\n")) == (3, True, 1), err
        code, output = await seventh(rooms, "echo", "send", url, "ax", "--format", "json")
        assert (code, json.loads(output)) == (1, {"sent": "ax", "back": "ay"})
    code, output = await seventh(rooms, "echo", "send", url, "a")
    assert (code, "connect-refused in connect" in output) == (2, True)
    code, output = await seventh(rooms, "check", "echo://h:1", "--upper")
    assert (code, "unknown option --upper" in output) == (3, True)
    assert "--allow-write" not in (await seventh(rooms, "echo", "send", "--help"))[1]
    assert "1 something else came back" in (await seventh(rooms, "echo", "send", "--help"))[1]
    assert "echo send" in (await seventh(rooms, "--help"))[1]
    for wrong in (["echo"], ["echo", "nope"], ["echo", "send"], ["echo", "send", "tcp://h:1"],
                  ["echo", "send", url, "--samples", "2"]):  # fmt: skip
        code, output = await seventh(rooms, *wrong)
        assert (code, output.count("\n"), output[:9]) == (3, 1, "seventh: "), output


def test_it_is_held_to_the_contract_and_to_hostile_peers(rooms: Path) -> None:
    tests = ["tests/conformance/test_rooms.py", "tests/hostile/test_hostile.py", "-k", "echo and not ntp"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", *tests],
        env=environment(rooms), cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
