"""References in values, as mac_expand(3) replaces them."""

from __future__ import annotations

import re

import pytest

from seventh.lint.postfix.expand import (
    MAX_CHARS,
    MAX_DEPTH,
    MAX_WORK,
    BadReferenceError,
    expand,
)

PARAMETERS = {
    "a": "one", "b": "$a two", "empty": "", "n": "10", "Under_1": "u", "level": "3.6",
    "loop": "$loop", "bad": "${a", "quoted": "x$$y", "self": "${self?}",
}  # fmt: skip


def lookup(name: str) -> str | None:
    """A machine's own names are not known; any other name is not set."""
    return None if name.startswith("machine") else PARAMETERS.get(name, "")


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("", ""), ("plain {text} (x) ? :", "plain {text} (x) ? :"),
        ("$a", "one"), ("$a.$a", "one.one"), ("x$a/y", "xone/y"), ("$(a)b", "oneb"),
        ("${a}b", "oneb"), ("${ a }", "one"), ("$Under_1-x", "u-x"),
        ("${Under_1}$(Under_1)", "uu"), ("$b", "one two"),
        ("$unset|", "|"), ("$empty|", "|"),
        ("$$", "$"), ("$$a", "$a"), ("x$$$a", "x$one"), ("$quoted", "x$y"),
        # conditions: the value, or nothing
        ("${a?yes}", "yes"), ("${empty?yes}", ""), ("${unset?yes}", ""),
        ("${a:no}", ""), ("${empty:no}", "no"), ("$(unset:no)", "no"),
        ("${a?{yes}:{no}}", "yes"), ("${empty?{yes}:{no}}", "no"), ("${a?{yes}:no}", "yes"),
        ("${empty?{yes}:no}", "no"), ("${empty?{yes}: no}", " no"), ("${a ? {yes} : {no}}", "yes"),
        ("${a?yes:no}", "yes:no"), ("${a?{}}", ""), ("${a?$a$a}", "oneone"),
        ("${a?{{x}}}", "{x}"), ("${empty:{$a}}", "one"), ("${a?x ${empty:y} z}", "x y z"),
        # comparisons: numbers if both are, else text
        ("${{1} == {1}}", "true"), ("${{1} == {2}}", ""), ("${{x} == {x}?{yes}:{no}}", "yes"),
        ("${{9} < {10}?{yes}:{no}}", "yes"), ("${{9} < {x10}?{yes}:{no}}", "yes"),
        ("${{b} < {a}?{yes}:{no}}", "no"), ("${{10} < {9x}?{yes}:{no}}", "yes"),
        ("${{9x} < {10}?{yes}:{no}}", "no"), ("${{1} != {1}?{yes}:{no}}", "no"),
        ("${{1} != {2}?{yes}:{no}}", "yes"), ("${{1} <= {1}?{yes}:{no}}", "yes"),
        ("${{2} <= {1}?{yes}:{no}}", "no"), ("${{1} >= {1}?{yes}:{no}}", "yes"),
        ("${{1} >= {2}?{yes}:{no}}", "no"), ("${{2} > {1}?{yes}:{no}}", "yes"),
        ("${{1} > {1}?{yes}:{no}}", "no"), ("${{1} < {1}?{yes}:{no}}", "no"),
        ("${{$n} == {10}?{yes}:{no}}", "yes"), ("${{010} == {10}?{yes}:{no}}", "yes"),
        ("${{$a}=={one}?yes}", "yes"), ("${ {1} == {1} ? {yes} : {no} }", "yes"),
        # compatibility levels: 3.10 is above 3.9
        ("${{3.10} >level {3.9}?{yes}:{no}}", "yes"), ("${{3.10} > {3.9}?{yes}:{no}}", "no"),
        ("${{$level} >=level {3.6}?{yes}:{no}}", "yes"), ("${{2} <level {3.6}?{yes}:{no}}", "yes"),
        ("${{3} ==level {3.0.0}?{yes}:{no}}", "yes"), ("${{3.0.1} ==level {3}?{yes}:{no}}", "no"),
        ("${{3.1} ==level {3.1.0}?{yes}:{no}}", "yes"),
        ("${{3.1.2} <=level {3.1.2}?{yes}:{no}}", "yes"),
        # what only the machine knows
        ("$machine", None), ("x ${machine?yes}", None), ("${empty?$machine}", ""),
        ("${a:$machine}", ""), ("${{$machine} == {x}}", None), ("${a?$machine}", None),
    ],
)  # fmt: skip
def test_a_value(value: str, expanded: str | None) -> None:
    assert expand(value, lookup) == expanded


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("$", '"$" without a name; a literal one is "$$"'),
        ("$ a", '"$" without a name; a literal one is "$$"'),
        ("${}", '"$" without a name; a literal one is "$$"'),
        ("$()", '"$" without a name; a literal one is "$$"'),
        ("${a", '"{" is not closed'), ("$(a", '"(" is not closed'), ("$(a}", '"(" is not closed'),
        ("$bad", '"{" is not closed'), ("${a?{x}", '"{" is not closed'),
        ("${a b}", '"a b" is not the name of a parameter'),
        ("${a-b}", '"a-b" is not the name of a parameter'),
        (f"${{{'x-' * 30}}}", f'"{"x-" * 20}" is not the name of a parameter'),
        ("${a?{x}y}", '":" expected after the text for a set parameter'),
        ("${a?{x}:{y}z}", "text after a conditional expression"),
        ("${a:{y}z}", "text after a conditional expression"),
        ("${{1} == {1}x}", '"?" or ":" expected after a comparison'),
        ("${{1} == {1}_}", '"?" or ":" expected after a comparison'),
        ("${{1} = {1}}", "a comparison needs ==, !=, <, <=, >= or >"),
        ("${{1}}", "a comparison needs ==, !=, <, <=, >= or >"),
        ("${{1} =~ {1}}", "a comparison needs ==, !=, <, <=, >= or >"),
        ("${{1} == 1}", "a comparison needs {expression} on both sides"),
        ("${{1} ==}", "a comparison needs {expression} on both sides"),
        ("${{1} ==lvl {1}}", "unknown comparison ==lvl"),
        ("${{x} >level {3}}", "compatibility_level 'x' is not a version"),
        ("${{3} >level {}}", "compatibility_level '' is not a version"),
        ("${{3.6.1.2} >level {3}}", "compatibility_level '3.6.1.2' is not a version"),
        ("${{3.1000} >level {3}}", "compatibility_level '3.1000' is not a version"),
        (f"${{{{{'9' * 50}}} >level {{3}}}}", f"compatibility_level '{'9' * 40}' is not a version"),
        ("$loop", "references are nested more than 100 deep"),
    ],
)  # fmt: skip
def test_what_postfix_refuses(value: str, why: str) -> None:
    with pytest.raises(BadReferenceError, match=f"^{re.escape(why)}$"):
        expand(value, lookup)


