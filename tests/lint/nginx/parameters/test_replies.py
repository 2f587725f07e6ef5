"""Statuses, rewriting, files and lifetimes, as nginx takes and refuses them.

tests/peers/test_nginx_values.py holds them against nginx itself.
"""

from __future__ import annotations

import pytest

from tests.lint.nginx.parameters.judged import unfit

TAKEN: dict[str, tuple[str, ...]] = {
    "return": (
        "0", "99", "404", "999 text", "http://a/", "https://a/", "$scheme://a/", "301 /a", "000",
        "1", "40", "http://", "200 a", "$scheme", "$schemes", "http://$a", "0404",
    ),
    "rewrite": (
        "^ /a", "^/(a|b)$ /c last", "^ /a break", "^ /a redirect", "^ /a permanent",
        "^/a http://b/",
    ),
    "error_page": (
        "404 /a", "300 599 /a", "404 = /a", "404 =200 /a", "404 =0 /a", "404 498 /a", "404 =",
        "300 /a", "404 500 =204 /a", "494 /a", "0404 /a",
    ),
    "try_files": (
        "$uri =404", "$uri =999", "$uri =0", "$uri /a", "$uri =0404", "$uri = /a", "=404 $uri",
        "$uri @a", "$uri =00000", "$uri =9",
    ),
    "expires": (
        "epoch", "max", "off", "$a", "1h", "-1", "+1h", "@0h", "@24h", "modified 1h",
        "modified +1h", "modified -1h", "modified $a", "1y", "@1h", "@86400", "@1d",
    ),
}  # fmt: skip
"""Words that nginx 1.22.1 takes."""
REFUSED: dict[str, dict[str, str]] = {
    "return": {
        "4o4": 'invalid return code "4o4"', "1000": 'invalid return code "1000"',
        "/a": 'invalid return code "/a"', "ftp://a": 'invalid return code "ftp://a"',
        "http://a b": 'invalid return code "http://a"', "-1": 'invalid return code "-1"',
        "http://a/ b": 'invalid return code "http://a/"', "''": 'invalid return code ""',
        "HTTP://a": 'invalid return code "HTTP://a"', "$schem": 'invalid return code "$schem"',
        "https:/a": 'invalid return code "https:/a"', "404x": 'invalid return code "404x"',
        "200x a": 'invalid return code "200x"', "$a": 'invalid return code "$a"',
    },
    "rewrite": {
        "^ /a end": 'invalid parameter "end"',
        "( /a": 'pcre2_compile() failed: missing closing parenthesis in "("',
        "[ /a": 'pcre2_compile() failed: missing terminating ] for character class in "["',
        ") /a": 'pcre2_compile() failed: unmatched closing parenthesis in ")"',
        "^ /a LAST": 'invalid parameter "LAST"', "^ /a /b": 'invalid parameter "/b"',
    },
    "error_page": {
        "299 /a": 'value "299" must be between 300 and 599',
        "600 /a": 'value "600" must be between 300 and 599', "499 /a": 'invalid value "499"',
        "4o4 /a": 'invalid value "4o4"', "404 =x /a": 'invalid value "=x"',
        "=200 /a": 'invalid value "=200"', "404 =200 /a /b": 'invalid value "=200"',
        "200 404 /a": 'value "200" must be between 300 and 599',
        "404 =$a /a": 'invalid value "=$a"', "404 = = /a": 'invalid value "="',
        "404 =200x /a": 'invalid value "=200x"', "=404 /a": 'invalid value "=404"',
        "404 =-1 /a": 'invalid value "=-1"', "499 =200 /a": 'invalid value "499"',
        "404 x /a": 'invalid value "x"', "599 600 /a": 'value "600" must be between 300 and 599',
    },
    "try_files": {
        "$uri =1000": 'invalid code "=1000"', "$uri =x": 'invalid code "=x"',
        "$uri =": 'invalid code "="', "$uri =1234": 'invalid code "=1234"',
        "$uri =40x": 'invalid code "=40x"', "$uri =-1": 'invalid code "=-1"',
    },
    "expires": {
        "soon": '"expires" directive invalid value',
        "@24h1s": '"expires" directive daily time value must be less than 24 hours',
        "@x": '"expires" directive invalid value',
        "modified off": '"expires" directive invalid value',
        "modified max": '"expires" directive invalid value',
        "1h 1h": '"expires" directive invalid value',
        "modified @1h": '"expires" directive daily time cannot be used with "modified" parameter',
        "--1": '"expires" directive invalid value', "1ms": '"expires" directive invalid value',
        "modified epoch": '"expires" directive invalid value',
        "modified 1x": '"expires" directive invalid value',
        "$a $b": '"expires" directive invalid value',
        "modified": '"expires" directive invalid value',
        "@86401": '"expires" directive daily time value must be less than 24 hours',
        "@1d1s": '"expires" directive daily time value must be less than 24 hours',
        "+": '"expires" directive invalid value', "-": '"expires" directive invalid value',
        "@": '"expires" directive invalid value', "+x": '"expires" directive invalid value',
        "-x": '"expires" directive invalid value',
        "1h modified": '"expires" directive invalid value',
        "Modified 1h": '"expires" directive invalid value',
        "EPOCH": '"expires" directive invalid value',
        "modified @x": '"expires" directive daily time cannot be used with "modified" parameter',
        "off off": '"expires" directive invalid value', "x 1h": '"expires" directive invalid value',
    },
}  # fmt: skip
"""Words that it refuses, and its complaint."""


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken(name: str) -> None:
    assert {line: why for line in TAKEN[name] if (why := unfit(name, line))} == {}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    assert {line: unfit(name, line) for line in REFUSED[name]} == REFUSED[name]
