"""Adding a thing touches one place: each is added to a copy of the source, and the command has it.

A rule is its declaration and its lab fault; a metric and an option are in the protocol's spec; a
verb is in the protocol's folder; a protocol, a linter and a format are what is dropped in.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import seventh
from seventh.labkit.serve import tcp_server
from tests.conformance.test_recipe import FILES, LINTER

ROOT = Path(__file__).parent.parent.parent
UNCOUNTED = {"COVERAGE_PROCESS_CONFIG": ""}
"""For commands that run a copy, of which coverage would count the lines to leave them out."""


class Copy:
    """A copy of the source with something added, and commands that run it."""

    def __init__(self, folder: Path) -> None:
        self.root = shutil.copytree(Path(seventh.__file__).parent, folder / "seventh")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text.lstrip(), encoding="utf-8")

    def change(self, name: str, *changes: tuple[str, str]) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        for before, after in changes:
            assert text.count(before) == 1, before
            text = text.replace(before, after)
        path.write_text(text, encoding="utf-8")

    async def run(self, *arguments: str, module: str = "seventh") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", module, *arguments, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(self.root.parent), **UNCOUNTED},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode()

    async def passes(self, *names: str, only: str) -> None:
        code, output = await self.run("-n0", *names, "-k", only, module="pytest")
        assert code == 0, output
        assert " passed" in output


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello FTP\r\n")
        await reader.read()

    async with tcp_server(greet) as number:
        yield number


RULE = """

@rule(
    "NET-ONE-ADDRESS", Severity.LOW, tier=0, source=Source.WIRE,
    title="The name has one address only", evidence="{host} has one address",
    why="Where it fails, nothing takes over.", fix={"any": "Publish a second address."},
    references=("RFC 1034",), seed=("12",),
    good=_GOOD, bad=_GOOD.learn(addresses=("192.0.2.1",)),
)
def one_address(net: NetFacts) -> Verdict:
    if not net.addresses:
        return Skip("the name was not resolved")
    return Hit(host=net.host) if len(net.addresses) == 1 and net.host == "lab.test" else None
"""


METRIC = 'Metric("seventh_addresses", "gauge", "addresses of the name", "addresses")'
VERB = 'Verb(name="greeting", help="print the greeting", tier=0)'
TYPED = "from typing import Annotated\n\nfrom seventh.model.option import Option, RoomOptions\n"


async def test_a_rule_is_its_declaration_and_its_fault(copy: Copy) -> None:
    rules = copy.root / "protocols" / "net" / "rules" / "paths.py"
    rules.write_text(rules.read_text(encoding="utf-8") + RULE.replace("192.0.2.1", "127.0.0.1")
                     .replace("bad=_GOOD.learn(", 'bad=_GOOD.learn(host="lab.test", '))  # fmt: skip
    lab = copy.root / "protocols" / "net" / "lab.py"
    faults, found = re.subn(
        r'(name="slow-dns".*?"NET-DNS-SLOW",)', r'\1 "NET-ONE-ADDRESS",',
        lab.read_text(encoding="utf-8"), count=1, flags=re.DOTALL,
    )  # fmt: skip
    assert found == 1
    lab.write_text(faults, encoding="utf-8")
    assert "The name has one address only" in (await copy.run("explain", "net-one-address"))[1]
    assert "NET-ONE-ADDRESS" in (await copy.run("rules"))[1]
    names = ["tests/conformance/test_rooms.py", "tests/conformance/test_lab.py",
             "tests/rules/test_planned.py"]  # fmt: skip
    await copy.passes(*names, only="(net and not net-clean) or ONE-ADDRESS or planned")


async def test_a_metric_is_a_line_of_the_spec(copy: Copy, port: int) -> None:
    copy.change(
        "protocols/net/__init__.py",
        ("from seventh.model.spec import ", "from seventh.model.spec import Metric, "),
        ("    metrics=(),\n", f"    metrics=({METRIC},),\n"),
    )  # fmt: skip
    url = f"tcp://127.0.0.1:{port}"
    _, output = await copy.run("check", url, "--format", "json")
    assert json.loads(output)["reports"][0]["metrics"]["seventh_addresses"] == 1
    assert "seventh_addresses" in (await copy.run("explain", "net"))[1]
    await copy.passes("tests/conformance/test_rooms.py", only="net and metric")


async def test_an_option_is_a_field_of_the_spec(copy: Copy, port: int, tmp_path: Path) -> None:
    copy.change(
        "protocols/net/__init__.py",
        ("from seventh.model.spec", f"{TYPED}from seventh.model.spec"),
        ("SPEC = Spec(\n", '''
class NetOptions(RoomOptions, frozen=True, kw_only=True):
    colour: Annotated[str, Option(flag="colour", metavar="NAME", help="colour to see")] = "red"


SPEC = Spec(
    options=NetOptions,
'''),
    )  # fmt: skip
    url = f"tcp://127.0.0.1:{port}"
    shown = (await copy.run("check", "--help", "net"))[1]
    assert re.search(r"--colour NAME\s+colour to see \(default: red\)", shown)
    assert (await copy.run("check", url, "--colour", "blue"))[0] == 0
    table = tmp_path / "targets.toml"
    table.write_text(f'[[target]]\nurl = "{url}"\ncolour = "green"\n')
    assert (await copy.run("check", "--targets", str(table)))[0] == 0
    table.write_text(f'[[target]]\nurl = "{url}"\ncolour = 3\n')
    assert (await copy.run("check", "--targets", str(table)))[0] == 3
    assert (
        "--colour: no target uses it" in (await copy.run("check", "ssh://h", "--colour", "blue"))[1]
    )
    await copy.passes("tests/conformance/test_rooms.py", only="option")


async def test_a_verb_is_in_the_folder_of_its_protocol(copy: Copy, port: int) -> None:
    copy.change(
        "protocols/net/__init__.py",
        ("from seventh.model.spec", "from seventh.model.verb import Verb\nfrom seventh.model.spec"),
        ("SPEC = Spec(\n", f"SPEC = Spec(\n    verbs=({VERB},),\n"),
    )  # fmt: skip
    copy.write(
        "protocols/net/work.py",
        """
