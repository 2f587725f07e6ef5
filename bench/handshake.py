"""Where the CPU time of a verified TLS 1.3 handshake goes, on the client's side.

From the arithmetic that no client can do without, through OpenSSL alone with its peer in the same
process and no socket, to a whole pulse. The server's chain has a leaf, an intermediate and a root,
all ECDSA P-256: two signatures of the chain and one of the handshake are verified.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from OpenSSL import SSL

from bench.measure import figure, in_turn, spread
from bench.peers import nginx, worker
from bench.table import Table
from seventh.labkit.ca import Authority, Issued
from seventh.model.options import Options
from seventh.net.tls import context as tlscontext

NAME = "lab.test"
_CHUNK = 65536


def run(folder: Path, quick: bool) -> list[Table]:
    rounds, count = (3, 100) if quick else (9, 500)
    authority = Authority(folder)
    issued = authority.issue(NAME)
    options = {"ca_file": str(authority.ca_file), "server_name": NAME}
    server = _stdlib_server(issued)
    with nginx(folder, issued.cert_file, issued.key_file) as ports, worker() as ours:
        sides: dict[str, Callable[[], float]] = {
            "ECDSA P-256, 3 signatures verified": lambda: _timed(_verifier(), 3 * count) * 3,
            "X25519, key pair and agreement": lambda: _timed(_agreement(), count),
            "ML-KEM-768, key pair (offered besides)": lambda: _timed(_mlkem(), count),
            "stdlib ssl, in memory": lambda: _handshakes(
                _stdlib_client(str(authority.ca_file)), server, count
            ),
            "pyOpenSSL, in memory": lambda: _handshakes(
                _pyopenssl_client(_bare_context(str(authority.ca_file))), server, count
            ),
            "pyOpenSSL with Seventh's context, in memory": lambda: _handshakes(
                _pyopenssl_client(
                    tlscontext.context(
                        Options(ca_file=str(authority.ca_file), server_name=NAME), "modern"
                    )
                ),
                server,
                count,
            ),
            "Seventh, whole pulse tls:// of nginx": lambda: ours.cpu(
                do="pulse", url=f"tls://127.0.0.1:{ports['1.3']}", count=count, options=options
            ),
            "Seventh, whole pulse tcp:// of nginx": lambda: ours.cpu(
                do="pulse", url=f"tcp://127.0.0.1:{ports['1.3']}", count=count
            ),
        }
        measured = in_turn(rounds, *sides.values())
    table = Table(
        "Where a TLS 1.3 handshake's CPU goes (client's side, verified)",
        ("what", "µs CPU", "range", "of the pulse"),
    )
    whole = spread(measured[-2]).median
    for name, values in zip(sides, measured, strict=True):
        one = spread(values)
        table.add(name, figure(one.median, 1e6), one.range(1e6), f"{one.median / whole:.0%}")
    return [table]


def _timed(work: Callable[[], object], count: int) -> float:
    start = time.thread_time_ns()
    for _ in range(count):
        work()
    return (time.thread_time_ns() - start) / 1e9 / count


def _verifier() -> Callable[[], object]:
    key = ec.generate_private_key(ec.SECP256R1())
    how = ec.ECDSA(hashes.SHA256())
    signature, public = key.sign(b"x" * 130, how), key.public_key()
    return lambda: public.verify(signature, b"x" * 130, how)


def _agreement() -> Callable[[], object]:
    other = x25519.X25519PrivateKey.generate().public_key()
    return lambda: x25519.X25519PrivateKey.generate().exchange(other)


def _mlkem() -> Callable[[], object]:
    from cryptography.hazmat.primitives.asymmetric import mlkem

    return lambda: mlkem.MLKEM768PrivateKey.generate().public_key()


# -- handshakes in memory --------------------------------------------------------------------------


class _Side(Protocol):
    """One end of a handshake without a socket."""

    def step(self, data: bytes) -> tuple[bool, bytes]:
        """Take what the other side said; whether it is done, and what to answer."""


class _Stdlib:
    def __init__(self, context: ssl.SSLContext, *, server: bool) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server else NAME
        self._engine = context.wrap_bio(self._in, self._out, server, name)

    def step(self, data: bytes) -> tuple[bool, bytes]:
        if data:
            self._in.write(data)
        done = True
        try:
            self._engine.do_handshake()
        except ssl.SSLWantReadError:
            done = False
        return done, self._out.read()


class _PyOpenSsl:
    def __init__(self, context: SSL.Context) -> None:
        self._engine = SSL.Connection(context, None)
        self._engine.set_tlsext_host_name(NAME.encode())
        self._engine.set_connect_state()

    def step(self, data: bytes) -> tuple[bool, bytes]:
        if data:
            self._engine.bio_write(data)
        done = True
        try:
            self._engine.do_handshake()
        except SSL.WantReadError:
            done = False
        try:
            return done, self._engine.bio_read(_CHUNK)
        except SSL.WantReadError:
            return done, b""


def _handshakes(client: Callable[[], _Side], server: ssl.SSLContext, count: int) -> float:
    """CPU seconds that the client's part of one handshake takes."""
    spent = 0
    for _ in range(count):
        other = _Stdlib(server, server=True)
        start = time.thread_time_ns()
        us = client()
        done, said = us.step(b"")
        spent += time.thread_time_ns() - start
        while not done:
            _, answer = other.step(said)
            start = time.thread_time_ns()
            done, said = us.step(answer)
            spent += time.thread_time_ns() - start
    return spent / 1e9 / count


def _stdlib_server(issued: Issued) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(issued.cert_file, issued.key_file)
    return context


def _stdlib_client(ca_file: str) -> Callable[[], _Side]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    return lambda: _Stdlib(context, server=False)


def _bare_context(ca_file: str) -> SSL.Context:
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.set_verify(SSL.VERIFY_PEER)
    context.load_verify_locations(ca_file)
    return context


def _pyopenssl_client(context: SSL.Context) -> Callable[[], _Side]:
    return lambda: _PyOpenSsl(context)
