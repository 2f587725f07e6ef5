"""The mutation functions: source in, mutants out."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

import pytest

from tests.mutate.mutants import mutants
from tests.mutate.nearest import stages
from tests.mutate.strata import (
    SOURCE,
    STRATA,
    entry,
    equivalents,
    everything,
    of_file,
    sample,
    stratum,
)  # fmt: skip

pytestmark = pytest.mark.uncounted


def changes(source: str) -> set[str]:
    return {mutant.change for mutant in mutants(source.encode())}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a < b", {"a < b → a <= b"}),
        ("x = a == b", {"a == b → a != b"}),
        ("x = a is None", {"a is None → a is not None"}),
        ("x = a not in b", {"a not in b → a in b"}),
        ("x = a < b < c", {"a < b < c → a <= b < c", "a < b < c → a < b <= c"}),
        ("x = (a and\n b)", {"a and b → a or b"}),
        ("x = not a", {"not a → a"}),
        ("x = a + b", {"a + b → a - b"}),
        ("x += y", {"x += y → x -= y"}),
        ("x = 5", {"5 → 6", "5 → 4"}),
        ("x = 5000", {"5000 → 10000", "5000 → 2500"}),
        ("x = True", {"True → False"}),
        ("x = 'data'", {"'data' → 'data_'"}),
        ("x = b' '", {"b' ' → b' _'"}),
        ("f(a)", {"f(a) → pass"}),
        ("x = zip(a, b, strict=True)", set()),
        ("x = md5(a, usedforsecurity=False)", set()),
        ("await_ = [await f(a) for a in b]", set()),
        ("if a: b = c", {"a → True", "a → False"}),
        ("x = b if a else c", {"a → True", "a → False"}),
        ("while a: b = c", {"a → False"}),
        ("while a:\n break", {"a → False", "break → continue"}),
        ("def f() -> bool: return g(a)", {"g(a) → not (g(a))"}),
        ("def f() -> int | None: return a", {"a → 0", "a → None"}),
        ("def f() -> tuple[int, ...]:\n with a:\n  return b", {"b → ()"}),
        ("def f() -> str:\n def g(): return a\n return b", {"b → ''"}),
    ],
)
def test_what_is_changed(source: str, expected: set[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Docstring."""',
        "def f():\n 'docstring'",
        "class C:\n 'docstring'\n __slots__ = ('a',)\n b: 'C'",
        "__all__ = ['a']",
        "x: Annotated[int, Meta(ge=1)]",
        "def f(a: Literal['b'] | None) -> Literal['c']: return g",
        "x = 'words for people'",
        "x = f'{a}:{b}'",
        "x = a + 'b c'",
        "Alias = A | B",
        "T = TypeVar('T')",
        "T = Literal['a', 'b']",
        "x = cast('T', y)",
        "x = y.decode('utf-8')",
        "x = y.decode('ascii')",
        "assert a == 1",
        "if TYPE_CHECKING:\n import a",
        "if __name__ == '__main__':\n main()",
        "@rule(title='Short', good=f(1), references=('RFC1',))\ndef f(a): return g(a)",
        "if a := b: c = d",
    ],
)
def test_what_is_left_alone(source: str) -> None:
    assert changes(source) == set()


def test_a_change_keeps_its_place_among_other_operators() -> None:
    source = b"x = '\xc3\xa9', a & b == c"
    made = [m.applied(source) for m in mutants(source) if m.kind == "arithmetic"]
    assert made == [b"x = '\xc3\xa9', (a | b) == c"]


def test_facts_have_logic_in_functions_alone() -> None:
    source = b"x = 1\ndef f(): return 2"
    assert {m.old for m in mutants(source, functions_only=True)} == {"2"}


def test_each_mutant_compiles_and_differs() -> None:
    for planted in sample(everything(), 24, 7, STRATA):
        source = (SOURCE / planted.path).read_bytes()
        changed = planted.mutant.applied(source)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source)), planted
        compile(changed, str(planted), "exec", dont_inherit=True)


def test_a_sample_is_even_and_repeatable() -> None:
    found = everything()
    taken = sample(found, 20, 1, STRATA)
    counts = [sum(each.stratum == name for each in taken) for name in STRATA]
    assert counts == [4, 4, 3, 3, 3, 3]
    assert sample(found, 20, 1, STRATA) == taken
    assert sample(found, 20, 2, STRATA) != taken
    assert {each.stratum for each in sample(found, 5, 1, ("net",))} == {"net"}


def test_every_file_of_labs_is_left_alone_and_every_stratum_has_some() -> None:
    files = [PurePosixPath(file.relative_to(SOURCE)) for file in SOURCE.rglob("*.py")]
    assert {stratum(path) for path in files} == {*STRATA, None}
    for path in files:
        where = path.with_suffix("").parts
        if where[0] in {"lab", "labkit"} or (where[0] == "protocols" and "lab" in where):
            assert stratum(path) is None


def test_the_nearest_tests_come_first_and_none_twice() -> None:
    path = PurePosixPath("protocols/http/wire/url.py")
    planted = next(of_file(path))
    found = stages(planted)
    assert found[0].files == ("tests/protocols/http/wire/test_url.py",)
    files = [file for stage in found for file in stage.files]
    assert len(files) == len(set(files))
    assert not any(file.startswith("tests/peers") for file in files)


def test_a_known_equivalent_is_no_part_of_the_sample() -> None:
    known = equivalents()
    assert known.isdisjoint(map(entry, everything()))