import msgspec

from seventh.net.work import Work


class Line(msgspec.Struct, frozen=True):
    text: str

    def __str__(self) -> str:
        return self.text


async def greeting(work: Work) -> None:
    stream = await work.ctx.connect()
    data, _ = await stream.receive()
    work.show(Line(data.decode().strip()))
""",
    )
    url = f"tcp://127.0.0.1:{port}"
    assert await copy.run("net", "greeting", url) == (0, "220 hello FTP\n")
    assert "net greeting" in (await copy.run("--help"))[1]
    assert "--max" not in (await copy.run("net", "greeting", "--help"))[1], "it makes no report"
    await copy.passes("tests/conformance/test_rooms.py", only="net")


AREA = """
from seventh.localkit.area import Area, Command
from seventh.localkit.seen import Seen
from seventh.protocols.pop3.facts import Pop3Facts


def learn(facts: Pop3Facts, seen: Seen, options: None) -> Pop3Facts:
    return facts.learn(greeting=str(seen.output("uname")).strip())


AREAS = (
    Area(
        name="kernel", title="the kernel", facts=Pop3Facts, learn=learn,
        commands=(Command(name="uname", words=("uname", "-s"), reads="its name"),),
    ),
)
"""


async def test_an_area_is_a_module_of_its_protocol(copy: Copy) -> None:
    copy.write("protocols/pop3/local.py", AREA)
    assert "uname -s " in (await copy.run("explain", "local"))[1]
    _, output = await copy.run("local", "kernel", "--format", "json")
    (report,) = json.loads(output)["reports"]
    assert report["facts"]["local"]["areas"] == ["kernel"]
    assert report["facts"]["pop3"]["greeting"] == "Linux"
    await copy.passes("tests/conformance/test_areas.py", only="kernel")


async def test_a_protocol_and_a_linter_are_dropped_in(copy: Copy, tmp_path: Path) -> None:
    for name, text in FILES.items():
        copy.write(f"protocols/echo/{name}", text)
    copy.write("lint/echod/__init__.py", LINTER)
    assert "echo" in (await copy.run("explain", "echo"))[1]
    path = tmp_path / "echo.conf"
    path.write_text("most-bytes 0\n")
    code, output = await copy.run("lint", str(path))
    assert (code, "ECHO-UNBOUNDED" in output) == (1, True)
    assert (await copy.run("tour", "echo", "--quiet"))[0] == 0


async def test_a_format_is_dropped_in(copy: Copy, port: int) -> None:
    copy.write(
        "render/formats/tsv.py",
        '''
"""Tab-separated values: target and status."""

from seventh.render.view import Document, View


def render(document: Document, view: View) -> str:
    """A line for each report."""
    return "".join(f"{report.target}\\t{report.status}\\n" for report in document.reports)
''',
    )
    url = f"tcp://127.0.0.1:{port}"
    assert await copy.run("check", url, "--format", "tsv") == (0, f"{url}\tok\n")
    assert "tsv" in (await copy.run("check", "--help"))[1]
