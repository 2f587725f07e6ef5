"""Naming a version."""

from __future__ import annotations

import pytest

from seventh.lintkit.linted import parse_software
from seventh.model.failure import UsageError


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("openssh=9.2", "openssh 9.2"),
        ("OpenSSH=9.2p1", "openssh 9.2"),
        ("chrony=4.6.1", "chrony 4.6.1"),
        ("nginx=v1.22", "nginx 1.22"),
    ],
)
def test_a_product_and_its_version(text: str, said: str) -> None:
    assert str(parse_software(text)) == said


@pytest.mark.parametrize("text", ["openssh", "openssh=", "=9.2", "openssh=new", ""])
def test_anything_else_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError, match=r"openssh=9\.2"):
        parse_software(text)
