"""The size of request content: the rule's whole verdict."""

from __future__ import annotations

from typing import Any

import pytest

from seventh.model.failure import Reason
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.http.facts.write import Upload, WriteFacts
from seventh.protocols.http.rules import upload
from tests.verdicts import said

MIB = 1024 * 1024
CUT = (
    "medium: PUT with 9 bytes: the server closes the connection during the upload. It answers 413 "
    "to that Content-Length alone, a response that many clients never read"
)
LITTLE = "skip: the request fails with little content, too"
RESET = Reason.PEER_RESET


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({}, "skip: the server answers neither 100 nor 413 to a declared length"),
        ({"accepted_bytes": MIB}, "pass"),
        ({"accepted_bytes": MIB, "refused_bytes": 10 * MIB},
         "info: PUT that declares 10 MiB gets 413; 1 MiB is accepted"),
        ({"refused_bytes": MIB}, "info: PUT that declares 1 MiB gets 413"),
        ({"accepted_bytes": 10 * MIB, "refused_bytes": 10 * MIB + 1}, "pass"),
        ({"bytes": 9, "status": 200}, "pass"),
        ({"bytes": 9, "status": 399, "refused_bytes": MIB}, "pass"),
        ({"bytes": MIB + 1, "status": 413}, "medium: PUT with 1,048,577 bytes gets 413"),
        ({"bytes": 2 * MIB, "status": 413, "accepted_bytes": MIB},
         "medium: PUT with 2 MiB gets 413; 1 MiB is accepted"),
        ({"bytes": 9, "failure": RESET, "declared_status": 413},
         CUT),
        ({"bytes": 9, "failure": Reason.PEER_CLOSED, "declared_status": 413, "accepted_bytes": 1},
         f"{CUT}; 1 bytes is accepted"),
        ({"bytes": 9, "failure": RESET, "declared_status": 100, "short_status": 201},
         ("medium: PUT with 9 bytes: the connection ends without a response; with a few bytes it "
         "gets 201. A proxy's limit without a 413, or a backend that fails")),
        ({"bytes": 9, "failure": RESET, "declared_status": 100}, LITTLE),
        ({"bytes": 9, "failure": Reason.PEER_SILENT, "declared_status": 413},
         "skip: the request with content got no response"),
        ({"bytes": 9, "status": 502, "short_status": 400},
         ("medium: PUT with 9 bytes gets 502, with a few bytes 400. Nothing answers 413, so the "
         "size or the content makes the backend fail")),
        ({"bytes": 9, "status": 502, "short_status": 502}, LITTLE),
        ({"bytes": 9, "status": 400, "declared_status": 413}, LITTLE),
    ],
)  # fmt: skip
def test_body_limit(found: dict[str, Any], line: str) -> None:
    facts = HttpFacts(write=WriteFacts(upload=Upload(method="PUT", **found)))
    assert said(upload.body_limit, facts) == line


@pytest.mark.parametrize("write", [None, WriteFacts()])
def test_nothing_was_sent(write: WriteFacts | None) -> None:
    assert said(upload.body_limit, HttpFacts(write=write)) == (
        "skip: no request with content was sent"
    )


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"does": "passes", "upload": True, "default_body_limit": True},
         "low: no `client_max_body_size` line: requests above 1 MiB get 413"),
        ({"does": "passes", "upload": True, "default_body_limit": False}, "pass"),
        ({"does": "passes", "default_body_limit": True},
         "skip: no proxied location has the name of an upload"),
        ({"does": "files", "upload": True, "default_body_limit": True},
         "skip: no proxied location has the name of an upload"),
    ],
)  # fmt: skip
def test_a_file(config: dict[str, Any], line: str) -> None:
    assert said(upload.body_limit, HttpFacts(config=HttpConfigFacts(**config))) == line
