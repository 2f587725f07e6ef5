"""Processes around a benchmark: servers under test, our worker, and the peers to compare with."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.measure import cpu_seconds, memory_bytes
from seventh.labkit.serve import find_program, free_port

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 20.0


class MissingError(Exception):
    """A program that the benchmark needs is not installed."""


def need(name: str) -> str:
    """Where a program is; MissingError when it is nowhere."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or find_program(name)
    if found is None:
        raise MissingError(f"{name} is not installed")
    return found


@contextlib.contextmanager
def process(command: list[str], **popen: Any) -> Iterator[subprocess.Popen[str]]:
    """A child that is ended with the block, by its own process id."""
    child = subprocess.Popen(command, cwd=ROOT, text=True, **popen)
    try:
        yield child
    finally:
        if child.stdin is not None:
            child.stdin.close()
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if child.stdout is not None:
            child.stdout.close()


class Server:
    """One of :mod:`bench.servers`, running."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child
        self.port = int(self.line())

    def line(self) -> str:
        """The next line that it prints."""
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("the server under test has ended")
        return line.strip()


@contextlib.contextmanager
def server(kind: str, *words: str) -> Iterator[Server]:
    """A server of :mod:`bench.servers`."""
    command = [sys.executable, "-m", "bench.servers", kind, *words]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield Server(child)


class Worker:
    """Our side, running."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(request) + "\n")
        self._child.stdin.flush()
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("the worker has ended; its words are above")
        answered: dict[str, Any] = json.loads(line)
        return answered

    def cpu(self, *, count: int, **request: Any) -> float:
        """CPU seconds that one of the ``count`` pulses of a request takes."""
        return float(self.ask(count=count, **request)["cpu"]) / count


@contextlib.contextmanager
def worker() -> Iterator[Worker]:
    """A process of ours with an event loop, ready for pulses."""
    command = [sys.executable, "-m", "bench.worker"]
    with process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        yield Worker(child)


class Blackbox:
    """prometheus-blackbox-exporter, running; asked over one keep-alive connection."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def get(self, path: str) -> str:
        """The body of one answer."""
        try:
            self._http.request("GET", path)
            response = self._http.getresponse()
            body = response.read().decode()
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status} {body[:200]}")
        return body

    def probe(self, target: str, module: str) -> str:
        """The metrics of one probe, whether it succeeded or not."""
        return self.get("/probe?" + urlencode({"target": target, "module": module}))

    def cpu_per_probe(self, target: str, module: str, count: int) -> float:
        """CPU seconds of the exporter's process that one of ``count`` probes takes."""
        before = cpu_seconds(self.pid)
        for _ in range(count):
            if "\nprobe_success 1" not in self.probe(target, module):
                raise RuntimeError(f"blackbox cannot probe {target} with {module}")
        return (cpu_seconds(self.pid) - before) / count

    def cpu_per_request(self, count: int) -> float:
        """What its HTTP server takes for a request that probes nothing."""
        before = cpu_seconds(self.pid)
        for _ in range(count):
            self.get("/-/healthy")
        return (cpu_seconds(self.pid) - before) / count

    def peak_bytes(self) -> int:
        """The most memory that it ever had resident."""
        return memory_bytes(self.pid, "VmHWM")

    def close(self) -> None:
        """End the connection."""
        self._http.close()


@contextlib.contextmanager
def blackbox(folder: Path, modules: dict[str, Any]) -> Iterator[Blackbox]:
    """The exporter with these modules, on a free loopback port."""
    binary = need("prometheus-blackbox-exporter")
    config = folder / "blackbox.yml"
    config.write_text(json.dumps({"modules": modules}), encoding="utf-8")  # JSON is YAML
    port = free_port()
    command = [binary, f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}"]
    with process(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as child:
        made = Blackbox(child.pid, port)
        _wait_for(lambda: made.get("/-/healthy"), child)
        try:
            yield made
        finally:
            made.close()


def _wait_for(ask: Any, child: subprocess.Popen[str]) -> None:
    """Ask until the protocol answers."""
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            ask()
        except (OSError, http.client.HTTPException):
            if time.monotonic() > until or child.poll() is not None:
                raise
            time.sleep(0.02)
        else:
            return


_SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/rsa
HostKey {folder}/ecdsa
HostKey {folder}/ed25519
PidFile none
MaxStartups 1000
UsePAM no
StrictModes no
"""


@contextlib.contextmanager
def openssh(folder: Path, lines: str = "") -> Iterator[int]:
    """OpenSSH's server with keys of its own and further ``lines``; gives the port."""
    import socket

    sshd, keygen = need("sshd"), need("ssh-keygen")
    for kind, more in (("rsa", ["-b", "3072"]), ("ecdsa", []), ("ed25519", [])):
        subprocess.run(
            [keygen, "-q", "-t", kind, *more, "-N", "", "-f", str(folder / kind)], check=True
        )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # its unprivileged part is jailed there
    port = free_port()
    config = folder / "sshd_config"
    config.write_text(_SSHD.format(port=port, folder=folder) + lines, encoding="utf-8")

    def ident() -> None:
        with socket.create_connection(("127.0.0.1", port), 5) as sock:
            if not sock.recv(64).startswith(b"SSH-"):
                raise OSError("not yet")

    command = [sshd, "-D", "-e", "-f", str(config)]
    with process(command, stderr=subprocess.DEVNULL) as child:
        _wait_for(ident, child)
        yield port


_NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  ssl_certificate {cert};
  ssl_certificate_key {key};
  server {{ listen 127.0.0.1:{port12} ssl backlog=1024; ssl_protocols TLSv1.2; return 204; }}
  server {{ listen 127.0.0.1:{port13} ssl backlog=1024; ssl_protocols TLSv1.3; return 204; }}
  server {{ listen 127.0.0.1:{port_http} backlog=1024; return 200 "hello\n"; }}
  server {{ listen 127.0.0.1:{port_https} ssl http2 backlog=1024; ssl_protocols TLSv1.3;
           return 200 "hello\n"; }}
}}
"""


@contextlib.contextmanager
def nginx(folder: Path, cert: Path, key: Path) -> Iterator[dict[str, int]]:
    """nginx with a port for TLS 1.2, for TLS 1.3, for HTTP and for HTTPS; gives them."""
    import socket
    import ssl

    binary = need("nginx")
    ports = {name: free_port() for name in ("1.2", "1.3", "http", "https")}
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(
            folder=folder,
            cert=cert,
            key=key,
            port12=ports["1.2"],
            port13=ports["1.3"],
            port_http=ports["http"],
            port_https=ports["https"],
        ),
        encoding="utf-8",
    )

    def handshake() -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        for port in (ports["1.2"], ports["1.3"], ports["https"]):
            with socket.create_connection(("127.0.0.1", port), 5) as sock:
                context.wrap_socket(sock).close()

    command = [binary, "-c", str(config), "-e", str(folder / "error.log"), "-p", str(folder)]
    with process(command, stderr=subprocess.DEVNULL) as child:
        _wait_for(handshake, child)
        yield ports
