"""A short run of the stress test; ``make stress`` is the long one."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests import stress


@pytest.mark.field
@pytest.mark.parametrize("parallel", [16, 256])
async def test_every_target_gets_its_report(parallel: int, tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        stress.write_targets(tmp_path, await stress.serve(stack), 400)
        assert await stress.run(tmp_path, 400, parallel, 0.25) is None
