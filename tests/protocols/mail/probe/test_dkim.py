"""The look-up of DKIM keys, at a name server."""

from __future__ import annotations

import pytest

from seventh.engine.check import check_one
from seventh.labkit.names import name_server
from seventh.model.target import Target
from seventh.protocols.mail.facts import DomainFacts
from seventh.protocols.mail.facts.answer import Answer, Outcome
from seventh.protocols.mail.facts.dkim import DkimFacts, DkimKey
from seventh.protocols.mail.probe.dkim import _state
from tests.options import options_with
from tests.protocols.mail.dkim_keys import ED25519, p, rsa_key

RSA = "v=DKIM1; p=" + p(rsa_key(1024)).decode()
ED = "v=DKIM1; k=ed25519; p=" + p(ED25519).decode()
D = "_domainkey.example.test"


def quoted(text: str) -> tuple[str, ...]:
    return (" ".join(f'"{text[i : i + 200]}"' for i in range(0, len(text), 200)),)


def key(
    selector: str, text: str, kind: str = "rsa", bits: int | None = 1024, **more: str
) -> DkimKey:
    fields: dict[str, str] = {"state": "usable", **more}
    return DkimKey(
        selector=selector,
        kind=kind,
        bits=bits,
        record_bytes=len(text),
        **fields,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("names", "given", "servfail", "learnt"),
    [
        ({}, (), (), DkimFacts(domainkey="nxdomain", wildcard="none")),
        ({D: {}}, (), (), DkimFacts(domainkey="exists", wildcard="none")),
        (
            # Some servers deny the name above: the selectors are looked up all the same.
            {f"s1.{D}": {"TXT": quoted(RSA)}, f"selector2.{D}": {"TXT": quoted(ED)}}, (), (),
            DkimFacts(domainkey="exists", wildcard="none",
                      keys=(key("s1", RSA), key("selector2", ED, "ed25519", 256))),
        ),
        (
            {D: {}, f"mine.{D}": {"TXT": quoted(RSA)}}, ("mine", "other"), (),
            DkimFacts(domainkey="exists", wildcard="none", given=("mine", "other"),
                      missing=("other",), keys=(key("mine", RSA),)),
        ),
        ({}, ("mine",), ("TXT",),
         DkimFacts(domainkey="unknown", wildcard="unknown", given=("mine",),
                   keys=(DkimKey(selector="mine", state="unknown"),))),
    ],
    ids=["nothing", "none-common", "two-algorithms", "given", "servfail"],
)  # fmt: skip
async def test_keys(
    names: dict[str, dict[str, tuple[str, ...]]], given: tuple[str, ...],
    servfail: tuple[str, ...], learnt: DkimFacts,
) -> None:  # fmt: skip
    zone = {"example.test": {"MX": ("0 .",)}, **names}
    async with name_server(zone, servfail=frozenset(servfail)) as resolver:
        options = options_with(timeout_seconds=5, resolver=resolver, selectors=given)
        target = Target(scheme="mail", host="example.test", port=0, port_given=False)
        report = await check_one(target, options)
    domain = report.facts["domain"]
    assert isinstance(domain, DomainFacts)
    assert domain.dkim == learnt


@pytest.mark.parametrize(
    ("base", "selectors", "found", "state"),
    [
        ("nxdomain", ("nxdomain", "nxdomain"), False, "nxdomain"),
        ("nxdomain", ("nxdomain", "ok"), True, "exists"),
        # A selector whose look-up failed may have a key: some servers deny the name above it.
        ("nxdomain", ("nxdomain", "servfail"), False, "unknown"),
        ("nxdomain", ("timeout", "nxdomain"), False, "unknown"),
        ("no-data", ("nxdomain", "timeout"), False, "exists"),
        ("servfail", ("nxdomain", "nxdomain"), False, "unknown"),
    ],
)
def test_the_state_of_the_name_above(
    base: Outcome, selectors: tuple[Outcome, ...], found: bool, state: str
) -> None:
    answers = [Answer(name="x", rtype="TXT", outcome=each) for each in (base, *selectors)]
    assert _state(answers, found) == state
