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
from dataclasses import dataclass
from pathlib import Path

from tests.mutate.nearest import Stage, stages
from tests.mutate.plugin import TREE, WRONG_SOURCE
from tests.mutate.strata import ROOT, SOURCE, Planted

_MOST_SECONDS = 600
"""The time limit of a stage whose unmutated time is not known."""
_SLACK = (3, 10)
"""A mutant's time limit: so many times the unmutated time, and seconds for a busy machine."""
_PASSED = {0, 5}  # 5: every test of the stage was left out
_FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)


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
        self._seconds: dict[Stage, float] = {}
        self._locks: dict[Stage, threading.Lock] = {}
        self._sound: dict[str, bool] = {}
        self._running: set[int] = set()
        self._stopped = False

    def judge(self, planted: Planted, number: int) -> Verdict:
        """Run the stages until one of them notices the mutant."""
        tree = self._copy(planted, f"m{number}")
        try:
            nearest, *wider = stages(planted)
            with self._locks.setdefault(nearest, threading.Lock()):
                self._measure(nearest)
            noticed = (self._noticed(tree, stage) for stage in (nearest, *wider))
            return Verdict(planted, next(filter(None, noticed), ""))
        finally:
            shutil.rmtree(tree, ignore_errors=True)

    def stop(self) -> None:
        """End what runs, and begin nothing more."""
        self._stopped = True
        for process in tuple(self._running):
            _kill(process)

    def _noticed(self, tree: Path, stage: Stage) -> str:
        """Name a test of a stage that a mutant fails, twice, and the source as it is does not."""
        times, more = _SLACK
        known = self._seconds.get(stage)
        limit = _MOST_SECONDS if known is None else times * known + more
        chance: tuple[str, ...] = ()  # what failed once, by a busy machine
        while True:
            without = (*chance, *(name for name, sound in self._sound.copy().items() if not sound))
            ran = self._pytest(tree, stage, limit, without)
            if ran.code in _PASSED:
                self._seconds.setdefault(stage, ran.seconds)
                return ""
            if ran.code is None or not ran.failing:
                return _killer(ran)
            failed = ran.failing[0]
            if failed in without:
                raise RuntimeError(f"cannot be left out: {failed}")
            if not self._is_sound(failed):
                continue
            if self._pytest(tree, Stage((failed,)), limit, ()).code not in _PASSED:
                return failed
            chance += (failed,)

    def _is_sound(self, test: str) -> bool:
        """Tell whether a test passes on the source as it is; say it once where it does not."""
        with self._locks.setdefault(Stage((test,)), threading.Lock()):
            if test not in self._sound:
                ran = self._pytest(self._base, Stage((test,)), _MOST_SECONDS, ())
                self._note(test, ran.code in _PASSED)
        return self._sound[test]

    def _note(self, test: str, sound: bool) -> None:
        if not sound and self._sound.get(test, True):
            print(f"fails without a mutant, and is left out: {test}", file=sys.stderr)
        self._sound[test] = sound

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

    def _measure(self, stage: Stage) -> None:
        """Run a mutant's own tests on the source as it is, once; wider ones are asked as needed."""
        if stage not in self._seconds:
            ran = self._pytest(self._base, stage, _MOST_SECONDS)
            self._seconds[stage] = ran.seconds
            for test in ran.failing:
                self._note(test, False)
            if ran.code not in _PASSED and not ran.failing:
                raise RuntimeError(f"without a mutant, pytest ends with {ran.code}: {stage.files}")

    def _pytest(
        self, tree: Path, stage: Stage, limit: float, without: tuple[str, ...] | None = None
    ) -> Ran:
        """Run a stage's tests on a copy; the first that fails ends it, but in a baseline."""
        if self._stopped:
            raise RuntimeError("stopped")
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
            "COVERAGE_PROCESS_CONFIG": "",  # it would count the lines of a copy
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
    over = f"time over after {ran.seconds:.0f} s"
    return over if ran.code is None else f"pytest ends with {ran.code}"


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
