"""Where the lines of a fix go in a Caddyfile."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.engine.fix import Fixed, fix_file
from seventh.engine.lint import Wanted
from seventh.lintkit.patch import Why
from seventh.rules.run import Selection
from tests.lint.caddy.test_fixes import GOOD, RULES, SCENES, split, text_of


def fixed(folder: Path, rule: str, text: str) -> Fixed:
    main = folder / "Caddyfile"
    main.write_text(text)
    return fix_file(main, Wanted(selection=Selection(only=frozenset({rule}))), ())


@pytest.mark.parametrize("name", SCENES)
def test_every_fix_is_enough_or_left_to_a_person(name: str, tmp_path: Path) -> None:
    scene = SCENES[name]
    site = [*(line for line in GOOD if not line.startswith(scene.without or ("-",))), *scene.site]
    made = fixed(tmp_path, name, text_of(split(scene.options), site, scene.address))
    if "caddy" in RULES[name].choice:
        assert [(one.finding.id, one.why) for one in made.unfixed] == [(name, Why.CHOICE)]
    else:
        assert [one.id for one in made.fixed] == [name]
        assert made.unfixed == ()


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        # the certificate of a site's tls stays
        ("TLS-NO13", "a.example {\n\ttls c.pem k.pem {\n\t\tprotocols tls1.2 tls1.2\n\t}\n}\n",
         "a.example {\n\ttls c.pem k.pem {\n\t\tprotocols tls1.2 tls1.3\n\t}\n}\n"),
        # a site without braces has the rest of the file
        ("HTTP-HSTS", "a.example\nroot * /srv\nfile_server\n",
         ('a.example\nroot * /srv\nfile_server\nheader Strict-Transport-Security '
         '"max-age=31536000"\n')),
        # only the site of the finding
        ("HTTP-HSTS",
         ('a.example {\n\theader Strict-Transport-Security "max-age=31536000"\n\tfile_server\n}\n'
         "b.example {\n\tfile_server\n}\n"),
         ('a.example {\n\theader Strict-Transport-Security "max-age=31536000"\n\tfile_server\n}\n'
         'b.example {\n\tfile_server\n\theader Strict-Transport-Security "max-age=31536000"\n}\n')),
        # a header field of the same name is replaced, another one stays
        ("HTTP-HSTS",
         ("a.example {\n\theader X-A b\n\theader Strict-Transport-Security max-age=1\n"
         "\tfile_server\n}\n"),
         ('a.example {\n\theader X-A b\n\theader Strict-Transport-Security '
         '"max-age=31536000"\n\tfile_server\n}\n')),
        # blocks of the global options are merged
        ("HTTP-NO-H3",
         ("{\n\temail a@a.example\n\tservers {\n\t\tprotocols h1 h2 # no UDP\n\t\tstrict_sni_host\n"
         "\t}\n}\na.example {\n\tfile_server\n}\n"),
         ("{\n\temail a@a.example\n\tservers {\n\t\tprotocols h1 h2 h3 # no UDP\n"
         "\t\tstrict_sni_host\n"
         "\t}\n}\na.example {\n\tfile_server\n}\n")),
        ("HTTP-NO-REUSE",
         ("{\n\tservers {\n\t\ttimeouts {\n\t\t\tidle 2s\n\t\t\tread_body 5s\n\t\t}\n\t}\n}\n"
         "a.example {\n\tfile_server\n}\n"),
         ("{\n\tservers {\n\t\ttimeouts {\n\t\t\tidle 5m\n\t\t\tread_body 5s\n\t\t}\n\t}\n}\n"
         "a.example {\n\tfile_server\n}\n")),
    ],
)  # fmt: skip
def test_places(rule: str, before: str, after: str, tmp_path: Path) -> None:
    made = fixed(tmp_path, rule, before)
    assert made.unfixed == ()
    assert [change.after.decode() for change in made.changes] == [after]


def test_a_site_of_an_imported_file(tmp_path: Path) -> None:
    (tmp_path / "sites").mkdir()
    (tmp_path / "sites" / "a").write_text("a.example {\n\tfile_server\n}\n")
    made = fixed(tmp_path, "HTTP-HSTS", "import sites/*\n")
    (change,) = made.changes
    assert change.path == (tmp_path / "sites" / "a").resolve()
    assert change.after.decode() == (
        'a.example {\n\tfile_server\n\theader Strict-Transport-Security "max-age=31536000"\n}\n'
    )
