"""``lint --fix`` on a file for each rule: the rule is then silent, and the real program agrees."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from seventh import protocols
from seventh.cli.fix import write_changes
from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted, lint_file
from seventh.engine.validate import Answer
from seventh.labkit.serve import Kit
from seventh.lint import kinds
from seventh.lintkit.linted import parse_software
from seventh.lintkit.patch import Why
from seventh.model.report import Report
from tests.lint.caddy import test_fixes as caddy
from tests.lint.clocks import test_fixes as clocks
from tests.lint.nginx import test_fixes as nginx
from tests.lint.openssh import test_fixes as openssh
from tests.peers import need_binary, need_version

pytestmark = pytest.mark.peer

COMMANDS = {("openssh", "SSH-HOSTKEY-NOED25519")}
"""Rules whose fix may take commands, too."""
RULES = {rule.id: rule for room in protocols.rooms() for rule in protocols.rules(room)}


def may_stay(product: str, rule: str) -> Why | None:
    """Why a finding may stay: a person decides, or it takes more than lines of the file."""
    if product in RULES[rule].choice:
        return Why.CHOICE
    return Why.NOT_LINES if (product, rule) in COMMANDS else None


def weights(report: Report) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in report.findings:
        found[one.id] = max(found.get(one.id, 0), one.severity.rank)
    return found


def assert_fixed(rule: str, main: Path, wanted: Wanted) -> Fixed:
    """Write the fixes: the rule is silent, or it is said why not; none that was fixed is back."""
    before = lint_file(main, wanted)
    assert rule in weights(before), f"{rule} does not fire on {main.read_text()}"
    made = fix_file(main, wanted, ())
    write_changes(made.changes)
    after = lint_file(main, wanted)
    now = weights(after)
    assert {one.finding.id for one in made.unfixed} == set(now), "each has its reason"
    assert not {one.id for one in made.fixed if not one.view} & set(now)
    product = kinds()[after.facts["lint"].kind].product  # type: ignore[attr-defined]
    allowed = may_stay(product, rule)
    left = [one for one in made.unfixed if one.finding.id == rule]
    assert all(one.why is allowed for one in left), f"{left}\n{main.read_text()}"
    return made


def asked(made: Fixed) -> None:
    """The program accepts what was changed."""
    if made.changes:
        assert made.validation is not None
        assert made.validation.answer is Answer.ACCEPTED, made.validation


# -- OpenSSH ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "version", "text"), [case for case in openssh.SERVER if case[0] != "SSH-TERRAPIN"]
)
def test_sshd_config(rule: str, version: str, text: str, tmp_path: Path) -> None:
    main = tmp_path / "sshd_config"
    alone = rule in {"SSH-SFTP-OFF", "SSH-ALLOWLIST"} or "Match" in text
    good = openssh.GOOD
    main.write_text(text.replace("{GOOD}", good) if alone else text + good)
    made = assert_fixed(rule, main, Wanted(software=(parse_software(f"openssh={version}"),)))
    if version == need_version("sshd"):
        asked(made)
    elif made.changes:
        assert made.validation is not None
        assert made.validation.answer is Answer.UNKNOWN


@pytest.mark.parametrize(("rule", "text"), openssh.CLIENT)
def test_ssh_config(rule: str, text: str, tmp_path: Path) -> None:
    main = tmp_path / "ssh_config"
    main.write_text(text)
    version = need_version("ssh")
    asked(assert_fixed(rule, main, Wanted(software=(parse_software(f"openssh={version}"),))))


# -- nginx -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("software", [nginx.OLD, nginx.NEW])
@pytest.mark.parametrize("scene_name", nginx.SCENES)
def test_nginx_conf(scene_name: str, software: str, tmp_path: Path, kit: Kit) -> None:
    """The other findings of the scene are fixed, too, and none of them comes back."""
    rule = scene_name.partition(" ")[0]
    scene = replace(nginx.SCENES[scene_name], software=software)
    issued = kit.authority.issue("www.example.net")
    text = nginx.text_of(nginx.parts(scene), scene.path)
    for name, there in (
        ("c.pem", issued.cert_file), ("k.pem", issued.key_file), ("/c keys", tmp_path / "c keys"),
        ("ca.pem", kit.authority.ca_file),
    ):  # fmt: skip
        text = re.sub(rf"(?<=\s){name}", str(there), text)
    main = tmp_path / "nginx.conf"
    main.write_text(text)
    wanted = Wanted(software=(parse_software(software),))
    made = assert_fixed(rule, main, wanted)
    if software == nginx.OLD == f"nginx={need_version('nginx')}" and "quic" not in text:
        asked(made)


# -- clocks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", clocks.CASES)
def test_a_clocks_file(name: str, tmp_path: Path) -> None:
    rule, said, text = clocks.CASES[name]
    product = said.partition("=")[0]
    kind = next(kind for kind in kinds().values() if kind.product == product)
    main = tmp_path / "some.conf"
    main.write_text(text)
    software = (parse_software(said),) if "=" in said else ()
    made = assert_fixed(rule, main, Wanted(kind=kind.name, software=software))
    if product == "chrony":
        need_version("chronyd")
        asked(made)


# -- Caddy -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", caddy.SCENES)
def test_a_caddyfile(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(need_binary("caddy")).parent
    monkeypatch.setenv("PATH", f"{beside}{os.pathsep}{os.environ['PATH']}")
    scene = caddy.SCENES[name]
    kept = (line for line in caddy.GOOD if not line.startswith(scene.without or ("-",)))
    main = tmp_path / "Caddyfile"
    options = caddy.split(scene.options)
    main.write_text(caddy.text_of(options, [*kept, *scene.site], scene.address))
    version = need_version("caddy")
    asked(assert_fixed(name, main, Wanted(software=(parse_software(f"caddy={version}"),))))


# -- the rules -------------------------------------------------------------------------------------


@pytest.mark.parametrize("product", ["openssh", "nginx", "caddy", "chrony", "ntpd", "ntpsec"])
def test_every_rule_with_a_fix_is_tried_here(product: str) -> None:
    tried = {
        "openssh": {case[0] for case in (*openssh.SERVER, *openssh.CLIENT)},
        "nginx": {name.partition(" ")[0] for name in nginx.SCENES},
        "caddy": set(caddy.SCENES),
    }.get(product) or {rule for rule, said, _ in clocks.CASES.values() if said == product}
    have = {name for name, rule in RULES.items()
            if product in rule.directives and product in rule.words.fix}  # fmt: skip
    choices = {name for name in have if product in RULES[name].choice}
    assert have - tried - choices == NOT_TRIED[product]


NOT_TRIED = {
    "openssh": {"SSH-AUTH-SLOW", "SSH-GEX-SMALL", "SSH-AUTHKEYS-PERM"},  # see test_ssh_fixes
    # see lint/nginx/test_fixes and test_grpc
    "nginx": {"TLS-DH-SMALL", "QUIC-AMPLIFY", "GRPC-NO-H2", "GRPC-PROXY-CUT"},
    "caddy": set[str](),
    "chrony": set[str](),
    "ntpd": {"NTP-MONLIST", "NTP-SAMEUP"},  # of an old ntpd; as chrony's
    "ntpsec": {"NTP-IBURST", "NTP-DRIFT", "NTP-SAMEUP"},  # as ntpd's
}
