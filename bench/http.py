"""HTTP against libcurl: exchanges per second of one core, phases side by side, a check's price.

Both sides talk to one nginx. CPU is the whole process's, over the exchanges alone; each side runs
in turn in this process, whose other threads sleep.
"""
# ruff: noqa: A005 - it is only ever bench.http

from __future__ import annotations

import asyncio
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.measure import figure, in_turn, ratio, spread
from bench.peers import MissingError, need, nginx
from bench.table import Table
from seventh import protocols
from seventh.engine.check import check_one, pulse_one
from seventh.labkit.ca import Authority
from seventh.model.options import Options
from seventh.model.target import Target, parse_target
from seventh.net.address import Address
from seventh.net.budget import Budget
from seventh.net.connect import open_tcp
from seventh.protocols.http import HttpOptions
from seventh.web.h1 import H1Connection
from seventh.web.message import Request

NAME = "lab.test"
AT_ONCE = 16
_FINISHED = (
    "Our Finished travels with the request, libcurl's before it: what the server does to end the "
    "handshake lies in our ttfb and in neither of its phases."
)


def run(folder: Path, quick: bool) -> list[Table]:
    try:
        import pycurl
    except ImportError:
        raise MissingError("pycurl is not installed") from None
    authority = Authority(folder)
    issued = authority.issue(NAME)
    options = Options(ca_file=str(authority.ca_file), server_name=NAME, timeout_seconds=30)
    rounds, count = (3, 2000) if quick else (9, 10000)
    with nginx(folder, issued.cert_file, issued.key_file) as ports:
        return [
            _throughput(pycurl, ports["http"], rounds, count),
            _phases(pycurl, ports["https"], options, 100 if quick else 1000),
            _whole_check(ports["https"], options, folder, 3 if quick else 9),
        ]


def _loop(main: Any) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


# -- exchanges per second --------------------------------------------------------------------------


def _throughput(pycurl: Any, port: int, rounds: int, count: int) -> Table:
    table = Table(
        "Exchanges per second and core, HTTP/1.1 in clear, kept connections",
        ("connections", "Seventh", "pycurl multi", "CPU, ours to its", "range"),
        notes=(f"1 ÷ CPU seconds per exchange; medians of {rounds} rounds of {count} in turn.",),
    )
    for connections in (1, AT_ONCE):
        ours, theirs = in_turn(
            rounds,
            lambda n=connections: _ours(port, count, n),  # type: ignore[misc]
            lambda n=connections: _multi(pycurl, port, count, n),  # type: ignore[misc]
        )
        share = ratio(ours, theirs)
        table.add(
            str(connections),
            figure(1 / spread(ours).median),
            figure(1 / spread(theirs).median),
            figure(share.median),
            share.range(),
        )
    return table


def _ours(port: int, count: int, connections: int) -> float:
    request = Request(
        scheme="http", authority=f"127.0.0.1:{port}", headers=(("User-Agent", "seventh"),)
    )

    async def one(left: Any) -> None:
        budget = Budget(60, max_bytes=1 << 40)
        address = Address(ip="127.0.0.1", port=port)
        opened = await open_tcp(address, budget, budget.deadline_ns)
        assert opened.stream is not None
        connection = H1Connection(opened.stream)
        for _ in left:
            if not connection.reusable:  # nginx ends each after a thousand
                opened = await open_tcp(address, budget, budget.deadline_ns)
                assert opened.stream is not None
                connection = H1Connection(opened.stream)
            assert (await connection.request(request)).status == 200
        connection.close()

    async def all_() -> float:
        left = iter(range(count))
        start = time.process_time()
        await asyncio.gather(*(one(left) for _ in range(connections)))
        return (time.process_time() - start) / count

    return float(_loop(all_()))


def _multi(pycurl: Any, port: int, count: int, connections: int) -> float:
    multi = pycurl.CurlMulti()
    handles = []
    for _ in range(connections):
        handle = pycurl.Curl()
        handle.setopt(pycurl.URL, f"http://127.0.0.1:{port}/")
        handle.setopt(pycurl.WRITEFUNCTION, len)
        handles.append(handle)
    start = time.process_time()
    done, begun = 0, 0
    for handle in handles:
        multi.add_handle(handle)
        begun += 1
    while done < count:
        while multi.perform()[0] == pycurl.E_CALL_MULTI_PERFORM:
            pass
        _, ended, failed = multi.info_read()
        assert not failed, failed
        for handle in ended:
            done += 1
            multi.remove_handle(handle)
            if begun < count:
                begun += 1
                multi.add_handle(handle)
        if not ended:
            multi.select(1.0)
    cpu = (time.process_time() - start) / count
    for handle in handles:
        handle.close()
    multi.close()
    return cpu


