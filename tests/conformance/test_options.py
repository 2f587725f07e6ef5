"""What options and verbs owe, whoever declares them."""

from __future__ import annotations

import inspect
import re

import msgspec
import pytest

from seventh import given, protocols
from seventh.cli import arguments
from seventh.model.option import Declared, declared
from seventh.model.options import Options
from seventh.model.spec import Spec

ROOMS = list(protocols.rooms())
KINDS = [Options, *given.kinds()]
DECLARED = [
    pytest.param(each, id=f"{kind.__name__}.{each.field}")
    for kind in KINDS
    for each in declared(kind)
]
NO_OPTIONS = {"max_tier", "transcript", "rooms", "alias"}
"""Fields that the engine, a hook of it or the command line itself sets."""


@pytest.fixture(params=ROOMS)
def spec(request: pytest.FixtureRequest) -> Spec:
    return protocols.rooms()[request.param]


def test_an_option_has_one_declaration() -> None:
    of_verbs = [verb.options for spec in protocols.rooms().values() for verb in spec.verbs]
    of_checks = [kind for kind in KINDS if kind not in of_verbs]
    for kinds in (of_checks, *((Options, kind) for kind in of_verbs if kind is not None)):
        flags = [
            name
            for kind in kinds
            for each in declared(kind)
            for name in (each.option.flag, *each.option.aliases)
        ]
        assert len(flags) == len(set(flags)), "two protocols declare one option: share it"
    fields = [each.field for kind in KINDS for each in declared(kind)]
    assert len(fields) == len(set(fields))


def test_every_field_is_an_option() -> None:
    for kind in KINDS:
        fields = {field.name for field in msgspec.structs.fields(kind)}
        assert fields - {each.field for each in declared(kind)} <= NO_OPTIONS, kind


@pytest.mark.parametrize("each", DECLARED)
def test_an_option_is_fully_told(each: Declared) -> None:
    option = each.option
    assert re.fullmatch(r"[a-z][a-z0-9-]*", option.flag)
    assert not option.help.endswith((".", "!"))
    assert "default" not in option.help, "the default is added where the help is shown"
    assert each.is_switch or each.choices or option.metavar
    if option.needs is not None:
        assert option.needs[0] in given.by_flag()


def test_the_shared_options_that_a_protocol_uses_exist(spec: Spec) -> None:
    shared = {each.field: each for each in declared(Options)}
    for name in spec.shared:
        assert name in shared
        assert not shared[name].option.always
        assert shared[name].option.grants is None, "the tiers say so"


def test_every_shared_option_is_used_by_some_protocol() -> None:
    for each in declared(Options):
        assert any(given.uses(spec, each) for spec in protocols.rooms().values()), each.flag


def test_a_verb_is_fully_told_and_can_be_run(spec: Spec) -> None:
    if spec.verbs:
        assert spec.name not in arguments.VERBS
    for verb in spec.verbs:
        run = getattr(protocols.part(spec.name, "work"), verb.name)
        assert inspect.iscoroutinefunction(run)
        assert list(inspect.signature(run).parameters) == ["work"]
        assert verb.tier in spec.tiers
        assert not verb.help.endswith(".")
        assert not any(argument.many for argument in verb.arguments[:-1])
        assert {0, 2, 3}.isdisjoint(verb.exit_codes)
        for name in verb.formats:
            function = f"as_{name.replace('-', '_')}"
            assert callable(getattr(protocols.part(spec.name, "work"), function))
