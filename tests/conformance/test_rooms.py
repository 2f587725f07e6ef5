"""What a protocol owes: every folder under protocols/ obeys this contract."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from seventh import protocols
from seventh.labkit.serve import Fault
from seventh.model.facts import Facts
from seventh.model.ports import PORTS
from seventh.model.product import ALTERNATIVES
from seventh.model.spec import Spec
from seventh.render.document import plain_facts
from seventh.rules.rule import AnyRule, Hit, Skip, Source, Words
from seventh.rules.words import filled
from tests.conformance.purity import imports, violations

ROOMS = list(protocols.rooms())
RULES = [pytest.param(room, rule, id=rule.id) for room in ROOMS for rule in protocols.rules(room)]
_REFERENCE = re.compile(
    r"^(RFC \d{3,5}( (§[\d.A-Z]+|Appendix [A-Z]))?|[A-Z].{2,80}|draft-[a-z0-9-]+"
    r"|[a-z][a-z0-9_.-]+\(\d\)(: .{2,60})?)$"
)


@pytest.fixture(params=ROOMS)
def room(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def at_home(room: str) -> bool:
    """Whether the room's folder is this project's, not one found through SEVENTH_ROOMS."""
    return protocols.folder(room).parent == Path(protocols.__file__).parent


def spec_of(room: str) -> Spec:
    return protocols.rooms()[room]


def test_the_folder_is_whole(room: str) -> None:
    for part in ("facts", "rules", "lab"):
        assert protocols.has_part(room, part), f"{room} has no {part}.py"
    if not spec_of(room).schemes:  # its facts are learnt by the checks of other rooms
        assert not protocols.has_part(room, "probe")
        return
    probe = protocols.part(room, "probe")
    for verb in ("pulse", "check"):
        function = getattr(probe, verb)
        assert inspect.iscoroutinefunction(function)
        assert list(inspect.signature(function).parameters) == ["ctx"]


def test_the_spec_is_named_like_its_folder(room: str) -> None:
    spec = spec_of(room)
    assert spec.name == room
    assert bool(spec.schemes) == bool(spec.phases)
    assert 0 in spec.tiers
    assert 1 <= spec.connections <= 24


def test_usual_ports_are_those_of_the_table(room: str) -> None:
    table = {(row.scheme, row.transport): row.port for row in PORTS if row.scheme}
    for scheme in spec_of(room).schemes:
        if scheme.well_known and (scheme.name, scheme.transport) in table:
            assert scheme.port == table[scheme.name, scheme.transport]


def test_a_bare_host_is_asked_once_at_each_port() -> None:
    asked = [(s.port, s.transport) for room in ROOMS for s in spec_of(room).schemes if s.well_known]
    assert len(asked) == len(set(asked))


def test_schemes_belong_to_one_room() -> None:
    names = [s.name for room in ROOMS for s in spec_of(room).schemes]
    assert len(names) == len(set(names))


def test_metrics_follow_prometheus(room: str) -> None:
    for metric in spec_of(room).metrics:
        assert re.fullmatch(r"seventh_[a-z0-9_]+", metric.name)
        assert not metric.name.endswith(("_ms", "_percent", "_kb"))
        if metric.kind == "counter":
            assert metric.name.endswith("_total")
        assert metric.meaning


def facts_types(room: str) -> list[type[Facts]]:
    found = [
        value
        for value in vars(protocols.part(room, "facts")).values()
        if isinstance(value, type) and issubclass(value, Facts) and value is not Facts
    ]
    assert found, f"{room}/facts.py declares no Facts"
    return found


def test_facts_say_whose_they_are(room: str) -> None:
    for kind in facts_types(room):
        assert room == (kind.OWNER or kind.ROOM), f"{kind.__name__} is of {kind.ROOM!r}"


def test_facts_are_frozen_and_empty_by_default(room: str) -> None:
    for kind in facts_types(room):
        assert kind.__struct_config__.frozen
        assert isinstance(kind(), Facts), "every field has a default that means: not learnt"
        assert protocols.owner(kind.ROOM) == room, "its notes would be another room's"
        assert all(plain_facts(kind())[name] == [] for name in kind.LINES), "LINES names mappings"


def test_every_metric_reads_a_fact_that_exists(room: str) -> None:
    for metric in spec_of(room).metrics:
        part, _, name = metric.fact.rpartition(".")
        holders: list[Any] = [*facts_types(room)]
        if part:
            holders = [nested(kind, part) for kind in holders if part in kind.__struct_fields__]
        assert any(has_fact(kind, name) for kind in holders), f"{metric.name} reads {metric.fact}"


def has_fact(kind: Any, name: str) -> bool:
    return name in kind.__struct_fields__ or isinstance(getattr(kind, name, None), property)


def nested(kind: Any, part: str) -> Any:
    """The struct that a field of that name holds where it is not None."""
    (struct,) = (
        one
        for one in typing.get_args(typing.get_type_hints(kind)[part])
        if hasattr(one, "__struct_fields__")
    )
    return struct


def test_every_file_imports_what_its_folder_may(room: str) -> None:
    assert violations(protocols.folder(room), f"seventh.protocols.{room}") == []


def test_every_wire_rule_has_a_lab_fault(room: str) -> None:
    above = (name for name, spec in protocols.rooms().items() if room in spec.layers)
    faults: tuple[Fault, ...] = sum(
        (protocols.part(name, "lab").FAULTS for name in (room, *above)), ()
    )
    triggered = {rule for fault in faults for rule in fault.triggers}
    for rule in protocols.rules(room):
        if rule.source in {Source.WIRE, Source.DNS}:
            assert rule.id in triggered, f"no fault of the {room} lab triggers {rule.id}"


def test_faults_have_one_name_each_and_trigger_rules_that_exist(room: str) -> None:
    faults: tuple[Fault, ...] = protocols.part(room, "lab").FAULTS
    names = [fault.name for fault in faults]
    assert len(names) == len(set(names))
    known = {rule.values[1].id for rule in RULES}
    for fault in faults:
        assert fault.triggers or fault.reason
        assert set(fault.triggers) <= known
        assert fault.meaning


@pytest.mark.parametrize(("room", "rule"), RULES)
def test_the_bad_example_fires(room: str, rule: AnyRule) -> None:
    verdict = rule(rule.bad)
    assert isinstance(verdict, Hit), f"{rule.id} says {verdict!r} of its bad example"
    # Every {parameter} of the texts is given, so that no sentence has a hole.
    texts = (rule.words.title, rule.words.evidence, rule.words.why, *rule.words.fix.values())
    phrases = {
        name: {code: text.replace("…", "") for code, text in texts.items()}
        for name, texts in rule.words.phrases.items()
    }
    for text in texts:
        words = Words(title="", evidence=text.replace("…", ""), why="", fix={}, phrases=phrases)
        assert "…" not in filled(words, verdict.params).evidence, text


PROSE = re.compile(r"\b[a-z]{2,},? [a-z]{2,},? [a-z]{2,}\b")
QUOTED = frozenset({"answer", "detail", "line"})
"""Parameters that hold what a peer, a library or a file said, word for word."""


@pytest.mark.parametrize(("room", "rule"), RULES)
def test_parameters_are_data(room: str, rule: AnyRule) -> None:
    verdict = rule(rule.bad)
    assert isinstance(verdict, Hit)
    for name, value in verdict.params.items():
        for each in value if isinstance(value, tuple | list) else (value,):
            coded = name in rule.words.phrases
            assert not coded or each in rule.words.phrases[name], f"{name}={each!r} has no phrase"
            assert name in QUOTED or not PROSE.search(str(each)), f"{name}={each!r} is a sentence"


@pytest.mark.parametrize(("room", "rule"), RULES)
def test_the_good_example_is_silent(room: str, rule: AnyRule) -> None:
    verdict = rule(rule.good)
    assert verdict is None, f"{rule.id} says {verdict!r} of its good example"


@pytest.mark.parametrize(("room", "rule"), RULES)
def test_no_evidence_is_never_a_pass(room: str, rule: AnyRule) -> None:
    verdict = rule(rule.facts_type())
    assert isinstance(verdict, Skip), f"{rule.id} says {verdict!r} of empty facts"
    assert verdict.reason


BESIDES = {"any", "certbot", "dns", "iptables", "mta-sts.txt", "nftables", "resolv.conf"}
"""What fixes are for besides the peer's software."""


