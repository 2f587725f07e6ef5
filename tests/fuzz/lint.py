"""Small hostile files for every kind that lint reads, in one process, as fast as they are read.

Real lines are cut, doubled, swapped and sprinkled with what grammars trip over. Each input is read;
one in ``VIEWS_EVERY`` becomes views, too, and one in ``RULES_EVERY`` is judged. An input that
raises is printed in full: the seed and its number give it again.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.lint_patterns import patterns

from seventh.engine.lint import Wanted, lint_text
from seventh.lint import kinds
from seventh.lint.caddy import file as caddy
from seventh.lint.chrony import conf as chrony
from seventh.lint.mosquitto import conf as mosquitto
from seventh.lint.nginx import conf as nginx
from seventh.lint.ntpd import conf as ntpd
from seventh.lintkit.files import Files, Text
from seventh.lintkit.linted import Kind
from seventh.model.failure import UsageError
from seventh.protocols.ssh.client.config import reading as openssh

VIEWS_EVERY = 10
RULES_EVERY = 50
READERS: Mapping[str, Callable[[Text, Files], object]] = {
    "Caddyfile": caddy.read,
    "chrony.conf": chrony.read,
    "chrony.sources": chrony.read_sources,
    "mosquitto.conf": mosquitto.read,
    "nginx.conf": lambda text, files: nginx.read(text, files, files.base),
    "ntp.conf": lambda text, files: ntpd.read(text, files, "ntpd"),
    "ntpsec.conf": lambda text, files: ntpd.read(text, files, "ntpsec"),
    "ssh_config": lambda text, files: openssh.read(text, files, "client"),
    "sshd_config": lambda text, files: openssh.read(text, files, "server"),
}
"""What reads a kind's grammar; a kind without is read and made views of at once."""
_SAMPLE_BYTES = 400
_ODD = (
    b"\0", b"\r", b"\n", b"\\", b'"', b"'", b"`", b"{", b"}", b";", b"#", b"=", b",", b"*", b"!",
    b"$", b"${", b"{$A}", b"<<E\n", b"-", b"-1", b"0", b"16", b"4294967296", b"1e309", b"nan",
    b"%", b"%h", b"~", b"/", b"::", b"::ffff:1", b"10.0.0.0/33", b"127.127.1.0", b"[", b"]", b"(",
    b"\xff", b"\xc3", "\u202e".encode(), "\u0130".encode(), "\u00b2".encode(), b"\x1c", b"\t",
    b" ", b"  ", b"include", b"import", b"Match", b"default", b"mask", b"source",
)  # fmt: skip


def corpus(kind: str) -> tuple[bytes, ...]:
    """The start of each pattern of a kind."""
    return tuple(make(_SAMPLE_BYTES) for make in patterns(kind).values())


def made(chance: random.Random, samples: Sequence[bytes]) -> bytes:
    """One input: lines of several samples, changed in a few places."""
    parts: list[bytes] = []
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(samples)
        start = chance.randrange(len(text) + 1)
        parts.append(text[start : start + chance.randint(1, 120)])
    data = bytearray(chance.choice((b"\n", b" ", b"")).join(parts))
    for _ in range(chance.randint(0, 6)):
        at = chance.randrange(len(data) + 1)
        how = chance.random()
        if how < 0.6:
            data[at:at] = chance.choice(_ODD)
        elif how < 0.8:
            del data[at : at + chance.randint(1, 8)]
        else:
            data[at : at + 1] = bytes((chance.randrange(256),))
    return bytes(data)


def run(inputs: int, seed: int, only: Sequence[str] | None = None) -> int:
    """Lint so many inputs, the kinds in turn; print how many of each, and what raised."""
    chosen = [kind for name, kind in kinds().items() if not only or name in only]
    samples = {kind.name: corpus(kind.name) for kind in chosen}
    counts = dict.fromkeys(samples, 0)
    chance = random.Random(seed)
    raised = 0
    begun = time.monotonic()
    for number in range(inputs):
        kind = chosen[number % len(chosen)]
        data = made(chance, samples[kind.name])
        counts[kind.name] += 1
        try:
            _one(kind, data, number // len(chosen))
        except Exception as error:  # noqa: BLE001 - any is a fault, and the run goes on
            raised += 1
            print(f"{kind.name}, input {number} of seed {seed}: {error!r}\n  {data!r}")
    seconds = time.monotonic() - begun
    for name, count in counts.items():
        print(f"{count:>12,} {name}")
    print(f"{inputs:>12,} inputs, {raised} raised, {inputs / seconds:,.0f} a second")
    return 1 if raised else 0


def _one(kind: Kind, data: bytes, number: int) -> None:
    name = str(Path("/nonexistent") / kind.name)
    if number % RULES_EVERY == 0:
        lint_text(name, data, Wanted(kind=kind.name))
        return
    files = Files(base=Path("/nonexistent"))
    text = files.take(name, data)
    if kind.name in READERS and number % VIEWS_EVERY:
        READERS[kind.name](text, files)
        return
    with contextlib.suppress(UsageError):  # said to a person, and no fault
        kind.lint(text, files, None)
