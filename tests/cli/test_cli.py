"""The command, run as people run it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seventh import __version__, given, protocols
from seventh.cli.main import main
from seventh.cli.targets import gather
from seventh.labkit.names import name_server
from seventh.labkit.serve import free_port, tcp_server
from seventh.model.failure import UsageError
from seventh.model.option import Declared
from seventh.model.options import Options
from seventh.render import FORMATS
from tests.cli import forked

HELD = 1 + 6
"""Connections of a target that --hold 600 leaves open: the check's first, and six idle ones."""


async def seventh(*arguments: str, stdin: str = "", **env: str) -> tuple[int, str, str]:
    """Run the command while the loop goes on to serve."""
    return await asyncio.to_thread(forked.seventh, *arguments, stdin=stdin, env=env)


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello FTP\r\n")
        await reader.read()

    async with tcp_server(greet) as number:
        yield number


def test_version() -> None:
    assert forked.seventh("--version") == (0, f"seventh {__version__}\n", "")
    command = [sys.executable, "-m", "seventh", "--version"]
    assert subprocess.check_output(command, text=True) == f"seventh {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["check"], "no target"),
        (["check", "gopher://host"], "unknown scheme gopher://"),
        (["check", "ssh://host:99999"], "not a number from 1 to 65535"),
        (["check", "ssh://host:000000099988888"], "not a number from 1 to 65535"),
        (["check", f"ssh://host:0000000{'9' * 5000}"], "not a number from 1 to 65535"),
        (["check", "ssh://host", "--resolver", "127.0.0.1:000000000053999"], "1 to 65535"),
        (["check", "ssh://host", "--resolver", "1.\udcff"], "write an IP address"),
        (["check", "--targets", "/dev/zero"], "larger than"),
        (["check", "ssh://h", "--timeout", "0"], "is not a number above 0, up to 86400"),
        (["check", "ssh://h", "--parallel", "x"], "not a number from 1 to 4096"),
        (["check", "ssh://h", "--fail-on", "bad"], "write critical, high"),
        (["check", "ssh://h", "--only", "SSH-NOPE"], "unknown rule 'SSH-NOPE'"),
        (["check", "tls://h", "--ca", "/no/such/file"], "No such file"),
        (["check", "tls://h", "--key", "k.pem"], "cannot be read"),
        (
            ["check", "tls://h", "--ca-store", "/no/such"],
            "--ca-store /no/such: cannot be read: No such file",
        ),
        (["check", "ssh://h", "--resolver", "name"], "write an IP address"),
        (["check", "ssh://h", "--targets", "/no/such/file"], "No such file"),
        (["check", "ssh://h", "--output", "/no/such/folder/x"], "cannot be written"),
        (["check", "ssh://h", "-4", "-6"], "not allowed with"),
        (["check", "tls://h:1", "--ca", "LICENSE"], "no PEM certificate"),
        (["check", "tls://h:1", "--cert", "LICENSE", "--key", "LICENSE"], "no PEM certificate"),
        (["check", "https://h", "--header", "Authorization Bearer x"], "it has no colon"),
        (["check", "https://h", "https://i", "--header", "X: env:NOT_SET_HERE"], "NOT_SET_HERE"),
        (["check", "https://h", "--token-file", "/no/such"], "No such file"),
        (["check", "https://h", "--token-file", "/dev/null"], "its first line is empty"),
        (["check", "https://h", "--method", "G T"], "'G T' is not a method"),
        (["check", "https://h", "--expect-status", "2yy"], "write statuses"),
        (["check", "https://h", "--expect-json", "a["], "--expect-json"),
        (["check", "https://h", "--expect-json", ""], "--expect-json"),
        (["check", "https://h", "--max-body", "0"], "--max-body"),
        (["ssh://h"], "did you mean `seventh check ssh://h`"),
        (["chek", "x"], "did you mean `seventh check`"),
        (
            ["check", "ssh://h", "--samples", "3"],
            "--samples: no target uses it; it is an option of ntp",
        ),
        (["check", "ssh://h", "--ca", "LICENSE"], "--ca: no target uses it"),
        (["check", "tls://h", "--allow-write"], "--allow-write: no target uses it"),
        (["check", "ssh://h", "--intr"], "did you mean --intrusive"),
        (["check", "--help", "nope"], "unknown protocol"),
        (["nonsense"], "unknown verb"),
        (["explain", "SSH-NOPE"], "unknown rule or protocol 'SSH-NOPE'"),
        (["explain", "NET-PORT-STAT"], "did you mean NET-PORT-STATE"),
        (["lab", "nope"], "unknown lab 'nope'"),
        (["lab", "--fault", "x"], "needs a protocol"),
        (["lab", "net", "--fault", "x"], "unknown net fault 'x'"),
        (["tour", "nope"], "unknown lab 'nope'"),
        ([], "required"),
    ],
)
async def test_bad_input_is_one_line_and_exit_3(arguments: list[str], says: str) -> None:
    code, out, err = await seventh(*arguments)
    assert code == 3
    assert out == ""
    assert says in err
    assert err.count("\n") == 1, err
    assert err.startswith("seventh: ")


