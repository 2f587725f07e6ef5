"""What precedes TLS with ``--starttls``: a small server per protocol, correct or with one fault."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal, get_args

import msgspec

from seventh.labkit.tlsserve import Front
from seventh.model.starttls import StarttlsName
from seventh.protocols.tls.wire import ldap, mysql, postgresql

Wrong = Literal["none", "not-offered", "refused", "injected", "drip", "endless"]
NAMES: tuple[StarttlsName, ...] = get_args(StarttlsName)
INJECTED = b"* injected in clear\r\n"
_DRIP_SECONDS = 0.25

Reader = asyncio.StreamReader
Writer = asyncio.StreamWriter


def front(protocol: StarttlsName, wrong: Wrong = "none") -> Front:
    """Return what a server of ``protocol`` does up to its go-ahead."""

    async def serve(reader: Reader, writer: Writer) -> bool:
        if wrong in {"drip", "endless"}:
            await _without_end(writer, _DRIP_SECONDS if wrong == "drip" else 0.0)
            return False
        if protocol in _LINES:
            go = await _by_lines(_LINES[protocol], reader, writer, wrong)
        else:
            go = await _OTHERS[protocol](reader, writer, wrong)
        if go and wrong == "injected" and protocol != "mysql":
            writer.write(INJECTED)  # not flushed before: one segment with the go-ahead
        await writer.drain()
        return go

    return serve


async def _without_end(writer: Writer, pause: float) -> None:
    """Greet as SMTP does, line after line; with ``pause``, byte by byte, so many seconds apart."""
    line = b"220-please wait\r\n"
    pieces = [bytes([byte]) for byte in line] if pause else [line * 100]
    while True:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)


class _Lines(msgspec.Struct, frozen=True, kw_only=True):
    """The lines of a protocol of lines; ``{}`` is the tag of the command, where it has one."""

    greeting: str
    answers: dict[str, str] = {}
    """By command."""
    offer: str
    """What offers TLS in the greeting or in an answer."""
    command: str
    go: str
    unknown: str
    refusal: str


_LINES: dict[StarttlsName, _Lines] = {
    "smtp": _Lines(
        greeting="220 lab.test ESMTP",
        answers={"EHLO": "250-lab.test\r\n250-SIZE 1000000\r\n250-STARTTLS\r\n250 8BITMIME"},
        offer="250-STARTTLS\r\n", command="STARTTLS", go="220 2.0.0 Ready to start TLS",
        unknown="502 5.5.2 Command not recognized",
        refusal="454 4.7.0 TLS not available due to local problem",
    ),
    "imap": _Lines(
        greeting="* OK IMAP4rev2 server ready",
        answers={"CAPABILITY": "* CAPABILITY IMAP4rev2 STARTTLS LOGINDISABLED\r\n{} OK Done"},
        offer=" STARTTLS", command="STARTTLS", go="{} OK Begin TLS negotiation now",
        unknown="{} BAD Unknown command", refusal="{} NO TLS is not available",
    ),
    "pop3": _Lines(
        greeting="+OK POP3 server ready", answers={"CAPA": "+OK\r\nUIDL\r\nSTLS\r\n."},
        offer="STLS\r\n", command="STLS", go="+OK Begin TLS negotiation",
        unknown="-ERR Unknown command", refusal="-ERR TLS is not available",
    ),
    "ftp": _Lines(
        greeting="220-FTP server\r\n  of the lab\r\n220 ready",
        answers={"FEAT": "211-Features\r\n AUTH TLS\r\n211 End"}, offer=" AUTH TLS\r\n",
        command="AUTH", go="234 AUTH TLS successful",
        unknown="500 AUTH not understood", refusal="431 Required resource not available",
    ),
    "nntp": _Lines(
        greeting="200 lab.test NNTP ready",
        answers={"CAPABILITIES": "101 List\r\nVERSION 2\r\nSTARTTLS\r\n."}, offer="STARTTLS\r\n",
        command="STARTTLS",
        go="382 Continue with TLS negotiation",
        unknown="500 Unknown command", refusal="580 Can not initiate TLS negotiation",
    ),
    "sieve": _Lines(
        greeting='"IMPLEMENTATION" {3}\r\nlab\r\n"STARTTLS"\r\nOK "ready"',
        offer='"STARTTLS"\r\n', command="STARTTLS", go='OK "Begin TLS negotiation now"',
        unknown='NO "Unknown command"', refusal='NO (TRYLATER) "TLS is not available"',
    ),
}  # fmt: skip


async def _by_lines(lines: _Lines, reader: Reader, writer: Writer, wrong: Wrong) -> bool:
    offer = lines.offer if wrong == "not-offered" else ""
    writer.write(f"{lines.greeting.replace(offer, '')}\r\n".encode())
    while words := (await reader.readline()).decode().split():
        tag, name = words[0], words[-1] if "{}" in lines.go else words[0]
        answer = lines.answers.get(name, lines.unknown).replace(offer, "")
        is_start = name == lines.command and wrong != "not-offered"
        if is_start:
            answer = lines.refusal if wrong == "refused" else lines.go
        writer.write(f"{answer.replace('{}', tag)}\r\n".encode())
        if is_start and wrong != "refused":
            return True
    return False


async def _ldap(reader: Reader, writer: Writer, wrong: Wrong) -> bool:
    await reader.readexactly(len(ldap.REQUEST))
    code = {"not-offered": 2, "refused": 52}.get(wrong, 0)
    text = b"unsupported extended operation" if code else b""
    result = ldap.ber(0x0A, bytes([code])) + ldap.ber(0x04, b"") + ldap.ber(0x04, text)
    writer.write(ldap.ber(0x30, ldap.ber(0x02, b"\x01") + ldap.ber(0x78, result)))
    return not code


async def _postgres(reader: Reader, writer: Writer, wrong: Wrong) -> bool:
    await reader.readexactly(len(postgresql.REQUEST))
    fields = b"SFATAL\0C53300\0Msorry, too many clients already\0\0"
    error = b"E" + (len(fields) + 4).to_bytes(4, "big") + fields
    writer.write({"not-offered": b"N", "refused": error}.get(wrong, b"S"))
    return wrong in {"none", "injected"}


async def _mysql(reader: Reader, writer: Writer, wrong: Wrong) -> bool:
    lower = 0xF7FF if wrong == "not-offered" else 0xFFFF
    packet = (
        b"\x0a8.0.0-lab\0" + bytes(4) + b"12345678\0" + lower.to_bytes(2, "little")
        + b"\x21\x02\0\xff\xc1\x15" + bytes(10) + b"123456789012\0mysql_native_password\0"
    )  # fmt: skip
    if wrong == "refused":
        packet = b"\xff" + (1040).to_bytes(2, "little") + b"#08004Too many connections"
    writer.write(len(packet).to_bytes(3, "little") + b"\0" + packet)
    if wrong == "injected":
        writer.write(INJECTED)  # its go-ahead is the greeting
    await writer.drain()
    await reader.readexactly(len(mysql.REQUEST))
    return wrong in {"none", "injected"}


async def _xmpp(reader: Reader, writer: Writer, wrong: Wrong) -> bool:
    while b"<stream:" not in await reader.readuntil(b">"):
        pass
    offer = "" if wrong == "not-offered" else "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
    writer.write(
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' id='1' version='1.0' "
        "xmlns:stream='http://etherx.jabber.org/streams'><stream:features>"
        f"{offer}<mechanisms/></stream:features>".encode()
    )
    await writer.drain()
    await reader.readuntil(b">")
    answer = "failure" if wrong == "refused" else "proceed"
    writer.write(f"<{answer} xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>".encode())
    return answer == "proceed"


_OTHERS: dict[StarttlsName, Callable[[Reader, Writer, Wrong], Awaitable[bool]]] = {
    "ldap": _ldap,
    "postgres": _postgres,
    "mysql": _mysql,
    "xmpp": _xmpp,
}