@pytest.mark.parametrize(("room", "rule"), RULES)
def test_a_rule_is_fully_worded(room: str, rule: AnyRule) -> None:
    words = rule.words
    assert words.title
    assert not words.title.endswith(".")
    assert words.why.endswith((".", ")"))
    assert words.fix
    assert all(words.fix.values())
    if Path(protocols.__file__).with_name(room).is_dir():  # others have products of their own
        assert set(words.fix) <= ALTERNATIVES | BESIDES
        assert set(rule.directives) <= ALTERNATIVES
    assert rule.seed or room in {"tls", "net"}
    for reference in rule.references:
        assert _REFERENCE.match(reference), reference


def test_rule_ids_are_unique() -> None:
    ids = [rule.values[1].id for rule in RULES]
    assert len(ids) == len(set(ids))


TESTS = Path(__file__).parent.parent


@pytest.fixture
def mirror(room: str) -> Path:
    if not at_home(room):
        pytest.skip("a protocol outside this tree has its tests there too")
    return TESTS / "protocols" / room


@functools.cache
def imported_by_tests(room: str) -> frozenset[str]:
    """The modules that the room's tests import."""
    files = (TESTS / "protocols" / room).rglob("*.py")
    return frozenset(name for file in files for name in imports(file, "tests"))


def is_tested(room: str, module: str) -> bool:
    return any(f"{name}.".startswith(f"{module}.") for name in imported_by_tests(room))


@pytest.mark.parametrize(
    ("room", "part"),
    [
        (room, part)
        for room in ROOMS
        for part in ("wire", "client", "probe", "rules")
        if protocols.has_part(room, part)
    ],
)
def test_the_mirror_has_tests_of_each_part(room: str, mirror: Path, part: str) -> None:
    own = [*mirror.glob(f"{part}/**/test_*.py"), *mirror.glob(f"test_{part}*.py")]
    assert own or is_tested(room, f"seventh.protocols.{room}.{part}")


def test_the_mirror_has_no_folder_that_the_room_has_not(room: str, mirror: Path) -> None:
    for folder in {path.parent.relative_to(mirror) for path in mirror.rglob("test_*.py")}:
        assert (protocols.folder(room) / folder).is_dir(), f"{mirror / folder} mirrors nothing"


def test_every_module_that_reads_bytes_is_tested_by_name(room: str, mirror: Path) -> None:
    folder = protocols.folder(room)
    for path in (folder / "wire").rglob("*.py"):
        if path.stem != "__init__":
            parts = path.relative_to(folder).with_suffix("").parts
            module = ".".join(["seventh.protocols", room, *parts])
            assert is_tested(room, module), f"no test imports {module}"
