"""``check_host()``: a table over every mechanism, modifier and limit, with pyspf as an oracle."""

from __future__ import annotations

from typing import Any

import pytest
import spf as pyspf
from hypothesis import given, settings
from hypothesis import strategies as st

from seventh.protocols.mail.facts.answer import Question
from seventh.protocols.mail.facts.spf import SpfVerdict
from tests.protocols.mail.spf_zone import Zone, answer, verdict

ME = "192.0.2.129"
"""The address of the examples in RFC 7208's appendix A."""
COMMON: Zone = {
    "example.org": {
        "A": ("192.0.2.10", "192.0.2.11"),
        "MX": ("10 mail-a.example.org", "20 mail-b.example.org"),
    },
    "amy.example.org": {"A": ("192.0.2.65",)}, "bob.example.org": {"A": ("192.0.2.66",)},
    "mail-a.example.org": {"A": (ME,), "AAAA": ("2001:db8::129",)},
    "mail-b.example.org": {"A": ("192.0.2.130",)},
    "mail-c.example.org": {"A": ("192.0.2.131",)},
    "129.2.0.192.in-addr.arpa": {"PTR": ("mail-a.example.org", "forged.example.com")},
    "65.2.0.192.in-addr.arpa": {"PTR": ("amy.example.org",)},
    "forged.example.com": {"A": ("192.0.2.65",)},
    # RFC 7208, appendix A: a DNS block list style.
    "mary.mobile-users._spf.example.org": {"A": ("127.0.0.2",)},
    "15.15.168.192.remote-users._spf.example.org": {"A": ("127.0.0.2",)},
    "129.2.0.192.in-addr.x.example": {"A": ("127.0.0.2",)},
    "pass.example": {"TXT": (f"v=spf1 ip4:{ME} -all",)},
    "fail.example": {"TXT": ("v=spf1 -all",)}, "soft.example": {"TXT": ("v=spf1 ~all",)},
    "neutral.example": {"TXT": ("v=spf1",)}, "none.example": {"TXT": ("no record",)},
    "bad.example": {"TXT": ("v=spf1 a foo -all",)}, "temp.example": {"TXT": "servfail"},
    "silent.example": {"TXT": "timeout", "A": "timeout", "MX": "truncated"},
    "two.example": {"TXT": ("v=spf1 +all", "v=spf1 -all")},
    "red.example": {"TXT": ("v=spf1 redirect=fail.example",)},
    "loop.example": {"TXT": ("v=spf1 include:loop.example -all",)},
    "mx10.example": {
        "MX": (*(f"{n} mail-c.example.org" for n in range(9)), "9 mail-a.example.org"),
    },
    "mx11.example": {"MX": tuple(f"{n} mail-a.example.org" for n in range(11))},
    "nullmx.example": {"MX": ("0 .",)},
    "mxvoid.example": {"MX": ("1 v1.example", "2 v2.example", "3 v3.example")},
    "nine.example": {"TXT": ("v=spf1 " + "a:amy.example.org " * 9 + "-all",)},
    "ten.example": {"TXT": ("v=spf1 " + "a:amy.example.org " * 10 + "-all",)},
    "e.example": {"TXT": ("%{i} may not send for %{d}: see %{C}, %{R}",)},
    "e2.example": {"TXT": ("one", "two")}, "e3.example": {"TXT": ("%{bad",)},
    "explained.example": {"TXT": ("v=spf1 exp=e.example -all",)},
}  # fmt: skip
TERM = "a:amy.example.org "
CASES: list[tuple[str, str, str, tuple[str, ...]]] = [
    # Appendix A.1 of RFC 7208.
    ("+all", ME, "pass", ("all",)), ("a -all", ME, "fail", ("-all",)),
    ("a -all", "192.0.2.11", "pass", ("a",)), ("a:example.com -all", ME, "fail", ("-all",)),
    ("mx -all", "192.0.2.130", "pass", ("mx",)), ("mx:amy.example.org -all", ME, "fail", ("-all",)),
    ("mx mx:mx10.example -all", "192.0.2.131", "pass", ("mx:mx10.example",)),
    ("mx/30 mx:example.org/30 -all", "192.0.2.131", "pass", ("mx/30",)),
    ("ptr -all", ME, "pass", ("ptr",)), ("ptr -all", "192.0.2.65", "pass", ("ptr",)),
    ("ptr -all", "192.0.2.66", "fail", ("-all",)),
    ("ip4:192.0.2.128/28 -all", "192.0.2.65", "fail", ("-all",)),
    ("ip4:192.0.2.128/28 -all", ME, "pass", ("ip4:192.0.2.128/28",)),
    # Names that lead to another address are not the sender's.
    ("ptr:example.com -all", ME, "fail", ("-all",)),
    ("ptr:org ~all", ME, "permerror", ("ptr:org",)),
    # exists, and macros in it.
    ("exists:%{ir}.%{v}.x.example -all", ME, "pass", ("exists:%{ir}.%{v}.x.example",)),
    ("exists:%{l}.mobile-users._spf.%{d} exists:%{ir}.remote-users._spf.%{d} -all",
     "192.168.15.15", "pass", ("exists:%{ir}.remote-users._spf.%{d}",)),
    ("exists:%{p}.x -all", ME, "fail", ("-all",)),
    ("a:%{p} -all", ME, "pass", ("a:%{p}",)),
    ("a:%{p}.example.org -all", "192.0.2.66", "fail", ("-all",)),
    # Prefixes, families, and addresses within addresses.
    ("a/28 -all", "192.0.2.1", "pass", ("a/28",)), ("a/28 -all", "192.0.2.16", "fail", ("-all",)),
    ("a//0 -all", ME, "fail", ("-all",)), ("ip4:0.0.0.0/0 -all", "2001:db8::1", "fail", ("-all",)),
    ("ip6:::/0 ?all", ME, "neutral", ("?all",)), ("mx -all", "2001:db8::129", "pass", ("mx",)),
    ("mx//64 -all", "2001:db8::1", "pass", ("mx//64",)),
    ("ip6:2001:db8::/33 -all", "2001:db8:7fff::1", "pass", ("ip6:2001:db8::/33",)),
    ("ip6:2001:db8::/33 -all", "2001:db8:8000::1", "fail", ("-all",)),
    ("ip4:192.0.2.129 -all", "::ffff:192.0.2.129", "pass", ("ip4:192.0.2.129",)),
    # Qualifiers, and results at the end.
    ("?mx -all", ME, "neutral", ("?mx",)), ("~mx", ME, "softfail", ("~mx",)),
    ("-mx +all", ME, "fail", ("-mx",)), ("", ME, "neutral", ()), ("~all mx", ME, "softfail",
     ("~all",)),
    ("x=1 y=%{i}", ME, "neutral", ()),
    # include (§5.2).
    ("include:pass.example -all", ME, "pass", ("include:pass.example", f"ip4:{ME}")),
    ("~include:pass.example -all", ME, "softfail", ("~include:pass.example", f"ip4:{ME}")),
    ("include:fail.example ~all", ME, "softfail", ("~all",)),
    ("include:soft.example -all", ME, "fail", ("-all",)),
    ("include:neutral.example -all", ME, "fail", ("-all",)),
    ("include:none.example +all", ME, "permerror", ("include:none.example",)),
    ("include:nothing.example +all", ME, "permerror", ("include:nothing.example",)),
    ("include:bad.example +all", ME, "permerror", ("include:bad.example", "foo")),
    ("include:two.example +all", ME, "permerror", ("include:two.example",)),
    ("include:temp.example +all", ME, "temperror", ("include:temp.example",)),
    ("include:red.example +all", ME, "pass", ("all",)),
    ("include:%{d}..x.example +all", ME, "permerror", ("include:%{d}..x.example",)),
    # redirect (§6.1).
    ("redirect=fail.example", ME, "fail", ("redirect=fail.example", "-all")),
    ("redirect=pass.example ?mx:two.example", ME, "pass", ("redirect=pass.example", f"ip4:{ME}")),
    ("redirect=pass.example -all", ME, "fail", ("-all",)),
    ("redirect=neutral.example", ME, "neutral", ("redirect=neutral.example",)),
    ("redirect=none.example", ME, "permerror", ("redirect=none.example",)),
    ("redirect=two.example", ME, "permerror", ("redirect=two.example",)),
    ("redirect=temp.example", ME, "temperror", ("redirect=temp.example",)),
    ("redirect=red.example", ME, "fail", ("redirect=red.example", "redirect=fail.example", "-all")),
    # Errors anywhere come before any evaluation; errors of DNS only where it is asked.
    (f"ip4:{ME} foo -all", ME, "permerror", ("foo",)),
    (f"ip4:{ME} include:temp.example", ME, "pass", (f"ip4:{ME}",)),
    ("a:silent.example -all", ME, "temperror", ("a:silent.example",)),
    ("mx:silent.example -all", ME, "temperror", ("mx:silent.example",)),
    ("exists:silent.example -all", ME, "temperror", ("exists:silent.example",)),
    # Names that DNS cannot have match nothing (§4.8).
    ("a:x..example.org -all", ME, "fail", ("-all",)),
    (f"exists:{'x' * 64}.example.org -all", ME, "fail", ("-all",)),
    # Limits (§4.6.4): ten look-ups, two voids, ten MX records.
    (TERM * 10 + "-all", ME, "fail", ("-all",)),
    (TERM * 10 + "mx -all", ME, "permerror", ("mx",)),
    (TERM * 9 + "redirect=fail.example", ME, "fail", ("redirect=fail.example", "-all")),
    (TERM * 10 + "redirect=fail.example", ME, "permerror", ("redirect=fail.example",)),
    ("include:nine.example -all", ME, "fail", ("-all",)),
    ("include:nine.example mx -all", ME, "permerror", ("mx",)),
    ("include:ten.example -all", ME, "permerror", ("include:ten.example", "a:amy.example.org")),
    ("include:loop.example -all", ME, "permerror", ("include:loop.example",) * 11),
    ("a:v1.example a:v2.example mx -all", ME, "pass", ("mx",)),
    ("a:v1.example a:v2.example exists:v3.example mx -all", ME, "permerror",
     ("exists:v3.example",)),
    ("a:v1.example a:v2.example mx:v3.example mx -all", ME, "permerror", ("mx:v3.example",)),
    ("mx:mxvoid.example -all", ME, "permerror", ("mx:mxvoid.example",)),
    ("mx:nullmx.example -all", ME, "fail", ("-all",)),
    ("mx:mx10.example -all", ME, "pass", ("mx:mx10.example",)),
    ("mx:mx11.example -all", ME, "permerror", ("mx:mx11.example",)),
]  # fmt: skip


