"""MTA-STS records and policies: what is read, and every error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.facts.mta_sts import Policy, PolicyError, RecordError
from seventh.protocols.mail.wire import mta_sts
from seventh.wire.text import printable

GOOD = "version: STSv1\r\nmode: enforce\r\nmx: mx.lab.test\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("texts", "state", "identifier", "errors"),
    [
        ((b"v=STSv1; id=20261130T120000;",), "found", "20261130T120000", ""),
        ((b"v=STSv1; id=1",), "found", "1", ""),
        ((b"v=STSv1\t;\tid = a1 ; x-y.z = w:1",), "found", "a1", ""),
        ((b"v=STSv1;id=1; id=two!",), "found", "1", ""),
        ((b"v=STSv1; id=" + b"a" * 32,), "found", "a" * 32, ""),
        ((b"v=STSv1; id=" + b"a" * 33,), "invalid", "a" * 32, f"id {'a' * 33}"),
        ((b"v=STSv1; id=1-2",), "invalid", "1-2", "id 1-2"),
        ((b"v=STSv1;",), "invalid", "", "id-missing"),
        ((b"v=STSv1; id=",), "invalid", "", "field id=, id-missing"),
        ((b"v=STSv1; id=1; nonsense",), "invalid", "1", "field nonsense"),
        ((b"v=STSv1; id=1;; x=y",), "invalid", "1", "field"),
        ((b"v=STSv1; id=1; x=\xff",), "found", "1", ""),
        ((b"v=STSv1; id=1; _x=y",), "invalid", "1", "field _x=y"),
        ((b"v=STSv1; id=1", b"v=STSv1; id=2"), "several", "", ""),
        ((b"v=STSv1; id=1", b"v=spf1 -all", b"v=STSv2; id=2"), "found", "1", ""),
        ((b"v=STSV1; id=1",), "invalid", "", "version v=STSV1; id=1"),
        ((b"v=STSv1 id=1",), "invalid", "", "version v=STSv1 id=1"),
        ((b" v=STSv1; id=1",), "invalid", "", "version  v=STSv1; id=1"),
        ((b"v=spf1 -all",), "none", "", ""),
        ((), "none", "", ""),
    ],
)
def test_records(texts: tuple[bytes, ...], state: str, identifier: str, errors: str) -> None:
    read = mta_sts.read_record(texts)
    shown = ", ".join(f"{each.kind} {each.value}".rstrip() for each in read[2])
    assert (*read[:2], shown) == (state, identifier, errors)


POLICIES = [
    (GOOD, "enforce", "mx.lab.test", 604800, ""),
    (GOOD.replace("\r\n", "\n").rstrip(), "enforce", "mx.lab.test", 604800, ""),
    (GOOD.replace(": ", ":") + "\r\n", "enforce", "mx.lab.test", 604800, ""),
    (GOOD.replace("enforce", "testing  \t"), "testing", "mx.lab.test", 604800, ""),
    (GOOD + "mx: *.Lab.test\r\nmx: mx.lab.test", "enforce", "mx.lab.test *.lab.test", 604800,
     ""),
    (GOOD + "mode: none\nmax_age: x\nversion: 2\nnew-field: ü", "enforce", "mx.lab.test",
     604800, ""),
    ("version: STSv1\nmode: none\nmax_age: 0", "none", "", 0, ""),
    (GOOD.replace("604800", "31557600"), "enforce", "mx.lab.test", 31557600, ""),
    (GOOD.replace("604800", "31557601"), "enforce", "mx.lab.test", 31557601,
     "max-age 31557601"),
    (GOOD.replace("604800", "9" * 11), "enforce", "mx.lab.test", None, f"max-age {'9' * 11}"),
    (GOOD.replace("604800", "-1"), "enforce", "mx.lab.test", None, "max-age -1"),
    (GOOD.replace("604800", "\u0661"), "enforce", "mx.lab.test", None, "max-age \u0661"),
    (GOOD.replace("STSv1", "STSv2"), "enforce", "mx.lab.test", 604800, "version STSv2"),
    (GOOD.replace("enforce", "Enforce"), None, "mx.lab.test", 604800, "mode Enforce"),
    (GOOD.replace("mx: mx.lab.test", ""), "enforce", "", 604800, "no-mx"),
    (GOOD.replace("mx.lab.test", "10 mx.lab.test"), "enforce", "", 604800,
     "mx 10 mx.lab.test, no-mx"),
    (GOOD.replace("mx.lab.test", ".lab.test"), "enforce", "", 604800, "mx .lab.test, no-mx"),
    (GOOD.replace("mx.lab.test", "mx.*.test"), "enforce", "", 604800, "mx mx.*.test, no-mx"),
    (GOOD.replace("mx.lab.test", "mx.lab.test."), "enforce", "", 604800,
     "mx mx.lab.test., no-mx"),
    ("\ufeff" + GOOD, "enforce", "mx.lab.test", 604800,
     "line \\ufeffversion: STSv1, version"),
    (GOOD + "<html>", "enforce", "mx.lab.test", 604800, "line <html>"),
    (GOOD + "x" * 81, "enforce", "mx.lab.test", 604800, f"line {'x' * 80}…"),
    ("version:\nmode: \t\nmax_age:\nmx:\nx:", None, "", None,
     "mx, line x:, version, mode, max-age, no-mx"),
    ("", None, "", None, "version, mode, max-age, no-mx"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "mode", "mx", "age", "errors"), POLICIES)
def test_policies(text: str, mode: str | None, mx: str, age: int | None, errors: str) -> None:
    policy = mta_sts.read_policy(text.encode(), "text/plain")
    shown = ", ".join(f"{each.kind} {each.value}".rstrip() for each in policy.errors)
    found = (policy.mode, " ".join(policy.mx), policy.max_age_seconds, shown)
    assert found == (mode, mx, age, errors)


FURTHER = (
    "version: STSv1\rmode: none\rmax_age: 1", GOOD + "x-y: a b", GOOD + "x-y:", GOOD + "x y: a",
    GOOD + " mx: a.test", GOOD + "mx : a.test", GOOD + "mx:", GOOD + "x: \x07", GOOD + "\n\n",
    GOOD.replace("604800", "0604800"), GOOD.replace("604800", "1e3"), GOOD.replace("604800", ""),
    GOOD.replace("mode: enforce\r\n", ""), GOOD.replace("version: STSv1\r\n", ""), "mode: none",
    GOOD.replace("mx.lab.test", "localhost"), GOOD.replace("mx.lab.test", "*"),
    GOOD.replace("mx.lab.test", "*.test"), GOOD.replace("mx.lab.test", "a_b.test"),
    GOOD.replace("mx.lab.test", "-a.test"), GOOD.replace("mx.lab.test", f"{'a' * 64}.test"),
    GOOD.replace("mx.lab.test", f"{'a' * 63}.test"), GOOD.replace("\r\n", "\r\r\n"),
)  # fmt: skip


def test_checkdmarc_reads_the_same_policies() -> None:
    oracle = pytest.importorskip("checkdmarc.mta_sts")

    def theirs(text: str) -> Policy | None:
        try:
            read = oracle.parse_mta_sts_policy(text)["policy"]
        except oracle.MTASTSPolicySyntaxError:
            return None
        mx = tuple(dict.fromkeys(name.lower() for name in read["mx"]))
        return Policy(mode=read["mode"], mx=mx, max_age_seconds=read["max_age"])

    def ours(text: str) -> Policy | None:
        read = mta_sts.read_policy(text.encode(), "text/plain")
        return None if read.errors else read

    texts = [*(case[0] for case in POLICIES), *FURTHER]
    assert {text: ours(text) for text in texts} == {text: theirs(text) for text in texts}


@pytest.mark.parametrize(
    ("media_type", "errors"),
    [
        ("text/plain", ()), ("Text/Plain; charset=utf-8", ()), ("text/plain;x=y", ()),
        ("text/html", (PolicyError("media-type", "text/html"),)),
        ("text/plainly", (PolicyError("media-type", "text/plainly"),)),
        ("", (PolicyError("media-type", ""),)),
    ],
)  # fmt: skip
def test_the_media_type(media_type: str, errors: tuple[PolicyError, ...]) -> None:
    assert mta_sts.read_policy(GOOD.encode(), media_type).errors == errors


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("mx.lab.test", "mx.lab.test", True), ("mx.lab.test", "MX.Lab.test.", True),
        ("mx.lab.test", "a.mx.lab.test", False), ("mx.lab.test", "lab.test", False),
        ("*.lab.test", "mx.lab.test", True), ("*.lab.test", "a.mx.lab.test", False),
        ("*.lab.test", "lab.test", False), ("*.lab.test", "xlab.test", False),
        ("*.lab.test", "*.lab.test", True),
    ],
)  # fmt: skip
def test_a_wildcard_is_one_label(pattern: str, host: str, matches: bool) -> None:
    assert mta_sts.matches(Policy(mx=("other.test", pattern)), host) is matches


def test_what_is_printed_to_publish_is_read_without_an_error() -> None:
    policy = mta_sts.policy_lines(("a.lab.test", "b.lab.test"))
    name, _, text = mta_sts.record_line("lab.test", "1").partition(" IN TXT ")
    assert name == "_mta-sts.lab.test."
    assert mta_sts.read_record((text.strip('"').encode(),)) == ("found", "1", ())
    body = "\r\n".join(policy).encode()
    assert mta_sts.read_policy(body, "text/plain") == Policy(
        mode="testing", mx=("a.lab.test", "b.lab.test"), max_age_seconds=604800
    )


@given(st.lists(st.binary(max_size=300), max_size=4), st.binary(max_size=3000), st.binary())
def test_nothing_that_a_server_sends_raises(
    texts: list[bytes], body: bytes, media_type: bytes
) -> None:
    mta_sts.read_record((*texts, b"v=STSv1;" + body))
    read = mta_sts.read_policy(body + b"\nmx: *." + body, media_type.decode("latin-1"))
    assert all(error.value == printable(error.value) for error in read.errors)


def test_a_policy_is_read_to_its_thousandth_line() -> None:
    for before, mx in ((999, ("mx.lab.test",)), (1000, ())):
        text = "version: STSv1\nmode: none\nmax_age: 0\n" + "\n" * (before - 3) + "mx: mx.lab.test"
        assert mta_sts.read_policy(text.encode(), "text/plain") == Policy(
            mode="none", mx=mx, max_age_seconds=0
        )


def test_where_a_policy_is() -> None:
    """RFC 8461 §3.3."""
    assert mta_sts.PATH == "/.well-known/mta-sts.txt"


def test_a_policy_of_errors_alone_has_twenty_of_them() -> None:
    read = mta_sts.read_policy(b"x\n" * 30_000, "text/plain")
    assert read.errors == (PolicyError("line", "x"),) * 20
    assert mta_sts.read_record((b"v=STSv1;" + b"x;" * 30_000,)) == (
        "invalid", "", (RecordError("field", "x"),) * 20,
    )  # fmt: skip