def test_references_side_by_side_are_not_nested() -> None:
    assert expand("$a" * (MAX_DEPTH + 1), lookup) == "one" * (MAX_DEPTH + 1)


def chain(length: int) -> str | None:
    """Expand a value that refers to another, ``length`` times."""
    names = {f"p{n}": f"$p{n + 1}" for n in range(1, length)}
    return expand("$p1", lambda name: names.get(name, "end"))


def test_the_deepest_reference() -> None:
    assert chain(MAX_DEPTH) == "end"
    with pytest.raises(BadReferenceError, match="nested more than 100 deep"):
        chain(MAX_DEPTH + 1)


def test_references_in_a_comparison_are_nested_in_it() -> None:
    names = {f"p{n}": f"$p{n + 1}" for n in range(1, MAX_DEPTH)}
    for first, fits in (("p2", True), ("p1", False)):
        value = f"${{{{${first}}} == {{end}}?{{yes}}:{{no}}}}"
        if fits:
            assert expand(value, lambda name: names.get(name, "end")) == "yes"
        else:
            with pytest.raises(BadReferenceError):
                expand(value, lambda name: names.get(name, "end"))


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("$e" * MAX_WORK, True), ("$e" * (MAX_WORK + 1), False),
        ("${{$e$e} == {$e}}" + "$e" * (MAX_WORK - 4), True),
        ("${{$e$e} == {$e}}" + "$e" * (MAX_WORK - 3), False),
        ("x" * MAX_CHARS, True), ("x" * (MAX_CHARS + 1), False),
        ("$$" + "x" * (MAX_CHARS - 1), True), ("$$" + "x" * MAX_CHARS, False),
    ],
    ids=range(8),
)  # fmt: skip
def test_what_is_too_large_is_unknown(value: str, fits: bool) -> None:
    assert (MAX_WORK, MAX_CHARS) == (4000, 65536)
    assert (expand(value, lambda name: "") is not None) is fits