def zone_with(record: str) -> Zone:
    return {**COMMON, "example.org": {**COMMON["example.org"], "TXT": ("text", f"v=spf1 {record}")}}


@pytest.mark.parametrize(("record", "ip", "result", "path"), CASES)
def test_the_table(record: str, ip: str, result: str, path: tuple[str, ...]) -> None:
    found = verdict(zone_with(record), ip)
    assert (found.result, found.path) == (result, path)


def pyspf_says(zone: Zone, ip: str) -> str:
    """What the oldest implementation concludes."""

    def look_up(name: str, qtype: str, *_: object, **__: object) -> list[Any]:
        found = answer(zone, name.lower().rstrip("."), qtype)
        if not found.known:
            raise pyspf.TempError("DNS")
        values: list[Any] = [(text,) for text in found.texts] or list(found.names)
        values = values or [(each.preference, each.host) for each in found.exchangers]
        return [((name, qtype), value) for value in values]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyspf, "DNSLookup", look_up)
        result, _ = pyspf.check2(ip, "postmaster@example.org", "example.org")
    return str(result)


@pytest.mark.parametrize(("record", "ip", "result"), [case[:3] for case in CASES])
def test_pyspf_agrees(record: str, ip: str, result: str) -> None:
    assert pyspf_says(zone_with(record), ip) == result


