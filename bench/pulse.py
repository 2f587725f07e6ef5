"""CPU per pulse against blackbox_exporter on the same peer.

Ours is the whole process of a worker that awaits pulses one after another; the exporter's is its
process while this one, which is neither, asks for probes one after another over one connection.

Waking a server that sleeps on another CPU is charged to whoever sends to it, be it a pulse or a
probe, and on loopback costs more than all else in so short a conversation; a remote server charges
nothing. So TCP and SSH are measured against a server that is awake, and beside it against one that
sleeps.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measure import figure, in_turn, ratio, spread
from bench.peers import Blackbox, Worker, blackbox, nginx, server, worker
from bench.table import Table
from seventh.labkit.ca import Authority

NAME = "lab.test"
COLUMNS = ("pulse", "Seventh, µs", "its, µs", "ratio", "range", "goal")
EIGHTH = 1 / 8
TWO_THIRDS = 2 / 3


def run(folder: Path, quick: bool) -> list[Table]:
    authority = Authority(folder)
    stranger = folder / "stranger"
    stranger.mkdir()
    other = Authority(stranger)
    modules = _modules(str(authority.ca_file), str(other.ca_file))
    issued = authority.issue(NAME)
    with blackbox(folder, modules) as exporter, worker() as ours:
        awake = Pulses("CPU per pulse, against blackbox_exporter", ours, exporter, quick)
        with server("greet-awake") as greeter:
            awake.plain(greeter.port, EIGHTH)
        with nginx(folder, issued.cert_file, issued.key_file) as tls_ports:
            options = {"ca_file": str(authority.ca_file), "server_name": NAME}
            _both_verify(awake, tls_ports["1.3"], str(other.ca_file))
            for version in ("1.2", "1.3"):
                awake.tls(version, tls_ports[version], options)
            with server("http-awake") as answerer:
                awake.http("HTTP", f"http://127.0.0.1:{answerer.port}/", "http", {}, EIGHTH)
            url = f"https://127.0.0.1:{tls_ports['https']}/"
            awake.http("HTTPS, full handshake, verified", url, "https", options, TWO_THIRDS)
        awake.request_alone()
        asleep = Pulses("The same, against a server that sleeps", ours, exporter, quick)
        with server("greet") as greeter:
            asleep.plain(greeter.port, EIGHTH)
        with nginx(folder, issued.cert_file, issued.key_file) as ports:
            url = f"http://127.0.0.1:{ports['http']}/"
            asleep.http("HTTP (nginx)", url, "http", {}, EIGHTH)
    return [awake.table, asleep.table]


def _modules(ca: str, stranger: str) -> dict[str, Any]:
    def tls(ca_file: str) -> dict[str, Any]:
        config = {"ca_file": ca_file, "server_name": NAME}
        return {"prober": "tcp", "timeout": "5s", "tcp": {"tls": True, "tls_config": config}}

    def web(tls_config: dict[str, str]) -> dict[str, Any]:
        config = {"tls_config": tls_config, "preferred_ip_protocol": "ip4"}
        return {"prober": "http", "timeout": "5s", "http": config}

    def ctx(*steps: dict[str, str]) -> dict[str, Any]:
        return {"prober": "tcp", "timeout": "5s", "tcp": {"query_response": list(steps)}}

    expect = {"expect": "^SSH-2.0-"}
    return {
        "tcp": {"prober": "tcp", "timeout": "5s"},
        # As the package ships it: like Seventh it also sends an identification of its own.
        "ssh": ctx(expect, {"send": "SSH-2.0-blackbox-ssh-check"}),
        "ssh_expect": ctx(expect),
        "tls": tls(ca),
        "tls_stranger": tls(stranger),
        "http": web({}),
        "https": web({"ca_file": ca, "server_name": NAME}),
    }


def _both_verify(bench: Pulses, port: int, stranger: str) -> None:
    """Before anything is measured: with the wrong CA both sides must refuse."""
    if "\nprobe_success 0" not in bench.exporter.probe(f"127.0.0.1:{port}", "tls_stranger"):
        raise RuntimeError("blackbox accepts a certificate of an unknown CA")
    options = {"ca_file": stranger, "server_name": NAME}
    answer = bench.ours.ask(do="refused", url=f"tls://127.0.0.1:{port}", options=options)
    if answer["reason"] != "tls-certificate-untrusted":
        raise RuntimeError(f"Seventh does not refuse an unknown CA: {answer}")


class Pulses:
    """A table of pulses, ours and the exporter's in turn."""

    def __init__(self, title: str, ours: Worker, exporter: Blackbox, quick: bool) -> None:
        self.ours = ours
        self.exporter = exporter
        self.rounds, self.count = (3, 200) if quick else (9, 1000)
        self.table = Table(
            title,
            COLUMNS,
            notes=(
                f"CPU, medians of {self.rounds} rounds of {self.count} pulses in turn.",
                "The ratio and its range are round by round.",
            ),
        )

    def pair(self, title: str, url: str, module: str, at_most: float, **request: Any) -> None:
        """Add a row: our pulse of ``url``, and its module's probe of the same port."""
        port = int(url.rpartition(":")[2])
        ours, theirs = in_turn(self.rounds, self._ours(url, **request), self._theirs(port, module))
        self._row(title, ours, theirs, at_most)

    def plain(self, port: int, at_most: float) -> None:
        for title, scheme, module in (
            ("TCP connect", "tcp", "tcp"),
            ("SSH banner (its module as shipped)", "ssh", "ssh"),
            ("SSH banner (its module only expects)", "ssh", "ssh_expect"),
        ):
            self.pair(title, f"{scheme}://127.0.0.1:{port}", module, at_most)
        for title, scheme in (("TCP connect", "tcp"), ("SSH banner", "ssh")):
            url = f"{scheme}://127.0.0.1:{port}"
            (alone,) = in_turn(self.rounds, self._ours(url, do="bare"))
            cells = (figure(spread(alone).median, 1e6), "—", "—", "—", "—")
            self.table.add(f"({title} by a bare blocking socket)", *cells)

    def tls(self, version: str, port: int, options: dict[str, Any]) -> None:
        url = f"tls://127.0.0.1:{port}"
        full, theirs, resumed = in_turn(
            self.rounds,
            self._ours(url, options=options),
            self._theirs(port, "tls"),
            self._ours(url, do="resume", options=options),
        )
        self._row(f"TLS {version}, full, verified", full, theirs, 1.0)
        self._row(f"TLS {version}, resumed (its full)", resumed, theirs, TWO_THIRDS)
        self._row(f"TLS {version}, resumed (our own full)", resumed, full, None)

    def http(
        self, title: str, url: str, module: str, options: dict[str, Any], at_most: float
    ) -> None:
        """One GET on a new connection, by both sides; its module is as shipped."""
        ours, theirs = in_turn(
            self.rounds,
            self._ours(url, options=options),
            lambda: self.exporter.cpu_per_probe(url, module, self.count),
        )
        self._row(title, ours, theirs, at_most)
        if options:
            (afresh,) = in_turn(self.rounds, self._ours(url, do="afresh", options=options))
            cells = (figure(spread(afresh).median, 1e6), "—", "—", "—", "—")
            self.table.add("(the same, the chain verified each time)", *cells)

    def request_alone(self) -> None:
        (alone,) = in_turn(self.rounds, lambda: self.exporter.cpu_per_request(self.count))
        one = spread(alone)
        cells = ("—", figure(one.median, 1e6), "—", "—", "—")
        self.table.add("(its HTTP request, nothing probed)", *cells)

    def _ours(self, url: str, *, do: str = "pulse", **request: Any) -> Callable[[], float]:
        return lambda: self.ours.cpu(do=do, url=url, count=self.count, **request)

    def _theirs(self, port: int, module: str) -> Callable[[], float]:
        return lambda: self.exporter.cpu_per_probe(f"127.0.0.1:{port}", module, self.count)

    def _row(
        self, title: str, ours: list[float], theirs: list[float], at_most: float | None
    ) -> None:
        share = ratio(ours, theirs)
        self.table.add(
            title,
            figure(spread(ours).median, 1e6),
            figure(spread(theirs).median, 1e6),
            figure(share.median),
            share.range(),
            "—" if at_most is None else self.table.hold(title, share.median, at_most),
        )