async def test_a_file_with_a_bad_line_says_which(tmp_path: Path) -> None:
    path = tmp_path / "targets.txt"
    path.write_text("# mine\ntcp://127.0.0.1:1\n\nssh://host:0  # bad\n", encoding="utf-8")
    code, _, err = await seventh("check", "--targets", str(path))
    assert code == 3
    assert f"{path}:4: " in err


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[", "not valid TOML"),
        ("x = 1", "[[target]]"),
        ("[[target]]\nport = 1", 'target 1: needs url = "…"'),
        ('[[target]]\nurl = "ssh://h"\nnope = 1', "unknown option 'nope'"),
        ('[[target]]\nurl = "ssh://h"\ntimeout = "x"', "target 1: "),
        ('[[target]]\nurl = "nope://h"', "target 1: target 'nope://h': unknown scheme"),
        pytest.param(f"x = {'9' * 5000}", "too many digits", marks=pytest.mark.field),
        pytest.param(f"x = {'[' * 9999}", "nested too deeply", marks=pytest.mark.field),
        pytest.param("x = 2026-99-99", "not valid TOML", marks=pytest.mark.field),
        pytest.param(
            f'[[target]]\nurl = "tls://h"\nca-store = "{"x" * 9999}"', "File name too long",
            marks=pytest.mark.field,
        ),
        pytest.param("[[target]]\nurl = 7", "target 1: needs url", marks=pytest.mark.field),
    ],
)  # fmt: skip
async def test_a_bad_toml_file_says_where(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(content, encoding="utf-8")
    code, _, err = await seventh("check", "--targets", str(path))
    assert code == 3
    assert says in err
    assert str(path) in err


PERMISSIONS = [each for each in given.options().values() if each.option.grants is not None]


@pytest.mark.field
@pytest.mark.parametrize("each", PERMISSIONS, ids=lambda each: each.option.flag)
@pytest.mark.parametrize("table", ["[defaults]", '[[target]]\nurl = "wss://h.test"'])
def test_a_file_gives_itself_no_permission(each: Declared, table: str, tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    flag = each.option.flag
    for value in ("true", "1", '"yes"'):
        text = f'{table}\n{flag} = {value}\n[[target]]\nurl = "tcp://h.test"\n'
        path.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=f"{flag} is a permission.*; type --{flag} on the"):
            gather(["tcp://h:1"], [str(path)], Options(), {})


@pytest.mark.field
def test_a_file_may_take_a_permission_back(tmp_path: Path) -> None:
    path = tmp_path / "targets.toml"
    path.write_text(
        '[defaults]\nhold = 3\n[[target]]\nurl = "wss://a.test"\n'
        '[[target]]\nurl = "wss://b.test"\nhold = 0\nintrusive = false\n',
        encoding="utf-8",
    )
    typed = {"intrusive": True}
    (_, first), (_, second) = gather([], [str(path)], Options(intrusive=True), typed)
    assert (first.intrusive, first.hold_seconds) == (True, 3)
    assert (second.intrusive, second.hold_seconds) == (False, 0)


@pytest.mark.field
def test_a_byte_order_mark_and_crlf_are_no_part_of_a_target(tmp_path: Path) -> None:
    for name, text in (
        ("t.txt", "\ufefftcp://h.test:1\r\n\r\n"),
        ("t.toml", '\ufeff[[target]]\r\nurl = "tcp://h.test:1"\r\n'),
    ):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8", newline="")
        ((target, _),) = gather([], [str(path)], Options(), {})
        assert str(target) == "tcp://h.test:1"


@pytest.mark.field
@pytest.mark.parametrize("word", ["\n", "\x1b[31m", "x" * 100_000, "\udcff"])
@pytest.mark.parametrize(
    "before", [["explain"], ["rules"], ["check", "--targets"], ["check", "--resolver"], []]
)
def test_what_was_typed_is_repeated_as_one_short_line(
    before: list[str], word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*before, word]) == 3
    out, err = capsys.readouterr()
    assert (out, err.count("\n"), err[:-1].isprintable()) == ("", 1, True)
    assert len(err) < 2000


