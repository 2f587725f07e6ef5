"""Which fixes a person is shown, in each format."""

from __future__ import annotations

from typing import get_args

import msgspec

from seventh.model.product import ALTERNATIVES, FAMILIES
from seventh.model.severity import Severity
from seventh.model.starttls import StarttlsName
from seventh.render.entries import FindingEntry
from seventh.render.fixes import fixes_of
from seventh.render.view import View

FOUND = FindingEntry(
    id="DEMO", severity=Severity.LOW, title="", evidence="", why="", product="",
    fix={"caddy": "c", "nginx": "n", "envoy": "e", "dns": "d", "any": "a"},
    references=(), seed=(), tier=0, source=(), params={}, known="",
)  # fmt: skip


def shown(product: str, **view: bool) -> tuple[list[str], tuple[str, ...]]:
    fixes = fixes_of(msgspec.structs.replace(FOUND, product=product), View(**view))
    return [name for name, _ in fixes.shown], fixes.others


def test_the_peers_own_software_alone_and_what_goes_along_with_each() -> None:
    assert shown("nginx") == (["nginx", "dns", "any"], ("caddy", "envoy"))


def test_a_few_where_it_is_not_known() -> None:
    assert shown("") == (["caddy", "nginx", "dns", "any"], ("envoy",))


def test_software_without_a_fix_is_as_good_as_unknown() -> None:
    assert shown("lighttpd") == shown("")


def test_after_starttls_no_fix_of_a_web_server_is_guessed() -> None:
    assert shown("postgres") == (["dns", "any"], ("caddy", "nginx", "envoy"))
    mail = msgspec.structs.replace(
        FOUND, product="smtp", fix={"nginx": "n", "openssl": "o", "postfix": "p"}
    )
    assert fixes_of(mail, View()) == ((("postfix", "p"),), ("nginx", "openssl"))


def test_every_protocol_of_starttls_has_its_fixes() -> None:
    assert set(get_args(StarttlsName)) <= FAMILIES.keys()
    assert {name for family in FAMILIES.values() for name in family} <= ALTERNATIVES


def test_all_of_them_when_verbose() -> None:
    assert shown("nginx", verbose=True) == (list(FOUND.fix), ())
