"""Alt-Svc and HTTPS records, as servers write them and as they should not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from seventh.protocols.http.facts.alternatives import ServiceRecord
from seventh.protocols.http.wire.alt_svc import MAX_SERVICES, alt_svc, https_records, record_name


def test_services_are_read_in_order() -> None:
    services, taken_back = alt_svc('h3=":443"; ma=3600, h2="alt.example.org:8443"; persist=1')
    assert not taken_back
    assert [(s.protocol, s.host, s.port, s.max_age_seconds) for s in services] == [
        ("h3", "", 443, 3600),
        ("h2", "alt.example.org", 8443, 86400),
    ]


def test_clear_takes_all_back() -> None:
    assert alt_svc("clear") == ((), True)


def test_what_cannot_be_read_ends_the_list() -> None:
    assert [s.protocol for s in alt_svc('h3=":443", ???, h2=":444"')[0]] == ["h3"]
    assert alt_svc('h3=":0"', 'h3=":99999"', "h3=443") == ((), False)


def test_a_flood_is_cut() -> None:
    assert len(alt_svc(", ".join(['h3=":443"'] * 1000))[0]) == MAX_SERVICES


@given(st.text(max_size=300))
def test_any_field_gives_services(value: str) -> None:
    for service in alt_svc(value)[0]:
        assert 0 < service.port < 65536
        assert service.protocol.isprintable()


def test_parameters_are_read() -> None:
    lasting, literal, coded = alt_svc(
        'h3=":443"; ma=5; persist=1', 'h3="[2001:db8::1]:8443"', 'http%2F1.1="Alt.Example.:1"; ma=0'
    )[0]
    assert (lasting.max_age_seconds, lasting.persist) == (5, True)
    assert (literal.host, literal.port, literal.persist) == ("2001:db8::1", 8443, False)
    assert (coded.protocol, coded.host, coded.max_age_seconds) == ("http/1.1", "alt.example", 0)


@pytest.mark.parametrize(
    ("value", "services"),
    [
        # RFC 7838 §3: protocol="host:port", 24 hours unless ma says otherwise
        ('h3=":443"', [("h3", "", 443, 86400, False)]),
        ('h3=":443"; ma="60"; persist="1"', [("h3", "", 443, 60, True)]),
        ('h3=":443";MA=60;PERSIST=1', [("h3", "", 443, 60, True)]),
        ('h3=":443"; ma=60x; persist=2', [("h3", "", 443, 86400, False)]),
        ('h3=":443"; ma=12345678901', [("h3", "", 443, 86400, False)]),
        ('h3=":443"; ma=1234567890; x="a;b,c"', [("h3", "", 443, 1234567890, False)]),
        ('h3=":443"; x="; ma=5; persist=1"', [("h3", "", 443, 86400, False)]),
        ('h3=":443"; xma=5; x-persist=1; %=1', [("h3", "", 443, 86400, False)]),
        ('h3=":443"; ma=-5; persist=11', [("h3", "", 443, 86400, False)]),
        ('h3=":443"; ma="";persist=""', [("h3", "", 443, 86400, False)]),
        ('h3=":1",h2=":65535"', [("h3", "", 1, 86400, False), ("h2", "", 65535, 86400, False)]),
        ('h3=":65536", h2=":00443"', [("h2", "", 443, 86400, False)]),
        ('h3=":000443", h2=":2"', [("h2", "", 2, 86400, False)]),
        ('h3=":1"xh2=":2"', [("h3", "", 1, 86400, False)]),
        ('h3=":1" h2=":2"', [("h3", "", 1, 86400, False)]),
        ('h3="443"', []), ('h3=""', []), ('h3=":"', []), ('h3=".:1"', []), ('h3="[]:1"', []),
        ('h3="[::1]:1"', [("h3", "::1", 1, 86400, False)]), ('h3="::1]:1"', []),
        (f'{"a" * 33}=":1"', [(f"{'a' * 32}…", "", 1, 86400, False)]),
        (f'h3="{"a" * 254}:1"', [("h3", f"{'a' * 253}…", 1, 86400, False)]),
        (f'h3="{"a" * 253}.:1"', [("h3", "a" * 253, 1, 86400, False)]),
        (" clear ", []),
    ],
)  # fmt: skip
def test_each_part_of_a_service(
    value: str, services: list[tuple[str, str, int, int, bool]]
) -> None:
    found, withdrawn = alt_svc(value)
    assert [astuple(each) for each in found] == services
    assert withdrawn is ("clear" in value)
    assert alt_svc("", value)[0] == found


@pytest.mark.parametrize(
    ("text", "changes"),
    [
        # RFC 9460 §7
        ("1 .", {}), ("65535 .", {"priority": 65535}), (" 1  A.B. ", {"target": "a.b"}),
        ('1 . alpn="h2,h3,h2,"', {"alpn": ("h2", "h3")}), ("1 . alpn=h2", {"alpn": ("h2",)}),
        ("1 . no-default-alpn alpn=h3", {"no_default_alpn": True, "alpn": ("h3",)}),
        ("1 . port=65535", {"port": 65535}), ("1 . port=65536", {}), ("1 . port=0", {}),
        ("1 . port=000443", {}), ("1 . port=x", {}),
        ("1 . ipv4hint=192.0.2.1,x ipv6hint=::1,y",
         {"ipv4_hints": ("192.0.2.1",), "ipv6_hints": ("::1",)}),
        ("1 . ech=AAAA", {"ech": True}),
        ("1 . mandatory=ech ech=AAAA",
         {"ech": True, "mandatory": ("ech",),
          "unusable": "mandatory key ech is not supported here"}),
        ("1 . mandatory=port",
         {"mandatory": ("port",), "unusable": "mandatory key port is missing"}),
        ("1 . no-default-alpn",
         {"no_default_alpn": True, "unusable": "no protocol: no-default-alpn without alpn"}),
        *((f"1 . mandatory={key} {key}={value}", {"mandatory": (key,), **changes})
          for key, value, changes in (
              ("alpn", "h2", {"alpn": ("h2",)}), ("port", "1", {"port": 1}),
              ("ipv4hint", "192.0.2.1", {"ipv4_hints": ("192.0.2.1",)}),
              ("ipv6hint", "::1", {"ipv6_hints": ("::1",)}))),
        (f"1 {'a' * 254}", {"target": f"{'a' * 253}…"}),
        (f"1 . alpn={'a' * 65}", {"alpn": (f"{'a' * 64}…",)}),
        (f"1 . alpn={','.join(map(str, range(17)))}", {"alpn": tuple(map(str, range(16)))}),
    ],
)  # fmt: skip
def test_each_part_of_a_record(text: str, changes: dict[str, object]) -> None:
    plain = ServiceRecord(priority=1, target="")
    assert https_records((text,)) == ((replace(plain, **changes),), None)


@pytest.mark.parametrize("text", ["65536 .", "000001 .", "-1 .", "1", "1 ", "٣ ."])
def test_what_is_no_record(text: str) -> None:
    assert https_records((text,)) == ((), None)


def test_a_literal_address_needs_its_brackets() -> None:
    assert alt_svc('h3="2001:db8::1:443"', 'h3="[2001:db8::1:443"') == ((), False)


def one_record(text: str) -> ServiceRecord:
    (record,), alias = https_records((text,))
    assert alias is None
    return record


def test_a_record_names_protocols_and_port() -> None:
    record = one_record('1 . alpn="h3,h2" port="8443" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"')
    assert (record.priority, record.target, record.port) == (1, "", 8443)
    assert record.protocols == ("h3", "h2", "http/1.1")
    assert (record.ipv4_hints, record.ipv6_hints) == (("192.0.2.1",), ("2001:db8::1",))
    assert not record.unusable
    alone = one_record('2 A.Example. alpn="h3" no-default-alpn')
    assert (alone.target, alone.protocols) == ("a.example", ("h3",))


def test_records_come_in_their_order_of_preference() -> None:
    records, _ = https_records(("3 c.", "1 a.", "nonsense", "2 b.", "x y z"))
    assert [record.target for record in records] == ["a", "b", "c"]


def test_an_alias_is_all_that_counts() -> None:
    assert https_records(("0 other.example.", '1 . alpn="h3"')) == ((), "other.example")
    assert https_records(("0 .",)) == ((), "")
    assert https_records(("nonsense",)) == ((), None)


def test_a_record_that_clients_pass_over() -> None:
    """What is mandatory and not understood, or not there, makes a record none (RFC 9460)."""
    assert not one_record('1 . mandatory="alpn,port" alpn="h3" port="1"').unusable
    assert "ech" in one_record('1 . mandatory="ech" ech="AAAA" alpn="h3"').unusable
    assert "key65280" in one_record('1 . mandatory="key65280" key65280="x"').unusable
    assert "port" in one_record('1 . mandatory="port"').unusable
    assert "no protocol" in one_record("1 . no-default-alpn").unusable


def test_a_value_hides_no_parameter() -> None:
    record = one_record(r'1 . key65280="a\" port=1 x" alpn="h2"')
    assert (record.port, record.alpn) == (None, ("h2",))


@given(st.lists(st.text(max_size=200), max_size=4))
def test_any_record_is_read_or_not(answers: list[str]) -> None:
    records, alias = https_records(tuple(answers))
    assert alias is None or not records
    for record in records:
        assert record.port is None or 0 < record.port < 65536
        assert record.target.isprintable()


def test_the_record_of_another_port_has_a_name_of_its_own() -> None:
    assert record_name("example.org", 443) == "example.org"
    assert record_name("example.org", 80, "http") == "example.org"
    assert record_name("example.org", 80) == "_80._https.example.org"
    assert record_name("example.org", 443, "http") == "_443._https.example.org"
    assert record_name("example.org", 8443) == "_8443._https.example.org"
