"""A sample's text form is Prometheus', whatever its labels hold."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from seventh.model.sample import Labels, Sample

LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')
LABELS = st.lists(st.tuples(st.sampled_from(("phase", "class")), st.text()), max_size=3)


def test_a_name_alone_is_its_key() -> None:
    assert Sample("seventh_up", (), 1.0).key == "seventh_up"


def test_labels_stand_in_braces() -> None:
    labels = (("phase", "connect"), ("class", "connect-refused"))
    key = 'seventh_errors_total{phase="connect",class="connect-refused"}'
    assert Sample("seventh_errors_total", labels, 1.0).key == key


def test_what_would_end_a_value_is_escaped() -> None:
    assert Sample("m", (("l", 'a\\b"c\nd'),), 1.0).key == r'm{l="a\\b\"c\nd"}'


@given(LABELS)
def test_the_key_reads_back_into_its_labels(labels: list[tuple[str, str]]) -> None:
    assert read(Sample("m", tuple(labels), 1.0).key) == tuple(labels)


def read(key: str) -> Labels:
    """Read a key's labels by the grammar of Prometheus' text format."""
    inside = key.removeprefix("m").removeprefix("{").removesuffix("}")
    found = list(LABEL.finditer(inside))
    assert "".join(match[0] for match in found) == inside
    plain = {r"\\": "\\", r"\"": '"', r"\n": "\n"}
    return tuple((m[1], re.sub(r'\\[\\"n]', lambda e: plain[e[0]], m[2])) for m in found)


def test_samples_are_hashable() -> None:
    same = [Sample("m", (("l", "v"),), 1.0), Sample("m", (("l", "v"),), 1.0)]
    assert len(set(same)) == 1
