"""Alt-Svc and HTTPS records, as servers write them and as they should not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

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
    assert record_name("example.org", 8443) == "_8443._https.example.org"
