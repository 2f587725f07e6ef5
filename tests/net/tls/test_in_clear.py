"""What precedes TLS in clear; the dialogues' tests read what follows a go-ahead."""

from __future__ import annotations

import pytest

from seventh.net.tls import in_clear


def test_our_name_is_one_that_a_line_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, used in (("mon.example.org", "mon.example.org"), ("a b\r\nQUIT", "localhost")):
        monkeypatch.setattr(in_clear, "vantage", lambda name=name: name)
        assert in_clear.our_name() == used