async def test_targets_come_from_arguments_files_and_stdin(port: int, tmp_path: Path) -> None:
    url = f"tcp://127.0.0.1:{port}"
    listed = tmp_path / "t.txt"
    listed.write_text(f"{url}\n", encoding="utf-8")
    table = tmp_path / "t.toml"
    table.write_text(f'[[target]]\nurl = "{url}"\ntimeout = 4\n', encoding="utf-8")
    code, out, err = await seventh(
        "check", url, "-", "--targets", str(listed), "--targets", str(table),
        "--format", "json", stdin=f"{url}\n",
    )  # fmt: skip
    assert (code, err) == (0, "")
    reports = json.loads(out)["reports"]
    assert [r["target"] for r in reports] == [url] * 4


async def test_the_exit_code_is_the_worst(port: int) -> None:
    good, bad = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{free_port()}"
    assert (await seventh("check", good))[0] == 0
    assert (await seventh("check", good, bad))[0] == 2


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "all_proxy"])
async def test_a_proxy_of_the_environment_is_not_used_but_mentioned(
    variable: str, port: int
) -> None:
    hidden = {variable: "http://ops:hidden@127.0.0.1:1"}
    code, _, err = await seventh("check", f"tcp://127.0.0.1:{port}", **hidden)
    assert (code, err) == (0, "")
    shut = f"tcp://127.0.0.1:{free_port()}"
    code, out, err = await seventh("check", shut, **hidden)
    assert code == 2
    assert err == f"seventh: {variable} is set, but only --proxy URL makes Seventh use a proxy\n"
    assert "hidden" not in out
    assert (await seventh("check", shut, "--proxy", shut.replace("tcp", "http"), **hidden))[2] == ""


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_into_a_pipe_and_a_file(name: str, port: int, tmp_path: Path) -> None:
    url = f"tcp://127.0.0.1:{port}"
    code, out, err = await seventh("check", url, "--format", name)
    assert (code, err) == (0, "")
    assert url in out
    assert "\x1b" not in out
    path = tmp_path / "report"
    code, out, _ = await seventh("check", url, "--format", name, "--output", str(path))
    assert (code, out) == (0, "")
    assert url in path.read_text(encoding="utf-8")


async def test_verbose_shows_the_transcript_and_why_rules_were_skipped(port: int) -> None:
    url = f"ssh://127.0.0.1:{port}"
    _, out, _ = await seventh("check", url, "-v")
    assert "NET-IPV6-BROKEN  no IPv6 address was tried" in out
    assert "│ < 220 hello FTP" in out
    _, out, _ = await seventh("check", url)
    assert "no IPv6 address was tried" not in out
    assert "│" not in out


