"""The reference server, asked by curl: another client finds it correct."""

from __future__ import annotations

import asyncio

import pytest

from seventh.labkit.ca import Authority
from seventh.labkit.web.handler import Answer
from seventh.labkit.web.peer import H1Setup
from seventh.labkit.web.serve import web_server
from seventh.web.message import Request
from tests.peers import need_binary
from tests.web.support import handler

pytestmark = pytest.mark.peer


async def curl(*arguments: str) -> tuple[str, int]:
    """What curl prints, and its exit code."""
    process = await asyncio.create_subprocess_exec(
        need_binary("curl"), "-sS", "--noproxy", "*", "--max-time", "10", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return said.decode("utf-8", "replace"), process.returncode or 0


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
async def test_in_clear(version: str) -> None:
    async with web_server(handler) as port:
        base = f"http://127.0.0.1:{port}"
        shown = "%{http_version} %{http_code} %{size_download}"
        name = "1.1" if version == "--http1.1" else "2"
        # One at a time: a curl of 2023 cannot use a connection of prior knowledge twice.
        for path, size in (("/", len(f"hello 127.0.0.1:{port}")), ("/big", 3_200_000)):
            said = await curl(version, "-w", shown, "-o", "/dev/null", f"{base}{path}")
            assert said == (f"{name} 200 {size}", 0)
        assert await curl(version, "-d", "body", f"{base}/echo") == ("body", 0)
        said, code = await curl(version, "-i", f"{base}/pieces")
        assert code == 0 and said.count("piece ") == 3
        said, code = await curl(version, "-I", f"{base}/hints")
        assert code == 0 and " 103" in said and " 200" in said
        assert (await curl(version, f"{base}/empty"))[1] == 0


async def test_in_tls_the_client_chooses(tmp_path_factory: pytest.TempPathFactory) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    async with web_server(handler, issued=authority.issue()) as port:
        for flag, name in (("--http1.1", "1.1"), ("--http2", "2")):
            said, code = await curl(
                flag, "--cacert", str(authority.ca_file), "-o", "/dev/null",
                "-w", "%{http_version}", f"https://localhost:{port}/",
            )  # fmt: skip
            assert (said, code) == (name, 0)


@pytest.mark.parametrize("fault", ["cut-body", "chunk-garbage", "bad-length", "no-answer"])
async def test_curl_finds_faults_wrong_too(fault: str) -> None:
    async with web_server(handler, versions=("1.1",), h1=H1Setup(fault=fault)) as port:
        assert (await curl(f"http://127.0.0.1:{port}/"))[1] != 0


async def test_a_handler_sees_what_was_asked() -> None:
    seen: list[Request] = []

    async def note(request: Request) -> Answer:
        seen.append(request)
        return Answer()

    async with web_server(note) as port:
        for version in ("--http1.1", "--http2-prior-knowledge"):
            await curl(version, "-H", "X-A: 1", "-d", "x=1", f"http://127.0.0.1:{port}/p?q=1")
    for request in seen:
        assert (request.method, request.path, request.body) == ("POST", "/p?q=1", b"x=1")
        assert request.authority == f"127.0.0.1:{port}" and request.get("x-a") == "1"
    assert len(seen) == 2
