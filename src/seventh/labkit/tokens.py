"""Tokens of reference servers: unsigned, and with an end."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

RENEWED_SECONDS = 0.5
"""How often a token is renewed, for checks that are started by hand."""


def token(expiry: float) -> str:
    """Return an unsigned JWT that expires at ``expiry``."""
    parts = ({"alg": "none", "typ": "JWT"}, {"sub": "lab", "exp": expiry})
    encoded = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in parts]
    return b".".join([*encoded, b"none"]).decode("ascii")


@contextlib.asynccontextmanager
async def renewed(file: Path, seconds: float) -> AsyncIterator[None]:
    """Keep in ``file`` a token that expires in ``seconds``, until the block ends."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(RENEWED_SECONDS)
            _write(file, seconds)

    _write(file, seconds)
    renewing = asyncio.create_task(renew())
    try:
        yield
    finally:
        renewing.cancel()


def _write(file: Path, seconds: float) -> None:
    """Write a token atomically."""
    fresh = file.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(f"{token(time.time() + seconds)}\n", "ascii")
    fresh.replace(file)