async def test_ctrl_c_prints_what_is_done(port: int) -> None:
    held = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.set()
        await reader.read()

    async with tcp_server(hold) as silent:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seventh", "check", f"tcp://127.0.0.1:{port}",
            f"ssh://127.0.0.1:{silent}", f"ssh://127.0.0.1:{silent}", "--parallel", "1",
            "--format", "json", "--timeout", "60",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        await held.wait()
        process.send_signal(signal.SIGINT)
        out, err = await asyncio.wait_for(process.communicate(), 20)
    reports = json.loads(out)["reports"]
    assert [r["failure"] and r["failure"]["reason"] for r in reports] == [None, "interrupted"]
    assert b"1 of 3 targets were not checked" in err
    assert process.returncode == 3


async def test_ctrl_c_ends_idle_connections_at_once() -> None:
    held, open_now = asyncio.Event(), 0

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal open_now
        open_now += 1
        if open_now == 2 * HELD:
            held.set()
        await reader.read()
        open_now -= 1

    async with tcp_server(hold) as port:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "seventh", "check", f"tcp://127.0.0.1:{port}",
            f"tcp://127.0.0.1:{port}", "--intrusive", "--hold", "600", "--format", "json",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        await asyncio.wait_for(held.wait(), 20)
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), 20)
    reports = json.loads(out)["reports"]
    assert [r["failure"]["reason"] for r in reports] == ["interrupted"] * 2
    assert all(r["duration_seconds"] < 20 for r in reports)
    assert process.returncode == 3


async def test_ports_lists_the_table() -> None:
    code, out, _ = await seventh("ports")
    assert code == 0
    for port in (22, 25, 123, 161, 465, 993, 4460, 8883, 10161, 50051):
        assert re.search(rf"^ *{port} ", out, re.MULTILINE), port


async def test_rules_and_explain() -> None:
    code, out, _ = await seventh("rules")
    assert code == 0
    assert "NET-PORT-STATE" in out
    assert "ADV-FIT" not in out
    _, every, _ = await seventh("rules", "--all")
    assert "ADV-FIT" in every
    code, text, _ = await seventh("explain", "net-port-state", "NET-PMTU")
    assert code == 0
    assert "RFC 9293" in text
    assert "NET-PMTU" in text
    assert "\nFix\n" in text, "a fix for any product names none"
    assert "not built yet" in (await seventh("explain", "ADV-FIT"))[1]


async def test_a_lab_server_can_be_checked(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh", "lab", "net", "--fault", "drift", stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    line = (await process.stdout.readline()).decode().split()
    code, out, err = await seventh(*line[1:], "--format", "json")
    process.terminate()
    assert await process.wait() == 0
    assert code == 1, err
    assert [f["id"] for f in json.loads(out)["reports"][0]["findings"]] == ["NET-ADDR-DRIFT"]


def test_a_reader_that_leaves_is_no_error() -> None:
    """The pipe has room for a tenth of the list, so that the writer meets the closed end."""
    command = [sys.executable, "-m", "seventh", "rules", "--all"]
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with subprocess.Popen(command, stdout=writing, stderr=subprocess.PIPE, text=True) as process:
        os.close(writing)
        assert os.read(reading, 10)
        os.close(reading)
        _, err = process.communicate()
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lint"], "required: FILE"),
        (["lint", "x", "--kind", "nope"], "write Caddyfile, authorized_keys, chrony.conf"),
        (["lint", "x", "--software", "openssh"], "openssh=9.2"),
        (["lint", "x", "--only", "SSH-NOPE"], "unknown rule 'SSH-NOPE'"),
        (["check", "ssh://h", "--via", "tcp://b:1"], "write jump hosts as ssh://"),
        (["check", "ssh://h", "--via", "gopher://b"], "unknown scheme"),
        (["check", "ssh://h", "--proxy", "p:1"], "--proxy 'p:1': write http://HOST:PORT"),
        (["check", "ssh://h", "--proxy", "http://u:p@p:1"], "--proxy contains credentials"),
        (["check", "ssh://h", "--proxy-auth-file", "/dev/null"], "needs --proxy"),
        (["check", "ssh://h", "--identity", "/no/such/key"], "cannot be read"),
        (["check", "ssh://h", "--hold", "3"], "--hold needs --intrusive"),
        (["check", "ntp://h", "--ntp-key", "1"], "--ntp-key needs --ntp-keys"),
        (["check", "ntp://h", "--ntp-key", "0"], "not a number from 1"),
    ],
)
async def test_what_lint_and_the_permissions_refuse(arguments: list[str], says: str) -> None:
    code, out, err = await seventh(*arguments)
    assert (code, out) == (3, "")
    assert says in err
    assert err.count("\n") == 1


