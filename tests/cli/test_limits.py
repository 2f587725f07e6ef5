"""``--max`` and ``--min`` on the command line and in targets files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh.cli.main import main
from seventh.labkit.serve import tcp_server
from tests.cli import forked


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello FTP\r\n")
        await reader.read()

    async with tcp_server(greet) as port:
        yield f"tcp://127.0.0.1:{port}"


async def seventh(*arguments: str) -> tuple[int, str, str]:
    return await asyncio.to_thread(forked.seventh, *arguments)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "tcp://h.test:1 --max conect=1s",
            "unknown name 'conect': did you mean connect? The names",
        ),
        ("tcp://h.test:1 --min ttfb=1s", "--min ttfb=1s: unknown name 'ttfb'"),
        ("ssh://h.test --max connect=3", "write a unit: ns, us, ms, s, min, h or days"),
        ("ssh://h.test --max connect", "write NAME=VALUE"),
        ("ssh://h.test --max x\x1b[31m=1s", "unknown name"),
    ],
)
def test_a_bad_limit_is_one_line_before_any_connection(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *words.split(" ")]) == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:-1].isprintable()) == ("", 1, True)
    assert says in err


async def test_the_exit_code_says_what_came_of_the_limit(url: str) -> None:
    assert (await seventh("check", url, "--max", "connect=5s", "--max", "rtt=5s"))[0] == 0
    code, out, _ = await seventh("check", url, "--max", "connect=1ns")
    assert code == 2
    assert "NET-LIMIT" in out
    code, out, _ = await seventh("check", url, "--min", "resolve=1ns")
    assert code == 3
    assert "limits not measured: resolve" in out
    assert (await seventh("check", url, "--max", "connect=1ns", "--fail-on", "critical"))[0] == 0


async def test_a_targets_file_has_limits_for_all_and_for_each(url: str, tmp_path: Path) -> None:
    table = tmp_path / "t.toml"
    table.write_text(
        f'[defaults]\nmax = ["connect=5s"]\n[[target]]\nurl = "{url}"\n'
        f'[[target]]\nurl = "{url}"\nmax = ["connect=1ns"]\nmin = "rtt=1ns"\n',
        encoding="utf-8",
    )
    code, out, _ = await seventh("check", "--targets", str(table), "--format", "json")
    first, second = json.loads(out)["reports"]
    assert (code, first["status"], second["status"]) == (2, "ok", "critical")
    assert [limit["name"] for limit in first["facts"]["net"]["limits"]] == ["connect"]
    assert [limit["maximum"] for limit in second["facts"]["net"]["limits"]] == [1e-9, None]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('url = "ssh://h.test"\nmax = ["ntp.stratum=3"]', "target 1: --max ntp.stratum=3: unknown"),
        ('url = "ssh://h.test"\nmin = "connect=3"', "target 1: --min connect=3: write a unit"),
        ('url = "ssh://h.test"\nmax = 3', "target 1: --max: write a string or a list of strings"),
    ],
)
def test_a_bad_limit_in_a_file_is_named_with_its_target(
    lines: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "t.toml"
    table.write_text(f"[[target]]\n{lines}\n", encoding="utf-8")
    assert main(["check", "--targets", str(table)]) == 3
    err = capsys.readouterr().err
    assert f"{table}: {says}" in err


async def test_a_limit_that_one_of_several_protocols_knows_is_for_that_one(url: str) -> None:
    """The unknown name is an error only if no target knows it."""
    code, out, _ = await seventh(
        "check", url, "ssh://127.0.0.1:1", "--max", "ssh.kex=5s", "--format", "json"
    )
    assert code == 2  # nothing listens on port 1
    first, second = json.loads(out)["reports"]
    assert first["status"] == "ok"
    assert [len(r["facts"]["net"]["limits"]) for r in (first, second)] == [0, 1]