_TERM = st.tuples(
    st.sampled_from(["", "-", "~", "?"]),
    st.sampled_from(sorted({term.lstrip("-~?+") for case in CASES for term in case[0].split()
                            if "=" not in term})),
).map("".join)  # fmt: skip
_END = st.sampled_from(["", " -all", " ~all", " redirect=pass.example", " redirect=red.example"])


@settings(max_examples=100)
@given(st.lists(_TERM, max_size=5), _END, st.sampled_from([ME, "192.0.2.65", "2001:db8::129"]))
def test_pyspf_agrees_on_any_record(terms: list[str], end: str, ip: str) -> None:
    zone = zone_with(" ".join(terms) + end)
    assert pyspf_says(zone, ip) == verdict(zone, ip).result


@pytest.mark.parametrize(
    ("zone", "domain", "expected"),
    [
        ({}, "example.org", SpfVerdict(ip=ME, result="none", at="example.org")),
        ({"example.org": {"TXT": ("x",)}}, "example.org",
         SpfVerdict(ip=ME, result="none", at="example.org")),
        ({}, "org", SpfVerdict(ip=ME, result="none", at="org")),
        ({}, "a..org", SpfVerdict(ip=ME, result="none", at="a..org")),
        ({"example.org": {"TXT": "servfail"}}, "example.org",
         SpfVerdict(ip=ME, result="temperror", at="example.org")),
        (COMMON, "two.example", SpfVerdict(ip=ME, result="permerror", at="two.example")),
        (COMMON, "red.example", SpfVerdict(
            ip=ME, result="fail", path=("redirect=fail.example", "-all"), at="fail.example",
            lookups=1)),
        (zone_with("a:v1.example mx"), "example.org", SpfVerdict(
            ip=ME, result="pass", path=("mx",), at="example.org", lookups=2, voids=1)),
        (COMMON, "explained.example", SpfVerdict(
            ip=ME, result="fail", path=("-all",), at="explained.example",
            explanation=f"{ME} may not send for explained.example: see {ME}, unknown")),
    ],
)  # fmt: skip
def test_whole_verdicts(zone: Zone, domain: str, expected: SpfVerdict) -> None:
    assert verdict(zone, ME, domain) == expected


