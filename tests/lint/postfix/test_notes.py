"""Parameters that Postfix ignores, by version and by what refers to them."""

from __future__ import annotations

import pytest

from seventh.lint.postfix import notes
from seventh.lint.postfix.conf import MainReader, MasterReader
from seventh.lint.postfix.parameters import (
    default,
    ends_as_of_service,
    is_of_service,
    suggestion,
    table,
)
from seventh.lintkit.files import Files

SMTPD = "smtp inet n - y - - smtpd\n"
UNKNOWN = "unknown parameter: Postfix ignores it"


def noted(
    main: str, master: str | None = SMTPD, version: tuple[int, ...] | None = (3, 7, 11)
) -> list[str]:
    files = Files()
    read = MainReader(files.take("main.cf", main.encode()), files).read()
    services = None
    if master is not None:
        services = MasterReader(files.take("master.cf", master.encode()), files).read()
    notes.note_overridden(read, files)
    notes.note_unknown(read, services, version, files)
    return [str(note) for note in files.notes]


def test_an_entry_that_a_later_one_replaces() -> None:
    assert noted("relayhost = a\nrelayhost = a\nrelayhost = b\n") == [
        "main.cf:2: relayhost has no effect here: line 3 sets it again"
    ]


@pytest.mark.parametrize(
    "main",
    [
        "a = x\nrelayhost = $a\n", "a = x\nrelayhost = ${a?y}\n", "a = x\nb = $a\nrelayhost = $b\n",
        "smtpd_restriction_classes = a, b\na = reject\nb = permit\n",
        "alias_maps = ldap:people\npeople_server_host = x\n",
        "alias_maps = mysql:a pgsql:b sqlite:c memcache:d\na_x = 1\nb_x = 1\nc_x = 1\nd_x = 1\n",
        "smtp_recipient_limit = 1\n", "smtp_time_limit = 1\n", "smtp_destination_rate_delay = 1\n",
    ],
)  # fmt: skip
def test_what_something_refers_to(main: str) -> None:
    assert noted(main) == []


@pytest.mark.parametrize(
    "line",
    ["a = x", "a_server_host = x", "other_recipient_limit = 1", "smtp_no_limit = 1", "people = x"],
)
def test_what_nothing_refers_to(line: str) -> None:
    main = f"alias_maps = hash:a ldap:people\n{line}\n"
    assert noted(main) == [f"main.cf:2: {line.split(maxsplit=1)[0]}: {UNKNOWN}"]


def test_options_are_read_as_well() -> None:
    master = f"{SMTPD}  -o smtpd_bnaner=x -o a=b\n  -o relayhost=$a\n"
    assert noted("b = $c\n", master) == [
        f"main.cf:1: b: {UNKNOWN}",
        f"master.cf:2: smtpd_bnaner: {UNKNOWN.replace(':', ' (did you mean smtpd_banner?):')}",
    ]


def test_without_master_cf_any_service_may_be_there() -> None:
    assert noted("other_recipient_limit = 1\na = b\n", None) == [f"main.cf:2: a: {UNKNOWN}"]


@pytest.mark.parametrize(
    ("version", "name", "why"),
    [
        ((3, 8, 9), "smtpd_tls_enable_rpk", "requires Postfix 3.9"),
        ((3, 9), "smtpd_tls_enable_rpk", None), (None, "smtpd_tls_enable_rpk", None),
        ((3, 3, 20), "tls_dane_digest_agility", None),
        ((3, 4), "tls_dane_digest_agility", "removed in Postfix 3.4"),
        (None, "tls_dane_digest_agility", None), (None, "no_such", "unknown parameter"),
    ],
)  # fmt: skip
def test_versions(version: tuple[int, ...] | None, name: str, why: str | None) -> None:
    expected = [] if why is None else [f"main.cf:1: {name}: {why}: Postfix ignores it"]
    assert noted(f"{name} = x\n", version=version) == expected


def test_similar_names_are_sought_for_the_first_ones() -> None:
    main = "".join(f"smtpd_banner{n:02} = x\n" for n in range(21))
    assert [("did you mean smtpd_banner?" in note) for note in noted(main)] == [True] * 20 + [False]


@pytest.mark.parametrize(
    ("name", "version", "value"),
    [
        ("smtpd_helo_required", (3, 7), "no"), ("no_such", (3, 7), None),
        ("myhostname", (3, 7), None),
        # postconf(5): the default was changed in 3.8
        ("smtpd_tls_mandatory_ciphers", (3, 7, 11), "medium"),
        ("tls_high_cipherlist", (3, 7, 99), "aNULL:-aNULL:HIGH:@STRENGTH"),
        ("tls_high_cipherlist", (3, 0), "ALL:!EXPORT:!LOW:!MEDIUM:+RC4:@STRENGTH"),
        ("tls_high_cipherlist", (3, 1), "HIGH:@STRENGTH"),
        ("tls_high_cipherlist", (2, 1), "ALL:!EXPORT:!LOW:!MEDIUM:+RC4:@STRENGTH"),
    ],
)  # fmt: skip
def test_defaults(name: str, version: tuple[int, ...], value: str | None) -> None:
    assert default(name, version) == value


ENDS = (
    "destination_concurrency_failed_cohort_limit", "destination_concurrency_limit",
    "destination_concurrency_negative_feedback", "destination_concurrency_positive_feedback",
    "destination_rate_delay", "destination_recipient_limit", "delivery_slot_cost",
    "delivery_slot_discount", "delivery_slot_loan", "extra_recipient_limit",
    "initial_destination_concurrency", "minimum_delivery_slots", "recipient_limit",
    "recipient_refill_delay", "recipient_refill_limit", "time_limit", "transport_rate_delay",
)  # fmt: skip
"""postconf(5): parameters "transport_…"."""


@pytest.mark.parametrize("end", ENDS)
def test_parameters_of_a_service(end: str) -> None:
    assert is_of_service(f"slow_{end}", ["slow"])
    assert not is_of_service(f"fast_{end}", ["slow"])
    assert not is_of_service(f"slow_{end}s", ["slow"])
    assert ends_as_of_service(f"any_{end}")
    assert not ends_as_of_service(f"{end}s")


def test_suggestions() -> None:
    assert suggestion("smtpd_baner") == "smtpd_banner"
    assert suggestion("nothing_like_it") == ""
    assert table()["smtpd_tls_enable_rpk"].since == (3, 9)
