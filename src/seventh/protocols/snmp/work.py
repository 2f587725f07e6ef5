"""The verbs of SNMP: get, walk, table, set."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator

from seventh.model.failure import Failed, Reason, UsageError
from seventh.net.probe_context import ProbeContext
from seventh.net.work import Work
from seventh.protocols.snmp import WalkOptions
from seventh.protocols.snmp.client.identity import User, identity_of
from seventh.protocols.snmp.client.session import Session
from seventh.protocols.snmp.client.shown import Book, Grid, Row, assignment, row_of
from seventh.protocols.snmp.probe import authenticate
from seventh.protocols.snmp.wire.ber import Oid
from seventh.protocols.snmp.wire.message import ABSENT, Binding, ErrorStatus, Pdu, PduType
from seventh.protocols.snmp.wire.names import built_in, dotted, instance, named, parse_oid
from seventh.protocols.snmp.wire.walk import Walk

_MIB_2 = (1, 3, 6, 1, 2, 1)
MAX_PER_REQUEST = 32
"""The objects of one GET or SET, which fit into one datagram."""


async def get(work: Work) -> None:
    """Read objects. Raises Failed."""
    oids = [instance(oid) for oid in _oids(work)]
    if not oids:
        raise UsageError("seventh snmp get: an object is required, such as sysUpTime")
    session = await _open(work.ctx)
    with work.ctx.watch.phase("snmp.poll"):
        for at in range(0, len(oids), MAX_PER_REQUEST):
            answer = await session.get(*oids[at : at + MAX_PER_REQUEST])
            _check(answer, session)
            for binding in answer.bindings:
                work.show(row_of(binding))


async def walk(work: Work) -> int:
    """Read subtrees, and return 2 if one could not be read to its end. Raises Failed."""
    roots = _oids(work) or [_MIB_2]
    given = work.ctx.options.of(WalkOptions)
    session = await _open(work.ctx)
    rows: list[Row] = []
    show = rows.append if given.book else work.show
    count, complete = 0, True
    with work.ctx.watch.phase("snmp.poll"):
        for root in roots:
            one = Walk(root, bulk=session.has_bulk, resume=given.resume)
            async for found in _subtree(session, one, root):
                count += len(found)
                work.progress(count)
                for binding in found:
                    show(row_of(binding))
                if count >= given.max_rows:
                    break
            complete = complete and not (one.stuck or one.failed) and count < given.max_rows
            if one.stuck is not None and not given.resume:
                raise Failed(
                    Reason.PROTOCOL_VIOLATION,
                    f"{session.where}: after {named(one.stuck.after)} the agent returns "
                    f"{named(one.stuck.found)}; --resume continues after it",
                )
    if given.book:
        work.show(Book(target=str(work.ctx.target), rows=tuple(rows)))
    return 0 if complete else 2


async def _subtree(session: Session, one: Walk, root: Oid) -> AsyncIterator[tuple[Binding, ...]]:
    """Yield the rows of a walk; of an object without any below it, the object itself."""
    async for found in session.walk(one):
        yield found
    if one.rows or one.stuck or one.failed:
        return
    answer = await session.get(root)
    if not answer.error:
        yield tuple(each for each in answer.bindings if each.kind not in ABSENT)


async def table(work: Work) -> None:
    """Read a table, and show it by rows. Raises Failed."""
    root = parse_oid(work.word("name"))
    known = built_in().tables.get(root)
    entry = known.entry if known is not None else root
    session = await _open(work.ctx)
    one = Walk(entry, bulk=session.has_bulk)
    cells: dict[Oid, dict[int, Row]] = {}
    columns: dict[int, None] = {}
    count = 0
    with work.ctx.watch.phase("snmp.poll"):
        async for found in session.walk(one):
            count += len(found)
            work.progress(count)
            for binding in found:
                column, *index = binding.oid[len(entry) :]
                columns[column] = None
                cells.setdefault(tuple(index), {})[column] = row_of(binding)
    names = known.columns if known is not None else {}
    work.show(
        Grid(
            columns=("index", *(names.get(each, str(each)) for each in columns)),
            rows=tuple(
                (dotted(index), *(row[each].text if each in row else "" for each in columns))
                for index, row in cells.items()
            ),
        )
    )


async def set(work: Work) -> None:  # noqa: A001 - the verb's name
    """Write objects, all of them or none (RFC 3416 §4.2.5). Raises Failed."""
    bindings = [assignment(text) for text in work.arguments["assignment"]]
    if not bindings:
        raise UsageError(
            "seventh snmp set: an assignment is required, such as sysLocation.0=s:Rack"
        )
    session = await _open(work.ctx)
    with work.ctx.watch.phase("snmp.poll"):
        answer = await session.ask(Pdu(type=PduType.SET, bindings=tuple(bindings)))
        _check(answer, session)
    for binding in answer.bindings:
        work.show(row_of(binding))


def as_csv(result: Row | Grid | Book) -> str:
    """Return a result as comma-separated values (RFC 4180)."""
    if isinstance(result, Row):
        lines = [result.cells]
    elif isinstance(result, Grid):
        lines = [result.columns, *result.rows]
    else:
        lines = [row.cells for row in result.rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue().removesuffix("\n")


async def _open(ctx: ProbeContext) -> Session:
    """Return a session whose credential the agent accepts. Raises Failed, UsageError."""
    identity = identity_of(ctx.options)
    if identity is None:
        raise UsageError("a credential is required: --user NAME or --community-file FILE")
    session = Session(ctx, (await ctx.addresses())[0], identity)
    if isinstance(identity, User):
        with ctx.watch.phase("snmp.discovery"):
            await session.discover()
    await authenticate(session, ctx)
    return session


def _oids(work: Work) -> list[Oid]:
    """Return the objects that the target's path and the arguments name."""
    in_path = [part for part in work.ctx.target.path.strip("/").split("/") if part]
    return [parse_oid(text) for text in (*in_path, *work.arguments["oid"])]


def _check(answer: Pdu, session: Session) -> None:
    """Raise Failed for an error of the agent."""
    if answer.status is ErrorStatus.NO_ERROR:
        return
    about = answer.bindings[answer.index - 1 : answer.index] if answer.index > 0 else ()
    what = "".join(f" for {named(binding.oid)}" for binding in about)
    raise Failed(Reason.UNEXPECTED_ANSWER, f"{session.where} refuses: {_word(answer.status)}{what}")


def _word(status: ErrorStatus) -> str:
    """Return an error's name as RFC 3416 writes it."""
    first, *rest = status.name.lower().split("_")
    return first + "".join(map(str.capitalize, rest))
