"""Facts of the steps that need permission: tokens, fan-out, limits, violations and holds."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from seventh.model.drawing import Drawing, Span

_MOST_SPANS = 10_000
"""A bound for the number of sockets that another machine reports (``--from``)."""


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """A socket after its token expires."""

    SHOWN: ClassVar = ("source", "lifetime_seconds", "outcome", "after_seconds", "close_code")

    source: str = ""
    """Where the token comes from: ``--token-file``, or the name of a URL parameter."""
    lifetime_seconds: float | None = None
    """The time from the socket's opening to the token's ``exp``; negative if it had expired."""
    outcome: Literal["closed", "open", "refused", "not-reached"] | None = None
    """``open``: the server still answered pings afterwards."""
    after_seconds: float | None = None
    """The time from the expiry to the close, or to the last answer."""
    close_code: int | None = None


class Receiver(msgspec.Struct, frozen=True, kw_only=True):
    """The delivery time of the k-th receiver, the fastest being the first."""

    k: int
    least_seconds: float
    """The time in the best round."""
    median_seconds: float
    most_seconds: float
    rounds: int
    """The number of rounds that reached k receivers."""


class Fanout(msgspec.Struct, frozen=True, kw_only=True):
    """Publishing on one socket, receiving on others."""

    SHOWN: ClassVar = ("sockets", "rounds", "reached", "echoed", "p50_seconds", "p95_seconds",
                       "max_seconds")  # fmt: skip

    sockets: int
    """The number of open sockets, the publisher included."""
    rounds: int
    """The number of messages published."""
    expected: int
    """The number of deliveries to the other sockets if none is lost."""
    delivered: int
    echoed: int = 0
    """The number of messages that the publisher received itself."""
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    max_seconds: float | None = None
    wait_seconds: float = 0.0
    """The longest wait of a round."""
    receivers: tuple[Receiver, ...] = ()
    """Some of the receivers, from the first to the last."""

    @property
    def quantiles(self) -> dict[str, float]:
        """The delivery times by quantile, as a metric's label."""
        known = {"0.5": self.p50_seconds, "0.95": self.p95_seconds, "1": self.max_seconds}
        return {share: seconds for share, seconds in known.items() if seconds is not None}

    @property
    def reached(self) -> str:
        """Deliveries of those expected."""
        return f"{self.delivered}/{self.expected}"

    def drawing(self) -> Drawing | None:
        """Return the delivery times by receiver, from the best round to the worst."""
        if len(self.receivers) < 2:
            return None
        number = self.sockets - 1
        never = number - max(each.k for each in self.receivers)
        lost = f"; the other {never} never received it" if never else ""
        return Drawing(
            title=f"From publishing to the k-th of {number} receivers: median of {self.rounds} "
            f"rounds, best to worst{lost}",
            spans=tuple(
                Span(
                    label=f"k = {each.k}",
                    low=each.least_seconds,
                    high=each.most_seconds,
                    value=f"{each.median_seconds * 1e3:.3g} ms"
                    + (f", in {each.rounds} rounds" if each.rounds < self.rounds else ""),
                )
                for each in self.receivers
            ),
        )

    @property
    def ratio(self) -> float:
        """Deliveries for each that was expected."""
        return self.delivered / self.expected if self.expected else 0.0


ReplyOutcome = Literal["matched", "other", "silent", "closed"]


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The message that was expected, or what came instead."""

    SHOWN: ClassVar = ("outcome", "seconds", "unmatched")

    sent_bytes: int | None = None
    """The size of the text that was sent; None if none was."""
    expected: str = ""
    """The regular expression; empty for any message."""
    outcome: ReplyOutcome
    """``other``: messages arrived, none of which matches; ``silent``: none arrived."""
    seconds: float | None = None
    """The time from the text, or from the handshake's response, to the message that matches."""
    unmatched: int = 0
    """The number of messages that do not match."""
    got: tuple[str, ...] = ()
    """The first of them, printable."""


