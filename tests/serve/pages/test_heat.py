"""The map: each cell is drawn once, where it belongs."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from seventh.serve.pages.heat import heat, size_of


def cells_of(drawing: str) -> str:
    """The cells that a drawing shows, read back from its lines."""
    svg = ET.fromstring(drawing)  # noqa: S314 - our own
    columns = int(svg.attrib["viewBox"].split()[2])
    found: dict[int, str] = {}
    for path in svg:
        for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", path.attrib["d"]):
            for at in range(int(x), int(x) + int(length)):
                place = int(y) * columns + at
                assert place not in found
                found[place] = path.attrib["class"][1:]
    return "".join(found[at] for at in range(len(found)))


@given(st.text("01dgn", max_size=300), st.integers(5, 400))
def test_every_cell_is_drawn_where_it_belongs(cells: str, size: int) -> None:
    assert cells_of(heat(cells, size, "x")) == cells


def test_a_map_is_small_and_its_cells_are_seen() -> None:
    assert [size_of(count) for count in (0, 1, 300, 10_000, 100_000)] == [26, 26, 26, 5, 5]
    svg = ET.fromstring(heat("0" * 10_000, size_of(10_000), 'a "label" <b>'))  # noqa: S314
    assert svg.attrib["aria-label"] == 'a "label" <b>'
    assert (svg.attrib["width"], svg.attrib["height"]) == ("1200", "210")
    assert len(svg[0].attrib["d"]) < 500