# -- phases ----------------------------------------------------------------------------------------


def _phases(pycurl: Any, port: int, options: Options, count: int) -> Table:
    table = Table(
        "Phases of one HTTPS exchange on a new connection, in turn with pycurl's",
        ("phase", "Seventh, µs", "pycurl, µs", "median difference, µs"),
        notes=(
            (
                f"Medians of {count} exchanges each, HTTP/1.1 over TLS 1.3; the difference is "
                "taken pair by pair."
            ),
            "Ours ends with the kernel's receive timestamps, libcurl's when it reads.",
            _FINISHED,
        ),
    )
    (target,) = parse_target(f"https://127.0.0.1:{port}/", protocols.schemes())
    pairs = _loop(_pairs(pycurl, port, target, options, count))
    for name in ("connect", "tls", "ttfb"):
        ours, theirs = ([pair[side][name] for pair in pairs] for side in (0, 1))
        apart = [a - b for a, b in zip(ours, theirs, strict=True)]
        table.add(
            name,
            figure(spread(ours).median, 1e6),
            figure(spread(theirs).median, 1e6),
            figure(spread(apart).median, 1e6),
        )
    return table


async def _pairs(pycurl: Any, port: int, target: Target, options: Options, count: int) -> Any:
    pairs = []
    for index in range(count + 20):
        report = await pulse_one(target, options)
        assert report.failure is None, report.failure
        seconds = {p.name: p.seconds for p in report.phases}
        ours = {"connect": seconds["connect"], "tls": seconds["tls"],
                "ttfb": seconds["http.ttfb"]}  # fmt: skip
        if index >= 20:
            pairs.append((ours, _curled(pycurl, port, options)))
    return pairs


def _curled(pycurl: Any, port: int, options: Options) -> dict[str, float]:
    handle = pycurl.Curl()
    handle.setopt(pycurl.URL, f"https://{NAME}:{port}/")
    handle.setopt(pycurl.CAINFO, options.ca_file)
    handle.setopt(pycurl.RESOLVE, [f"{NAME}:{port}:127.0.0.1"])
    handle.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    handle.setopt(pycurl.WRITEFUNCTION, len)
    handle.perform()
    info = handle.getinfo
    found = {
        "connect": info(pycurl.CONNECT_TIME) - info(pycurl.NAMELOOKUP_TIME),
        "tls": info(pycurl.APPCONNECT_TIME) - info(pycurl.CONNECT_TIME),
        "ttfb": info(pycurl.STARTTRANSFER_TIME) - info(pycurl.PRETRANSFER_TIME),
    }
    handle.close()
    return found


# -- a whole check ---------------------------------------------------------------------------------


def _whole_check(port: int, options: Options, folder: Path, rounds: int) -> Table:
    table = Table(
        "One full check of a site, against curl for each version and temperature",
        ("what", "wall, ms", "range", "CPU, ms"),
        notes=(
            (
                "curl: HTTP/1.1 and 2, each cold and then warm, one process a version; "
                "it resumes no session from one process to the next."
            ),
            (
                "nginx has no HTTP/3 and the kernel says so at once; where UDP is dropped, or QUIC "
                "answers, one Initial is watched for 1.25 s beside all else."
            ),
        ),
    )
    curl = need("curl")
    (target,) = parse_target(f"https://127.0.0.1:{port}/", protocols.schemes())

    def check(more: Options) -> Callable[[], tuple[float, float]]:
        def one() -> tuple[float, float]:
            wall, cpu = time.perf_counter(), time.process_time()
            report = _loop(check_one(target, more))
            assert report.failure is None, report.failure
            return time.perf_counter() - wall, time.process_time() - cpu

        return one

    def curls() -> tuple[float, float]:
        wall, before = time.perf_counter(), _children()
        for version in ("--http1.1", "--http2"):
            url = f"https://{NAME}:{port}/"
            command = [
                curl, "-s", version, "--cacert", str(options.ca_file), "--resolve",
                f"{NAME}:{port}:127.0.0.1", "-w", "%{time_starttransfer}\n", url, url,
                "-o", str(folder / "a"), "-o", str(folder / "b"),
            ]  # fmt: skip
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - wall, _children() - before

    sides = in_turn(
        rounds, check(options), check(options.having(HttpOptions(http_version="2"))), curls
    )
    names = ("the check, everything", "the check, HTTP/2 alone", "curl, 2 versions, cold and warm")
    for name, values in zip(names, sides, strict=True):
        walls = spread([wall for wall, _ in values])
        cpu = spread([cpu for _, cpu in values]).median
        table.add(name, figure(walls.median, 1e3), walls.range(1e3), figure(cpu, 1e3))
    return table


def _children() -> float:
    import resource

    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
