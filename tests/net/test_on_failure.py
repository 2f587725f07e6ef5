"""What is undone where a block fails, and only there."""

from __future__ import annotations

import asyncio

import pytest

from seventh.net.on_failure import on_failure


def test_what_succeeds_is_kept() -> None:
    undone: list[str] = []
    with on_failure(lambda: undone.append("closed")):
        pass
    assert undone == []


def test_a_block_that_returns_has_succeeded() -> None:
    undone: list[str] = []

    def make() -> int:
        with on_failure(lambda: undone.append("closed")):
            return 1

    assert (make(), undone) == (1, [])


@pytest.mark.parametrize("raised", [OSError, KeyboardInterrupt, asyncio.CancelledError])
def test_whatever_ends_it_undoes_it_and_is_raised(raised: type[BaseException]) -> None:
    undone: list[str] = []
    with pytest.raises(raised), on_failure(lambda: undone.append("closed")):
        raise raised
    assert undone == ["closed"]
