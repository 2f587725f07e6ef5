"""What the tests of HTTP share."""

from __future__ import annotations

import pytest

from seventh.protocols.http.probe import transport


@pytest.fixture(autouse=True)
def short_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Watch an unanswered Initial only briefly: the lab's server answers at once."""
    monkeypatch.setattr(transport, "AMPLIFICATION_SECONDS", 0.4)
