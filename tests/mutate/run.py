"""Mutants against the tests: a copy of the source for each, and pytest run on it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tests.mutate.nearest import Stage, stages
from tests.mutate.plugin import TREE, WRONG_SOURCE
from tests.mutate.strata import ROOT, SOURCE, Planted

_BASELINE_SECONDS = 900
_SLACK = (3, 10)
"""A mutant's time limit: so many times the unmutated time, and seconds for a busy machine."""
_PASSED = {0, 5}  # 5: every test of the stage was left out
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True)
class Baseline:
    """How a stage goes without a mutant; tests that fail there are left out."""

    seconds: float
    failing: tuple[str, ...] = ()
    usable: bool = True


@dataclass(frozen=True)
class Ran:
    """How one run of pytest ended; no code when its time was over."""

    code: int | None
    seconds: float
    failing: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What the tests made of a mutant; ``killer`` is empty for one that they did not notice."""

    planted: Planted
    killer: str


class Bench:
    """Copies of the source in a folder of their own, and what is known of the stages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._base = folder / "base"
        shutil.copytree(SOURCE, self._base / "seventh")
        command = [sys.executable, "-m", "compileall", "-q", str(self._base)]
        subprocess.run(command, check=True)  # so that the copies are linked to what never changes
        self._baselines: dict[Stage, Baseline] = {}
        self._locks: dict[Stage, threading.Lock] = defaultdict(threading.Lock)
        self._running: set[int] = set()

    def judge(self, planted: Planted, number: int) -> Verdict:
        """Run the stages until one of them notices the mutant."""
        tree = self._copy(planted, f"m{number}")
        try:
            for stage in stages(planted):
                with self._locks[stage]:
                    baseline = self._baselines.get(stage) or self._measure(stage)
                if baseline.usable:
                    times, more = _SLACK
                    limit = times * baseline.seconds + more
                    ran = self._pytest(tree, stage, limit, baseline.failing)
                    if ran.code not in _PASSED:
                        return Verdict(planted, _killer(ran))
            return Verdict(planted, "")
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    def stop(self) -> None:
        """End what runs: a person has had enough."""
        for process in tuple(self._running):
            _kill(process)

    def _copy(self, planted: Planted, name: str) -> Path:
        """Link the source into a folder, and write the mutant in its file's place."""
        tree = self.folder / name
        shutil.copytree(self._base, tree, copy_function=os.link)
        file = tree / "seventh" / planted.path
        for compiled in file.parent.glob(f"__pycache__/{file.stem}.*.pyc"):
            compiled.unlink()
        source = file.read_bytes()
        file.unlink()
        file.write_bytes(planted.mutant.applied(source))
        return tree

    def _measure(self, stage: Stage) -> Baseline:
        """Run a stage on the source as it is, once."""
        ran = self._pytest(self._base, stage, _BASELINE_SECONDS)
        usable = ran.code in _PASSED or (ran.code == 1 and bool(ran.failing))
        if ran.code not in _PASSED:
            names = ", ".join(ran.failing) or f"pytest ends with {ran.code}: {stage.files}"
            print(f"without a mutant, fails and is left out: {names}", file=sys.stderr)
        baseline = Baseline(ran.seconds, ran.failing, usable)
        self._baselines[stage] = baseline
        return baseline

    def _pytest(
        self, tree: Path, stage: Stage, limit: float, without: tuple[str, ...] | None = None
    ) -> Ran:
        """Run a stage's tests on a copy; the first that fails ends it, but in a baseline."""
        scratch = tree.with_name(f"t{threading.get_ident()}")
        command = [
            sys.executable, "-m", "pytest", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider",
            "-p", "tests.mutate.plugin", f"--basetemp={scratch}", *stage.files,
            *(["-k", stage.only] if stage.only else []),
            *(["-x"] if without is not None else []),
            *(f"--deselect={name}" for name in without or ()),
        ]  # fmt: skip
        path = os.pathsep.join(filter(None, (str(tree), os.environ.get("PYTHONPATH"))))
        environment = {
            **os.environ, "PYTHONPATH": path, TREE: str(tree), "PYTHONHASHSEED": "0",
        }  # fmt: skip
        output = scratch.with_suffix(".txt")
        begun = time.monotonic()
        with output.open("wb") as written:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=written,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
            self._running.add(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(limit)
            code = process.poll()
            _kill(process.pid)  # and what it has left behind
            process.wait()
            self._running.discard(process.pid)
        seconds = time.monotonic() - begun
        text = output.read_text(encoding="utf-8", errors="replace")
        shutil.rmtree(scratch, ignore_errors=True)
        if code == WRONG_SOURCE:
            raise RuntimeError(f"the tests do not import the copy: {text}")
        return Ran(code, seconds, tuple(_FAILED.findall(text)))


def _killer(ran: Ran) -> str:
    if ran.code is None:
        return f"time over after {ran.seconds:.0f} s"
    return ran.failing[0] if ran.failing else f"pytest ends with {ran.code}"


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
