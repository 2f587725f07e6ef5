"""The views of a Caddyfile: which places have one, and the lines behind each setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from seventh.lint.caddy import views
from seventh.lintkit.files import Files
from seventh.lintkit.linted import Linted, View, parse_software
from seventh.model.proxyfacts import ProxiedUpgrade
from seventh.protocols.http.facts import HttpFacts
from seventh.protocols.http.facts.config import HttpConfigFacts
from seventh.protocols.websocket.facts import WebSocketFacts


def lint(text: str, software: str = "caddy=2.10", files: Files | None = None) -> Linted:
    files = files or Files(base=Path("/nonexistent"))
    said = parse_software(software) if software else None
    return views.lint(files.take("Caddyfile", text.encode()), files, said)


def site(inside: str, head: str = "a.example") -> str:
    return f"{head} {{\n{inside}\n}}\n"


def lines(view: View) -> dict[str, list[str]]:
    """The settings that there are, each line as ``LINE: TEXT``; a default has its text alone."""
    return {
        key: [f"{one.at.line}: {one.at.text}" if one.at.line else one.at.text for one in found]
        for key, found in view.settings.items() if found
    }  # fmt: skip


DEFAULTS = {
    "site": ["1: a.example {"],
    "encode": ["1: a.example { … }: no encode"],
    "tls protocols": ["protocols tls1.2 tls1.3 (default of caddy 2.10)"],
    "tls curves": ["curves x25519mlkem768 x25519 secp256r1 (default of caddy 2.10)"],
    "servers protocols": ["protocols h1 h2 h3 (default of caddy 2.10)"],
    "idle": ["idle 5m (default of caddy 2.10)"],
}


def test_defaults_stand_where_no_line_is() -> None:
    (view,) = lint(site("")).views
    assert lines(view) == DEFAULTS
    assert view.settings["idle"][0].value == "idle 5m"
    assert (view.label, view.within) == ("site a.example", "site a.example")


TLS = """tls {
    protocols tls1.3
    ciphers x
    curves x25519
    alpn h2
    client_auth {
        mode request
    }
}"""
PROXY = """reverse_proxy a {
    header_up A b
    header_down C d
    response_buffers 1k
    flush_interval 1s
    stream_timeout 1s
    transport http {
        read_timeout 1s
    }
}"""


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("header A b", {"header": ["2: header A b"], "header a": ["2: header A b"]}),
        ("header {\n-A*\n+B c\n}",
         {"header": ["2: header {"], "header a*": ["2: header {"], "header b": ["2: header {"]}),
        ("encode gzip", {"encode": ["2: encode gzip"]}),
        ("file_server", {"file_server": ["2: file_server"]}),
        ("redir https://b", {"redir": ["2: redir https://b"]}),
        ("request_header A b", {"request_header": ["2: request_header A b"]}),
        ("respond hi", {"respond": ["2: respond hi"]}),
        ("bind ::1", {"bind": ["2: bind ::1"]}),
        (TLS,
         {"tls": ["2: tls {"], "tls protocols": ["3: protocols tls1.3"],
          "tls ciphers": ["4: ciphers x"], "tls curves": ["5: curves x25519"],
          "tls alpn": ["6: alpn h2"], "tls client_auth": ["7: client_auth {"]}),
        (PROXY,
         {"reverse_proxy": ["2: reverse_proxy a {"], "header_up": ["3: header_up A b"],
          "header_down": ["4: header_down C d"], "header c": ["4: header_down C d"],
          "response_buffers": ["5: response_buffers 1k"],
          "flush_interval": ["6: flush_interval 1s"],
          "stream_timeout": ["7: stream_timeout 1s"], "transport": ["8: transport http {"],
          "read_timeout": ["9: read_timeout 1s"]}),
    ],
)  # fmt: skip
def test_lines_by_what_they_set(inside: str, found: dict[str, list[str]]) -> None:
    assert lines(lint(site(inside)).views[0]) == DEFAULTS | found


def test_options_by_what_they_set() -> None:
    options = "auto_https off\nservers {\nprotocols h1\n0rtt off\ntimeouts {\nidle 1m\n}\n}"
    found = lines(lint(f"{{\n{options}\n}}\n{site('')}").views[0])
    assert found == DEFAULTS | {
        "site": ["11: a.example {"], "encode": ["11: a.example { … }: no encode"],
        "auto_https": ["2: auto_https off"], "servers protocols": ["4: protocols h1"],
        "0rtt": ["5: 0rtt off"], "idle": ["7: idle 1m"],
    }  # fmt: skip


def test_lines_of_one_directive_are_kept_up_to_a_limit() -> None:
    (view,) = lint(site("header A b\n" * 101)).views
    assert len(view.settings["header"]) == len(view.settings["header a"]) == 100


@pytest.mark.parametrize(
    ("inside", "labels"),
    [
        ("", []), ("header /a B c", []),  # no fact of a view
        ("header /a Cache-Control no-store\nfile_server", ["/a"]),
        ("header /a Cache-Control x\nheader /b Cache-Control x\nfile_server", ["/a"]),
        ("handle /a {\nfile_server\n}", ["/a"]),
        ("respond / 404\nfile_server", ["every other path"]),
        ("handle {\nfile_server\n}\nhandle /a/* {\nhandle /a/b {\nabort\n}\n}", ["/a/*", "/a/b"]),
    ],
)  # fmt: skip
def test_which_places_have_a_view(inside: str, labels: list[str]) -> None:
    found = [view.label for view in lint(site(inside)).views]
    assert found == ["site a.example", *(f"site a.example, {label}" for label in labels)]


def test_each_address_with_protocols_of_its_own_has_a_view() -> None:
    text = site("bind ::1 {\nprotocols h1\n}\nbind ::2 {\nprotocols h1 h2\n}\nlog")
    configs = [view.facts["http"].config for view in lint(text).views]  # type: ignore[attr-defined]
    assert [config.h2 for config in configs] == [False, True]


@pytest.mark.parametrize("text", ["", "{\ndebug\n}\n", "(s) {\nlog\n}\n"])
def test_a_file_without_sites_is_a_part(text: str) -> None:
    (view,) = lint(text).views
    facts = view.facts["http"]
    assert isinstance(facts, HttpFacts)
    assert facts.config == HttpConfigFacts(product="caddy", version="2.10", part=True)
    assert (view.label, view.settings) == ("", {})


@pytest.mark.parametrize(
    ("software", "meant", "assumed", "version"),
    [
        ("", "caddy 2.11", True, "2.11"), ("caddy=2.8.4", "caddy 2.8.4", False, "2.8.4"),
        ("caddy=2", "caddy 2", False, "2.0"), ("caddy=2.8.4.1", "caddy 2.8.4.1", False, "2.8.4"),
    ],
)  # fmt: skip
def test_the_version(software: str, meant: str, assumed: bool, version: str) -> None:
    result = lint(site(""), software)
    assert (result.software, result.software_assumed) == (meant, assumed)
    config = result.views[0].facts["http"].config  # type: ignore[attr-defined]
    assert config.version == version


def test_sites_places_and_views_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    def problems(text: str) -> list[tuple[int | None, str]]:
        files = Files()
        lint(text, files=files)
        return [(one.line, one.text) for one in files.problems]

    monkeypatch.setattr(views, "MAX_SITES", 2)
    two = site("") + site("", "b.example")
    assert problems(two) == []
    assert problems(two + site("", "c.example")) == [(None, "only the first 2 sites were judged")]
    monkeypatch.setattr(views, "MAX_PLACES", 2)
    places = "".join(f"respond /{n} {n}\n" for n in range(2))
    assert problems(site(places)) == []
    assert problems(site(f"{places}respond /x 404")) == [
        (1, "only the first 2 places of this site were judged")
    ]
    monkeypatch.setattr(views, "MAX_PLACES", 9)
    monkeypatch.setattr(views, "MAX_VIEWS", 3)
    text = site("respond /a 404\nrespond /b 301\nfile_server")
    files = Files()
    assert [view.label for view in lint(text, files=files).views] == [
        "site a.example", "site a.example, /a", "site a.example, /b",
    ]  # fmt: skip
    assert files.problems == []
    files = Files()
    assert len(lint(text + site("respond / 404\nfile_server", "b.example"), files=files).views) == 3
    assert files.problems[-1].text == "only 3 sites and places were judged"


def test_places_up_to_the_work_that_they_cost() -> None:
    """501 lines are looked at for each place: 99 times within 50,000."""
    files = Files()
    text = "log\n" * 401 + "".join(f"respond /{n} {n}\n" for n in range(99))
    lint(site(text), files=files)
    assert files.problems == []
    text = "log\n" * 400 + "".join(f"respond /{n} {n}\n" for n in range(100))
    lint(site(text), files=files)
    assert [one.text for one in files.problems] == [
        "only the first 99 places of this site were judged"
    ]


def test_a_problem_is_reported_once() -> None:
    text = "(s) {\nnothing\n}\n" + site("import s\nimport s")
    assert [line.text for line in lint(text).problems] == ["unrecognized directive: nothing"]


# -- WebSocket -------------------------------------------------------------------------------------

WS = "@ws header Upgrade websocket"


def upgrades(text: str) -> list[ProxiedUpgrade]:
    found = [view.facts.get("websocket") for view in lint(text).views]
    assert all(isinstance(one, WebSocketFacts) and one.secure for one in found if one)
    return [one.proxied for one in found if isinstance(one, WebSocketFacts) and one.proxied]


@pytest.mark.parametrize(
    ("inside", "place"),
    [
        ("reverse_proxy a", ""), ("reverse_proxy /api a", ""), ("file_server /ws", ""),
        ("php_fastcgi /ws a", ""),
        *((f"reverse_proxy {path} a", path) for path in (
            "/ws", "/wss/*", "/websocket", "/web-sockets", "/a/socket.io/*", "/sockjs", "/cable",
            "/signalr", "/hub", "/live", "/a.ws",
        )),
        ("reverse_proxy /news a", ""), ("reverse_proxy /delivery a", ""),
        (f"{WS}\nreverse_proxy @ws a", "@ws"), ("@x path /a /ws\nreverse_proxy @x a", "@x"),
        ("@x path /a /b\nreverse_proxy @x a", ""), ("@x header A b\nreverse_proxy @x a", ""),
        ("@x {\nheader Connection *Upgrade*\nheader Upgrade WebSocket\n}\nreverse_proxy @x a",
         "@x"),
        ("@x {\nmethod GET\npath /ws\n}\nreverse_proxy @x a", "@x"),
        ("@x not path /ws\nreverse_proxy @x a", ""),
        ("reverse_proxy a {\nheader_up Upgrade websocket\n}", "/"),
        ("reverse_proxy a {\nheader_up -Connection\n}", "/"),
        ("request_header Upgrade websocket\nreverse_proxy a", "/"),
        ("reverse_proxy a {\nheader_up X y\n}", ""),
    ],
)  # fmt: skip
def test_where_a_websocket_is_meant_to_pass(inside: str, place: str) -> None:
    assert [one.place for one in upgrades(site(inside))] == ([place] if place else [])


@pytest.mark.parametrize(
    ("lines", "upgrade", "connection"),
    [
        ("", True, True), ("header_up -Upgrade", False, True), ("header_up -Conn*", True, False),
        ("header_up Upgrade websocket", True, True), ("header_up Upgrade WebSocket", True, True),
        ("header_up Upgrade h2c", False, True), ("header_up Connection close", True, False),
        ("header_up Connection Upgrade", True, True),
        ("header_up Connection {>Connection}", True, False),
        ("header_up Connection {http.request.header.Connection}", True, True),
        ("header_up -Upgrade\nheader_up Upgrade websocket", True, True),
        ("header_up Upgrade websocket\nheader_up -Upgrade", False, True),
        ("header_up +Upgrade x", True, True),
    ],
)  # fmt: skip
def test_what_becomes_of_the_handshake(lines: str, upgrade: bool, connection: bool) -> None:
    (one,) = upgrades(site(f"reverse_proxy /ws a {{\n{lines}\n}}"))
    assert one == ProxiedUpgrade(
        product="caddy", place="/ws", version="1.1", upgrade=upgrade, connection=connection,
        in_clear=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "idle", "life"),
    [
        ("transport http {\nread_timeout 5m\n}", 300.0, None),
        ("transport http {\nread_timeout 1s\nread_timeout 2s\n}", 2.0, None),
        ("transport http {\nread_timeout 0\n}", None, None),
        ("transport http {\nread_timeout {$T}\n}", None, None),
        ("transport http {\ndial_timeout 1s\n}", None, None),
        ("stream_timeout 1h", None, 3600.0), ("stream_timeout 1s\nstream_timeout 2s", None, 2.0),
    ],
)  # fmt: skip
def test_how_long_a_websocket_may_be_silent_and_live(
    lines: str, idle: float | None, life: float | None
) -> None:
    (one,) = upgrades(site(f"reverse_proxy /ws a {{\n{lines}\n}}"))
    assert (one.idle_seconds, one.life_seconds) == (idle, life)


# -- event streams ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "stream"),
    [
        ("/sse", True), ("/event", True), ("/events/*", True), ("/a/event-stream", True),
        ("/eventstream", True), ("/event-source", True), ("/eventsource", True), ("/a.sse", True),
        ("/prevents", False), ("/sse2", False), ("/api", False),
    ],
)  # fmt: skip
def test_places_that_look_like_event_streams(path: str, stream: bool) -> None:
    text = site(f"reverse_proxy {path} a {{\nresponse_buffers 1k\n}}")
    found = [view.facts["http"].config for view in lint(text).views]  # type: ignore[attr-defined]
    assert [config.event_stream for config in found if config.does == "passes"] == [stream]


# -- limits on what is shown -----------------------------------------------------------------------


def test_long_texts_are_cut_where_they_are_shown() -> None:
    long = "x" * 301
    (view, place) = lint(site(f"handle /{long} {{\nabort\n}}")).views
    assert (view.label, place.label) == ("site a.example", f"site a.example, /{'x' * 283}…")
    (view,) = lint(site("respond hi", ", ".join(["a" * 60 + ".example"] * 5))).views
    (absent,) = view.settings["encode"]
    assert absent.at.text.endswith("… … }: no encode")
    name = "{$" + "X" * 57
    for more, shown in (("}", name + "}"), ("X}", name + "X…")):
        (view,) = lint(site(f"file_server\n{name}{more}")).views
        config = view.facts["http"].config  # type: ignore[attr-defined]
        assert config.undecided == f"the environment decides what stands for {shown}"
    media = "a/" + "b" * 98
    match = "encode {{\nmatch header Content-Type {}\n}}\nfile_server"
    for more, shown in (("", media), ("b", media + "…")):
        (view,) = lint(site(match.format(media + more))).views
        assert view.facts["http"].config.gzip_types == (shown,)  # type: ignore[attr-defined]


def test_what_caddy_refuses_is_cut_where_it_is_shown() -> None:
    problems = lint(site("x" * 400)).problems
    assert [line.text for line in problems] == [f"unrecognized directive: {'x' * 276}…"]
