"""``seventh check``."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from seventh import protocols
from seventh.cli.show import document, emit, worst_exit
from seventh.cli.targets import Job, gather
from seventh.engine.check import carry_by, check_many
from seventh.engine.together import together
from seventh.model.failure import UsageError
from seventh.model.options import Options
from seventh.model.report import Report
from seventh.net.resolve import parse_resolver
from seventh.rules.collect import rules_of
from seventh.rules.run import Selection

T = TypeVar("T")


def run(parsed: argparse.Namespace) -> int:
    """Check the targets, print the reports, give the exit code."""
    options = options_from(parsed)
    selection = Selection(only=frozenset(parsed.only), skip=frozenset(parsed.skip))
    if parsed.only or parsed.skip:
        selection.check_ids(built_ids())
    jobs = gather(parsed.targets, parsed.files, options)
    for own in {own for _, own in jobs if own.ca_file or own.ca_store or own.cert_file}:
        _tls_files_can_be_used(own)
    output_can_be_written(parsed.output)
    reports = run_loop(_check(jobs, selection, parsed.parallel))
    reports += together(reports, selection)
    emit(document(reports), parsed)
    return worst_exit(reports, parsed.fail_on)


def options_from(parsed: argparse.Namespace) -> Options:
    """The shared options of a command line; UsageError for a file that cannot be read."""
    files = [("--ca", parsed.ca), ("--cert", parsed.cert), ("--key", parsed.key)]
    files += [("--identity", name) for name in parsed.identities]
    files += [("--password-file", parsed.password_file), ("--known-hosts", parsed.known_hosts)]
    files += [("--ntp-keys", parsed.ntp_keys), ("--token-file", parsed.token_file)]
    files += [("--body", parsed.body)]
    files += [("--ssh-config", None if parsed.ssh_config == "none" else parsed.ssh_config)]
    for flag, name in files:
        if name is not None:
            _readable(flag, name)
    if parsed.ca_store is not None and not Path(parsed.ca_store).exists():
        raise UsageError(f"--ca-store {parsed.ca_store}: there is no such file or directory")
    if parsed.key and not parsed.cert:
        raise UsageError("--key needs --cert: the certificate that the key belongs to")
    if parsed.resolver is not None:
        parse_resolver(parsed.resolver)
    if parsed.via is not None:
        carry_by(parsed.via)
    if parsed.ntp_key is not None and parsed.ntp_keys is None:
        raise UsageError("--ntp-key needs --ntp-keys: the file that the key is in")
    if parsed.hold and not parsed.intrusive:
        raise UsageError("--hold needs --intrusive: holding a connection open is tier 4")
    return Options(
        timeout_seconds=parsed.timeout,
        family=parsed.family,
        ca_file=parsed.ca,
        ca_store=parsed.ca_store,
        server_name=parsed.server_name,
        cert_file=parsed.cert,
        key_file=parsed.key,
        resolver=parsed.resolver,
        via=parsed.via,
        user=parsed.user,
        identities=tuple(parsed.identities),
        agent=parsed.agent,
        password_file=parsed.password_file,
        known_hosts=parsed.known_hosts,
        ssh_config=parsed.ssh_config,
        ntp_keys=parsed.ntp_keys,
        ntp_key=parsed.ntp_key,
        allow_write=parsed.allow_write,
        intrusive=parsed.intrusive,
        i_own_this=parsed.i_own_this,
        hold_seconds=parsed.hold,
        method=parsed.method,
        headers=tuple(parsed.headers),
        token_file=parsed.token_file,
        body_file=parsed.body,
        expect_status=parsed.expect_status,
        expect_json=parsed.expect_json,
        max_body_bytes=parsed.max_body,
        qlog_file=parsed.qlog,
        http_version=parsed.http_version,
        transcript=parsed.verbose,
        origin=parsed.origin,
        subprotocols=tuple(parsed.subprotocols),
        message_template=parsed.message_template,
        sockets=parsed.sockets,
        direct=parsed.direct,
        samples=parsed.samples,
        interval_seconds=parsed.interval,
    )


def _readable(flag: str, name: str) -> None:
    try:
        with Path(name).open("rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(
            f"{flag} {name}: cannot be read: {error.strerror}; check the path and its permissions"
        ) from None


def _tls_files_can_be_used(options: Options) -> None:
    # Loading them once now, for the cache, tells what is wrong before any target is looked at.
    from seventh.net.tls.context import context

    context(options, "modern")


def output_can_be_written(name: str | None) -> None:
    """UsageError when it cannot: found out before the work, not after it."""
    if name is None:
        return
    try:
        with Path(name).open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise UsageError(f"--output {name}: cannot be written: {error.strerror}") from None


def built_ids() -> set[str]:
    """The ids of all rules that are built."""
    return {
        rule.id
        for room in protocols.rooms()
        if protocols.has_part(room, "rules")
        for rule in rules_of(protocols.part(room, "rules"))
    }


def run_loop(main: Coroutine[Any, Any, T]) -> T:
    """Run ``main`` on uvloop where there is one."""
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    try:
        import uvloop

        loop_factory = uvloop.new_event_loop
    except ImportError:
        loop_factory = None
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main)


async def _check(jobs: list[Job], selection: Selection, parallel: int) -> list[Report]:
    """All reports in the order of the jobs; after Ctrl-C, those that there are."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    reports: dict[int, Report] = {}
    show = progress([str(target) for target, _ in jobs], "targets")
    try:
        async for index, report in check_many(jobs, selection, parallel=parallel, stop=stop):
            reports[index] = report
            show(report)
    finally:
        show(None)
        loop.remove_signal_handler(signal.SIGINT)
    if len(reports) < len(jobs):
        missing = len(jobs) - len(reports)
        print(f"seventh: interrupted; {missing} targets were not looked at", file=sys.stderr)  # noqa: T201
    return [reports[index] for index in sorted(reports)]


def progress(names: list[str], noun: str) -> Callable[[Report | None], None]:
    """What is called with each report, and with None at the end; silent where nobody watches."""
    if not sys.stderr.isatty():
        return lambda report: None
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    what = names[0] if len(names) == 1 else f"{len(names)} {noun}"
    task = bar.add_task(f"looking at {what}", total=len(names))
    bar.start()

    def show(report: Report | None) -> None:
        if report is None:
            bar.stop()
        else:
            bar.update(task, advance=1, description=f"{report.target}: {report.status}")

    return show
