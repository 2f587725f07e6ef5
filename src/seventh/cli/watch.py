"""``seventh watch``: watches targets until a signal ends it."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib.util
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from seventh import given
from seventh.cli import serving
from seventh.cli.check import run_loop
from seventh.cli.signals import Ending, ending
from seventh.cli.streams import say
from seventh.cli.supervised import supervised
from seventh.model.failure import UsageError
from seventh.render.presentation import count
from seventh.render.troubles import Trouble, troubles
from seventh.render.watching import Footer, TargetRow, change, drifted, table
from seventh.watch.config import Config, check_status, load, typed_targets
from seventh.watch.fleet import Seen
from seventh.watch.folder import default_folder
from seventh.watch.history.database import installed
from seventh.watch.keys import StatusKeys
from seventh.watch.parts import report as report_error
from seventh.watch.run import Watcher
from seventh.watch.store import Store, StoreError
from seventh.watch.verdict import Changed, Condition, State

_DRAWN_SECONDS = 1.0
_STATUS_SECONDS = 5.0
_LINES_AROUND = 6
"""Lines of a terminal that are not rows of the table."""
_GARBAGE = 50_000
"""New objects between two searches for cycles, of which pulses make hardly any. Each search stops
the loop: at 700, the default, some pulses of a large fleet began 20 ms late."""
Show = Callable[[Watcher, Seen], None]


def run(parsed: argparse.Namespace) -> int:
    """Watch the targets; returns 0 after a signal."""
    typed = given.among(vars(parsed))
    config = _config(parsed, typed)
    if parsed.status_page is not None:
        label = (config.status or StatusKeys()).label
        check_status("--status-page", label, [*config.targets, *config.heartbeats])
    if parsed.check_config:
        sys.stdout.write(f"{parsed.config}: valid: {summary(config)}\n")
        return 0
    if not installed():
        say("without DuckDB pulses are kept for two days: install it with 'seventh[watch]'")
    with contextlib.ExitStack() as stack:
        opened = serving.opened(parsed, config, stack)
        if opened is None and any(each.url is None for each in config.heartbeats):
            say("[[heartbeat]]: nothing can report without --listen or [serve]")
        return _run(config, parsed, typed, opened)


def _run(
    config: Config, parsed: argparse.Namespace, typed: dict[str, Any], opened: serving.Opened | None
) -> int:
    store = Store(Path(parsed.state or config.watch.state or default_folder()))
    try:
        if store.moved is not None:
            say(f"the database was damaged: it is now {store.moved}, and a new one was begun")
        with ending() as end:
            run_loop(_watch(store, config, parsed, typed, opened, end))
    except StoreError as error:  # at the start; later it is tried again
        raise UsageError(str(error)) from None
    finally:
        store.close()
    return 0


def summary(config: Config) -> str:
    """Return how much a configuration watches."""
    rate = sum(1e9 / each.every_ns for each in config.targets)
    parts = [count(len(config.targets), "target"), f"{rate:.3g} pulses a second"]
    parts += [
        count(len(several), noun)
        for several, noun in ((config.notify, "receiver"), (config.heartbeats, "heartbeat"))
        if several
    ]
    return ", ".join(parts)


def _config(parsed: argparse.Namespace, typed: dict[str, Any]) -> Config:
    if parsed.config is not None:
        if parsed.targets or parsed.every is not None:
            raise UsageError("--config: not with targets or --every; write them in the file")
        return _loaded(parsed.config, typed)
    if parsed.check_config:
        raise UsageError("--check-config: needs --config FILE")
    if not parsed.targets:
        raise UsageError(
            "no target: name one, such as `seventh watch ssh://host`, or --config seventh.toml"
        )
    return typed_targets(parsed.targets, typed, parsed.every or 10.0)


def _loaded(path: str, typed: dict[str, Any]) -> Config:
    """Read the file, and check where it sends alerts and signals; raises UsageError."""
    config = load(path, typed)
    if not config.notify and not config.heartbeats:
        return config
    from seventh.notify.check import check

    check(path, config)
    return config


async def _watch(
    store: Store,
    config: Config,
    parsed: argparse.Namespace,
    typed: dict[str, Any],
    opened: serving.Opened | None,
    end: Ending,
) -> None:
    stop = asyncio.Event()
    with _shown() as show:
        guarded = Guarded(show, stop)
        keeper = opened.keeper(store) if opened is not None else None
        watcher = Watcher(
            store, config, guarded, opened.latest.pulse if opened is not None else None,
            keeper.note if keeper is not None else None,
            taken=opened.recent.pulse if opened is not None else None,
        )  # fmt: skip
        reload = reloader(watcher, parsed, typed, opened)
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(end.in_loop(stop.set))
            stack.enter_context(_reloading(reload))
            stack.enter_context(supervised(watcher.ready))
            await stack.enter_async_context(_notifying(store, watcher))
            await stack.enter_async_context(_publishing(store, watcher, parsed.status_page))
            if opened is not None and keeper is not None:
                await stack.enter_async_context(opened.serving(watcher, store, keeper, reload))
                if parsed.open:
                    serving.show(opened.url)
            gc.set_threshold(_GARBAGE)
            await watcher.run(stop)
    if guarded.error is not None:
        raise guarded.error
    if watcher.health.store:
        say(f"the last results were not stored: {watcher.health.store}")


@contextlib.asynccontextmanager
async def _notifying(store: Store, watcher: Watcher) -> AsyncIterator[None]:
    """Send alerts and signals meanwhile."""
    from seventh.notify.heartbeats import Heartbeats
    from seventh.notify.sending import Sending

    sending = Sending(store, watcher)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each.run()) for each in (sending, Heartbeats(watcher, sending))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


@contextlib.asynccontextmanager
async def _publishing(store: Store, watcher: Watcher, folder: str | None) -> AsyncIterator[None]:
    """Write the status page meanwhile, if there is one."""
    if importlib.util.find_spec("jinja2") is None:
        if folder is not None or watcher.config.status is not None:
            raise UsageError("[status]: needs more libraries: pip install 'seventh[watch]'")
        yield
        return

    async def publish() -> None:
        while True:
            if folder is not None or watcher.config.status is not None:
                break
            await asyncio.sleep(_STATUS_SECONDS)  # a reload may add it
        from seventh.serve.status.publisher import Publisher

        await Publisher(watcher, store, folder).run()

    task = asyncio.create_task(publish())
    task.add_done_callback(report_error)
    try:
        yield
    finally:
        task.cancel()


def reloader(
    watcher: Watcher,
    parsed: argparse.Namespace,
    typed: dict[str, Any],
    opened: serving.Opened | None = None,
) -> Callable[[], Awaitable[str]] | None:
    """Return what loads the file again and says what is watched then; None without a file.

    It raises UsageError or StoreError, and then nothing has changed.
    """
    if parsed.config is None:
        return None
    alone = asyncio.Lock()

    async def reload() -> str:
        async with alone:
            try:
                config = await asyncio.to_thread(_loaded, parsed.config, typed)
                late = "listen" if opened is None and config.serve.listen else ""
                apply = opened.prepare(config) if opened is not None else lambda: late
                await watcher.reload(config)
            except (UsageError, StoreError) as error:
                watcher.health.reload = str(error)
                raise
            watcher.health.reload, watcher.health.loaded_seconds = "", time.time()
            watcher.health.serve = apply()
            return summary(watcher.config) + (
                f"; applies after a restart: {watcher.health.serve} of [serve]"
                if watcher.health.serve
                else ""
            )

    return reload


@contextlib.contextmanager
def _reloading(reload: Callable[[], Awaitable[str]] | None) -> Iterator[None]:
    """Load the file again on SIGHUP; one with a mistake changes nothing."""
    if reload is None:
        yield
        return
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()

    async def reload_when_asked() -> None:
        while True:
            await asked.wait()
            asked.clear()
            try:
                say(f"reloaded: {await reload()}")
            except (UsageError, StoreError) as error:
                say(f"not reloaded: {error}")

    reloading = loop.create_task(reload_when_asked())
    before = signal.getsignal(signal.SIGHUP)
    loop.add_signal_handler(signal.SIGHUP, asked.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)
        reloading.cancel()


@contextlib.contextmanager
def _shown() -> Iterator[Show]:
    """Show a table that is drawn once a second, or without a terminal a line for each change."""
    if not sys.stdout.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.live import Live

    console = Console()
    drawn = 0.0
    with Live(console=console, auto_refresh=False) as live:

        def draw(watcher: Watcher, _: Seen) -> None:
            nonlocal drawn
            if time.monotonic() - drawn >= _DRAWN_SECONDS:
                drawn = time.monotonic()
                now_ns = time.time_ns()
                most = max(1, console.height - _LINES_AROUND)
                live.update(
                    table(rows(watcher), footer(watcher, now_ns), now_ns, most), refresh=True
                )

        yield draw


class Guarded:
    """Shows what is new, until standard output is closed; then there is no one to watch for."""

    def __init__(self, show: Show, stop: asyncio.Event) -> None:
        self.error: OSError | None = None
        self._show = show
        self._stop = stop

    def __call__(self, watcher: Watcher, seen: Seen) -> None:
        """Show it."""
        if self._stop.is_set():
            return
        try:
            self._show(watcher, seen)
        except OSError as error:
            self.error = error
            self._stop.set()


class Lines:
    """A line for each change of a target, and on standard error for each trouble of our own."""

    def __init__(self) -> None:
        self._known: set[Trouble] = set()
        self._looked = 0.0

    def __call__(self, watcher: Watcher, seen: Seen) -> None:
        """Write what is new."""
        for number, event in seen.events:
            if isinstance(event, Changed) and (name := watcher.name(number)) is not None:
                line = change(name, event.old, event.new, event.at_ns, event.cause)
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        for drift in seen.drift:
            if (name := watcher.name(drift.target)) is not None:
                sys.stdout.write(f"{drifted(name, drift)}\n")
                sys.stdout.flush()
        if time.monotonic() - self._looked >= _DRAWN_SECONDS:
            self._looked = time.monotonic()
            found = troubles(watcher, time.time_ns())
            for kind, text in found.items():
                if kind not in self._known:
                    say(text)
            for kind in self._known - found.keys():
                say(f"no longer {kind}")
            self._known = {*found}


def rows(watcher: Watcher) -> Iterator[TargetRow]:
    """Yield what is shown of each target, in the order of the configuration."""
    for number, target in watcher.watched():
        state = watcher.fleet.states.get(number, State())
        last = watcher.last.get(number)
        failed = last is not None and last.cause is not None
        yield TargetRow(
            name=target.name, condition=state.condition,
            since_ns=state.since_ns if state.condition is not Condition.UNKNOWN else 0,
            failing=failed, cause=last.cause if last is not None else None,
            total_ns=sum(ns for _, ns in last.phases) if last is not None and not failed else None,
            hold=watcher.fleet.holds.get((number, Condition.DOWN, "")),
        )  # fmt: skip


def footer(watcher: Watcher, now_ns: int) -> Footer:
    """Return what is shown of this process."""
    found = troubles(watcher, now_ns)
    return Footer(lag_ns=watcher.health.lag_ns, troubles=tuple(found.values()))
