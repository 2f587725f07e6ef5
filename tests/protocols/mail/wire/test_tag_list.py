"""Tag lists of DKIM, DMARC and ARC, however they are written (RFC 6376 §3.2)."""

from __future__ import annotations

import pytest

from seventh.protocols.mail.wire.tag_list import TagList, read_tags


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", TagList({})), ("v=1", TagList({"v": "1"})), ("v=1;", TagList({"v": "1"})),
        (" v = 1 ; \t", TagList({"v": "1"})), ("v=", TagList({"v": ""})),
        ("v=1;;p=2", TagList({"v": "1", "p": "2"}, malformed=("",))),
        ("v=1;;", TagList({"v": "1"}, malformed=("",))),
        ("v=1; ;;", TagList({"v": "1"}, malformed=("", ""))),
        ("v", TagList({}, malformed=("v",))), ("1=v", TagList({}, malformed=("1=v",))),
        ("a b=v; =w", TagList({}, malformed=("a b=v", "=w"))),
        ("a=b=c", TagList({"a": "b=c"})), ("A=1; a=2", TagList({"A": "1", "a": "2"})),
        ("a=1; a=2; a=3", TagList({"a": "1"}, repeated=("a",))),
        (b"a=1\r\n\t2;\n b=3", TagList({"a": "1\t2", "b": "3"})),
        (b"a=1\r\n2", TagList({"a": "1\r\n2"})), (b"a=\xff", TagList({"a": "\udcff"})),
        (";".join(f"a{i}={i}" for i in range(66)),
         TagList({**{f"a{i}": str(i) for i in range(64)}, "a64": "64;a65=65"})),
    ],
)  # fmt: skip
def test_any_text_is_read(text: bytes | str, read: TagList) -> None:
    assert read_tags(text) == read


def test_values_are_read_as_their_tag_needs_it() -> None:
    tags = read_tags("h= from : to::;z=a|b c;b=AB\t C D")
    assert (tags.get("h"), tags.get("x"), tags.get("x", "y")) == ("from : to::", "", "y")
    assert (tags.words("h"), tags.words("z", "|"), tags.words("x")) == (
        ("from", "to"), ("a", "b c"), (),
    )  # fmt: skip
    assert (tags.compact("b"), tags.compact("x")) == ("ABCD", "")
