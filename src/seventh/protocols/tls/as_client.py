"""The clients of ``--as``: what the server selects from their ClientHellos.

A hello that is refused is sent again with more in one list at a time, so that the list at fault is
known: at most six connections for each client.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from seventh.model.alert import Alert
from seventh.model.failure import Failed
from seventh.model.tlsclients import TlsChoice, TlsFit, TlsList
from seventh.model.tlsfacts import TlsFacts
from seventh.net.probe_context import ProbeContext
from seventh.net.tls.bare_hellos import Answer, OpenStream, exchange
from seventh.protocols.tls.rules.hellos import Hello
from seventh.wire import tlshello
from seventh.wire import tlsnames as n
from seventh.wire.opensslciphers import allowed

_LISTS: tuple[tuple[TlsList, str], ...] = (
    ("suite", "suites"), ("group", "groups"), ("signature", "signatures"),
)  # fmt: skip
_QUESTIONS = 6
"""Its own hello, more in each list and in all, and the group of what was selected."""
_MIN_PROTOCOLS = {"TLSv1.0": "TLSv1", "TLSv1.1": "TLSv1.1"}
_ALL = "ALL:!aNULL"


async def judge_clients(
    ctx: ProbeContext, clients: Sequence[Hello], open_stream: OpenStream, server_name: str
) -> None:
    """Learn what each client negotiates. Never raises Failed: what is not learnt says why."""
    name = tlshello.sni(server_name)
    ctx.grant(_QUESTIONS * len(clients))
    fits = [await _Client(ctx, client, open_stream, name).fit() for client in clients]
    ctx.notes(TlsFacts).learn(as_clients=tuple(fits))


class _Client:
    """One client's questions to the server."""

    def __init__(
        self, ctx: ProbeContext, hello: Hello, open_stream: OpenStream, name: str | None
    ) -> None:
        self._facts = ctx.notes(TlsFacts).facts
        self._hello, self._open, self._name = hello, open_stream, name

    async def fit(self) -> TlsFit:
        """Return what the server selects, or the list at fault."""
        hello = self._hello
        answer = await self._send(hello)
        if answer.hello is not None:
            if answer.hello.negotiated < hello.least:
                return self._version()
            return TlsFit(client=hello.name, choice=await self._choice(answer.hello))
        if answer.outcome == "unclear":
            return TlsFit(client=hello.name, detail=answer.why)
        if answer.alert is Alert.PROTOCOL_VERSION:
            return self._version()
        if set(self._facts.versions) and not set(self._facts.versions) & {*_versions(hello)}:
            return self._version()
        return await self._refused(answer)

    async def _send(self, hello: Hello, *, key: bool = False) -> Answer:
        try:
            with await self._open() as stream:
                return await exchange(
                    stream, hello.encode(os.urandom(32), self._name), key=key,
                    in_clear=self._facts.starttls is not None,
                )  # fmt: skip
        except Failed as failed:
            return Answer(outcome="unclear", why=failed.detail)

    async def _choice(
        self, selected: tlshello.ServerHello, hello: Hello | None = None
    ) -> TlsChoice:
        """Return the choice; before TLS 1.3 the group is in a later message."""
        group = selected.group
        if selected.negotiated < n.TLS13 and "ECDHE" in n.suite_name(selected.suite):
            answer = await self._send(hello or self._hello, key=True)
            group = answer.key.group if answer.key is not None else None
        return TlsChoice(
            version=n.version_name(selected.negotiated),
            suite=n.suite_name(selected.suite),
            group=n.group_name(group) if group is not None else "",
        )

    def _version(self) -> TlsFit:
        return TlsFit(
            client=self._hello.name,
            lacking="version",
            client_list=_versions(self._hello),
            server_list=tuple(reversed(self._facts.versions)),
            client_sets=self._sets_version(),
        )

    def _sets_version(self) -> dict[str, str]:
        newest = _MIN_PROTOCOLS.get(self._facts.versions[-1]) if self._facts.versions else None
        if not self._hello.openssl_cnf or newest is None:
            return {}
        # These versions sign with SHA-1, which higher levels refuse.
        return {"MinProtocol": newest, "CipherString": "DEFAULT@SECLEVEL=0"}

    async def _refused(self, refusal: Answer) -> TlsFit:
        """Return the list that the server has nothing of, if more in it ends the refusal."""
        name = self._hello.name
        detail = refusal.alert.name.lower() if refusal.alert is not None else ""
        for lacking, field in _LISTS:
            wide = self._hello.wider(field)
            answer = await self._send(wide)
            if answer.hello is not None:
                choice = await self._choice(answer.hello, wide)
                return self._lack(lacking, choice, detail)
        wide = self._hello.wider(*(field for _, field in _LISTS))
        answer = await self._send(wide)
        if answer.hello is None:
            return TlsFit(client=name, detail=f"refused: {detail}" if detail else "refused")
        choice = await self._choice(answer.hello, wide)
        own = answer.hello.suite in self._hello.suites
        return self._lack("group" if own else "suite", choice, detail)

    def _lack(self, lacking: TlsList, choice: TlsChoice, detail: str) -> TlsFit:
        hello, facts = self._hello, self._facts
        ours: dict[TlsList, list[str]] = {
            "suite": [n.suite_name(code) for code in hello.suites],
            "group": [n.group_name(code) for code in hello.groups],
            "signature": [f"0x{code:04x}" for code in hello.signatures],
        }
        suites = (*(facts.suites or ()), *(facts.obsolete_suites or ()),
                  *(facts.broken_suites or ()), choice.suite)  # fmt: skip
        theirs: dict[TlsList, list[str]] = {
            # The client's own need something else that the server lacks, such as a group.
            "suite": [name for name in dict.fromkeys(suites) if name not in ours["suite"]],
            "group": [choice.group] if choice.group else [],
        }
        return TlsFit(
            client=hello.name,
            lacking=lacking,
            client_list=tuple(ours[lacking]),
            server_list=tuple(theirs.get(lacking, ())),
            client_sets=self._sets_suite(choice.suite) if lacking == "suite" else {},
            detail=detail,
        )

    def _sets_suite(self, suite: str) -> dict[str, str]:
        usable = self._hello.openssl_cnf and suite in (allowed(_ALL) or ())
        return {"CipherString": _ALL} if usable else {}


def _versions(hello: Hello) -> tuple[str, ...]:
    """Return the versions with which the client completes a handshake, newest first."""
    return tuple(n.version_name(code) for code in hello.versions if code >= hello.least)
