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
        ("a=1", "a 1"),
        (" A = 1.2.3.4 ", "a 1.2.3.4"),
        ("a=1.2.3.4.5", "a 1.2.3.4"),
        ("a=999999.0.00", "a 999999.0.0"),
        ("a=1234567", "a 123456"),
        ("a=1.2=3", "a 1.2"),
    ],
)
def test_a_product_and_its_version(text: str, said: str) -> None:
    assert str(parse_software(text)) == said


@pytest.mark.parametrize("text", ["openssh", "openssh=", "=9.2", "openssh=new", "", " =1", "a=.1"])
def test_anything_else_says_how_to_write_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_software(text)
    said = f"--software {text!r}: write PRODUCT=VERSION, such as openssh=9.2"
    assert str(caught.value) == said
