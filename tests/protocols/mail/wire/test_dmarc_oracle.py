"""DMARC records as checkdmarc reads them. Where the two differ, the table says why."""

from __future__ import annotations

import pytest

from seventh.protocols.mail.wire.dmarc import read_record

dmarc = pytest.importorskip("checkdmarc.dmarc")

RECORDS = (
    "v=DMARC1; p=none",
    "v=DMARC1; p=reject; sp=quarantine; np=none",
    "v=DMARC1;p=quarantine;adkim=s;aspf=s",
    "v=DMARC1; p=reject; t=y; psd=n",
    "v=DMARC1; p=reject; adkim=strict",
    "v=DMARC1; p=reject; fo=1:d:s",
    "v=DMARC1; p=reject; fo=0:1",
    "v=DMARC1; sp=reject",
    "v=DMARC1; P=Reject",
    "v=DMARC1; p=reject; pct=50; ri=3600; rf=afrf",
    "v=DMARC1; p=reject; future=1",
)
REFUSED = ("v=DMARC1; p=rejekt", "v=DMARC1; p=reject; sp=all", "v=DMARC1; p=reject; fo=x")
"""checkdmarc refuses the record; receivers take the default of the tag (RFC 9989 §4.8)."""


@pytest.mark.parametrize("text", RECORDS)
def test_the_same_tags(text: str) -> None:
    theirs = dmarc.parse_dmarc_record(text, "example.org")["tags"]
    ours = read_record(text.encode(), "example.org")

    def value(tag: str) -> object:
        return theirs[tag]["value"] if tag in theirs else None

    assert (ours.policy, ours.strict_dkim, ours.strict_spf) == (
        value("p"), value("adkim") == "s", value("aspf") == "s"
    )  # fmt: skip
    assert (ours.subdomains or ours.policy) == value("sp")
    assert (ours.missing or ours.subdomains or ours.policy) == value("np")
    assert (ours.testing, ours.psd) == (value("t") == "y", value("psd") or "u")


@pytest.mark.parametrize("text", REFUSED)
def test_a_record_that_checkdmarc_refuses(text: str) -> None:
    with pytest.raises(dmarc.DMARCError):
        dmarc.parse_dmarc_record(text, "example.org")
    assert [each.flaw for each in read_record(text.encode()).problems] == ["value"]
