"""A monitor to be killed: ``python -m tests.watch.killed STATE PORT FLAPPING``, webhook in HOOK.

It prints each pulse when its commit has ended: these are acknowledged.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from msgspec.structs import replace

from seventh.notify.sending import Sending
from seventh.watch.config import Config, read
from seventh.watch.records import Batch
from seventh.watch.run import Watcher
from seventh.watch.store import Store
from seventh.watch.verdict import Flaps, Policy, Threshold

EVERY_NS = 25_000_000
STEADY = 8
TEXT = """
[[notify]]
name = "ops"
kind = "webhook"
url = "env:HOOK"
[[alert]]
failures = 2
passes = 2
[[target]]
url = "tcp://127.0.0.1:{1}"
name = "flapping"
"""


def configuration(port: int, flapping: int) -> Config:
    """Targets of which one flaps, each pulsed every 25 ms."""
    steady = "".join(
        f'[[target]]\nurl = "tcp://127.0.0.1:{port}"\nname = "t{n}"\n' for n in range(STEADY)
    )
    made = read("s.toml", TEXT.format(port, flapping) + steady, {})
    policy = Policy(
        down=Threshold(bad=2, of=2, good=2, good_of=2), stale_ns=60 * 10**9,
        flaps=Flaps(changes=1000, within_ns=1),  # each change is told
    )  # fmt: skip
    targets = tuple(
        replace(each, every_ns=EVERY_NS, policy=policy, check_every_ns=0) for each in made.targets
    )
    return replace(made, targets=targets)


class Telling(Watcher):
    """A watcher that prints what is committed."""

    async def _store_batch(self, batch: Batch) -> bool:
        stored = await super()._store_batch(batch)
        if stored and batch.pulses:
            lines = [f"{each.target} {each.at_ns}\n" for each in batch.pulses]
            sys.stdout.write("".join(lines))
            sys.stdout.flush()
        return stored


async def main(folder: Path, config: Config) -> None:
    """Watch until killed."""
    store = Store(folder)
    watcher = Telling(store, config, lambda watcher, seen: None)
    sending = asyncio.create_task(Sending(store, watcher).run())
    await watcher.run(asyncio.Event())
    await sending


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), configuration(int(sys.argv[2]), int(sys.argv[3]))))
