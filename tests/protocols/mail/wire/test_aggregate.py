"""DMARC aggregate reports: both forms, every kind of record, and what a hostile one may do."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.mail.facts.aggregate import AggregateReport, MailSource
from seventh.protocols.mail.wire import aggregate
from seventh.protocols.mail.wire.aggregate import AggregateReader
from seventh.protocols.mail.wire.malformed import MalformedError

META = """<report_metadata><org_name>Big &amp; Mail</org_name><email>a@b.example</email>
<report_id>r1</report_id><date_range><begin>1796000000</begin><end>1796086400</end></date_range>
</report_metadata><policy_published><domain>Example.org</domain><adkim>r</adkim><aspf>s</aspf>
<p>quarantine</p><sp>none</sp><pct>100</pct></policy_published>"""


def record(
    address: str = "192.0.2.1", count: str = "1", dkim: str = "fail", spf: str = "fail",
    results: str = "", disposition: str = "none", reason: str = "",
) -> str:  # fmt: skip
    reasons = f"<reason><type>{reason}</type><comment>x</comment></reason>" if reason else ""
    return (
        f"<record><row><source_ip>{address}</source_ip><count>{count}</count><policy_evaluated>"
        f"<disposition>{disposition}</disposition><dkim>{dkim}</dkim><spf>{spf}</spf>{reasons}"
        f"</policy_evaluated></row><identifiers><header_from>example.org</header_from>"
        f"</identifiers><auth_results>{results}</auth_results></record>"
    )


def result(kind: str, domain: str, said: str) -> str:
    return (
        f"<{kind}><domain>{domain}</domain><selector>s</selector><result>{said}</result></{kind}>"
    )


def read(*records: str, start: str = "<feedback>", meta: str = META) -> AggregateReport:
    reader = AggregateReader()
    data = f'<?xml version="1.0"?>\n{start}{meta}{"".join(records)}</feedback>'.encode()
    for i in range(0, len(data), 1000):
        reader.feed(data[i : i + 1000])
    return reader.finish()


@pytest.mark.parametrize(
    "start",
    ["<feedback>", "<feedback><version>1.0</version>",
     '<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0" xmlns:x="urn:x"><x:extension/>'],
)  # fmt: skip
def test_a_report(start: str) -> None:
    made = read(
        record(count="7", dkim="pass", spf="pass"),
        record("2001:DB8::1", "3", results=result("spf", "mailer.example", "pass"),
               disposition="quarantine"),
        record(count="2", dkim="pass", reason="forwarded"),
        start=start,
    )  # fmt: skip
    assert made == AggregateReport(
        organisation="Big & Mail", report_id="r1", domain="example.org",
        begin_timestamp_seconds=1796000000, end_timestamp_seconds=1796086400,
        policy="quarantine", adkim="r", aspf="s", records=3, messages=12, failed=3,
        kinds={"aligned": 7, "other-domain": 3, "dkim-only": 2},
        sources=(
            MailSource(address="2001:db8::1", messages=3, kind="other-domain", failed=3,
                       quarantined=3, domains=("mailer.example",)),
            MailSource(address="192.0.2.1", messages=9, kind="aligned", reasons=("forwarded",)),
        ),
    )  # fmt: skip


def test_a_prefix_is_no_part_of_a_name() -> None:
    whole = "<feedback>" + META + record(dkim="pass") + "</feedback>"
    prefixed = re.sub(r"<(/?)(\w)", r"<\1d:\2", whole).replace(
        "feedback", 'feedback xmlns:d="x"', 1
    )
    reader = AggregateReader()
    reader.feed(prefixed.encode())
    made = reader.finish()
    assert (made.domain, made.messages) == ("example.org", 1)


DKIM, SPF = "dkim", "spf"


@pytest.mark.parametrize(
    ("dkim", "spf", "results", "kind"),
    [
        ("pass", "pass", "", "aligned"), ("fail", "pass", "", "aligned"),
        ("pass", "fail", "", "dkim-only"), ("fail", "fail", "", "unauthenticated"),
        ("", "", "", "unauthenticated"),
        ("fail", "fail", result(SPF, "example.org", "softfail"), "unauthenticated"),
        ("fail", "fail", result(DKIM, "example.org", "none"), "unauthenticated"),
        ("fail", "fail", result(DKIM, "example.org", "fail"), "broken-signature"),
        ("fail", "fail", result(DKIM, "mail.example.org", "permerror"), "broken-signature"),
        ("fail", "fail", result(DKIM, "notexample.org", "fail"), "unauthenticated"),
        ("fail", "fail", result(DKIM, "x.example", "pass"), "other-domain"),
        ("fail", "fail", result(DKIM, "notexample.org", "pass"), "other-domain"),
        ("fail", "fail", result(SPF, "x.example", "pass") + result(DKIM, "example.org", "fail"),
         "broken-signature"),
        ("fail", "fail", result(SPF, "bounce.example.org", "pass"), "own-unaligned"),
        ("fail", "fail", result(DKIM, "org", "pass"), "own-unaligned"),
    ],
)  # fmt: skip
def test_what_a_record_shows(dkim: str, spf: str, results: str, kind: str) -> None:
    made = read(record(count="4", dkim=dkim, spf=spf, results=results))
    failed = 0 if kind in {"aligned", "dkim-only"} else 4
    assert (made.kinds, made.failed, made.sources[0].kind) == ({kind: 4}, failed, kind)


@pytest.mark.parametrize(
    ("count", "messages"),
    [("12", 12), ("", 0), ("-3", 0), ("1e9", 0), ("٣", 0), ("9" * 16, 1 << 53), ("9" * 17, 0)],
)
def test_counts(count: str, messages: int) -> None:
    assert read(record(count=count)).messages == messages


def test_sources_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aggregate, "MAX_SOURCES", 5)
    monkeypatch.setattr(aggregate, "MAX_SHOWN", 3)
    made = read(*(record(f"192.0.2.{i}", str(i + 1)) for i in [*range(7), 6]))
    assert [source.address for source in made.sources] == ["192.0.2.4", "192.0.2.3", "192.0.2.2"]
    assert (made.more_sources, made.messages, made.failed) == (4, 35, 35)


def test_what_is_counted_has_limits() -> None:
    """The ten-thousandth source is counted by itself, the next with the others."""
    row = "<record><row><source_ip>%s</source_ip><count>%d</count></row></record>"
    made = read(
        *(row % (f"10.0.{n // 256}.{n % 256}", 1) for n in range(9_999)), row % ("192.0.2.1", 3),
        row % ("192.0.2.2", 4), row % ("192.0.2.3", 5), row % ("192.0.2.3", 5),
    )  # fmt: skip
    assert (made.records, made.messages, len(made.sources)) == (10_003, 10_016, 200)
    assert made.sources[0] == MailSource(
        address="192.0.2.1", messages=3, kind="unauthenticated", failed=3
    )
    assert made.more_sources == 9_802


def test_elements_and_results_have_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    def deep(depth: int) -> str:
        return "<a>" * depth + "</a>" * depth

    assert read(deep(15), record()).records == 1
    with pytest.raises(MalformedError) as raised:
        read(deep(16), record(), meta="")
    assert str(raised.value) == "line 2: elements nested too deeply"
    results = [result(DKIM, f"{n}.example", "pass") for n in range(33)]
    assert read(record(results="".join(results))).sources[0].domains == tuple(
        f"{n}.example" for n in range(8)
    )
    failed = result(DKIM, "x.example", "fail")
    for before, kind in ((31, "own-unaligned"), (32, "unauthenticated")):
        results = [failed] * before + [result(DKIM, "example.org", "pass")]
        assert read(record(results="".join(results))).sources[0].kind == kind
    monkeypatch.setattr(aggregate, "MAX_SOURCES", 0)
    monkeypatch.setattr(aggregate, "_MAX_BEYOND", 2)
    assert read(*(record(f"192.0.2.{n}") for n in range(3))).more_sources == 2


def test_what_is_kept_of_long_texts() -> None:
    long = "x" * 300
    meta = (
        f"<report_metadata><org_name>{long}</org_name><report_id>{' ' * 1023}y</report_id>"
        "</report_metadata><policy_published><domain>A.</domain>"
        f"<p>{' ' * 1024}none</p><adkim>S</adkim><aspf>R</aspf></policy_published>"
    )
    made = read(
        record(long, "2", reason=long, results=result(SPF, long, "pass"), disposition="REJECT"),
        meta=meta,
    )
    assert made == AggregateReport(
        organisation="x" * 255 + "…", report_id="y", domain="a.", adkim="s", aspf="r", records=1,
        messages=2, failed=2, kinds={"other-domain": 2},
        sources=(
            MailSource(address="x" * 45 + "…", messages=2, kind="other-domain", failed=2,
                       rejected=2, domains=("x" * 253 + "…",), reasons=("x" * 32 + "…",)),
        ),
    )  # fmt: skip
    with pytest.raises(MalformedError) as raised:
        read(start=f"<{'a' * 41}>")
    assert str(raised.value) == (f"XML whose first element is <{'a' * 40}…>: not a DMARC report")


def test_the_first_of_a_repeated_element_counts() -> None:
    twice = (
        "<policy_published><domain>a.example</domain><domain>b.example</domain></policy_published>"
    )
    assert read(record(), meta=twice).domain == "a.example"


BOMB = '<!DOCTYPE f [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("<feedback></feedback>", "a DMARC report without any record"),
        ("<feedback><record>", "line 1: not well-formed XML: no element found"),
        ("<feedback>\n<a></b>", "line 2: not well-formed XML: mismatched tag"),
        (BOMB + "<feedback>&b;</feedback>", "line 1: a document type is not accepted"),
        ('<!DOCTYPE f SYSTEM "file:///etc/passwd"><feedback/>',
         "line 1: a document type is not accepted"),
        ("<feedback>&b;</feedback>", "line 1: not well-formed XML: undefined entity"),
        ("<feedback>" + "<a>" * 20, "line 1: elements nested too deeply"),
        ("<rss></rss>", "XML whose first element is <rss>: not a DMARC report"),
        ('<?xml version="1.0" encoding="x-none"?><feedback/>',
         "XML in an encoding that is not supported"),
        ("", "line 1: not well-formed XML: no element found"),
    ],
)  # fmt: skip
def test_what_is_no_report(data: str, error: str) -> None:
    reader = AggregateReader()
    with pytest.raises(MalformedError) as raised:
        reader.feed(data.encode())
        reader.finish()
    assert str(raised.value) == error


@given(st.binary(max_size=200))
def test_any_bytes_are_a_report_or_malformed(data: bytes) -> None:
    for start in (b"", b"<feedback><record>"):
        reader = AggregateReader()
        try:
            reader.feed(start + data)
            reader.finish()
        except MalformedError:
            continue


def test_a_long_text_is_cut() -> None:
    made = read(record(dkim="pass"), meta=META.replace("r1", "r" * 5000))
    assert made.report_id == "r" * 255 + "…"
