"""Lines, patterns and times of OpenSSH's files: what each form means, and what is an error."""

from __future__ import annotations

import pytest

from seventh.protocols.ssh.wire.patterns import (
    GrammarError,
    address_in_list,
    arguments,
    changed_list,
    config_line,
    criteria,
    matches,
    matches_list,
    port_number,
    seconds,
    unknown_names,
)


@pytest.mark.parametrize(
    ("line", "keyword", "rest"),
    [
        ("Port 22", "port", "22"), ("Port=22", "port", "22"), ("Port = 22", "port", "22"),
        ("Port\t=\t22 \f\n", "port", "22"), ("Port == 22", "port", "= 22"),
        ("Port = = 22", "port", "= 22"), ('"Port" 22', "port", "22"),
        ('"Port"22', "port", "22"), ("=Port 22", "port", "22"), (" Port  a b ", "port", "a b"),
        ("Port #x", "port", "#x"),
    ],
)  # fmt: skip
def test_a_line_is_a_keyword_and_the_rest(line: str, keyword: str, rest: str) -> None:
    read = config_line(line)
    assert read is not None
    assert (read.keyword, read.rest) == (keyword, rest)


@pytest.mark.parametrize("line", ["", "  \t\n", "# Port 22", "  #", "= # x", '"Port'])
def test_a_line_without_a_keyword(line: str) -> None:
    assert config_line(line) is None


@pytest.mark.parametrize("line", ["Port", "Port ", "Port =", '"" 22'])
def test_a_keyword_alone_is_an_error(line: str) -> None:
    with pytest.raises(GrammarError, match="argument missing"):
        config_line(line)


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ('a "b c" d', ("a", "b c", "d")), ("a\\ b", ("a b",)), ('"a\\ b"', ("a\\ b",)),
        ("'a'\"b\" # c", ("ab",)), ("a#b", ("a#b",)), ('x "" y', ("x", "", "y")),
        ('"a\\"b"', ('a"b',)), ("a\\'b", ("a'b",)), ("a\\", ("a\\",)), ("  a\t b", ("a", "b")),
        ("a\\xb", ("a\\xb",)), ("#", ()),
    ],
)  # fmt: skip
def test_arguments(rest: str, words: tuple[str, ...]) -> None:
    assert arguments(rest) == words


@pytest.mark.parametrize("rest", ['"a', "a 'b", 'a"'])
def test_a_quote_that_is_not_closed(rest: str) -> None:
    with pytest.raises(GrammarError, match=r"^a quote is not closed$"):
        arguments(rest)


ALONE = frozenset({"all", "canonical", "final"})


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("User=a address b", (("user", "a"), ("address", "b"))), ("all", (("all", ""),)),
        ("canonical all", (("canonical", ""), ("all", ""))), ("!all", (("!all", ""),)),
        ("final all", (("final", ""), ("all", ""))), ("user a # x", (("user", "a"),)),
        ('"user" "a b"', (("user", "a b"),)),
        ("canonical final", (("canonical", ""), ("final", ""))),
    ],
)  # fmt: skip
def test_criteria(rest: str, found: tuple[tuple[str, str], ...]) -> None:
    assert criteria(rest, ALONE) == found


@pytest.mark.parametrize(
    "rest", ["", "user", "user #", "all user a", "user a all", "all final", "canonical final all"]
)
def test_criteria_that_are_refused(rest: str) -> None:
    with pytest.raises(GrammarError, match="Match"):
        criteria(rest, ALONE)


@pytest.mark.parametrize(
    ("text", "pattern", "fits"),
    [
        ("abc", "a*c", True), ("abc", "a?c", True), ("ac", "a*c", True), ("a", "a*a", False),
        ("aba", "a*a", True), ("abcabc", "a*c*c", True), ("abc", "*", True), ("", "*", True),
        ("ab", "?", False), ("a\nb", "a?b", True), ("abc", "b*", False), ("abc", "*b", False),
        ("axbyc", "a*b*c", True), ("ab", "a*b*b", False), ("abc", "a*?*c", True),
        ("a.c", "a.c", True), ("abc", "a.c", False), ("abc", "a.*", False),
    ],
)  # fmt: skip
def test_patterns(text: str, pattern: str, fits: bool) -> None:
    assert matches(text, pattern) is fits


