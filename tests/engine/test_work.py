"""A protocol's own verb: what typing it permits, its exit code and its typed failure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import pytest

from seventh import protocols
from seventh.engine import work
from seventh.model.failure import Blame, Failed, Failure, Reason
from seventh.model.options import Options
from seventh.model.target import Target
from seventh.model.verb import Verb
from seventh.net.work import Work

TARGET = Target(scheme="tcp", host="127.0.0.1", port=1)
Run = Callable[[Work], Awaitable[int | None]]


async def do(
    monkeypatch: pytest.MonkeyPatch, run: Run, options: Options, **verb: object
) -> tuple[int, Failure | None]:
    """Run a verb ``go`` of the network's room."""
    part = protocols.part
    module = SimpleNamespace(go=run)
    monkeypatch.setattr(
        protocols, "part", lambda room, name: module if name == "work" else part(room, name)
    )
    fields = {"name": "go", "help": "h", "tier": 1, **verb}
    made = Verb(**fields)  # type: ignore[arg-type]
    return await work.do(TARGET, options, made, {"word": ("a",)}, _ignore, _ignore)


def _ignore(*shown: object) -> None:
    pass


@pytest.mark.parametrize(
    ("tier", "permitted"),
    [
        (0, {0}),
        (1, {0, 1}),
        (2, {0, 1, 2}),
        (3, {0, 1, 2, 3}),
        (4, {0, 1, 2, 3, 4}),  # on this machine
    ],
)
async def test_typing_a_verb_permits_its_tier(
    monkeypatch: pytest.MonkeyPatch, tier: int, permitted: set[int]
) -> None:
    met: list[set[int]] = []

    async def run(given: Work) -> None:
        options = given.ctx.options
        met.append({each for each in range(5) if options.denied(each, loopback=True) is None})
        assert options.denied(4, loopback=False) is not None
        assert given.arguments == {"word": ("a",)}

    assert await do(monkeypatch, run, Options(), tier=tier) == (0, None)
    assert met == [permitted]


@pytest.mark.parametrize(
    ("endless", "seconds"), [(False, 3.0), (True, 315_360_000.0)], ids=["ends", "endless"]
)
async def test_an_endless_verb_has_ten_years(
    monkeypatch: pytest.MonkeyPatch, endless: bool, seconds: float
) -> None:
    async def run(given: Work) -> int:
        assert given.ctx.options.timeout_seconds == seconds
        return 7

    options = Options(timeout_seconds=3.0)
    assert await do(monkeypatch, run, options, endless=endless) == (7, None)


async def test_a_failure_is_typed_and_has_no_code_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def run(given: Work) -> int:
        raise Failed(Reason.AUTH_REJECTED, "no", phase="net.login")

    assert await do(monkeypatch, run, Options()) == (
        0,
        Failure(reason=Reason.AUTH_REJECTED, phase="net.login", blame=Blame.PEER, detail="no"),
    )