ViolationKind = Literal["mask", "rsv", "utf8", "frag"]


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """An invalid frame or message, and how the server reacted."""

    SHOWN: ClassVar = ("name", "outcome", "code")

    kind: ViolationKind
    name: str
    """A code, such as ``unmasked-text``."""
    outcome: Literal["refused", "accepted", "unclear"]
    """``accepted``: the server answered the ping that followed."""
    code: int | None = None
    """The code of the close frame."""
    detail: str = ""


class LongMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The limit on the length of a message."""

    SHOWN: ClassVar = ("accepted_bytes", "refused_bytes", "code", "detail")

    accepted_bytes: int = 0
    """The longest message that the server accepted."""
    refused_bytes: int | None = None
    """The shortest message that it refused; None if it accepted all."""
    code: int | None = None
    """The code of the close frame; None without one."""
    ended: bool = False
    """Whether the connection ended without a close frame."""
    detail: str = ""


class Burst(msgspec.Struct, frozen=True, kw_only=True):
    """Many small messages at once."""

    SHOWN: ClassVar = ("messages", "outcome", "seconds", "code", "hints")

    messages: int
    seconds: float
    """The time from the first message to the pong after the last one."""
    outcome: Literal["taken", "closed", "slowed", "unclear"]
    code: int | None = None
    hints: tuple[str, ...] = ()
    """Words in its responses that refer to a limit."""


class Backpressure(msgspec.Struct, frozen=True, kw_only=True):
    """How a server treats a client that requests data and does not read it."""

    SHOWN: ClassVar = ("echoes", "outcome", "sent_bytes", "code")

    echoes: bool | None = None
    """Whether the server echoes messages, without which this cannot be measured."""
    sent_bytes: int = 0
    outcome: Literal["stopped", "closed", "dropped", "unbounded", "unclear"] | None = None
    """``stopped``: it stopped reading; ``dropped``: it read everything and discarded most of its
    output; ``unbounded``: it buffered its output."""
    code: int | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """Idle sockets, on which only pings were answered."""

    SHOWN: ClassVar = ("seconds", "sockets", "pings", "ping_seconds", "cuts_seconds", "closes",
                       "messages")  # fmt: skip

    seconds: float
    """The duration of the hold."""
    wanted_seconds: float = 0.0
    pings: int = 0
    """The number of pings on the first socket."""
    ping_seconds: float | None = None
    """The median interval between pings."""
    pinged_seconds: tuple[float, ...] = ()
    """The socket's ages at the first pings."""
    carried: bool = False
    """Whether a proxy or a jump host made the connections: its timers may have cut them."""
    sockets: int = 2
    """The number of sockets held; the second opens a little later."""
    cuts_seconds: tuple[float, ...] = ()
    """The ages of the sockets that ended without a close frame."""
    closes: tuple[int | None, ...] = ()
    """The codes of the sockets that ended with a close frame."""
    messages: int = 0
    """The number of messages on the first socket."""

    def drawing(self) -> Drawing | None:
        """Return the life of each socket, and the pings."""
        spans = [
            Span(label="cut", low=0.0, high=age, value=f"without a close frame after {age:.1f} s")
            for age in self.cuts_seconds
        ]
        spans += [
            Span(label="closed", low=0.0, high=self.seconds, value=f"with code {code or 'none'}")
            for code in self.closes
        ]
        stood = Span(label="open", low=0.0, high=self.seconds, value="to the end")
        spans += [stood] * min(self.sockets - len(spans), _MOST_SPANS)
        before = 0.0
        for number, at in enumerate(self.pinged_seconds, start=1):
            gap = at - before
            spans.append(Span(label=f"ping {number}", low=before, high=at, value=f"+{gap:.2f} s"))
            before = at
        return Drawing(title=f"Sockets idle for {self.seconds:.1f} s", spans=tuple(spans))
