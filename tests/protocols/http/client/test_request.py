"""The person's request, and what is expected of the answer."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seventh.model.failure import Reason, UsageError
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.net.stopwatch import now_ns
from seventh.protocols.http.client import request
from seventh.protocols.http.client.expectation import Expectation
from seventh.protocols.http.client.request import MAX_PREPARED, described
from seventh.protocols.http.prepare import prepare
from seventh.web.given import compiled, statuses
from seventh.web.message import Fields, Response
from tests.options import options_with

AT = Mark(1, "user")


JSON_A = compiled("a")


def answer(status: int = 200, body: bytes = b"{}", headers: Fields = ()) -> Response:
    return Response(
        status=status, version="1.1", headers=headers, body=body, sent=AT, first=AT, last=AT
    )


def test_without_options_it_is_a_plain_get() -> None:
    template = described(Options())
    assert (template.method, template.safe, template.secret) == ("GET", True, False)


def test_secrets_come_from_files_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("t0ken\nsecond line\n")
    (tmp_path / "cookie").write_text("a=1\n")
    monkeypatch.setenv("KEY_OF_MINE", "k3y")
    options = options_with(
        headers=(f"Cookie: file:{tmp_path}/cookie", "X-Api-Key: env:KEY_OF_MINE", "Accept: a/b"),
        token_file=str(tmp_path / "token"),
        body_file=str(tmp_path / "cookie"),
        method="POST",
    )
    template = described(options)
    assert dict(template.fields) == {
        "User-Agent": "seventh", "Cookie": "a=1", "X-Api-Key": "k3y", "Accept": "a/b",
        "Authorization": "Bearer t0ken",
    }  # fmt: skip
    assert template.body == b"a=1\n"
    assert template.secret and not template.safe
    assert "t0ken" not in repr(template)
    assert options.has_credential


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "G E T"}, "is not a method"),
        ({"method": "CONNECT"}, "is not supported"),
        ({"headers": ("no colon",)}, "write 'Name: value'"),
        ({"headers": ("Host: x",)}, "itself"),
        ({"headers": ("X: env:SURELY_NOT_SET",)}, "SURELY_NOT_SET"),
        ({"headers": ("X: file:/nowhere/at/all",)}, "cannot be read"),
        ({"headers": ("X: a\x00b",)}, "control"),
        ({"token_file": "/nowhere/at/all"}, "cannot be read"),
        ({"body_file": "/nowhere/at/all", "method": "PUT"}, "--body /nowhere/at/all: No such file"),
        ({"expect_json": "a.["}, "--expect-json"),
        ({"expect_json": ""}, "--expect-json"),
        ({"expect_body": "a("}, r"--expect-body 'a\(': missing \), unterminated.* at position 1"),
        ({"expect_body": "a{99999999999999}"}, "too complex"),
        ({"expect_body": "a" * 5000}, "more than 4096 characters"),
        ({"expect_body": "\udcff"}, "not UTF-8"),
        ({"expect_body": "a", "method": "HEAD"}, "a response to HEAD has no body"),
        ({"expect_headers": ("Server: [",)}, "--expect-header Server: .*at position 0"),
        ({"expect_headers": ("a b: c",)}, "write 'NAME: REGEX', or NAME for any value"),
        ({"expect_headers": ("Server", "")}, "write 'NAME: REGEX'"),
        ({"expect_status": "soon"}, "--expect-status"),
        ({"expect_status": ""}, "--expect-status"),
        ({"body_file": "LICENSE"}, "give a --method"),
        ({"body_file": "LICENSE", "method": "HEAD"}, "HEAD has no body"),
    ],
)
def test_what_cannot_be_meant_is_said(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        described(options_with(**changes))
    with pytest.raises(UsageError, match=said):
        prepare(options_with(**changes))


def test_a_prepared_request_serves_all_targets_of_a_run(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first")
    options = Options(token_file=str(token))
    prepare(options)
    template = described(options)
    token.write_text("second")
    assert described(options.replace()) is template
    assert ("Authorization", "Bearer first") in template.fields
    prepare(options)
    assert ("Authorization", "Bearer second") in described(options).fields


def test_what_is_not_prepared_is_read_for_each_target(tmp_path: Path) -> None:
    token = tmp_path / "token"
    options = Options(token_file=str(token))
    for value in ("first", "second"):
        token.write_text(value)
        assert ("Authorization", f"Bearer {value}") in described(options).fields


def test_no_more_than_so_many_are_kept() -> None:
    for number in range(2 * MAX_PREPARED):
        prepare(Options(headers=(f"X-Number: {number}",)))
    assert len(request._prepared) <= MAX_PREPARED


@pytest.mark.parametrize(
    ("expectation", "response", "said"),
    [
        (Expectation(), answer(404), None),
        (Expectation(), answer(503), "503"),
        (Expectation(status=statuses(503)), answer(503), None),
        (Expectation(status=statuses(201)), answer(200), "status 200, expected 201"),
        (Expectation(json=compiled("status == 'ok'")), answer(body=b'{"status": "ok"}'), None),
        (Expectation(json=compiled("status == 'ok'")), answer(body=b'{"status": "bad"}'), "false"),
        (
            Expectation(json=compiled("length(items) > `1`")),
            answer(body=b'{"items": [1]}'),
            "false",
        ),
        (Expectation(status=statuses("2xx,404")), answer(404), None),
        (Expectation(status=statuses("2xx,404")), answer(301), "301, expected 200-299,404"),
        (Expectation(json=compiled("missing")), answer(body=b"{}"), "null"),
        (Expectation(json=JSON_A), answer(body=b'{"a": ""}'), 'yields ""'),
        (Expectation(json=JSON_A), answer(body=b'{"a": 0}'), "yields 0"),
        (Expectation(json=compiled("&a")), answer(body=b'{"a": 0}'), "not a value"),
        (Expectation(json=JSON_A), answer(body=b"<html>"), "not valid JSON"),
        (Expectation(json=JSON_A), answer(body=b"[" * 100_000), "not valid JSON"),
        (Expectation(json=compiled("length(a)")), answer(body=b'{"a": 1}'), "does not apply"),
        (
            Expectation(json=JSON_A),
            answer(body=gzip.compress(b'{"a": 1}'), headers=(("content-encoding", "gzip"),)),
            None,
        ),
        (
            Expectation(json=JSON_A),
            answer(body=b"not gzip", headers=(("content-encoding", "gzip"),)),
            "corrupt",
        ),
    ],
)
async def test_an_answer_is_held_against_what_was_expected(
    expectation: Expectation, response: Response, said: str | None
) -> None:
    failed = await expectation.unmet(response, now_ns() + 10**10)
    if said is None:
        assert failed is None
        return
    assert failed is not None and failed.reason is Reason.UNEXPECTED_ANSWER
    assert said in failed.detail
