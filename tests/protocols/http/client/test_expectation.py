"""What is expected of a response's fields and body."""

from __future__ import annotations

import gzip

import pytest

from seventh.model.failure import Reason
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.http import HttpOptions
from seventh.protocols.http.client.expectation import read
from seventh.web.message import Fields, Response

AT = Mark(1, "user")
GZIP = ("content-encoding", "gzip")


def answer(
    body: bytes = b"", *headers: tuple[str, str], status: int = 200, truncated: bool = False
) -> Response:
    fields: Fields = headers
    return Response(
        status=status, version="1.1", headers=fields, body=body, truncated=truncated,
        sent=AT, first=AT, last=AT,
    )  # fmt: skip


async def unmet(response: Response, **expected: object) -> tuple[Reason, str] | None:
    made = read(HttpOptions(**expected))  # type: ignore[arg-type]
    failed = await made.unmet(response, now_ns() + 20 * 10**9)
    compared = made.compared("GET", response, failed)
    assert compared.met is (None if failed and failed.reason is Reason.OPTIONS_UNUSABLE
                            else failed is None)  # fmt: skip
    assert failed is None or failed.phase == "http.download"
    return (failed.reason, failed.detail) if failed is not None else None


@pytest.mark.parametrize(
    ("body", "headers", "pattern"),
    [
        (b"all systems operational", (), "systems operational"),
        (b"<html>\n</html>\n", (), r"</html>\s*\Z"),
        (gzip.compress(b"hidden", mtime=0), (GZIP,), "^hidden$"),
        ("Grüße".encode(), (), "Grüße"),
        ("Grüße".encode("latin-1"), (("content-type", "text/html; charset=ISO-8859-1"),), "Grüße"),
        ("Grüße".encode("latin-1"), (("content-type", 'a/b;CHARSET="latin1"'),), "Grüße"),
        ("Grüße".encode(), (("content-type", "text/html; charset=nonsense"),), "Grüße"),
        ("Grüße".encode(), (("content-type", "text/html; charset=rot13"),), "Grüße"),
        *(
            (text.encode(name), (("content-type", f"text/html; charset={name}"),), text)
            for name, text in (
                ("utf-16", "Grüße"),
                ("utf-32", "Grüße"),
                ("cp1251", "привет"),
                ("koi8-r", "привет"),
                ("gb18030", "你好"),
                ("big5", "你好"),
                ("euc-jp", "今日"),
                ("shift_jis", "今日"),
                ("iso-2022-jp", "今日"),
                ("us-ascii", "plain"),
            )
        ),
        (b"a-b", (("content-type", "text/html; charset=punycode"),), "a-b"),
    ],
)
async def test_what_is_in_the_body_is_found(body: bytes, headers: Fields, pattern: str) -> None:
    assert await unmet(answer(body, *headers), expect_body=pattern) is None


