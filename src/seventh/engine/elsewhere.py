"""Checking from another machine: ``--from ssh://host``.

A command over SSH starts Python there, which reads what it runs from standard input; see
:mod:`seventh.engine.bootstrap` for that end. Nothing is written there. Options, targets and files
are in what is sent, never in the command.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from seventh import __version__, protocols
from seventh.engine import remote
from seventh.engine.bootstrap import HELLO, STARTER
from seventh.engine.bundle import bundle
from seventh.engine.check import as_failed
from seventh.engine.local import Wanted, rooms_of
from seventh.model.failure import Failed, Reason, UsageError, system_error
from seventh.model.option import declared
from seventh.model.options import Options
from seventh.model.place import Place
from seventh.model.report import Report
from seventh.model.target import Target
from seventh.net.probe_context import ProbeContext
from seventh.net.stream import Stream
from seventh.net.wait import Cutoff, DeadlineError
from seventh.rules.run import Selection
from seventh.web.given import header_field
from seventh.wire.text import printable

Job = tuple[Target, Options]
Receive = Callable[[int, Report], None]
OLDEST = (3, 11)
"""The oldest Python that runs Seventh."""
_MAX_NOISE = 64 * 1024
"""What a login may print before our first line."""
_MAX_FRAME = 8 * 1024 * 1024
"""The largest report; an ordinary one has less than a hundredth of it."""
_REPORT_BYTES = 1024 * 1024
"""What reports may have on average, besides one of the largest."""
_MAX_BYTES = 1024 * 1024 * 1024
_MAX_FILE_BYTES = 8 * 1024 * 1024
_SENDING_SECONDS = 120.0
_LOOK_SECONDS = 30.0


class Hello(msgspec.Struct, frozen=True):
    """The first line from there."""

    version: tuple[int, int, int]
    tag: str | None
    platform: str
    seventh: str | None

    @property
    def python(self) -> str:
        """The version of Python as text."""
        return ".".join(map(str, self.version))


class Errand(NamedTuple):
    """What is sent to another machine, and what is expected back."""

    order: bytes
    targets: tuple[str, ...]
    """Of each report, as it is shown here."""
    rooms: frozenset[str]
    """The protocols whose code it needs there."""
    seconds: float
    """The longest that it can take there."""
    linters: frozenset[str] = frozenset()
    """Those that a look needs there."""


def checks(jobs: Sequence[Job], selection: Selection, parallel: int) -> Errand:
    """Return the errand of checks. Raises UsageError for what cannot be sent."""
    longest = max((own.timeout_seconds for _, own in jobs), default=0.0)
    mailboxes = [own.roundtrip for _, own in jobs if own.roundtrip is not None]
    return Errand(
        order(jobs, selection, parallel),
        tuple(str(target) for target, _ in jobs),
        frozenset(
            protocols.room_of(target.scheme).name
            for target in [*(to for to, _ in jobs), *mailboxes]
        ),
        2 * (longest + 1) * len(jobs),
    )


def look(wanted: Wanted, host: str) -> Errand:
    """Return the errand of a look at the machine itself."""
    sent = msgspec.msgpack.encode(remote.look_order(wanted))
    linters = frozenset(name for _, area in protocols.areas().values() for name in area.linters)
    return Errand(sent, (f"local://{host}",), rooms_of(wanted.areas), _LOOK_SECONDS, linters)


def order(jobs: Sequence[Job], selection: Selection, parallel: int) -> bytes:
    """Return the jobs as they are sent, with the files that their options name.

    Raises UsageError for what cannot be sent.
    """
    files: dict[str, bytes] = {}
    tasks: list[remote.Task] = []
    for target, options in jobs:
        if options.carried:
            raise UsageError("--from: not with --via or --proxy; name jump hosts in ~/.ssh/config")
        if options.intrusive and not options.i_own_this:
            raise UsageError(
                "--from with --intrusive needs --i-own-this: tier 4 would come from another machine"
            )
        room = protocols.room_of(target.scheme).name
        if protocols.has_part(room, "command"):
            target, options = protocols.part(room, "command").to_send(target, options)
        options = options.replace(headers=tuple(map(_with_value, options.headers)))
        for own in (options, *options.rooms):
            files |= _files(own)
        tasks.append(remote.task(target, options))
    return msgspec.msgpack.encode(
        remote.Order(tasks=tuple(tasks), files=files, selection=selection, parallel=parallel)
    )


def _with_value(header: str) -> str:
    """Return a field with the value of the file or variable that it names here."""
    _, _, value = header.partition(":")
    if not value.strip().startswith(("file:", "env:")):
        return header
    return ": ".join(header_field(header, frozenset()))


def _files(options: msgspec.Struct) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for each in declared(type(options)):
        name = getattr(options, each.field)
        if not each.option.file or not isinstance(name, str) or name in each.option.words:
            continue
        try:
            path = Path(name).expanduser()
            if each.option.file == "path" and path.is_dir():
                raise UsageError(f"--from: {each.flag} {name} is a directory, which is not sent: "
                                 "name a file")  # fmt: skip
            with path.open("rb") as file:
                found[name] = file.read(_MAX_FILE_BYTES + 1)
        except OSError as error:
            raise UsageError(f"{each.flag} {name}: {system_error(error)}") from None
        if len(found[name]) > _MAX_FILE_BYTES:
            raise UsageError(f"--from: {each.flag} {name}: larger than {_MAX_FILE_BYTES} bytes")
    return found


class Elsewhere:
    """One other machine, and what was learnt of it."""

    def __init__(self, name: str, target: Target, options: Options) -> None:
        self.name = name
        self.target = target
        self._options = options
        self._place = Place(name=name)
        self._received: set[int] = set()
        self._buffer = bytearray()

    async def check(self, errand: Errand, receive: Receive, say: Callable[[str], None]) -> Place:
        """Run the errand there, and give each report to ``receive``; what fails is in the place."""
        began = time.monotonic()
        seconds = _SENDING_SECONDS + errand.seconds
        ctx = ProbeContext(self.target, self._options.replace(timeout_seconds=seconds))
        ctx.budget.allow_bytes(min(_MAX_BYTES, _MAX_FRAME + _REPORT_BYTES * len(errand.targets)))
        failure = ""
        try:
            async with Cutoff(seconds):
                await self._converse(ctx, errand, receive, say)
        except DeadlineError:
            failure = f"no end after {seconds:.0f} s"
        except UsageError as error:
            failure = str(error)
        except Exception as error:  # noqa: BLE001 - typed as the failures of a check are
            failure = as_failed(error).detail
        finally:
            ctx.close()
        return replace(
            self._place, seconds=time.monotonic() - began, failure=failure,
            missing=len(errand.targets) - len(self._received),
        )  # fmt: skip

    async def _converse(
        self,
        ctx: ProbeContext,
        errand: Errand,
        receive: Receive,
        say: Callable[[str], None],
    ) -> None:
        command = protocols.part(protocols.room_of(self.target.scheme).name, "command")
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with Cutoff(self._options.timeout_seconds):
                    running = command.run(ctx, f"exec python3 -B -c '{STARTER}'")
                    stream = await stack.enter_async_context(running)
                    hello = await self._greet(stream, command.last_words)
            except DeadlineError:
                raise Failed(
                    Reason.PEER_SILENT,
                    f"no answer from Python in {self._options.timeout_seconds:g} s: the login or "
                    "the user's shell does not run commands",
                ) from None
            parts = await asyncio.to_thread(self._parts, hello, errand, say)
            self._place = replace(self._place, python=hello.python, installed=not parts[0])
            sizes = " ".join(str(len(part)) for part in (*parts, errand.order))
            try:
                await stream.send(b"".join((f"{sizes}\n".encode(), *parts, errand.order)))
                await self._reports(stream, errand, receive)
            except Failed as failed:
                if failed.reason is Reason.PEER_CLOSED:
                    await stream.ended()
                    failed.detail = f"the check there ended early: {command.last_words(stream)}"
                raise failed from None

    async def _greet(self, stream: Any, last_words: Callable[[Any], str]) -> Hello:
        """Start the bootstrap; return its first line."""
        source = _source()
        try:
            await stream.send(f"{len(source)}\n".encode() + source)
        except Failed as failed:
            if failed.reason is not Reason.PEER_RESET:
                raise
            # The command has ended before it read this; what it said is read below.
        while HELLO not in self._buffer or b"\n" not in self._buffer.partition(HELLO)[2]:
            data, _ = await stream.receive()
            self._buffer += data
            if len(self._buffer) > _MAX_NOISE:
                raise Failed(Reason.UNEXPECTED_ANSWER, f"{_MAX_NOISE} bytes of other output: "
                             "the user's shell does not run commands")  # fmt: skip
            if not data:
                await stream.ended()
                said = printable(bytes(self._buffer[-200:]).strip()).replace("\\n", " ")
                if stream.channel.exit_status == 127:
                    raise Failed(Reason.UNEXPECTED_ANSWER, "python3 not found there")
                shown = f"; its output: {said}" if said else ""
                raise Failed(
                    Reason.UNEXPECTED_ANSWER,
                    f"Python did not start there: {last_words(stream)}{shown}",
                )
        line, _, rest = self._buffer.partition(HELLO)[2].partition(b"\n")
        self._buffer = bytearray(rest)
        try:
            return msgspec.json.decode(line, type=Hello)
        except msgspec.MsgspecError:
            raise Failed(
                Reason.UNEXPECTED_ANSWER,
                f"unexpected first line there: {printable(bytes(line), 100)}",
            ) from None

    def _parts(
        self, hello: Hello, errand: Errand, say: Callable[[str], None]
    ) -> tuple[bytes, bytes]:
        """Return the code to send; none where the same version is installed."""
        if hello.version[:2] < OLDEST:
            raise UsageError(f"Python {hello.python} there: 3.11 or later is required")
        if hello.seventh == __version__:
            return b"", b""
        here = (sys.implementation.cache_tag, f"{sys.platform}-{os.uname().machine}")
        there = (hello.tag, hello.platform)
        if there != here:
            platform = printable(hello.platform, 64)
            raise UsageError(
                f"Python {hello.python} on {platform} there, and {here[0]} on {here[1]} here, "
                "whose compiled libraries do not run there: install Seventh "
                f"{__version__} on that machine"
            )
        return bundle(errand.rooms, say, errand.linters)

    async def _reports(self, stream: Stream, errand: Errand, receive: Receive) -> None:
        """Read frames to the end."""
        while True:
            kind, data = await self._frame(stream)
            if kind == remote.END:
                if missing := len(errand.targets) - len(self._received):
                    raise Failed(Reason.UNEXPECTED_ANSWER, f"the end came {missing} reports early")
                self._place = replace(self._place, vantage=printable(data, 255))
                return
            if kind == remote.ERROR:
                raise UsageError(f"cannot run there: {printable(data, 400)}")
            index, report = remote.report_of(data)
            if not 0 <= index < len(errand.targets) or index in self._received:
                raise Failed(Reason.UNEXPECTED_ANSWER, f"an unexpected report of target {index}")
            self._received.add(index)
            self._place = replace(self._place, vantage=report.vantage)
            receive(index, replace(report, target=errand.targets[index], place=self.name))

    async def _frame(self, stream: Stream) -> tuple[bytes, bytes]:
        await self._fill(stream, 5)
        if bytes(self._buffer[:1]) not in {remote.REPORT, remote.END, remote.ERROR}:
            raise Failed(Reason.UNEXPECTED_ANSWER, "other output between the reports")
        size = 5 + int.from_bytes(self._buffer[1:5], "big")
        if size > _MAX_FRAME:
            raise Failed(
                Reason.UNEXPECTED_ANSWER, f"a report of {size} bytes (maximum: {_MAX_FRAME})"
            )
        await self._fill(stream, size)
        kind, data = bytes(self._buffer[:1]), bytes(self._buffer[5:size])
        del self._buffer[:size]
        return kind, data

    async def _fill(self, stream: Stream, size: int) -> None:
        while len(self._buffer) < size:
            data, _ = await stream.receive()
            if not data:
                raise Failed(Reason.PEER_CLOSED, "the connection ended before the last report")
            self._buffer += data


def _source() -> bytes:
    spec = importlib.util.find_spec("seventh.engine.bootstrap")
    assert spec is not None and spec.origin is not None  # noqa: S101, PT018 - it was imported
    return Path(spec.origin).read_bytes()