@pytest.mark.parametrize(
    ("text", "patterns", "lower", "found"),
    [
        ("a", "!a,*", False, -1), ("a", "*,!a", False, -1), ("A", "a", False, 0),
        ("A", "a", True, 1), ("a", "A", True, 1), ("a", "", False, 0), ("a", "b,a", False, 1),
        ("a", "b", False, 0), ("a", "!b", False, 0), ("a", "*" * 1022, False, 1),
        ("a", "*" * 1023 + ",a", False, 0),
    ],
)  # fmt: skip
def test_lists_of_patterns(text: str, patterns: str, lower: bool, found: int) -> None:
    assert matches_list(text, patterns, lower=lower) == found


@pytest.mark.parametrize(
    ("address", "members", "found"),
    [
        ("10.1.2.3", "10.0.0.0/8", 1), ("10.1.2.3", "!10.1.2.3,10.0.0.0/8", -1),
        ("10.1.2.3", "10.0.0.0/8,!10.1.0.0/16", -1), ("10.1.2.3", "10.*", 1),
        ("::1", "0.0.0.0/0", 0), ("not an address", "*", 0), ("1.2.3.4", "1.2.3.4/x", 0),
        ("10.1.2.3", "10.1.2.3,192.0.2.1", 1), (None, "10.0.0.0/8,*", 0),
    ],
)  # fmt: skip
def test_lists_of_addresses(address: str | None, members: str, found: int) -> None:
    assert address_in_list(address, members) == found


@pytest.mark.parametrize("address", ["10.0.0.1", None])
@pytest.mark.parametrize("members", ["a,,b", "", "10.0.0.1/8", "10.0.0.0/33", "!"])
def test_lists_of_addresses_that_are_refused(address: str | None, members: str) -> None:
    with pytest.raises(GrammarError):
        address_in_list(address, members)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("", "a b"), ("+x", "a b x"), ("-a*", "b"), ("^c", "c a b"), ("^b", "b a"), ("c,a", "c a"),
        ("*", "a b c"), ("-*", ""), ("?", "a b c"), ("+", "a b"), ("x,,a", "x a"), ("+a", "a b"),
    ],
)  # fmt: skip
def test_lists_of_algorithms(written: str, made: str) -> None:
    assert changed_list(written, ("a", "b"), ("a", "b", "c")) == tuple(made.split())


@pytest.mark.parametrize("written", ["!a", "+!a", ",", "z*"])
def test_lists_of_algorithms_that_are_refused(written: str) -> None:
    with pytest.raises(GrammarError):
        changed_list(written, ("a", "b"), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("written", "unknown"), [("+x,a", "x"), ("-zz", ""), ("^a*", ""), ("q?,b", "q?"), ("b", "")]
)
def test_unknown_algorithms(written: str, unknown: str) -> None:
    assert unknown_names(written, ("a", "b")) == tuple(unknown.split())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("90", 90), ("1h30m", 5400), ("1w2d", 777_600), ("1x", None), ("", None), ("5s", 5),
        ("2147483647", 2**31 - 1), ("2147483648", None), ("1H", 3600), ("-1", None), (" 1", None),
    ],
)  # fmt: skip
def test_times(text: str, value: int | None) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", None), ("1", 1), ("65535", 65535), ("65536", None), ("000022", 22),
        ("0000022", None), ("\u00b2", None), ("x", None), ("", None),
    ],
)  # fmt: skip
def test_ports(text: str, value: int | None) -> None:
    assert port_number(text) == value