@pytest.mark.parametrize(
    ("response", "pattern", "says"),
    [
        (answer(b"<html>maintenance"), "operational",
         "'operational' was not found in the 17 bytes of the body, read as utf-8 (no charset is"),
        (answer(b"<html>maintenance"), "operational", "; it begins '<html>maintenance'"),
        (answer("ü".encode("latin-1"), ("content-type", "a/b; charset=utf-8")), "ü",
         "read as utf-8 (its charset)"),
        (answer(b"\x1b[2Jhello"), "no", r"it begins '\x1b[2Jhello'"),
        (answer(), "x", "'x' was not found in the body, which is empty"),
        (answer(b"moved", ("location", "https://x.test/a"), status=301), "x",
         "this is a redirect (301): check https://x.test/a instead"),
        (answer(b"no gzip", GZIP), "x", "--expect-body: corrupt compressed content"),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_said_with_what_is(
    response: Response, pattern: str, says: str
) -> None:
    found = await unmet(response, expect_body=pattern)
    assert found is not None
    assert found[0] is Reason.UNEXPECTED_ANSWER
    assert says in found[1]


@pytest.mark.parametrize("body", [b"beginning", gzip.compress(b"beginning" * 99, mtime=0)[:-12]])
async def test_of_a_body_that_was_cut_only_what_was_found_is_known(body: bytes) -> None:
    headers = () if body == b"beginning" else (GZIP,)
    cut = answer(body, *headers, truncated=True)
    assert await unmet(cut, expect_body="begin+ing") is None
    for pattern, says in (("end", "was not found in the first "), (r"g\Z", "give --max-body"),
                          (r"(?s)\A(?!.*error)", "is undecided in the first ")):  # fmt: skip
        found = await unmet(cut, expect_body=pattern)
        assert found is not None
        assert found[0] is Reason.OPTIONS_UNUSABLE, "unknown is not bad"
        assert says in found[1]


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ("Cache-Control", None),
        ("CACHE-control: no-store", None),
        ("Cache-Control: ^no-store$", None),
        ("Cache-Control: ^private, no-store$", None),
        ("Cache-Control:", None),
        ("Cache-Control: public",
         "Cache-Control is 'private'; 'no-store', expected 'public'"),
        ("X-Frame-Options", "the response has no field X-Frame-Options"),
        ("X-Frame-Options: .", "the response has no field X-Frame-Options"),
        ("Set-Cookie: Secure", "no Set-Cookie line matches 'Secure'"),
    ],
)  # fmt: skip
async def test_fields_are_compared_line_by_line_and_joined(expected: str, says: str | None) -> None:
    response = answer(
        b"", ("cache-control", "private"), ("cache-control", "no-store"),
        ("set-cookie", "id=secret"),
    )  # fmt: skip
    found = await unmet(response, expect_headers=(expected,))
    assert (found is None) == (says is None)
    if found is not None and says is not None:
        assert says in found[1]
        assert "secret" not in found[1]


async def test_every_expectation_has_to_be_met() -> None:
    response = answer(b"ok", ("server", "x"))
    assert await unmet(response, expect_headers=("Server: x", "Server"), expect_body="ok") is None
    found = await unmet(response, expect_headers=("Server: x", "Via"), expect_body="ok")
    assert found is not None and "Via" in found[1]
    found = await unmet(response, expect_status=201, expect_body="ok")
    assert found is not None and found[1] == "status 200, expected 201"


async def test_a_search_without_an_end_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seventh.web.search.SEARCH_SECONDS", 0.3)
    found = await unmet(answer(b"a" * 60 + b"!"), expect_body="(a+)+$")
    assert found is not None
    assert found[0] is Reason.OPTIONS_UNUSABLE
    assert "was stopped after 0.3 s" in found[1]


def test_what_was_expected_is_told_in_full_up_to_a_bound() -> None:
    made = read(HttpOptions(expect_status="2xx", expect_headers=("Server: x", "Via"),
                            expect_body="ok", expect_json="a"))  # fmt: skip
    facts = made.compared("GET", answer(b"ok", status=204), None)
    assert (facts.method, facts.status, facts.got, facts.met, facts.detail) == (
        "GET", "200-299", 204, True, "",
    )  # fmt: skip
    assert (facts.headers, facts.body, facts.json) == (("Server: x", "Via"), "ok", "a")
    long = "a" * 201
    made = read(HttpOptions(expect_headers=(f"V: {long}",), expect_body=long, expect_json=long))
    facts = made.compared("GET", answer(b"ok"), None)
    assert (facts.status, facts.body, facts.json) == (None, "a" * 200 + "…", "a" * 200 + "…")
    assert facts.headers == ("V: " + "a" * 197 + "…",)


@pytest.mark.parametrize(
    ("status", "detail"),
    [
        (499, None),
        (500, "the server answers 500"),
        (502, "the server answers 502: a proxy got an invalid response from its backend"),
        (503, "the server answers 503: the service is unavailable"),
        (504, "the server answers 504: a proxy got no response from its backend in time"),
    ],
)
async def test_without_an_expected_status_a_server_error_is_one(
    status: int, detail: str | None
) -> None:
    expected = None if detail is None else (Reason.UNEXPECTED_ANSWER, detail)
    assert await unmet(answer(status=status)) == expected
    assert await unmet(answer(status=status), expect_status=str(status)) is None
