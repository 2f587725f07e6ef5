"""Records to paste are what a name server reads."""

from __future__ import annotations

import dns.rdataset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.wire.zone import txt


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("v=spf1 -all", 'example.org. IN TXT "v=spf1 -all"'), ("", 'example.org. IN TXT ""'),
        ('a"b\\c', 'example.org. IN TXT "a\\"b\\\\c"'),
        ("x" * 255, f'example.org. IN TXT "{"x" * 255}"'),
        ("x" * 256, f'example.org. IN TXT "{"x" * 255}" "x"'),
    ],
)  # fmt: skip
def test_a_txt_record(text: str, line: str) -> None:
    assert txt("example.org", text) == line


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=600))
def test_a_name_server_reads_the_text(text: str) -> None:
    (record,) = dns.rdataset.from_text("IN", "TXT", 300, txt("a", text).partition(" TXT ")[2])
    assert b"".join(record.strings) == text.encode()