async def test_lint_of_stdin_a_file_and_a_folder(tmp_path: Path) -> None:
    written = "PasswordAuthentication yes\nPermitRootLogin yes\nUseDNS no\n"
    code, out, err = await seventh("lint", "-", "--format", "json", stdin=written)
    assert (code, err) == (2, "")
    (report,) = json.loads(out)["reports"]
    assert report["target"] == "file:-"
    assert {"file": "-", "line": 1, "text": "PasswordAuthentication yes"} in [
        line for finding in report["findings"] for line in finding["source"]
    ]
    (tmp_path / "sshd_config").write_text(written)
    code, out, _ = await seventh("lint", str(tmp_path), "--format", "nagios")
    assert code == 2
    assert f"at: {tmp_path}/sshd_config:1: PasswordAuthentication yes" in out
    code, _, err = await seventh("lint", str(tmp_path / "gone"), "--format", "json")
    assert (code, err) == (3, "")
    (tmp_path / "empty").mkdir()
    code, _, err = await seventh("lint", str(tmp_path / "empty"))
    assert code == 3
    assert "contains no recognised file" in err


# In JSON they are two fields.
@pytest.mark.parametrize("name", [n for n in FORMATS if not n.startswith("json")])
async def test_every_format_tells_file_and_line(name: str, tmp_path: Path) -> None:
    path = tmp_path / "sshd_config"
    path.write_text("\nPermitEmptyPasswords yes\n")
    code, out, err = await seventh("lint", str(path), "--format", name, COLUMNS="200")
    assert (code, err) == (2, "")
    assert "sshd_config:2" in out


async def test_a_checklist_is_shown_when_asked_for(port: int) -> None:
    target = f"tcp://127.0.0.1:{port}"
    code, out, _ = await seventh("check", target, "--checklist", "--format", "json")
    lines = json.loads(out)["reports"][0]["checklist"]
    assert code == 0
    assert {line["verdict"] for line in lines} >= {"pass", "not-applicable"}
    _, out, _ = await seventh("check", target, "--checklist")
    reachable = next(
        line.text for line in protocols.checklist("net") if "NET-PORT-STATE" in line.rules
    )
    assert f"  PASS            {reachable}" in out
    _, out, _ = await seventh("check", target)
    assert "PASS" not in out


async def test_explain_lists_a_protocols_checklist() -> None:
    _, out, _ = await seventh("explain", "ssh")
    assert "The server's host key is the one in known_hosts" in out
    assert "SSH-HOSTKEY-CHANGED (--known-hosts FILE)" in out


@pytest.mark.field
async def test_a_bare_host_whose_name_gives_no_address_fails_once() -> None:
    async with name_server({}) as resolver:
        code, out, _ = await seventh(
            "check", "nowhere.example", "--resolver", resolver, "--format", "json"
        )
    made = json.loads(out)
    assert code == 2
    assert [one["target"] for one in made["reports"]] == ["nowhere.example"]
    (host,) = made["hosts"]
    assert (host["host"], host["open"]) == ("nowhere.example", 0)
    assert {port["state"] for port in host["ports"]} == {"unresolved"}
