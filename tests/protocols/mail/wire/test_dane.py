"""TLSA records against chains, by our matcher and by OpenSSL's."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from msgspec.structs import replace

from seventh.labkit.serve import Kit
from seventh.labkit.tlsserve import server_context, tls_server
from seventh.model.tlsfacts import CertificateFacts
from seventh.net.tls.verify import read_certificate
from seventh.protocols.mail.client import questions
from seventh.protocols.mail.facts.answer import Answer, Outcome, Tlsa
from seventh.protocols.mail.facts.dane import Security, ServedKey, TlsaRecord
from seventh.protocols.mail.wire import dane
from tests.peers import need_binary

HOST = "lab.test"
DIGESTS = {1: "sha256", 2: "sha512"}


def data_of(certificate: x509.Certificate, selector: int, matching: int) -> bytes:
    """The data of a record of the certificate."""
    data = certificate.public_bytes(Encoding.DER)
    if selector:
        key = certificate.public_key()
        data = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.new(DIGESTS[matching], data).digest() if matching else data


def chain(*certificates: x509.Certificate) -> CertificateFacts:
    """A chain as facts."""
    now = dt.datetime.now(dt.UTC)
    read = (read_certificate(each.public_bytes(Encoding.DER), now) for each in certificates)
    return CertificateFacts(chain=tuple(read), chain_state="trusted")


def record(usage: int, selector: int, matching: int, data: bytes) -> TlsaRecord:
    return dane.record_of(Tlsa(usage, selector, matching, data))


KINDS = [(u, s, m) for u in (2, 3) for s in (0, 1) for m in (0, 1, 2)]


@pytest.mark.peer
async def test_openssl_agrees(kit: Kit) -> None:
    """Every usable kind of record, of each certificate of the chain and of none."""
    openssl = need_binary("openssl")
    leaf, issuer = kit.authority.issue(HOST), kit.authority.intermediate
    facts = chain(leaf.certificate, issuer)
    of = {"leaf": leaf.certificate, "issuer": issuer}
    cases = [(kind, name, HOST) for kind in KINDS for name in of]
    cases += [(kind, name, "other.test") for kind in KINDS for name in of if kind[1:] == (1, 1)]
    async with tls_server(server_context(leaf)) as port:
        ours, theirs = [], []
        for kind, name, host in cases:
            data = data_of(of[name], *kind[1:])
            ours.append(dane.fit((record(*kind, data),), facts, (host,)))
            theirs.append(_openssl(openssl, port, host, kind, data))
        verdicts = await asyncio.gather(*theirs)
    found = {case: pair for case, *pair in zip(cases, ours, verdicts, strict=True)}
    # An anchor that a record has whole need not be sent: OpenSSL has it, and it is not this one's.
    whole = [found.pop(((2, selector, 0), "leaf", HOST)) for selector in (0, 1)]
    assert whole == [["unknown", "mismatch"]] * 2
    assert {case: pair for case, pair in found.items() if len(set(pair)) > 1} == {}
    assert set(ours) == {"match", "mismatch", "unknown"}


async def _openssl(
    program: str, port: int, name: str, kind: tuple[int, int, int], data: bytes
) -> str:
    words = " ".join(map(str, kind))
    process = await asyncio.create_subprocess_exec(
        program, "s_client", "-no-CAfile", "-no-CApath", "-no-CAstore",
        "-connect", f"127.0.0.1:{port}", "-dane_tlsa_domain", name,
        "-dane_tlsa_rrdata", f"{words} {data.hex()}", "-dane_ee_no_namechecks",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    return "match" if b"Verification: OK" in said else "mismatch"


def test_records_that_mail_servers_ignore() -> None:
    digests = {1: bytes(32), 2: bytes(64)}
    kinds = {
        (u, s, m): dane.problem_of(Tlsa(u, s, m, digests.get(m, b"x")))
        for u in range(5) for s in range(3) for m in range(4)
    }  # fmt: skip
    assert {kind for kind, problem in kinds.items() if not problem} == set(KINDS)
    assert [kinds[kind] for kind in ((0, 0, 0), (1, 1, 1), (1, 0, 3))] == ["pkix"] * 3
    assert [kinds[kind] for kind in ((4, 1, 1), (3, 2, 1), (3, 1, 3))] == [
        "usage", "selector", "matching",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("matching", "length", "problem"),
    [
        (1, 31, "length"), (1, 32, ""), (1, 33, "length"), (2, 63, "length"), (2, 64, ""),
        (2, 65, "length"), (0, 0, "length"), (0, 1, ""),
    ],
)  # fmt: skip
def test_the_length_of_a_digest(matching: int, length: int, problem: str) -> None:
    assert dane.problem_of(Tlsa(3, 1, matching, bytes(length))) == problem


def test_one_of_several_records_is_enough(kit: Kit) -> None:
    leaf = kit.authority.issue(HOST).certificate
    facts, right = chain(leaf, kit.authority.intermediate), data_of(leaf, 1, 1)
    wrong, anchor = bytes(32), data_of(kit.authority.intermediate, 1, 1)

    def fit(*records: TlsaRecord, of: CertificateFacts = facts) -> str:
        return dane.fit(records, of, (HOST,))

    assert fit(record(3, 1, 1, wrong), record(3, 1, 1, right)) == "match"
    assert fit(record(3, 1, 1, wrong), record(2, 1, 1, anchor)) == "match"
    assert fit(record(1, 1, 1, right), record(3, 1, 1, wrong)) == "mismatch"
    assert fit(record(1, 1, 1, right)) == "unusable"
    assert fit() == "unusable"
    many = [record(3, 1, 1, wrong)] * dane.MAX_RECORDS
    assert (fit(*many), fit(*many[1:]), fit(*many[1:], record(3, 1, 1, right))) == (
        "unknown", "mismatch", "match",
    )  # fmt: skip
    assert fit(record(3, 1, 1, right), of=CertificateFacts()) == "unknown"
    unread = replace(facts, chain=(facts.chain[0], replace(facts.chain[1], key_sha256="")))
    assert fit(record(3, 1, 1, right), of=unread) == "unknown"


@pytest.mark.parametrize(
    ("days_left", "days_to_start", "state", "fit"),
    [
        (0.0, 0.0, "unknown-root", "match"), (-0.1, -1.0, "unknown-root", "mismatch"),
        (1.0, 0.1, "unknown-root", "mismatch"), (1.0, -1.0, "invalid", "mismatch"),
    ],
)  # fmt: skip
def test_an_anchor_needs_a_valid_chain(
    days_left: float, days_to_start: float, state: str, fit: str, kit: Kit
) -> None:
    """And an end entity needs none (RFC 7672 §3.1.1)."""
    leaf = kit.authority.issue(HOST).certificate
    facts = chain(leaf, kit.authority.intermediate)
    dated = replace(facts.chain[0], days_left=days_left, days_to_start=days_to_start)
    facts = replace(facts, chain=(dated, facts.chain[1]), chain_state=state)
    anchor = record(2, 0, 1, data_of(kit.authority.intermediate, 0, 1))
    assert dane.fit((anchor,), facts, ("other.test", HOST)) == fit
    end = record(3, 0, 1, data_of(leaf, 0, 1))
    assert dane.fit((anchor, end), facts, ("other.test",)) == "match"


def test_the_limit_is_that_of_the_questions() -> None:
    assert dane.MAX_RECORDS == questions.MAX_RECORDS


def test_a_self_signed_certificate_is_its_own_anchor(kit: Kit) -> None:
    alone = kit.authority.issue(HOST, self_signed=True).certificate
    assert dane.fit((record(2, 1, 1, data_of(alone, 1, 1)),), chain(alone), (HOST,)) == "match"


@pytest.mark.parametrize(
    ("authenticated", "outcome", "validates", "security"),
    [
        (True, "ok", True, "secure"), (True, "nxdomain", None, "secure"),
        (False, "ok", True, "insecure"), (False, "no-data", True, "insecure"),
        (False, "ok", None, "unknown"), (False, "ok", False, "unknown"),
        (False, "servfail", True, "unknown"),
    ],
)  # fmt: skip
def test_the_security_of_an_answer(
    authenticated: bool, outcome: Outcome, validates: bool | None, security: Security
) -> None:
    answer = Answer(name="x", rtype="A", outcome=outcome, authenticated=authenticated)
    assert dane.security_of(answer, validates=validates) == security


@pytest.mark.parametrize(
    ("several", "together"),
    [
        (("secure", "secure"), "secure"), (("secure", "insecure", "unknown"), "insecure"),
        (("secure", "unknown"), "unknown"), ((), "unknown"),
    ],
)  # fmt: skip
def test_the_security_of_several(several: tuple[Security, ...], together: Security) -> None:
    assert dane.weakest(several) == together


def test_the_records_to_publish_match_what_is_served(kit: Kit) -> None:
    leaves = [kit.authority.issue(HOST).certificate for _ in range(2)]
    chains = [chain(leaf, kit.authority.intermediate) for leaf in leaves]
    keys = dane.keys_of((), chains, (HOST,))
    assert [key.fit for key in keys] == ["unusable", "unusable"]
    *current, following = dane.lines("mx.lab.test", (*keys, keys[0]))
    digests = [data_of(leaf, 1, 1).hex() for leaf in leaves]
    owner = "_25._tcp.mx.lab.test. IN TLSA 3 1 1"
    assert current == [f"{owner} {digest}" for digest in digests]
    assert following == f"{owner} SHA256-OF-THE-NEXT-PUBLIC-KEY"
    printed = tuple(record(3, 1, 1, bytes.fromhex(line.split()[-1])) for line in current)
    assert [key.fit for key in dane.keys_of(printed, chains, (HOST,))] == ["match", "match"]
    assert dane.lines("mx.lab.test", (ServedKey(key_type="", key_sha256="", fit="unknown"),)) == ()
    assert dane.keys_of(printed, [CertificateFacts()], (HOST,)) == ()
