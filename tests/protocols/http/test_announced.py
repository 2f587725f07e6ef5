"""Alt-Svc and HTTPS records, as servers write them and as they should not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seventh.protocols.http.announced import MAX_SERVICES, alt_svc, https_record, record_name


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


def test_a_record_names_protocols_and_port() -> None:
    record = https_record('1 . alpn="h3,h2" port="8443" ipv4hint="192.0.2.1"')
    assert record is not None
    assert (record.priority, record.target, record.port) == (1, ".", 8443)
    assert record.protocols == ("h3", "h2", "http/1.1")
    alone = https_record('2 a.example. alpn="h3" no-default-alpn')
    assert alone is not None and alone.protocols == ("h3",)


def test_an_alias_says_nothing() -> None:
    assert https_record("0 other.example.") is None
    assert https_record("nonsense") is None


@given(st.text(max_size=200))
def test_any_record_is_read_or_not(text: str) -> None:
    record = https_record(text)
    assert record is None or record.port is None or 0 < record.port < 65536


def test_the_record_of_another_port_has_a_name_of_its_own() -> None:
    assert record_name("example.org", 443) == "example.org"
    assert record_name("example.org", 8443) == "_8443._https.example.org"
