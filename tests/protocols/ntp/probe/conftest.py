"""Checks of servers on loopback: what is never answered is waited for half as long."""

from __future__ import annotations

import pytest

from seventh.protocols.ntp.client import association


@pytest.fixture(autouse=True)
def shorter_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(association, "MIN_REPLY_SECONDS", 0.15)