@pytest.mark.parametrize("name", ["e2.example", "e3.example", "nothing.example", "temp.example"])
def test_an_explanation_that_is_wrong_is_none(name: str) -> None:
    assert verdict(zone_with(f"exp={name} -all"), ME).explanation == ""


def test_only_the_explanation_of_the_record_that_decided_counts() -> None:
    zone = {**zone_with("include:explained.example -all"), "e.example": COMMON["e.example"]}
    assert verdict(zone, ME).explanation == ""
    redirected = verdict(zone_with("redirect=explained.example exp=e2.example"), ME)
    assert redirected.explanation == (f"{ME} may not send for explained.example: see {ME}, unknown")


def test_no_more_is_asked_than_needed() -> None:
    asked: list[Question] = []
    verdict(zone_with("ip4:192.0.2.1 mx a:amy.example.org -all"), ME, asked=asked)
    assert asked == [("example.org", "TXT"), ("example.org", "MX"), ("mail-a.example.org", "A")]
    asked.clear()
    verdict(zone_with("ptr:example.net exists:%{p}.x.example -all"), "192.0.2.65", asked=asked)
    assert asked == [
        ("example.org", "TXT"), ("65.2.0.192.in-addr.arpa", "PTR"), ("amy.example.org", "A"),
        ("amy.example.org.x.example", "A"),
    ]  # fmt: skip


def test_eleven_reverse_names_are_cut_to_ten() -> None:
    """The eleventh name of an address is not looked up, and that is no error (§4.6.4)."""
    names = tuple(f"h{n}.example.net" for n in range(10))
    zone = {
        **zone_with("ptr:example.org -all"),
        "129.2.0.192.in-addr.arpa": {"PTR": (*names, "mail-a.example.org")},
    }
    assert verdict(zone, ME).result == "fail"
    zone["129.2.0.192.in-addr.arpa"] = {"PTR": (*names[:9], "mail-a.example.org")}
    assert verdict(zone, ME).result == "pass"


def test_the_name_in_a_macro_is_the_domain_s_own_if_there_is_one() -> None:
    zone: Zone = {
        **zone_with("exists:%{p}.x.example -all"),
        "129.2.0.192.in-addr.arpa": {"PTR": ("a.example.net", "mail-a.example.org", "example.org")},
        "a.example.net": {"A": (ME,)},
        "mail-a.example.org.x.example": {"A": ("127.0.0.2",)},
    }
    assert verdict(zone, ME).result == "pass"
    assert (
        verdict({**zone, "example.org": {**zone["example.org"], "A": (ME,)}}, ME).result == "fail"
    )


def test_who_sends() -> None:
    zone = {
        **zone_with("exists:%{l}.%{o}.%{h}.x.example -all"),
        "anna.example.org.mail.example.net.x.example": {"A": ("127.0.0.2",)},
    }
    assert verdict(zone, ME, local="anna", helo="mail.example.net").result == "pass"
    assert verdict(zone, ME, local="anna").result == "fail"
