"""The person's request, and what is expected of the answer."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from seventh.model.failure import Reason, UsageError
from seventh.model.options import Options
from seventh.model.phase import Mark
from seventh.protocols.http.client.request import Shape, disappointment, shape_of
from seventh.web.given import statuses
from seventh.web.message import Fields, Response
from tests.options import options_with

AT = Mark(1, "user")


def answer(status: int = 200, body: bytes = b"{}", headers: Fields = ()) -> Response:
    return Response(
        status=status, version="1.1", headers=headers, body=body, sent=AT, first=AT, last=AT
    )


def test_without_options_it_is_a_plain_get() -> None:
    shape = shape_of(Options())
    assert (shape.method, shape.safe, shape.secret) == ("GET", True, False)


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
    shape = shape_of(options)
    assert dict(shape.fields) == {
        "User-Agent": "seventh", "Cookie": "a=1", "X-Api-Key": "k3y", "Accept": "a/b",
        "Authorization": "Bearer t0ken",
    }  # fmt: skip
    assert shape.body == b"a=1\n"
    assert shape.secret and not shape.safe
    assert "t0ken" not in repr(shape) and not any("t0ken" in v for _, v in shape.plain)
    assert options.has_credential


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"method": "G E T"}, "no method"),
        ({"method": "CONNECT"}, "not sent"),
        ({"headers": ("no colon",)}, "write 'Name: value'"),
        ({"headers": ("Host: x",)}, "itself"),
        ({"headers": ("X: env:SURELY_NOT_SET",)}, "SURELY_NOT_SET"),
        ({"headers": ("X: file:/nowhere/at/all",)}, "cannot be read"),
        ({"headers": ("X: a\x00b",)}, "control"),
        ({"token_file": "/nowhere/at/all"}, "cannot be read"),
        ({"body_file": "/nowhere/at/all", "method": "PUT"}, "cannot be read"),
        ({"expect_json": "a.["}, "--expect-json"),
        ({"expect_json": ""}, "--expect-json"),
        ({"expect_status": "soon"}, "--expect-status"),
        ({"expect_status": ""}, "--expect-status"),
        ({"body_file": "LICENSE"}, "--body needs a --method"),
        ({"body_file": "LICENSE", "method": "HEAD"}, "HEAD has none"),
    ],
)
def test_what_cannot_be_meant_is_said(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        shape_of(options_with(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("shape", "response", "said"),
    [
        (Shape(), answer(404), None),
        (Shape(), answer(503), "503"),
        (Shape(status=statuses(503)), answer(503), None),
        (Shape(status=statuses(201)), answer(200), "200, not 201"),
        (Shape(json="status == 'ok'"), answer(body=b'{"status": "ok"}'), None),
        (Shape(json="status == 'ok'"), answer(body=b'{"status": "bad"}'), "false"),
        (Shape(json="length(items) > `1`"), answer(body=b'{"items": [1]}'), "false"),
        (Shape(status=statuses("2xx,404")), answer(404), None),
        (Shape(status=statuses("2xx,404")), answer(301), "301, not 200-299,404"),
        (Shape(json="missing"), answer(body=b"{}"), "null"),
        (Shape(json="a"), answer(body=b'{"a": ""}'), 'gives ""'),
        (Shape(json="a"), answer(body=b'{"a": 0}'), "gives 0"),
        (Shape(json="&a"), answer(body=b'{"a": 0}'), "another expression"),
        (Shape(json="a"), answer(body=b"<html>"), "no JSON"),
        (Shape(json="a"), answer(body=b"[" * 100_000), "no JSON"),
        (Shape(json="length(a)"), answer(body=b'{"a": 1}'), "no JSON to look into"),
        (
            Shape(json="a"),
            answer(body=gzip.compress(b'{"a": 1}'), headers=(("content-encoding", "gzip"),)),
            None,
        ),
        (
            Shape(json="a"),
            answer(body=b"not gzip", headers=(("content-encoding", "gzip"),)),
            "corrupt",
        ),
    ],
)
def test_an_answer_is_held_against_what_was_expected(
    shape: Shape, response: Response, said: str | None
) -> None:
    failed = disappointment(shape, response)
    if said is None:
        assert failed is None
        return
    assert failed is not None and failed.reason is Reason.UNEXPECTED_ANSWER
    assert said in failed.detail
