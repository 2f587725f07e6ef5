"""The verbs as they are typed: output, exit codes, errors of one line."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from seventh.labkit.serve import Kit, free_port
from seventh.protocols.grpc.lab.setup import Setup
from tests.protocols.grpc.lab.running import grpcio_server, lab_server


async def typed(*words: str, given: str = "") -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "seventh", "grpc", *words, stdin=pipe, stdout=pipe, stderr=pipe
    )
    out, err = await process.communicate(given.encode())
    return process.returncode or 0, out.decode(), err.decode()


async def test_list_and_describe(kit: Kit) -> None:
    async with lab_server(kit) as url:
        assert await typed("list", url) == (
            0, "grpc.health.v1.Health\nseventh.lab.Echo\n", "",
        )  # fmt: skip
        code, out, _ = await typed("list", url, "seventh.lab.Echo")
        assert (code, out.split()) == (
            0, [f"seventh.lab.Echo/{name}" for name in ("Say", "Repeat", "Collect", "Chat")],
        )  # fmt: skip
        assert await typed("describe", url, "seventh.lab.Echo.Chat") == (
            0,
            "rpc Chat(stream seventh.lab.EchoRequest) returns (stream seventh.lab.EchoReply);\n",
            "",
        )
        code, out, _ = await typed("describe", url, "seventh.lab.EchoReply", "--format", "json")
        assert (code, json.loads(out)) == (0, {
            "name": "seventh.lab.EchoReply", "kind": "message",
            "definition": "message seventh.lab.EchoReply {\n  string text = 1;\n"
            "  int32 index = 2;\n  bytes padding = 3;\n}",
        })  # fmt: skip
        assert await typed("describe", url, "a.B") == (
            2, "", ("seventh: unexpected-answer in grpc.describe: reflection does not describe "
            "a.B: not found: a.B\n"),
        )  # fmt: skip


@pytest.mark.parametrize("server", ["lab", "grpcio"])
async def test_call(server: str, kit: Kit) -> None:
    if server == "grpcio":
        with grpcio_server() as port:
            await calls(f"grpc://127.0.0.1:{port}")
    else:
        async with lab_server(kit) as url:
            await calls(url)


async def calls(url: str) -> None:
    echo = "seventh.lab.Echo"
    assert await typed("call", url, f"{echo}/Say", '{"text": "a"}', "--compress") == (
        0, '{"text":"a"}\n', "",
    )  # fmt: skip
    assert await typed("call", url, f"{echo}/Repeat", '{"count": 2}') == (
        0, '{}\n{"index":1}\n', "",
    )  # fmt: skip
    requests = '{"text": "a"}\n{"text": "b"}\n'
    assert await typed("call", url, f"{echo}/Collect", "-", given=requests) == (
        0, '{"text":"a b","index":2}\n', "",
    )  # fmt: skip
    code, out, err = await typed("call", url, f"{echo}/Chat", "-", "-H", "x-id: 7", given=requests)
    assert (code, out, err) == (0, '{"text":"a"}\n{"text":"b","index":1}\n', "")
    assert await typed("call", url, f"{echo}/Say", '{"code": 5, "text": "gone"}') == (
        1, "", "seventh: NOT_FOUND: gone\n",
    )  # fmt: skip
    assert await typed("call", url, f"{echo}/Say", '{"colour": 1}') == (
        3, "", ('seventh: a request of seventh.lab.Echo/Say is not seventh.lab.EchoRequest: '
        'Message type "seventh.lab.EchoRequest" has no field named "colour" at "EchoRequest".'
        "\n"),
    )  # fmt: skip
    assert await typed("call", url, f"{echo}/Say", "{}", "{}") == (
        3, "", "seventh: seventh.lab.Echo/Say takes one request, and 2 are given\n",
    )  # fmt: skip


async def test_a_deadline_and_a_limit(kit: Kit) -> None:
    async with lab_server(kit) as url:
        say = "seventh.lab.Echo/Say"
        assert await typed("call", url, say, '{"wait_ms": 9000}', "--max-time", "0.2") == (
            1, "", "seventh: DEADLINE_EXCEEDED: deadline exceeded\n",
        )  # fmt: skip
        assert await typed("call", url, say, '{"size": 2000}', "--max-message", "1000") == (
            2, "", ("seventh: protocol-violation in grpc.call: a message of 2003 bytes; "
            "the limit is 1000\n"),
        )  # fmt: skip


async def test_health(kit: Kit) -> None:
    async with lab_server(kit) as url:
        code, out, _ = await typed("health", url, "", "seventh.lab.Echo", "--format", "json")
        assert code == 0
        rows = [json.loads(line) for line in out.splitlines()]
        assert [(row["service"], row["status"]) for row in rows] == [
            ("", "SERVING"), ("seventh.lab.Echo", "SERVING"),
        ]  # fmt: skip
        assert await typed("health", url, "--format", "health-probe") == (
            0, "status: SERVING\n", "",
        )  # fmt: skip
        code, out, err = await typed("health", url, "shop.Cart", "--format", "health-probe")
        assert (code, out) == (3, "")
        assert err.endswith("the health check ends with NOT_FOUND: unknown service\n")
    async with lab_server(kit, Setup(status=2)) as url:
        assert (await typed("health", url))[0] == 1
        assert await typed("health", url, "--format", "health-probe") == (
            4, "status: NOT_SERVING\n", "",
        )  # fmt: skip
    nothing = f"grpc://127.0.0.1:{free_port()}"
    assert (await typed("health", nothing))[0] == 2
    assert (await typed("health", nothing, "--format", "health-probe"))[0] == 2


async def test_a_failed_call_of_the_probe_s_format(kit: Kit) -> None:
    async with lab_server(kit, Setup(reset_at="headers")) as url:
        assert (await typed("health", url, "--format", "health-probe"))[0] == 3


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("call", "grpc://127.0.0.1:1", "Say"), ("'Say' is not a method: write "
         "package.Service/Method")),
        (("call", "grpc://127.0.0.1:1", "a.B/C", "[1]"), ("request: a request is a JSON object, "
         "{…}")),
        (("health", "grpc://127.0.0.1:1", "-H", "te: x"), ("--header te: Seventh sets this field "
         "itself; leave it out")),
    ],
    ids=["method", "request", "header"],
)  # fmt: skip
async def test_usage(words: tuple[str, ...], error: str) -> None:
    assert await typed(*words) == (3, "", f"seventh: {error}\n")
